"""The page of a run: how it ended and why, what caused it, what it printed, and where to look further.

Owns what is shown there and in which order. Must not know how it looks. Written when the run starts and when it
ends; a finished one never changes, so it links to what came before it and to nothing that came after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from dsari_like.report import charts, habits, moments, names, views, words
from dsari_like.report.life import LifeView, life
from dsari_like.report.life import twin as life_twin
from dsari_like.report.output import OUTPUT, Limits, Line, OutputView, read
from dsari_like.report.requests import request_lines, sender, without_body
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import decision_object, event_object, parsed, pretty, run_object
from dsari_like.report.views import Head, Time
from dsari_like.store.beside import Beside, Cost
from dsari_like.store.reader import DecisionRow, EventRow, RunRow

_LAST_LINES = 8
_DEBUG_FACTOR = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value; with a link, or an exact time, where there is one."""

    name: str
    value: str
    url: str = ""
    time: Time | None = None
    usual: str = ""
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A change of state: when, to what, why, and how long the state before it had lasted."""

    time: Time
    status: str
    word: str
    tone: str
    cause: str
    after: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable the trigger set."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to look further with."""

    line: str
    text: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run's page."""

    job: str
    job_url: str
    run_id: str
    label: str
    status: str
    word: str
    tone: str
    outcome: str
    cause: str
    description: str
    facts: tuple[Fact, ...]
    states: Markup
    steps: tuple[Step, ...]
    output: OutputView
    last_lines: tuple[Line, ...]
    output_url: str
    directory_url: str
    output_size: str
    skipped_size: str
    decisions: tuple[str, ...]
    folded: tuple[str, ...]
    trigger: str
    request: str
    variables: tuple[Variable, ...]
    return_data: str
    commands: tuple[Command, ...]
    previous_url: str
    life: LifeView


def run_page(scene: Scene, run: RunRow, now: float) -> tuple[Head, RunView, dict[str, Any]]:
    """The page of a run, and its twin."""
    page = names.run_page(run.job_name, run.run_id)
    beside = scene.besides.of(run)
    view = _view(scene, run, names.root_of(page), beside, now)
    open_ = run.stop_time is None
    title = f"{view.word.capitalize()}: {run.job_name}, {view.label}"
    twin = run_object(run)
    twin["events"] = [event_object(event) for event in beside.events]
    twin["decisions"] = [decision_object(decision) for decision in beside.decisions]
    twin |= life_twin(view.life, run)
    return views.head(scene, page, title, view.tone, open_), view, twin


def _view(scene: Scene, run: RunRow, root: str, beside: Beside, now: float) -> RunView:
    shown = _output(scene, run)
    files = names.link(f"{root}{scene.runs_link}/", f"{names.directory_of(run.job_name)}/{run.run_id}")
    return RunView(
        job=run.job_name,
        job_url=names.link(root, names.job_page(run.job_name)),
        run_id=run.run_id,
        label=words.run_label(run),
        status=run.status,
        word=words.state_word(run.status),
        tone=views.tone_of(run.status),
        outcome=words.outcome_sentence(run, scene.zone),
        cause=words.cause_sentence(run, scene.zone),
        description=words.description_of(run),
        facts=tuple(_facts(scene, run, beside)),
        states=charts.states(_spans(scene, run, beside.events)),
        steps=tuple(_steps(scene, beside.events)),
        output=shown,
        last_lines=_last_lines(run, shown),
        output_url=f"{files}/{OUTPUT}",
        directory_url=f"{files}/",
        output_size=_size(shown.size),
        skipped_size=_size(shown.skipped),
        decisions=tuple(
            _decision_words(scene, run, row) for row in beside.decisions if row.outcome != "started" or row.reason
        ),
        folded=tuple(_folded(run)),
        trigger=pretty(without_body(run.trigger)) if run.trigger else "",
        request="\n".join(request_lines(run)),
        variables=tuple(_variables(run)),
        return_data=pretty(parsed(run.run_data)) if run.run_data not in (None, "null") else "",
        commands=tuple(_commands(run)),
        previous_url=_previous(root, run, beside),
        life=life(scene, root, run, shown, now),
    )


def _output(scene: Scene, run: RunRow) -> OutputView:
    """As much of the output as the job's `log_level` lets the report keep."""
    job, limits = scene.configuration.jobs.get(run.job_name), _limits(scene)
    level = job.log_level if job else "info"
    if level == "none" or (level == "error" and run.status != "failed"):
        return OutputView(problem=f"The output is not kept in the report: the job's log_level is {level}.")
    if run.items:
        return OutputView(problem="Each of its items has an output of its own.")
    if run.start_time is None:
        return OutputView(problem="It never started, so there is no output.")
    path = os.path.join(scene.runs_dir, names.directory_of(run.job_name), names.directory_of(run.run_id), OUTPUT)
    return read(path, limits.times(_DEBUG_FACTOR) if level == "debug" else limits, scene.hide(run.job_name))


def _limits(scene: Scene) -> Limits:
    start, end = scene.configuration.report_run_output_start, scene.configuration.report_run_output_end
    return Limits(start, end) if start or end else Limits()


def _last_lines(run: RunRow, shown: OutputView) -> tuple[Line, ...]:
    """What it printed last, put where the eye falls first: of failed runs, whose cause is mostly there."""
    if run.status != "failed" or len(shown.head) + len(shown.tail) <= _LAST_LINES:
        return ()
    return (shown.tail or shown.head)[-_LAST_LINES:]


def _facts(scene: Scene, run: RunRow, beside: Beside) -> Iterable[Fact]:
    others = _before(run, beside)
    for name, instant in (("Due", run.schedule_time), ("Started", run.start_time), ("Ended", run.stop_time)):
        if instant is not None:
            yield Fact(name, "", time=views.time(scene, instant))
    if run.start_time is not None:
        yield Fact("Waited", moments.duration(run.waited))
    if run.duration is not None:
        yield _compared("Ran for", run.duration, [took for took, _, _ in others], moments.duration)
    if run.exit_code is not None:
        yield Fact("Exit code", str(run.exit_code) + (f", {signal}" if (signal := _signal(run)) else ""))
    yield from _more_facts(run, others)


def _before(run: RunRow, beside: Beside) -> list[Cost]:
    """What the runs before it took."""
    if run.number is None or run.start_time is None:
        return []
    return beside.before(run.start_time)


def _compared(name: str, value: float, others: Sequence[float], words_of: Callable[[float], str]) -> Fact:
    """A figure beside what is usual for the job."""
    usual = habits.usual(others)
    if usual is None:
        return Fact(name, words_of(value))
    return Fact(name, words_of(value), usual=f"usually {words_of(usual.middle)}", odd=usual.is_beyond(value))


def _spans(scene: Scene, run: RunRow, events: Sequence[EventRow]) -> Iterable[charts.Span]:
    """How long it was in which state, up to its end."""
    for event, after in pairwise(events):
        seconds = max(0.0, after.time - event.time)
        word = words.state_word(event.to_state)
        yield charts.Span(views.tone_of(event.to_state), f"{word} for {moments.duration(seconds)}", seconds)


def _more_facts(run: RunRow, others: Sequence[Cost]) -> Iterable[Fact]:
    if run.user_seconds is not None:
        spent = [seconds for _, _, seconds in others if seconds is not None]
        yield _compared("Processor", run.user_seconds + (run.system_seconds or 0.0), spent, moments.duration)
    if run.max_rss is not None:
        held = [float(size) for _, size, _ in others if size is not None]
        yield _compared("Memory at most", run.max_rss, held, lambda size: _size(int(size)))
    if dropped := words.drop_words(run):
        yield Fact("Dropped as", dropped)
    if run.attempt > 1:
        yield Fact("Attempt", str(run.attempt))
    if run.resume:
        yield Fact("Resumed", run.resume)
    for name, value in (
        ("Progress", words.progress_words(run)),
        ("Concurrency group", run.concurrency_group),
        ("Webhook", sender(run)),
        ("Trigger id", run.trigger_id),
        ("Item", run.item),
        ("Priority", str(run.priority) if run.priority else None),
    ):
        if value:
            yield Fact(name, value)


def _signal(run: RunRow) -> str:
    code = run.exit_code or 0
    return words.signal_name(code) if run.reason == "signal" and code > 128 else ""


def _steps(scene: Scene, events: tuple[EventRow, ...]) -> Iterable[Step]:
    """The day is said once, and again where another begins."""
    for before, event in zip((None, *events), events, strict=False):
        same = before and moments.day(before.time, scene.zone) == moments.day(event.time, scene.zone)
        time = (views.clock if same else views.time)(scene, event.time)
        after = moments.duration(event.time - before.time) if before else ""
        word, tone = words.state_word(event.to_state), views.tone_of(event.to_state)
        yield Step(time, event.to_state, word, tone, event.cause, after)


def _decision_words(scene: Scene, run: RunRow, row: DecisionRow) -> str:
    return words.decision_sentence(row, scene.zone).replace(f"run {run.run_id}", "this run")


def _folded(run: RunRow) -> Iterable[str]:
    """The triggers that became part of this run, each as it was dropped."""
    triggers = run.came_from.get("folded")
    for trigger in triggers if isinstance(triggers, list) else ():
        yield pretty(without_body(trigger) if isinstance(trigger, dict) else trigger)


def _variables(run: RunRow) -> Iterable[Variable]:
    for name, value in sorted(run.variables.items()):
        yield Variable(name, str(value))


def _commands(run: RunRow) -> Iterable[Command]:
    yield Command(words.command("show", run.run_id), "everything that is recorded of it")
    if run.stop_time is None:
        yield Command(words.command("output", run.run_id, "--follow"), "its output as it comes")
        yield Command(words.command("cancel", run.run_id), "end it, or take it out of the queue")
    else:
        yield Command(words.command("output", run.run_id), "its whole output")
    if run.status == "blocked":
        yield Command(words.command("unblock", run.run_id), "let it go on now")
    if run.stop_time is not None:
        again = "run what did not complete of it again" if run.items else "run it again, with the same trigger"
        yield Command(words.command("retry", run.run_id), again)
    yield Command(words.command("explain", run.run_id), "why it ran, and when")
    yield Command(words.command("trigger", run.job_name), "run the job again")


def _previous(root: str, run: RunRow, beside: Beside) -> str:
    """The run of the same job before this one, as far as it is still there."""
    return names.link(root, names.run_page(run.job_name, beside.past[0].run_id)) if beside.past else ""


def _size(count: int) -> str:
    """`1.4 MiB`."""
    size, units = float(count), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while size >= 1024 and unit != "TiB":
        size, unit = size / 1024, next(units)
    return f"{count} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
