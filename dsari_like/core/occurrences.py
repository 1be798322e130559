"""The local times of a recurrence rule, found near the instant that is asked for.

Owns the search, which is bounded whatever the rule. Must not know zones, policies or the text of the rule.

dateutil is the engine where it is right: for the frequencies that expand a period, in `expansion`. Daily and faster
rules only ever filter days, and there it does not end (30 February by the minute runs for ever; twenty thousand
refused days take it three seconds), so that loop of five lines is ours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import product

from dsari_like.core.expansion import expanded
from dsari_like.core.months import month_shape
from dsari_like.core.rrule import Frequency, Parts, RecurrenceText

_DAY = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date(9987, 1, 1).toordinal() - _EPOCH_DAY
_DAYS_TRIED = 60 * 366
# A date that exists at all exists within 40 years (29 February, a given weekday, across 2100).
_YEARS_TRIED = 44
# Within a century, 28 years hold every pair of leap year and weekday.
_YEARS_OF_ALL_SHAPES = 28
_NEUTRAL_START = 946_684_800


def may_fire(parsed: RecurrenceText) -> bool:
    """Whether some start lets the rule match; with its own DTSTART where that is given.

    INTERVAL is left out where the phase is not known yet, and below the day, where it depends on the zone.
    """
    if not _dates_exist(parsed) or not _positions_exist(parsed):
        return False
    if parsed.start is None or parsed.frequency.is_below_day:
        parsed = replace(parsed, interval=1)
    if parsed.start is None:
        return first(parsed, _NEUTRAL_START, _NEUTRAL_START, _YEARS_OF_ALL_SHAPES) is not None
    return first(parsed, parsed.start.local, parsed.start.local) is not None


def _dates_exist(parsed: RecurrenceText) -> bool:
    """Whether some month has the days wanted, as many as BYSETPOS needs of a month.

    A necessary condition, in a few milliseconds for 28 years: dateutil needs up to a second to find that no first
    Friday is a 20th.
    """
    parts, frequency = parsed.parts, parsed.frequency
    in_month = frequency is Frequency.MONTHLY or bool(parts.months)
    needed = -(-_least_position(parts) // _clock_count(parts)) if frequency is Frequency.MONTHLY else 1
    months = product(range(2000, 2000 + _YEARS_OF_ALL_SHAPES), parts.months or range(1, 13))
    return any(_days_in(parts, year, month, numbered=in_month) >= needed for year, month in months)


def _days_in(parts: Parts, year: int, month: int, *, numbered: bool) -> int:
    """How many days of a month the day parts leave; `numbered`: BYDAY counts within the month."""
    first_weekday, length = month_shape(year, month)
    if not parts.month_days and not parts.weekdays:
        return 1
    return sum(
        (not parts.month_days or day in parts.month_days or day - length - 1 in parts.month_days)
        and (not parts.weekdays or _is_wanted(parts, (first_weekday + day - 2) % 7, day, length, numbered))
        for day in range(1, length + 1)
    )


def _is_wanted(parts: Parts, weekday: int, day: int, length: int, numbered: bool) -> bool:
    numbers = (0, (day + 6) // 7, -((length - day) // 7) - 1)
    return any(wanted == weekday and (not numbered or number in numbers) for wanted, number in parts.weekdays)


def _positions_exist(parsed: RecurrenceText) -> bool:
    """Whether BYSETPOS asks for no more than a day, week or year can hold."""
    most = {"WEEKLY": len(parsed.parts.weekdays) or 1, "MONTHLY": 31, "YEARLY": 366}.get(parsed.frequency.name, 1)
    return _least_position(parsed.parts) <= most * _clock_count(parsed.parts)


def _least_position(parts: Parts) -> int:
    return min((abs(position) for position in parts.positions), default=1)


def _clock_count(parts: Parts) -> int:
    return (len(parts.hours) or 1) * (len(parts.minutes) or 1) * (len(parts.seconds) or 1)


def first(parsed: RecurrenceText, start: int, local: int, years: int = _YEARS_TRIED) -> int | None:
    """The first local second of the rule from `local` on, counted from the local second `start`; None for never."""
    local = max(local, start)
    if parsed.frequency.is_below_day:
        return _counted(parsed, start, local)
    if parsed.frequency is Frequency.DAILY:
        return _daily(parsed, start, local)
    return next((second for second in expanded(parsed, start, local, years) if second >= local), None)


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
