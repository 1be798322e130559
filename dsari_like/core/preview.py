"""The coming starts of a job under two sets of times, and what becomes of each: it moves, appears or vanishes.

Owns the pairing. Must not know where the times are from, or how a change is told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from dsari_like.core.messages import Planned
from dsari_like.core.rezone import repeated
from dsari_like.core.rule import next_of

#: Starts of one job that are looked at: a job that is due every minute has 1,440 of them in a day.
MOST = 2_000

_JUST_BEFORE = 0.001


class Shift(NamedTuple):
    """One start: `time` is when it comes, `was` when it would have come; the one that is None is not there."""

    time: float | None
    was: float | None


def starts(planned: Planned | None, after: float, until: float) -> list[float]:
    """When the schedule starts something, later than `after` and not later than `until`: the slots, but for those a
    blackout leaves out or brings together at its end. The first MOST of them; None is a job that has no times."""
    return list(islice(_starts(planned, after, until), MOST)) if planned is not None else []


def shifts(before: Sequence[float], after: Sequence[float]) -> list[Shift]:
    """What became of each start. Equal ones are left as they are; of the others as many as can be are moves, each to
    the nearest in order; what is left over has vanished or appeared."""
    common = set(before) & set(after)
    old, new = ([time for time in times if time not in common] for times in (before, after))
    if len(old) <= len(new):
        pairs = [Shift(there, here) for here, there in _paired(old, new)]
    else:
        pairs = [Shift(here, there) for here, there in _paired(new, old)]
    moved, was = {pair.time for pair in pairs}, {pair.was for pair in pairs}
    pairs += [Shift(time, None) for time in new if time not in moved]
    pairs += [Shift(None, time) for time in old if time not in was]
    return sorted(pairs, key=lambda pair: (pair.was if pair.time is None else pair.time, pair.time is None))


def _starts(planned: Planned, after: float, until: float) -> Iterator[float]:
    windows, last = planned.windows, after
    slot = next_of(planned.rules, after)
    while slot is not None and slot.time <= until:  # and not until something starts: a blackout may leave out all
        time = start = slot.time
        end = windows.end_of_window(time) if windows is not None else None
        if windows is not None and end is not None:
            start = end if windows.defer else last  # one start for all slots of a blackout
            time = end - _JUST_BEFORE
        if last < start <= until and not repeated(planned.rules, slot.time, planned.made):
            last = start
            yield start
        slot = next_of(planned.rules, time)


def _paired(few: Sequence[float], many: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Each of the few with one of the many, in order, the nearest that leaves enough for those after it."""
    first = 0
    for index, time in enumerate(few):
        last = len(many) - (len(few) - index)
        place = bisect_left(many, time, first, last + 1)
        if place > last or (place > first and time - many[place - 1] <= many[place] - time):
            place -= 1
        yield time, many[place]
        first = place + 1
