"""The storm breaker: a job that starts again and again, each time after it has just started, is held.

Owns the counting, and what counts. A loop looks like this: a run leads to the next one, by a file it drops into its own
drop place, by a chain that bites its tail, by a retry without end. A flood does not: ten thousand files that lie there
at once are made runs first and started one after the other then. So a start counts only when its run was made after
the last one that counted had begun, and once in a turn: a flood counts as often as its queue was worked through, a loop
counts every time. Must not know what becomes of a job that is held.

One count a job, in windows that are the same for all: a sliding one would have to remember every start of a site. A
storm that goes on is met in the second window at the latest.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsari_like.core.messages import Now
from dsari_like.core.model import Run, Storm

#: How the reason of such a pause begins, wherever it is shown.
HELD = "held by the storm breaker"


@dataclass(slots=True)
class _Count:
    starts: int
    newest: int  # the sequence number of the run that was made last when it counted last
    mono: float


class Storms:
    """The starts of all jobs since the window began."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._since = 0.0

    def started(self, run: Run, newest: int, limit: Storm, now: Now) -> bool:
        """A run begins. `newest` is the sequence number of the run that was made last. True when that is one too
        many."""
        if run.item is not None:  # an array run is one thing that was asked for
            return False
        if now.mono - self._since > limit.seconds:
            self._counts.clear()
            self._since = now.mono
        count = self._counts.get(run.job_name)
        if count is None:
            count = self._counts[run.job_name] = _Count(0, -1, now.mono - 1)
        if run.sequence <= count.newest or now.mono <= count.mono:
            return False
        count.starts, count.newest, count.mono = count.starts + 1, newest, now.mono
        return count.starts > limit.starts

    def forget(self, job_name: str) -> None:
        """It was let go: it counts from the beginning. The empty name stands for all jobs."""
        if job_name:
            self._counts.pop(job_name, None)
        else:
            self._counts.clear()


def held_because(job_name: str, limit: Storm) -> str:
    """The reason of the pause: what happened, what is safe, what to do."""
    return (
        f"{HELD}: more than {limit.starts} starts within {limit.seconds:g} s, each after the one before had begun; what"
        f" is dropped waits and is not lost; find what starts it, then: dsari-like unpause '{job_name}'"
    )
