"""What the daemon does when it has nothing better to do: pages, numbers, spare directories, what retention removes.

Owns when that is tried again after it failed. Both are loaded here and not before: a start waits for nothing of it.
Must not be asked while anything is ready.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from dsari_like.core import messages as m
from dsari_like.errors import StoreError
from dsari_like.parts import Parts
from dsari_like.system.logs import LOG
from dsari_like.system.patience import Patience

if TYPE_CHECKING:
    from dsari_like.measuring import Measuring
    from dsari_like.upkeep import Upkeep

#: Seconds of rendering before the loop looks again whether something more urgent has come. A page that was begun is
#: finished, so this is added to the longest of them; a turn of the loop in between costs a tenth of it.
RENDER_BUDGET = 0.001


class Idle:
    """A little at a time of what can wait."""

    def __init__(self, parts: Parts, patience: Patience) -> None:
        self._parts = parts
        self._patience = patience
        self._render_at = 0.0
        self._measure_at = 0.0
        self._upkeep: Upkeep | None = None
        self._measuring: Measuring | None = None

    def render(self, now: m.Now) -> bool:
        """A few pages. True when there are more to do."""
        if now.mono < self._render_at or not self._parts.configuration.render:
            return False
        try:
            renderer = self._parts.renderer()
            more = renderer.stale() and renderer.step(now.wall, RENDER_BUDGET, self._parts.clock.mono)
        except (OSError, sqlite3.Error, StoreError) as error:
            self._render_at = now.mono + self._failed("write the pages", error, now)
            return False
        again = self._patience.succeeded("write the pages")
        if again:
            LOG.info("%s", again)
        return more or self._measure(now)

    def _measure(self, now: m.Now) -> bool:
        """A little of the numbers for a monitoring system. True when there is more to do."""
        if now.mono < self._measure_at or not self._parts.configuration.render:
            return False
        try:
            if self._measuring is None:
                from dsari_like.measuring import Measuring

                self._measuring = Measuring(self._parts)
            more = self._measuring.step(now)
        except (OSError, sqlite3.Error) as error:
            self._measure_at = now.mono + self._failed("write the metrics", error, now)
            return False
        again = self._patience.succeeded("write the metrics")
        if again:
            LOG.info("%s", again)
        return more

    def keep_up(self, now: m.Now) -> bool:
        """Prepare a start to come, or a little of what retention has to remove; True when it did something, for that
        has pages. What cannot even be loaded, for want of descriptors, waits for a later turn."""
        if self._parts.children.stock_up():
            return True
        try:
            return self.upkeep().step(now)
        except OSError as error:
            self._failed("load what removes old runs", error, now)
            return False

    def upkeep(self) -> Upkeep:
        """The work of retention."""
        if self._upkeep is None:
            from dsari_like.upkeep import Upkeep

            self._upkeep = Upkeep(self._parts)
        return self._upkeep

    def moments(self, now: m.Now, at_rest: bool) -> list[float]:
        """When there is something to do by itself, by the monotonic clock; removals only while all else is at rest."""
        moments = [self._render_at] if self._render_at > now.mono else []
        if self._measuring is not None and at_rest and self._parts.configuration.render:
            measured = self._measuring.next_step()
            moments += [] if measured is None else [max(measured, self._measure_at)]
        removal = self._upkeep.next_step() if self._upkeep is not None and at_rest else None
        return moments if removal is None else [*moments, removal]

    def _failed(self, what: str, error: Exception, now: m.Now) -> float:
        delay, line = self._patience.failed(what, error, now.mono)
        if line:
            LOG.error("%s", line)
        return delay
