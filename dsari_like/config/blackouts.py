"""The blackouts of a job: their keys, and the way from what was written to the windows it comes to.

Owns the one way there is. It is gone first to judge a configuration and again to use it, so what is accepted is what
works. Must not know: how a calendar file is found or read, or what a window does to a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from posixpath import basename
from typing import TYPE_CHECKING, Any

from dsari_like.config.checks import FILLED, PATH, Check, Fault, Unfit, duration, each, take_filled, unfit
from dsari_like.config.section import Key, Section
from dsari_like.core import phrases, schedule
from dsari_like.core.blackout import Fixed, Openings, Series, Window, Windows
from dsari_like.core.choices import BlackoutPolicy
from dsari_like.core.model import Blackout
from dsari_like.core.when import read_when

if TYPE_CHECKING:
    from dsari_like.core.ical import Calendar

ZoneNamed = Callable[[str], tzinfo]
"""Raises `Unfit` for a zone that is none."""


def _take_moment(value: Any) -> str | float:
    # What the text means hangs on a zone, which is another key's; only the shape is judged here.
    return value if value.__class__ in (int, float) else take_filled(value, MOMENT.words)


MOMENT = Check(
    "a date and time such as 2026-12-24 18:00, or epoch seconds",
    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}]},
    _take_moment,
)

BLACKOUT = Section(
    "a blackout",
    Key("start", MOMENT, None, "when the window opens; with end"),
    Key("end", MOMENT, None, "when it closes; a slot at this very time is on time"),
    Key("schedule", FILLED, None, "the window opens at each of these times; with duration"),
    Key("duration", duration("the window would never open"), None, "how long it stays open each time"),
    Key("calendar", PATH, None, "an iCalendar file, read when the configuration is: a window for each of its events"),
)  # fmt: skip
_WAYS = ({"start", "end"}, {"schedule", "duration"}, {"calendar"})


def _take_blackout(value: Any) -> Blackout:
    taken, faults = BLACKOUT.read(value)
    if not faults and set(taken) not in _WAYS:
        given = f"found {phrases.listed(sorted(taken))}" if taken else "found none of them"
        faults = [Fault((), f"expected start and end, or schedule and duration, or calendar; {given}")]
    if faults:
        raise Unfit(*faults)
    return Blackout(**taken)


def _take_blackouts(value: Any) -> tuple[Blackout, ...]:
    entries = [value] if isinstance(value, dict) else value
    if entries.__class__ is not list:
        raise unfit(BLACKOUTS.words, value)
    return tuple(each(enumerate(entries), _take_blackout))


BLACKOUTS = Check(
    "a list of {start, end}, {schedule, duration} or {calendar}",
    {"anyOf": [BLACKOUT.schema, {"type": "array", "items": BLACKOUT.schema}]},
    _take_blackouts,
)

#: A time that means something else on another day, such as "18:00", is no end of a blackout: read on two days, it
#: gives itself away.
_SOME_DAY, _ANOTHER_DAY = 946_728_000.0, 1_000_000_000.0


def windows(
    job_name: str,
    written: Sequence[Blackout],
    policy: BlackoutPolicy,
    zone: tzinfo,
    zone_named: ZoneNamed,
    calendars: Mapping[str, Calendar],
) -> Windows:
    """The windows of one job; `Unfit` with everything that is wrong, by the number of the entry."""
    binder = _Binder(job_name, zone, zone_named, calendars)
    openings: list[Openings] = []
    faults: list[Fault] = []
    for index, one in enumerate(written):
        try:
            openings += binder.openings(one)
        except Unfit as refusal:
            faults += refusal.below(index)
    if faults:
        raise Unfit(*faults)
    return Windows(openings, zone, defer=policy is BlackoutPolicy.DEFER)


class Judge:
    """What one building of a configuration knows of blackouts: the calendars it has read, and what it was told of
    entries that several jobs have alike."""

    def __init__(self, zone_named: ZoneNamed, read: Callable[[str], Calendar]) -> None:
        self.calendars: dict[str, Calendar] = {}
        self._zone_named = zone_named
        self._read = read
        self._refused: dict[str, tuple[Fault, ...]] = {}
        self._told: dict[object, list[Fault]] = {}

    def taken(
        self, job_name: str, entries: Sequence[Blackout], zone: str, absolute: Callable[[str], str]
    ) -> tuple[tuple[Blackout, ...], list[Fault], list[Fault]]:
        """The entries with their paths made absolute, what is wrong with them, and what is worth a warning."""
        written = tuple(
            one if one.calendar is None else replace(one, calendar=absolute(one.calendar)) for one in entries
        )
        fresh = {one.calendar: index for index, one in enumerate(written) if one.calendar not in self.calendars}
        faults: list[Fault] = []
        warnings: list[Fault] = []
        for path, index in fresh.items():
            if path is not None:
                told = self._load(path)
                (faults if path in self._refused else warnings).extend(one.below(index, "calendar") for one in told)
        if not faults:
            faults = self._judged(job_name, written, zone)
        return written, faults, warnings

    def _load(self, path: str) -> Sequence[Fault]:
        """Read once, and judged once: a file that cannot be read is told at each place that names it."""
        if path in self._refused:
            return self._refused[path]
        try:
            self.calendars[path] = calendar = self._read(path)
        except Unfit as refusal:
            self._refused[path] = refusal.faults
            return refusal.faults
        return [Fault((), f"{path}:{line}: {text}") for line, text in calendar.warnings]

    def _judged(self, job_name: str, written: tuple[Blackout, ...], zone: str) -> list[Fault]:
        """Judged once for all jobs that say the same, although a name can move a window by an hour or two."""
        key = (written, zone)
        if key not in self._told:
            try:
                self._told[key] = self._judge(job_name, written, self._zone_named(zone))
            except Unfit:
                self._told[key] = []  # that there is no such zone is told where it stands
        return self._told[key]

    def _judge(self, job_name: str, written: tuple[Blackout, ...], zone: tzinfo) -> list[Fault]:
        try:
            made = windows(job_name, written, BlackoutPolicy.SKIP, zone, self._zone_named, self.calendars)
        except Unfit as refusal:
            return list(refusal.faults)
        text = "it never ends: each window opens before the one before it has closed, so that nothing is ever due"
        return [Fault((), text)] if made.is_endless else []


class _Binder:
    """What is known while the entries of one job are read."""

    def __init__(self, job_name: str, zone: tzinfo, zone_named: ZoneNamed, calendars: Mapping[str, Calendar]) -> None:
        self._job_name = job_name
        self._zone = zone
        self._zone_named = zone_named
        self._calendars = calendars

    def openings(self, one: Blackout) -> list[Openings]:
        """Where the windows of one entry come from."""
        if one.calendar is not None:
            return self._of_calendar(one.calendar)
        if one.schedule is not None and one.duration is not None:
            return [self._of_schedule(one.schedule, one.duration)]
        start, end = self._time("start", one.start), self._time("end", one.end)
        if end <= start:
            raise Unfit(Fault(("end",), f"it is not later than the start, {one.start}; the window would never open"))
        return [Fixed([Window(start, end, f"from {one.start} to {one.end}")])]

    def _time(self, key: str, value: str | float | None) -> float:
        try:
            found, again = (read_when(value, self._zone, self._zone_or_none, now) for now in (_SOME_DAY, _ANOTHER_DAY))
        except ValueError as error:
            raise Unfit(Fault((key,), str(error))) from None
        if found != again:
            text = f"'{value}' is another time on each day; write date and time, such as 2026-12-24 18:00"
            raise Unfit(Fault((key,), text))
        return found

    def _of_schedule(self, text: str, seconds: float) -> Series:
        try:
            parsed = schedule.parse(text)
            rule = schedule.bind(parsed, self._job_name, self._zone, schedule.DstPolicy.ONCE, zones=self._zone_named)
        except schedule.ScheduleError as error:
            raise Unfit(Fault(("schedule",), str(error))) from None
        if rule.needs_anchor:
            text = "a recurrence needs a DTSTART here: DTSTART:20260131T220000 RRULE:FREQ=…"
            raise Unfit(Fault(("schedule",), text))
        if rule.next_after(0.0) is None:
            raise Unfit(Fault(("schedule",), f"'{text}' never comes round, so the window would never open"))
        return Series(rule, seconds, f"'{text}' for {_length(seconds)}")

    def _of_calendar(self, path: str) -> list[Openings]:
        from dsari_like.core.events import openings_of
        from dsari_like.core.ical import CalendarFault

        try:
            return openings_of(self._calendars[path], basename(path), self._zone, self._zone_or_none)
        except CalendarFault as fault:
            raise Unfit(Fault(("calendar",), f"{path}:{fault.line}: {fault.text}")) from None

    def _zone_or_none(self, name: str) -> tzinfo | None:
        try:
            return self._zone_named(name)
        except Unfit:
            return None


def _length(seconds: float) -> str:
    words = phrases.duration(int(seconds))
    return f"{seconds:g} s" if seconds % 1 else words if words[:1].isdigit() else f"1 {words}"
