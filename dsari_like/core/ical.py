"""The text of an iCalendar file (RFC 5545): its events, as far as they say when something is going on.

Owns the grammar. Must not know files, zones or jobs: times are local seconds with the name of a zone. What does not
change when an event takes place is passed over; what does, and is not understood, is told. Of an event that cannot be
read the whole file is refused: a blackout that is silently missing lets runs start that must not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, NoReturn

from dsari_like.core.record import record
from dsari_like.core.rrule import Stamp

_EPOCH = datetime(1970, 1, 1)
_DAY = 86_400
_PARAMETER = r';[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*'
_LINE = re.compile(rf"([A-Za-z0-9-]+)((?:{_PARAMETER})*):(.*)")
_PAIR = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^";:]*)')
_STAMP = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)
_LENGTH = re.compile(r"\+?P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)", re.ASCII)
_UNITS = (7 * _DAY, _DAY, 3_600, 60, 1)
_LONGEST = 100 * 366 * _DAY
#: Components that take no time of their own, and properties that would move what they stand with.
_OTHERS = ("VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")
_MOVING = ("EXRULE",)


class CalendarFault(Exception):
    """A file that cannot be used: the line, and what is wrong with it."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(line, text)
        self.line = line
        self.text = text


@record
class Event:
    """One event, with its recurrence. `length` is its seconds unless there is an `end`; of an event of whole days
    those of the calendar, which are not always as long."""

    line: int
    summary: str
    start: Stamp
    end: Stamp | None = None
    length: int = 0
    whole_days: bool = False
    rule: str = ""
    count: int | None = None  # of the rule: how many there are, those taken out included
    added: tuple[Stamp, ...] = ()
    excluded: tuple[Stamp, ...] = ()


@record
class Calendar:
    """The events of one file, and what was left aside, with the lines."""

    events: tuple[Event, ...] = ()
    warnings: tuple[tuple[int, str], ...] = ()


class _Property(NamedTuple):
    line: int
    name: str
    parameters: dict[str, str]
    value: str


@dataclass(slots=True)
class _Component:
    line: int
    name: str
    properties: list[_Property] = field(default_factory=list)

    def one(self, name: str) -> _Property | None:
        """The first property of this name."""
        return next((one for one in self.properties if one.name == name), None)

    def all(self, name: str) -> list[_Property]:
        """Every property of this name, as they come."""
        return [one for one in self.properties if one.name == name]

    def text(self, name: str) -> str:
        """The value of the first property of this name; empty when there is none."""
        found = self.one(name)
        return found.value if found else ""


def read_calendar(text: str) -> Calendar:
    """Every event of the file; CalendarFault for one that cannot be used."""
    return _Reader(text).calendar()


class _Reader:
    """Reads one file; zones of other programs are known by the names that the file itself gives for them."""

    def __init__(self, text: str) -> None:
        self._warnings: list[tuple[int, str]] = []
        self._components = list(_components(text))
        self._zones = {
            zone.text("TZID"): zone.text("X-LIC-LOCATION")
            for zone in self._components
            if zone.name == "VTIMEZONE" and zone.text("X-LIC-LOCATION")
        }

    def calendar(self) -> Calendar:
        """The events in the order of the file; an event that replaces one of a series takes that one out of it."""
        events: list[tuple[str, Event]] = []
        replaced: dict[str, list[Stamp]] = {}
        for one in self._components:
            if one.name in _OTHERS:
                self._warn(one.line, f"{one.name} is no event and opens no window")
            if one.name != "VEVENT":
                continue
            uid, instance = one.text("UID"), one.one("RECURRENCE-ID")
            if instance is not None:
                replaced.setdefault(uid, []).append(self._stamp(instance, instance.value))
                self._check_instance(instance)
            event = self._event(one)
            if event is not None:
                events.append(("" if instance is not None else uid, event))
        made = (_without(event, replaced.get(uid, []) if uid else []) for uid, event in events)
        return Calendar(tuple(made), tuple(self._warnings))

    def _check_instance(self, instance: _Property) -> None:
        if "RANGE" in instance.parameters:
            self._warn(instance.line, "RANGE is not understood; the later ones of the series stay as they were")

    def _event(self, component: _Component) -> Event | None:
        """The event; None for one that takes no time."""
        start = component.one("DTSTART")
        if start is None:
            _refuse(component.line, "the event has no DTSTART")
        if component.text("STATUS").upper() == "CANCELLED":
            return None
        for name in _MOVING:
            for one in component.all(name):
                self._warn(one.line, f"{name} is not understood and changes nothing")
        event = Event(component.line, _summary(component.text("SUMMARY")), self._stamp(start, start.value))
        event = self._recurring(component, self._with_length(component, event, is_date="T" not in start.value.upper()))
        if event.end is None and event.length == 0:
            self._warn(component.line, "the event takes no time and opens no window")
            return None
        return event

    def _with_length(self, component: _Component, event: Event, *, is_date: bool) -> Event:
        end, length = component.one("DTEND"), component.one("DURATION")
        if end is not None:
            stamp = self._stamp(end, end.value)
            if stamp.zone == event.start.zone and stamp.local < event.start.local:
                _refuse(end.line, "the event ends before it starts")
            if is_date:
                return replace(event, length=stamp.local - event.start.local, whole_days=True)
            return replace(event, end=stamp) if stamp != event.start else event
        if length is not None:
            seconds = _length(length)
            return replace(event, length=seconds, whole_days="T" not in length.value.upper())
        return replace(event, length=_DAY, whole_days=True) if is_date else event

    def _recurring(self, component: _Component, event: Event) -> Event:
        rules = component.all("RRULE")
        if len(rules) > 1:
            _refuse(rules[1].line, "the event has a second RRULE, which no program reads alike; remove one")
        added = tuple(stamp for one in component.all("RDATE") for stamp in self._stamps(one))
        excluded = tuple(stamp for one in component.all("EXDATE") for stamp in self._stamps(one))
        rule, count = _rule(rules[0]) if rules else ("", None)
        return replace(event, rule=rule, count=count, added=added, excluded=excluded)

    def _stamps(self, prop: _Property) -> Iterator[Stamp]:
        if prop.parameters.get("VALUE", "").upper() == "PERIOD":
            self._warn(prop.line, f"{prop.name} with periods is not understood and changes nothing")
            return
        for value in prop.value.split(","):
            yield self._stamp(prop, value)

    def _stamp(self, prop: _Property, value: str) -> Stamp:
        match = _STAMP.fullmatch(value.strip().upper())
        if match is None:
            _refuse(prop.line, f"{prop.name}: '{value[:40]}' is not a time such as 20260131T093000, or a date")
        try:
            moment = datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S")
        except ValueError:
            _refuse(prop.line, f"{prop.name}: there is no such date or time as {value[:40]}")
        if not 1900 <= moment.year <= 9986:
            _refuse(prop.line, f"{prop.name}: {value[:40]} is outside the years 1900-9986")
        zone = prop.parameters.get("TZID") if match[2] else None
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
        return Stamp(seconds, "UTC" if match[3] else self._zones.get(zone, zone) if zone else None)

    def _warn(self, line: int, text: str) -> None:
        self._warnings.append((line, text))


def _without(event: Event, instances: list[Stamp]) -> Event:
    return replace(event, excluded=(*event.excluded, *instances)) if instances else event


def _components(text: str) -> Iterator[_Component]:
    """Every component, each when it ends; what stands in a component within another is its own."""
    open_: list[_Component] = []
    line = 1
    for line, content in _unfolded(text):
        prop = _property(line, content)
        if prop.name == "BEGIN":
            open_.append(_Component(line, prop.value.strip().upper()))
        if not open_ or open_[0].name != "VCALENDAR":
            _refuse(line, "expected BEGIN:VCALENDAR; this is no iCalendar file")
        if prop.name == "END":
            if prop.value.strip().upper() != open_[-1].name:
                _refuse(line, f"expected END:{open_[-1].name}, found END:{prop.value[:40]}")
            yield open_.pop()
        elif prop.name != "BEGIN":
            open_[-1].properties.append(prop)
    if open_:
        _refuse(line, f"the file ends within {open_[-1].name}; it is not whole")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Lines as they were before they were folded, with the number each began on."""
    number, whole = 0, ""
    for count, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and whole:
            whole += line[1:]
            continue
        if whole.strip():
            yield number, whole
        number, whole = count, line
    if whole.strip():
        yield number, whole


def _property(line: int, content: str) -> _Property:
    match = _LINE.fullmatch(content)
    if match is None:
        _refuse(line, f"expected NAME:VALUE, found '{_summary(content)}'")
    parameters = {name.upper(): value.strip('"') for name, value in _PAIR.findall(match[2])}
    return _Property(line, match[1].upper(), parameters, match[3])


def _length(prop: _Property) -> int:
    match = _LENGTH.fullmatch(prop.value.strip().upper())
    if match is None or not any(match.groups()):
        _refuse(prop.line, f"DURATION: '{prop.value[:40]}' is not a length of time such as PT1H30M or P1D")
    seconds = sum(int(count or 0) * unit for count, unit in zip(match.groups(), _UNITS, strict=True))
    if seconds > _LONGEST:
        _refuse(prop.line, f"DURATION: {prop.value[:40]} is longer than a century")
    return seconds


def _rule(prop: _Property) -> tuple[str, int | None]:
    """The rule without its COUNT, and the COUNT: here, unlike in a schedule, all of them can be counted at once."""
    parts = [part for part in prop.value.strip().upper().split(";") if part]
    counts = [part.partition("=")[2] for part in parts if part.startswith("COUNT=")]
    if any(not count.isdecimal() or not 1 <= int(count) <= 10_000 for count in counts):
        _refuse(prop.line, "RRULE: COUNT is not a number from 1 to 10000")
    rule = ";".join(part for part in parts if not part.startswith("COUNT="))
    return rule, int(counts[0]) if counts else None


def _summary(text: str) -> str:
    """A text of the file on one line, of bearable length."""
    plain = re.sub(r"\\([nN,;\\])", lambda match: " " if match[1] in "nN" else match[1], text)
    shown = "".join(character if character.isprintable() else " " for character in plain).strip()
    return shown if len(shown) <= 60 else shown[:60] + "…"


def _refuse(line: int, text: str) -> NoReturn:
    raise CalendarFault(line, text)
