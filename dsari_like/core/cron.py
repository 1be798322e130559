"""Cron expressions: five or six fields, `H` and the `@` aliases, walked as a calendar.

Owns the calendar (which local seconds match) and nothing else: `fields` reads the text, `walk` decides what clock
jumps do, and `drawn` gives the `R` forms a calendar that is another one each time. The walk is on bit sets and day
numbers, not on datetimes, because 100,000 of these are asked at once.
"""

from __future__ import annotations

from datetime import date
from functools import cache

from dsari_like.core import phrases
from dsari_like.core.fields import KINDS, LAST_DAY, Field, parse_field
from dsari_like.core.hashing import Numbers
from dsari_like.core.months import month_shape
from dsari_like.core.record import record
from dsari_like.core.rule import DstPolicy, Lost, Rule, ScheduleError, Slot
from dsari_like.core.walk import intended, lost, next_slot
from dsari_like.core.zones import DAY, ZoneView

EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date(9987, 1, 1).toordinal() - EPOCH_DAY
_MONTHS_AHEAD = 60 * 12
_PLAIN_SECOND = Field("0", star=False, mask=1)

ALIASES = {
    "@midnight": "H H(0-2) * * *",
    "@hourly": "H * * * *",
    "@daily": "H H * * *",
    "@weekly": "H H * * H",
    "@monthly": "H H H * *",
    "@yearly": "H H H H *",
    "@annually": "H H H H *",
}
"""D-60, D5: hashed, so that a thousand `@daily` jobs do not start in the same second."""


@record
class CronText:
    """A parsed expression, shared by every job that has the same text."""

    text: str
    fields: tuple[Field, ...]
    elapsed: bool
    both_days: bool
    every_day: bool
    hashed: bool
    drawn: bool

    @property
    def needs_anchor(self) -> bool:
        """A calendar needs no starting point."""
        return False


def parse_cron(text: str) -> CronText:
    """A five- or six-field expression, or an alias for one."""
    fields = _fields(ALIASES.get(text.lower(), text).split())
    minute, hour, day, month, weekday, _ = fields
    return CronText(
        text,
        fields,
        elapsed=minute.star or hour.star,
        both_days=day.star or weekday.star,
        every_day=day.text == month.text == weekday.text == "*",
        hashed=any(field.hashed for field in fields),
        drawn=any(item.drawn for field in fields for item in field.hashed),
    )


def _fields(words: list[str]) -> tuple[Field, ...]:
    if len(words) not in (5, 6):
        raise ScheduleError(
            f"{len(words)} field{'s' * (len(words) != 1)} where 5 are expected (minute hour day-of-month month "
            "day-of-week), or 6 with the second last"
        )
    fields = tuple(parse_field(kind, word) for kind, word in zip(KINDS, words, strict=False))
    if len(fields) == 6:
        return fields
    hashed = any(field.hashed for field in fields)
    return (*fields, parse_field(KINDS[5], "H") if hashed else _PLAIN_SECOND)


class CronRule(Rule):
    """An expression with its hashed values resolved. Slots and shared numbers only: about 120 bytes each."""

    __slots__ = ("_day", "_dst", "_hour", "_minute", "_month", "_parsed", "_second", "_weekday", "_zone")

    by_offset = False

    def __init__(self, parsed: CronText, numbers: Numbers, zone: ZoneView, dst: DstPolicy) -> None:
        self._parsed = parsed
        self._zone = zone
        self._dst = dst
        masks = [field.mask for field in parsed.fields]
        if parsed.hashed:
            for index, field in enumerate(parsed.fields):
                for item in field.hashed:
                    if item.drawn:
                        continue
                    values = KINDS[index].folded(item.mask(numbers(index)))
                    # `|` would make a new integer of each rule's own, even from a zero.
                    masks[index] = masks[index] | values if masks[index] else values
        self._minute, self._hour, self._day, self._month, self._weekday, self._second = masks

    @property
    def text(self) -> str:
        """The schedule as it was written."""
        return self._parsed.text

    @property
    def elapsed(self) -> bool:
        """General rule 3: a minute or hour field that begins with `*` follows elapsed time."""
        return self._parsed.elapsed

    def next_after(self, after: float) -> Slot | None:
        """The first slot strictly later than `after`."""
        return next_slot(self, self._zone, self._dst, after)

    def intended(self, slot: Slot) -> tuple[str, ...]:
        """The local times the slot stands for, the skipped ones among them."""
        return intended(self, self._zone, slot)

    def lost_between(self, after: float, until: float) -> tuple[Lost, ...]:
        """Local times that the policy, or the size of a jump, leaves out."""
        return tuple(lost(self, self._zone, self._dst, after, until))

    def describe(self) -> str:
        """The times and days in words."""
        times = phrases.times(self._hour, self._minute, self._second)
        if self._parsed.every_day:
            return f"daily {times}" if times.startswith("at ") else times
        numbered = self._parsed.fields[4].numbered
        days = phrases.days(self._day, self._weekday, numbered, both=self._parsed.both_days)
        return " ".join(filter(None, (times, days, phrases.months(self._month))))

    def warnings(self) -> tuple[str, ...]:
        """Steps that leave one value (D1), and dates that do not exist (D2)."""
        told = tuple(warning for field in self._parsed.fields for warning in field.warnings)
        if self._next_day(0) is None:  # D2; any 60 years hold every calendar, so the starting day does not matter
            return (*told, f"'{self.text}' never fires: no calendar date fits it")
        return told

    def first(self, local: int, offset: int) -> int | None:
        """The first matching local second from `local` on. `offset` plays no part: cron knows wall time only."""
        today, clock = divmod(local, DAY)
        day = self._next_day(today)
        if day == today:
            second = self._next_second(day, clock)
            if second is not None:
                return day * DAY + second
            day = self._next_day(today + 1)
        return None if day is None else day * DAY + (self._next_second(day, 0) or 0)

    def _next_second(self, day: int, clock: int) -> int | None:
        """The first matching second of a day from `clock` on; all matching days are alike."""
        hour, rest = divmod(clock, 3_600)
        minute, second = divmod(rest, 60)
        if self._hour >> hour & 1:
            if self._minute >> minute & 1 and (seconds := self._second >> second):
                return clock + lowest(seconds)
            if minutes := self._minute >> minute + 1:
                return hour * 3_600 + (minute + 1 + lowest(minutes)) * 60 + lowest(self._second)
        if hours := self._hour >> hour + 1:
            hour += 1 + lowest(hours)
            return hour * 3_600 + lowest(self._minute) * 60 + lowest(self._second)
        return None

    def _next_day(self, day: int) -> int | None:
        """The first matching day from `day` on, in days since 1970; None when 60 years hold no such day."""
        if self._parsed.every_day or day >= _LAST_DAY:
            return day if day < _LAST_DAY else None
        start = date.fromordinal(day + EPOCH_DAY)
        year, month, earliest = start.year, start.month, start.day
        for _ in range(_MONTHS_AHEAD):
            if self._months(year) >> month & 1 and (found := self._days(year, month) >> earliest):
                return date(year, month, earliest + lowest(found)).toordinal() - EPOCH_DAY
            year, month, earliest = (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)
        return None

    def _months(self, year: int) -> int:
        """The months of a year as bits 1-12."""
        return self._month

    def _dates(self, year: int, month: int) -> int:
        """The days of a month by their date, as bits."""
        return self._day

    def _by_weekday(self, year: int, month: int) -> int:
        """The days of a month by their weekday, as bits; those beyond its end do not matter."""
        return _weekdays(month_shape(year, month)[0], self._weekday)

    def _days(self, year: int, month: int) -> int:
        """The matching days of one month as bits 1-31 (general rule 5)."""
        first, length = month_shape(year, month)
        inside = (2 << length) - 2
        dates = self._dates(year, month)
        by_date = dates & inside
        if dates & LAST_DAY:
            by_date |= 1 << length
        by_weekday = self._by_weekday(year, month) & inside
        for weekday, number in self._parsed.fields[4].numbered:
            by_weekday |= _numbered(first, length, weekday, number)
        return by_date & by_weekday if self._parsed.both_days else by_date | by_weekday


def _numbered(first: int, length: int, weekday: int, number: int) -> int:
    """The k-th, or last (-1), given weekday of a month, as a bit; nothing where the month has no fifth."""
    day = 1 + (weekday - first) % 7
    day += (length - day) // 7 * 7 if number < 0 else (number - 1) * 7
    return 1 << day if day <= length else 0


@cache
def _weekdays(first: int, weekday: int) -> int:
    """The days of a month that begins on weekday `first` and fall into a set of weekdays. 7 x 128 entries at most."""
    return sum(1 << day for day in range(1, 32) if weekday >> (first + day - 1) % 7 & 1)


def lowest(mask: int) -> int:
    """The lowest bit that is set."""
    return (mask & -mask).bit_length() - 1
