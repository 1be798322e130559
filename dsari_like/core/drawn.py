"""The `R` forms of cron: a time that is drawn anew for each run, and is the same whoever asks for it.

Owns what a value is drawn for: the second for each minute, the minute for each hour, the hour for each day, the day
of the month for each month, the month for each year, and the weekday for each week from Monday on. So between two
runs the calendar is fixed, and a restart or a reload moves nothing (B-30); and yet the next run has another time
(D-59). Must not know clocks that jump: like any calendar this is a set of local seconds.
"""

from __future__ import annotations

from datetime import date

from dsari_like.core import hashing, phrases
from dsari_like.core.cron import EPOCH_DAY, CronRule, CronText, lowest
from dsari_like.core.fields import KINDS
from dsari_like.core.hashing import Numbers
from dsari_like.core.months import month_shape
from dsari_like.core.rule import DstPolicy
from dsari_like.core.zones import ZoneView

_MINUTE, _HOUR, _DATE, _MONTH, _WEEKDAY, _SECOND = (kind.index for kind in KINDS)
#: What the value of each field is drawn for.
_PERIODS = ("hour", "day", "month", "year", "week", "minute")


class DrawnRule(CronRule):
    """An expression with an `R` in it."""

    __slots__ = ("_items", "_name")

    def __init__(self, parsed: CronText, name: str, numbers: Numbers, zone: ZoneView, dst: DstPolicy) -> None:
        super().__init__(parsed, numbers, zone, dst)
        self._name = name
        self._items = tuple(tuple(item for item in field.hashed if item.drawn) for field in parsed.fields)

    def describe(self) -> str:
        """As written, and what is drawn how often."""
        drawn = [
            f"the {KINDS[index].name} for each {_PERIODS[index]}" for index, items in enumerate(self._items) if items
        ]
        return f"'{self.text}', where {phrases.listed(drawn)} is drawn anew"

    def _next_second(self, day: int, clock: int) -> int | None:
        """The first matching second of one day from `clock` on."""
        hour, rest = divmod(clock, 3_600)
        hours = self._hour | self._drawn(_HOUR, day)
        while hours >> hour:
            hour += lowest(hours >> hour)
            second = self._within_hour(day * 24 + hour, rest if hour == clock // 3_600 else 0)
            if second is not None:
                return hour * 3_600 + second
            hour += 1
        return None

    def _within_hour(self, hour: int, clock: int) -> int | None:
        minute, second = divmod(clock, 60)
        minutes = self._minute | self._drawn(_MINUTE, hour)
        while minutes >> minute:
            minute += lowest(minutes >> minute)
            seconds = self._second | self._drawn(_SECOND, hour * 60 + minute)
            second = second if minute == clock // 60 else 0
            if seconds >> second:
                return minute * 60 + second + lowest(seconds >> second)
            minute += 1
        return None

    def _months(self, year: int) -> int:
        return self._month | self._drawn(_MONTH, year)

    def _dates(self, year: int, month: int) -> int:
        return self._day | self._drawn(_DATE, year * 12 + month)

    def _by_weekday(self, year: int, month: int) -> int:
        days = super()._by_weekday(year, month)
        if not self._items[_WEEKDAY]:
            return days
        first, length = month_shape(year, month)
        monday = date(year, month, 1).toordinal() - EPOCH_DAY + 3  # 1 January 1970 was a Thursday
        for day in range(1, length + 1):
            weekday = (first + day - 1) % 7
            if self._drawn(_WEEKDAY, (monday + day - 1) // 7) >> weekday & 1:
                days |= 1 << day
        return days

    def _drawn(self, index: int, period: int) -> int:
        """The values drawn for one field in one period, as bits."""
        values = 0
        for place, item in enumerate(self._items[index]):
            number = hashing.drawn(self._name, f"{self.text} {place}", index, period)
            values |= KINDS[index].folded(item.mask(number))
        return values
