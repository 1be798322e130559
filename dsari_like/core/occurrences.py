"""The local times of a recurrence rule, found near the instant that is asked for.

Owns the search, which is bounded whatever the rule. Must not know zones, policies or the text of the rule.

dateutil is the engine for the frequencies that expand (weekly, monthly, yearly), where it is right. Two things are
ours. It counts on from DTSTART, so a rule that is years old gets slower each day: it is started again in the period
that holds the instant. And it does not end: 30 February by the minute runs for ever, and twenty thousand refused
days take it three seconds; daily and faster rules only ever filter days, which is a loop of five lines here.
"""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from dsari_like.core.months import month_shape

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_DAY = 86_400
_EPOCH = datetime(1970, 1, 1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date(9987, 1, 1).toordinal() - _EPOCH_DAY
_LAST_YEAR = 9_986
_DAYS_TRIED = 60 * 366
# A date that exists at all exists within 40 years (29 February, a given weekday, across 2100).
_YEARS_TRIED = 44
# Within a century, 28 years hold every pair of leap year and weekday.
_YEARS_OF_ALL_SHAPES = 28
_WEEKS_TRIED = 800
_NEUTRAL_START = 946_684_800


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


@dataclass(frozen=True, slots=True)
class Stamp:
    """A local second, and the zone named with it: None is the job's own."""

    local: int
    zone: str | None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


def may_fire(parsed: RecurrenceText) -> bool:
    """Whether some start lets the rule match; with its own DTSTART where that is given.

    INTERVAL is left out where the phase is not known yet, and below the day, where it depends on the zone.
    """
    if not _dates_exist(parsed.parts) or not _positions_exist(parsed):
        return False
    if parsed.start is None or parsed.frequency.is_below_day:
        parsed = replace(parsed, interval=1)
    start = _NEUTRAL_START if parsed.start is None else parsed.start.local
    return first(parsed, start, start, _YEARS_OF_ALL_SHAPES) is not None


def _dates_exist(parts: Parts) -> bool:
    """Any of these days of the month in any of these months. Cheap, and the commonest way never to match."""
    if not parts.months or not parts.month_days:
        return True
    longest = max(29 if month == 2 else month_shape(2000, month)[1] for month in parts.months)
    return min(abs(day) for day in parts.month_days) <= longest


def _positions_exist(parsed: RecurrenceText) -> bool:
    parts = parsed.parts
    if not parts.positions:
        return True
    days = sum(1 if number else 5 for _, number in parts.weekdays) or 31
    month = min(days, len(parts.month_days) or 31)
    most = {"WEEKLY": len(parts.weekdays) or 1, "MONTHLY": month, "YEARLY": 366}.get(parsed.frequency.name, 1)
    clocks = (len(parts.hours) or 1) * (len(parts.minutes) or 1) * (len(parts.seconds) or 1)
    return min(abs(position) for position in parts.positions) <= most * clocks


def first(parsed: RecurrenceText, start: int, local: int, years: int = _YEARS_TRIED) -> int | None:
    """The first local second of the rule from `local` on, counted from the local second `start`; None for never."""
    local = max(local, start)
    if parsed.frequency.is_below_day:
        return _counted(parsed, start, local)
    if parsed.frequency is Frequency.DAILY:
        return _daily(parsed, start, local)
    return next((second for second in _expanded(parsed, start, local, years) if second >= local), None)


def _counted(parsed: RecurrenceText, start: int, local: int) -> int | None:
    """Hours, minutes or seconds, counted from the start at the interval, and filtered by the BY parts."""
    unit, interval, parts = parsed.frequency.unit, parsed.interval, parsed.parts
    moments = _by_remainder(unit, interval, *_clock_parts(parsed, start))
    today, clock = divmod(local, _DAY)
    for day in range(today, min(today + _DAYS_TRIED, _LAST_DAY)):
        due = moments.get((start // unit - day * (_DAY // unit)) % interval)
        if due and due[-1] >= clock and _fits(parts, day):
            return day * _DAY + due[bisect_left(due, clock)]
        clock = 0
    return None


def _clock_parts(parsed: RecurrenceText, start: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Hours, minutes and seconds; what is not given comes from the start, or is everything below the frequency."""
    parts, unit = parsed.parts, parsed.frequency.unit
    hour, rest = divmod(start % _DAY, 3_600)
    hours = parts.hours or (tuple(range(24)) if unit else (hour,))
    minutes = parts.minutes or (tuple(range(60)) if unit in (1, 60) else (rest // 60,))
    seconds = parts.seconds or (tuple(range(60)) if unit == 1 else (rest % 60,))
    return hours, minutes, seconds


@lru_cache(maxsize=64)
def _clocks(hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]) -> tuple[int, ...]:
    """The seconds of the day, in order."""
    return tuple(hour * 3_600 + minute * 60 + second for hour, minute, second in product(hours, minutes, seconds))


@lru_cache(maxsize=64)
def _by_remainder(
    unit: int, interval: int, hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]
) -> Mapping[int, tuple[int, ...]]:
    """The seconds of a day, by the remainder of their unit's number: one look-up a day then finds what is due.

    It also makes `INTERVAL=60` with a second that never comes round an empty table instead of an endless search.
    """
    groups: dict[int, list[int]] = {}
    for clock in _clocks(hours, minutes, seconds):
        groups.setdefault(clock // unit % interval, []).append(clock)
    return {remainder: tuple(clocks) for remainder, clocks in groups.items()}


def _daily(parsed: RecurrenceText, start: int, local: int) -> int | None:
    """Every n-th day that fits."""
    clocks = _chosen(_clocks(*_clock_parts(parsed, start)), parsed.parts.positions)
    today, clock = divmod(local, _DAY)
    wait = (start // _DAY - today) % parsed.interval
    if wait:
        today, clock = today + wait, 0
    for day in range(today, min(today + _DAYS_TRIED * parsed.interval, _LAST_DAY), parsed.interval):
        if clocks and clocks[-1] >= clock and _fits(parsed.parts, day):
            return day * _DAY + clocks[bisect_left(clocks, clock)]
        clock = 0
    return None


def _chosen(clocks: tuple[int, ...], positions: tuple[int, ...]) -> tuple[int, ...]:
    """BYSETPOS within one day: counted from 1, or from the end with -1."""
    if not positions:
        return clocks
    chosen = {position - 1 if position > 0 else len(clocks) + position for position in positions}
    return tuple(clock for index, clock in enumerate(clocks) if index in chosen)


def _fits(parts: Parts, day: int) -> bool:
    """Whether a day (since 1970) passes the filters."""
    if not (parts.months or parts.month_days or parts.weekdays or parts.year_days):
        return True
    found = date.fromordinal(day + _EPOCH_DAY)
    length = month_shape(found.year, found.month)[1]
    return (
        (not parts.months or found.month in parts.months)
        and (not parts.weekdays or (found.weekday(), 0) in parts.weekdays)
        and (not parts.month_days or not {found.day, found.day - length - 1}.isdisjoint(parts.month_days))
        and (not parts.year_days or _fits_year(found, parts.year_days))
    )


def _fits_year(found: date, year_days: tuple[int, ...]) -> bool:
    number = found.toordinal() - date(found.year, 1, 1).toordinal() + 1
    length = date(found.year, 12, 31).toordinal() - date(found.year, 1, 1).toordinal() + 1
    return not {number, number - length - 1}.isdisjoint(year_days)


def _expanded(parsed: RecurrenceText, start: int, local: int, years: int) -> Iterator[int]:
    """The rule's local seconds from the start of the period that holds `local`, in dateutil's hands."""
    for found in _engine(parsed, moment(start), moment(local), years):
        yield int((found - _EPOCH).total_seconds())


def _engine(parsed: RecurrenceText, start: datetime, near: datetime, years: int) -> rrule:
    """dateutil's rule, begun at a period near the instant, with every part that DTSTART implies made explicit.

    Only so may its start be moved: otherwise the new start would lend its own day and time to the rule.
    """
    from dateutil import rrule as dateutil

    parts = _explicit(parsed, start)
    base = _PERIODS[parsed.frequency](parsed, start, near)
    return dateutil.rrule(
        getattr(dateutil, parsed.frequency.name),
        dtstart=base,
        until=_horizon(parsed, base, years),
        interval=parsed.interval,
        wkst=parsed.week_start,
        byweekday=[dateutil.weekday(day, number or None) for day, number in parts.weekdays] or None,
        bymonthday=parts.month_days or None,
        byyearday=parts.year_days or None,
        byweekno=parts.weeks or None,
        bymonth=parts.months or None,
        bysetpos=parts.positions or None,
        byhour=parts.hours,
        byminute=parts.minutes,
        bysecond=parts.seconds,
    )


def _explicit(parsed: RecurrenceText, start: datetime) -> Parts:
    """RFC 5545: information the rule lacks comes from DTSTART.

    That holds for the weekday of BYWEEKNO too, where dateutil would take all seven days of the week.
    """
    given = parsed.parts
    parts = replace(
        given,
        hours=given.hours or (start.hour,),
        minutes=given.minutes or (start.minute,),
        seconds=given.seconds or (start.second,),
    )
    if parts.weekdays or parts.month_days or parts.year_days:
        return parts
    if parts.weeks or parsed.frequency is Frequency.WEEKLY:
        return replace(parts, weekdays=((start.weekday(), 0),))
    if parsed.frequency is Frequency.YEARLY:
        return replace(parts, months=parts.months or (start.month,), month_days=(start.day,))
    return replace(parts, month_days=(start.day,))


def _week(parsed: RecurrenceText, start: datetime, near: datetime) -> datetime:
    """Weeks begin on WKST, so that BYSETPOS and an interval see whole ones from the first on."""
    monday = start.replace(hour=0, minute=0, second=0) - timedelta(days=(start.weekday() - parsed.week_start) % 7)
    return monday + timedelta(weeks=_whole((near - monday).days // 7, parsed.interval))


def _month(parsed: RecurrenceText, start: datetime, near: datetime) -> datetime:
    number = start.year * 12 + start.month - 1
    number += _whole(near.year * 12 + near.month - 1 - number, parsed.interval)
    return datetime(number // 12, number % 12 + 1, 1)


def _year(parsed: RecurrenceText, start: datetime, near: datetime) -> datetime:
    return datetime(start.year + _whole(near.year - start.year, parsed.interval), 1, 1)


def _whole(periods: int, interval: int) -> int:
    """Whole intervals, one fewer than fit: week 1 of a year may begin in the old one."""
    return max(periods // interval - 1, 0) * interval


_PERIODS = {Frequency.WEEKLY: _week, Frequency.MONTHLY: _month, Frequency.YEARLY: _year}


def _horizon(parsed: RecurrenceText, base: datetime, years: int) -> datetime:
    """Where the search ends, in about as many steps whatever the interval."""
    if parsed.frequency is Frequency.WEEKLY:
        return base + timedelta(weeks=min(_WEEKS_TRIED * parsed.interval, 52 * (_LAST_YEAR - base.year)))
    return datetime(min(base.year + years * parsed.interval, _LAST_YEAR), 12, 31)
