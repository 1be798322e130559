"""A point in time as a person or a program writes it: epoch seconds, ISO 8601, or what python-dateutil reads.

Owns the reading and the two hard cases of local time. Must not know what the time is for; `now` is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

ZoneOf = Callable[[str], tzinfo | None]

#: Half a day is kept free at both ends, so that no zone can push a printed date out of the years 1 to 9999.
EARLIEST = datetime(1, 1, 2, tzinfo=UTC).timestamp()
LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_SHORTEST, _LONGEST = 3, 100
_PROBES = (datetime(2001, 1, 1), datetime(2002, 2, 2, 1, 1, 1))


def read_when(value: object, zone: tzinfo, zone_of: ZoneOf, now: float) -> float:
    """The epoch seconds that `value` means; text without an offset is local time of `zone`. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected epoch seconds or a date and time as text, found {kind_of(value)}")
    seconds = _of_text(value, zone, zone_of, now) if isinstance(value, str) else value
    if not is_time(seconds):
        raise ValueError("expected a time within the years 1 to 9999")
    return float(seconds)


def is_time(seconds: int | float) -> bool:
    """Could these epoch seconds be printed in any zone? Compared before anything converts them: JSON knows integers
    that no float can hold."""
    return EARLIEST <= seconds <= LATEST


def kind_of(value: object) -> str:
    """What a value is, in the words of JSON."""
    words = {bool: "true or false", int: "a number", float: "a number", str: "text", dict: "a map", list: "a list"}
    return "null" if value is None else words.get(type(value), type(value).__name__)


def epoch_of_local(local: datetime, zone: tzinfo) -> float:
    """Epoch seconds of a local time: the first of a repeated one; the end of the gap for one the clocks jump over."""
    late = local.replace(tzinfo=zone, fold=0).timestamp()  # read with the offset before the gap, so beyond its end
    if datetime.fromtimestamp(late, zone).replace(tzinfo=None, fold=0) == local.replace(fold=0):
        return late
    early = local.replace(tzinfo=zone, fold=1).timestamp()
    return _end_of_gap(early, late, zone)


def _end_of_gap(early: float, late: float, zone: tzinfo) -> float:
    """The instant of the jump: the only change of offset between the two readings of a time that does not exist."""
    before = datetime.fromtimestamp(early, zone).utcoffset()
    low, high = math.floor(early), math.ceil(late)
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return float(high)


def _of_text(text: str, zone: tzinfo, zone_of: ZoneOf, now: float) -> float:
    found = _iso(text) or _human(text, zone, zone_of, now)
    try:
        return epoch_of_local(found, zone) if found.tzinfo is None else found.timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"expected a time within the years 1 to 9999, found {_shown(text)}") from None


def _iso(text: str) -> datetime | None:
    """The common case, without the 15 ms that importing dateutil takes."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _human(text: str, zone: tzinfo, zone_of: ZoneOf, now: float) -> datetime:
    if not _SHORTEST <= len(text.strip()) <= _LONGEST:
        raise ValueError(f"expected a date and time, found {_shown(text)}")

    def named(name: str | None, offset: int | None) -> tzinfo | None:
        return _named_zone(name, offset, zone_of)

    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    first, second = (_dateutil(text, probe, named) for probe in _PROBES)
    _refuse_guess(text, first, second)
    return _dateutil(text, today, named)


def _dateutil(text: str, default: datetime, named: Callable[[str | None, int | None], tzinfo | None]) -> datetime:
    # Here and not above: most triggers carry no time, and fewer still one that ISO 8601 does not cover.
    from dateutil import parser

    try:
        found = parser.parse(text, default=default, tzinfos=named)
    except (parser.ParserError, TypeError, AttributeError, IndexError, ArithmeticError):
        # The parser is known to fail in more ways than it documents; none of them may reach the daemon.
        raise ValueError(f"expected a date and time, found {_shown(text)}") from None
    assert isinstance(found, datetime)
    return found


def _refuse_guess(text: str, first: datetime, second: datetime) -> None:
    """dateutil fills what the text leaves open from a default. Read against two defaults that share no field, the
    fields that agree are the ones the text gives: a time of day, or month and day, must be among them, or a stray
    number becomes a date nobody meant."""
    day = (first.month == second.month, first.day == second.day)
    clock = first.hour == second.hour
    if all(day) or (clock and not any(day) and first.year != second.year):
        return
    raise ValueError(f"expected a date (with month and day) or a time of day, found {_shown(text)}, which is too vague")


def _named_zone(name: str | None, offset: int | None, zone_of: ZoneOf) -> tzinfo | None:
    """dateutil would drop a zone it does not know with a warning, and start the run hours off; we refuse it."""
    if offset is not None:
        from dateutil import tz

        return tz.tzoffset(name, timedelta(seconds=offset))
    if name is None:
        return None
    found = zone_of(name)
    if found is None:
        raise ValueError(f"names the zone {_shown(name)}, which is not known; write an offset such as +02:00")
    return found


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
