"""The pages of chains and orchestrations: the plan, how the latest execution went and why, and all executions.

Owns what is shown there and in which order. What a page says of a run is what the run log says of it; the page is made
again whenever a run of its flow has changed. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dsari_like.core.flows import Flow, FlowKind
from dsari_like.report import graph, moments, names, parts, views, words
from dsari_like.report.days import Window
from dsari_like.report.lanes import lane
from dsari_like.report.parts import MISSED, PASSED, Part, Picture, Told
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import pretty, run_object
from dsari_like.report.views import Head, Time
from dsari_like.store.linked import Linked
from dsari_like.store.reader import BarRow, DecisionRow, RunRow

#: Runs of one execution that a page shows; an orchestration has as many as tasks, each with its attempts.
MOST_RUNS = 1_000
_TICKS = 5
_STEPS = (
    *(10, 12, 15, 20, 30, 40, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1500, 1800, 2700, 3600, 5400, 7200),
    *(10_800, 14_400, 21_600, 28_800, 43_200, 86_400, 172_800, 259_200, 432_000, 864_000, 1_728_000),
)
_WORDS = {FlowKind.CHAIN: "chain", FlowKind.ORCHESTRATION: "orchestration"}


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing with its title; none for the whole."""

    title: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of the Gantt chart: a part, and its runs along the time."""

    name: str
    url: str
    tone: str
    word: str
    lane: Markup
    took: str
    note: str
    said: str
    said_url: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """The Gantt chart: the bars of one drawing, under its title."""

    title: str
    bars: tuple[Bar, ...]


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
    for name in _steps(scene, flow.name):
        if all(run.job_name != name for run in runs):
            rows = scene.reader.decisions(name, since=min(ends) - 1, until=max(ends) + 1, limit=20)
            yield from (row for row in rows if _is_passed(row) and min(abs(row.time - end) for end in ends) < 1)


def _is_passed(row: DecisionRow) -> bool:
    """A slot has its time, and a trigger its claim; this is neither."""
    return row.outcome == "skipped" and row.run_id is None and row.schedule_time is None and row.token is None


def _steps(scene: Scene, head: str) -> Iterator[str]:
    chains, queue, seen = scene.configuration.chains, [head], {head}
    while queue:
        for step in chains.steps.get(queue.pop(), ()):
            if step not in seen:
                seen.add(step)
                queue.append(step)
                yield step


# --- the view -----------------------------------------------------------------------------------------------------


def _page(scene: Scene, page: str, it: Told, is_execution: bool) -> tuple[Head, FlowView, dict[str, Any]]:
    root, linked = names.root_of(page), Linked(scene.reader.connection)
    drawn, flow = parts.pictures(it), it.flow
    count = linked.flow_count(it.kind, it.name)
    number = linked.flow_number(flow) if flow is not None else 0
    window = _window(it.runs)
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
        ticks=_ticks(window) if window else (),
        begin=views.time(scene, window.begin) if window else None,
        stretches=tuple(_stretch(scene, picture, window, root) for picture in drawn) if window else (),
        notes=tuple(_notes(scene, it, drawn, is_execution)),
        variables=pretty(dict(flow.variables)) if flow is not None and flow.variables else "",
        executions=lines,
        count=count,
        older_url=_neighbour(scene, it, number - 1, root) if is_execution else f"page-{last}.html",
        newer_url=_neighbour(scene, it, number + 1, root) if is_execution and number < count else "",
        commands=tuple(_commands(it, drawn)),
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
    return parts.box(part, _box_word(part), _tone(part), url, "; ".join(filter(None, about)))


def _box_word(part: Part) -> str:
    word = words.state_word(part.status)
    if part.run is None:
        return word
    again = f", attempt {len(part.runs)}" if len(part.runs) > 1 else ""
    took = f", {moments.duration(part.run.duration)}" if part.run.duration is not None and not again else ""
    return word + again + took


def _tone(part: Part) -> str:
    if part.run is not None:
        return views.tone_of(part.run.status)
    return "odd" if part.absent == MISSED else "wait" if part.absent == parts.TO_COME else "still"


def run_url(part: Part, root: str) -> str:
    """The run that counts; without one, the job."""
    page = names.run_page(part.job, part.run.run_id) if part.run is not None else names.job_page(part.job)
    return names.link(root, page)


# --- along the time -----------------------------------------------------------------------------------------------


def _window(runs: Sequence[RunRow]) -> Window | None:
    """From the first run's turn to the end of the last; of what goes on, a little more than is known."""
    if not runs:
        return None
    begin = min(_due(run) for run in runs)
    known = [time for run in runs for time in (_due(run), run.start_time, run.stop_time) if time is not None]
    span = max(max(known) - begin, 0.001) * (1.12 if any(run.stop_time is None for run in runs) else 1.0)
    return Window(begin, begin + _TICKS * next((step for step in _steps_of_time() if step * _TICKS >= span), span))


def _steps_of_time() -> Iterator[float]:
    """Distances that people can count in, the least first."""
    for power in (0.001, 0.01, 0.1, 1.0):
        yield from (power * digit for digit in (1, 1.5, 2, 3, 4, 5, 6, 8))
    yield from _STEPS


def _due(run: RunRow) -> float:
    return max(run.schedule_time, run.queue_time)


def _ticks(window: Window) -> tuple[str, ...]:
    """The time since the beginning at equal distances."""
    return tuple("0" if place == 0 else _tick(window.seconds * place / _TICKS) for place in range(_TICKS))


def _tick(seconds: float) -> str:
    """Between whole seconds and milliseconds there is more to be told apart than in a sentence."""
    return (
        f"{seconds:.3g} s"
        if 1 <= seconds < 10
        else f"{seconds * 1000:.3g} ms"
        if seconds < 1
        else moments.duration(seconds)
    )


def _stretch(scene: Scene, picture: Picture, window: Window, root: str) -> Stretch:
    return Stretch(picture.title, tuple(_bar(scene, part, window, root) for part in picture.parts))


def _bar(scene: Scene, part: Part, window: Window, root: str) -> Bar:
    run = part.run
    bars = [
        BarRow(
            one.run_id, one.job_name, one.status, one.number, _due(one), one.queue_time, one.start_time, one.stop_time
        )
        for one in part.runs
    ]
    url_of = lambda bar: names.link(root, names.run_page(bar.job_name, bar.run_id))  # noqa: E731
    attempts = f"{len(part.runs)} attempts" if len(part.runs) > 1 else ""
    failed = run is not None and run.status == "failed"
    return Bar(
        name=part.name,
        url=run_url(part, root),
        tone=_tone(part),
        word=words.state_word(part.status),
        lane=lane(bars, window, url_of, scene.zone) if bars else Markup(""),
        took=moments.duration(run.duration) if run is not None and run.duration is not None else "",
        note="; ".join(filter(None, (words.reason_short(run) if failed and run else "", attempts, part.note))),
        said=scene.said(run.job_name, run.run_id) if failed and run else "",
        said_url=run_url(part, root) if failed else "",
    )


# --- words --------------------------------------------------------------------------------------------------------


def sentence(it: Told, drawn: Sequence[Picture]) -> str:
    """How the execution went and why, in one sentence."""
    flow, all_parts = it.flow, [part for picture in drawn for part in picture.parts]
    if flow is None:
        count = len(drawn[0].parts) if drawn else 0
        kind = "step" if it.kind is FlowKind.CHAIN else "task"
        return f"It has not run yet. This is its plan: {count} {kind}{'s' * (count != 1)}."
    if not it.runs:
        return f"{words.state_word(flow.state.value).capitalize()}; its runs were removed by the rules of retention."
    word = words.state_word(flow.state.value).capitalize()
    took = f" after {moments.duration(flow.stop_time - flow.start_time)}" if flow.stop_time is not None else ""
    if flow.state.value == "completed":
        took = took.replace(" after ", " in ")
    elif flow.state.value == "warning":
        word = "Ended with a warning"
    why = [_why(part) for part in all_parts if part.is_bad][:3]
    missed = [part.name for part in all_parts if part.absent == MISSED]
    if missed:
        why.append(f"{_listed(missed)} {'was' if len(missed) == 1 else 'were'} not executed")
    running = [part.name for part in all_parts if part.status in ("running", "timed_out")]
    if it.is_open and running:
        why.append(f"{_listed(running)} {'runs' if len(running) == 1 else 'run'} now")
    return word + took + (": " + "; ".join(why) if why else "") + "."


def _why(part: Part) -> str:
    reason = words.reason_words(part.run) if part.run is not None else ""
    return f"{part.name} {words.state_word(part.status)}" + (f", {reason}" if reason else "")


def _notes(scene: Scene, it: Told, drawn: Sequence[Picture], is_execution: bool) -> Iterator[str]:
    """What there is to say beside the drawing."""
    for part in (part for picture in drawn for part in picture.parts):
        if part.absent == PASSED:
            yield f"{part.name} was {part.absent}" + (f": {part.note}." if part.note else ".")
        if len(part.runs) > 1:
            tried = _listed([words.state_word(run.status) for run in part.runs])
            yield f"{part.name} was tried {len(part.runs)} times: {tried}."
    attempts = [
        run for run in it.runs if it.kind is FlowKind.ORCHESTRATION and run.job_name == it.name and run.retry_of
    ]
    for run in attempts:
        yield f"{words.run_label(run).capitalize()} repeated what had not gone well; what had is kept."
    if not is_execution:
        steps = {it.name, *_steps(scene, it.name)}
        for repair in scene.configuration.chains.repairs if it.kind is FlowKind.CHAIN else ():
            if repair.step in steps:
                yield f"Repaired: {repair.step}: {repair}."
        for name in sorted(steps):
            job = scene.configuration.jobs.get(name)
            if it.kind is FlowKind.CHAIN and job is not None and not job.enabled:
                yield f"{name} is disabled: it is passed over, and the chain goes on with what follows it."


def _listed(found: Sequence[str]) -> str:
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return ", ".join(found[:6]) + more


def _commands(it: Told, drawn: Sequence[Picture]) -> Iterator[tuple[str, str]]:
    listing = "chains" if it.kind is FlowKind.CHAIN else "orchestrations"
    yield words.command(listing, it.name), "its executions"
    if it.flow is not None and it.is_open:
        yield words.command("cancel", "--flow", it.flow.flow_id), "end all of it"
    elif it.flow is not None and it.flow.state.value != "completed":
        if it.kind is FlowKind.ORCHESTRATION:
            yield words.command("retry", "--flow", it.flow.flow_id), "run again what did not go well, and go on"
        for part in drawn[0].parts if it.kind is FlowKind.CHAIN and drawn else ():
            if part.is_bad and part.run is not None:
                yield words.command("retry", part.run.run_id), f"run {part.name} again, and go on behind it"
    yield words.command("trigger", it.name), "run it at once"


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
        marks=graph.marks((_tone(part), f"{part.name} {words.state_word(part.status)}") for part in shown[:40]),
        text=_short(it, shown),
    )


def _short(it: Told, shown: Iterable[Part]) -> str:
    found = list(shown)
    bad = [f"{part.name}: {words.reason_short(part.run)}" for part in found if part.is_bad and part.run is not None]
    missed = [part.name for part in found if part.absent == MISSED]
    again = [part.name for part in found if len(part.runs) > 1]
    told_of = [
        *bad[:3],
        f"{_listed(missed)} not executed" if missed else "",
        f"{_listed(again)} retried" if again else "",
    ]
    return words.shortened("; ".join(filter(None, told_of)) or (words.description_of(it.runs[0]) if it.runs else ""))


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
