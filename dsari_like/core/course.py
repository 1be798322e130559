"""The course of a run from its start to its end: signs of life, stages, resumption, and what follows from an end.

Owns that an end lets the next one begin in the same turn, and that a failure is tried again where the job wants it.
Must not know why a run was made, or what waits (`lives`).

To follow an end read `child_exited`, `_ended`, then `finish`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dsari_like.core import messages as m
from dsari_like.core import retrying, staging, variables
from dsari_like.core.choices import Outcome, Reason
from dsari_like.core.clauses import Progress, Stage
from dsari_like.core.ending import verdict
from dsari_like.core.flow_messages import SaveFlow
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Decision, Exit, Job, Run
from dsari_like.core.pulses import Pulses, Silence


class Course:
    """The active runs."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self._ledger = lives.ledger
        self._endings = lives.endings
        self._arrays = lives.arrays
        self.pulses = Pulses(lives.ledger)
        self.stop_flow: Callable[[Run, str], None]  # how the run of an orchestration is ended
        self.happened: Callable[[Run, str], None]  # who is to know of what is no change of state
        self._repeated: set[str] = set()  # runs that have just failed, and are tried again

    # --- signs of life --------------------------------------------------------------------------------------------

    def started(self, message: m.Started) -> None:
        """Its process exists, and is watched from now on."""
        run = self._ledger.runs.get(message.run_id)
        if run is None:  # it ended before the message came round
            return
        anew = run.process is None
        run.process = message.process
        self._endings.watch(run, anew)
        self.pulses.watch(run, self._endings.definition(run).heartbeat, anew)
        self._ledger.save(run)

    def progressed(self, message: m.Progressed) -> None:
        """It said something of itself. A line that repeats the last one is a sign of life, and no news."""
        run = self._ledger.runs.get(message.run_id)
        if run is None or not run.is_active:
            return
        for note in message.notes:
            self._ledger.note(run, note)
        known, newest = run.progress, message.lines[-1:]
        for line in newest:
            if _told(line) != _told(known):
                run.progress = line
                self._ledger.note(run, f"progress {_words(line)}")
                self.happened(run, "progress")
            if known is None or line.time > known.time:  # else a new daemon reads what the one before it knew
                self._alive(run)

    def life_seen(self, message: m.LifeSeen) -> None:
        """The look that a deadline asked for has its answer."""
        run = self._ledger.runs.get(message.run_id)
        if run is None or not run.is_active:
            return
        silence = self.pulses.looked(run, message.time)
        if silence is Silence.NONE:
            self._late_sign(run)
        elif silence is Silence.FINAL:
            why = "it gave no sign of life before its final deadline"
            self._endings.ask(run, Reason.DEADLINE, why)
        elif run.state is RunState.RUNNING:
            self._ledger.move(run, RunEvent.FIRST_DEADLINE, "it gave no sign of life before its deadline")
            if self._endings.definition(run).resume_command and not self._lives.closing:
                self.resume(run, "deadline", "its resume_command is started; its process is left alone")
        self.pulses.look_again(run)

    def _alive(self, run: Run) -> None:
        self.pulses.beat(run)
        self._late_sign(run)

    def _late_sign(self, run: Run) -> None:
        if run.state is RunState.TIMED_OUT and run.ending is None:
            self._ledger.move(run, RunEvent.RESUMED, "it gave a late sign of life")

    # --- resumption -----------------------------------------------------------------------------------------------

    def can_resume(self, run: Run) -> bool:
        """Whether there is a way to go on with a run that has no process any more."""
        job = self._endings.definition(run)
        return run.ending is None and (bool(job.resume_command) or staging.repeats(run, job))

    def resume(self, run: Run, reason: str, cause: str) -> None:
        """Start what the job has for that, in the same run directory. The newest process is the run's from now on."""
        job = self._endings.definition(run)
        run.launch += 1
        run.resume, run.process = reason, None
        self._ledger.move(run, RunEvent.RESUMED, f"resumed: {cause}")
        stage = staging.current(run, job)
        if stage is not None:
            staging.begin(run, stage, self._ledger.now.wall)
            self._ledger.save(run)
        self._launch(run, job)

    def _launch(self, run: Run, job: Job) -> None:
        """One more process for a run that goes on. On the way out nothing is begun: the next daemon does it."""
        self.pulses.forget(run)
        if self._lives.closing:
            run.put_off = True
            self._ledger.save(run)
        else:
            self._ledger.out.append(m.Start(run, job))

    # --- ends -----------------------------------------------------------------------------------------------------

    def start_failed(self, message: m.StartFailed) -> None:
        """There will be no process."""
        run = self._ledger.runs.get(message.run_id)
        if run is None:
            return
        cause, now = f"could not be started: {message.message}", self._ledger.now.wall
        run.exit = _together(run.exit, Exit(message.code))
        staging.end(run, run.exit, now, None)
        if not self._passed(run, run.exit, cause, now):
            run.reason, run.message = Reason.START_FAILED, message.message
            self.finish(run, RunEvent.FAILED, cause, now)

    def child_exited(self, message: m.ChildExited) -> None:
        """Its process is gone."""
        run = self._ledger.runs.get(message.run_id)
        if run is None:
            return
        exit_ = _together(run.exit, message.exit) if message.exit is not None else None
        run.exit, run.run_data = exit_, message.run_data
        run.message = message.message or run.message
        if exit_ is None and run.ending is None:
            self._lost(run)
        else:
            self._ended(run, exit_, message)

    def _ended(self, run: Run, exit_: Exit | None, message: m.ChildExited) -> None:
        event, run.reason, cause = verdict(run, exit_)
        staging.end(run, exit_, message.time, message.output_size)
        if event is RunEvent.SUCCEEDED and staging.is_unknown(run, self._endings.definition(run)):
            event, run.reason, cause = RunEvent.FAILED, Reason.LOST, "nobody knows what was to follow it"
            run.message = "its job was removed from the configuration while no daemon ran, and its other stages with it"
        if exit_ is None or not self._passed(run, exit_, cause, message.time):
            where = "" if run.stage is None else f"stage {run.stage}: "
            self.finish(run, event, where + cause, message.time)

    def _passed(self, run: Run, exit_: Exit, cause: str, time: float) -> bool:
        """Go on after a stage that has ended, or end well after the last. False when that is not how it stands."""
        job = self._endings.definition(run)
        if run.stage is None or run.ending is not None or staging.is_unknown(run, job):
            return False
        if not staging.goes_on(run, job, exit_):
            return False
        following = staging.following(run, job)
        if following is not None:
            self._next_stage(run, job, following, cause)
            return True
        run.reason, run.exit = None, replace(exit_, code=0, signal=None)  # one that failed was allowed to
        run.message = run.message or _let_pass(staging.let_pass(run, job))
        self.finish(run, RunEvent.SUCCEEDED, "its last stage ended", time)
        return True

    def _next_stage(self, run: Run, job: Job, stage: Stage, cause: str) -> None:
        """The next command of the run, in the same directory, into the same output."""
        told = f"stage {run.stage} ended ({cause}), stage {stage.name} begins"
        run.launch += 1
        run.process, run.resume, run.reason = None, None, None
        staging.begin(run, stage, self._ledger.now.wall)
        if run.state is RunState.TIMED_OUT:
            self._ledger.move(run, RunEvent.RESUMED, told)
        else:
            self._ledger.note(run, told)
        self._launch(run, job)

    def _lost(self, run: Run) -> None:
        """Nobody knows how it ended. It was not watched, so it is timed out first, like anything without a sign of
        life; unless there is something to resume it with, it fails in the same turn."""
        if run.state is RunState.RUNNING:
            self._ledger.move(run, RunEvent.FIRST_DEADLINE, "its process was gone when the daemon looked for it")
        if self.can_resume(run):
            self.resume(run, "lost", "its process is gone")
            return
        run.reason = Reason.LOST
        run.message = "its process vanished while no daemon watched: it may have run fully, partly or not at all"
        staging.end(run, None, self._ledger.now.wall, None)
        self.finish(run, RunEvent.SECOND_DEADLINE, "it left no exit status", self._ledger.now.wall)

    def finish(self, run: Run, event: RunEvent, cause: str, stop_time: float) -> None:
        """The run has ended: what it held is free, and whoever waited for that starts in the same turn."""
        run.stop_time = max(stop_time, run.start_time or stop_time)
        if event is RunEvent.SUCCEEDED and run.progress is not None:
            run.progress = replace(run.progress, percent=100.0)
        self._take_variables(run)
        self._ledger.move(run, event, cause)
        self._endings.forget(run)
        self.pulses.forget(run)
        if not self._lives.gone(run.job_name):
            self._try_again(run, self._lives.job_of(run))
        self._lives.recorded.pop(run.run_id, None)
        self._lives.begin(self._lives.admission.release(run.run_id, serve=not self._lives.closing))

    def _take_variables(self, run: Run) -> None:
        """What it returned for its own retries, and for those after it in its flow."""
        flow, lives = self._lives.flows.flow(run.flow_id or ""), self._lives
        workflow = flow.variables if flow is not None else run.workflow_variables
        told = variables.exchange(run.run_data, run.job_variables, workflow, lives.configuration.secrets)
        for line in (*told.changes, *told.notes):
            self._ledger.note(run, line)
        run.job_variables, run.workflow_variables = told.job, told.workflow
        if flow is not None and told.workflow is not workflow:
            self._ledger.out.append(SaveFlow(lives.flows.vary(flow.flow_id, told.workflow)))

    # --- what follows ---------------------------------------------------------------------------------------------

    def _try_again(self, run: Run, job: Job) -> None:
        """Make the run that repeats this one, if the job wants one."""
        if not retrying.is_due(job, run):
            return
        ledger, wait = self._ledger, retrying.delay(job, run.attempt)
        again = self.repeat(run, job, ledger.now.wall + wait, kept_id=True)
        self._repeated.add(run.run_id)
        reason = f"attempt {again.attempt} of {job.retries + 1}, after run {run.run_id} failed; it starts in {wait:g} s"
        decision = Decision(job.name, Outcome.STARTED, ledger.now.wall, None, again.run_id, reason)
        ledger.out.append(m.Decide(decision))
        ledger.record(again, f"retry of run {run.run_id}")
        self._lives.await_time(again)

    def repeat(self, old: Run, job: Job, time: float, kept_id: bool) -> Run:
        """A run like this one, not recorded yet, that is due at this time."""
        lives = self._lives
        again = lives.new_run(job, retrying.trigger_of(old, kept_id), RunState.SCHEDULED, time)
        again.retry_of, again.attempt, again.flow_id = old.run_id, old.attempt + 1, old.flow_id
        again.previous_run_id, again.item, again.job_variables = old.previous_run_id, old.item, old.job_variables
        again.priority, again.folded = old.priority, list(old.folded)
        if old.as_recorded and old.run_id in lives.recorded:
            lives.recorded[again.run_id], again.as_recorded = lives.recorded[old.run_id], True
            again.definition = old.definition
        if again.item is not None:
            self._arrays.made(again)
        return again

    def take_repeated(self, run_id: str) -> bool:
        """Whether the job repeats this run, which has just ended, by itself."""
        repeated = run_id in self._repeated
        self._repeated.discard(run_id)
        return repeated

    # --- array runs -----------------------------------------------------------------------------------------------

    def unfold(self) -> None:
        """Make the next items of an array run that has just begun."""
        if not self._arrays.is_unfolding:
            return
        for array, trigger, name in list(self._arrays.unmade()):
            job = self._endings.definition(array)
            item = self._lives.new_run(job, trigger, RunState.QUEUED, self._ledger.now.wall)
            item.item, item.previous_run_id, item.flow_id = name, array.run_id, array.flow_id
            item.attempt, item.priority = array.attempt, array.priority
            self._ledger.record(item, f"item of run {array.run_id}")
            self._arrays.made(item)
            self._lives.queue(item, job)
        self.settle_arrays()

    def item_ended(self, item: Run, is_repeated: bool) -> None:
        """One more item of an array run is done; the last one ends the array run."""
        array = self._arrays.ended(item, is_repeated)
        if array is not None:
            self._end_array(array)

    def _end_array(self, array: Run) -> None:
        event, cause = self._arrays.verdict(array)
        self.finish(array, event, cause, self._ledger.now.wall)

    def settle_arrays(self) -> None:
        """Array runs of which nothing is left to be done end, and those whose job is gone when their last item has."""
        for array in self._arrays.running():
            why = self._lives.gone(array.job_name)
            if why and array.ending is None:
                array.ending, array.message = Reason.WHILE_RUNNING, why
                self._arrays.stop(array)
                self._ledger.note(array, why)
            if self._arrays.is_over(array):
                self._end_array(array)

    def call_off(self, run: Run, why: str) -> None:
        """A run whose start was put off ends without that."""
        run.reason = Reason.BEFORE_START if run.launch == 1 else Reason.WHILE_RUNNING
        run.put_off, run.message = False, why
        self.finish(run, RunEvent.CANCELLED, why, self._ledger.now.wall)


def _told(progress: Progress | None) -> tuple[float | None, str] | None:
    return None if progress is None else (progress.percent, progress.message)


def _words(progress: Progress) -> str:
    percent = "" if progress.percent is None else f"{progress.percent:g} %"
    return ": ".join(part for part in (percent, progress.message) if part)


def _let_pass(names: tuple[str, ...]) -> str:
    return f"failed and allowed to: {', '.join(names)}" if names else ""


def _together(before: Exit | None, last: Exit) -> Exit:
    """How the last process ended, with what all processes of the run used."""
    if before is None:
        return last
    return replace(
        last,
        user_seconds=_sum(before.user_seconds, last.user_seconds),
        system_seconds=_sum(before.system_seconds, last.system_seconds),
        max_rss=max(before.max_rss or 0, last.max_rss or 0) or None,
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None and other is None else (one or 0.0) + (other or 0.0)
