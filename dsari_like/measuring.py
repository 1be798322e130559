"""The file for a textfile collector: written when anything changed, but at most every ten seconds.

Owns the moments and the file. A little at a time, while the loop has nothing better to do. Must not know what is
counted; that is `report/metrics.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsari_like.core import messages as m
from dsari_like.parts import Parts
from dsari_like.report.files import Site
from dsari_like.report.metrics import FILE, Meter
from dsari_like.store.reader import Reader

EVERY = 10.0
BUDGET = 0.003


class Measuring:
    """Keeps `metrics.prom` up to date."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._meter = Meter(Reader(parts.runlog.connection))
        self._known = -1
        self._at = 0.0  # by the monotonic clock; not before
        self._work: Iterator[str | None] | None = None

    def is_stale(self) -> bool:
        """Whether anything changed since it was written."""
        return self._work is not None or self._known != self._meter.reader.newest_revision()

    def next_step(self) -> float | None:
        """When there is something to do, by the monotonic clock; None for not before something changes."""
        return self._at if self.is_stale() else None

    def step(self, now: m.Now) -> bool:
        """Go on for a few milliseconds, if it is time; True when there is more to do at once."""
        if now.mono < self._at or not self.is_stale():
            return False
        if self._work is None:
            self._known = self._meter.reader.newest_revision()
            self._work = self._meter.pieces(sorted(self._parts.configuration.jobs), now.wall)
        end = self._parts.clock.mono() + BUDGET
        for piece in self._work:
            if piece is not None:
                Site(self._parts.configuration.data_dir).put(FILE, piece)
                break
            if self._parts.clock.mono() >= end:
                return True
        self._work, self._at = None, now.mono + EVERY
        return False
