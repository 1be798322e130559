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
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.messages import RequestCancel, Signal
from dsari_like.core.model import Exit, Job, Run
from dsari_like.core.timetable import Timetable


class Endings:
    """The active runs, and when each will be told what."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._definitions: dict[str, Job] = {}
        self._again: set[str] = set()  # those that an earlier daemon had asked to end
        self._requested: set[str] = set()  # those that have a request before them, and no signal yet
        self._limits = Timetable()  # monotonic clock: a step of the wall clock ends no run early (P11)

    def begun(self, run: Run, job: Job) -> None:
        """The run is active from now on."""
        self._definitions[run.run_id] = job

    def restored(self, run: Run, job: Job) -> None:
        """The same for one that an earlier daemon started. If that had asked it to end, it has its grace anew, and is
        asked once more when its process is found: nobody else remembers to."""
        self.begun(run, job)
        if run.ending is not None and run.has_process:
            self._again.add(run.run_id)
            self._limits.set(run.run_id, self._ledger.now.mono + job.max_execution_grace)

    def definition(self, run: Run) -> Job:
        """The job as the run was started."""
        return self._definitions[run.run_id]

    def watch(self, run: Run, anew: bool) -> None:
        """Its process exists: `max_execution` counts, for all processes of the run together. A run taken over has spent
        some of it already; how much, only the wall clock can tell."""
        job, now = self._definitions[run.run_id], self._ledger.now
        if run.run_id in self._again:
            self._again.discard(run.run_id)
            self._insist(run, job.cancel_grace if run.ending is Reason.WHILE_RUNNING else 0.0)
        elif job.max_execution is not None and run.ending is None and run.run_id not in self._limits:
            elapsed = 0.0 if anew and run.launch == 1 else max(0.0, now.wall - (run.start_time or now.wall))
            self._limits.set(run.run_id, now.mono + max(0.0, job.max_execution - elapsed))

    def forget(self, run: Run) -> None:
        """The run has ended."""
        self._definitions.pop(run.run_id, None)
        self._again.discard(run.run_id)
        self._requested.discard(run.run_id)
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
            elif run_id in self._requested:
                self._requested.discard(run_id)
                self._tell(run, run.message, None)
            else:
                self._ledger.out.append(Signal(run_id, signal.SIGKILL, "it did not end within the grace"))

    def request(self, run: Run, why: str) -> None:
        """Somebody wants the run to end: a file in its directory says so, for a command that looks (J-25), and TERM
        follows after the job's `cancel_grace`, KILL after the other grace."""
        run.ending, run.message = Reason.WHILE_RUNNING, why
        self._ledger.out.append(RequestCancel(run.snapshot(), why))
        self._insist(run, self._definitions[run.run_id].cancel_grace)
        self._ledger.note(run, why)

    def ask(self, run: Run, reason: Reason, why: str, grace: float | None = None) -> None:
        """Ask the whole process group to end; the state changes when it is dead. KILL follows after the grace, which
        is the job's unless given; an infinite one never ends."""
        run.ending, run.message = reason, why
        self._tell(run, why, grace)
        self._ledger.save(run)

    def ask_all(self, runs: Iterable[Run], grace: float | None) -> None:
        """The daemon is stopping and takes its runs with it. Without a grace they may take as long as they like, as
        in dsari (D-13); who was asked to end before is not asked again, but has no more time than the others."""
        for run in runs:
            if run.ending is None:
                self.ask(run, Reason.SHUTDOWN, "the daemon is stopping", math.inf if grace is None else grace)
            elif run.run_id in self._requested:
                self._requested.discard(run.run_id)
                self._tell(run, "the daemon is stopping", math.inf if grace is None else grace)
            elif grace is not None:
                latest = self._ledger.now.mono + grace
                self._limits.set(run.run_id, min(latest, self._limits.get(run.run_id) or latest))

    def _insist(self, run: Run, patience: float) -> None:
        """TERM when the run has had so much time to end by itself."""
        if patience > 0:
            self._requested.add(run.run_id)
            self._limits.set(run.run_id, self._ledger.now.mono + patience)
        else:
            self._tell(run, run.message, None)

    def _tell(self, run: Run, why: str, grace: float | None) -> None:
        self._ledger.out.append(Signal(run.run_id, signal.SIGTERM, why))
        grace = self._definitions[run.run_id].max_execution_grace if grace is None else grace
        self._limits.remove(run.run_id)
        if math.isfinite(grace):
            self._limits.set(run.run_id, self._ledger.now.mono + grace)


def verdict(run: Run, exit_: Exit | None) -> tuple[RunEvent, Reason | None, str]:
    """What an end means: who was told to end has ended for that reason, whatever its exit status, and even without
    one (a KILL to the whole group of a run that was taken over ends its keeper too)."""
    told = _told(exit_)
    if run.ending in (Reason.WHILE_RUNNING, Reason.SHUTDOWN):
        return RunEvent.CANCELLED, run.ending, f"ended after it was told to ({told})"
    if run.ending is not None:
        last = run.ending is Reason.DEADLINE and run.state is RunState.TIMED_OUT
        return RunEvent.SECOND_DEADLINE if last else RunEvent.FAILED, run.ending, f"ended after its limit ({told})"
    if exit_ is not None and exit_.code == 0:
        return RunEvent.SUCCEEDED, None, told
    return RunEvent.FAILED, Reason.SIGNAL if exit_ is not None and exit_.signal else Reason.EXIT, told


def _told(exit_: Exit | None) -> str:
    if exit_ is None:
        return "it left no exit status"
    return f"exit {exit_.code}" if exit_.signal is None else f"signal {exit_.signal}"
