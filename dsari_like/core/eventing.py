"""Event triggers joined to the lives of runs: updates come in, runs come out.

Owns that every change of what is remembered has its row, and that a start, for whatever reason, has seen what was
updated before it. When all is ready is `readiness`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.flow_messages import SaveReady, WatchedUpdated
from dsari_like.core.flowing import EVENT_DEPTH, NewRun, behind
from dsari_like.core.flows import JOB_PREFIX, Ready
from dsari_like.core.ledger import Change
from dsari_like.core.lifecycle import WELL, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import NOTHING, Decision, Trigger
from dsari_like.core.readiness import Readiness

#: So many runs may follow from one another by `job:` events before that is taken for a loop.
DEEPEST = 100


class Eventing:
    """The event triggers of all jobs. `create` makes a run and queues it."""

    def __init__(self, lives: Lives, create: Callable[[NewRun], None]) -> None:
        self._lives, self._create = lives, create
        self._readiness = Readiness()
        self._behind: dict[str, Mapping[str, Any]] = {}  # jobs, and what stood behind the last update for each

    def configure(self, kept: Iterable[Ready]) -> None:
        """A configuration is in force, at a start with what an earlier daemon knew."""
        jobs = self._lives.configuration.jobs.values()
        self._readiness.configure({job.name: job.event_trigger for job in jobs if job.event_trigger}, kept)

    def next_deadline(self) -> float | None:
        """When a cool-down ends that starts something, by the wall clock."""
        return self._readiness.next_deadline()

    def time_passed(self) -> None:
        """Cool-downs that are over."""
        for name in self._readiness.time_passed(self._lives.ledger.now.wall):
            self._start(name, "its cool-down is over, and all it watches was updated", self._behind.get(name, NOTHING))
            self._keep([name])

    def updated(self, message: WatchedUpdated, origin: Mapping[str, Any] = NOTHING) -> None:
        """Watched things were updated; `origin` tells how much stands behind this, where a run led to it."""
        firing, touched = self._readiness.updated(message.things, message.time, message.marks)
        self._keep(touched)
        self._behind.update(dict.fromkeys(touched, origin))
        for name in firing:
            self._start(name, f"all it watches was updated, {', '.join(message.things)} last", origin)

    def followed(self, change: Change) -> None:
        """A run has changed its state: its start has seen what was there; its success may be what others wait for."""
        run, now = change.run, self._lives.ledger.now.wall
        if run.item is not None:
            return
        if run.state is RunState.RUNNING and change.before != RunState.TIMED_OUT.value:
            if self._readiness.started(run.job_name, now):
                self._keep([run.job_name])
        elif run.state in WELL and self._readiness.watches(JOB_PREFIX + run.job_name):
            origin = {**behind(run), EVENT_DEPTH: _depth(run.trigger.origin) + 1}
            self.updated(WatchedUpdated((JOB_PREFIX + run.job_name,), now), origin)

    def reset(self, job_name: str) -> bool:
        """Forget what was updated for a job. False when it waits for nothing."""
        found = self._readiness.reset(job_name)
        if found:
            self._keep([job_name])
        return found

    def _keep(self, names: Iterable[str]) -> None:
        self._lives.ledger.out += [SaveReady(self._readiness.state(name)) for name in names]

    def _start(self, name: str, cause: str, origin: Mapping[str, Any]) -> None:
        job, ledger = self._lives.configuration.jobs.get(name), self._lives.ledger
        if job is None or not job.enabled:
            return
        into = self._lives.pending.weigh_slot(job).into
        if into is not None:
            why = f"{cause}; run {into.run_id} of this job was pending already, and sees it too"
            ledger.out.append(m.Decide(Decision(name, Outcome.FOLDED, ledger.now.wall, None, into.run_id, why)))
            return
        if _depth(origin) > DEEPEST:
            why = f"{cause}; but {DEEPEST} runs led to this by their success alone, which is a loop: it ends here"
            ledger.out.append(m.Decide(Decision(name, Outcome.SKIPPED, ledger.now.wall, None, None, why)))
            ledger.out.append(m.Notice("warning", f"job {name} is not started: {why}"))
            return
        self._create(NewRun(name, Trigger("event", origin=origin), "", "", cause))


def _depth(origin: Mapping[str, Any]) -> int:
    depth = origin.get(EVENT_DEPTH, 0)
    return depth if isinstance(depth, int) else 0
