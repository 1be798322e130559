"""The words a configuration, a decision or the end of a run may choose from.

Owns their spelling, which is that of the run log, the commands and the pages. Must not know what follows from any.
"""

from __future__ import annotations

from enum import Enum


class Merge(Enum):
    """What becomes of a trigger while a triggered run of the same job is pending."""

    QUEUE = "queue"
    FOLD = "fold"
    REPLACE = "replace"
    DROP = "drop"


class CatchUp(Enum):
    """What becomes of slots that passed while no daemon was there to start them."""

    SKIP = "skip"
    LAST = "last"
    ALL = "all"


class OnShutdown(Enum):
    """What a stopping daemon does about running children."""

    LEAVE = "leave"
    WAIT = "wait"
    KILL = "kill"


class LockMode(Enum):
    """How a run holds a lock."""

    SHARED = "shared"  # together with any number of others that share it
    EXCLUSIVE = "exclusive"


class OnInterrupt(Enum):
    """What becomes of a stage that was cut off in the middle, when nobody knows how far it came."""

    REPEAT = "repeat"
    FAIL = "fail"


class DropRights(Enum):
    """What becomes of files in a drop place that everybody may write to."""

    STRICT = "strict"  # they are refused
    OPEN = "open"


class Reason(Enum):
    """Why a run failed or was cancelled. One word each; the sentence is made where it is shown."""

    EXIT = "exit"
    SIGNAL = "signal"
    START_FAILED = "start_failed"
    MAX_EXECUTION = "max_execution"
    DEADLINE = "deadline"
    LOST = "lost"
    CALLBACK = "callback"
    BEFORE_START = "before_start"
    WHILE_RUNNING = "while_running"
    SHUTDOWN = "shutdown"


class Outcome(Enum):
    """What was decided about one slot or one trigger."""

    STARTED = "started"  # a run of its own
    FOLDED = "folded"  # became part of a run that was pending already
    SKIPPED = "skipped"
    MISSED = "missed"  # passed while no daemon was there, or while it was suspended
    DROPPED = "dropped"
    REFUSED = "refused"


class BlackoutPolicy(Enum):
    """What becomes of a slot inside a blackout."""

    SKIP = "skip"
    DEFER = "defer"
