"""`R`: another time for each run, and the same one whoever asks for it, and when."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.schedule import DstPolicy, Rule, bind, parse
from tests.core.house import NOON, House, job

DAY = 86_400.0
YEAR = 366 * DAY
ZONES = {
    name: ZoneInfo(name) for name in ("Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago")
}


def rule(text: str, name: str = "a", zone: tzinfo = UTC) -> Rule:
    return bind(parse(text), name, zone, DstPolicy.ONCE)


def times(of: Rule, after: float, until: float) -> list[datetime]:
    found, time = [], after
    while (slot := of.next_after(time)) is not None and slot.time <= until:
        found.append(datetime.fromtimestamp(slot.time, UTC))
        time = slot.time
    return found


def test_the_minute_is_another_one_each_hour() -> None:
    found = times(rule("R * * * *"), NOON, NOON + 10 * DAY)
    assert [(b.replace(minute=0) - a.replace(minute=0)).seconds for a, b in pairwise(found)] == [3600] * 239
    minutes = Counter(time.minute for time in found)
    assert len(minutes) > 50 and max(minutes.values()) < 20


def test_the_hour_is_another_one_each_day_within_its_range() -> None:
    found = times(rule("R R(8-17) * * *"), NOON - 0.5 * DAY, NOON + 199.5 * DAY)
    assert len({time.date() for time in found}) == len(found) == 200
    assert {time.hour for time in found} == set(range(8, 18))
    assert len({(time.hour, time.minute) for time in found}) > 130


def test_the_second_is_another_one_each_minute() -> None:
    found = times(rule("* * * * * R"), NOON - 1, NOON + 3599)
    assert [time.minute for time in found] == list(range(60))
    assert len({time.second for time in found}) > 25


def test_the_day_is_another_one_each_month_and_no_month_is_left_out() -> None:
    found = times(rule("0 0 R * *"), NOON, NOON + 5 * YEAR)
    months = [(time.year, time.month) for time in found]
    assert len(set(months)) == len(months) == 60
    assert max(time.day for time in found) <= 28 and len({time.day for time in found}) > 15


def test_the_month_is_another_one_each_year() -> None:
    found = times(rule("0 0 1 R *"), 0, 40 * 365.25 * DAY)
    assert sorted({time.year for time in found}) == list(range(1970, 2010)) and len(found) in (39, 40)
    assert len({time.month for time in found}) > 8


def test_the_weekday_is_another_one_each_week_from_monday_on() -> None:
    found = times(rule("0 0 * * R"), NOON, NOON + 2 * YEAR)
    weeks = [time.isocalendar()[:2] for time in found]
    assert len(set(weeks)) == len(weeks)
    assert len(weeks) in (104, 105)
    assert {time.isoweekday() for time in found} == set(range(1, 8))


def test_a_step_is_drawn_by_its_beginning() -> None:
    found = times(rule("R/15 * * * *"), NOON, NOON + DAY)
    assert len(found) == 96
    starts = {time.replace(minute=0): time.minute for time in reversed(found)}
    assert len(set(starts.values())) > 8 and all(minute < 15 for minute in starts.values())


def test_a_drawn_time_stands_beside_fixed_and_hashed_ones() -> None:
    found = times(rule("0 R(0-5),12,R(18-23) * * *"), NOON, NOON + 100 * DAY)
    by_day = Counter(time.date() for time in found)
    assert set(by_day.values()) <= {1, 2, 3} and sum(time.hour == 12 for time in found) == 100
    hashed = times(rule("H R * * *"), NOON, NOON + 50 * DAY)
    assert len({time.minute for time in hashed}) == 1 and len({time.hour for time in hashed}) > 15


def test_names_and_texts_draw_for_themselves() -> None:
    first = times(rule("R R * * *"), NOON, NOON + 50 * DAY)
    assert times(rule("R R * * *"), NOON, NOON + 50 * DAY) == first
    for other in (rule("R R * * *", "b"), rule("R R(0-23) * * *")):
        assert len(set(times(other, NOON, NOON + 50 * DAY)) & set(first)) < 3


def test_either_day_field_may_match_as_in_every_expression() -> None:
    found = times(rule("0 0 R * 1"), NOON, NOON + YEAR)
    others = [time for time in found if time.isoweekday() != 1]
    assert len(found) - len(others) in (52, 53) and 6 <= len(others) <= 12


def test_a_date_that_never_is_never_fires() -> None:
    never = rule("0 0 R(30-31) 2 *")
    assert never.next_after(0) is None and "never fires" in never.warnings()[0]
    assert times(rule("0 0 R(29-31) 2 *"), 0, 60 * YEAR)


def test_it_is_described_by_what_is_drawn_how_often() -> None:
    assert rule("R R(8-17) * * *").describe() == (
        "'R R(8-17) * * *', where the minute for each hour and the hour for each day is drawn anew"
    )


def test_a_reload_and_a_restart_keep_the_time() -> None:
    """B-30: dsari drew again at each reload, which shifted or repeated the run."""
    hourly = job(schedule=("R * * * *",), concurrent_runs=True)
    undisturbed = House(hourly)
    undisturbed.wait(DAY)
    house = House(hourly)
    for number in range(144):
        house.wait(600)
        house.configure(hourly, reload=True) if number % 2 else house.restart(hourly)
    assert [one.schedule_time for one in house.decisions()] == [one.schedule_time for one in undisturbed.decisions()]
    assert {one.outcome.value for one in house.decisions()} == {"started"}


FIELDS = st.tuples(
    st.sampled_from(("R", "0", "*", "R(10-20)", "R/20", "*/30", "5,R(30-40)")),
    st.sampled_from(("R", "*", "R(1-4)", "2", "R/8", "1-3")),
    st.sampled_from(("*", "R", "1", "R(5-9)", "L")),
    st.sampled_from(("*", "R", "3,10")),
    st.sampled_from(("*", "R", "1-5", "R(0-3)")),
    st.sampled_from(("", "0", "R")),
)


@settings(deadline=None, max_examples=150)
@given(FIELDS, st.sampled_from(sorted(ZONES)), st.integers(0, 6 * 365), st.lists(st.floats(0, 1), max_size=4))
def test_the_answer_is_later_and_the_same_from_any_reference_before_it(
    fields: tuple[str, ...], zone: str, day: int, shares: list[float]
) -> None:
    """SCH-187."""
    drawn = rule(" ".join(fields).strip(), zone=ZONES[zone])
    after = 1_577_836_800.0 + day * DAY
    for _ in range(4):
        slot = drawn.next_after(after)
        assert slot is not None and slot.time > after
        for share in shares:
            again = drawn.next_after(after + share * (slot.time - after) * 0.999)
            assert again is not None and again.time == slot.time
        after = slot.time


@pytest.mark.parametrize("text", ["R * * * *", "R R * * *", "*/10 R(2-3) * * *", "* * * * * R(0-20)/7"])
def test_the_walk_leaves_nothing_out(text: str) -> None:
    """Asked from each single second of two days, there is no other answer than those of the chain."""
    drawn = rule(text)
    chain = [time.timestamp() for time in times(drawn, NOON, NOON + 2 * DAY)]
    asked = sorted({slot.time for second in range(0, 7200, 7) if (slot := drawn.next_after(NOON + second))})
    assert asked == chain[: len(asked)]
    assert chain == sorted(set(chain))
