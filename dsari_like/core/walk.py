"""From local times to slots: the one place that decides what a jump of the clock does to a schedule.

Owns the five general rules of the schedule battery, D3, D6, D7 and D9, for cron expressions and recurrence rules
alike. Must not know how a pattern finds its local times.

Why not croniter or dateutil for this: croniter gives a repeated fixed time twice and makes up wildcard times (it
differs from Debian cron on 26 of 108 observed windows); dateutil loses the second pass of a repeated hour. Walking
stretches of constant offset instead of correcting one library's answers makes each rule one visible line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import floor
from typing import Protocol

from dsari_like.core.rule import DstPolicy, Lost, Slot
from dsari_like.core.zones import DAY, FIRST_INSTANT, LARGEST_CORRECTION, LAST_INSTANT, Segment, ZoneView

# Every cron expression that fires at all fires within 40 years: 29 February on a given weekday, across 2100.
HORIZON = 60 * 366 * DAY
# Two local clocks are never further apart than this, so nothing before (match - _REACH) can reach the match.
_REACH = 2 * DAY
_ZERO = datetime(1970, 1, 1)


class Pattern(Protocol):
    """A set of local seconds."""

    @property
    def elapsed(self) -> bool:
        """True: follows elapsed time through jumps. False: fixed times, each owed exactly once."""

    @property
    def by_offset(self) -> bool:
        """True: its local times differ between stretches of the zone (sub-daily recurrence, D7)."""

    def first(self, local: int, offset: int) -> int | None:
        """The first local second of the set that is not before `local`."""


def next_slot(pattern: Pattern, zone: ZoneView, dst: DstPolicy, after: float) -> Slot | None:
    """The first slot strictly later than `after`, at most `HORIZON` away."""
    instant = max(floor(after) + 1, FIRST_INSTANT)
    horizon = min(instant + HORIZON, LAST_INSTANT)
    exhausted: set[int] = set()
    while instant < horizon:
        segment = zone.segment(instant)
        if instant == segment.start and segment.gap and (slot := _at_gap_end(pattern, segment, dst)):
            return slot
        local = _first_in(pattern, segment, dst, instant) if segment.offset not in exhausted else None
        if local is None:
            if not pattern.by_offset:
                return None
            exhausted.add(segment.offset)
        elif local < segment.end + segment.offset:
            return Slot(float(local - segment.offset), 1, _repetition(segment, local))
        instant = segment.end if local is None or pattern.by_offset else _onwards(segment, instant, local)
    return None


def _onwards(segment: Segment, instant: int, local: int) -> int:
    """Where to look next when the match lies beyond this segment: near the match, not in every segment between.

    Unless the segment ends soon. A jump back may then bring local times before `instant`'s own round again, and
    among those the search for `local` has not looked.
    """
    return segment.end if segment.end - instant <= _REACH else max(segment.end, local - _REACH)


def _first_in(pattern: Pattern, segment: Segment, dst: DstPolicy, instant: int) -> int | None:
    """The first match from `instant` on, under this segment's offset; it may lie beyond the segment.

    D9 falls out of `fresh_from`: it belongs to the calendar, not to the moment somebody started to look.
    """
    local = instant + segment.offset
    if local < segment.fresh_from and not pattern.elapsed and dst is not DstPolicy.BOTH:
        local = segment.fresh_from
    return pattern.first(local, segment.offset)


def _at_gap_end(pattern: Pattern, segment: Segment, dst: DstPolicy) -> Slot | None:
    """The slot that makes up for what the gap before this segment swallowed, with anything due there anyway (D3)."""
    if pattern.elapsed or dst is DstPolicy.SKIP or segment.gap > LARGEST_CORRECTION:
        return None
    skipped = tuple(map(_clock, _swallowed(pattern, segment)))
    if not skipped:
        return None
    opening = segment.start + segment.offset
    on_time = opening == pattern.first(opening, segment.offset)
    return Slot(float(segment.start), len(skipped) + on_time, f"{_skipped(skipped)} made up", skipped)


def _swallowed(pattern: Pattern, segment: Segment) -> Iterator[int]:
    """The pattern's local times inside the gap before the segment."""
    opening = segment.start + segment.offset
    local = pattern.first(segment.gap_from, segment.offset)
    while local is not None and local < opening:
        yield local
        local = pattern.first(local + 1, segment.offset)


def lost(pattern: Pattern, zone: ZoneView, dst: DstPolicy, after: float, until: float) -> Iterator[Lost]:
    """The gaps in (after, until] whose local times are not made up (D6, `dst: skip`)."""
    instant = max(floor(after) + 1, FIRST_INSTANT)
    while instant <= min(until, LAST_INSTANT) and not pattern.elapsed:
        segment = zone.segment(instant)
        forgiven = dst is DstPolicy.SKIP or segment.gap > LARGEST_CORRECTION
        arrived = instant == segment.start and segment.gap and forgiven
        if arrived and (skipped := tuple(map(_clock, _swallowed(pattern, segment)))):
            yield Lost(float(segment.start), skipped, f"{_skipped(skipped)} not made up")
        instant = segment.end


def intended(pattern: Pattern, zone: ZoneView, slot: Slot) -> tuple[str, ...]:
    """The local times a slot of the pattern stands for: those it makes up, and its own unless it only makes up."""
    if pattern.elapsed:
        return ()
    on_time = slot.count > len(slot.skipped)
    return (*slot.skipped, _clock(zone.local(int(slot.time)))) if on_time else slot.skipped


def _repetition(segment: Segment, local: int) -> str:
    if segment.fresh_from <= local < segment.repeated_from:
        return ""
    which = "second" if local < segment.fresh_from else "first"
    return f"repeated local time {_clock(local)[11:]}, {which} pass"


def _skipped(times: tuple[str, ...]) -> str:
    if len(times) == 1:
        return f"skipped local time {times[0][11:]}"
    shown = [time[11:] for time in times]
    listed = ", ".join(shown if len(shown) <= 4 else [*shown[:3], "…", shown[-1]])
    return f"{len(times)} skipped local times ({listed})"


def _clock(local: int) -> str:
    """A local second as people write it; seconds only where there are any."""
    moment = _ZERO + timedelta(seconds=local)
    return moment.isoformat(" ", "seconds" if moment.second else "minutes")
