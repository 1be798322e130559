"""The engine: one input and a reading of the clocks go in, effects come out. The last pure module.

Owns what each input means, and all that concerns triggers. What becomes of a slot is `due`, how a run comes to start is
`lives`, how it goes on from there `course`. Must not know files, processes or the run log: what it returns is carried
out by `daemon.py`, rows first.

To follow the life of a trigger read `_trigger_arrived` and `_trigger_due` here, then `queue` and `begin` of `lives`,
`child_exited` of `course`, and `consequences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from dsari_like.core import messages as m
from dsari_like.core.admission import WaitReason
from dsari_like.core.answered import answered
from dsari_like.core.cancelling import Cancels
from dsari_like.core.choices import OnShutdown, Outcome
from dsari_like.core.consequences import Consequences
from dsari_like.core.course import Course
from dsari_like.core.due import Dues, is_deferred
from dsari_like.core.flow_messages import EventResetAsked, WatchedUpdated
from dsari_like.core.lifecycle import FINAL, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Job, Pause, Run, SkipNext
from dsari_like.core.putoffs import PutOffs
from dsari_like.core.reactions import CallEnded
from dsari_like.core.retries import Retries

_OPEN = frozenset(state.value for state in RunState if state not in FINAL)


class Engine:
    """Everything that is decided, and nothing that is done."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._lives = Lives(new_id)
        self._course = Course(self._lives)
        self._put_offs = PutOffs(self._lives, self._course)
        self._retries = Retries(self._lives, self._course)
        self._cancels = Cancels(self._lives, self._course)
        self._consequences = Consequences(self._lives, self._course, new_id)
        self._dues = Dues(self._lives)
        self._ledger = self._lives.ledger

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
            case m.PauseAsked() | m.UnpauseAsked() | m.SkipNextAsked():
                self._rest_asked(message)
            case m.PruneAsked():  # after a crash it is begun again: its claim stays until it is done
                effects.append(m.Prune(message.job_name, message.request_id, message.claim))
            case m.RetryAsked():
                self._retry_asked(message)
            case m.ResumeAsked():
                self._resume_asked(message)
            case m.ChildExited():
                self._course.child_exited(message)
            case m.Progressed():
                self._course.progressed(message)
            case m.LifeSeen():
                self._course.life_seen(message)
            case m.Started():
                self._course.started(message)
            case m.StartFailed():
                self._course.start_failed(message)
            case m.StartPutOff():
                self._put_offs.put_off(message)
            case m.StartAgain():
                self._put_offs.again(message.run_id)
            case CallEnded():
                self._consequences.call_ended(message)
            case WatchedUpdated():
                self._consequences.events.updated(message)
            case EventResetAsked():
                self._event_reset_asked(message)
            case m.UnblockAsked():
                self._unblock_asked(message)
            case m.TimePassed():
                self._time_passed()
            case m.Configured():
                self._configured(message)
            case m.ShutdownAsked():
                self._shutdown_asked(message)
        self._consequences.follow()
        request = answered(message, effects, now)
        if request is not None:
            effects.append(request)
        return effects

    def next_deadline(self, now: m.Now) -> float | None:
        """Seconds until something is due by itself, 0 when something is due already, None for never."""
        lives = self._lives
        calendars = (self._dues, lives.future, lives.pauses, self._consequences)
        walls = [] if lives.closing else [calendar.next_deadline() for calendar in calendars]
        waits = [time - now.wall for time in walls if time is not None]
        limits = (lives.endings.next_deadline(), self._course.pulses.next_deadline())
        waits += [limit - now.mono for limit in limits if limit is not None]
        if lives.arrays.is_unfolding and not lives.closing:
            return 0.0
        return max(0.0, min(waits)) if waits else None

    @property
    def runs(self) -> dict[str, Run]:
        """The runs that are not final, by id."""
        return self._ledger.runs

    def active(self) -> list[Run]:
        """The runs that have a process, or are about to; an array run has none, nor one whose start is put off."""
        return [run for run in self.runs.values() if run.is_active and run.has_process and not run.put_off]

    def why(self, run_id: str) -> WaitReason | None:
        """What a waiting run waits for."""
        return self._lives.admission.why(run_id)

    def next_slot(self, job_name: str) -> float | None:
        """When there is something to decide about the job by its schedule next."""
        return self._dues.next_slot(job_name)

    # --- triggers -----------------------------------------------------------------------------------------------

    def _trigger_arrived(self, message: m.TriggerArrived) -> None:
        claim, trigger, ledger = message.claim, message.trigger, self._ledger
        job = self._lives.job(claim.name)
        known = ledger.run_of(trigger.id) or (message.known.run_id if message.known else None)
        if known is not None:
            self._known_again(message, known)
        elif trigger.schedule_time is not None and trigger.schedule_time > ledger.now.wall:
            run = self._lives.new_run(job, trigger, RunState.SCHEDULED, trigger.schedule_time)
            ledger.decide_claim(claim, Outcome.STARTED, trigger.id, run.run_id, "it waits for its time")
            ledger.record(run, f"triggered by {claim.file_name}, not due yet")
            self._lives.await_time(run)
        else:
            self._trigger_due(message, job)
        ledger.out.append(m.DropClaim(claim))

    def _known_again(self, message: m.TriggerArrived, known: str) -> None:
        """Its id belongs to a run. The answer is given once more, for the receipt may have been removed since, and who
        waits for it would wait for ever."""
        trigger, ledger, run = message.trigger, self._ledger, self.runs.get(known)
        reason = f"its id '{trigger.id}' already belongs to run {known}; nothing was started"
        ledger.decide_claim(message.claim, Outcome.DROPPED, trigger.id, known, reason)
        if run is not None:
            ledger.answer(trigger, run)
        elif message.known is not None and message.known.state not in _OPEN:
            # Else the run has ended in this very turn, and its last word is on the way: this one would tell the past.
            ledger.out.append(message.known)

    def _trigger_due(self, message: m.TriggerArrived, job: Job) -> None:
        claim, trigger, ledger = message.claim, message.trigger, self._ledger
        verdict = self._lives.pending.weigh_trigger(job)
        if verdict.drop:
            reason = "another triggered run is pending and the job says merge: drop"
            ledger.decide_claim(claim, Outcome.DROPPED, trigger.id, None, reason)
            ledger.receipt(trigger, "dropped", job.name, reason=reason)
            return
        if verdict.into is not None:
            self._fold_trigger(message, verdict.into)
            return
        run = self._lives.new_run(job, trigger, RunState.QUEUED, trigger.schedule_time or claim.received)
        self._lives.replace(verdict.replaced, run)
        ledger.decide_claim(claim, Outcome.STARTED, trigger.id, run.run_id, self._lives.behind(job))
        ledger.record(run, f"triggered by {claim.file_name}")
        self._lives.queue(run, job)

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
        if message.trigger_id and ledger.run_of(message.trigger_id) is None:  # else its receipt tells of that run
            receipt = m.WriteReceipt(message.trigger_id, "refused", claim.name, ledger.now.wall)
            ledger.out.append(replace(receipt, reason=message.reason))

    # --- time ---------------------------------------------------------------------------------------------------

    def _time_passed(self) -> None:
        lives = self._lives
        if not lives.closing:
            self._dues.take()
            lives.rests_passed()
            for run_id, _ in list(lives.future.pop_due(self._ledger.now.wall)):
                self._future_due(self.runs[run_id])
            self._course.unfold()
            self._consequences.time_passed()
        lives.endings.time_passed()
        self._course.pulses.time_passed()

    def _future_due(self, run: Run) -> None:
        if is_deferred(run):
            self._dues.over(run)
        else:
            self._lives.future_due(run)

    # --- cancelling, shutdown -----------------------------------------------------------------------------

    def _cancel_asked(self, message: m.CancelAsked) -> None:
        found = list(message.selection.among(self.runs.values()))
        if not found:
            reason = f"there is no waiting or running run {message.selection}: it has ended, or never was"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        why = f"cancelled on request{' of ' + message.by if message.by else ''}"
        why += f": {message.reason}" if message.reason else ""
        self._cancels.all(found, why)
        self._answered(message, found)

    def _retry_asked(self, message: m.RetryAsked) -> None:
        if not self._retries.asked(message):
            whys = (f"run {old.run_id} cannot be retried: {self._retries.why_not(old, message.tasks)}" for old in message.runs[:5])
            reason = "; ".join(whys) or "there is no run that has ended and fits"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))

    def _resume_asked(self, message: m.ResumeAsked) -> None:
        run = self.runs.get(message.run_id)
        if run is None or run.state is not RunState.TIMED_OUT or not self._course.can_resume(run):
            reason = f"run {message.run_id} cannot be resumed: " + _why_not_resumed(run)
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        self._course.resume(run, "request", message.reason or "on request")
        self._answered(message, [run])

    def _unblock_asked(self, message: m.UnblockAsked) -> None:
        run = self.runs.get(message.run_id)
        if run is None or not self._consequences.unblock(run, message.reason or "released on request"):
            state = "it has ended, or never was" if run is None else f"it is {run.state.value}"
            reason = f"run {message.run_id} is not blocked: {state}"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        self._answered(message, [run])

    def _event_reset_asked(self, message: EventResetAsked) -> None:
        if not self._consequences.events.reset(message.job_name):
            reason = f"{message.job_name} waits for no events"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        self._ledger.out.append(m.DropClaim(message.claim))
        if message.request_id:
            now = self._ledger.now.wall
            self._ledger.out.append(m.WriteReceipt(message.request_id, "completed", message.job_name, now))

    def _answered(self, message: m.CancelAsked | m.ResumeAsked | m.UnblockAsked, runs: list[Run]) -> None:
        """The request was carried out; of several runs the receipt names the first."""
        self._ledger.out.append(m.DropClaim(message.claim))
        if message.request_id:
            first, now = runs[0], self._ledger.now.wall
            receipt = m.WriteReceipt(message.request_id, first.state.value, first.job_name, now, first.run_id)
            self._ledger.out.append(receipt)

    def _rest_asked(self, message: m.PauseAsked | m.UnpauseAsked | m.SkipNextAsked) -> None:
        """Pauses and slots to be left out. A request that can do nothing is refused, so that nobody relies on it."""
        lives, ledger, claim = self._lives, self._ledger, message.claim
        if isinstance(message, m.PauseAsked):
            name = message.pause.job_name
            lives.pause(message.pause)
        elif isinstance(message, m.SkipNextAsked):
            name = message.skip.job_name
            lives.pauses.skip_next(message.skip)
            ledger.out.append(m.SaveRest(message.skip))
        else:
            name = message.job_name
            if not lives.unpause(name):
                reason = f"job {name} is not paused by itself" if name else "the pause of all jobs is not in force"
                self._refuse(m.TriggerRefused(claim, reason, message.request_id))
                return
        ledger.out.append(m.DropClaim(claim))
        if message.request_id:
            ledger.out.append(m.WriteReceipt(message.request_id, "completed", name, ledger.now.wall))

    def _shutdown_asked(self, message: m.ShutdownAsked) -> None:
        self._lives.closing = True
        if message.how is OnShutdown.KILL:
            self._cancels.shut_down(self.active(), message.grace)

    # --- configuration and restart --------------------------------------------------------------------------------

    def _configured(self, message: m.Configured) -> None:
        if message.reload:
            self._time_passed()  # what was due under the old rules is decided under the old rules
        self._lives.configuration = message.configuration
        self._lives.recorded |= message.recorded
        self._dues.configure(message.plans)
        self._restore_rests(message.rests)
        self._consequences.configure(message)
        self._lives.restore(message.restored)
        self._lives.keep_or_end()
        self._put_offs.configured(message.restored)
        for run in [run for run in self.runs.values() if is_deferred(run)]:
            self._dues.resume(run)
        waiting = (run for run in message.restored if not (run.is_active or run.is_final or is_deferred(run)))
        for run in [run for run in waiting if run.state is not RunState.BLOCKED]:
            self._requeue(run)
        self._course.settle_arrays()
        self._consequences.resume(message)
        if not message.reload:
            self._dues.fire_reboot(message.plans)

    def _restore_rests(self, rests: Iterable[Pause | SkipNext]) -> None:
        """Before anything that waits is weighed: a pause that holds lets nobody in."""
        self._lives.pauses.restore(rests)
        for name in self._lives.pauses.names():
            self._lives.admission.pause(name)

    def _requeue(self, run: Run) -> None:
        if run.state is not RunState.SCHEDULED:
            self._lives.queue(run, self._lives.job_of(run))
        elif run.schedule_time > self._ledger.now.wall:
            self._lives.future.set(run.run_id, run.schedule_time)
        else:
            self._future_due(run)


def _why_not_resumed(run: Run | None) -> str:
    if run is None:
        return "it has ended, or never was; use retry"
    if run.state is not RunState.TIMED_OUT:
        return f"it is {run.state.value}, and only one that timed out is resumed"
    return "its job has no resume_command, and no stage that may be repeated"
