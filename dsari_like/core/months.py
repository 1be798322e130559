"""How long a month is and on which weekday it begins: the one question every calendar walk asks.

Owns a small cache. Knows no schedules.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache


@lru_cache(maxsize=4_096)
def month_shape(year: int, month: int) -> tuple[int, int]:
    """The weekday of the first (Sunday is 0, as in cron), and the number of days."""
    first = date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    return first.isoweekday() % 7, (following - first).days
