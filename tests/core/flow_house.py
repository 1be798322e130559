"""A house for flows: the part of an engine that they need, with runs that end when they are told to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from dsari_like.core.chain import join
from dsari_like.core.choices import Reason
from dsari_like.core.flowing import Flowing, Reaction
from dsari_like.core.flows import Fact, Flow, Orchestration, Phase, Remembered, Task, place_of
from dsari_like.core.lifecycle import RunEvent, RunState, step
from dsari_like.core.model import Job, Run, Trigger

NOON = 1789300800.0


def job(name: str, **fields: Any) -> Job:
    return Job(name, ("true",), **fields)


def phase(name: str, *tasks: str | Task, **fields: Any) -> Phase:
    return Phase(name, tuple(Task(one, one) if isinstance(one, str) else one for one in tasks), **fields)


def orchestration(name: str, *phases: Phase, **fields: Any) -> Job:
    return Job(name, (), flow=Orchestration(name, phases), **fields)


class FlowHouse:
    """Runs are called r1, r2, … in the order they are made; `told` has what was decided without a run."""

    def __init__(self, *jobs: Job, remembered: Remembered | None = None) -> None:
        self.now = NOON
        self.runs: dict[str, Run] = {}
        self.flows: dict[str, Flow] = {}
        self.told: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)
        self.flowing = Flowing()
        self.configure(*jobs, remembered=remembered)

    def configure(self, *jobs: Job, remembered: Remembered | None = None) -> None:
        self.jobs = {one.name: one for one in jobs}
        after = {one.name: one.after for one in jobs if one.after is not None}
        joined = join(after, self.jobs, remembered or {})
        assert not joined.cycles and not joined.unknown
        self.chains = joined.chains
        self.flowing.configure(self.jobs, self.chains)

    def restart(self) -> None:
        """Another daemon, which knows what was recorded."""
        self.flowing = Flowing()
        self.flowing.configure(self.jobs, self.chains)
        opened = [run for run in self.runs.values() if not run.is_final]
        flows = {run.flow_id for run in opened}
        going = [flow for flow in self.flows.values() if flow.flow_id in flows]
        self.flowing.restore(going, [fact for fact in self.facts() if fact.flow_id in flows], opened)
        self.carry_out(self.flowing.resume(self.now))

    def facts(self) -> list[Fact]:
        return [
            Fact(
                run.run_id, run.flow_id, run.job_name, run.state, run.sequence, run.previous_run_id, run.retry_of,
                place_of(run.trigger.type, run.trigger.data),
            )
            for run in self.runs.values()
            if run.flow_id is not None
        ]  # fmt: skip

    # --- what happens -------------------------------------------------------------------------------------------------

    def start(self, name: str, kind: str = "manual", **data: Any) -> str:
        """Somebody triggers a job; it runs at once."""
        return self._make(Run("", name, Trigger(kind, data=data), RunState.QUEUED, self.now, self.now))

    def retry(self, run_id: str, alone: bool = False, **data: Any) -> str:
        """As the engine retries: a new run with the flow, the predecessor and the reason of the old one."""
        old = self.runs[run_id]
        if old.flow_id not in {run.flow_id for run in self.runs.values() if not run.is_final}:
            self.flowing.recall([self.flows[old.flow_id or ""]], self.facts())
        origin = {"alone": True} if alone else {}
        trigger = Trigger(
            "retry", environment=old.trigger.environment, data={**old.trigger.data, **data}, origin=origin
        )
        run = Run("", old.job_name, trigger, RunState.QUEUED, self.now, self.now)
        run.flow_id, run.previous_run_id, run.retry_of = old.flow_id, old.previous_run_id, run_id
        return self._make(run)

    def end(self, run_id: str, ok: bool = True, lost: bool = False) -> None:
        """The process of a run ends."""
        run = self.runs[run_id]
        if lost:
            run.state = step(run.state, RunEvent.FIRST_DEADLINE)
        run.state = step(run.state, RunEvent.SECOND_DEADLINE if lost else RunEvent.SUCCEEDED if ok else RunEvent.FAILED)
        self._ended(run)

    def end_of(self, name: str, ok: bool = True) -> None:
        """The one open run of a job ends."""
        (run_id,) = self.open(name)
        self.end(run_id, ok)

    def retry_itself(self, run_id: str) -> str:
        """A run fails, and the job's own `retries` make another of it first."""
        run = self.runs[run_id]
        run.state = step(run.state, RunEvent.FAILED)
        trigger = Trigger("retry", environment=run.trigger.environment, data=run.trigger.data)
        again = Run("", run.job_name, trigger, RunState.QUEUED, self.now, self.now, attempt=run.attempt + 1)
        again.flow_id, again.previous_run_id, again.retry_of = run.flow_id, run.previous_run_id, run_id
        made = self._make(again)
        self.carry_out(self.flowing.ended(run, self.now, is_retried=True))
        return made

    def cancel(self, run_id: str) -> None:
        run = self.runs[run_id]
        if self.flowing.is_flow(run):
            run.ending = Reason.WHILE_RUNNING
            self.carry_out(self.flowing.stop(run))
        else:
            run.state = step(run.state, RunEvent.CANCELLED)
            self._ended(run)

    def take_out(self, run_id: str) -> None:
        """A waiting run ends because its job is gone or disabled."""
        run = self.runs[run_id]
        run.state = RunState.CANCELLED
        self.carry_out(self.flowing.passed_over(run, self.now))

    # --- what became of it --------------------------------------------------------------------------------------------

    def open(self, name: str | None = None) -> list[str]:
        """The ids of runs that have not ended, with a process of their own unless a name is given."""
        found = [run for run in self.runs.values() if not run.is_final]
        return [run.run_id for run in found if (run.job_name == name if name else self.jobs[run.job_name].flow is None)]

    def names(self) -> list[str]:
        """The jobs of all runs, in the order they were made."""
        return [run.job_name for run in self.runs.values()]

    def states(self) -> dict[str, str]:
        """The state of the newest run of each job."""
        return {run.job_name: run.state.value for run in self.runs.values()}

    def flow(self) -> str:
        """The state of the one flow."""
        (flow,) = self.flows.values()
        return flow.state.value

    # --- small parts --------------------------------------------------------------------------------------------------

    def _make(self, run: Run) -> str:
        number = next(self._numbers)
        run.run_id, run.sequence = f"r{number}", number
        self.runs[run.run_id] = run
        self.carry_out(self.flowing.made(run, self.now))
        if run.schedule_time <= self.now:
            self._begin(run)
        return run.run_id

    def _begin(self, run: Run) -> None:
        run.state = step(run.state, RunEvent.STARTED)
        if self.flowing.is_flow(run):
            self.carry_out(self.flowing.begin(run))

    def _ended(self, run: Run) -> None:
        self.carry_out(self.flowing.ended(run, self.now))

    def carry_out(self, reaction: Reaction) -> None:
        self.flows |= {flow.flow_id: flow for flow in reaction.flows}
        for run_id in reaction.cancel:
            self.cancel(run_id)
        for new in reaction.create:
            run = Run("", new.job_name, new.trigger, RunState.QUEUED, self.now + new.delay, self.now)
            run.flow_id, run.previous_run_id, run.retry_of = new.flow_id, new.previous_run_id, new.retry_of
            self._make(run)
        self.told += reaction.passed
        for over in reaction.over:
            run = self.runs[over.run_id]
            run.state, run.message = step(run.state, over.event), over.message
            self._ended(run)


def parents(house: FlowHouse) -> Mapping[str, str | None]:
    """Each run with the one before it."""
    return {run.run_id: run.previous_run_id for run in house.runs.values()}
