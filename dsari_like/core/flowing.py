"""The flows that are going on: what each end leads to, whatever kind of flow it is an end in.

Owns what is known of the runs of every flow that has not ended, and the reactions: steps that follow, tasks to be
begun, orchestrations that are over. Must not know how a run is made, admitted or ended: it says what is to be done, and
is told what was.

How the engine drives it. All calls of a turn go into the one transaction of that turn, so a crash leaves either the end
of a step with its successors, or neither.

- `configure` with each configuration, before anything else; then at a start `restore` with what the run log says
  (`resuming.flow_facts`, `resuming.flows`) and the open runs; then `resume`, whose reaction is mostly empty.
- `made` with every run that is made, whatever made it, before it is recorded: it may give the run its flow.
- A run of an orchestration (`is_flow`) waits for its door like an array run, and like one holds nothing else. When it
  is let in, it moves to `running` and `begin` takes the place of `Start`. It has no process: it is not adopted, not
  signalled, and does not keep a daemon from stopping.
- The job of every run that starts is `job(run, job)`, for a task may have its own `retries`.
- `ended` with every run that has become final, after the retry that it has by itself, if any, was made.
- A run that waited and whose job was disabled or removed by a reload: `passed_over` in place of `ended`.
- To cancel a run of an orchestration: set its `ending`, then `stop`. To cancel a flow: each of `open_runs`, those of
  orchestrations last.
- To retry a run of a flow, or a flow, which is to retry its last run without a place: `recall` what the run log says of
  it, then make a run as for any retry, with the flow, the `previous_run_id` and the trigger's data of the old one. An
  orchestration then keeps what went well. Tasks that somebody names are put to `retry` first, and its places into the
  data under AGAIN. A chain goes on behind a retry unless the `origin` of its trigger says `chain.ALONE`
  (`chain.retries_alone` tells).

A `Reaction` is carried out in the order of its fields; what comes of that (a run that is over) is told by `ended`
again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsari_like.core import chain, orchestration
from dsari_like.core.flows import CHAIN, ORCHESTRATION, Chains, Fact, Flow, FlowKind, Orchestration, Place, place_of
from dsari_like.core.going import Going, fact_of
from dsari_like.core.happenings import DEPTH
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.model import NOTHING, Job, Run, Trigger
from dsari_like.core.orchestration import Begin, Choice, Execution
from dsari_like.core.record import record

#: In the trigger's data of a retry: the tasks to be run, where somebody named them.
AGAIN = "again"

#: In the `origin` of a trigger: so many runs stand behind it that led to it by their success alone.
EVENT_DEPTH = "event_depth"

#: How an orchestration that is over ends.
VERDICTS: Mapping[RunState, RunEvent] = {
    RunState.COMPLETED: RunEvent.SUCCEEDED,
    RunState.WARNING: RunEvent.WARNED,
    RunState.FAILED: RunEvent.FAILED,
    RunState.CANCELLED: RunEvent.CANCELLED,
}


@record
class NewRun:
    """A run to be made: due after `delay` seconds, and then queued. `merge` is not asked: a step of a flow is neither
    folded nor dropped; but it takes the place of a pending slot, like any trigger."""

    job_name: str
    trigger: Trigger
    flow_id: str
    previous_run_id: str
    cause: str
    delay: float = 0.0
    retry_of: str | None = None


@record
class Ended:
    """The run of an orchestration is over."""

    run_id: str
    event: RunEvent
    message: str


@dataclass(slots=True)
class Reaction:
    """What is to be done."""

    cancel: list[str] = field(default_factory=list)  # runs that are to end, waiting or running
    create: list[NewRun] = field(default_factory=list)
    passed: list[tuple[str, str]] = field(default_factory=list)  # jobs that get no run, and why: a decision each
    over: list[Ended] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)  # rows to be written


class Flowing:
    """The flows that have open runs."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, Job] = NOTHING
        self._chains = Chains()
        self._flows: dict[str, Going] = {}
        self._parents: dict[str, Run] = {}  # the orchestrations that are running, by the ids of their runs

    # --- configuration and restart --------------------------------------------------------------------------------

    def configure(self, jobs: Mapping[str, Job], chains: Chains) -> None:
        """Flows that are going on follow the new configuration from their next step on."""
        self._jobs, self._chains = jobs, chains

    def restore(self, flows: Iterable[Flow], facts: Iterable[Fact], open_runs: Iterable[Run]) -> None:
        """What an earlier daemon recorded of the flows that are not over."""
        self.recall(flows, facts)
        for run in open_runs:
            # One that is configured no more, or is a plain job now, is known by having neither a process nor items.
            is_flow = self.is_flow(run) or (not run.has_process and run.items is None)
            if run.is_active and is_flow:
                self._parents[run.run_id] = run

    def recall(self, flows: Iterable[Flow], facts: Iterable[Fact]) -> None:
        """What is recorded of these flows, for a retry in one of them."""
        for flow in flows:
            self._flows.setdefault(flow.flow_id, Going(flow))
        for fact in facts:
            going = self._flows.get(fact.flow_id)
            if going is not None and fact.run_id not in going.facts:
                going.learn(fact)

    def resume(self, now: float) -> Reaction:
        """Whatever was left to be done."""
        reaction = Reaction()
        for run in list(self._parents.values()):
            self._advance(run, reaction)
        return reaction

    # --- what the engine asks ---------------------------------------------------------------------------------------

    def is_flow(self, run: Run) -> bool:
        """Whether this is the run of an orchestration, and so has no process. Of one that is configured no more its
        tasks tell."""
        job = self._jobs.get(run.job_name)
        return job.flow is not None if job else run.run_id in self._parents

    def job(self, run: Run, job: Job) -> Job:
        """The job as this run is to have it."""
        parent = self._parents.get(run.previous_run_id or "")
        place = place_of(run.trigger.type, run.trigger.data)
        task = self._definition(parent).task(place) if parent and place else None
        return orchestration.task_job(job, task) if task else job

    def open_runs(self, flow_id: str) -> tuple[str, ...]:
        """The runs of a flow that have not ended, tasks before their orchestration."""
        going = self._flows.get(flow_id)
        found = sorted(going.open) if going else ()
        return tuple(sorted(found, key=lambda run_id: run_id in self._parents))

    def flow(self, flow_id: str) -> Flow | None:
        """A flow that is going on."""
        going = self._flows.get(flow_id)
        return going.flow if going else None

    def vary(self, flow_id: str, variables: Mapping[str, Any]) -> Flow:
        """A run of the flow has left these variables for those after it."""
        return self._flows[flow_id].vary(variables)

    # --- what the engine tells ----------------------------------------------------------------------------------------

    def made(self, run: Run, now: float) -> Reaction:
        """A run was made. One that has no flow begins one when its job is of a chain, or an orchestration."""
        reaction = Reaction()
        if run.item is not None:
            return reaction
        job = self._jobs.get(run.job_name)
        if run.flow_id is None and self._begins_flow(run.job_name, job):
            run.flow_id = run.run_id
        if run.flow_id is not None and (run.flow_id in self._flows or run.flow_id == run.run_id):
            going = self._flows.get(run.flow_id) or self._new(run.flow_id, run.job_name, job, now)
            going.learn(fact_of(run))
            self._weigh(going, now, reaction)
        return reaction

    def begin(self, run: Run) -> Reaction:
        """The run of an orchestration was let in."""
        reaction = Reaction()
        self._parents[run.run_id] = run
        self._advance(run, reaction)
        return reaction

    def ended(self, run: Run, now: float, is_retried: bool = False) -> Reaction:
        """A run has ended. What it is retried by, if anything, was made by then, and stands in its place."""
        return self._ended(run, now, goes_on=chain.goes_on(run) and not is_retried)

    def passed_over(self, run: Run, now: float) -> Reaction:
        """A run that waited has ended because its job was disabled or removed: as if the step had never been there, the
        chain goes on with those after it. A task is another matter: it was to be run, and was not."""
        return self._ended(run, now, goes_on=place_of(run.trigger.type, run.trigger.data) is None)

    def stop(self, run: Run) -> Reaction:
        """The run of an orchestration is to end; its `ending` is set. It is over when its tasks are."""
        reaction = Reaction()
        going = self._flows.get(run.flow_id or "")
        if going is not None:
            reaction.cancel += going.open_tasks(run.run_id)
        self._advance(run, reaction)
        return reaction

    # --- retrying a flow ----------------------------------------------------------------------------------------------

    def retry(self, job_name: str, run_id: str, flow_id: str, tasks: Collection[str] = ()) -> Choice:
        """What a retry of this run of an orchestration runs: these tasks, or all that did not go well."""
        flow = self._flow_of(job_name)
        if flow is None:
            return Choice((), (f"'{job_name}' is no orchestration that is configured",))
        if tasks:
            return orchestration.choose(flow, tasks)
        facts = self._facts(flow_id)
        places = orchestration.again(flow, orchestration.earlier(facts, run_id) | orchestration.results(facts, run_id))
        return Choice(places, () if places else (f"every task of {flow.name} went well; name those to run again",))

    # --- reactions ----------------------------------------------------------------------------------------------------

    def _ended(self, run: Run, now: float, goes_on: bool) -> Reaction:
        reaction = Reaction()
        going = self._flows.get(run.flow_id or "")
        self._parents.pop(run.run_id, None)
        if run.item is not None:
            return reaction
        if going is not None:
            going.learn(fact_of(run))
        if goes_on:
            self._follow(run, reaction)
        parent = self._parents.get(run.previous_run_id or "")
        if parent is not None and place_of(run.trigger.type, run.trigger.data) is not None:
            self._advance(parent, reaction)
        if going is not None and not reaction.create:
            self._weigh(going, now, reaction)
        return reaction

    def _follow(self, run: Run, reaction: Reaction) -> None:
        """The next steps. A flow that nobody knew to be one, because its steps were configured meanwhile, begins."""
        onward = chain.onward(run.job_name, self._chains, self._is_enabled)
        if onward.steps and run.flow_id is None:
            run.flow_id = run.run_id
        for step in onward.steps:
            trigger = Trigger(CHAIN, data={"after": run.job_name}, origin=behind(run))
            cause = f"it follows {run.job_name}, whose run {run.run_id} {run.state.value}"
            reaction.create.append(NewRun(step, trigger, run.flow_id or run.run_id, run.run_id, cause))
        reaction.passed += [(passed.step, str(passed)) for passed in onward.passed]

    def _advance(self, run: Run, reaction: Reaction) -> None:
        step = self._execution(run).advance()
        if isinstance(step, Begin):
            before = self._before(run)
            going = self._flows.get(run.flow_id or "")
            if going is not None:
                going.promise(run.run_id, (place for place, _ in step.tasks))
            reaction.create += [self._task_run(run, place, task.job, before.get(place)) for place, task in step.tasks]
        elif step is not None:
            reaction.over.append(Ended(run.run_id, VERDICTS[step.state], step.message))

    def _task_run(self, parent: Run, place: Place, job_name: str, retry_of: str | None) -> NewRun:
        flow = self._definition(parent)
        task = flow.task(place)
        assert task is not None
        data = {"orchestration": flow.name, "phase": place.phase, "task": place.task}
        environment = {**parent.trigger.environment, **task.parameters}
        trigger = Trigger(ORCHESTRATION, environment=environment, data=data, origin=behind(parent))
        cause = f"task {place} of {flow.name}, run {parent.run_id}"
        flow_id = parent.flow_id or parent.run_id
        return NewRun(job_name, trigger, flow_id, parent.run_id, cause, task.delay, retry_of)

    def _execution(self, run: Run) -> Execution:
        going, flow, facts = self._flows.get(run.flow_id or ""), self._definition(run), self._facts(run.flow_id)
        before = orchestration.earlier(facts, run.run_id)
        chosen = frozenset(self._chosen(run, flow, before))
        return Execution(
            flow,
            chosen,
            (going.promised(run.run_id) if going else {}) | orchestration.results(facts, run.run_id),
            orchestration.kept(before, chosen),
            going.flow.variables if going else NOTHING,
            in_order=bool(_asked(run)),
            stopping=run.ending is not None or self._flow_of(run.job_name) is None,
        )

    def _chosen(self, run: Run, flow: Orchestration, before: orchestration.Results) -> Iterator[Place]:
        """The tasks that were chosen when the flow was asked for, as far as there are such tasks still; in a retry
        those that did not go well. The task of a job that is disabled is as if it were absent."""
        data = run.trigger.data
        if run.retry_of is not None and AGAIN in data:
            places: Collection[Place] = orchestration.chosen(flow, tasks=orchestration.words(data[AGAIN]))
        else:
            asked = _asked(run)
            places = orchestration.chosen(flow, asked.get("tasks"), asked.get("skip", ()), asked.get("phase"))
            if run.retry_of is not None:
                places = [place for place in orchestration.again(flow, before) if place in places]
        for place in places:
            task = flow.task(place)
            if task is not None and self._is_enabled(task.job):
                yield place

    def _before(self, run: Run) -> dict[Place, str]:
        """The run that each task had last, in the attempts before this one."""
        facts = sorted(self._facts(run.flow_id), key=lambda fact: fact.sequence)
        parents = set(orchestration.lineage(facts, run.run_id))
        return {fact.place: fact.run_id for fact in facts if fact.place and fact.parent in parents}

    # --- small parts --------------------------------------------------------------------------------------------------

    def _facts(self, flow_id: str | None) -> tuple[Fact, ...]:
        going = self._flows.get(flow_id or "")
        return tuple(going.facts.values()) if going else ()

    def _begins_flow(self, name: str, job: Job | None) -> bool:
        return name in self._chains.steps or name in self._chains.follows or (job is not None and job.flow is not None)

    def _new(self, flow_id: str, name: str, job: Job | None, now: float) -> Going:
        """A chain is called by its head, wherever in it this flow began."""
        is_chain = job is None or job.flow is None
        kind = FlowKind.CHAIN if is_chain else FlowKind.ORCHESTRATION
        flow = Flow(flow_id, kind, self._chains.head(name) if is_chain else name, RunState.QUEUED, now)
        going = self._flows[flow_id] = Going(flow)
        return going

    def _weigh(self, going: Going, now: float, reaction: Reaction) -> None:
        """A row when it stands differently now; a flow is forgotten when nothing of it is open."""
        reaction.flows += going.weigh(now)
        if not going.open:
            self._flows.pop(going.flow.flow_id, None)

    def _definition(self, run: Run) -> Orchestration:
        """Of one that is configured no more nothing is left to be begun."""
        return self._flow_of(run.job_name) or Orchestration(run.job_name)

    def _flow_of(self, name: str) -> Orchestration | None:
        job = self._jobs.get(name)
        return job.flow if job else None

    def _is_enabled(self, name: str) -> bool:
        job = self._jobs.get(name)
        return job is not None and job.enabled


def behind(run: Run) -> Mapping[str, Any]:
    """How much stands behind a run, and so behind all that follows from it: a loop through a chain has an end, too."""
    origin = run.trigger.origin
    return {key: origin[key] for key in (DEPTH, EVENT_DEPTH) if key in origin} or NOTHING


def newest(facts: Iterable[Fact]) -> int:
    """The place in the order of making of the last of these. Whatever is made in their flow comes after it, which a
    daemon that was restarted cannot know from the runs that are open."""
    return max((fact.sequence for fact in facts), default=0)


def _asked(run: Run) -> dict[str, list[str]]:
    """The choice that came with the trigger of an orchestration; that of a task only tells its place."""
    trigger = run.trigger
    return {} if place_of(trigger.type, trigger.data) else orchestration.asked(trigger.data)
