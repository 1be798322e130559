"""The life of a run until it starts, and whose turn it is: the steps that follow from one another.

Owns what waits, who is admitted, and which run is not due yet. Must not know why a run is made (triggers are for
`engine`, slots for `due`), nor what becomes of it once it has started (`course`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from dsari_like.core import messages as m
from dsari_like.core import staging
from dsari_like.core.admission import Admission, WaitReason, is_whole
from dsari_like.core.arrays import Arrays
from dsari_like.core.choices import Outcome, Reason
from dsari_like.core.definitions import Definitions
from dsari_like.core.ending import Endings
from dsari_like.core.environment import lock_demands
from dsari_like.core.flowing import Flowing
from dsari_like.core.ledger import Ledger
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.model import Configuration, Decision, Job, Pause, Run, Trigger
from dsari_like.core.pauses import Pauses
from dsari_like.core.pending import Pending
from dsari_like.core.storm import Storms, held_because
from dsari_like.core.timetable import Timetable

#: What has happened when the time of a run has come, by what it was until then.
_DUE = {RunState.SCHEDULED: RunEvent.DUE, RunState.BLOCKED: RunEvent.UNBLOCKED}


class Lives:
    """All runs that are not final."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.ledger = Ledger(new_id)
        self.configuration = Configuration(jobs={})
        self.endings = Endings(self.ledger)
        self.arrays = Arrays(self.ledger)
        self.pending = Pending()
        self.admission = Admission()
        self.future = Timetable()  # wall clock: runs that are not due yet
        self.pauses = Pauses()
        self.storms = Storms()
        self.flows = Flowing()
        self.passed_over: set[str] = set()  # runs that ended waiting, because there is no such job to be run any more
        self.closing = False
        self.definitions = Definitions()
        self.recorded: dict[str, Job] = {}  # definitions of old, of the runs that repeat another as it was recorded

    def job(self, name: str) -> Job:
        """The job as it is configured now."""
        return self.configuration.jobs[name]

    def job_of(self, run: Run) -> Job:
        """The job as this run is to carry it out: as it is configured now, or as it was when what it repeats ran."""
        recorded = self.recorded.get(run.run_id) or self._job_of_item(run)
        return recorded or self.flows.job(run, self.configuration.jobs[run.job_name])

    def _job_of_item(self, run: Run) -> Job | None:
        """An array run is one run: all its items are carried out as it was defined when it began."""
        array = self.ledger.runs.get(run.previous_run_id or "") if run.item is not None else None
        return self.endings.definition(array) if array is not None else None

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
        """The run is due: it starts now, or waits for its job, its locks, a group or a place."""
        if run.item is None:  # the items of an array run never stand in the way of its job's next run
            self.pending.add(run)
        if run.state is RunState.BLOCKED:  # whatever releases it brings it here again
            return
        if self._lock_up(run, job) and not self.closing:
            self.begin(self.admission.admit(run, job))
        self.note_lock_waits()

    def _lock_up(self, run: Run, job: Job) -> bool:
        """Say which locks it needs. False when that comes to nothing: then it has failed."""
        try:
            run.locks = () if is_whole(run, job) else lock_demands(self.configuration, job, run)
        except ValueError as error:
            self.refuse_start(run, str(error))
            return False
        return True

    def note_lock_waits(self) -> None:
        """Some were parked because a lock is missing. Who waited for one already is in that state."""
        for run in self.admission.lock_waits:
            if run.state in (RunState.SCHEDULED, RunState.QUEUED):
                why = self.admission.why(run.run_id)
                self.ledger.move(run, RunEvent.LOCK_MISSING, _lock_words(why) if why else "a lock is missing")
        self.admission.lock_waits.clear()

    def refuse_start(self, run: Run, why: str) -> None:
        """It can never start, and has not waited for anything."""
        run.reason, run.message, run.stop_time = Reason.START_FAILED, why, self.ledger.now.wall
        self.pending.remove(run)
        self.admission.withdraw([run], serve=False)  # it is weighed at a reload, with all others
        self.ledger.move(run, RunEvent.FAILED, f"could not be started: {why}")

    def begin(self, runs: Iterable[Run]) -> None:
        """These may start."""
        for run in runs:
            job, now = self.job_of(run), self.ledger.now.wall
            self.pending.remove(run)
            self.endings.begun(run, job)
            run.start_time = now
            self._define(run, job)
            self._equip(run, job)
            self.ledger.move(run, RunEvent.STARTED, "started")
            if run.has_process:
                self.ledger.out.append(m.Start(run, job))
            if self.storms.started(run, self.ledger.newest, self.configuration.storm, self.ledger.now):
                self._hold(job)
        self.note_lock_waits()

    def _equip(self, run: Run, job: Job) -> None:
        """What it takes along from the beginning."""
        flow = self.flows.flow(run.flow_id or "")
        if flow is not None:
            run.workflow_variables = flow.variables
        if is_whole(run, job):
            run.launch = 0
            if job.items:
                self.arrays.begin(run, job)
        elif job.stages:
            staging.begin(run, job.stages[0], self.ledger.now.wall)

    def _define(self, run: Run, job: Job) -> None:
        """What it is started as is kept, for whoever wants to repeat just that."""
        run.definition, text = self.definitions.of(job)
        if text is not None:
            self.ledger.out.append(m.RememberDefinition(run.definition, text))

    def await_time(self, run: Run) -> None:
        """It is not due yet. One that is blocked besides waits for that first, and for its time if that is later."""
        if run.state is RunState.SCHEDULED:
            self.future.set(run.run_id, run.schedule_time)

    def future_due(self, run: Run) -> None:
        """Its time was agreed long ago, so `merge` does not apply; but it too takes a pending slot's place (D-40)."""
        job = self.job_of(run)
        self.take_place_of_slot(run, job)
        self.ledger.move(run, _DUE[run.state], "its time has come")
        self.queue(run, job)

    def take_place_of_slot(self, run: Run, job: Job) -> None:
        """The pending run of a slot makes way for it."""
        if not job.concurrent_runs and run.item is None:
            slots = (waiting for waiting in self.pending.of(job.name) if waiting.is_scheduled_kind)
            self.replace((waiting for waiting in slots if waiting is not run), run)

    def replace(self, runs: Iterable[Run], by: Run) -> None:
        """End runs that wait, because a trigger came."""
        self.end_waiting(runs, f"its place was taken by run {by.run_id}, which was triggered")

    def end_waiting(self, runs: Iterable[Run], cause: str, serve: bool = True) -> None:
        """These end before they have begun. Whoever waited behind them is served when all of them are gone."""
        runs = list(runs)
        for run in runs:
            run.reason, run.stop_time, run.message = Reason.BEFORE_START, self.ledger.now.wall, cause
            self.pending.remove(run)
            self.future.remove(run.run_id)
        served = self.admission.withdraw(runs, serve and not self.closing)
        for run in runs:
            self.ledger.move(run, RunEvent.CANCELLED, cause)
        self.begin(served)

    # --- pauses ---------------------------------------------------------------------------------------------------

    def pause(self, pause: Pause) -> None:
        """The job rests from now on, runs that wait for it too; what runs goes on."""
        self.pauses.pause(pause)
        self.ledger.out.append(m.SaveRest(pause))
        self.begin(self.admission.pause(pause.job_name))

    def _hold(self, job: Job) -> None:
        """It is in a storm: it rests until somebody has looked at it, over restarts and reloads."""
        why, now = held_because(job.name, self.configuration.storm), self.ledger.now.wall
        self.ledger.out.append(m.Notice("error", f"job {job.name}: {why}"))
        self.ledger.out.append(m.Decide(Decision(job.name, Outcome.SKIPPED, now, now, None, why)))
        self.pause(Pause(job.name, now, None, why))

    def unpause(self, name: str) -> bool:
        """The rest is over, and whoever waited for that may start. False when there was none of that name."""
        found = self.pauses.lift(name)
        if found:
            self.storms.forget(name)
            self._wake(name)
        return found

    def rests_passed(self) -> None:
        """Pauses that end by themselves."""
        for name in self.pauses.expired(self.ledger.now.wall):
            self._wake(name)

    def _wake(self, name: str) -> None:
        self.ledger.out.append(m.DropRest(Pause, name))
        self.begin(self.admission.lift(name))

    # --- configuration and restart --------------------------------------------------------------------------------

    def restore(self, runs: Iterable[Run], recorded: Mapping[str, Job]) -> None:
        """Runs that an earlier daemon recorded are open still. An array run comes before its items. Those that had
        begun go on as they were `recorded`, like those of a daemon that has read another configuration."""
        for run in runs:
            self.ledger.restore(run)
            if run.as_recorded and run.run_id in recorded:
                self.recorded[run.run_id] = recorded[run.run_id]
            if run.is_active:  # a definition of nothing lets the run of a removed job end in peace
                job = recorded.get(run.run_id) or self._job_of_item(run)
                job = job or self.configuration.jobs.get(run.job_name) or Job(run.job_name, ())
                self.endings.restored(run, job)
                self.admission.adopt(run, job)
                if run.items is not None:
                    self.arrays.restore(run, job)
            if run.item is not None:
                self.arrays.restore_item(run)

    def keep_or_end(self) -> None:
        """The configuration is another one: what waits for a job that is gone or switched off waits no more."""
        waiting = [run for run in self.ledger.runs.values() if not run.is_active]
        for run in waiting:
            why = self.gone(run.job_name)
            if why:
                self.passed_over.add(run.run_id)
                self.end_waiting([run], why, serve=False)
        for run in [run for run in self.admission.waiting() if not run.is_final]:
            self._lock_up(run, self.job_of(run))
        groups, most = self.configuration.groups, self.configuration.max_running
        if not self.closing:
            self.begin(self.admission.configure(groups, most, self.job_of))

    def gone(self, job_name: str) -> str:
        """Why nothing of this job is begun any more, as a sentence; empty when it is."""
        job = self.configuration.jobs.get(job_name)
        if job is None:
            return "its job was removed from the configuration"
        return "" if job.enabled else "its job was disabled in the configuration"


def _lock_words(why: WaitReason) -> str:
    held = f"held by {', '.join(why.holders)}" if why.holders else "for which others wait"
    ahead = f"; {why.ahead} before it in the line" if why.ahead else ""
    return f"it waits for the lock{'s' * (len(why.names) > 1)} {', '.join(why.names)}, {held}{ahead}"
