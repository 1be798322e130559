"""The engine: one input and a reading of the clocks go in, effects come out. The last pure module.

Owns the joint rules between runs: who takes whose place, who may start, what follows an end. Must not know files,
processes or the run log: what it returns is carried out by `daemon.py`, rows first.

To follow the life of a trigger read `_trigger_arrived`, `_trigger_due`, `_queue`, `_begin`, `_child_exited`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from dsari_like.core import messages as m
from dsari_like.core.admission import Admission, WaitReason
from dsari_like.core.ending import Endings, verdict
from dsari_like.core.ledger import Ledger
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.model import (
    CatchUp,
    Configuration,
    Decision,
    Exit,
    Job,
    OnShutdown,
    Outcome,
    Reason,
    Run,
    Trigger,
)
from dsari_like.core.pending import Pending
from dsari_like.core.schedule import Slot
from dsari_like.core.slots import DueSlot, Slots, late_note, missed_because
from dsari_like.core.timetable import Timetable

SCHEDULE = Trigger(type="schedule")


class Engine:
    """Everything that is decided, and nothing that is done."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._ledger = Ledger(new_id)
        self._configuration = Configuration(jobs={})
        self._endings = Endings(self._ledger)
        self._slots = Slots()
        self._pending = Pending()
        self._admission = Admission()
        self._future = Timetable()  # wall clock: runs that are not due yet
        self._closing = False

    # --- what the shell calls ---------------------------------------------------------------------------------

    def handle(self, message: m.Input, now: m.Now) -> list[m.Effect]:
        """Take one input and follow its consequences to the end. Returns what is to be done, in order."""
        effects = self._ledger.open(now)
        match message:
            case m.TriggerArrived():
                self._trigger_arrived(message)
            case m.TriggerRefused():
                self._refuse(message)
            case m.AlreadyRecorded():
                claim, refused = message.claim, message.refused
                effects.append(m.DropClaim(claim) if refused is None else m.Quarantine(claim, refused))
            case m.CancelAsked():
                self._cancel_asked(message)
            case m.ChildExited():
                self._child_exited(message)
            case m.Started():
                self._started(message)
            case m.StartFailed():
                self._start_failed(message)
            case m.TimePassed():
                self._time_passed()
            case m.Configured():
                self._configured(message)
            case m.ShutdownAsked():
                self._shutdown_asked(message)
        return effects

    def next_deadline(self, now: m.Now) -> float | None:
        """Seconds until something is due by itself, 0 when something is due already, None for never."""
        walls = [] if self._closing else [self._slots.next_deadline(), self._future.next_deadline()]
        waits = [time - now.wall for time in walls if time is not None]
        limit = self._endings.next_deadline()
        if limit is not None:
            waits.append(limit - now.mono)
        return max(0.0, min(waits)) if waits else None

    @property
    def runs(self) -> dict[str, Run]:
        """The runs that are not final, by id."""
        return self._ledger.runs

    def active(self) -> list[Run]:
        """The runs that have a process, or are about to."""
        return [run for run in self.runs.values() if run.is_active]

    def why(self, run_id: str) -> WaitReason | None:
        """What a waiting run waits for."""
        return self._admission.why(run_id)

    def next_slot(self, job_name: str) -> float | None:
        """When the job is due next by its schedule."""
        return self._slots.next_of(job_name)

    # --- triggers -----------------------------------------------------------------------------------------------

    def _trigger_arrived(self, message: m.TriggerArrived) -> None:
        claim, trigger, ledger = message.claim, message.trigger, self._ledger
        job = self._job(claim.name)
        known = ledger.run_of(trigger.id) or message.known_run
        if known is not None:
            reason = f"its id '{trigger.id}' already belongs to run {known}; nothing was started"
            ledger.decide_claim(claim, Outcome.DROPPED, trigger.id, known, reason)
        elif trigger.schedule_time is not None and trigger.schedule_time > ledger.now.wall:
            run = self._new_run(job, trigger, RunState.SCHEDULED, trigger.schedule_time, claim.token)
            ledger.decide_claim(claim, Outcome.STARTED, trigger.id, run.run_id, "it waits for its time")
            ledger.record(run, f"triggered by {claim.file_name}, not due yet")
            self._future.set(run.run_id, run.schedule_time)
        else:
            self._trigger_due(message, job)
        ledger.out.append(m.DropClaim(claim))

    def _trigger_due(self, message: m.TriggerArrived, job: Job) -> None:
        claim, trigger, ledger = message.claim, message.trigger, self._ledger
        verdict = self._pending.weigh_trigger(job)
        if verdict.drop:
            reason = "another triggered run is pending and the job says merge: drop"
            ledger.decide_claim(claim, Outcome.DROPPED, trigger.id, None, reason)
            ledger.receipt(trigger, "dropped", job.name, reason=reason)
            return
        if verdict.into is not None:
            self._fold_trigger(message, verdict.into)
            return
        run = self._new_run(job, trigger, RunState.QUEUED, trigger.schedule_time or claim.received, claim.token)
        self._replace(verdict.replaced, run)
        ledger.decide_claim(claim, Outcome.STARTED, trigger.id, run.run_id, self._behind(job))
        ledger.record(run, f"triggered by {claim.file_name}")
        self._queue(run, job)

    def _fold_trigger(self, message: m.TriggerArrived, into: Run) -> None:
        trigger, ledger = message.trigger, self._ledger
        into.folded.append(dict(trigger.data))
        reason = "a triggered run was pending and the job says merge: fold"
        ledger.decide_claim(message.claim, Outcome.FOLDED, trigger.id, into.run_id, reason)
        ledger.save(into)
        ledger.receipt(trigger, "folded", into.job_name, into.run_id, reason)
        if trigger.id:
            ledger.remember_id(trigger.id, into)

    def _refuse(self, message: m.TriggerRefused) -> None:
        claim, ledger = message.claim, self._ledger
        if claim.name:  # a request for the daemon is no trigger: its refusal is the file in `corrupt/`, no decision
            ledger.decide_claim(claim, Outcome.REFUSED, message.trigger_id, None, message.reason)
        ledger.out.append(m.Quarantine(claim, message.reason))
        if message.trigger_id:
            receipt = m.WriteReceipt(message.trigger_id, "refused", claim.name, ledger.now.wall)
            ledger.out.append(replace(receipt, reason=message.reason))

    def _replace(self, runs: Iterable[Run], by: Run) -> None:
        for run in runs:
            self._end_waiting(run, f"its place was taken by run {by.run_id}, which was triggered")

    # --- slots --------------------------------------------------------------------------------------------------

    def _time_passed(self) -> None:
        now = self._ledger.now
        if not self._closing:
            self._take_slots(now.wall)
            for run_id, _ in list(self._future.pop_due(now.wall)):
                self._future_due(self.runs[run_id])
        self._endings.time_passed()

    def _take_slots(self, now: float) -> None:
        decided: dict[str, float] = {}
        for due in self._slots.take_due(now):
            decided[due.job_name] = due.slot.time
            job = self._job(due.job_name)
            missed = missed_because(job, due, now)
            if missed is not None:
                self._decide_slot(due, Outcome.MISSED, None, missed)
            else:
                self._slot_due(due, job)
        if decided:
            self._ledger.out.append(m.RememberSlots(decided))
        self._tell_faults()

    def _tell_faults(self) -> None:
        self._ledger.out += [m.Notice("error", text) for text in self._slots.faults]
        self._slots.faults.clear()

    def _slot_due(self, due: DueSlot, job: Job) -> None:
        folds = not (due.missed and job.catch_up is CatchUp.ALL)  # else "all" would come down to "last"
        into = self._pending.weigh_slot(job).into if folds else None
        if into is not None:
            self._decide_slot(due, Outcome.FOLDED, into.run_id, f"run {into.run_id} of this job was pending already")
            return
        run = self._new_run(job, SCHEDULE, RunState.QUEUED, due.slot.time, None)
        note = late_note(due, self._ledger.now.wall)
        reason = "; ".join(part for part in (note, self._behind(job)) if part)
        self._decide_slot(due, Outcome.STARTED, run.run_id, reason)
        self._ledger.record(run, "its slot came" + (f" ({note})" if note else ""))
        self._queue(run, job)

    def _decide_slot(self, due: DueSlot, outcome: Outcome, run_id: str | None, reason: str) -> None:
        decision = Decision(due.job_name, outcome, self._ledger.now.wall, due.slot.time, run_id, reason)
        self._ledger.out.append(m.Decide(replace(decision, count=due.slot.count)))

    def _future_due(self, run: Run) -> None:
        """Its time was agreed long ago, so `merge` does not apply; but it too takes a pending slot's place (D-40)."""
        job = self._job(run.job_name)
        if not job.concurrent_runs:
            self._replace((waiting for waiting in self._pending.of(job.name) if waiting.is_scheduled_kind), run)
        self._ledger.move(run, RunEvent.DUE, "its time has come")
        self._queue(run, job)

    # --- the life of a run --------------------------------------------------------------------------------------

    def _new_run(
        self, job: Job, trigger: Trigger, state: RunState, schedule_time: float, token: str | None
    ) -> Run:
        run = Run("", job.name, trigger, state, schedule_time, self._ledger.now.wall)
        run.priority = job.priority if trigger.priority is None else trigger.priority
        run.token = token
        return self._ledger.create(run)

    def _queue(self, run: Run, job: Job) -> None:
        """The run is due: it starts now, or waits for its job, a group or a place."""
        self._pending.add(run)
        if not self._closing:
            self._begin(self._admission.admit(run, job))

    def _begin(self, runs: Iterable[Run]) -> None:
        for run in runs:
            job = self._job(run.job_name)
            self._pending.remove(run)
            self._endings.begun(run, job)
            run.start_time = self._ledger.now.wall
            self._ledger.move(run, RunEvent.STARTED, "started")
            self._ledger.out.append(m.Start(run, job))

    def _started(self, message: m.Started) -> None:
        run = self.runs.get(message.run_id)
        if run is None:  # it ended before the message came round
            return
        run.process = message.process
        self._endings.watch(run)
        self._ledger.save(run)

    def _start_failed(self, message: m.StartFailed) -> None:
        run = self.runs[message.run_id]
        run.reason, run.message, run.exit = Reason.START_FAILED, message.message, Exit(message.code)
        self._finish(run, RunEvent.FAILED, f"could not be started: {message.message}", self._ledger.now.wall)

    def _child_exited(self, message: m.ChildExited) -> None:
        run = self.runs[message.run_id]
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
        self._ledger.move(run, RunEvent.FIRST_DEADLINE, "its process was gone when the daemon looked for it")
        run.reason = Reason.LOST
        run.message = "its process vanished while no daemon watched: it may have run fully, partly or not at all"
        self._finish(run, RunEvent.SECOND_DEADLINE, "it left no exit status", self._ledger.now.wall)

    def _finish(self, run: Run, event: RunEvent, cause: str, stop_time: float) -> None:
        """The run has ended: what it held is free, and whoever waited for that starts in the same turn."""
        run.stop_time = max(stop_time, run.start_time or stop_time)
        self._ledger.move(run, event, cause)
        self._endings.forget(run)
        freed = self._admission.release(run.run_id, serve=not self._closing)
        self._begin(freed)

    def _end_waiting(self, run: Run, cause: str) -> None:
        run.reason, run.stop_time, run.message = Reason.BEFORE_START, self._ledger.now.wall, cause
        self._pending.remove(run)
        self._future.remove(run.run_id)
        self._admission.withdraw(run.run_id)
        self._ledger.move(run, RunEvent.CANCELLED, cause)

    # --- cancelling, shutdown -----------------------------------------------------------------------------

    def _cancel_asked(self, message: m.CancelAsked) -> None:
        claim, run = message.claim, self.runs.get(message.run_id)
        if run is None:
            reason = f"there is no waiting or running run {message.run_id}: it has ended, or never was"
            self._refuse(m.TriggerRefused(claim, reason, message.request_id))
            return
        why = f"cancelled on request{': ' + message.reason if message.reason else ''}"
        if not run.is_active:
            self._end_waiting(run, why)
        elif run.ending is None:
            self._endings.ask(run, Reason.WHILE_RUNNING, why)
        self._ledger.out.append(m.DropClaim(claim))
        if message.request_id:
            state, now = run.state.value, self._ledger.now.wall
            self._ledger.out.append(m.WriteReceipt(message.request_id, state, run.job_name, now, run.run_id))

    def _shutdown_asked(self, message: m.ShutdownAsked) -> None:
        self._closing = True
        if message.how is OnShutdown.KILL:
            self._endings.ask_all(self.active(), message.grace)

    # --- configuration and restart --------------------------------------------------------------------------------

    def _configured(self, message: m.Configured) -> None:
        if message.reload:
            self._time_passed()  # what was due under the old rules is decided under the old rules
        self._configuration = configuration = message.configuration
        first_seen = self._slots.configure(message.plans, self._ledger.now.wall)
        if first_seen:
            self._ledger.out.append(m.RememberSlots(first_seen))
        self._tell_faults()
        self._restore(message.restored)
        for run in [run for run in self.runs.values() if not run.is_active]:
            self._keep_or_end(run)
        self._begin(self._admission.configure(configuration.groups, configuration.max_running, self._job))
        for run in [run for run in message.restored if not run.is_active and not run.is_final]:
            self._requeue(run)
        if not message.reload:
            self._fire_reboot(message)

    def _restore(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._ledger.restore(run)
            if run.is_active:  # a definition of nothing lets the run of a removed job end in peace
                job = self._configuration.jobs.get(run.job_name) or Job(run.job_name, ())
                self._endings.begun(run, job)
                self._admission.adopt(run, job)

    def _keep_or_end(self, run: Run) -> None:
        job = self._configuration.jobs.get(run.job_name)
        if job is None:
            self._end_waiting(run, "its job was removed from the configuration")
        elif not job.enabled:
            self._end_waiting(run, "its job was disabled in the configuration")

    def _requeue(self, run: Run) -> None:
        job = self._job(run.job_name)
        if run.state is not RunState.SCHEDULED:
            self._queue(run, job)
        elif run.schedule_time > self._ledger.now.wall:
            self._future.set(run.run_id, run.schedule_time)
        else:
            self._future_due(run)

    def _fire_reboot(self, message: m.Configured) -> None:
        slot = Slot(self._ledger.now.wall, note="the daemon has started")
        for name, planned in message.plans.items():
            if any(rule.is_reboot for rule in planned.rules):
                self._slot_due(DueSlot(name, slot, missed=False, newest=True), self._job(name))

    # --- small parts ------------------------------------------------------------------------------------------------

    def _job(self, name: str) -> Job:
        return self._configuration.jobs[name]

    def _behind(self, job: Job) -> str:
        """What a new run of the job will wait behind, as the decision tells it; empty when it need not wait."""
        if job.concurrent_runs:
            return ""
        ahead = [run.run_id for run in self._pending.of(job.name)]
        ahead = ahead or list(self._admission.holders("job", job.name))
        return f"it waits behind run {ahead[-1]}" if ahead else ""

