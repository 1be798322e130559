"""What event triggers start: the join of `readiness` to the lives of runs.

Owns that an event becomes a run, or a part of one that is pending, and a decision either way; and that whatever changes
what is remembered is written in the same transaction. Must not know how an update is noticed (`system/watched`).

How the engine drives it: `configure` with each configuration; `updated` and `reset` for their inputs; `next_deadline`
and `time_passed` beside those of the schedule; `followed` with every change of a run's state.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.flow_messages import EventResetAsked, SaveReady, WatchedUpdated
from dsari_like.core.flows import JOB_PREFIX
from dsari_like.core.lifecycle import RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Decision, Run, Trigger
from dsari_like.core.readiness import Readiness

_WELL = frozenset({RunState.COMPLETED, RunState.WARNING})


class Firing:
    """The event triggers of all jobs that are enabled."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self._ledger = lives.ledger
        self._readiness = Readiness()

    def configure(self, message: m.Configured) -> None:
        """These are in force from now on."""
        jobs = message.configuration.jobs.items()
        triggers = {name: job.event_trigger for name, job in jobs if job.event_trigger is not None and job.enabled}
        self._readiness.configure(triggers, message.ready)

    def next_deadline(self) -> float | None:
        """When the next cool-down ends that starts something by itself, by the wall clock."""
        return self._readiness.next_deadline()

    def time_passed(self) -> None:
        """Cool-downs that are over."""
        self._fire(self._readiness.time_passed(self._ledger.now.wall))

    def updated(self, message: WatchedUpdated) -> None:
        """Watched files were updated."""
        self._take(message.things, message)

    def followed(self, run: Run, before: str | None) -> None:
        """A run has begun, and sees what was updated until now; or it has ended well, and that is an update itself."""
        if run.item is not None:
            return
        now, readiness = self._ledger.now.wall, self._readiness
        if run.state is RunState.RUNNING and before != RunState.TIMED_OUT.value:
            if readiness.started(run.job_name, now):
                self._save([run.job_name])
        elif run.state in _WELL and readiness.watches(JOB_PREFIX + run.job_name):
            self._take((JOB_PREFIX + run.job_name,), WatchedUpdated((), now))

    def reset(self, message: EventResetAsked) -> bool:
        """Somebody wants what was updated forgotten. False when the job waits for nothing, and nothing was done."""
        if not self._readiness.reset(message.job_name):
            return False
        self._save([message.job_name])
        self._ledger.out.append(m.DropClaim(message.claim))
        if message.request_id:
            now = self._ledger.now.wall
            self._ledger.out.append(m.WriteReceipt(message.request_id, "completed", message.job_name, now))
        return True

    def _take(self, things: Iterable[str], message: WatchedUpdated) -> None:
        firing, touched = self._readiness.updated(things, self._ledger.now.wall, message.marks)
        self._save(name for name in touched if name not in firing)
        self._fire(firing)

    def _fire(self, names: Iterable[str]) -> None:
        for name in names:
            self._start(name)
            self._save([name])

    def _start(self, name: str) -> None:
        """A run, unless one is pending that will see the updates as well."""
        lives, ledger, job = self._lives, self._ledger, self._lives.job(name)
        into = lives.pending.weigh_slot(job).into
        if into is not None:
            self._decide(name, Outcome.FOLDED, into.run_id, f"all was updated; run {into.run_id} was pending already")
            return
        watched = list(job.event_trigger.watch) if job.event_trigger else []
        run = lives.new_run(job, Trigger("event", data={"watched": watched}), RunState.QUEUED, ledger.now.wall)
        why = "; ".join(filter(None, ("all that it waits for was updated", lives.behind(job))))
        self._decide(name, Outcome.STARTED, run.run_id, why)
        ledger.record(run, "all that it waits for was updated")
        lives.queue(run, job)

    def _decide(self, name: str, outcome: Outcome, run_id: str, why: str) -> None:
        self._ledger.out.append(m.Decide(Decision(name, outcome, self._ledger.now.wall, None, run_id, why)))

    def _save(self, names: Iterable[str]) -> None:
        self._ledger.out += [SaveReady(self._readiness.state(name)) for name in names]
