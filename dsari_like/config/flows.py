"""What flows mean beside the jobs there are: who follows whom, which tasks exist, what is watched.

Owns the rules that need more than one job, and that an orchestration becomes a `Job` with a `flow`. Must not know the
keys (`flow_keys`), files or lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from dsari_like.config import notify_keys
from dsari_like.config.checks import Fault, KeyPath, Unfit, shown, take_name
from dsari_like.config.crossing import crossings
from dsari_like.config.flow_keys import ORCHESTRATION
from dsari_like.core.chain import join
from dsari_like.core.flows import END, JOB_PREFIX, Chains, Orchestration, Phase, Remembered, Task
from dsari_like.core.model import NOTHING, Job, Where

#: An orchestration may run another, and that one a third (K-12).
DEEPEST = 2


class Around(NamedTuple):
    """What the making of flows asks of the rest."""

    absolute: Callable[[str], str]
    path_of: Callable[[str], KeyPath]  # where a job was written
    where: Mapping[str, Where]  # where each orchestration was
    schedule: Callable[[KeyPath, tuple[str, ...], str], None]  # judges texts in a zone
    remembered: Callable[[], Remembered | None]  # the chains of before; None when that cannot be known


class Flows:
    """One making of all flows; `faults` and `warnings` name the paths they are about."""

    def __init__(self, around: Around) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self._around = around

    def orchestrations(self, written: Mapping[str, Any], jobs: dict[str, Job]) -> None:
        """Put every orchestration among the jobs, whose name space is theirs, too."""
        made: dict[str, Job] = {}
        for name, value in written.items():
            path = ("orchestrations", name)
            fields, faults = ORCHESTRATION.read(value)
            self._add(faults, *path)
            self._judge_name(path, name)
            if name in jobs:
                text = "a job has this name already, and the two share one name space; rename one of them"
                self._add([Fault((), text)], *path)
            made[name] = self._orchestration(name, fields)
        jobs |= {name: job for name, job in made.items() if name not in jobs}
        for name, job in made.items():
            flow = job.flow or Orchestration(name)
            self._look_at_phases(name, flow, jobs)
            self.warnings += [one.below("orchestrations", name, "phases") for one in crossings(flow, jobs)]
        self._look_for_rings(made)

    def chains(self, jobs: Mapping[str, Job]) -> Chains:
        """The chains that the jobs make; of use when there are no faults."""
        after = {name: job.after for name, job in jobs.items() if job.after is not None}
        if not after:
            return Chains()
        is_whole = all(target in jobs for target in after.values())
        remembered: Remembered | None = NOTHING if is_whole else self._around.remembered()
        joined = join(after, jobs, remembered or NOTHING)
        for step, target in joined.unknown:
            self._unknown_step(step, target, jobs, cannot_know=remembered is None)
        for cycle in joined.cycles:
            text = f"these steps follow one another in a circle: {' -> '.join(cycle)}; take one `after` out"
            self._add([Fault((), text)], *self._around.path_of(cycle[0]), "after")
        for repair in joined.chains.repairs:
            self.warnings.append(Fault((*self._around.path_of(repair.step), "after"), str(repair)))
        return joined.chains

    def watched(self, jobs: dict[str, Job]) -> None:
        """Make the paths of event triggers absolute, and look at the jobs that they name."""
        for name, job in [(name, job) for name, job in jobs.items() if job.event_trigger is not None]:
            assert job.event_trigger is not None
            path = (*self._around.path_of(name), "event_trigger", "watch")
            things = tuple(self._thing(path, name, thing, jobs) for thing in job.event_trigger.watch)
            jobs[name] = replace(job, event_trigger=replace(job.event_trigger, watch=things))

    # --- orchestrations -----------------------------------------------------------------------------------------------

    def _orchestration(self, name: str, fields: dict[str, Any]) -> Job:
        zone = fields.setdefault("schedule_timezone", "UTC")
        if "schedule" in fields:
            self._around.schedule(("orchestrations", name), fields["schedule"], zone)
        flow = Orchestration(name, fields.pop("phases", ()))
        return Job(name, (), flow=flow, where=self._around.where.get(name, Where("", 0)), **fields)

    def _look_at_phases(self, name: str, flow: Orchestration, jobs: Mapping[str, Job]) -> None:
        path = ("orchestrations", name, "phases")
        for index, phase in enumerate(flow.phases):
            earlier = [one.name for one in flow.phases[:index]]
            if phase.name == END or phase.name in earlier:
                why = "the word for the end of the flow" if phase.name == END else "the name of an earlier phase"
                self._add([Fault((index, "name"), f"{shown(phase.name)} is {why}; choose another")], *path)
            self._add(list(_of_tasks(phase, jobs)), *path, index, "tasks")
            self._add(list(_of_transitions(flow, index)), *path, index, "next")
        self._add(list(_unreachable(flow)), *path)

    def _look_for_rings(self, made: Mapping[str, Job]) -> None:
        """Orchestrations that run one another in a circle, or too deep."""
        within = {name: _tasks_among(job, made) for name, job in made.items()}
        for name in made:
            for way in _ways(name, within, (name,)):
                if way[-1] in way[:-1]:
                    if way[-1] == name:
                        self._add([Fault((), f"runs itself: {' -> '.join(way)}")], "orchestrations", name, "phases")
                    break
                if len(way) - 1 > DEEPEST:
                    text = f"orchestrations may be nested {DEEPEST} deep, and this is deeper: {' -> '.join(way)}"
                    self._add([Fault((), text)], "orchestrations", name, "phases")
                    break

    # --- steps and things ---------------------------------------------------------------------------------------------

    def _unknown_step(self, step: str, target: str, jobs: Mapping[str, Job], cannot_know: bool) -> None:
        path = (*self._around.path_of(step), "after")
        text = f"there is no job {shown(target)} in the configuration"
        if cannot_know:
            text += "; whether there was one before cannot be told, for the run log cannot be read"
            self.warnings.append(Fault(path, text))
        else:
            self.faults.append(Fault(path, text, target, tuple(jobs), context=True))

    def _thing(self, path: KeyPath, name: str, thing: str, jobs: Mapping[str, Job]) -> str:
        if not thing.startswith(JOB_PREFIX):
            return self._around.absolute(thing)
        watched = thing.removeprefix(JOB_PREFIX)
        if watched == name:
            self._add([Fault((), f"{shown(name)} would start itself for ever; name something else")], *path)
        elif watched not in jobs:
            text = f"there is no job {shown(watched)} in the configuration"
            self._add([Fault((), text, watched, tuple(jobs), context=True)], *path)
        return thing

    def _judge_name(self, path: KeyPath, name: str) -> None:
        try:
            take_name(name)
        except Unfit as refusal:
            self._add(list(refusal.faults), *path)

    def _add(self, faults: list[Fault], *path: str | int) -> None:
        self.faults += [fault.below(*path) for fault in faults]


def parameters_of_tasks(jobs: Mapping[str, Job]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What tasks set, with the job that gets it; those of a nested orchestration reach any job (an empty name)."""
    for flow in (job.flow for job in jobs.values() if job.flow is not None):
        for _, task in flow.places():
            if task.parameters:
                is_plain = task.job in jobs and jobs[task.job].flow is None
                yield task.job if is_plain else "", task.parameters


def _of_tasks(phase: Phase, jobs: Mapping[str, Job]) -> Iterator[Fault]:
    names: set[str] = set()
    for index, task in enumerate(phase.tasks):
        if task.name in names:
            text = f"the phase has a task {shown(task.name)} already; give this one a name of its own"
            yield Fault((index, "name"), text)
        names.add(task.name)
        job = jobs.get(task.job)
        if job is None:
            text = f"there is no job {shown(task.job)} in the configuration"
            yield Fault((index, "job"), text, task.job, tuple(jobs), context=True)
        else:
            yield from (fault.below(index, "parameters") for fault in _of_parameters(task, job))


def _of_parameters(task: Task, job: Job) -> Iterator[Fault]:
    for name, value in task.parameters.items():
        declared = job.parameters.get(name)
        if declared is not None and declared.allowed is not None and value not in declared.allowed:
            text = f"expected one of {', '.join(map(shown, declared.allowed))}, found {shown(value)}"
            yield Fault((name,), text, value, declared.allowed)


def _of_transitions(flow: Orchestration, index: int) -> Iterator[Fault]:
    """Forward only, so that nothing goes round for ever; and what happens by default stands last (K-61, K-63)."""
    phase = flow.phases[index]
    later = [one.name for one in flow.phases[index + 1 :]]
    names = tuple(task.name for task in phase.tasks)
    for number, transition in enumerate(phase.next):
        if transition.goto != END and transition.goto not in later:
            text = f"expected a phase after {shown(phase.name)}, or {END}, found {shown(transition.goto)}"
            yield Fault((number, "goto"), text, transition.goto, (*later, END))
        when = transition.when
        for key in ("completed", "failed", "ok_except"):
            for name in (getattr(when, key) or ()) if when else ():
                if name not in names:
                    text = f"the phase has no task {shown(name)}"
                    yield Fault((number, "when", key), text, name, names)
        if (when is None) != (number == len(phase.next) - 1):
            text = "only the last transition is without `when`" if when is None else "the last transition has no `when`"
            yield Fault((number,), f"{text}: it is where the phase leads by default")


def _unreachable(flow: Orchestration) -> Iterator[Fault]:
    reached = {flow.phases[0].name} if flow.phases else set()
    for index, phase in enumerate(flow.phases):
        if phase.name not in reached:
            yield Fault((index,), f"no transition leads to the phase {shown(phase.name)}")
        following = [flow.phases[index + 1].name] if index + 1 < len(flow.phases) else []
        reached |= {transition.goto for transition in phase.next} if phase.next else set(following)


def _tasks_among(job: Job, made: Mapping[str, Job]) -> list[str]:
    flow = job.flow or Orchestration(job.name)
    return list(dict.fromkeys(task.job for _, task in flow.places() if task.job in made))


def _ways(name: str, within: Mapping[str, list[str]], walked: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every way down from an orchestration, until it comes round or is too deep."""
    for below in within[name]:
        way = (*walked, below)
        yield way
        if below not in walked and len(way) <= DEEPEST + 1:
            yield from _ways(below, within, way)


# --- the way back -----------------------------------------------------------------------------------------------------


def dumped(job: Job) -> dict[str, Any]:
    """An orchestration key by key, as it could be written."""
    flow = job.flow or Orchestration(job.name)
    own = {key.name: getattr(job, key.name) for key in ORCHESTRATION.keys if key.name != "phases"}
    own["notify"] = [notify_keys.dumped(rule) for rule in job.notify]
    return {"phases": [dumped_phase(phase) for phase in flow.phases], **own}


def dumped_phase(phase: Phase) -> dict[str, Any]:
    """A phase; what it does not say is left out."""
    tasks = [_dumped_task(task) for task in phase.tasks]
    transitions = [_dumped_transition(one.goto, one.when) for one in phase.next]
    return {"name": phase.name, "tasks": tasks} | ({"next": transitions} if transitions else {})


def _dumped_task(task: Task) -> dict[str, Any]:
    parts = {part: getattr(task, part) for part in Task.__dataclass_fields__}
    return {**parts, "notify": [notify_keys.dumped(rule) for rule in task.notify]}


def _dumped_transition(goto: str, when: Any) -> dict[str, Any]:
    if when is None:
        return {"goto": goto}
    parts = {part: getattr(when, part) for part in when.__dataclass_fields__}
    said = {part: value for part, value in parts.items() if value or (part == "ok_except" and value is not None)}
    return {"goto": goto, "when": said}
