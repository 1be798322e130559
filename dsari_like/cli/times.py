"""Points in time on the command line, and how listings show them.

Owns the reading of `2h`, `yesterday` and dates, and one form for columns: the date as it sorts, with the zone beside
it. Sentences have their own form (`report.moments`). Must not know what a time is for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from dsari_like.cli.exits import UsageFault
from dsari_like.config import plans
from dsari_like.config.checks import Unfit, read_duration
from dsari_like.core.when import read_when
from dsari_like.report.moments import at, zone_word

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def read_time(text: str, zone: tzinfo, now: float, option: str, direction: int = -1) -> float:
    """The instant that a person means: a span from now (backwards unless `direction` is 1), a day, epoch seconds or
    a date. A plain number is epoch seconds, so that a script can hand on what it was given."""
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    span = read_duration(text)
    if span is not None:
        return now + direction * span
    if text == "now":
        return now
    day, _, clock = text.partition(" ")
    if day in _DAYS:
        midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        text, now = clock, (midnight + timedelta(days=_DAYS[day])).timestamp()
        if not text:
            return now
    try:
        return read_when(text, zone, zone_or_none, now)
    except ValueError as error:
        raise UsageFault(f"{option}: {error}; or a span such as 2h, or today, yesterday, tomorrow") from None


def wish(text: str) -> float | str:
    """A time as a trigger file carries it: a number where it is one, else the text."""
    seconds = _seconds(text)
    return text if seconds is None else seconds


def zone_or_none(name: str) -> tzinfo | None:
    """The zone of that name, if there is one."""
    try:
        return plans.zone(name)
    except Unfit:
        return None


def stamp(time: float | None, zone: tzinfo) -> str:
    """`2026-11-20 16:23:08 CET`; a dash for none."""
    if time is None:
        return "-"
    there = at(time, zone)
    return f"{there:%Y-%m-%d %H:%M:%S} {zone_word(there)}"


def iso(time: float, zone: tzinfo = UTC) -> str:
    """For programs: `2026-03-29T03:00:00+02:00`, with a fraction only where there is one."""
    text = at(round(time, 3), zone).isoformat()
    return text.removesuffix("+00:00") + "Z" if zone is UTC else text


def _seconds(text: str) -> float | None:
    try:
        return float(text) if text.replace(".", "", 1).isdigit() and text.isascii() else None
    except ValueError:
        return None
