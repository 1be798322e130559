"""The life of a run, from its making to its end, and whose turn it is: the steps that follow from one another.

Owns what waits, who is admitted, which run is not due yet, and that an end lets the next one begin in the same turn.
Must not know why a run is made: triggers are for `engine`, slots for `due`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dsari_like.core import messages as m
from dsari_like.core.admission import Admission
from dsari_like.core.choices import Reason
from dsari_like.core.ending import Endings, verdict
from dsari_like.core.ledger import Ledger
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.model import Configuration, Exit, Job, Pause, Run, Trigger
from dsari_like.core.pauses import Pauses
from dsari_like.core.pending import Pending
from dsari_like.core.timetable import Timetable


class Lives:
    """All runs that are not final."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.ledger = Ledger(new_id)
        self.configuration = Configuration(jobs={})
        self.endings = Endings(self.ledger)
        self.pending = Pending()
        self.admission = Admission()
        self.future = Timetable()  # wall clock: runs that are not due yet
        self.pauses = Pauses()
        self.closing = False

    def job(self, name: str) -> Job:
        """The job as it is configured now."""
        return self.configuration.jobs[name]

    def behind(self, job: Job) -> str:
        """What a new run of the job will wait behind, as the decision tells it; empty when it need not wait."""
        if job.concurrent_runs:
            return ""
        ahead = [run.run_id for run in self.pending.of(job.name)]
        ahead = ahead or list(self.admission.holders("job", job.name))
        return f"it waits behind run {ahead[-1]}" if ahead else ""

    # --- before the start -----------------------------------------------------------------------------------------

    def new_run(self, job: Job, trigger: Trigger, state: RunState, schedule_time: float) -> Run:
        """A run that nothing has been recorded about yet."""
        run = Run("", job.name, trigger, state, schedule_time, self.ledger.now.wall)
        run.priority = job.priority if trigger.priority is None else trigger.priority
        return self.ledger.create(run)

    def queue(self, run: Run, job: Job) -> None:
        """The run is due: it starts now, or waits for its job, a group or a place."""
        self.pending.add(run)
        if not self.closing:
            self.begin(self.admission.admit(run, job))

    def begin(self, runs: Iterable[Run]) -> None:
        """These may start."""
        for run in runs:
            job = self.job(run.job_name)
            self.pending.remove(run)
            self.endings.begun(run, job)
            run.start_time = self.ledger.now.wall
            self.ledger.move(run, RunEvent.STARTED, "started")
            self.ledger.out.append(m.Start(run, job))

    def future_due(self, run: Run) -> None:
        """Its time was agreed long ago, so `merge` does not apply; but it too takes a pending slot's place (D-40)."""
        job = self.job(run.job_name)
        if not job.concurrent_runs:
            self.replace((waiting for waiting in self.pending.of(job.name) if waiting.is_scheduled_kind), run)
        self.ledger.move(run, RunEvent.DUE, "its time has come")
        self.queue(run, job)

    def replace(self, runs: Iterable[Run], by: Run) -> None:
        """End runs that wait, because a trigger came."""
        for run in runs:
            self.end_waiting(run, f"its place was taken by run {by.run_id}, which was triggered")

    def end_waiting(self, run: Run, cause: str) -> None:
        """It ends before it has begun."""
        run.reason, run.stop_time, run.message = Reason.BEFORE_START, self.ledger.now.wall, cause
        self.pending.remove(run)
        self.future.remove(run.run_id)
        self.admission.withdraw(run.run_id)
        self.ledger.move(run, RunEvent.CANCELLED, cause)

    # --- pauses ---------------------------------------------------------------------------------------------------

    def pause(self, pause: Pause) -> None:
        """The job rests from now on, runs that wait for it too; what runs goes on."""
        self.pauses.pause(pause)
        self.admission.pause(pause.job_name)
        self.ledger.out.append(m.SaveRest(pause))

    def unpause(self, name: str) -> bool:
        """The rest is over, and whoever waited for that may start. False when there was none of that name."""
        found = self.pauses.lift(name)
        if found:
            self._wake(name)
        return found

    def rests_passed(self) -> None:
        """Pauses that end by themselves."""
        for name in self.pauses.expired(self.ledger.now.wall):
            self._wake(name)

    def _wake(self, name: str) -> None:
        self.ledger.out.append(m.DropRest(Pause, name))
        self.begin(self.admission.lift(name))

    # --- from the start on ----------------------------------------------------------------------------------------

    def started(self, message: m.Started) -> None:
        """Its process exists, and is watched from now on."""
        run = self.ledger.runs.get(message.run_id)
        if run is None:  # it ended before the message came round
            return
        run.process = message.process
        self.endings.watch(run)
        self.ledger.save(run)

    def start_failed(self, message: m.StartFailed) -> None:
        """There will be no process."""
        run = self.ledger.runs[message.run_id]
        run.reason, run.message, run.exit = Reason.START_FAILED, message.message, Exit(message.code)
        self._finish(run, RunEvent.FAILED, f"could not be started: {message.message}", self.ledger.now.wall)

    def child_exited(self, message: m.ChildExited) -> None:
        """Its process is gone."""
        run = self.ledger.runs[message.run_id]
        run.exit, run.run_data = message.exit, message.run_data
        run.message = message.message or run.message
        if message.exit is None and run.ending is None:
            self._lost(run)
        else:
            event, run.reason, cause = verdict(run, message.exit)
            self._finish(run, event, cause, message.time)

    def _lost(self, run: Run) -> None:
        """Nobody knows how it ended. It was not watched, so it is timed out first, like anything without a sign of
        life; there is nothing to resume it with, so it fails in the same turn."""
        self.ledger.move(run, RunEvent.FIRST_DEADLINE, "its process was gone when the daemon looked for it")
        run.reason = Reason.LOST
        run.message = "its process vanished while no daemon watched: it may have run fully, partly or not at all"
        self._finish(run, RunEvent.SECOND_DEADLINE, "it left no exit status", self.ledger.now.wall)

    def _finish(self, run: Run, event: RunEvent, cause: str, stop_time: float) -> None:
        """The run has ended: what it held is free, and whoever waited for that starts in the same turn."""
        run.stop_time = max(stop_time, run.start_time or stop_time)
        self.ledger.move(run, event, cause)
        self.endings.forget(run)
        self.begin(self.admission.release(run.run_id, serve=not self.closing))

    # --- configuration and restart --------------------------------------------------------------------------------

    def restore(self, runs: Iterable[Run]) -> None:
        """Runs that an earlier daemon recorded are open still."""
        for run in runs:
            self.ledger.restore(run)
            if run.is_active:  # a definition of nothing lets the run of a removed job end in peace
                job = self.configuration.jobs.get(run.job_name) or Job(run.job_name, ())
                self.endings.begun(run, job)
                self.admission.adopt(run, job)

    def keep_or_end(self) -> None:
        """The configuration is another one: what waits for a job that is gone or switched off waits no more."""
        for run in [run for run in self.ledger.runs.values() if not run.is_active]:
            job = self.configuration.jobs.get(run.job_name)
            if job is None:
                self.end_waiting(run, "its job was removed from the configuration")
            elif not job.enabled:
                self.end_waiting(run, "its job was disabled in the configuration")
        groups, most = self.configuration.groups, self.configuration.max_running
        self.begin(self.admission.configure(groups, most, self.job))
