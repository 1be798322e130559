"""Recurrence rules of jobs: a parsed rule, a starting point and a zone.

Owns where a rule counts from: its phase never depends on when somebody loaded it (B-31). `rrule` reads the text,
`occurrences` finds the local times, `walk` decides about clock jumps.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from math import floor

from dsari_like.core import occurrences
from dsari_like.core.rrule import RecurrenceText, Stamp, moment, read, refuse
from dsari_like.core.rule import DstPolicy, Lost, Rule, ScheduleError, Slot
from dsari_like.core.walk import intended, lost, next_slot
from dsari_like.core.zones import ZoneView, view

ZoneNamed = Callable[[str], tzinfo]


def parse_recurrence(text: str) -> RecurrenceText:
    """A rule that some day matches."""
    parsed = read(text)
    if not occurrences.may_fire(parsed):
        refuse("it never matches; no date fits all of its parts")
    return parsed


class RecurrenceRule(Rule):
    """A rule with its starting point: DTSTART where given, else the anchor kept since the schedule was first seen.

    Its zone is that of DTSTART (RFC 5545: a UTC start recurs in UTC), else the job's.
    """

    __slots__ = ("_dst", "_parsed", "_start", "_start_local", "_until", "_zone")

    def __init__(
        self,
        parsed: RecurrenceText,
        start: int | None,
        start_local: int | None,
        zone: ZoneView,
        until: int | None,
        dst: DstPolicy,
    ) -> None:
        self._parsed = parsed
        self._zone = zone
        self._start = start
        self._start_local = start_local
        self._until = until
        self._dst = dst

    @property
    def text(self) -> str:
        """The schedule as it was written."""
        return self._parsed.text

    @property
    def needs_anchor(self) -> bool:
        """Whether the phase hangs on an instant that the caller keeps."""
        return self._parsed.needs_anchor

    @property
    def elapsed(self) -> bool:
        """D7: sub-daily rules follow elapsed time."""
        return self._parsed.frequency.is_below_day

    @property
    def by_offset(self) -> bool:
        """The starting point of an elapsed rule is an instant: its local time depends on the offset."""
        return self.elapsed

    def next_after(self, after: float) -> Slot | None:
        """The first slot strictly later than `after`, from the start to UNTIL."""
        if self._start is None:
            raise ValueError(f"{self.text}: the anchor is needed to tell when this fires")
        slot = next_slot(self, self._zone, self._dst, max(after, self._start - 1))
        return None if slot is None or (self._until is not None and slot.time > self._until) else slot

    def intended(self, slot: Slot) -> tuple[str, ...]:
        """The local times the slot stands for, the skipped ones among them."""
        return intended(self, self._zone, slot)

    def lost_between(self, after: float, until: float) -> tuple[Lost, ...]:
        """Local times that the policy, or the size of a jump, leaves out."""
        start = after if self._start is None else max(after, self._start)
        end = until if self._until is None else min(until, self._until)
        return tuple(lost(self, self._zone, self._dst, start, end))

    def first(self, local: int, offset: int) -> int | None:
        """The first local second of the rule from `local` on."""
        if self._start is None or self._start_local is None:
            return None
        start = self._start + offset if self.elapsed else self._start_local
        return occurrences.first(self._parsed, start, local)

    def describe(self) -> str:
        """The frequency in words, the other parts as written, and where it counts from."""
        words = self._parsed.describe()
        if self._start_local is None:
            return f"{words}, counted from when it is first seen"
        return f"{words}, counted from {moment(self._start_local).isoformat(' ')}"

    def warnings(self) -> tuple[str, ...]:
        """A phase, or an UNTIL, that leaves nothing."""
        if self._start is not None and self.next_after(self._start - 1) is None:
            return (f"'{self.text}' never fires from its start on",)
        return ()


def bind_recurrence(
    parsed: RecurrenceText, zone: tzinfo, dst: DstPolicy, anchor: float | None, zones: ZoneNamed | None
) -> RecurrenceRule:
    """The rule of one job. `zones` finds the zone a DTSTART names; without it only the job's own is known."""
    start = parsed.start
    if start is not None and start.zone is not None:
        zone = _named(start.zone, zone, zones)
    local = view(zone)
    until = _instant(parsed.until, local) if parsed.until else None
    if start is None:
        first = None if anchor is None else floor(anchor)
        first_local = None if first is None else local.local(first)
        return RecurrenceRule(parsed, first, first_local, local, until, dst)
    # The local start is kept as written: inside a gap it differs from the local time of its instant.
    rule = RecurrenceRule(parsed, _instant(start, local), start.local, local, until, dst)
    if rule.warnings():
        refuse("it never matches from its DTSTART on")
    return rule


def _instant(stamp: Stamp, zone: ZoneView) -> int:
    return stamp.local if stamp.zone == "UTC" else zone.instant(stamp.local)


def _named(name: str, own: tzinfo, zones: ZoneNamed | None) -> tzinfo:
    if name == "UTC":
        return UTC
    if name == str(own):
        return own
    if zones is None:
        refuse(f"DTSTART is in {name} and the job in {own}; give the job schedule_timezone: {name}")
    try:
        return zones(name)
    except (LookupError, ValueError) as error:
        raise ScheduleError(f"recurrence rule: DTSTART names an unknown zone '{name}'") from error
