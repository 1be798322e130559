"""The text of a recurrence rule (RFC 5545): its parts, what is admitted, and what is refused with a reason.

Owns the grammar. Must not know how dates are found, nor jobs. Stricter than dateutil's own parser, which takes
`INTERVAL=0` (one instant for ever) and month 13 (never); UNTIL is read with and without a zone (B-69).
"""

from __future__ import annotations

import enum
import re
from datetime import datetime, timedelta
from typing import NoReturn

from dsari_like.core.record import record
from dsari_like.core.rule import ScheduleError

_EPOCH = datetime(1970, 1, 1)


class Frequency(enum.Enum):
    """FREQ."""

    YEARLY = (100, 0)
    MONTHLY = (1_200, 0)
    WEEKLY = (5_200, 0)
    DAILY = (36_525, 0)
    HOURLY = (8_784, 3_600)
    MINUTELY = (527_040, 60)
    SECONDLY = (31_622_400, 1)

    @property
    def longest(self) -> int:
        """The largest INTERVAL that can be meant."""
        return self.value[0]

    @property
    def unit(self) -> int:
        """Seconds of what a rule below the day counts; 0 for the others."""
        return self.value[1]

    @property
    def is_below_day(self) -> bool:
        """Hours, minutes or seconds: elapsed time (D7)."""
        return self.unit > 0


@record
class Stamp:
    """A local second, and the zone named with it: None is the job's own."""

    local: int
    zone: str | None


@record
class Parts:
    """The BY parts; empty where not given. Weekdays are (Monday 0, number), number 0 for every one."""

    seconds: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


@record
class RecurrenceText:
    """A parsed rule, shared by every job that has the same text."""

    text: str
    frequency: Frequency
    interval: int
    parts: Parts
    week_start: int
    start: Stamp | None
    until: Stamp | None

    @property
    def needs_anchor(self) -> bool:
        """Without DTSTART the phase hangs on an instant that the caller keeps (D-61)."""
        return self.start is None

    def describe(self) -> str:
        """The rule itself: its parts say more, in fewer words, than a paraphrase would."""
        unit = {"DAILY": "day"}.get(self.frequency.name, self.frequency.name.lower().removesuffix("ly"))
        every = f"every {unit}" if self.interval == 1 else f"every {self.interval} {unit}s"
        rule = self.text.split()[-1].partition(":")[2].upper().split(";")
        kept = [part for part in rule if not part.startswith(("FREQ=", "INTERVAL="))]
        return f"{every} ({';'.join(kept)})" if kept else every


def moment(local: int) -> datetime:
    """A local second as a naive datetime."""
    return _EPOCH + timedelta(seconds=local)


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
# Where RFC 5545 section 3.3.10 gives a part no meaning; and BYSETPOS within an hour, which nobody was seen to use.
_BARRED = {
    "BYMONTHDAY": (Frequency.WEEKLY,),
    "BYYEARDAY": (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.DAILY),
    "BYWEEKNO": (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.DAILY, *_BELOW_DAY),
    "BYSETPOS": _BELOW_DAY,
}
_BYDAY = re.compile(r"([+-]?\d{1,2})?([A-Z]{2})", re.ASCII)
_STAMP = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?", re.ASCII)
_START = re.compile(r"DTSTART((?:;[^:;]+)*):(\S+)", re.ASCII | re.IGNORECASE)


def read(text: str) -> RecurrenceText:
    """An `RRULE:` line, with a `DTSTART:` line before it or without. Whether it ever matches is not asked here."""
    words = text.split()
    start = _start(words.pop(0)) if words[0].upper().startswith("DTSTART") else None
    if len(words) != 1 or not words[0].upper().startswith("RRULE:"):
        refuse("one RRULE: line is expected, with at most one DTSTART: line before it and nothing else")
    values = _values(words[0][len("RRULE:") :].upper())
    frequency = _frequency(values)
    return RecurrenceText(
        text=text,
        frequency=frequency,
        interval=_interval(values, frequency),
        parts=_parts(values, frequency),
        week_start=_weekday(values),
        start=start,
        until=_until(values),
    )


def refuse(reason: str) -> NoReturn:
    """Every fault of a recurrence is told alike."""
    raise ScheduleError(f"recurrence rule: {reason}")


def _values(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in text.split(";"):
        key, equals, value = part.partition("=")
        if not equals or not value:
            refuse(f"'{part}' is not KEY=VALUE")
        if key not in _KEYS:
            refuse(f"unknown part '{key}'{_suggestion(key, _KEYS)}")
        if key in values:
            refuse(f"{key} is given twice")
        values[key] = value
    if "COUNT" in values:
        refuse("COUNT needs a count kept over restarts, and the first runs may be long pruned; give UNTIL instead")
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
            refuse(f"FREQ is missing; it is one of {', '.join(known)}")
        refuse(f"unknown FREQ={values['FREQ']}{_suggestion(values['FREQ'], known)}")


def _interval(values: dict[str, str], frequency: Frequency) -> int:
    interval = _number("INTERVAL", values.get("INTERVAL", "1"))
    if not 1 <= interval <= frequency.longest:
        refuse(f"INTERVAL={interval} is outside 1-{frequency.longest} for {frequency.name}")
    return interval


def _number(key: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        refuse(f"{key}={text[:24]} is not a number that can be meant")
    return int(text)


def _parts(values: dict[str, str], frequency: Frequency) -> Parts:
    for key, barred in _BARRED.items():
        if key in values and frequency in barred:
            refuse(f"{key} cannot be used with FREQ={frequency.name}")
    if "BYSETPOS" in values and not any(key.startswith("BY") for key in values if key != "BYSETPOS"):
        refuse("BYSETPOS chooses from what another BY part gives, and there is none")
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
            refuse(f"{key}={number} is outside {low}-{high}{signs}")
    return tuple(numbers)


def _days(values: dict[str, str], frequency: Frequency) -> tuple[tuple[int, int], ...]:
    """BYDAY as (weekday, number) with number 0 for every such weekday."""
    if "BYDAY" not in values:
        return ()
    return tuple(sorted({_day(item, values, frequency) for item in values["BYDAY"].split(",")}))


def _day(item: str, values: dict[str, str], frequency: Frequency) -> tuple[int, int]:
    match = _BYDAY.fullmatch(item)
    if match is None or match[2] not in _WEEKDAYS:
        refuse(f"BYDAY={item} is not a weekday such as MO, 1MO or -1FR")
    number = int(match[1]) if match[1] else 0
    most = {Frequency.MONTHLY: 5, Frequency.YEARLY: 5 if "BYMONTH" in values else 53}.get(frequency, 0)
    if match[1] and (not 1 <= abs(number) <= most or "BYWEEKNO" in values):
        refuse(f"BYDAY={item}: the number is outside 1-{most}" if most else f"BYDAY={item}: no number fits here")
    return _WEEKDAYS.index(match[2]), number


def _weekday(values: dict[str, str]) -> int:
    start = values.get("WKST", "MO")
    if start not in _WEEKDAYS:
        refuse(f"WKST={start} is none of {', '.join(_WEEKDAYS)}")
    return _WEEKDAYS.index(start)


def _until(values: dict[str, str]) -> Stamp | None:
    """A date alone means that whole day: who writes `UNTIL=20261231` wants the run of New Year's Eve."""
    return _stamp("UNTIL", values["UNTIL"], None, 86_399) if "UNTIL" in values else None


def _start(word: str) -> Stamp:
    match = _START.fullmatch(word)
    if match is None:
        refuse(f"cannot read '{word}'; write DTSTART:20260131T093000, with Z for UTC or ;TZID=Name before the colon")
    zone = None
    for parameter in match[1].split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.upper() == "TZID" and value:
            zone = value
        elif parameter.upper() not in ("VALUE=DATE", "VALUE=DATE-TIME"):
            refuse(f"DTSTART takes TZID only, not '{parameter}'")
    return _stamp("DTSTART", match[2].upper(), zone, 0)


def _stamp(key: str, text: str, zone: str | None, whole_day: int) -> Stamp:
    match = _STAMP.fullmatch(text)
    if match is None:
        refuse(f"{key}={text} is not a time such as 20260131T093000, 20260131T093000Z or 20260131")
    if match[3] and zone:
        refuse(f"{key} gives both Z and TZID")
    try:
        moment = datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S")
    except ValueError:
        refuse(f"{key}={text}: there is no such date or time")
    if not 1900 <= moment.year <= 9986:
        refuse(f"{key}={text} is outside the years 1900-9986")
    seconds = int((moment - _EPOCH).total_seconds())
    return Stamp(seconds if match[2] else seconds + whole_day, "UTC" if match[3] else zone)
