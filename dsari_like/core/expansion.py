"""The weekly and slower recurrences, which expand a period into dates: dateutil's part of the work.

Owns how dateutil is asked. It counts on from DTSTART, so a rule that is years old would get slower each day; it is
started again in the period that holds the instant, which gives the same dates once nothing is left implied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dsari_like.core.rrule import Frequency, Parts, RecurrenceText, moment

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_EPOCH = datetime(1970, 1, 1)
_LAST_YEAR = 9_986
_WEEKS_TRIED = 800


def expanded(parsed: RecurrenceText, start: int, local: int, years: int) -> Iterator[int]:
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
