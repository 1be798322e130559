"""When retention is applied: a little at a time, and only while the loop has nothing better to do.

Owns the moments: soon after a start or a reload, then once an hour, and when somebody asks. A step takes a few
milliseconds, and between two steps there is a rest of several times that: a file system that has just removed ten
thousand files makes new ones several times slower, and the next run wants a directory. Must not know which runs go.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dsari_like.core import messages as m
from dsari_like.core.retention import Moment, span
from dsari_like.core.trust import Trust
from dsari_like.parts import Parts
from dsari_like.store.attic import Attic
from dsari_like.store.pruning import Pruner, applies, look_at_clock
from dsari_like.store.shelf import Shelf
from dsari_like.system.logs import LOG
from dsari_like.system.patience import Patience

AFTER_START = 1.0  # seconds; what waited for a daemon goes first
EVERY = 3600.0
BUDGET = 0.005
REST = 0.045
REST_WHEN_ASKED = 0.005  # somebody waits
_WHAT = "remove old runs"


class Upkeep:
    """The work of retention, taken up and left again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._shelf = Shelf(parts.runlog.connection)
        self._attic = Attic(parts.configuration.data_dir)
        self._pruner = Pruner(self._shelf, self._attic, LOG.warning)
        self._patience = Patience()
        self._trust: Trust | None = None
        self._looked = 0.0  # when the clock was looked at
        self._known = parts.configuration
        self._work: Iterator[None] | None = None
        self._asked: list[m.Prune] = []
        self._serving: list[m.Prune] = []
        self._done: list[m.Prune] = []  # to be answered as soon as the pages show it
        begin = parts.clock.mono() + AFTER_START
        self._sweep_at = begin if applies(self._known) or self._attic.left() else None
        self._step_at = begin

    def ask(self, request: m.Prune) -> None:
        """Apply retention now."""
        self._asked.append(request)

    def next_step(self) -> float | None:
        """When there is something to do, by the monotonic clock; None for never."""
        if self._parts.configuration is not self._known:
            self._known = self._parts.configuration
            self._sweep_at = self._step_at if applies(self._known) else None
        if self._work is not None or self._asked or self._done:
            return self._step_at
        return None if self._sweep_at is None else max(self._sweep_at, self._step_at)

    def step(self, now: m.Now) -> bool:
        """Work for a few milliseconds, if it is time; what goes wrong goes wrong here, and is tried again later.
        Returns whether anything was done."""
        due = self.next_step()
        if due is None or now.mono < due:
            return False
        try:
            self._answer(now)
            self._go_on(now)
        except (OSError, sqlite3.Error) as error:
            self._work, self._asked, self._serving = None, [*self._serving, *self._asked], []
            self._sweep_at = now.mono
            delay, line = self._patience.failed(_WHAT, error, now.mono)
            self._step_at = now.mono + delay
            if line:
                LOG.error("%s", line)
        return True

    def _go_on(self, now: m.Now) -> None:
        clock = self._parts.clock
        if self._work is None:
            self._work = self._begun(now)
        for _ in self._work:
            if clock.mono() >= now.mono + BUDGET:
                break
        else:
            self._end(now)
        self._step_at = clock.mono() + (REST_WHEN_ASKED if self._serving or self._done else REST)

    def _begun(self, now: m.Now) -> Iterator[None]:
        """A sweep over the one job that somebody asked for, or over all."""
        self._serving, self._asked = self._asked, []
        jobs = {request.job_name for request in self._serving}
        is_due = self._sweep_at is not None and self._sweep_at <= now.mono
        job = jobs.pop() if len(jobs) == 1 and not is_due else None
        if is_due:
            self._sweep_at = now.mono + EVERY if applies(self._known) else None
        return self._pruner.work(self._known, self._moment(now), job)

    def _end(self, now: m.Now) -> None:
        self._work, self._done, self._serving = None, [*self._done, *self._serving], []
        if self._pruner.removed:
            LOG.info("retention removed %d runs", self._pruner.removed)
        line = self._patience.succeeded(_WHAT)
        if line:
            LOG.info("%s", line)

    def _moment(self, now: m.Now) -> Moment:
        """The clock, and whether to believe it. Kept, so that a restart does not make a leap look like the truth."""
        before, elapsed = self._trust, now.mono - self._looked
        self._trust = look_at_clock(self._shelf, before, now.wall, elapsed)
        self._looked = now.mono
        self._shelf.remember_trust(self._trust)
        if not self._trust.is_whole and (before is None or before.is_whole):
            LOG.warning(
                "the wall clock is %s %s of what was last recorded: no run is removed for its age before the clock has"
                " stood for a day",
                span(abs(self._trust.leap)),
                "ahead" if self._trust.leap > 0 else "behind",
            )
        return Moment(now.wall, self._trust.is_whole)

    def _answer(self, now: m.Now) -> None:
        """Tell who asked. Not before the step after the last: the pages have been brought up to date by then."""
        reason = f"{self._pruner.removed} runs removed"
        receipts = [
            m.WriteReceipt(request.request_id, "completed", request.job_name or "", now.wall, reason=reason)
            for request in self._done
            if request.request_id
        ]
        if receipts:
            self._parts.inbox.write_receipts(receipts)
        for request in self._done:
            if request.claim is not None:  # not before: a crash in the middle leaves it to the next daemon
                self._parts.inbox.drop(request.claim)
        self._done = []
