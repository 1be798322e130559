"""The life of a run beyond its start and its end: stages, items, attempts, locks, signs of life, flow, callbacks.

Owns what the page of a run says of these and in which order. Of other runs it says only what cannot change any more, or
what its page is made again for. Must not know how it looks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dsari_like.core.latches import Latches
from dsari_like.report import calls, flows, items, moments, names, views, words
from dsari_like.report.calls import CallLine, Operand
from dsari_like.report.flows import InFlow, Ref
from dsari_like.report.items import ItemsView
from dsari_like.report.output import OUTPUT, OutputView, line_number
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import parsed
from dsari_like.report.views import Time
from dsari_like.report.waits import waiting_sentence
from dsari_like.store.beside import Beside
from dsari_like.store.called import Called
from dsari_like.store.linked import Linked
from dsari_like.store.reader import RunRow, mapping_of

#: Runs that wait, the first in line, whose pages say what for: they are made again with every change.
IN_LINE = 20
_WAITING = ("scheduled", "blocked", "queued", "waiting_for_lock")
_FINAL = ("completed", "warning", "failed", "cancelled")
_MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class StageLine:
    """One execution of a stage; `anchor` is the line of the output where its own begins."""

    name: str
    tone: str
    word: str
    time: Time
    took: str
    exit: str
    anchor: str
    note: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run of the same thing, before or after this one."""

    url: str
    text: str
    tone: str
    word: str
    here: bool


@dataclass(frozen=True, slots=True)
class LifeView:
    """What is said of the life of a run."""

    wait: str
    holders: tuple[Ref, ...]
    blocked: str
    operands: tuple[Operand, ...]
    stages: tuple[StageLine, ...]
    items: ItemsView | None
    array_url: str
    attempts: tuple[Attempt, ...]
    locks: tuple[tuple[str, str], ...]
    limits: tuple[tuple[str, str], ...]
    flow: InFlow | None
    calls: tuple[CallLine, ...]
    more_calls: int


def life(scene: Scene, root: str, run: RunRow, shown: OutputView, now: float) -> LifeView:
    """Of a run, whose output is shown so."""
    job = scene.configuration.jobs.get(run.job_name)
    blocked = job.blocked_until if job is not None and run.status == "blocked" else None
    beside = scene.besides.of(run)
    found = beside.calls
    return LifeView(
        wait=_wait(scene, run, now),
        holders=tuple(_holders(scene, root, run)),
        blocked=blocked.triggers if blocked is not None else "",
        operands=_operands(scene, root, run) if blocked is not None else (),
        stages=tuple(_stages(scene, run, shown)),
        items=_items(scene, root, run),
        array_url=_array(scene, root, run),
        attempts=tuple(_attempts(scene, root, run, beside)),
        locks=tuple((name, str(mode)) for name, mode in mapping_of(run.locks).items()),
        limits=tuple(_limits(scene, run)),
        flow=flows.of_run(scene, root, run),
        calls=tuple(calls.call_line(scene, root, call, run.run_id) for call in found[-calls.ON_A_RUN :]),
        more_calls=max(0, len(found) - calls.ON_A_RUN),
    )


def twin(view: LifeView, run: RunRow) -> dict[str, Any]:
    """What programs are told of it."""
    return {
        "wait_reason": view.wait or None,
        "stages": parsed(run.stages),
        "items": parsed(run.items),
        "job_variables": parsed(run.job_variables),
        "locks": dict(view.locks),
        "callbacks": [calls.call_object(line) for line in view.calls],
    }


# --- waiting ------------------------------------------------------------------------------------------------------


def in_line(scene: Scene) -> tuple[RunRow, ...]:
    """The runs whose pages say what they wait for now."""
    key = ("in line", scene.reader.newest_revision())
    return scene.memo.of(key, lambda: scene.reader.waiting(IN_LINE))


def _wait(scene: Scene, run: RunRow, now: float) -> str:
    if run.status not in _WAITING or all(run.run_id != other.run_id for other in in_line(scene)):
        return ""
    if run.status == "scheduled":
        return ""
    rest = scene.overview.rests.why(run.job_name, now, scene.zone)
    return waiting_sentence(run, scene.reader.running(), scene.configuration, rest)


def _holders(scene: Scene, root: str, run: RunRow) -> Iterator[Ref]:
    """The runs that hold a lock which this one waits for."""
    if run.status != "waiting_for_lock" or all(run.run_id != other.run_id for other in in_line(scene)):
        return
    wanted = mapping_of(run.locks)
    for other in scene.reader.running():
        held = mapping_of(other.locks)
        if scene.shows(other.job_name) and any(
            "exclusive" in (wanted[name], held[name]) for name in wanted if name in held
        ):
            url = names.link(root, names.run_page(other.job_name, other.run_id))
            yield Ref(url, f"{other.job_name}, {words.run_label(other)}")


def _operands(scene: Scene, root: str, run: RunRow) -> tuple[Operand, ...]:
    blocked = scene.configuration.jobs[run.job_name].blocked_until
    if blocked is None:
        return ()
    kept = Called(scene.reader.connection).latches(run.run_id)
    closed: dict[str, Any] = {}
    for found, _ in kept.values():
        closed |= found
    return calls.operands(scene, root, Latches(blocked.expression, closed).standing())


# --- parts --------------------------------------------------------------------------------------------------------


def _stages(scene: Scene, run: RunRow, shown: OutputView) -> Iterator[StageLine]:
    recorded = parsed(run.stages)
    for stage in recorded if isinstance(recorded, list) else ():
        if isinstance(stage, dict) and isinstance(stage.get("start_time"), int | float):
            yield _stage(scene, run, stage, shown)


def _stage(scene: Scene, run: RunRow, stage: Mapping[str, Any], shown: OutputView) -> StageLine:
    begin, end, code = stage["start_time"], stage.get("stop_time"), stage.get("exit_code")
    status = _stage_status(run, end, code)
    launch = stage.get("launch", 1)
    return StageLine(
        name=str(stage.get("name", "")),
        tone="odd" if status == "failed" and run.status == "completed" else views.tone_of(status),
        word="interrupted" if status == "cancelled" and code is None else words.state_word(status),
        time=views.clock(scene, begin),
        took=moments.duration(end - begin) if isinstance(end, int | float) else "",
        exit="" if code is None else str(code),
        anchor=_anchor(scene, run, shown, stage.get("output_start")),
        note="the run went on all the same" if status == "failed" and run.status == "completed" else
        f"process {launch} of the run" if isinstance(launch, int) and launch > 1 and run.resume else "",
    )  # fmt: skip


def _stage_status(run: RunRow, end: object, code: object) -> str:
    if code is not None:
        return "completed" if code == 0 else "failed"
    return "running" if end is None and run.status not in _FINAL else "cancelled"


def _anchor(scene: Scene, run: RunRow, shown: OutputView, start: object) -> str:
    """The line in which this byte of the output is; none where that is left out."""
    if not isinstance(start, int) or not (shown.head or shown.tail):
        return ""
    directory = os.path.join(scene.runs_dir, names.directory_of(run.job_name), names.directory_of(run.run_id))
    number = line_number(os.path.join(directory, OUTPUT), start)
    return next((line.anchor for line in (*shown.head, *shown.tail) if line.number == str(number)), "")


def _items(scene: Scene, root: str, run: RunRow) -> ItemsView | None:
    counts = parsed(run.items)
    if not isinstance(counts, dict):
        return None
    total = counts.get("total", 0)
    url_of = lambda item: names.link("../", names.directory_of(item.run_id) + f"/{names.INDEX}")  # noqa: E731
    found = Linked(scene.reader.connection).items(run.run_id)
    said = lambda item: scene.said(run.job_name, item.run_id)  # noqa: E731
    return items.view(found, total if isinstance(total, int) else 0, url_of, said)


def _array(scene: Scene, root: str, run: RunRow) -> str:
    """Of an item, the way to the whole."""
    if run.item is None or not run.previous_run_id:
        return ""
    return names.link(root, names.run_page(run.job_name, run.previous_run_id))


def _attempts(scene: Scene, root: str, run: RunRow, beside: Beside) -> Iterator[Attempt]:
    """The runs this one repeats, itself, and those that repeat it. How the later ones ended is said on their pages."""
    before: list[RunRow] = []
    known = {run.run_id}
    other = scene.reader.run(run.retry_of) if run.retry_of else None
    while other is not None and other.run_id not in known and len(before) < _MOST_ATTEMPTS:
        known.add(other.run_id)
        before.append(other)
        other = scene.reader.run(other.retry_of) if other.retry_of else None
    after = scene.reader.retries_of(run.run_id) if beside.is_retried else ()
    if not before and not after:
        return
    for one in reversed(before):
        yield _attempt(root, one, one.status, False)
    yield _attempt(root, run, run.status, True)
    for one in after[:_MOST_ATTEMPTS]:
        yield _attempt(root, one, "", False)


def _attempt(root: str, run: RunRow, status: str, here: bool) -> Attempt:
    url = "" if here else names.link(root, names.run_page(run.job_name, run.run_id))
    text = f"attempt {run.attempt}" if run.attempt > 1 or here else words.run_label(run)
    word = words.state_word(status) if status else "a later attempt"
    return Attempt(url, text, views.tone_of(status) if status else "still", word, here)


def _limits(scene: Scene, run: RunRow) -> Iterator[tuple[str, str]]:
    """What would end it, or try it again, as it was started."""
    text = Linked(scene.reader.connection).definition(run.definition)
    found = parsed(text) if text else None
    if not isinstance(found, dict):
        return
    heartbeat = found.get("heartbeat")
    if isinstance(heartbeat, dict):
        first, last = (moments.duration(heartbeat.get(key)) for key in ("deadline", "final_deadline"))
        yield "Signs of life", f"timed out after {first} without one, ended after {last}"
    if found.get("max_execution"):
        yield "May run for", moments.duration(found["max_execution"])
    if found.get("retries"):
        yield "Attempts", f"{run.attempt} of {found['retries'] + 1} at most"
