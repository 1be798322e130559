"""Repeating runs because somebody asked: which may be, and what becomes of the request.

Owns the answer to a retry request. Retries that a job makes by itself are `course`'s; what a new run takes over from
the old is the same for both. Must not know how the old runs were found.

The run of a task is repeated as long as its orchestration goes on, which then waits for it. Afterwards it is refused:
repeated alone it would change nothing of how the orchestration ended, and to run again what came after it, or what
failed beside it, is more than was asked for. Whoever wants the flow to go on says so.
"""

from __future__ import annotations

from dataclasses import replace

from dsari_like.core import chain
from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.course import Course
from dsari_like.core.flowing import AGAIN, newest
from dsari_like.core.flows import place_of
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Decision, Job, Run, Trigger


class Retries:
    """Requests to repeat runs."""

    def __init__(self, lives: Lives, course: Course) -> None:
        self._lives = lives
        self._course = course
        self._ledger = lives.ledger

    def asked(self, message: m.RetryAsked) -> list[Run]:
        """Repeat those that can be; a request of which nothing can be done is left to the caller to refuse. Returns the
        new runs."""
        self._ledger.follow_on(newest(message.facts))
        self._lives.flows.recall(message.flows, message.facts)
        again = [self._repeat(old, message) for old in message.runs if not self.why_not(old, message.tasks)]
        if not again:
            return []
        self._ledger.out.append(m.DropClaim(message.claim))
        if message.request_id:
            first, now = again[0], self._ledger.now.wall
            self._ledger.out.append(
                m.WriteReceipt(message.request_id, first.state.value, first.job_name, now, first.run_id, first.flow_id)
            )
        return again

    def why_not(self, old: Run, tasks: tuple[str, ...] = ()) -> str:
        """Why this run cannot be repeated, as the end of a sentence; empty when it can."""
        job = self._lives.configuration.jobs.get(old.job_name)
        if job is None:
            return f"its job {old.job_name} is no longer configured"
        if not job.enabled:
            return f"its job {old.job_name} is switched off (enabled: false)"
        if old.run_id in self._ledger.runs:
            return f"it has not ended yet: it is {self._ledger.runs[old.run_id].state.value}"
        if old.item is not None and old.previous_run_id not in self._ledger.runs:
            return f"it is an item of run {old.previous_run_id}, which has ended; retry that run, with item: {old.item}"
        twin = next((run.run_id for run in self._ledger.runs.values() if run.retry_of == old.run_id), None)
        if twin is not None:
            return f"run {twin} repeats it already"
        stray = self._stray_task(old)
        if stray:
            return stray
        if job.flow is not None:
            return "; ".join(self._lives.flows.retry(job.name, old.run_id, old.flow_id or "", tasks).faults)
        return ""

    def _stray_task(self, old: Run) -> str:
        """Of a task whose orchestration has ended, what is to be retried in its place; empty of any other run."""
        place, parent = place_of(old.trigger.type, old.trigger.data), old.previous_run_id
        if place is None or parent is None or old.item is not None or parent in self._ledger.runs:
            return ""
        flow = self._lives.flows.flow(old.flow_id or "")
        is_outermost = flow is not None and flow.name == old.trigger.data.get("orchestration")
        whole = f"flow {old.flow_id}" if is_outermost else f"run {parent}"
        return (
            f"it is the task {place} of run {parent}, which has ended, and nothing would go on behind it; retry"
            f" {whole} with tasks: {place} (or without tasks, for all that did not go well)"
        )

    def _in_flow(self, old: Run, job: Job, message: m.RetryAsked) -> Trigger:
        """The trigger of the old run, with what is to come of its flow."""
        trigger = old.trigger
        if job.flow is not None and message.tasks:
            places = self._lives.flows.retry(job.name, old.run_id, old.flow_id or "", message.tasks).places
            return replace(trigger, data={**trigger.data, AGAIN: [str(place) for place in places]})
        if chain.retries_alone(old.state, message.cascade, message.only):
            return replace(trigger, origin={**trigger.origin, chain.ALONE: True})
        return replace(trigger, origin={key: value for key, value in trigger.origin.items() if key != chain.ALONE})

    def _repeat(self, old: Run, message: m.RetryAsked) -> Run:
        lives, ledger, now = self._lives, self._ledger, self._ledger.now.wall
        recorded = message.recorded.get(old.run_id)
        job = recorded or lives.job(old.job_name)
        names = message.items.get(old.run_id)
        old.trigger = self._in_flow(old, job, message)
        if names is not None:
            old.trigger = replace(old.trigger, items=names)
        if old.item is not None:
            lives.arrays.repeated(old)
        again = self._course.repeat(old, job, now, kept_id=True)
        if recorded is not None:
            lives.recorded[again.run_id], again.as_recorded = recorded, True
            again.definition = old.definition
        asked = f"retry of run {old.run_id} on request{' of ' + message.by if message.by else ''}"
        asked += f": {message.reason}" if message.reason else ""
        waits = lives.behind(job)
        why = f"{asked}; {waits}" if waits else asked
        ledger.out.append(m.Decide(Decision(job.name, Outcome.STARTED, now, None, again.run_id, why)))
        ledger.record(again, asked)
        if again.state is RunState.SCHEDULED:
            ledger.move(again, RunEvent.DUE, "its time has come")
        lives.queue(again, job)
        return again
