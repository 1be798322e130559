"""SCH-199: a schedule that is moved to another zone owes no calendar time twice."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core import messages as m
from dsari_like.core.choices import CatchUp
from dsari_like.core.model import Configuration
from dsari_like.core.rezone import repeated, times_of
from dsari_like.core.schedule import DstPolicy, Rule, bind, default_anchor, next_of, parse
from tests.core.house import House, job


def rules(zone: str, *texts: str, dst: DstPolicy = DstPolicy.ONCE) -> tuple[Rule, ...]:
    anchor = default_anchor("a", at("2026-01-01T00:00"))
    return tuple(bind(parse(text), "a", ZoneInfo(zone), dst, anchor=anchor) for text in texts)


def at(text: str) -> float:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


BERLIN, NEW_YORK, HONOLULU = "Europe/Berlin", "America/New_York", "Pacific/Honolulu"


def test_a_time_that_was_run_in_berlin_is_not_run_again_in_new_york() -> None:
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-10T01:30")])
    assert made == {"2026-03-10 02:30"}
    new = rules(NEW_YORK, "30 2 * * *")
    assert repeated(new, at("2026-03-10T06:30"), made) == ("2026-03-10 02:30",)
    assert repeated(new, at("2026-03-11T06:30"), made) == ()


def test_another_time_of_the_same_date_was_not_run_yet() -> None:
    made = times_of(rules(BERLIN, "30 2,14 * * *"), [at("2026-03-10T01:30")])
    new = rules(NEW_YORK, "30 2,14 * * *")
    assert repeated(new, at("2026-03-10T06:30"), made) and not repeated(new, at("2026-03-10T18:30"), made)


def test_who_writes_another_time_of_day_wants_it_today() -> None:
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-10T01:30")])
    assert repeated(rules(BERLIN, "30 14 * * *"), at("2026-03-10T13:30"), made) == ()


def test_an_expression_that_means_the_same_time_is_no_other_time() -> None:
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-10T01:30")])
    assert repeated(rules(NEW_YORK, "RRULE:FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0"), at("2026-03-10T06:30"), made)


@pytest.mark.parametrize("text", ["*/30 * * * *", "30 * * * *", "@every 30m", "RRULE:FREQ=HOURLY", "@reboot"])
def test_elapsed_time_owes_nothing_to_a_date(text: str) -> None:
    old, new = rules(BERLIN, text), rules(NEW_YORK, text)
    slot = next_of(old, at("2026-03-10T01:00"))
    made = times_of(old, [slot.time] if slot else [])
    assert made == frozenset()
    later = next_of(new, at("2026-03-10T06:00"))
    assert later is None or repeated(new, later.time, made) == ()


def test_what_else_is_due_at_that_instant_is_due() -> None:
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-10T01:30")])
    for other in ("*/30 * * * *", "@every 1s"):
        assert repeated(rules(NEW_YORK, "30 2 * * *", other), at("2026-03-10T06:30"), made) == ()


def test_a_time_that_was_made_up_has_had_its_run() -> None:
    """Berlin skips 02:30 on 29 March, and makes it up at 03:00; New York has it."""
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-29T01:00")])
    assert made == {"2026-03-29 02:30"}
    assert repeated(rules(NEW_YORK, "30 2 * * *"), at("2026-03-29T06:30"), made)


def test_a_slot_that_makes_up_for_more_than_was_run_is_due() -> None:
    """New York makes up 02:30 and 02:45 in one slot on 8 March; only the first had its run in Berlin."""
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-08T01:30")])
    assert repeated(rules(NEW_YORK, "30 2 * * *"), at("2026-03-08T07:00"), made)
    assert not repeated(rules(NEW_YORK, "30,45 2 * * *"), at("2026-03-08T07:00"), made)


def test_both_passes_of_a_repeated_hour_are_one_calendar_time() -> None:
    """02:30 was run at its first pass; to say dst: both within the hour brings no second run."""
    made = times_of(rules(BERLIN, "30 2 * * *"), [at("2026-10-25T00:30")])
    assert repeated(rules(BERLIN, "30 2 * * *", dst=DstPolicy.BOTH), at("2026-10-25T01:30"), made)


def test_a_recurrence_that_names_its_own_zone_is_not_moved() -> None:
    text = "DTSTART:20260101T013000Z\nRRULE:FREQ=DAILY;BYHOUR=1,7"
    made = times_of(rules(BERLIN, text), [at("2026-03-10T01:30")])  # 02:30 in Berlin, 01:30 by the rule
    assert repeated(rules(NEW_YORK, text), at("2026-03-10T07:30"), made) == ()


def test_an_instant_that_was_no_slot_made_nothing() -> None:
    assert times_of(rules(BERLIN, "30 2 * * *"), [at("2026-03-10T01:31"), 0.0]) == frozenset()


ZONES = st.sampled_from((BERLIN, NEW_YORK, HONOLULU, "Pacific/Auckland", "Asia/Kathmandu", "Pacific/Apia", "UTC"))


@given(ZONES, ZONES, st.integers(0, 23), st.integers(0, 59), st.integers(0, 700 * 86_400))
def test_whatever_the_zones_no_calendar_time_is_run_twice_and_none_is_left_out_unrun(
    before: str, after: str, hour: int, minute: int, offset: int
) -> None:
    changed = at("2025-01-01T00:00") + offset
    old, new = (rules(zone, f"{minute} {hour} * * *") for zone in (before, after))
    ran, slot = [], next_of(old, changed - 3 * 86_400)
    while slot is not None and slot.time <= changed:
        ran.append(slot.time)
        slot = next_of(old, slot.time)
    made, time, fresh = times_of(old, ran), changed, []
    for _ in range(4):
        coming = next_of(new, time)
        assert coming is not None
        time = coming.time
        again = repeated(new, time, made)
        own = times_of(new, [time])
        assert bool(again) == (own <= made)
        fresh += [] if again else sorted(own)
    assert len(set(fresh)) == len(fresh) and not made & set(fresh)


# --- the engine, told what had its run ----------------------------------------------------------------------------


def moved_to(house: House, zone: str, text: str, made: frozenset[str]) -> None:
    """A reload with a schedule in another zone."""
    planned = m.Planned(rules(zone, text), house.last.get("a"), None, made)
    configuration = Configuration(jobs={"a": job("a", schedule=(text,))})
    house.tell(m.Configured(configuration, {"a": planned}, reload=True))


def test_a_zone_that_is_changed_at_four_brings_no_second_run_of_the_date() -> None:
    house = House(job(schedule=("30 2 * * *",)), at=at("2026-03-10T00:00"), zone=ZoneInfo(BERLIN))
    house.wait(4 * 3600)
    house.end("r1")
    moved_to(house, NEW_YORK, "30 2 * * *", frozenset({"2026-03-10 02:30"}))
    house.wait(30 * 3600)
    told = [(one.outcome.value, one.schedule_time, one.reason) for one in house.decisions()]
    assert [one[:2] for one in told] == [
        ("started", at("2026-03-10T01:30")),
        ("skipped", at("2026-03-10T06:30")),
        ("started", at("2026-03-11T06:30")),
    ]
    assert told[1][2] == "the schedule was changed, and 2026-03-10 02:30 of its calendar had its run before that"


def test_a_slot_that_is_left_out_so_stands_for_no_missed_one() -> None:
    """catch_up: last makes up 01:30, which was not run, though 02:30, which was, came after it."""
    one = job(schedule=("30 1,2 * * *",), catch_up=CatchUp.LAST)
    house = House(at=at("2026-03-10T04:00"))
    planned = m.Planned(rules(NEW_YORK, *one.schedule), at("2026-03-10T04:00"), None, frozenset({"2026-03-10 02:30"}))
    house.tell(m.Configured(Configuration(jobs={"a": one}), {"a": planned}))
    house.jump(4 * 3600)
    assert [one.outcome.value for one in house.decisions()] == ["started", "skipped"]
