"""The list of all chains and orchestrations, and where the pages of a run or a job lead into them.

Owns which there are. Must not know what is on their pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dsari_like.core.flows import EventTrigger, FlowKind, Ready, place_of
from dsari_like.report import flow, moments, names, parts, views, words
from dsari_like.report.flow import ExecutionLine
from dsari_like.report.graph import Box, Line, graph
from dsari_like.report.parts import PLANNED, Told
from dsari_like.report.scene import Scene
from dsari_like.report.views import Head, Time
from dsari_like.store.linked import Linked
from dsari_like.store.reader import RunRow

#: Runs after one that its page names; a page of the flow has them all.
MOST_NEXT = 12


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A chain or an orchestration in the list; `last` is its latest execution."""

    kind: str
    name: str
    url: str
    description: str
    last: ExecutionLine | None
    plan: str


@dataclass(frozen=True, slots=True)
class Watched:
    """An event trigger: what it waits for."""

    job: str
    url: str
    ready: tuple[tuple[str, Time], ...]
    awaited: tuple[str, ...]
    fired: Time | None
    cools: str


@dataclass(frozen=True, slots=True)
class FlowsView:
    """The list."""

    flows: tuple[FlowLine, ...]
    watched: tuple[Watched, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """A run that another leads to."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class InFlow:
    """Where a run or a job has its place: with links to the whole, and to its neighbours."""

    kind: str
    name: str
    url: str
    execution_url: str
    place: str
    drawing: Markup
    before: tuple[Ref, ...] = ()
    after: tuple[Ref, ...] = ()


def all_flows(scene: Scene) -> list[tuple[FlowKind, str]]:
    """Those that are configured, and those that were; by name."""
    configuration, found = scene.configuration, set[tuple[str, str]]()
    for name, job in configuration.jobs.items():
        if job.flow is not None:
            found.add((name, FlowKind.ORCHESTRATION.value))
        elif name in configuration.chains.steps and name not in configuration.chains.follows:
            found.add((name, FlowKind.CHAIN.value))
    found |= {(name, kind.value) for kind, name in Linked(scene.reader.connection).flow_names()}
    return [(FlowKind(kind), name) for name, kind in sorted(found) if scene.shows(name)]


def flows_page(scene: Scene, now: float) -> tuple[Head, FlowsView, dict[str, Any]]:
    """The list of them all, and what events wait for."""
    lines = tuple(_line(scene, kind, name) for kind, name in all_flows(scene))
    watched = tuple(watched_by(scene, "", name) for name in _watching(scene))
    view = FlowsView(lines, tuple(it for it in watched if it is not None))
    twin = {
        "flows": [{"kind": it.kind, "name": it.name, "status": it.last.word if it.last else None} for it in lines],
        "event_triggers": [
            {"job_name": it.job, "ready": [thing for thing, _ in it.ready], "awaited": list(it.awaited)}
            for it in view.watched
        ],
    }
    return views.head(scene, names.FLOWS, "Flows", ""), view, twin


def watched_by(scene: Scene, root: str, name: str) -> Watched | None:
    """What the event trigger of a job has seen, and what it still waits for."""
    job = scene.configuration.jobs.get(name)
    trigger = job.event_trigger if job else None
    if trigger is None:
        return None
    known = scene.reader.ready().get(name) or Ready(name)
    ready = tuple((thing, views.time(scene, known.updated[thing])) for thing in trigger.watch if thing in known.updated)
    fired = views.time(scene, known.fired) if known.fired is not None else None
    return Watched(
        name, names.link(root, names.job_page(name)), ready, known.awaited(trigger), fired, _cool_words(trigger)
    )


def _cool_words(trigger: EventTrigger) -> str:
    if not trigger.cool_down:
        return ""
    then = "then at the end of it" if trigger.at_end else "then with the next update"
    return f"not within {moments.duration(trigger.cool_down)} of the last start, {then}"


def _watching(scene: Scene) -> Iterator[str]:
    return (name for name, job in scene.configuration.jobs.items() if job.event_trigger and scene.shows(name))


def _line(scene: Scene, kind: FlowKind, name: str) -> FlowLine:
    count = Linked(scene.reader.connection).flow_count(kind, name)
    last = flow.executions(scene, kind, name, names.history_number(max(count, 1)), "")[:1]
    job = scene.configuration.jobs.get(name)
    drawn = parts.pictures(Told(scene.configuration, kind, name))
    plan = ", ".join(part.name for part in drawn[0].parts[1 if kind is FlowKind.CHAIN else 0 :]) if drawn else ""
    return FlowLine(
        kind.value,
        name,
        names.link("", names.flow_page(kind.value, name)),
        job.description if job else "no longer configured",
        last[0] if last else None,
        words.shortened(("then " if kind is FlowKind.CHAIN and plan else "") + plan),
    )


# --- from a run, from a job ---------------------------------------------------------------------------------------


def of_run(scene: Scene, root: str, run: RunRow) -> InFlow | None:
    """Where a run has its place. Of the others only what cannot change any more is said here: how they went is on the
    page of the execution."""
    found = scene.reader.flow(run.flow_id) if run.flow_id else None
    if found is None:
        return None
    runs = [one for one in scene.reader.runs_of_flow(found.flow_id) if scene.shows(one.job_name)]
    own = run.previous_run_id if run.item is not None else run.run_id
    before = [one for one in runs if one.run_id == run.previous_run_id and run.item is None]
    after = [one for one in runs if one.previous_run_id == own and own is not None and run.item is None]
    place = place_of(run.trigger_type, run.trigger)
    kind, is_whole = found.kind.value, run.job_name == found.name and found.kind is FlowKind.ORCHESTRATION
    return InFlow(
        kind,
        found.name,
        names.link(root, names.flow_page(kind, found.name)),
        names.link(root, names.execution_page(kind, found.name, found.flow_id)),
        f"task {place.task} of phase {place.phase}" if place else "the whole" if is_whole else "a step",
        _neighbourhood(root, run, before, after[:MOST_NEXT]),
        tuple(_ref(root, one) for one in before),
        tuple(_ref(root, one) for one in after[:MOST_NEXT]),
    )


def of_job(scene: Scene, root: str, name: str) -> tuple[InFlow, ...]:
    """The chain that a job is of, and the orchestrations that it is, or that have it as a task."""
    configuration, chains = scene.configuration, scene.configuration.chains
    found: list[tuple[FlowKind, str, str]] = []
    if name in chains.steps or name in chains.follows:
        found.append((FlowKind.CHAIN, chains.head(name), "a step"))
    for other, job in configuration.jobs.items() if name in configuration.jobs else ():
        if job.flow is not None and (other == name or any(task.job == name for _, task in job.flow.places())):
            found.append((FlowKind.ORCHESTRATION, other, "the whole" if other == name else "a task"))
    return tuple(_of_job(scene, root, name, *one) for one in found if scene.shows(one[1]))


def _neighbourhood(root: str, run: RunRow, before: Sequence[RunRow], after: Sequence[RunRow]) -> Markup:
    """The run between those before and after it. Nothing is said here of how the others went or will go."""
    columns = [(one, 0, row, "before it") for row, one in enumerate(before)]
    columns += [(run, 1 if before else 0, 0, f"this run, {words.state_word(run.status)}")]
    columns += [(one, 2 if before else 1, row, "after it") for row, one in enumerate(after)]
    if len(columns) == 1:
        return Markup("")
    boxes = [
        Box(column, row, _name(one), word, views.tone_of(run.status) if one is run else "",
            names.link(root, names.run_page(one.job_name, one.run_id)), f"{_name(one)}, {words.run_label(one)}, {word}",
            here=one is run)
        for one, column, row, word in columns
    ]  # fmt: skip
    here = len(before)
    lines = [Line(place, here) for place in range(here)] + [Line(here, place) for place in range(here + 1, len(boxes))]
    return graph("The runs around this one", boxes, lines)


def _of_job(scene: Scene, root: str, name: str, kind: FlowKind, flow_name: str, place: str) -> InFlow:
    url = names.link(root, names.flow_page(kind.value, flow_name))
    return InFlow(kind.value, flow_name, url, "", place, _outline(scene, kind, flow_name, name, root))


def _outline(scene: Scene, kind: FlowKind, name: str, job: str, root: str) -> Markup:
    """The plan with one job marked; without states, for its page is not made again when those of others change."""
    key = ("outline", kind, name, job, root)
    return scene.memo.of(key, lambda: _outlined(scene, kind, name, job, root))


def _outlined(scene: Scene, kind: FlowKind, name: str, job: str, root: str) -> Markup:
    drawn = parts.pictures(Told(scene.configuration, kind, name))[:1]
    if not drawn:
        return Markup("")
    boxes = []
    for part in drawn[0].parts:
        here = part.job == job
        other = part.note or (part.job if part.job != part.name else part.absent if part.absent != PLANNED else "")
        url = names.link(root, names.job_page(part.job))
        boxes.append(Box(part.column, part.row, part.name, "this job" if here else other, "",
                         url, f"{part.name}{', this job' if here else ''}{', ' if other else ''}{other}", here=here,
                         faint=bool(other and part.job == part.name)))  # fmt: skip
    lines = [Line(line.start, line.end) for line in drawn[0].lines()]
    return graph(f"The plan of {name}", boxes, lines, drawn[0].phases)


def _ref(root: str, run: RunRow) -> Ref:
    return Ref(names.link(root, names.run_page(run.job_name, run.run_id)), f"{_name(run)}, {words.run_label(run)}")


def _name(run: RunRow) -> str:
    place = place_of(run.trigger_type, run.trigger)
    return place.task if place else run.job_name
