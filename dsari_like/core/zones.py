"""Where a zone's clock jumps: the stretches of constant offset a schedule is walked through.

Owns the cache of offsets, one view for each zone. Knows nothing of schedules, and reads no zone files itself:
the zone comes as an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from dsari_like.core.record import record

DAY = 86_400
LARGEST_CORRECTION = 3 * 3_600
"""A larger jump is a new clock (general rule 4, D6): nothing is made up and nothing counts as a repetition."""

# zoneinfo has no list of transitions, so we probe. No zone of the database, in 1900-2100, has two changes of
# offset less than 6.9 days apart; a probe every three days cannot miss one, and costs a third of a daily one.
_PROBE = 3 * DAY
_CHUNK = 96 * DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FIRST_INSTANT = -62_000_000_000
LAST_INSTANT = 253_000_000_000
"""The years 5 and 9987: inside them every probe stays within what `datetime` can hold."""


class Transition(NamedTuple):
    """One change of offset: `time` is the first UTC second under the new one."""

    time: int
    before: int
    after: int


@record
class Segment:
    """A stretch [start, end) of UTC seconds under one offset, and what the jumps around it mean inside it.

    `fresh_from`, `repeated_from` and `gap_from` are local seconds: below `fresh_from` the local times already
    happened; from `repeated_from` on they will happen again; [gap_from, start + offset) never happened.
    Not maximal: a stretch may be cut anywhere, because the three limits do not depend on the cut.
    """

    start: int
    end: int
    offset: int
    fresh_from: int
    repeated_from: int
    gap_from: int

    @property
    def gap(self) -> int:
        """How many seconds were skipped to get here."""
        return self.start + self.offset - self.gap_from


_NOWHERE = Segment(0, 0, 0, 0, 0, 0)


class ZoneView:
    """The segments of one zone, found on demand and kept."""

    __slots__ = ("_chunks", "_last", "zone")

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._chunks: dict[int, tuple[Segment, ...]] = {}
        self._last = _NOWHERE

    def segment(self, utc: int) -> Segment:
        """The segment that holds `utc`. Callers ask for neighbours, so the last answer is tried first."""
        last = self._last
        if last.start <= utc < last.end:
            return last
        number = utc // _CHUNK
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = tuple(_segments(self.zone, number * _CHUNK))
        self._last = found = next(segment for segment in chunk if utc < segment.end)
        return found

    def instant(self, local: int) -> int:
        """The UTC second of a local one: the first of two, or the end of the gap that swallowed it."""
        segment = self.segment(local - 2 * DAY)
        while local >= segment.end + segment.offset:
            segment = self.segment(segment.end)
        return max(local - segment.offset, segment.start)

    def local(self, utc: int) -> int:
        """The local second, counted as if the local clock were UTC."""
        return utc + self.segment(utc).offset


@cache
def view(zone: tzinfo) -> ZoneView:
    """The one view of a zone. Zones are few (600 in all) and each chunk is small, so nothing is ever dropped."""
    return ZoneView(zone)


def transitions(zone: tzinfo, start: float, end: float) -> Iterator[Transition]:
    """The changes of offset in (start, end], in order."""
    probe = max(int(start), FIRST_INSTANT)
    last = min(int(end), LAST_INSTANT)
    before = _offset(zone, probe)
    while probe < last:
        ahead = min(probe + _PROBE, last)
        after = _offset(zone, ahead)
        if after != before:
            yield Transition(_pinned(zone, probe, ahead), before, after)
        probe, before = ahead, after


def _offset(zone: tzinfo, utc: int) -> int:
    delta = (_EPOCH + timedelta(seconds=utc)).astimezone(zone).utcoffset()
    return 0 if delta is None else int(delta.total_seconds())


def _pinned(zone: tzinfo, low: int, high: int) -> int:
    """The first second with the offset of `high`, by bisection; `low` still has another one."""
    new = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == new:
            high = middle
        else:
            low = middle
    return high


def _segments(zone: tzinfo, start: int) -> Iterator[Segment]:
    """One chunk, cut at its jumps. A day on either side is looked at: a jump outside still matters inside."""
    end = start + _CHUNK
    changes = tuple(transitions(zone, start - DAY, end + DAY))
    cuts = [start, *(change.time for change in changes if start < change.time < end), end]
    for low, high in pairwise(cuts):
        past = next((change for change in reversed(changes) if change.time <= low), None)
        coming = next((change for change in changes if change.time >= high), None)
        yield _segment(low, high, _offset(zone, low), past, coming)


def _segment(start: int, end: int, offset: int, past: Transition | None, coming: Transition | None) -> Segment:
    fresh_from, gap_from = FIRST_INSTANT, start + offset
    repeated_from = LAST_INSTANT
    if past is not None and _is_repetition(past):
        fresh_from = past.time + past.before
    if past is not None and past.time == start and past.after > past.before:
        gap_from = past.time + past.before
    if coming is not None and _is_repetition(coming):
        repeated_from = coming.time + coming.after
    return Segment(start, end, offset, fresh_from, repeated_from, gap_from)


def _is_repetition(change: Transition) -> bool:
    return -LARGEST_CORRECTION <= change.after - change.before < 0
