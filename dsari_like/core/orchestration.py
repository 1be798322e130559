"""Orchestrations: which tasks are to be begun now, given how those that were begun stand; and when all is over, how.

Owns the order of phases, the choice of tasks and the verdict. Keeps nothing: what it answers follows from the
definition, the choice and the results alone, so a daemon that restarts knows as much as the one before it.
Must not know runs, times, or how a task is carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from dsari_like.core.flows import END, Condition, Fact, Orchestration, Phase, Place, Task
from dsari_like.core.lifecycle import FINAL, WELL, RunState
from dsari_like.core.model import NOTHING, Job
from dsari_like.core.record import record

Results = Mapping[Place, RunState]


def _nothing() -> Mapping[Any, Any]:
    return NOTHING


@record
class Begin:
    """These tasks are to be begun, side by side."""

    tasks: tuple[tuple[Place, Task], ...]


@record
class Over:
    """Nothing is going on any more, and nothing is to be begun."""

    state: RunState  # completed, warning, failed or cancelled
    message: str = ""
    unreached: tuple[Place, ...] = ()  # were chosen, and not executed (K-03)


@record
class Execution:
    """How one execution stands. `own` are the results of this attempt, `kept` what earlier ones left that counts."""

    flow: Orchestration
    chosen: Collection[Place]
    own: Results
    kept: Results = field(default_factory=_nothing)
    variables: Mapping[str, Any] = field(default_factory=_nothing)
    in_order: bool = False  # tasks were chosen by hand: phases follow in their order, whatever `next` says (K-74)
    stopping: bool = False

    def advance(self) -> Begin | Over | None:
        """What is to be done now; None while there is something to be waited for."""
        index, spoiled = 0, list[Place]()
        while index < len(self.flow.phases):
            phase = self.flow.phases[index]
            missing = () if self.stopping or index < self._furthest() else self._missing(phase)
            if missing:
                return Begin(missing)
            if self._is_open(phase):
                return None
            spoiled += [place for place, _, state in self._results(phase) if state is not RunState.COMPLETED]
            bad = [place for place, task in self._bad(phase) if not task.continue_on_failure]
            onward = self._onward(index, bool(bad))
            if onward is None or self.stopping:
                return self._over(RunState.FAILED, self._why(phase, bad))
            index = onward
        if spoiled:
            return self._over(RunState.WARNING, f"not all went well: {_listed([str(place) for place in spoiled])}")
        return self._over(RunState.COMPLETED, "")

    def state(self, place: Place) -> RunState | None:
        """How a task stands: by this attempt, else by what is kept of an earlier one."""
        own = self.own.get(place)
        return own if own is not None else self.kept.get(place)

    def _furthest(self) -> int:
        """What was added to a phase that is over comes too late for this execution."""
        phases = [phase.name for phase in self.flow.phases]
        begun = {place.phase for place in self.own}
        return max((index for index, name in enumerate(phases) if name in begun), default=0)

    def _missing(self, phase: Phase) -> tuple[tuple[Place, Task], ...]:
        tasks = ((Place(phase.name, task.name), task) for task in phase.tasks)
        return tuple((place, task) for place, task in tasks if place in self.chosen and place not in self.own)

    def _results(self, phase: Phase) -> Iterator[tuple[Place, Task, RunState]]:
        for task in phase.tasks:
            place = Place(phase.name, task.name)
            state = self.state(place)
            if state is not None:
                yield place, task, state

    def _is_open(self, phase: Phase) -> bool:
        return any(state not in FINAL for _, _, state in self._results(phase))

    def _bad(self, phase: Phase) -> Iterator[tuple[Place, Task]]:
        return ((place, task) for place, task, state in self._results(phase) if state not in WELL)

    def _onward(self, index: int, failed: bool) -> int | None:
        """The phase that comes next, as its number; None when the failure of this one is the end."""
        phase, names = self.flow.phases[index], [phase.name for phase in self.flow.phases]
        if not phase.next or self.in_order:
            return None if failed else index + 1
        states = {place.task: state for place, _, state in self._results(phase)}
        for transition in phase.next:
            # A failure is handled by a condition that asks for it, never by the way things go by default (K-64).
            if transition.when is None and failed:
                continue
            if transition.when is None or _holds(transition.when, states, self.variables):
                return len(names) if transition.goto == END else names.index(transition.goto)
        return None

    def _over(self, state: RunState, why: str) -> Over | None:
        if any(found not in FINAL for found in self.own.values()):
            return None
        unreached = self._unreached()
        if self.stopping:
            return Over(RunState.CANCELLED, "", unreached)
        configured = {place for place, _ in self.flow.places()}
        strays = [str(place) for place, found in self.own.items() if place not in configured and found not in WELL]
        if strays:  # taken out of the configuration while they ran
            return Over(RunState.FAILED, f"{_listed(strays)} failed", unreached)
        return Over(state, why, unreached)

    def _unreached(self) -> tuple[Place, ...]:
        return tuple(place for place, _ in self.flow.places() if place in self.chosen and place not in self.own)

    def _why(self, phase: Phase, bad: Iterable[Place]) -> str:
        names = [place.task for place in bad]
        if not names:
            return f"after phase {phase.name} no transition held"
        after = list(dict.fromkeys(place.phase for place in self._unreached() if place.phase != phase.name))
        rest = f"; {_listed(after)} {'were' if len(after) > 1 else 'was'} not executed" if after else ""
        return f"phase {phase.name} failed ({_listed(names)}){rest}"


def _holds(condition: Condition, states: Mapping[str, RunState], variables: Mapping[str, Any]) -> bool:
    """Whether all of it holds. What did not run, or is no more, has neither completed nor failed."""
    excepted = condition.ok_except
    return (
        all(states.get(name) in WELL for name in condition.completed)
        and all(name in states and states[name] not in WELL for name in condition.failed)
        and (excepted is None or all(state in WELL for name, state in states.items() if name not in excepted))
        and all(str(variables.get(name, "")) in values for name, values in condition.variables.items())
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def task_job(job: Job, task: Task) -> Job:
    """The job as a run of this task is to have it: the task's word on retries goes before the job's (K-71)."""
    return job if task.retries is None else replace(job, retries=task.retries)


# --- choosing ---------------------------------------------------------------------------------------------------------


#: The keys of a trigger that choose tasks: those to be run, those to be left out, phases.
SELECTING = ("tasks", "skip", "phase")


@record
class Choice:
    """What is to be run of an orchestration, or why that cannot be told."""

    places: tuple[Place, ...] = ()
    faults: tuple[str, ...] = ()


def asked(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a trigger says of the tasks to be run: under each key a name, or several."""
    return {key: words(data[key]) for key in SELECTING if key in data}


def words(value: object) -> list[str]:
    """A name or several, as a list."""
    return [value] if isinstance(value, str) else [str(one) for one in value] if isinstance(value, list) else []


def choice_of(flow: Orchestration, data: Mapping[str, Any]) -> Choice:
    """The choice that a trigger makes, for whoever is to be told what is wrong with it."""
    for key in SELECTING:
        value = data.get(key, "")
        if not isinstance(value, str) and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            return Choice((), (f"{key}: expected a name or a list of names",))
    names = asked(data)
    return choose(flow, names.get("tasks"), names.get("skip", ()), names.get("phase"))


def choose(
    flow: Orchestration,
    tasks: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    phases: Iterable[str] | None = None,
) -> Choice:
    """As `chosen`, for somebody who is to be told of names that mean nothing."""
    faults: list[str] = []
    for name in [*(tasks or ()), *skip]:
        faults += _faults_of_task(flow, name)
    known = [phase.name for phase in flow.phases]
    faults += [
        f"there is no phase '{name}' in {flow.name}{_meant(name, known)}" for name in phases or () if name not in known
    ]
    places = () if faults else chosen(flow, tasks, skip, phases)
    if not places and not faults:
        faults.append(f"nothing of {flow.name} would be run")
    return Choice(places, tuple(faults))


def chosen(
    flow: Orchestration,
    tasks: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    phases: Iterable[str] | None = None,
) -> tuple[Place, ...]:
    """The tasks that a selection by names comes to: those named, of the phases named, but for those left out. A name is
    that of a task, in whatever phases it is, or `phase/task`; None is no restriction. What is not active is as if it
    were absent (K-07)."""
    wanted, left_out = None if tasks is None else set(tasks), set(skip)
    of_phases = None if phases is None else set(phases)
    return tuple(
        place
        for place, task in flow.places()
        if task.active
        and (wanted is None or not wanted.isdisjoint((task.name, str(place))))
        and (of_phases is None or place.phase in of_phases)
        and left_out.isdisjoint((task.name, str(place)))
    )


def again(flow: Orchestration, results: Results) -> tuple[Place, ...]:
    """What a retry runs unless it is told otherwise: tasks that did not go well, and those that were not executed
    (K-06); what went well is kept."""
    return tuple(place for place, task in flow.places() if task.active and results.get(place) not in WELL)


def _faults_of_task(flow: Orchestration, name: str) -> Iterator[str]:
    found = [task for place, task in flow.places() if name in (place.task, str(place))]
    if not found:
        known = [word for place, _ in flow.places() for word in (str(place), place.task)]
        yield f"there is no task '{name}' in {flow.name}{_meant(name, known)}"
    elif not any(task.active for task in found):
        yield f"the task '{name}' of {flow.name} is not active"


def _meant(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), 1) if len(word) <= 129 else []
    return f" (did you mean '{close[0]}'?)" if close else ""


# --- from what is recorded --------------------------------------------------------------------------------------------


def results(facts: Iterable[Fact], parent: str) -> dict[Place, RunState]:
    """How the tasks of one run of an orchestration stand: of several runs in one place the last counts."""
    found = sorted((fact for fact in facts if fact.parent == parent and fact.place), key=lambda fact: fact.sequence)
    return {fact.place: fact.state for fact in found if fact.place}


def lineage(facts: Collection[Fact], run_id: str) -> tuple[str, ...]:
    """The runs of an orchestration that this one is an attempt after, the oldest first."""
    before = {fact.run_id: fact.retry_of for fact in facts}
    found: list[str] = []
    name = before.get(run_id)
    while name is not None and name not in found:
        found.append(name)
        name = before.get(name)
    return tuple(reversed(found))


def earlier(facts: Collection[Fact], run_id: str) -> dict[Place, RunState]:
    """How each task stood after the attempts before this one."""
    merged: dict[Place, RunState] = {}
    for parent in lineage(facts, run_id):
        merged |= results(facts, parent)
    return merged


def kept(results_before: Results, chosen: Collection[Place]) -> dict[Place, RunState]:
    """What of the earlier attempts counts: what went well and is not to be run again."""
    return {place: state for place, state in results_before.items() if state in WELL and place not in chosen}
