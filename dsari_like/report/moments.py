"""Instants and spans as people say them.

Owns the wording of dates and durations. Nothing here is relative to the moment of writing: a static page that says
"3 minutes ago" is wrong a minute later, so every date is whole and its zone is named.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = "/etc/localtime"
_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def zone_of(name: str) -> tzinfo:
    """The zone of this name; that of the machine for the empty name, UTC when there is none."""
    try:
        if name:
            return ZoneInfo(name)
        with open(LOCALTIME, "rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`; a dash for none."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s" if seconds >= 0.05 else f"{max(seconds, 0.0) * 1000:.0f} ms"
    whole = round(seconds)
    for size, unit, small, small_unit in _UNITS:
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{whole} s"


def at(time: float, zone: tzinfo) -> datetime:
    """The instant in a zone; the ends of the calendar for what lies beyond them."""
    try:
        return datetime.fromtimestamp(time, zone)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 12, 30, tzinfo=zone) if time > 0 else datetime(1, 1, 2, tzinfo=zone)


@lru_cache(maxsize=1_000)  # a run is told of on several pages, one after the other
def iso(time: float, zone: tzinfo = UTC) -> str:
    """For machines: ISO 8601 to the millisecond, with the offset."""
    return at(time, zone).isoformat(timespec="milliseconds")


@lru_cache(maxsize=1_000)
def moment(time: float, zone: tzinfo) -> str:
    """For sentences: `Fri 20 Nov 2026, 16:23:08 CET`."""
    there = at(time, zone)
    return f"{there:%a %-d %b %Y, %H:%M:%S} {zone_word(there)}"


def day(time: float, zone: tzinfo) -> str:
    """For the heading of a day in a list: `Fri 20 Nov 2026`."""
    return f"{at(time, zone):%a %-d %b %Y}"


def month(time: float, zone: tzinfo) -> str:
    """For the heading of a month in a list: `November 2026`."""
    return f"{at(time, zone):%B %Y}"


def clock(time: float, zone: tzinfo) -> str:
    """For a list whose days have headings: `16:23:08`."""
    return f"{at(time, zone):%H:%M:%S}"


def short(time: float, zone: tzinfo) -> str:
    """For the columns of tables whose zone is named elsewhere: `20 Nov 2026 16:23:08`."""
    return f"{at(time, zone):%-d %b %Y %H:%M:%S}"


def weekday(time: float, zone: tzinfo) -> str:
    """For times near to the reader: `Fri 20 Nov 16:23`, with the seconds when there are any."""
    there = at(time, zone)
    return f"{there:%a %-d %b %H:%M:%S}" if there.second else f"{there:%a %-d %b %H:%M}"


def zone_word(there: datetime) -> str:
    """`CET`, or the offset where the zone has no letters for itself."""
    name = there.tzname() or ""
    return name if name.isalpha() else "UTC" + there.isoformat()[-6:]


def zone_name(zone: tzinfo) -> str:
    """What the zone is called in a footer."""
    return getattr(zone, "key", None) or str(zone.tzname(None) or "the local time of the machine")
