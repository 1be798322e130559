"""What an execution of a chain or an orchestration is made of: every step and task there is, or was, and its runs.

Owns how a part stands, also one without a run: left out, passed over, not executed, yet to come. It is told from the
run log where that says it, and from the configuration for what never happened. Must not know how any of it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dsari_like.core import orchestration
from dsari_like.core.flows import CHAIN, Flow, FlowKind, Orchestration, Place, place_of
from dsari_like.core.model import Configuration
from dsari_like.report.graph import Box, Line
from dsari_like.store.reader import DecisionRow, RunRow

_WELL, _FINAL = ("completed", "warning"), ("completed", "warning", "failed", "cancelled")
#: How a part stands of which there is no run; the first word counts.
PASSED, MISSED, TO_COME, LEFT_OUT, INACTIVE, PLANNED = (
    "passed over", "not executed", "to come", "left out", "not active", "planned",
)  # fmt: skip

#: Nested orchestrations are looked into so deep; a configuration may not nest them deeper.
DEEPEST = 2


@dataclass(frozen=True, slots=True)
class Part:
    """A step or a task: where it stands in the drawing, the attempts at it, and how it is."""

    name: str
    job: str
    column: int
    row: int
    runs: tuple[RunRow, ...] = ()
    absent: str = ""  # how it stands when there is no run
    note: str = ""
    before: int | None = None  # the part it follows

    @property
    def run(self) -> RunRow | None:
        """The attempt that counts."""
        return self.runs[-1] if self.runs else None

    @property
    def status(self) -> str:
        """How it stands."""
        return self.runs[-1].status if self.runs else self.absent

    @property
    def is_bad(self) -> bool:
        """Whether it kept others from being executed, or would have."""
        return self.status in ("failed", "cancelled", "timed_out")


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing: a tree of steps, or phases side by side."""

    title: str
    parts: tuple[Part, ...]
    phases: tuple[str, ...] = ()

    def lines(self) -> Iterator[Line]:
        """What leads where."""
        for place, part in enumerate(self.parts):
            if part.before is not None:
                yield Line(part.before, place, faint=not part.runs)


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one execution; of a plan there are neither flow nor runs."""

    configuration: Configuration
    kind: FlowKind
    name: str
    flow: Flow | None = None
    runs: Sequence[RunRow] = ()
    decisions: Sequence[DecisionRow] = ()

    @property
    def is_open(self) -> bool:
        """Whether anything may still come."""
        return self.flow is not None and self.flow.stop_time is None

    def enabled(self, job: str) -> bool:
        """Whether the job may run, as it is configured now."""
        found = self.configuration.jobs.get(job)
        return found is not None and found.enabled


def pictures(told: Told) -> tuple[Picture, ...]:
    """Everything, the whole first and what is nested in it after that."""
    main = _chain(told) if told.kind is FlowKind.CHAIN else _orchestration(told, told.name, _own(told), "")
    found = [main] if main.parts else []
    seen = {run.run_id for picture in found for part in picture.parts for run in part.runs}
    queue = [(picture, 0) for picture in found]
    while queue:
        picture, depth = queue.pop(0)
        for part in picture.parts if depth < DEEPEST else ():
            nested = _nested(told, part)
            if nested is not None:
                found.append(nested)
                queue.append((nested, depth + 1))
                seen |= {run.run_id for inner in nested.parts for run in inner.runs}
    others = _followers(told, seen | {run.run_id for run in _own(told)})
    return (*found, others) if others.parts else tuple(found)


def box(part: Part, word: str, tone: str, url: str, words: str, here: bool = False) -> Box:
    """The part as it is drawn."""
    return Box(part.column, part.row, part.name, word, tone, url, words, faint=not part.runs, here=here)


# --- chains -------------------------------------------------------------------------------------------------------


def _chain(told: Told) -> Picture:
    """The tree as it is configured, and where it is not configured any more, as it was run."""
    chains, by_job = told.configuration.chains, _by_job(told)
    began = _first(told)
    parts: list[Part] = []
    rows = [0]

    def add(name: str, before: int | None, column: int, is_below: bool) -> None:
        here, is_below = len(parts), is_below or name == began
        part = Part(name, name, column, rows[0], tuple(by_job.pop(name, ())), before=before)
        parts.append(part if part.runs else _absent_step(told, part, is_below, parts))
        steps = [step for step in chains.steps.get(name, ()) if step in told.configuration.jobs]
        known = [step for step in steps if step not in {one.name for one in parts}]
        for number, step in enumerate(known):
            rows[0] += number > 0
            add(step, here, column + 1, is_below)

    if told.name in told.configuration.jobs or told.name in by_job:
        add(told.name, None, 0, began is None)
    for name in list(by_job):
        before = _before(told, by_job[name][0], parts)
        rows[0] += 1
        column = parts[before].column + 1 if before is not None else 0
        parts.append(Part(name, name, column, rows[0], tuple(by_job[name]), before=before))
    return Picture("", tuple(parts))


def _absent_step(told: Told, part: Part, is_below: bool, parts: Sequence[Part]) -> Part:
    passed = next((row for row in told.decisions if row.job_name == part.name), None)
    if told.flow is None:
        absent, note = PLANNED, "" if told.enabled(part.name) else "disabled: it would be passed over"
    elif not is_below:
        absent, note = LEFT_OUT, "this execution began behind it"
    elif passed is not None:
        absent, note = PASSED, passed.reason
    elif told.is_open and not any(one.is_bad for one in _line_of(part, parts)):
        absent, note = TO_COME, ""
    else:
        stopped = next((one for one in _line_of(part, parts) if one.is_bad), None)
        absent, note = MISSED, f"{stopped.name} {stopped.status}" if stopped else ""
    return Part(part.name, part.job, part.column, part.row, (), absent, note, part.before)


def _line_of(part: Part, parts: Sequence[Part]) -> Iterator[Part]:
    """The parts before this one, the nearest first."""
    place = part.before
    while place is not None:
        yield parts[place]
        place = parts[place].before


def _by_job(told: Told) -> dict[str, list[RunRow]]:
    """The runs that are steps, by their jobs; those of tasks belong to an orchestration among the steps."""
    found: dict[str, list[RunRow]] = {}
    for run in told.runs:
        if place_of(run.trigger_type, run.trigger) is None:
            found.setdefault(run.job_name, []).append(run)
    return found


def _first(told: Told) -> str | None:
    return next((run.job_name for run in told.runs if run.run_id == (told.flow.flow_id if told.flow else "")), None)


def _before(told: Told, run: RunRow, parts: Sequence[Part]) -> int | None:
    job = next((one.job_name for one in told.runs if one.run_id == run.previous_run_id), None)
    return next((place for place, part in enumerate(parts) if part.job == job), None)


# --- orchestrations -----------------------------------------------------------------------------------------------


def _own(told: Told) -> list[RunRow]:
    """The attempts at the orchestration itself."""
    if told.kind is FlowKind.CHAIN:
        return []
    return [run for run in told.runs if run.job_name == told.name and not _place(run)]


def _orchestration(told: Told, name: str, attempts: Sequence[RunRow], title: str) -> Picture:
    job = told.configuration.jobs.get(name)
    flow = job.flow if job is not None and job.flow is not None else Orchestration(name)
    ids = {run.run_id for run in attempts}
    by_place: dict[Place, list[RunRow]] = {}
    for run in told.runs:
        place = _place(run)
        if place is not None and run.previous_run_id in ids:
            by_place.setdefault(place, []).append(run)
    phases = list(dict.fromkeys([phase.name for phase in flow.phases] + [place.phase for place in by_place]))
    chosen = _chosen(flow, attempts)
    places = list(dict.fromkeys([place for place, _ in flow.places()] + list(by_place)))
    rows = dict.fromkeys(phases, 0)
    parts = []
    for place in sorted(places, key=lambda place: phases.index(place.phase)):
        task, runs = flow.task(place), tuple(by_place.get(place, ()))
        job_name = runs[-1].job_name if runs else task.job if task else place.task
        absent = (
            "" if runs else _absent_task(told, job_name, attempts, task is not None and task.active, place in chosen)
        )
        note = "goes on without it when it fails" if task is not None and task.continue_on_failure else ""
        parts.append(Part(place.task, job_name, phases.index(place.phase), rows[place.phase], runs, absent, note))
        rows[place.phase] += 1
    return Picture(title, tuple(parts), tuple(phases))


def _chosen(flow: Orchestration, attempts: Sequence[RunRow]) -> set[Place]:
    asked = orchestration.asked(attempts[0].trigger) if attempts and not _place(attempts[0]) else {}
    return set(orchestration.chosen(flow, asked.get("tasks"), asked.get("skip", ()), asked.get("phase")))


def _absent_task(told: Told, job: str, attempts: Sequence[RunRow], is_active: bool, is_chosen: bool) -> str:
    if not is_active or not told.enabled(job):
        return INACTIVE
    if not attempts:
        return PLANNED
    if not is_chosen:
        return LEFT_OUT
    return MISSED if attempts[-1].status in _FINAL else TO_COME


def _nested(told: Told, part: Part) -> Picture | None:
    """What a part is made of that is an orchestration itself."""
    job = told.configuration.jobs.get(part.job)
    ids = {run.run_id for run in part.runs}
    is_one = any(_place(run) and run.previous_run_id in ids for run in told.runs)
    if not is_one and (job is None or job.flow is None):
        return None
    found = _orchestration(told, part.job, part.runs, part.name)
    return found if found.parts else None


def _followers(told: Told, seen: Iterable[str]) -> Picture:
    """Steps of chains that began with a task."""
    rest = [run for run in told.runs if run.run_id not in seen and run.trigger_type in (CHAIN, "retry")]
    by_job: dict[str, list[RunRow]] = {}
    for run in rest if told.kind is FlowKind.ORCHESTRATION else ():
        by_job.setdefault(run.job_name, []).append(run)
    job_of = {run.run_id: run.job_name for run in told.runs}
    parts = (
        Part(name, name, place, 0, tuple(runs), note=f"after {job_of.get(runs[0].previous_run_id or '', 'a task')}")
        for place, (name, runs) in enumerate(by_job.items())
    )
    return Picture("Steps that follow a task", tuple(parts))


def _place(run: RunRow) -> Place | None:
    return place_of(run.trigger_type, run.trigger)
