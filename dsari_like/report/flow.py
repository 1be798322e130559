"""The pages of chains and orchestrations: the plan, how the latest execution went and why, and all executions.

Owns what is shown there and in which order. What a page says of a run is what the run log says of it; the page is made
again whenever a run of its flow has changed. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dsari_like.core.flows import Flow, FlowKind
from dsari_like.report import graph, moments, names, parts, views, words
from dsari_like.report.flowwords import commands, notes, run_url, sentence, short, steps, tone
from dsari_like.report.gantt import Stretch, stretch, ticks, window
from dsari_like.report.parts import Part, Picture, Told
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import pretty, run_object
from dsari_like.report.views import Head, Time
from dsari_like.store.linked import Linked
from dsari_like.store.reader import DecisionRow, RunRow

#: Runs of one execution that a page shows; an orchestration has as many as tasks, each with its attempts.
MOST_RUNS = 1_000
_WORDS = {FlowKind.CHAIN: "chain", FlowKind.ORCHESTRATION: "orchestration"}


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing with its title; none for the whole."""

    title: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class ExecutionLine:
    """An execution in a list."""

    url: str
    label: str
    tone: str
    word: str
    time: Time
    took: str
    marks: Markup
    text: str


@dataclass(frozen=True, slots=True)
class FlowView:
    """A chain or an orchestration, with one of its executions; `label` is empty for one that was never run."""

    kind: str
    name: str
    url: str
    job_url: str
    label: str
    is_execution: bool
    tone: str
    sentence: str
    cause: str
    description: str
    graphs: tuple[Graph, ...]
    ticks: tuple[str, ...]
    begin: Time | None
    stretches: tuple[Stretch, ...]
    notes: tuple[str, ...]
    variables: str
    executions: tuple[ExecutionLine, ...]
    count: int
    older_url: str
    newer_url: str
    commands: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FlowHistoryView:
    """A page of executions."""

    kind: str
    name: str
    url: str
    number: int
    executions: tuple[ExecutionLine, ...]
    older_url: str
    newer_url: str


# --- pages --------------------------------------------------------------------------------------------------------


def flow_page(scene: Scene, kind: FlowKind, name: str) -> tuple[Head, FlowView, dict[str, Any]]:
    """A chain or an orchestration, with its latest execution."""
    page = names.flow_page(kind.value, name)
    newest = scene.reader.executions(name, 1)
    return _page(scene, page, told(scene, kind, name, newest[0] if newest else None), False)


def execution_page(scene: Scene, flow: Flow) -> tuple[Head, FlowView, dict[str, Any]]:
    """One execution."""
    page = names.execution_page(flow.kind.value, flow.name, flow.flow_id)
    return _page(scene, page, told(scene, flow.kind, flow.name, flow), True)


def history_page(scene: Scene, kind: FlowKind, name: str, number: int) -> tuple[Head, FlowHistoryView, dict[str, Any]]:
    """A page of executions, counted from the oldest; a full one changes only when one of its executions does."""
    page = names.flow_history_page(kind.value, name, number)
    count = Linked(scene.reader.connection).flow_count(kind, name)
    lines = executions(scene, kind, name, number, names.root_of(page))
    view = FlowHistoryView(
        kind.value,
        name,
        names.INDEX,
        number,
        lines,
        f"page-{number - 1}.html" if number > 1 else "",
        f"page-{number + 1}.html" if number < names.last_history_number(count) else "",
    )
    return views.head(scene, page, f"{name}, page {number} of its executions", ""), view, {}


def executions(scene: Scene, kind: FlowKind, name: str, number: int, root: str) -> tuple[ExecutionLine, ...]:
    """The executions of a page, newest first."""
    first = (number - 1) * names.PAGE_SIZE + 1
    ids = Linked(scene.reader.connection).flow_ids(kind, name, first, first + names.PAGE_SIZE - 1)
    lines = [_line(scene, root, flow_id, first + place) for place, flow_id in enumerate(ids)]
    return tuple(line for line in reversed(lines) if line is not None)


def told(scene: Scene, kind: FlowKind, name: str, flow: Flow | None) -> Told:
    """All that is known of an execution; of none, the plan."""
    if flow is None:
        return Told(scene.configuration, kind, name)
    runs = scene.reader.runs_of_flow(flow.flow_id)
    runs = tuple(run for run in runs if run.is_sound and scene.shows(run.job_name))[:MOST_RUNS]
    passed = tuple(_passed(scene, flow, runs)) if kind is FlowKind.CHAIN else ()
    return Told(scene.configuration, kind, name, flow, runs, passed)


def _passed(scene: Scene, flow: Flow, runs: Sequence[RunRow]) -> Iterator[DecisionRow]:
    """The decisions by which steps were passed over: made in the moment in which the run before them ended."""
    ends = [run.stop_time for run in runs if run.stop_time is not None]
    if not ends:
        return
    for name in steps(scene, flow.name):
        if all(run.job_name != name for run in runs):
            rows = scene.reader.decisions(name, since=min(ends) - 1, until=max(ends) + 1, limit=20)
            yield from (row for row in rows if _is_passed(row) and min(abs(row.time - end) for end in ends) < 1)


def _is_passed(row: DecisionRow) -> bool:
    """A slot has its time, and a trigger its claim; this is neither."""
    return row.outcome == "skipped" and row.run_id is None and row.schedule_time is None and row.token is None


# --- the view -----------------------------------------------------------------------------------------------------


def _page(scene: Scene, page: str, it: Told, is_execution: bool) -> tuple[Head, FlowView, dict[str, Any]]:
    root, linked = names.root_of(page), Linked(scene.reader.connection)
    drawn, flow = parts.pictures(it), it.flow
    count = linked.flow_count(it.kind, it.name)
    number = linked.flow_number(flow) if flow is not None else 0
    span = window(it.runs)
    job = scene.configuration.jobs.get(it.name)
    last = names.last_history_number(count)
    lines = () if is_execution else _latest(scene, it, root, count)
    view = FlowView(
        kind=_WORDS[it.kind],
        name=it.name,
        url=names.link(root, names.flow_page(it.kind.value, it.name)),
        job_url=names.link(root, names.job_page(it.name)),
        label=f"execution {number}" if flow is not None else "",
        is_execution=is_execution,
        tone=views.tone_of(flow.state.value) if flow is not None else "still",
        sentence=sentence(it, drawn),
        cause=words.cause_sentence(it.runs[0], scene.zone) if it.runs else "",
        description=job.description if job else "",
        graphs=tuple(_graph(it, picture, root) for picture in drawn),
        ticks=ticks(span) if span else (),
        begin=views.time(scene, span.begin) if span else None,
        stretches=tuple(stretch(scene, picture, span, root) for picture in drawn) if span else (),
        notes=tuple(notes(scene, it, drawn, is_execution)),
        variables=pretty(dict(flow.variables)) if flow is not None and flow.variables else "",
        executions=lines,
        count=count,
        older_url=_neighbour(scene, it, number - 1, root) if is_execution else f"page-{last}.html",
        newer_url=_neighbour(scene, it, number + 1, root) if is_execution and number < count else "",
        commands=tuple(commands(it, drawn)),
    )
    title = f"{words.state_word(flow.state.value).capitalize()}: {it.name}" if flow else f"{it.name}, never run"
    return views.head(scene, page, title, view.tone, it.is_open), view, _twin(it, drawn, view)


def _latest(scene: Scene, it: Told, root: str, count: int) -> tuple[ExecutionLine, ...]:
    """The newest executions: at least as many as are on a page, as far as there are so many."""
    last = names.history_number(max(count, 1))
    found = executions(scene, it.kind, it.name, last, root)
    if len(found) < names.PAGE_SIZE and last > 1:
        found += executions(scene, it.kind, it.name, last - 1, root)
    return found[: names.PAGE_SIZE]


def _neighbour(scene: Scene, it: Told, number: int, root: str) -> str:
    """The older one never comes later, so the page of an execution is made again once, when the newer one begins."""
    found = Linked(scene.reader.connection).flow_ids(it.kind, it.name, number, number) if number > 0 else []
    return names.link(root, names.execution_page(it.kind.value, it.name, found[0])) if found else ""


def _graph(it: Told, picture: Picture, root: str) -> Graph:
    boxes = [_box(part, root) for part in picture.parts]
    label = f"{picture.title or it.name}: " + ", ".join(f"{box.name} {box.word}" for box in boxes)
    return Graph(picture.title, graph.graph(label, boxes, picture.lines(), picture.phases))


def _box(part: Part, root: str) -> graph.Box:
    url = run_url(part, root)
    about = [f"{part.name}: {words.state_word(part.status)}", part.note]
    if part.name != part.job:
        about.insert(1, f"job {part.job}")
    if part.run is not None and part.run.status == "failed":
        about.append(words.reason_words(part.run))
    if len(part.runs) > 1:
        about.append(f"{len(part.runs)} attempts")
    return parts.box(part, _box_word(part), tone(part), url, "; ".join(filter(None, about)))


def _box_word(part: Part) -> str:
    word = words.state_word(part.status)
    if part.run is None:
        return word
    again = f", attempt {len(part.runs)}" if len(part.runs) > 1 else ""
    took = f", {moments.duration(part.run.duration)}" if part.run.duration is not None and not again else ""
    return word + again + took


# --- lists --------------------------------------------------------------------------------------------------------


def _line(scene: Scene, root: str, flow_id: str, number: int) -> ExecutionLine | None:
    flow = scene.reader.flow(flow_id)
    if flow is None:
        return None
    revision = Linked(scene.reader.connection).flow_revision(flow_id)  # steps that follow a task outlive the whole
    key = ("execution", root, flow_id, flow.state, revision, number)
    return scene.memo.of(key, lambda: _execution_line(scene, root, flow, number))


def _execution_line(scene: Scene, root: str, flow: Flow, number: int) -> ExecutionLine:
    it = told(scene, flow.kind, flow.name, flow)
    drawn = parts.pictures(it)
    shown = [part for picture in drawn for part in picture.parts]
    stop = flow.stop_time
    return ExecutionLine(
        url=names.link(root, names.execution_page(flow.kind.value, flow.name, flow.flow_id)),
        label=f"execution {number}",
        tone=views.tone_of(flow.state.value),
        word=words.state_word(flow.state.value),
        time=views.time(scene, flow.start_time),
        took=moments.duration(None if stop is None else max(0.0, stop - flow.start_time)),
        marks=graph.marks((tone(part), f"{part.name} {words.state_word(part.status)}") for part in shown[:40]),
        text=short(it, shown),
    )


def _twin(it: Told, drawn: Sequence[Picture], view: FlowView) -> dict[str, Any]:
    flow = it.flow
    return {
        "kind": it.kind.value,
        "name": it.name,
        "flow_id": flow.flow_id if flow else None,
        "status": flow.state.value if flow else None,
        "start_time": flow.start_time if flow else None,
        "stop_time": flow.stop_time if flow else None,
        "sentence": view.sentence,
        "variables": dict(flow.variables) if flow else {},
        "parts": [_part_object(picture, part) for picture in drawn for part in picture.parts],
        "notes": list(view.notes),
        "runs": [run_object(run) for run in it.runs],
        "executions": [{"status": line.word, "start": line.time.iso, "url": line.url} for line in view.executions],
    }


def _part_object(picture: Picture, part: Part) -> dict[str, Any]:
    phase = picture.phases[part.column] if picture.phases else None
    return {
        "of": picture.title or None,
        "phase": phase,
        "name": part.name,
        "job_name": part.job,
        "status": part.status,
        "note": part.note,
        "runs": [run.run_id for run in part.runs],
    }
