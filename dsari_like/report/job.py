"""The page of a job: how it stands, when it is due, how long it takes, its latest runs and its configuration.

Owns what is shown there and in which order. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice
from typing import Any

from dsari_like.core.model import Job
from dsari_like.report import flows, moments, names, settings, views, words
from dsari_like.report.calls import callbacks_of
from dsari_like.report.flows import InFlow, Watched
from dsari_like.report.front import Told, told
from dsari_like.report.overview import Standing
from dsari_like.report.record import RecordView, record
from dsari_like.report.rests import pause_object, pause_sentence
from dsari_like.report.scene import Scene
from dsari_like.report.settings import ParameterLine, Setting
from dsari_like.report.shapes import decision_object
from dsari_like.report.views import Day, Head, Time
from dsari_like.store.reader import RunRow

DUE, TOLD, LOOKED_AT = 5, 8, 50


@dataclass(frozen=True, slots=True)
class Coming:
    """A slot that is to come, in the zone of the schedule and in UTC."""

    time: Time
    utc: str
    note: str


@dataclass(frozen=True, slots=True)
class JobView:
    """A job's own page."""

    name: str
    description: str
    state: str
    word: str
    tone: str
    sentence: str
    why: str
    said: str
    said_url: str
    rest: str
    archived: bool
    schedule: tuple[str, ...]
    schedule_text: tuple[str, ...]
    zone: str
    blackouts: str
    coming: tuple[Coming, ...]
    record: RecordView
    days: tuple[Day, ...]
    run_count: int
    removed_count: int  # by retention
    older_url: str
    told: tuple[Told, ...]
    settings: tuple[Setting, ...]
    defaults: tuple[Setting, ...]
    parameters: tuple[ParameterLine, ...]
    where: str
    command: str
    flows: tuple[InFlow, ...]
    watched: Watched | None
    callbacks: tuple[tuple[str, str, str], ...]


def latest(scene: Scene, name: str) -> tuple[RunRow, ...]:
    """The runs that the page of a job shows, newest first."""
    newest = scene.reader.newest_number(name)
    rows = scene.reader.numbered(name, newest - names.PAGE_SIZE + 1, newest)[::-1]
    return tuple(row for row in rows if row.is_sound)


def job_page(scene: Scene, name: str, rows: tuple[RunRow, ...], now: float) -> tuple[Head, JobView, dict[str, Any]]:
    """The page of a job, and its twin; `rows` are its latest runs, newest first."""
    page = names.job_page(name)
    root = names.root_of(page)
    odd = [row for row in scene.reader.decisions(job=name, limit=LOOKED_AT) if row.outcome != "started"]
    view = _view(scene, name, now, root, rows, tuple(told(scene, root, row) for row in odd[:TOLD]))
    live = any(row.status in ("running", "timed_out") for row in rows)
    head = views.head(scene, page, f"{view.word.capitalize()}: {name}", view.tone, live)
    return head, view, _twin(scene, name, rows, view, odd) | _twin_of_rest(scene, name, now)


def _view(scene: Scene, name: str, now: float, root: str, rows: tuple[RunRow, ...], odd: tuple[Told, ...]) -> JobView:
    job, standing = scene.configuration.jobs.get(name), scene.overview.of(name)
    secrets = scene.configuration.secrets
    newest, kept = scene.reader.newest_number(name), scene.reader.count_left(name)
    has_older = newest - scene.reader.oldest_number(name) >= names.PAGE_SIZE
    return JobView(
        name=name,
        description=job.description if job else "",
        state=standing.status,
        word=words.state_word(standing.status) if standing.status else "never ran",
        tone="bad" if standing.is_failing else views.tone_of(standing.status),
        sentence=words.outcome_sentence(rows[0], scene.zone) if rows else "It has not run yet.",
        why=_failing_words(scene, standing),
        said=scene.said(name, standing.failed_run_id) if standing.is_failing else "",
        said_url=names.link(root, names.run_page(name, standing.failed_run_id)) if standing.is_failing else "",
        rest=_rest(scene, job, now),
        archived=job is None,
        schedule=tuple(rule.describe() for rule in scene.overview.rules(name)),
        schedule_text=job.schedule if job else (),
        zone=moments.zone_name(_zone(scene, job)),
        blackouts=_blackouts(scene, name),
        coming=_coming(scene, job, name, now),
        record=record(scene, root, name, rows, now),
        days=views.days(scene, root, rows),
        run_count=kept,
        removed_count=newest - kept,
        older_url=f"page-{names.last_history_number(newest)}.html" if has_older else "",
        told=odd,
        settings=scene.memo.of(("settings", name), lambda: settings.settings(job, secrets)) if job else (),
        defaults=scene.memo.of(("defaults", name), lambda: settings.defaults(job)) if job else (),
        parameters=settings.parameters(job, rows, secrets) if job else (),
        where=str(job.where) if job and job.where.file else "",
        command=words.command("trigger", name),
        flows=flows.of_job(scene, root, name),
        watched=flows.watched_by(scene, root, name),
        callbacks=callbacks_of(scene, root, name),
    )


def _zone(scene: Scene, job: Job | None) -> tzinfo:
    return moments.zone_of(job.schedule_timezone) if job and job.schedule_timezone else scene.zone


def _failing_words(scene: Scene, standing: Standing) -> str:
    if not standing.is_failing or standing.failing_since is None:
        return ""
    return f"{views.streak_words(standing)}, since {moments.moment(standing.failing_since, scene.zone)}."


def _rest(scene: Scene, job: Job | None, now: float) -> str:
    pause = scene.overview.rests.pause(job.name, now) if job else None
    return pause_sentence(pause, scene.zone) if pause else ""


def _blackouts(scene: Scene, name: str) -> str:
    """What opens the windows in which the schedule starts nothing."""
    windows = scene.overview.windows(name)
    if windows is None:
        return ""
    fate = "moved to the end of the blackout" if windows.defer else "left out"
    return f"{windows.describe()}: what is due then is {fate}."


def _coming(scene: Scene, job: Job | None, name: str, now: float) -> tuple[Coming, ...]:
    if job is None:
        return ()
    zone = _zone(scene, job)
    return tuple(
        Coming(
            views.coming(scene, slot.time, zone),
            _in_utc(slot.time, zone),
            scene.overview.note(name, slot, now, scene.zone),
        )
        for slot in scene.overview.slots(name, now, DUE)
    )


def _in_utc(instant: float, zone: tzinfo) -> str:
    """Nothing where the zone is UTC itself."""
    there, utc = moments.weekday(instant, zone), moments.weekday(instant, UTC)
    return utc if utc != there else ""


def _twin_of_rest(scene: Scene, name: str, now: float) -> dict[str, Any]:
    pause = scene.overview.rests.pause(name, now)
    return {"paused": None if pause is None else pause_object(pause)}


def _twin(scene: Scene, name: str, rows: Iterable[RunRow], view: JobView, odd: Iterable[Any]) -> dict[str, Any]:
    return {
        "job_name": name,
        "description": view.description,
        "status": view.state,
        "archived": view.archived,
        "schedule": list(view.schedule_text),
        "timezone": view.zone,
        "next": [slot.time.iso for slot in view.coming],
        "next_notes": [slot.note for slot in view.coming],
        "configuration": {setting.key: setting.value for setting in view.settings},
        "where": view.where,
        "success": view.record.success,
        "usual": view.record.usual,
        "runs": [views.run_text(scene, row) for row in rows],
        "decisions": [decision_object(row) for row in islice(odd, TOLD)],
    }
