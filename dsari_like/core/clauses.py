"""What a job may say about the life of its runs beyond its command: stages, signs of life, locks, progress.

Owns the shapes of these clauses and of what a run reports while it runs. Durations are seconds, times UTC epoch
seconds. Must not know runs, or what follows from any of it.
"""

from __future__ import annotations

from dsari_like.core.choices import LockMode, OnInterrupt
from dsari_like.core.record import record


@record
class Stage:
    """One of the ordered commands of a job that has `stages`."""

    name: str
    command: tuple[str, ...]
    on_interrupt: OnInterrupt = OnInterrupt.FAIL
    continue_on_failure: bool = False


@record
class Heartbeat:
    """Two deadlines, both counted from the last sign of life: the first is a warning, the second the end."""

    deadline: float
    final_deadline: float
    on_output: bool = False  # more output is a sign of life too


@record
class LockDemand:
    """One lock that a run needs, by the name it has for this run."""

    name: str
    mode: LockMode


@record
class Progress:
    """What a run said of itself last. `percent` is None while it only gave a message."""

    percent: float | None
    message: str
    time: float


@record
class StageRecord:
    """How one execution of a stage went. `output` is where in the output of the run its own begins and ends, in bytes;
    what is not known yet, or never will be, is None."""

    name: str
    start_time: float
    stop_time: float | None = None
    exit_code: int | None = None
    output_start: int | None = None
    output_end: int | None = None
    launch: int = 1


@record
class ItemCounts:
    """How far an array run has come: of `total` items so many exist as runs, and so many have ended, how."""

    total: int
    made: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    failed_names: tuple[str, ...] = ()  # as many as are told
