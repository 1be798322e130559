"""The events of a calendar as the windows of a blackout.

Owns what an event with its recurrence, its exceptions and its zone comes to. Must not know the text of the file.
Recurrences are those of schedules, found by the same search: what a calendar says and what a schedule says must not
differ by an hour after the clocks change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from itertools import chain, islice

from dsari_like.core.blackout import Fixed, Openings, Series, Window
from dsari_like.core.ical import Calendar, CalendarFault, Event
from dsari_like.core.recurrence import bind_recurrence
from dsari_like.core.rrule import Stamp, moment, read
from dsari_like.core.rule import DstPolicy, Rule, ScheduleError
from dsari_like.core.zones import DAY, ZoneView, view

ZoneOf = Callable[[str], tzinfo | None]


def openings_of(calendar: Calendar, name: str, own: tzinfo, zone_of: ZoneOf) -> list[Openings]:
    """The windows of every event; `own` is the zone of times that name none. CalendarFault for what cannot be had."""
    single: list[Window] = []
    series: list[Openings] = []
    for event in calendar.events:
        bound = _Bound(event, name, own, zone_of)
        single += bound.single()
        series += bound.series()
    return [Fixed(single, name), *series] if single else series


class _Bound:
    """One event in its zone."""

    def __init__(self, event: Event, name: str, own: tzinfo, zone_of: ZoneOf) -> None:
        self._event = event
        self._what = f"'{event.summary}' of {name}" if event.summary else name
        self._own = own
        self._zone_of = zone_of
        self._zone = self._view(event.start.zone)
        self._start = self._instant(event.start)
        end = self._instant(event.end) if event.end is not None else self._start + event.length
        self._length = end - self._start
        if self._length <= 0:
            raise CalendarFault(event.line, "the event ends before it starts")
        self._excluded = frozenset(map(self._instant, map(self._of_day, event.excluded)))
        self._rule = self._recurrence() if event.rule else None

    def single(self) -> list[Window]:
        """What is known one by one: the event itself, what was added to it, and a rule that is counted."""
        starts = [self._start, *map(self._instant, self._event.added)]
        if self._rule is not None and self._event.count is not None:
            starts += islice(_after(self._rule, self._start), self._event.count - 1)
        return [self._window(start) for start in starts if start not in self._excluded]

    def series(self) -> list[Openings]:
        """A rule without a number."""
        if self._rule is None or self._event.count is not None:
            return []
        calendar = self._zone if self._event.whole_days else None
        return [Series(self._rule, self._length, self._what, calendar=calendar, excluded=self._excluded)]

    def _window(self, start: int) -> Window:
        length = self._event.length
        end = self._zone.instant(self._zone.local(start) + length) if self._event.whole_days else start + self._length
        return Window(float(start), float(end), self._what)

    def _recurrence(self) -> Rule:
        event, zone = self._event, self._zone.zone
        mark = "Z" if event.start.zone == "UTC" else ""
        try:
            parsed = read(f"DTSTART:{_written(event.start.local)}{mark} RRULE:{event.rule}")
            return bind_recurrence(parsed, zone, DstPolicy.ONCE, None, None)
        except ScheduleError as error:
            raise CalendarFault(event.line, str(error).replace("recurrence rule", "RRULE")) from None

    def _of_day(self, stamp: Stamp) -> Stamp:
        """A date alone, where the event has a time of day, means that time on that day."""
        start = self._event.start
        is_date = stamp.zone is None and stamp.local % DAY == 0
        return Stamp(stamp.local + start.local % DAY, start.zone) if is_date else stamp

    def _instant(self, stamp: Stamp) -> int:
        return self._view(stamp.zone).instant(stamp.local)

    def _view(self, name: str | None) -> ZoneView:
        zone = self._own if name is None else self._named(name)
        if zone is None:
            raise CalendarFault(
                self._event.line,
                f"the zone '{name[:60] if name else ''}' is not known here; export the calendar with zones such as"
                " Europe/Berlin, or in UTC",
            )
        return view(zone)

    def _named(self, name: str) -> tzinfo | None:
        """Some programs write a path before the zone: /freeassociation.sourceforge.net/Europe/Berlin."""
        words = name.strip("/").split("/")
        choices = chain([name], ("/".join(words[-count:]) for count in (3, 2, 1) if count < len(words)))
        return next((zone for choice in choices if (zone := self._zone_of(choice)) is not None), None)


def _after(rule: Rule, start: int) -> Iterable[int]:
    slot = rule.next_after(start)
    while slot is not None:
        yield int(slot.time)
        slot = rule.next_after(slot.time)


def _written(local: int) -> str:
    return f"{moment(local):%Y%m%dT%H%M%S}"
