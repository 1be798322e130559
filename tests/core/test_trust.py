"""A clock is believed as long as it does not leap, and again when it has stood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.trust import LEAP, STANDS, Trust, at_first, observed

NOW = 1_795_176_000.0
HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0


def watched(trust: Trust, hours: int) -> Trust:
    """A daemon looks once an hour at a clock that goes as clocks do."""
    wall = trust.claimed
    for _ in range(hours):
        wall += HOUR
        trust = observed(trust, wall, HOUR)
    return trust


def test_a_clock_that_goes_on_is_believed() -> None:
    assert watched(at_first(NOW, None), 1000).is_whole


def test_what_was_recorded_last_tells_whether_the_first_look_can_be_believed() -> None:
    assert at_first(NOW, NOW - HOUR).is_whole
    assert not at_first(NOW, NOW - YEAR).is_whole
    assert not at_first(NOW, NOW + YEAR).is_whole


def test_small_steps_and_short_nights_are_believed() -> None:
    trust = at_first(NOW, None)
    for step in (5.0, -HOUR, 8 * HOUR, 0.9 * DAY):
        trust = observed(trust, trust.believed + step + HOUR, HOUR)
        assert trust.is_whole


def test_a_leap_is_not_believed_before_it_has_stood_for_a_day() -> None:
    leapt = observed(at_first(NOW, None), NOW + YEAR, HOUR)
    assert not leapt.is_whole and round(leapt.leap / DAY) == 365
    assert not watched(leapt, 23).is_whole
    assert watched(leapt, 24).is_whole


def test_a_clock_that_is_put_right_is_believed_at_once() -> None:
    leapt = watched(observed(at_first(NOW, None), NOW + YEAR, HOUR), 5)
    assert observed(leapt, NOW + 7 * HOUR, HOUR).is_whole


def test_a_machine_that_runs_by_day_and_was_off_for_a_weekend_comes_to_believe() -> None:
    trust, wall = at_first(NOW, None), NOW + 3 * DAY
    for _ in range(4):  # days of eight hours, each with a start of its own
        trust = watched(observed(trust, wall, 0.0), 8)
        wall += DAY
    assert trust.is_whole


@given(st.lists(st.tuples(st.floats(-YEAR, YEAR), st.floats(0, 12 * HOUR)), max_size=30))
def test_nothing_is_believed_that_did_not_stand(steps: list[tuple[float, float]]) -> None:
    """Whatever the clock does: what is believed moves by no more than a leap, unless a day of agreement came first."""
    trust, stood = at_first(NOW, None), 0.0
    for step, elapsed in steps:
        before = trust
        trust = observed(trust, before.claimed + elapsed + step, elapsed)
        stood = stood + elapsed if abs(step) <= LEAP else 0.0
        if trust.is_whole and abs(trust.believed - before.believed - elapsed) > 2 * LEAP:
            assert stood >= STANDS
