"""The only reader of clocks in the package; everything else is given a `Now` or a `Clock`.

Two clocks, one object: `wall` for calendars and records, `mono` for limits. Must not know what either is used for.
"""

from __future__ import annotations

import time

from dsari_like.core.messages import Now


class Clock:
    """The real clocks. A test hands in its own."""

    def now(self) -> Now:
        """Both clocks, read together."""
        return Now(time.time(), time.monotonic())

    def mono(self) -> float:
        """The monotonic clock alone, for budgets."""
        return time.monotonic()
