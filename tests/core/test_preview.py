"""Coming starts under two sets of times, and what becomes of each."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.blackout import Series, Windows
from dsari_like.core.messages import Planned
from dsari_like.core.preview import MOST, Shift, shifts, starts
from dsari_like.core.schedule import DstPolicy, Rule, bind, parse
from tests.core.house import NOON, House, job

HOUR, DAY = 3600.0, 86_400.0


def rule(text: str, zone: str = "UTC") -> Rule:
    return bind(parse(text), "a", ZoneInfo(zone), DstPolicy.ONCE)


def planned(*texts: str, blackout: str = "", length: float = HOUR, defer: bool = False) -> Planned:
    windows = Windows([Series(rule(blackout), length, "x")], UTC, defer=defer) if blackout else None
    return Planned(tuple(map(rule, texts)), None, windows)


# --- when -----------------------------------------------------------------------------------------------------------


def hours(one: Planned, span: float = DAY) -> list[float]:
    return [(time - NOON) / HOUR for time in starts(one, NOON, NOON + span)]


def test_the_end_of_the_span_belongs_to_it_and_its_beginning_does_not() -> None:
    assert hours(planned("0 */6 * * *")) == [6, 12, 18, 24]


def test_a_blackout_leaves_out_what_falls_into_it() -> None:
    assert hours(planned("0 * * * *", blackout="30 13 * * *", length=2 * HOUR), 6 * HOUR) == [1, 4, 5, 6]


def test_a_blackout_that_defers_brings_its_slots_together_at_its_end() -> None:
    deferred = planned("0 * * * *", blackout="30 13 * * *", length=2 * HOUR, defer=True)
    assert hours(deferred, 6 * HOUR) == [1, 3.5, 4, 5, 6]
    touching = planned("0 * * * *", blackout="0 13 * * *", length=2 * HOUR, defer=True)
    assert hours(touching, 6 * HOUR) == [3, 4, 5, 6]


def test_a_blackout_that_leaves_out_everything_is_no_endless_search() -> None:
    assert hours(planned("0 2 * * *", blackout="0 2 * * *")) == []


def test_what_had_its_run_is_no_start() -> None:
    one = Planned((rule("0 18 * * *"),), made=frozenset({"2026-09-13 18:00"}))
    assert hours(one, 2 * DAY) == [30]


def test_no_times_no_starts() -> None:
    assert starts(None, NOON, NOON + DAY) == [] and hours(planned()) == [] and hours(planned("@reboot")) == []


def test_a_job_that_never_rests_is_looked_at_so_far() -> None:
    assert len(starts(planned("@every 1s"), NOON, NOON + DAY)) == MOST


@pytest.mark.parametrize("defer", [False, True])
def test_the_engine_does_what_is_foretold(defer: bool) -> None:
    one = planned("*/20 * * * *", "7 14 * * *", blackout="10,50 13-18 * * *", length=25 * 60.0, defer=defer)
    assert one.windows is not None
    house = House(job(schedule=("*/20 * * * *", "7 14 * * *")), windows={"a": one.windows})
    begun: list[float] = []
    while house.now.wall < NOON + DAY:
        house.wait(60)
        begun += [house.now.wall for _ in house.running]
        for run_id in list(house.running):
            house.end(run_id)
    assert begun == starts(one, NOON, NOON + DAY)


# --- what becomes of them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([1, 2], [1, 2], []),
        ([2.5], [3], [(3, 2.5)]),
        ([1, 2, 3, 4], [2, 4], [(None, 1), (None, 3)]),
        ([2], [1, 2, 3], [(1, None), (3, None)]),
        ([10], [1, 9, 20], [(1, None), (9, 10), (20, None)]),
        ([1, 9, 20], [10], [(None, 1), (10, 9), (None, 20)]),
        ([1, 2], [11, 12], [(11, 1), (12, 2)]),
        ([5, 6], [1, 2, 3], [(1, None), (2, 5), (3, 6)]),
        ([], [1], [(1, None)]),
        ([1], [], [(None, 1)]),
    ],
)
def test_a_start_moves_to_the_nearest_that_is_new(
    before: list[float], after: list[float], found: list[tuple[float | None, float | None]]
) -> None:
    assert [tuple(one) for one in shifts(before, after)] == found


TIMES = st.sets(st.integers(0, 60), max_size=12).map(sorted)


@given(TIMES, TIMES)
def test_nothing_is_told_twice_or_left_out(before: list[int], after: list[int]) -> None:
    found = shifts(before, after)
    assert sorted(one.was for one in found if one.was is not None) == sorted(set(before) - set(after))
    assert sorted(one.time for one in found if one.time is not None) == sorted(set(after) - set(before))
    moved = [one for one in found if None not in one]
    assert len(moved) == min(len(set(before) - set(after)), len(set(after) - set(before)))
    assert moved == sorted(moved) and [one.was for one in moved] == sorted(one.was or 0 for one in moved)
    assert all(isinstance(one, Shift) and one != (None, None) for one in found)
