"""The states of a run and the only table that says how they follow one another.

Everything that changes a run's state goes through `step`; a pair the table does not list raises and changes nothing.
The manual's table and the page `states` are generated from `TRANSITIONS`, so what is printed is what is done.
Must not know: what a job is, why an event happens, or what follows from the new state (that is `engine.py`).

Two kinds of rule are kept apart, as in h11: what *one* run does on an event stands here; what follows when several
runs are in some joint state (a slot came free, all tasks ended) is evaluated by the engine after each input.
"""

from __future__ import annotations

from enum import Enum

from dsari_like.errors import IllegalTransition


class RunState(Enum):
    """Where a run is in its life. The words are those of the run log, the commands and the pages."""

    SCHEDULED = "scheduled"  # not due yet
    BLOCKED = "blocked"  # held until its expression comes true
    QUEUED = "queued"  # due, waits for its turn, a slot of a group, or the job itself
    WAITING_FOR_LOCK = "waiting_for_lock"
    RUNNING = "running"
    TIMED_OUT = "timed_out"  # no sign of life before the first deadline, or its process was gone at a restart
    COMPLETED = "completed"
    WARNING = "warning"  # flows only: something failed that was allowed to
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunEvent(Enum):
    """What can happen to a run."""

    DUE = "due"
    UNBLOCKED = "unblocked"
    LOCK_MISSING = "lock missing"
    STARTED = "started"
    SUCCEEDED = "exit 0"
    WARNED = "all tasks ended, some failed that may"
    FAILED = "exit not 0, or start failed"
    FIRST_DEADLINE = "first deadline, or process gone at a restart"
    RESUMED = "resumed, or late sign of life"
    SECOND_DEADLINE = "second deadline"
    CANCELLED = "cancelled"


S, E = RunState, RunEvent

#: (state, event) -> next state. A running child that is cancelled changes state only when it is dead: until then
#: the wish is a flag of the run, so that nothing is shown as ended that still holds its slot.
TRANSITIONS: dict[tuple[RunState, RunEvent], RunState] = {
    (S.SCHEDULED, E.DUE): S.QUEUED,
    (S.SCHEDULED, E.LOCK_MISSING): S.WAITING_FOR_LOCK,
    (S.SCHEDULED, E.STARTED): S.RUNNING,
    (S.SCHEDULED, E.FAILED): S.FAILED,
    (S.SCHEDULED, E.CANCELLED): S.CANCELLED,
    (S.BLOCKED, E.UNBLOCKED): S.QUEUED,
    (S.BLOCKED, E.CANCELLED): S.CANCELLED,
    (S.QUEUED, E.LOCK_MISSING): S.WAITING_FOR_LOCK,
    (S.QUEUED, E.STARTED): S.RUNNING,
    (S.QUEUED, E.FAILED): S.FAILED,
    (S.QUEUED, E.CANCELLED): S.CANCELLED,
    (S.WAITING_FOR_LOCK, E.STARTED): S.RUNNING,
    (S.WAITING_FOR_LOCK, E.FAILED): S.FAILED,
    (S.WAITING_FOR_LOCK, E.CANCELLED): S.CANCELLED,
    (S.RUNNING, E.SUCCEEDED): S.COMPLETED,
    (S.RUNNING, E.WARNED): S.WARNING,
    (S.RUNNING, E.FAILED): S.FAILED,
    (S.RUNNING, E.FIRST_DEADLINE): S.TIMED_OUT,
    (S.RUNNING, E.CANCELLED): S.CANCELLED,
    (S.TIMED_OUT, E.SUCCEEDED): S.COMPLETED,
    (S.TIMED_OUT, E.FAILED): S.FAILED,
    (S.TIMED_OUT, E.RESUMED): S.RUNNING,
    (S.TIMED_OUT, E.SECOND_DEADLINE): S.FAILED,
    (S.TIMED_OUT, E.CANCELLED): S.CANCELLED,
}

#: Final states never change: a retry is a new run, so history is never rewritten.
FINAL = frozenset({S.COMPLETED, S.WARNING, S.FAILED, S.CANCELLED})
WAITING = frozenset({S.SCHEDULED, S.BLOCKED, S.QUEUED, S.WAITING_FOR_LOCK})
ACTIVE = frozenset({S.RUNNING, S.TIMED_OUT})
#: What is success: steps follow it, phases go on after it, and it is an event.
WELL = frozenset({S.COMPLETED, S.WARNING})


def step(state: RunState, event: RunEvent) -> RunState:
    """The state that follows; raises IllegalTransition, naming both, when the table does not list the pair."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a run that is {state.value} cannot take the event '{event.value}'") from None
