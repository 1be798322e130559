"""The times in a trigger expression: as they may be written, as they are kept, and when each comes next.

Owns three ways of writing (epoch seconds, a date and time, seconds of Qube time) and one of keeping: `1800000000` or
`+3600` (after the run was made), with `-60` behind it for an interval. Must not know zones or durations: how these are
read is an argument.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

from dsari_like.core.expression import Expression
from dsari_like.core.record import record
from dsari_like.core.terms import SELF, EventType, ExpressionError, Term

#: Qube time counts from midnight of 2000-01-01 in US Eastern time (Q-29).
QUBE_EPOCH = 946_702_800.0

REPEATED = {EventType.REPEAT, EventType.GLOBALREPEAT}
TIMED = {EventType.TIME, EventType.GLOBALTIME, *REPEATED}

_NUMBER = re.compile(r"@?(-?\d{1,12}(?:\.\d{1,6})?)")
_SHORTEST_INTERVAL = 1.0


@record
class Reading:
    """How text is read: `moment` gives epoch seconds of a date and time, `duration` seconds of `90m`; both raise
    ValueError. `qube` says that bare numbers are Qube time."""

    moment: Callable[[str], float]
    duration: Callable[[str], float]
    qube: bool = False


def settled(expression: Expression, reading: Reading) -> Expression:
    """The expression with its times as they are kept; raises ExpressionError for one that is none."""
    if isinstance(expression, Term):
        if expression.type not in TIMED:
            return expression
        return replace(expression, extra=_kept(expression, reading))
    return type(expression)(tuple(settled(part, reading) for part in expression.parts))


def next_instant(term: Term, since: float, after: float) -> float | None:
    """When a settled term comes true next, later than `after`; None for never again. `since`: when its run was made."""
    first, _, interval = (term.extra or "").partition("-")
    start = since + float(first[1:]) if first.startswith("+") else float(first)
    if not interval:
        return start if start > after else None
    step = float(interval)
    return start if start > after else start + (math.floor((after - start) / step) + 1) * step


def _kept(term: Term, reading: Reading) -> str:
    try:
        return _kept_text(term, reading)
    except ValueError as error:
        raise ExpressionError(term.column, f"{term.extra!r}: {error}") from None


def _kept_text(term: Term, reading: Reading) -> str:
    text, interval = term.extra or "", ""
    if term.type in REPEATED:
        text, _, interval = text.rpartition("-")
        if not text:
            raise ValueError("expected a first time and an interval, such as 1800000000-3600")
    if text.startswith("+"):
        if term.context != SELF:
            raise ValueError("a time after the making of a run is of that run alone: write self")
        kept = "+" + _plain(reading.duration(text[1:]))
    else:
        kept = _plain(_absolute(text, reading))
    return f"{kept}-{_interval(interval, reading)}" if interval else kept


def _absolute(text: str, reading: Reading) -> float:
    number = _NUMBER.fullmatch(text.removeprefix("qube:"))
    if number is None:
        return reading.moment(text)
    is_qube = text.startswith("qube:") or (reading.qube and not text.startswith("@"))
    found = float(number[1]) + (QUBE_EPOCH if is_qube else 0.0)
    if found < 0:
        raise ValueError("expected a time after 1970")
    return found


def _interval(text: str, reading: Reading) -> str:
    seconds = reading.duration(text)
    if seconds < _SHORTEST_INTERVAL:
        raise ValueError(f"expected an interval of at least {_SHORTEST_INTERVAL:g} s")
    return _plain(seconds)


def _plain(seconds: float) -> str:
    """Without an exponent, which holds a dash."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
