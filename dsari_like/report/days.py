"""Days as people count them: from midnight to midnight in the zone of the reports.

Owns the ends of days, which a change of the clock moves. A day is its number in the calendar (`date.toordinal`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from dsari_like.report.moments import at

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that is drawn."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.begin


def day_of(time: float, zone: tzinfo) -> int:
    """The day an instant falls on."""
    return at(time, zone).toordinal()


def begin_of(day: int, zone: tzinfo) -> float:
    """The first instant of a day; where the clock skips midnight, what comes in its place."""
    return datetime.combine(date.fromordinal(day), datetime.min.time(), zone).astimezone(UTC).timestamp()


def ends(first: int, last: int, zone: tzinfo) -> list[float]:
    """The beginnings of all days from the first to the last, and the end of the last."""
    return [begin_of(day, zone) for day in range(first, last + 2)]


def key(day: int) -> str:
    """`2026-11-20`, for names of files."""
    return date.fromordinal(day).isoformat()


def title(day: int) -> str:
    """`Fri 20 Nov 2026`."""
    return f"{date.fromordinal(day):%a %-d %b %Y}"


def short(day: int) -> str:
    """`Fri 20 Nov`."""
    return f"{date.fromordinal(day):%a %-d %b}"


def last_hours(now: float, hours: int) -> Window:
    """So many whole hours up to the end of the present one: pages that show it differ from hour to hour only."""
    end = (now // HOUR + 1) * HOUR
    return Window(end - hours * HOUR, end)


def week_of(now: float, zone: tzinfo) -> range:
    """The day of `now` and the six before it."""
    today = day_of(now, zone)
    return range(today - 6, today + 1)
