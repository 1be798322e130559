"""How a run is brought to its end: limits, graces, and what an end means once it has come.

Owns the monotonic deadlines of active runs, and the definition each was started as, which a reload does not touch.
Must not know what follows an end; that is `engine.py`.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable

from dsari_like.core.choices import Reason
from dsari_like.core.ledger import Ledger
from dsari_like.core.lifecycle import RunEvent
from dsari_like.core.messages import Signal
from dsari_like.core.model import Exit, Job, Run
from dsari_like.core.timetable import Timetable


class Endings:
    """The active runs, and when each will be told what."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._definitions: dict[str, Job] = {}
        self._limits = Timetable()  # monotonic clock: a step of the wall clock ends no run early (P11)

    def begun(self, run: Run, job: Job) -> None:
        """The run is active from now on. One that an earlier daemon had asked to end has its grace anew: nobody else
        remembers to end it."""
        self._definitions[run.run_id] = job
        if run.ending is not None:
            self._limits.set(run.run_id, self._ledger.now.mono + job.max_execution_grace)

    def watch(self, run: Run) -> None:
        """Its process exists: `max_execution` counts. A run taken over has spent some of it already."""
        limit, now = self._definitions[run.run_id].max_execution, self._ledger.now
        if limit is not None and run.ending is None:
            elapsed = max(0.0, now.wall - (run.start_time or now.wall))
            self._limits.set(run.run_id, now.mono + max(0.0, limit - elapsed))

    def forget(self, run: Run) -> None:
        """The run has ended."""
        self._definitions.pop(run.run_id, None)
        self._limits.remove(run.run_id)

    def next_deadline(self) -> float | None:
        """The earliest limit or end of a grace, by the monotonic clock; None for never."""
        return self._limits.next_deadline()

    def time_passed(self) -> None:
        """Tell those whose time is up: TERM first, KILL after the grace."""
        for run_id, _ in list(self._limits.pop_due(self._ledger.now.mono)):
            run = self._ledger.runs[run_id]
            if run.ending is None:
                limit = self._definitions[run_id].max_execution
                self.ask(run, Reason.MAX_EXECUTION, f"it ran longer than its max_execution of {limit:g} s")
            else:
                self._ledger.out.append(Signal(run_id, signal.SIGKILL, "it did not end within the grace"))

    def ask(self, run: Run, reason: Reason, why: str, grace: float | None = None) -> None:
        """Ask the whole process group to end; the state changes when it is dead. KILL follows after the grace, which
        is the job's unless given; an infinite one never ends."""
        run.ending, run.message = reason, why
        self._ledger.out.append(Signal(run.run_id, signal.SIGTERM, why))
        grace = self._definitions[run.run_id].max_execution_grace if grace is None else grace
        self._limits.remove(run.run_id)
        if math.isfinite(grace):
            self._limits.set(run.run_id, self._ledger.now.mono + grace)
        self._ledger.save(run)

    def ask_all(self, runs: Iterable[Run], grace: float | None) -> None:
        """The daemon is stopping and takes its runs with it. Without a grace they may take as long as they like, as
        in dsari (D-13); who was asked to end before is not asked again, but has no more time than the others."""
        for run in runs:
            if run.ending is None:
                self.ask(run, Reason.SHUTDOWN, "the daemon is stopping", math.inf if grace is None else grace)
            elif grace is not None:
                latest = self._ledger.now.mono + grace
                self._limits.set(run.run_id, min(latest, self._limits.get(run.run_id) or latest))


def verdict(run: Run, exit_: Exit | None) -> tuple[RunEvent, Reason | None, str]:
    """What an end means: who was told to end has ended for that reason, whatever its exit status, and even without
    one (a KILL to the whole group of a run that was taken over ends its keeper too)."""
    told = _told(exit_)
    if run.ending in (Reason.WHILE_RUNNING, Reason.SHUTDOWN):
        return RunEvent.CANCELLED, run.ending, f"ended after it was told to ({told})"
    if run.ending is not None:
        return RunEvent.FAILED, run.ending, f"ended after its limit ({told})"
    if exit_ is not None and exit_.code == 0:
        return RunEvent.SUCCEEDED, None, told
    return RunEvent.FAILED, Reason.SIGNAL if exit_ is not None and exit_.signal else Reason.EXIT, told


def _told(exit_: Exit | None) -> str:
    if exit_ is None:
        return "it left no exit status"
    return f"exit {exit_.code}" if exit_.signal is None else f"signal {exit_.signal}"
