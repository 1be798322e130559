"""Sets of calendar values in words, for pages and messages.

Owns English only. Must not know how a schedule is parsed or walked.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NUMBERED = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_MOST_TIMES = 6
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def listed(words: Sequence[str]) -> str:
    """One, two, or `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def duration(seconds: int) -> str:
    """`1 hour 30 minutes`, and `hour` for one alone: it follows `every`."""
    parts = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'s' * (count != 1)}")
    return parts[0].removeprefix("1 ") if len(parts) == 1 else " ".join(parts)


def times(hours: int, minutes: int, seconds: int) -> str:
    """Times of day from three bit sets."""
    clocks = list(product(_members(hours), _members(minutes), _members(seconds))) if _few(hours) else []
    if 0 < len(clocks) <= _MOST_TIMES:
        return "at " + listed([_clock(*clock) for clock in clocks])
    if seconds.bit_count() == minutes.bit_count() == 60:
        parts = ["every second", _hour_words(hours)]
    else:
        parts = [_minute_words(minutes, all_hours=not _few(hours)), _hour_words(hours), _second_words(seconds)]
    return ", ".join(filter(None, parts))


def _few(hours: int) -> bool:
    return hours.bit_count() < 24


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def _second_words(seconds: int) -> str:
    if seconds == 1:
        return ""
    members = _members(seconds)
    return f"at second{'s' * (len(members) != 1)} {_ranges(members)}"


def _minute_words(minutes: int, *, all_hours: bool) -> str:
    members = _members(minutes)
    step = 60 // len(members)
    if members == tuple(range(0, 60, step)) and len(members) > 1:
        return "every minute" if step == 1 else f"every {step} minutes"
    every = "every hour " if all_hours else ""
    return f"{every}at minute{'s' * (len(members) != 1)} {_ranges(members)}"


def _hour_words(hours: int) -> str:
    members = _members(hours)
    return "" if len(members) == 24 else f"in hour{'s' * (len(members) != 1)} {_ranges(members)}"


def days(dates: int, weekdays: int, numbered: Sequence[tuple[int, int]], *, both: bool) -> str:
    """Which days, from the day-of-month and day-of-week sets, joined as general rule 5 joins them."""
    by_date = "" if dates.bit_count() >= 31 else _date_words(dates)
    by_weekday = "" if weekdays.bit_count() == 7 else _weekday_words(weekdays, numbered)
    if by_date and by_weekday:
        return f"{by_date}, only {by_weekday}" if both else f"{by_date} or {by_weekday}"
    return (by_date or by_weekday) if both else ""


def _date_words(dates: int) -> str:
    members = [day for day in _members(dates) if day]
    parts = [f"on day{'s' * (len(members) != 1)} {_ranges(members)} of the month"] if members else []
    if dates & 1:
        parts.append("on the last day of the month")
    return listed(parts)


def _weekday_words(weekdays: int, numbered: Sequence[tuple[int, int]]) -> str:
    words = [f"{_WEEKDAYS[day]}s" for day in _members(weekdays)]
    words += [f"the {_NUMBERED[number]} {_WEEKDAYS[day]} of the month" for day, number in numbered]
    return f"on {listed(words)}"


def months(mask: int) -> str:
    """`in March and June`, or nothing for all twelve."""
    members = _members(mask)
    return "" if len(members) == 12 else "in " + listed([_MONTHS[month - 1] for month in members])


def _members(mask: int) -> tuple[int, ...]:
    return tuple(value for value in range(mask.bit_length()) if mask >> value & 1)


def _ranges(members: Sequence[int]) -> str:
    """`1-5, 8 and 13`: neighbours joined, pairs left apart."""
    runs: list[list[int]] = []
    for value in members:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return listed([word for run in runs for word in _run_words(run)])


def _run_words(run: Sequence[int]) -> list[str]:
    return [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(value) for value in run]
