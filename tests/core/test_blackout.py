"""Stories of blackouts: what falls into a window starts nothing before the window is over."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core import messages as m
from dsari_like.core.blackout import Fixed, Openings, Series, Window, Windows
from dsari_like.core.choices import CatchUp
from dsari_like.core.model import Claim
from dsari_like.core.schedule import DstPolicy, bind, parse
from dsari_like.core.selection import Selection
from dsari_like.core.zones import view
from tests.core.house import NOON, House, job

HOUR = 3600.0
DAY = 86400.0
BERLIN = ZoneInfo("Europe/Berlin")
HOURLY = ("0 * * * *",)


def fixed(*spans: tuple[float, float]) -> Fixed:
    """Windows from and to so many hours after noon."""
    return Fixed([Window(NOON + start * HOUR, NOON + end * HOUR, f"w{n}") for n, (start, end) in enumerate(spans)])


def nightly(text: str, hours: float, zone: tzinfo = UTC) -> Series:
    return Series(bind(parse(text), "a", zone, DstPolicy.ONCE), hours * HOUR, text)


def windows(*openings: Openings, defer: bool = False, zone: tzinfo = UTC) -> dict[str, Windows]:
    return {"a": Windows(openings, zone, defer=defer)}


def hour(house: House, run_id: str) -> float:
    """When a run started, in hours after noon."""
    return ((house.rows[run_id].start_time or 0.0) - NOON) / HOUR


class TestSkip:
    def test_a_slot_in_a_window_is_skipped_with_the_window_and_its_end(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0.5, 2.5))))
        house.wait(3 * HOUR)
        assert house.outcomes() == [("skipped", None), ("skipped", None), ("started", "r1")]
        assert house.decisions()[0].reason == "it falls into the blackout w0, until 2026-09-13 14:30:00+00:00"

    def test_a_window_begins_with_its_start_and_is_over_at_its_end(self) -> None:
        house = House(job(schedule=HOURLY, concurrent_runs=True), windows=windows(fixed((1, 2))))
        house.wait(2 * HOUR)
        assert house.outcomes() == [("skipped", None), ("started", "r1")]
        assert hour(house, "r1") == 2

    def test_what_is_dropped_or_asked_for_by_hand_runs_in_a_blackout_too(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0, 5))))
        house.drop()
        assert house.running == ["r1"]

    def test_a_slot_in_a_window_is_skipped_and_not_missed_when_no_daemon_watched(self) -> None:
        hourly = job(schedule=HOURLY, catch_up=CatchUp.ALL, concurrent_runs=True)
        house = House(hourly, windows=windows(fixed((-4.5, -1.5))), last={"a": NOON - 5 * HOUR}, at=NOON + 600)
        house.wait(0)
        assert [one.outcome.value for one in house.decisions()] == ["skipped"] * 3 + ["started"] * 2

    def test_no_skipped_slot_stands_for_an_earlier_one(self) -> None:
        """`catch_up: last` runs the last one that may run."""
        hourly = job(schedule=HOURLY, catch_up=CatchUp.LAST)
        house = House(hourly, windows=windows(fixed((-2.5, -0.5))), last={"a": NOON - 5 * HOUR}, at=NOON - 600)
        house.wait(0)
        assert [one.outcome.value for one in house.decisions()] == ["missed", "started", "skipped", "skipped"]

    def test_nothing_is_made_up_in_a_blackout(self) -> None:
        hourly = job(schedule=HOURLY, catch_up=CatchUp.LAST)
        house = House(hourly, windows=windows(fixed((-0.5, 3))), last={"a": NOON - 2 * HOUR}, at=NOON - 600)
        house.wait(0)
        assert house.outcomes() == [("skipped", None)]
        assert "making it up now would fall into the blackout w0" in house.decisions()[0].reason

    def test_a_slot_at_the_start_of_the_daemon_is_a_slot_too(self) -> None:
        house = House(job(schedule=("@reboot",)), windows=windows(fixed((-1, 1))))
        assert house.outcomes() == [("skipped", None)]


class TestDefer:
    def test_one_run_at_the_end_stands_for_all_slots_of_the_window(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0.5, 3.5)), defer=True))
        house.wait(HOUR)
        assert house.state("r1") == "scheduled"
        house.wait(2 * HOUR)
        assert house.outcomes() == [("started", "r1"), ("folded", "r1"), ("folded", "r1")]
        assert [one.schedule_time for one in house.decisions()] == [NOON + n * HOUR for n in (1, 2, 3)]
        reason = "it falls into the blackout w0, until 2026-09-13 15:30:00+00:00, and is started then"
        assert house.decisions()[0].reason == reason
        house.wait(HOUR)
        assert hour(house, "r1") == 3.5
        assert house.rows["r1"].schedule_time == NOON + 3.5 * HOUR

    def test_a_slot_at_the_very_end_becomes_part_of_the_deferred_run(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0.5, 2)), defer=True))
        house.wait(2 * HOUR)
        assert house.outcomes() == [("started", "r1"), ("folded", "r1")]
        assert house.running == ["r1"]

    def test_windows_that_touch_or_overlap_are_one(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0.5, 2), (2, 4), (3, 4.5)), defer=True))
        house.wait(6 * HOUR)
        assert hour(house, "r1") == 4.5
        assert [run for _, run in house.outcomes()][:4] == ["r1"] * 4

    def test_a_restart_in_the_middle_changes_nothing(self) -> None:
        hourly = job(schedule=HOURLY)
        house = House(hourly, windows=windows(fixed((0.5, 3.5)), defer=True))
        house.wait(HOUR)
        house.restart(hourly, after=600)
        house.wait(3 * HOUR)
        assert house.outcomes()[:3] == [("started", "r1"), ("folded", "r1"), ("folded", "r1")]
        assert hour(house, "r1") == 3.5

    def test_a_daemon_that_comes_back_after_the_end_starts_the_run_at_once(self) -> None:
        """Two more slots of the window had come meanwhile: the run stands for them, whatever `catch_up` says."""
        hourly = job(schedule=HOURLY)
        house = House(hourly, windows=windows(fixed((0.5, 3.5)), defer=True))
        house.wait(HOUR)
        house.restart(hourly, after=2.75 * HOUR)
        assert house.outcomes() == [("started", "r1"), ("folded", "r1"), ("folded", "r1")]
        assert house.running == ["r1"]

    def test_a_window_that_passed_unwatched_is_one_run_for_catch_up(self) -> None:
        for catch_up, expected in (
            (CatchUp.SKIP, ["missed", "missed"]),
            (CatchUp.LAST, ["missed", "started"]),
            (CatchUp.ALL, ["started", "folded"]),
        ):
            house = House(
                job(schedule=HOURLY, catch_up=catch_up),
                windows=windows(fixed((-2.5, -0.5)), defer=True),
                last={"a": NOON - 3 * HOUR},
                at=NOON - 600,
            )
            house.wait(0)
            assert [one.outcome.value for one in house.decisions()] == expected
            assert len(house.running) == (catch_up is not CatchUp.SKIP)

    def test_what_is_made_up_waits_for_the_end_of_the_window_that_is_open_now(self) -> None:
        hourly = job(schedule=HOURLY, catch_up=CatchUp.LAST)
        house = House(
            hourly, windows=windows(fixed((-0.5, 0.5)), defer=True), last={"a": NOON - 2 * HOUR}, at=NOON - 600
        )
        house.wait(2 * HOUR)
        assert house.outcomes()[:2] == [("started", "r1"), ("folded", "r1")]
        assert hour(house, "r1") == 0.5

    def test_a_reload_that_moves_the_end_moves_the_run(self) -> None:
        hourly = job(schedule=HOURLY)
        house = House(hourly, windows=windows(fixed((0.5, 3.5)), defer=True))
        house.wait(HOUR)
        house.windows = windows(fixed((0.5, 2.5)), defer=True)
        house.configure(hourly, reload=True)
        house.wait(2 * HOUR)
        assert hour(house, "r1") == 2.5

    def test_a_reload_without_the_blackout_starts_the_run(self) -> None:
        hourly = job(schedule=HOURLY)
        house = House(hourly, windows=windows(fixed((0.5, 3.5)), defer=True))
        house.wait(HOUR + 60)
        house.windows = None
        house.configure(hourly, reload=True)
        house.wait(0)
        assert house.running == ["r1"]

    def test_a_cancelled_run_takes_its_slots_with_it_and_the_next_slot_makes_another(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0.5, 3.5)), defer=True))
        house.wait(HOUR)
        house.tell(m.CancelAsked(Claim("", "", "", "", 1, 0.0), Selection("r1"), ""))
        house.wait(HOUR)
        assert house.outcomes() == [("started", "r1"), ("started", "r2")]
        assert (house.state("r1"), house.state("r2")) == ("cancelled", "scheduled")

    def test_a_run_that_is_pending_anyway_when_the_window_ends_stands_for_the_deferred_one(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((2.5, 4.5)), defer=True))
        house.wait(2 * HOUR)  # r1 runs on and on, r2 waits behind it
        house.wait(3 * HOUR)
        assert house.state("r3") == "cancelled"
        assert house.rows["r3"].message == "run r2 of this job was pending already when the blackout was over"

    def test_a_trigger_takes_no_deferred_run_away(self) -> None:
        house = House(job(schedule=HOURLY), windows=windows(fixed((0.5, 1.5)), defer=True))
        house.wait(HOUR)
        house.drop()
        assert (house.running, house.state("r1")) == (["r2"], "scheduled")


class TestWindows:
    def test_a_schedule_opens_a_window_at_each_of_its_slots(self) -> None:
        night = windows(nightly("0 22 * * *", 8))["a"]
        assert night.end_of_window(NOON) is None
        assert night.end_of_window(NOON + 10 * HOUR) == NOON + 18 * HOUR
        assert night.end_of_window(NOON + 18 * HOUR - 1) == NOON + 18 * HOUR
        assert night.end_of_window(NOON + 18 * HOUR) is None
        assert night.next_window(NOON) == Window(NOON + 10 * HOUR, NOON + 18 * HOUR, "0 22 * * *")
        assert night.tell(NOON + 12 * HOUR) == "the blackout 0 22 * * *, until 2026-09-14 06:00:00+00:00"

    def test_many_short_windows_in_a_row_are_one(self) -> None:
        office = windows(nightly("* 8-17 * * *", 1 / 60))["a"]
        assert office.next_window(NOON + 8 * HOUR) == Window(NOON + 20 * HOUR, NOON + 30 * HOUR, "* 8-17 * * *")

    def test_a_window_lasts_as_long_when_the_clocks_change(self) -> None:
        """In the night to 25 October 2026 eight hours from 22:00 on end at 05:00."""
        night = windows(nightly("0 22 * * *", 8, BERLIN), zone=BERLIN)["a"]
        evening = 1792785600.0 + 18 * HOUR  # 24 October, 20:00 UTC
        found = night.next_window(evening - HOUR)
        assert found is not None and night.clock(found.end) == "2026-10-25 05:00:00+01:00"

    def test_a_day_of_the_calendar_ends_at_midnight_whatever_the_clocks_do(self) -> None:
        midnights = bind(parse("0 0 * * 0"), "a", BERLIN, DstPolicy.ONCE)
        sundays = Windows([Series(midnights, DAY, "Sundays", calendar=view(BERLIN))], BERLIN)
        for day in ("2026-03-29", "2026-10-25"):
            noon = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=BERLIN).timestamp()
            end = sundays.end_of_window(noon)
            assert end is not None and sundays.clock(end).startswith(f"{day[:-2]}{int(day[-2:]) + 1} 00:00:00")

    def test_instants_are_taken_out_of_a_series(self) -> None:
        rule = bind(parse("0 22 * * *"), "a", UTC, DstPolicy.ONCE)
        night = Windows([Series(rule, 8 * HOUR, "", excluded=[NOON + 10 * HOUR])], UTC)
        assert night.end_of_window(NOON + 12 * HOUR) is None
        assert night.end_of_window(NOON + DAY + 12 * HOUR) == NOON + DAY + 18 * HOUR

    @pytest.mark.parametrize(
        ("openings", "endless"),
        [
            ([nightly("0 22 * * *", 8)], False),
            ([nightly("* * * * *", 1 / 60)], True),
            ([nightly("0 0 * * *", 12), nightly("0 12 * * *", 12)], True),
            ([nightly("0 0 * * *", 12), nightly("0 12 * * *", 11.5)], False),
            ([fixed((0, 100_000))], False),
            ([], False),
        ],
    )
    def test_a_blackout_without_an_end_is_known(self, openings: list[Openings], endless: bool) -> None:
        assert Windows(openings, UTC).is_endless is endless

    @given(
        st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=8),
        st.integers(-5, 70),
    )
    def test_the_end_is_the_first_instant_outside_of_all(self, spans: list[tuple[int, int]], at: int) -> None:
        made = windows(fixed(*((start, start + length) for start, length in spans)))["a"]
        taken = {hour for start, length in spans for hour in range(start, start + length)}
        end = at
        while end in taken:
            end += 1
        assert made.end_of_window(NOON + at * HOUR) == (NOON + end * HOUR if end > at else None)


TEXTS = st.sampled_from(("0 * * * *", "*/20 * * * *", "30 3,4,5 * * *", "@every 17m", "7 */2 * * *"))
SPANS = st.lists(st.tuples(st.integers(-20, 60), st.integers(1, 20)), min_size=1, max_size=4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 9000)),
        st.tuples(st.just("restart"), st.integers(0, 9000)),
        st.tuples(st.just("reload"), st.just(0)),
        st.tuples(st.just("end"), st.just(0)),
        st.tuples(st.just("drop"), st.just(0)),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(TEXTS, SPANS, STEPS, st.booleans(), st.booleans(), st.sampled_from(CatchUp))
def test_no_slot_of_a_window_starts_before_its_end_and_each_has_one_decision(
    text: str,
    spans: list[tuple[int, int]],
    steps: list[tuple[str, int]],
    defer: bool,
    concurrent: bool,
    catch_up: CatchUp,
) -> None:
    """Whatever is dropped, waited for, restarted and reloaded meanwhile."""
    made = windows(fixed(*((start / 4, (start + length) / 4) for start, length in spans)), defer=defer)
    one = job(schedule=(text,), concurrent_runs=concurrent, catch_up=catch_up)
    house = House(one, windows=made)
    for word, seconds in steps:
        if word == "wait":
            house.wait(seconds)
        elif word == "restart":
            house.restart(one, after=seconds)
        elif word == "reload":
            house.configure(one, reload=True)
        elif word == "drop":
            house.drop()
        elif house.running:
            house.end(house.running[0])
    house.wait(0)
    slots = [decision for decision in house.decisions() if decision.token is None]
    assert set(Counter(decision.schedule_time for decision in slots).values()) <= {1}
    rule, due, time = bind(parse(text), "a", UTC, DstPolicy.ONCE), set(), NOON
    while (slot := rule.next_after(time)) is not None and slot.time <= house.now.wall:
        due.add(slot.time)
        time = slot.time
    assert {decision.schedule_time for decision in slots} == due
    for decision in slots:
        assert decision.schedule_time is not None
        end = made["a"].end_of_window(decision.schedule_time)
        if end is not None and not defer:
            assert decision.outcome.value == "skipped"
        elif end is not None and decision.run_id is not None:
            run = house.rows[decision.run_id]
            assert run.start_time is None or run.start_time >= end
