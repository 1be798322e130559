"""The nouns of flows: steps that follow one another, phases and tasks, and the events that start things.

Owns their shapes, and what a run of a flow says of its place. Must not know how a flow goes on (`chain`,
`orchestration`), nor what a run is beyond its trigger.

An orchestration is configured as a `Job` whose `flow` is set and whose command is empty. So its schedule, its drop
place, `merge`, pauses, blackouts, decisions and pages are those of any job; only its start and its end differ, for its
runs have no process: their work is done by the runs of their tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dsari_like.core.lifecycle import RunState
from dsari_like.core.record import record

if TYPE_CHECKING:
    from dsari_like.core.notify import Rule

_NOTHING: Mapping[str, Any] = MappingProxyType({})

#: What makes the success of another job a thing to be watched; no path begins so, for paths are made absolute.
JOB_PREFIX = "job:"
#: The kinds of trigger that only flows have.
CHAIN, ORCHESTRATION = "chain", "orchestration"
#: A `goto` that is no phase.
END = "end"


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@record
class Place:
    """Where in an orchestration a run belongs."""

    phase: str
    task: str

    def __str__(self) -> str:
        return f"{self.phase}/{self.task}"


@record
class Task:
    """One job, or another orchestration, as a part of a phase."""

    name: str
    job: str
    active: bool = True
    continue_on_failure: bool = False
    parameters: Mapping[str, str] = field(default_factory=_nothing)
    delay: float = 0.0
    retries: int | None = None  # None: as many as the job says
    notify: tuple[Rule, ...] = ()


@record
class Condition:
    """What must hold for a transition, all of it, once the tasks of the phase have ended. Tasks are those of the phase,
    by name."""

    completed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    ok_except: tuple[str, ...] | None = None  # every task completed, but for these; None: does not matter
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)  # each has one of these values


@record
class Transition:
    """Where a phase leads. `goto` is a phase or END; without `when` it holds whenever the phase did not fail."""

    goto: str
    when: Condition | None = None


@record
class Phase:
    """Tasks that run side by side. Without `next` the phase leads to the one that is written after it."""

    name: str
    tasks: tuple[Task, ...]
    next: tuple[Transition, ...] = ()


@record
class Orchestration:
    """Phases, one after the other."""

    name: str
    phases: tuple[Phase, ...] = ()

    def places(self) -> Iterator[tuple[Place, Task]]:
        """Every task with its place, in order."""
        for phase in self.phases:
            for task in phase.tasks:
                yield Place(phase.name, task.name), task

    def task(self, place: Place) -> Task | None:
        """The task at a place, if there is one."""
        return next((task for at, task in self.places() if at == place), None)


@record
class EventTrigger:
    """What must have been updated, all of it, before the job is started. A thing is an absolute path, a pattern of
    paths, or JOB_PREFIX and the name of a job, which is updated by each success of that job."""

    watch: tuple[str, ...]
    cool_down: float = 0.0  # for so long after a start nothing fires
    at_end: bool = False  # what became ready meanwhile fires at the end of it, rather than with the next update

    @property
    def paths(self) -> tuple[str, ...]:
        """The files among them."""
        return tuple(thing for thing in self.watch if not thing.startswith(JOB_PREFIX))


@record
class Ready:
    """How far the event trigger of a job has come: what is kept in the run log."""

    job_name: str
    fired: float | None = None  # when it started the job last
    updated: Mapping[str, float] = field(default_factory=_nothing)  # things, and when they were updated last
    marks: Mapping[str, float] = field(default_factory=_nothing)  # of files: how new they were when they were looked at

    def awaited(self, trigger: EventTrigger) -> tuple[str, ...]:
        """The things that have not been updated yet."""
        return tuple(thing for thing in trigger.watch if thing not in self.updated)

    def cools_until(self, trigger: EventTrigger, now: float) -> float | None:
        """When the cool-down ends; None when it does not go on."""
        if self.fired is None or not self.fired <= now < self.fired + trigger.cool_down:
            return None
        return self.fired + trigger.cool_down


@record
class Repair:
    """A chain that lost steps: `step` was written to follow the first of `gone`, and follows `follows` now; None when
    nothing is left to follow."""

    step: str
    gone: tuple[str, ...]
    follows: str | None

    def __str__(self) -> str:
        names = ", ".join(f"'{name}'" for name in self.gone)
        lost = f"the step{'s' * (len(self.gone) > 1)} {names} before it {'are' if len(self.gone) > 1 else 'is'} gone"
        if self.follows is None:
            return f"{lost}, so nothing starts it but its own triggers; to keep it so, remove the line"
        return f"{lost}, so it follows '{self.follows}' now; to keep it so, write   after: {self.follows}"


@record
class Chains:
    """Which job is a step after which, gaps closed. Steps that are disabled are in here like any other: whether one is
    passed over is decided when its turn comes."""

    follows: Mapping[str, str] = field(default_factory=_nothing)  # step -> the job it follows
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)  # job -> its steps, as they were written
    repairs: tuple[Repair, ...] = ()

    def head(self, name: str) -> str:
        """The first of the chain that a job belongs to; the job itself when it follows nothing."""
        while name in self.follows:
            name = self.follows[name]
        return name


#: The topology as the run log remembers it: of each job that ever was part of a chain the job it followed, or None for
#: a head. It outlives the jobs, so that a chain can be closed where one was taken out.
Remembered = Mapping[str, str | None]


class FlowKind(Enum):
    """What a flow is."""

    CHAIN = "chain"
    ORCHESTRATION = "orchestration"


@record
class Flow:
    """One execution of a chain or an orchestration with all its attempts: what stands in the run log's `flows`. Its id
    is that of its first run."""

    flow_id: str
    kind: FlowKind
    name: str  # the job at the head of the chain, or the orchestration
    state: RunState
    start_time: float
    stop_time: float | None = None
    variables: Mapping[str, Any] = field(default_factory=_nothing)


@record
class Fact:
    """What is recorded of one run of a flow: enough to know where the flow stands. `sequence` is the order of making;
    of two runs in the same place the later one counts."""

    run_id: str
    flow_id: str
    job_name: str
    state: RunState
    sequence: int
    parent: str | None = None  # the run before it, or, of a task, the run of its orchestration
    retry_of: str | None = None
    place: Place | None = None  # of a task


def place_of(trigger_type: str, data: Mapping[str, Any]) -> Place | None:
    """The place that a run's trigger gives it. A file that was dropped gives none, whatever it says: its type tells."""
    phase, task = data.get("phase"), data.get("task")
    if trigger_type not in (ORCHESTRATION, "retry") or not (isinstance(phase, str) and isinstance(task, str)):
        return None
    return Place(phase, task)
