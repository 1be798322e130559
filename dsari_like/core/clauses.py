"""What a job may say about the life of its runs beyond its command: stages, signs of life, locks, progress.

Owns the shapes of these clauses and of what a run reports while it runs. Durations are seconds, times UTC epoch seconds.
Must not know runs, or what follows from any of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsari_like.core.choices import LockMode, OnInterrupt


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the ordered commands of a job that has `stages`."""

    name: str
    command: tuple[str, ...]
    on_interrupt: OnInterrupt = OnInterrupt.FAIL
    continue_on_failure: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Two deadlines, both counted from the last sign of life: the first is a warning, the second the end."""

    deadline: float
    final_deadline: float
    on_output: bool = False  # more output is a sign of life too


@dataclass(frozen=True, slots=True)
class LockDemand:
    """One lock that a run needs, by the name it has for this run."""

    name: str
    mode: LockMode


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run said of itself last. `percent` is None while it only gave a message."""

    percent: float | None
    message: str
    time: float
