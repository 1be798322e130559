"""What follows when a run has come into being or changed its state: flows go on, blocked runs are released, callbacks
are called, array runs end.

Owns the fixed point: each change is followed to its end within the same input, so that all of it shares one
transaction. Must not know what caused the first change. Which step or task is next is `flowing`, which callback fires
is `reacting`; here it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dsari_like.core import messages as m
from dsari_like.core.cancelling import Cancels
from dsari_like.core.choices import Outcome, Reason
from dsari_like.core.course import Course
from dsari_like.core.eventing import Eventing
from dsari_like.core.flow_messages import SaveFlow
from dsari_like.core.flowing import Ended, NewRun, newest
from dsari_like.core.flowing import Reaction as FlowReaction
from dsari_like.core.happenings import event_of
from dsari_like.core.ledger import Change
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Decision, Exit, Job, Run
from dsari_like.core.reacting import Reaction, Reactions
from dsari_like.core.reactions import CallEnded

_WAITED = frozenset(state.value for state in (RunState.SCHEDULED, RunState.QUEUED, RunState.WAITING_FOR_LOCK))


class Consequences:
    """Flows and reactions, joined to the lives of runs."""

    def __init__(self, lives: Lives, course: Course, new_id: Callable[[], str]) -> None:
        self._lives, self._course, self._ledger = lives, course, lives.ledger
        self._flows, self._cancels = lives.flows, Cancels(lives, course)
        self._reactions = Reactions(new_id)
        self.events = Eventing(lives, self._create)
        lives.ledger.making = self._making
        course.stop_flow = self.stop_flow
        course.happened = self.happened
        self._host = ""

    # --- configuration and time -----------------------------------------------------------------------------------

    def configure(self, message: m.Configured) -> None:
        """A configuration is in force, at a start with what an earlier daemon left. Runs are restored after this."""
        configuration, now = message.configuration, self._ledger.now.wall
        self._flows.configure(configuration.jobs, configuration.chains)
        runs = message.restored or tuple(self._ledger.runs.values())
        self._do(self._reactions.configure(configuration, runs, now, message.kept))
        self.events.configure(message.ready)
        if not message.reload:
            self._lives.ledger.follow_on(newest(message.facts))
            self._flows.restore(message.flows, message.facts, message.restored)

    def resume(self, message: m.Configured) -> None:
        """After the runs were restored: those that were blocked are so still, and flows half done go on."""
        now = self._ledger.now.wall
        for run in [run for run in message.restored if run.state is RunState.BLOCKED and not run.is_final]:
            job = self._lives.configuration.jobs.get(run.job_name)
            if job is None or not self._reactions.block(run, job, now):
                self._release(run, "nothing blocks it any more")
        if not message.reload:
            self._flow(self._flows.resume(now))
            self._host = message.host
            self._do(self._reactions.host("running", message.host, now))

    def next_deadline(self) -> float | None:
        """When something is due, by the wall clock."""
        times = (self._reactions.next_deadline(), self.events.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def time_passed(self) -> None:
        """What has come due."""
        self._do(self._reactions.time_passed(self._ledger.now.wall))
        self.events.time_passed()

    def call_ended(self, message: CallEnded) -> None:
        """An attempt to carry out a call has ended."""
        self._do(self._reactions.ended(message))

    def happened(self, run: Run, name: str) -> None:
        """Something happened to a run that is no change of its state."""
        self._do(self._reactions.happened(event_of(run.snapshot(), name, self._ledger.now.wall)))

    def modified(self, before: Mapping[str, Job]) -> None:
        """Another configuration is in force: runs that wait are of another job now (Q-18)."""
        jobs = self._lives.configuration.jobs
        for run in [run for run in self._ledger.runs.values() if not run.is_active]:
            if run.job_name in before and jobs.get(run.job_name) not in (None, before[run.job_name]):
                self.happened(run, "modified")

    def closing(self) -> None:
        """The daemon is on its way out: who waits for that is told by the next one, if there is no time."""
        self._do(self._reactions.host("done", self._host, self._ledger.now.wall))

    # --- changes --------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Until nothing follows any more."""
        while self._ledger.moved:
            changes = list(self._ledger.moved)
            self._ledger.moved.clear()
            for change in changes:
                self._followed(change)
            self._do(self._reactions.follow((change.run, change.before, change.time) for change in changes))
        if self._reactions.awaits_missed:
            self._do(self._reactions.missed([one.decision for one in self._ledger.out if isinstance(one, m.Decide)]))

    def _making(self, run: Run) -> None:
        """A run is about to be recorded: it may belong to a flow, and may have to wait for something to happen."""
        now, job = self._ledger.now.wall, self._lives.configuration.jobs.get(run.job_name)
        self._flow(self._flows.made(run, now))
        if job is not None and not run.is_final and self._reactions.block(run, job, now):
            run.state = RunState.BLOCKED

    def _followed(self, change: Change) -> None:
        run = change.run
        if change.before == RunState.BLOCKED.value and run.is_final:
            self._ledger.out += self._reactions.unblock(run.run_id)
        if run.state is RunState.RUNNING and change.before in _WAITED and self._flows.is_flow(run):
            self._flow(self._flows.begin(self._ledger.runs[run.run_id]))
        if run.is_final:
            self._ended(run)
        self.events.followed(change)

    def _ended(self, run: Run) -> None:
        now, flow_id, is_repeated = self._ledger.now.wall, run.flow_id, self._course.take_repeated(run.run_id)
        if run.item is not None:
            self._course.item_ended(run, is_repeated)
            return
        if run.run_id in self._lives.passed_over:
            self._lives.passed_over.discard(run.run_id)
            reaction = self._flows.passed_over(run, now)
        else:
            reaction = self._flows.ended(run, now, is_repeated)
        if run.flow_id != flow_id:  # nobody knew, when it began, that it would be the first of several
            self._ledger.save(run)
        self._flow(reaction)

    # --- flows ----------------------------------------------------------------------------------------------------

    def stop_flow(self, run: Run, why: str) -> None:
        """The run of an orchestration is to end: it is over when its tasks are."""
        run.ending, run.message = Reason.WHILE_RUNNING, why
        self._ledger.note(run, why)
        self._flow(self._flows.stop(run))

    def _flow(self, reaction: FlowReaction) -> None:
        ledger, now = self._ledger, self._ledger.now.wall
        ending = [ledger.runs[run_id] for run_id in reaction.cancel if run_id in ledger.runs]
        if ending:
            self._cancels.all(ending, "cancelled with the orchestration it is a task of")
        for new in reaction.create:
            self._create(new)
        for job_name, why in reaction.passed:
            ledger.out.append(m.Decide(Decision(job_name, Outcome.SKIPPED, now, None, None, why)))
        for over in reaction.over:
            self._over(over)
        ledger.out += [SaveFlow(flow) for flow in reaction.flows]

    def _create(self, new: NewRun) -> None:
        """A run that a flow wants. It is neither folded nor dropped, but takes the place of a pending slot."""
        lives, ledger, now = self._lives, self._ledger, self._ledger.now.wall
        job = lives.configuration.jobs[new.job_name]
        state = RunState.SCHEDULED if new.delay > 0 else RunState.QUEUED
        run = lives.new_run(job, new.trigger, state, now + new.delay)
        run.flow_id, run.previous_run_id, run.retry_of = new.flow_id or None, new.previous_run_id or None, new.retry_of
        why = "; ".join(filter(None, (new.cause, lives.behind(job))))
        ledger.out.append(m.Decide(Decision(job.name, Outcome.STARTED, now, None, run.run_id, why)))
        ledger.record(run, new.cause)
        if run.state is RunState.SCHEDULED:
            lives.future.set(run.run_id, run.schedule_time)
        else:
            lives.take_place_of_slot(run, job)
            lives.queue(run, lives.job_of(run))

    def _over(self, over: Ended) -> None:
        run = self._ledger.runs.get(over.run_id)
        if run is None:
            return
        if over.event is RunEvent.CANCELLED:
            run.reason = run.ending or Reason.WHILE_RUNNING
        elif over.event is RunEvent.FAILED:
            run.reason = Reason.EXIT
        run.exit = Exit(0 if over.event in (RunEvent.SUCCEEDED, RunEvent.WARNED) else 1)
        run.message = over.message or run.message
        self._course.finish(run, over.event, over.message or "all its tasks have ended", self._ledger.now.wall)

    # --- reactions ------------------------------------------------------------------------------------------------

    def unblock(self, run: Run, why: str) -> bool:
        """Somebody releases a blocked run. False when it is not blocked."""
        if run.state is not RunState.BLOCKED:
            return False
        self._ledger.out += self._reactions.unblock(run.run_id)
        self._release(run, why)
        return True

    def _do(self, reaction: Reaction) -> None:
        self._ledger.out += reaction.effects
        for run_id in reaction.released:
            run = self._ledger.runs.get(run_id)
            if run is not None and run.state is RunState.BLOCKED:
                self._release(run, "what it was blocked until has come true")

    def _release(self, run: Run, why: str) -> None:
        """It may go on; one whose time has not come stays where it is until then."""
        lives = self._lives
        if run.schedule_time > self._ledger.now.wall:
            lives.future.set(run.run_id, run.schedule_time)
            self._ledger.note(run, f"{why}; it is not due yet")
            return
        self._ledger.move(run, RunEvent.UNBLOCKED, why)
        job = lives.job_of(run)
        lives.take_place_of_slot(run, job)
        lives.queue(run, job)
