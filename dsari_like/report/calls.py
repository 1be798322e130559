"""Callbacks and their calls: what each waits for, what has come true of it, what made it be called, and how that went.

Owns the pages of callbacks and the lines that stand for a call. Must not know how it looks, or when a callback fires.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dsari_like.core.latches import Latches, Terms
from dsari_like.core.reactions import UNIVERSAL, Callback
from dsari_like.report import moments, names, views, words
from dsari_like.report.scene import Scene
from dsari_like.report.views import Head, Time
from dsari_like.store.called import Called, CallRow
from dsari_like.store.linked import Linked

#: Calls on the page of a run, of a callback, and on the page of all; what is older is told by a command.
ON_A_RUN, ON_A_PAGE, LATEST = 20, 50, 25
#: Flows, runs and items of which a page says what has come true; characters of an output.
SCOPES, OUTPUT = 30, 2_000
_TONES = {"completed": "good", "failed": "bad", "refused": "bad", "running": "live", "waiting": "wait"}


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand of an expression: closed when it has come true; then when, and through which run."""

    text: str
    closed: bool
    time: Time | None = None
    url: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call."""

    callback: str
    url: str
    triggers: str
    event: str
    run_url: str
    run: str
    tone: str
    word: str
    time: Time | None
    took: str
    exit: str
    note: str
    output: str
    latches: tuple[Operand, ...]
    row: CallRow


@dataclass(frozen=True, slots=True)
class Standing:
    """What an expression remembers in one flow, run or item."""

    title: str
    url: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class CallbackLine:
    """A callback in the list of all."""

    key: str
    url: str
    owner: str
    owner_url: str
    triggers: str
    language: str
    count: int
    last: CallLine | None
    waits: str


@dataclass(frozen=True, slots=True)
class CallbacksView:
    """All callbacks, and the latest calls."""

    callbacks: tuple[CallbackLine, ...]
    calls: tuple[CallLine, ...]


@dataclass(frozen=True, slots=True)
class CallbackView:
    """A callback's own page; without a language it is not configured any more."""

    key: str
    name: str
    list_url: str
    owner: str
    owner_url: str
    triggers: str
    language: str
    code: str
    where: str
    facts: tuple[tuple[str, str], ...]
    standing: tuple[Standing, ...]
    more_standing: int
    calls: tuple[CallLine, ...]
    count: int
    command: str


# --- which there are ----------------------------------------------------------------------------------------------


def configured(scene: Scene) -> dict[str, Callback]:
    """The callbacks of the site, and those of the jobs that may be seen."""
    found = {callback.key: callback for callback in scene.configuration.callbacks}
    for name, job in scene.configuration.jobs.items():
        if job.callbacks and scene.shows(name):
            found |= {callback.key: callback for callback in job.callbacks}
    return found


def all_keys(scene: Scene) -> list[str]:
    """Those that are configured, and those that were called once."""
    called = (key for key in Linked(scene.reader.connection).called() if _owner_shown(scene, key))
    return sorted({*configured(scene), *called})


def _owner_shown(scene: Scene, key: str) -> bool:
    owner = key.partition("/")[0]
    return bool(key) and (owner == UNIVERSAL or scene.shows(owner))


def callbacks_of(scene: Scene, root: str, name: str) -> tuple[tuple[str, str, str], ...]:
    """The callbacks of a job: what they are called, their pages, and what makes them be called."""
    job = scene.configuration.jobs.get(name)
    return tuple(
        (_title(callback.key), names.link(root, names.callback_page(callback.key)), callback.triggers)
        for callback in (job.callbacks if job is not None else ())
    )


# --- pages --------------------------------------------------------------------------------------------------------


def callbacks_page(scene: Scene) -> tuple[Head, CallbacksView, dict[str, Any]]:
    """All callbacks."""
    root, known = names.root_of(names.CALLBACKS), configured(scene)
    lines = tuple(_line(scene, root, key, known.get(key)) for key in all_keys(scene))
    rows = (row for row in _called(scene).calls(limit=LATEST * 2) if not row.job_name or scene.shows(row.job_name))
    calls = tuple(call_line(scene, root, row) for _, row in zip(range(LATEST), rows, strict=False))
    twin = {
        "callbacks": [{"callback": it.key, "triggers": it.triggers, "language": it.language} for it in lines],
        "calls": [call_object(it) for it in calls],
    }
    return views.head(scene, names.CALLBACKS, "Callbacks", ""), CallbacksView(lines, calls), twin


def callback_page(scene: Scene, key: str) -> tuple[Head, CallbackView, dict[str, Any]]:
    """One callback."""
    page, callback = names.callback_page(key), configured(scene).get(key)
    root, owner = names.root_of(page), key.partition("/")[0]
    rows = list(_called(scene).calls(callback=key, limit=ON_A_PAGE))
    standing = list(_standing(scene, root, callback)) if callback is not None else []
    job = scene.configuration.jobs.get(owner)
    view = CallbackView(
        key=key,
        name=_title(key),
        list_url=names.link(root, names.CALLBACKS),
        owner=owner if owner != UNIVERSAL else "",
        owner_url=names.link(root, names.job_page(owner)) if owner != UNIVERSAL else "",
        triggers=callback.triggers if callback else rows[0].triggers if rows else "",
        language=callback.language.value if callback else "",
        code=_code(scene, callback, owner) if callback else "",
        where=str(job.where) if job and job.where.file else "the top level of the configuration" if not job else "",
        facts=tuple(_facts(callback)) if callback else (),
        standing=tuple(standing[:SCOPES]),
        more_standing=max(0, len(standing) - SCOPES),
        calls=tuple(call_line(scene, root, row) for row in rows),
        count=Linked(scene.reader.connection).call_count(key),
        command=words.command("callbacks", "--callback", key),
    )
    twin = {
        "callback": key,
        "triggers": view.triggers,
        "language": view.language or None,
        "standing": [_standing_object(it) for it in view.standing],
        "calls": [call_object(it) for it in view.calls],
    }
    return views.head(scene, page, f"{view.name}, callback", ""), view, twin


def call_line(scene: Scene, root: str, row: CallRow, here: str = "") -> CallLine:
    """A call in a list; the run `here` is the page's own, and gets no link."""
    about = row.told.get("run")
    about = about if isinstance(about, Mapping) else {}
    run_id, job = str(about.get("run_id") or row.run_id or ""), str(about.get("job_name") or row.job_name or "")
    output = (row.output or "").strip()
    return CallLine(
        callback=_title(row.callback),
        url=names.link(root, names.callback_page(row.callback)) if row.callback else "",
        triggers=row.triggers,
        event=row.event_text or words.shortened(row.event),
        run_url=_run_url(scene, root, job, run_id) if run_id != here else "",
        run=job,
        tone=_TONES.get(row.state, "still"),
        word=row.state,
        time=views.time(scene, row.time) if row.time is not None else None,
        took=moments.duration(row.duration) if row.duration is not None else "",
        exit="" if row.exit_code is None else str(row.exit_code),
        note="; ".join(filter(None, (row.reason, f"attempt {row.attempt}" if row.attempt > 1 else ""))),
        output=output[:OUTPUT] + ("\N{HORIZONTAL ELLIPSIS}" if len(output) > OUTPUT else ""),
        latches=_latches(scene, root, row.latches),
        row=row,
    )


def call_object(line: CallLine) -> dict[str, Any]:
    """A call for programs, under the column names of the run log."""
    row = line.row
    return {
        "callback_id": row.callback_id, "callback": row.callback, "run_id": row.run_id, "job_name": row.job_name,
        "triggers": row.triggers, "event": row.event_text, "language": row.language, "state": row.state,
        "time": row.time, "start_time": row.start_time, "stop_time": row.stop_time, "exit_code": row.exit_code,
        "attempt": row.attempt, "reason": row.reason, "output": line.output, "latches": dict(row.latches),
    }  # fmt: skip


def operands(scene: Scene, root: str, terms: Terms) -> tuple[Operand, ...]:
    """Those that came true, and those that are awaited."""
    closed = [_operand(scene, root, text, one.time, one.run_id) for text, one in terms.closed]
    return (*closed, *(Operand(text, False) for text in terms.open))


# --- parts --------------------------------------------------------------------------------------------------------


def _called(scene: Scene) -> Called:
    return Called(scene.reader.connection, scene.configuration.secrets)


def _title(key: str) -> str:
    owner, _, name = key.partition("/")
    what = f"callback {name}" if name.isdecimal() else name
    return f"{what} of {'all jobs' if owner == UNIVERSAL else owner}"


def _code(scene: Scene, callback: Callback, owner: str) -> str:
    text = callback.code or " ".join(callback.argv)
    return scene.configuration.secrets.text(text, None if owner == UNIVERSAL else owner)


def _facts(callback: Callback) -> Iterator[tuple[str, str]]:
    if callback.maximum is not None:
        yield "At most", f"{callback.maximum} time{'s' * (callback.maximum != 1)} in a flow"
    yield "May take", moments.duration(callback.timeout)
    if callback.retries:
        yield "Tried again", f"{callback.retries} times, after {moments.duration(callback.retry_delay)}"
    if callback.freshness.within is not None:
        yield "Counts", f"what came true within {moments.duration(callback.freshness.within)}, in any flow"
    if callback.freshness.since_last_run:
        yield "Counts", "what came true since the last start of its job, in any flow"


def _line(scene: Scene, root: str, key: str, callback: Callback | None) -> CallbackLine:
    owner = key.partition("/")[0]
    last = next(_called(scene).calls(callback=key, limit=1), None)
    standing = list(_standing(scene, root, callback)) if callback is not None else []
    waits = [", ".join(operand.text for operand in it.operands if not operand.closed) for it in standing]
    return CallbackLine(
        key=_title(key),
        url=names.link(root, names.callback_page(key)),
        owner=owner if owner != UNIVERSAL else "all jobs",
        owner_url=names.link(root, names.job_page(owner)) if owner != UNIVERSAL else "",
        triggers=callback.triggers if callback else last.triggers if last else "",
        language=callback.language.value if callback else "no longer configured",
        count=Linked(scene.reader.connection).call_count(key),
        last=call_line(scene, root, last) if last else None,
        waits=words.shortened(
            "; ".join(filter(None, waits[:3])) + (f" and {len(waits) - 3} more" if waits[3:] else "")
        ),
    )


def _standing(scene: Scene, root: str, callback: Callback) -> Iterator[Standing]:
    """What has come true of it, by flow, run or item; what has nothing closed waits for everything."""
    kept = Called(scene.reader.connection).latches(callback.key)
    for scope, (closed, _) in reversed(kept.items()):
        if closed:
            flow_id, _, item = scope.partition("\n")
            terms = Latches(callback.expression, closed).standing()
            title = " ".join(
                filter(None, (f"flow or run {flow_id}" if flow_id else "all flows", f"item {item}" if item else ""))
            )
            yield Standing(title, _scope_url(scene, root, flow_id), operands(scene, root, terms))


def _scope_url(scene: Scene, root: str, flow_id: str) -> str:
    flow = scene.reader.flow(flow_id) if flow_id else None
    if flow is not None:
        return names.link(root, names.execution_page(flow.kind.value, flow.name, flow.flow_id))
    return _run_link(scene, root, flow_id)


def _standing_object(it: Standing) -> dict[str, Any]:
    closed: list[str] = []
    waiting: list[str] = []
    for operand in it.operands:
        (closed if operand.closed else waiting).append(operand.text)
    return {"scope": it.title, "closed": closed, "open": waiting}


def _latches(scene: Scene, root: str, found: Mapping[str, Any]) -> tuple[Operand, ...]:
    return tuple(_recorded(scene, root, found.items()))


def _recorded(scene: Scene, root: str, found: Iterable[tuple[str, Any]]) -> Iterator[Operand]:
    for text, one in found:
        if isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[0], int | float):
            yield _operand(scene, root, str(text), one[0], str(one[1] or ""))


def _operand(scene: Scene, root: str, text: str, time: float, run_id: str) -> Operand:
    when = views.time(scene, time) if math.isfinite(time) else None
    return Operand(text, True, when, _run_link(scene, root, run_id), run_id)


def _run_link(scene: Scene, root: str, run_id: str) -> str:
    run = scene.reader.run(run_id) if run_id else None
    return _run_url(scene, root, run.job_name, run.run_id) if run is not None else ""


def _run_url(scene: Scene, root: str, job: str, run_id: str) -> str:
    if not run_id or not job or not scene.shows(job) or scene.reader.run(run_id) is None:
        return ""
    return names.link(root, names.run_page(job, run_id))
