"""Signs of life: which run has been silent for how long, and what its two deadlines make of that.

Owns the monotonic time of the last sign of each run with a `heartbeat`. A deadline that has come is a reason to look,
not a verdict: the shell is asked when there was a sign last, so nothing depends on having noticed each of them. Must
not know files, or what follows from a missed deadline (`lives`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from dsari_like.core.clauses import Heartbeat
from dsari_like.core.ledger import Ledger
from dsari_like.core.lifecycle import RunState
from dsari_like.core.messages import LookForLife
from dsari_like.core.model import Run
from dsari_like.core.timetable import Timetable

#: How often a silent run is looked at for a late sign: so many times between its deadlines, within these bounds (s).
_LOOKS, _SHORTEST, _LONGEST = 8, 0.25, 5.0


#: A process may have given a sign so long before it was known to be there (s).
_TOLERANCE = 1.0


class Silence(Enum):
    """How long a run has been silent, by its deadlines."""

    NONE = "none"
    FIRST = "first"
    FINAL = "final"


@dataclass(slots=True)
class _Pulse:
    clause: Heartbeat
    last: float  # monotonic
    looked: float  # when it was looked at last, monotonic; minus infinity when nobody can tell
    stamp: float | None = None  # what the last look found, wall clock


class Pulses:
    """The runs that must give signs of life."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pulses: dict[str, _Pulse] = {}
        self._looks = Timetable()

    def watch(self, run: Run, clause: Heartbeat | None, anew: bool) -> None:
        """Its process exists. That is a sign of life by itself, if it is new. A run taken over may have been silent for
        long, and only the wall clock can tell; but it is not called timed out and ended by one look."""
        if clause is None or run.ending is not None:
            return
        now, silent, looked = self._ledger.now, 0.0, self._ledger.now.mono
        if not anew:
            silent, looked = min(max(0.0, now.wall - _known_sign(run)), clause.deadline), -math.inf
        self._pulses[run.run_id] = _Pulse(clause, now.mono - silent, looked)
        self._look_next(run)

    def forget(self, run: Run) -> None:
        """Nothing is expected of it any more."""
        self._pulses.pop(run.run_id, None)
        self._looks.remove(run.run_id)

    def next_deadline(self) -> float | None:
        """When to look at one next, by the monotonic clock; None for never."""
        return self._looks.next_deadline()

    def time_passed(self) -> None:
        """Ask for a look at those whose time has come. Until the answer they have no other."""
        for run_id, _ in list(self._looks.pop_due(self._ledger.now.mono)):
            run = self._ledger.runs[run_id]
            self._ledger.out.append(LookForLife(run.snapshot(), self._pulses[run_id].clause.on_output))

    def beat(self, run: Run) -> None:
        """A sign of life, just now."""
        pulse = self._pulses.get(run.run_id)
        if pulse is not None:
            pulse.last = self._ledger.now.mono
            self._look_next(run)

    def looked(self, run: Run, stamp: float | None) -> Silence:
        """What a look means. A stamp that is another one than last time was made since then; if the wall clock makes it
        older than that, or younger than now, the clock was set, and the sign counts as one of now (P11)."""
        pulse, now = self._pulses.get(run.run_id), self._ledger.now
        if pulse is None:
            return Silence.NONE
        if stamp is not None and stamp != pulse.stamp:
            age, most = now.wall - stamp, now.mono - pulse.looked
            is_believed = 0.0 <= age <= most + _TOLERANCE
            pulse.last = max(pulse.last, now.mono - (min(age, most) if is_believed else 0.0))
        pulse.stamp, pulse.looked = stamp, now.mono
        silent = now.mono - pulse.last
        if silent >= pulse.clause.final_deadline:
            self.forget(run)
            return Silence.FINAL
        return Silence.FIRST if silent >= pulse.clause.deadline else Silence.NONE

    def look_again(self, run: Run) -> None:
        """After the answer, and what came of it."""
        if run.run_id in self._pulses:
            self._look_next(run)

    def _look_next(self, run: Run) -> None:
        pulse, now = self._pulses[run.run_id], self._ledger.now.mono
        clause = pulse.clause
        if run.state is not RunState.TIMED_OUT:
            self._looks.set(run.run_id, pulse.last + clause.deadline)
            return
        pause = min(max((clause.final_deadline - clause.deadline) / _LOOKS, _SHORTEST), _LONGEST)
        self._looks.set(run.run_id, min(pulse.last + clause.final_deadline, now + pause))


def _known_sign(run: Run) -> float:
    """The newest sign of life that its row tells of, by the wall clock."""
    said = run.progress.time if run.progress else 0.0
    begun = run.stages[-1].start_time if run.stages else run.start_time or 0.0
    return max(said, begun)
