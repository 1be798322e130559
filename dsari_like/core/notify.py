"""The nouns of `notify`: what people may be told of, and the rules that say who is told of what.

Owns the levels at which rules stand, and how they add up: each adds to those farther away, unless it replaces them.
Must not know when anything is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime, timedelta, tzinfo
from datetime import time as clock_time
from enum import Enum

from dsari_like.core.record import record


class Kind(Enum):
    """What somebody is told of."""

    FAILED = "failed"
    RECOVERED = "recovered"  # it went well, and its failure was told
    WARNING = "warning"
    COMPLETED = "completed"
    STARTED = "started"
    LATE = "late"  # it runs much longer than usual
    MISSED = "missed"  # a time passed while no daemon was there
    TIMED_OUT = "timed_out"


@record
class Rule:
    """Who is told of what, and when. Field names are the keys of `notify`; times of day are minutes."""

    on: tuple[Kind, ...] = (Kind.FAILED, Kind.RECOVERED)
    to: tuple[str, ...] = field(default=(), repr=False)  # may hold passwords; what is shown is made of this text
    replace: bool = False
    after: int = 1
    over: float = 50.0
    quiet_hours: tuple[int, int] | None = None
    digest: int | None = None

    def held_until(self, now: float, zone: tzinfo | None) -> float | None:
        """When what happens now is told; None for at once."""
        if self.digest is not None:
            return _next(self.digest, now, zone)
        if self.quiet_hours is None:
            return None
        start, end = self.quiet_hours
        local = datetime.fromtimestamp(now, zone)
        minute = local.hour * 60 + local.minute
        is_quiet = start <= minute < end if start < end else minute >= start or minute < end
        return _next(end, now, zone) if is_quiet else None


#: A rule under the key that the run log knows it by.
Keyed = tuple[str, Rule]


def together(levels: Iterable[tuple[str, tuple[Rule, ...]]]) -> tuple[Keyed, ...]:
    """The rules of several levels, the farthest first: each adds its own, or replaces what was said before (K-58)."""
    found: list[Keyed] = []
    for owner, rules in levels:
        if any(rule.replace for rule in rules):
            found.clear()
        found += [(f"{owner}/notify-{number}", rule) for number, rule in enumerate(rules, 1)]
    return tuple(found)


def time_words(minute: int) -> str:
    """A time of day as it is written."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _next(minute: int, now: float, zone: tzinfo | None) -> float:
    """The next time it is so late in the day."""
    today = datetime.fromtimestamp(now, zone).date()
    of_day = clock_time(minute // 60, minute % 60)
    days = (datetime.combine(today + timedelta(number), of_day, zone).timestamp() for number in range(3))
    return next(time for time in days if time > now)
