"""Stories of local times that the clock leaves out for good: each is a decision, made when the clock passes it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.choices import CatchUp
from dsari_like.core.model import Decision
from dsari_like.core.schedule import DstPolicy, bind, parse
from tests.core.house import House, job

BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
HOUR, DAY = 3600.0, 86400.0


def at(text: str, zone: tzinfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def told(decision: Decision, zone: tzinfo = BERLIN) -> str:
    assert decision.schedule_time is not None
    return f"{datetime.fromtimestamp(decision.schedule_time, zone):%m-%d %H:%M} {decision.outcome.value}"


def test_a_time_that_the_clock_jumps_over_is_a_decision_under_dst_skip() -> None:
    house = House(
        job(schedule=("30 2 * * *",), dst="skip", concurrent_runs=True), zone=BERLIN, at=at("2026-03-27 12:00")
    )
    house.wait(3 * DAY)
    assert [told(one) for one in house.decisions()] == [
        "03-28 02:30 started",
        "03-29 03:00 skipped",
        "03-30 02:30 started",
    ]
    skipped = house.decisions()[1]
    assert skipped.reason == "skipped local time 02:30 not made up: the job says dst: skip"
    assert (skipped.time, skipped.run_id, skipped.count) == (skipped.schedule_time, None, 1)


def test_it_is_told_when_the_clock_passes_it_and_not_with_the_next_slot() -> None:
    """The next slot of this one is a year away."""
    house = House(job(schedule=("30 2 29 3 *",), dst="skip"), zone=BERLIN, at=at("2026-03-01 12:00"))
    house.wait(30 * DAY)
    assert [told(one) for one in house.decisions()] == ["03-29 03:00 skipped"]


def test_several_times_of_one_jump_are_one_decision_with_their_number() -> None:
    two = job(schedule=("15,30 2 * * *", "45 2 * * *", "30 2 * * 0"), dst="skip")
    house = House(two, zone=BERLIN, at=at("2026-03-29 01:50"))
    house.wait(HOUR)
    (decision,) = house.decisions()
    assert decision.count == 3
    assert decision.reason.startswith("2 skipped local times (02:15, 02:30) not made up")


def test_a_slot_at_the_very_instant_of_the_jump_tells_what_was_left_out_before_it() -> None:
    """One instant of one job is one decision."""
    house = House(job(schedule=("0,30 2,3 * * *",), dst="skip"), zone=BERLIN, at=at("2026-03-29 01:50"))
    house.wait(0.4 * HOUR)
    (decision,) = house.decisions()
    assert told(decision) == "03-29 03:00 started"
    assert decision.reason == "2 skipped local times (02:00, 02:30) not made up"


def test_a_day_that_a_zone_leaves_out_is_told_whatever_the_policy() -> None:
    """D6: a jump of more than three hours is a new clock, and nothing is made up."""
    house = House(job(schedule=("0 9 * * *",), concurrent_runs=True), zone=APIA, at=at("2011-12-29 00:00", APIA))
    house.wait(1.5 * DAY)
    assert [told(one, APIA) for one in house.decisions()] == [
        "12-29 09:00 started",
        "12-31 00:00 skipped",
        "12-31 09:00 started",
    ]
    reason = "skipped local time 09:00 not made up: the clock jumped by more than three hours"
    assert house.decisions()[1].reason == reason


def test_a_daemon_that_was_down_tells_it_when_it_is_back_and_once() -> None:
    nightly = job(schedule=("30 2 * * *",), dst="skip")
    house = House(nightly, zone=BERLIN, at=at("2026-03-28 12:00"))
    house.restart(nightly, after=2 * DAY)
    house.restart(nightly)
    house.wait(0)
    assert [told(one) for one in house.decisions()] == ["03-29 03:00 skipped", "03-30 02:30 missed"]


def test_a_time_that_never_was_stands_for_none_that_was_missed() -> None:
    nightly = job(schedule=("30 2 * * *",), dst="skip", catch_up=CatchUp.LAST)
    house = House(nightly, zone=BERLIN, at=at("2026-03-27 12:00"))
    house.restart(nightly, after=1.75 * DAY)
    assert [told(one) for one in house.decisions()] == ["03-28 02:30 started", "03-29 03:00 skipped"]


TEXTS = ("30 2 * * *", "0,30 1-3 * * *", "45 1,2 * * 0", "0 3 * * *", "R R(1-3) * * *", "*/20 * * * *", "5 2 30 * *")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
STARTS = st.sampled_from(
    [
        (BERLIN, "2026-03-27 20:00"),
        (BERLIN, "2026-10-23 20:00"),
        (APIA, "2011-12-28 20:00"),
        (LORD_HOWE, "2026-10-02 20:00"),
    ]
)
STEPS = st.lists(st.tuples(st.sampled_from(("wait", "restart")), st.integers(0, 40_000)), max_size=12)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2), STARTS, st.sampled_from(DstPolicy), STEPS)
def test_each_slot_and_each_loss_is_one_decision(
    texts: list[str], start: tuple[tzinfo, str], dst: DstPolicy, steps: list[tuple[str, int]]
) -> None:
    zone, after = start[0], at(start[1], start[0])
    one = job(schedule=tuple(texts), dst=dst.value, catch_up=CatchUp.ALL, concurrent_runs=True)
    house = House(one, zone=zone, at=after)
    for word, seconds in steps:
        house.wait(seconds) if word == "wait" else house.restart(one, after=seconds)
    now = house.now.wall
    expected: set[float] = set()
    for text in texts:
        rule, time = bind(parse(text), "a", zone, dst), after
        expected |= {lost.time for lost in rule.lost_between(after, now)}
        while (slot := rule.next_after(time)) is not None and slot.time <= now:
            expected.add(slot.time)
            time = slot.time
    decided = Counter(decision.schedule_time for decision in house.decisions())
    assert set(decided) == expected and set(decided.values()) <= {1}
