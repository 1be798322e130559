"""Recurrence rules (RFC 5545): the grammar, and the rule of one job.

Owns what is admitted and what is refused; `occurrences` finds the dates and `walk` decides about clock jumps. Stricter
than dateutil's own parser, which takes `INTERVAL=0` (one instant for ever), month 13 (never), and hangs on
30 February; UNTIL is accepted in both forms (B-69), and the phase never depends on when somebody loaded it (B-31).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from math import floor
from typing import NoReturn

from dsari_like.core import occurrences
from dsari_like.core.occurrences import Frequency, Parts, Stamp
from dsari_like.core.slot import DstPolicy, Lost, Rule, ScheduleError, Slot
from dsari_like.core.walk import lost, next_slot
from dsari_like.core.zones import ZoneView, view

ZoneNamed = Callable[[str], tzinfo]

_EPOCH = datetime(1970, 1, 1)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RANGES = {
    "BYSECOND": (0, 59),  # the RFC's 60 is a leap second, which Unix time does not have
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (1, 366),
}
_SIGNED = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")
_KEYS = ("FREQ", "INTERVAL", "UNTIL", "COUNT", "BYDAY", "WKST", *_RANGES)
_BELOW_DAY = (Frequency.HOURLY, Frequency.MINUTELY, Frequency.SECONDLY)
# Where a part has no meaning, by the table of RFC 5545 section 3.3.10.
_BARRED = {
    "BYMONTHDAY": (Frequency.WEEKLY,),
    "BYYEARDAY": (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.DAILY),
    "BYWEEKNO": (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.DAILY, *_BELOW_DAY),
    "BYSETPOS": _BELOW_DAY,
}
_BYDAY = re.compile(r"([+-]?\d{1,2})?([A-Z]{2})", re.ASCII)
_STAMP = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?", re.ASCII)
_START = re.compile(r"DTSTART((?:;[^:;]+)*):(\S+)", re.ASCII | re.IGNORECASE)


def is_recurrence(text: str) -> bool:
    """Whether the text is one of ours, well formed or not."""
    return text.upper().startswith(("RRULE", "DTSTART"))


def parse_recurrence(text: str) -> occurrences.RecurrenceText:
    """An `RRULE:` line, with a `DTSTART:` line before it or without."""
    words = text.split()
    start = _start(words.pop(0)) if words[0].upper().startswith("DTSTART") else None
    if len(words) != 1 or not words[0].upper().startswith("RRULE:"):
        _refuse("one RRULE: line is expected, with at most one DTSTART: line before it and nothing else")
    values = _values(words[0][len("RRULE:") :].upper())
    frequency = _frequency(values)
    parsed = occurrences.RecurrenceText(
        text=text,
        frequency=frequency,
        interval=_interval(values, frequency),
        parts=_parts(values, frequency),
        week_start=_weekday(values),
        start=start,
        until=_until(values),
    )
    if not occurrences.may_fire(parsed):
        _refuse("it never matches; no date fits all of its parts")
    return parsed


def _refuse(reason: str) -> NoReturn:
    raise ScheduleError(f"recurrence rule: {reason}")


def _values(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in text.split(";"):
        key, equals, value = part.partition("=")
        if not equals or not value:
            _refuse(f"'{part}' is not KEY=VALUE")
        if key not in _KEYS:
            _refuse(f"unknown part '{key}'{_suggestion(key, _KEYS)}")
        if key in values:
            _refuse(f"{key} is given twice")
        values[key] = value
    if "COUNT" in values:
        _refuse("COUNT needs a count kept over restarts, and the first runs may be long pruned; give UNTIL instead")
    return values


def _suggestion(word: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, 1)
    return f" (did you mean {close[0]}?)" if close else f"; known are {', '.join(known)}"


def _frequency(values: dict[str, str]) -> Frequency:
    try:
        return Frequency[values["FREQ"]]
    except KeyError:
        known = tuple(Frequency.__members__)
        if "FREQ" not in values:
            _refuse(f"FREQ is missing; it is one of {', '.join(known)}")
        _refuse(f"unknown FREQ={values['FREQ']}{_suggestion(values['FREQ'], known)}")


def _interval(values: dict[str, str], frequency: Frequency) -> int:
    interval = _number("INTERVAL", values.get("INTERVAL", "1"))
    if not 1 <= interval <= frequency.longest:
        _refuse(f"INTERVAL={interval} is outside 1-{frequency.longest} for {frequency.name}")
    return interval


def _number(key: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        _refuse(f"{key}={text[:24]} is not a number that can be meant")
    return int(text)


def _parts(values: dict[str, str], frequency: Frequency) -> Parts:
    for key, barred in _BARRED.items():
        if key in values and frequency in barred:
            _refuse(f"{key} has no meaning with FREQ={frequency.name}")
    if "BYSETPOS" in values and not any(key.startswith("BY") for key in values if key != "BYSETPOS"):
        _refuse("BYSETPOS chooses from what another BY part gives, and there is none")
    numbers = {key: _numbers(key, values.get(key)) for key in _RANGES}
    return Parts(
        seconds=numbers["BYSECOND"],
        minutes=numbers["BYMINUTE"],
        hours=numbers["BYHOUR"],
        weekdays=_days(values, frequency),
        month_days=numbers["BYMONTHDAY"],
        year_days=numbers["BYYEARDAY"],
        weeks=numbers["BYWEEKNO"],
        months=numbers["BYMONTH"],
        positions=numbers["BYSETPOS"],
    )


def _numbers(key: str, text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    low, high = _RANGES[key]
    numbers = sorted({_number(key, item) for item in text.split(",")})
    for number in numbers:
        if not low <= (abs(number) if key in _SIGNED else number) <= high:
            signs = f" or -{high} to -{low}" if key in _SIGNED else ""
            _refuse(f"{key}={number} is outside {low}-{high}{signs}")
    return tuple(numbers)


def _days(values: dict[str, str], frequency: Frequency) -> tuple[tuple[int, int], ...]:
    """BYDAY as (weekday, number) with number 0 for every such weekday."""
    if "BYDAY" not in values:
        return ()
    return tuple(sorted({_day(item, values, frequency) for item in values["BYDAY"].split(",")}))


def _day(item: str, values: dict[str, str], frequency: Frequency) -> tuple[int, int]:
    match = _BYDAY.fullmatch(item)
    if match is None or match[2] not in _WEEKDAYS:
        _refuse(f"BYDAY={item} is not a weekday such as MO, 1MO or -1FR")
    number = int(match[1]) if match[1] else 0
    most = {Frequency.MONTHLY: 5, Frequency.YEARLY: 5 if "BYMONTH" in values else 53}.get(frequency, 0)
    if match[1] and (not 1 <= abs(number) <= most or "BYWEEKNO" in values):
        _refuse(f"BYDAY={item}: the number is outside 1-{most}" if most else f"BYDAY={item}: no number fits here")
    return _WEEKDAYS.index(match[2]), number


def _weekday(values: dict[str, str]) -> int:
    start = values.get("WKST", "MO")
    if start not in _WEEKDAYS:
        _refuse(f"WKST={start} is none of {', '.join(_WEEKDAYS)}")
    return _WEEKDAYS.index(start)


def _until(values: dict[str, str]) -> Stamp | None:
    """A date alone means that whole day: who writes `UNTIL=20261231` wants the run of New Year's Eve."""
    return _stamp("UNTIL", values["UNTIL"], None, 86_399) if "UNTIL" in values else None


def _start(word: str) -> Stamp:
    match = _START.fullmatch(word)
    if match is None:
        _refuse(f"cannot read '{word}'; write DTSTART:20260131T093000, with Z for UTC or ;TZID=Name before the colon")
    zone = None
    for parameter in match[1].split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.upper() == "TZID" and value:
            zone = value
        elif parameter.upper() not in ("VALUE=DATE", "VALUE=DATE-TIME"):
            _refuse(f"DTSTART takes TZID only, not '{parameter}'")
    return _stamp("DTSTART", match[2].upper(), zone, 0)


def _stamp(key: str, text: str, zone: str | None, whole_day: int) -> Stamp:
    match = _STAMP.fullmatch(text)
    if match is None:
        _refuse(f"{key}={text} is not a time such as 20260131T093000, 20260131T093000Z or 20260131")
    if match[3] and zone:
        _refuse(f"{key} gives both Z and TZID")
    try:
        moment = datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S")
    except ValueError:
        _refuse(f"{key}={text}: there is no such date or time")
    if not 1900 <= moment.year <= 9986:
        _refuse(f"{key}={text} is outside the years 1900-9986")
    seconds = int((moment - _EPOCH).total_seconds())
    return Stamp(seconds if match[2] else seconds + whole_day, "UTC" if match[3] else zone)


class RecurrenceRule(Rule):
    """A rule with its starting point: DTSTART where given, else the anchor kept since the schedule was first seen.

    Its zone is that of DTSTART (RFC 5545: a UTC start recurs in UTC), else the job's.
    """

    __slots__ = ("_dst", "_parsed", "_start", "_start_local", "_until", "_zone")

    def __init__(
        self,
        parsed: occurrences.RecurrenceText,
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
        return f"{words}, counted from {occurrences.moment(self._start_local).isoformat(' ')}"

    def warnings(self) -> tuple[str, ...]:
        """A phase, or an UNTIL, that leaves nothing."""
        if self._start is not None and self.next_after(self._start - 1) is None:
            return (f"'{self.text}' never fires from its start on",)
        return ()


def bind_recurrence(
    parsed: occurrences.RecurrenceText, zone: tzinfo, dst: DstPolicy, anchor: float | None, zones: ZoneNamed | None
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
        _refuse("it never matches from its DTSTART on")
    return rule


def _instant(stamp: Stamp, zone: ZoneView) -> int:
    return stamp.local if stamp.zone == "UTC" else zone.instant(stamp.local)


def _named(name: str, own: tzinfo, zones: ZoneNamed | None) -> tzinfo:
    if name == "UTC":
        return UTC
    if name == str(own):
        return own
    if zones is None:
        _refuse(f"DTSTART is in {name} and the job in {own}; give the job schedule_timezone: {name}")
    try:
        return zones(name)
    except (LookupError, ValueError) as error:
        raise ScheduleError(f"recurrence rule: DTSTART names an unknown zone '{name}'") from error
