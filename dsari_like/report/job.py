"""The page of a job: how it stands, when it is due, how long it takes, its latest runs and its configuration.

Owns what is shown there and in which order. Must not know how it looks.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, tzinfo
from enum import Enum
from itertools import islice
from typing import Any

from markupsafe import Markup

from dsari_like.core.model import Job, Retention
from dsari_like.core.retention import rule_words
from dsari_like.core.secrets import Secrets
from dsari_like.report import charts, moments, names, views, words
from dsari_like.report.front import Told, told
from dsari_like.report.overview import Standing
from dsari_like.report.rests import pause_object, pause_sentence
from dsari_like.report.shapes import decision_object, run_object
from dsari_like.report.views import Day, Head, Scene, Time
from dsari_like.store.reader import RunRow

DUE, TOLD, LOOKED_AT = 5, 8, 50
_SECONDS = ("catch_up_limit", "max_execution", "max_execution_grace")
_ELSEWHERE = ("name", "description", "where", "blackout")


@dataclass(frozen=True, slots=True)
class Coming:
    """A slot that is to come, in the zone of the schedule and in UTC."""

    time: Time
    utc: str
    note: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the configuration and its value, as text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Milestone:
    """The last run of a kind: the last good one, the last failed one."""

    url: str
    time: Time
    text: str


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
    rest: str
    archived: bool
    schedule: tuple[str, ...]
    schedule_text: tuple[str, ...]
    zone: str
    blackouts: str
    coming: tuple[Coming, ...]
    good: Milestone | None
    failed: Milestone | None
    usual: str
    success: str
    trend: Markup
    days: tuple[Day, ...]
    run_count: int
    removed_count: int  # by retention
    older_url: str
    told: tuple[Told, ...]
    settings: tuple[Setting, ...]
    where: str
    command: str


def latest(scene: Scene, name: str) -> tuple[RunRow, ...]:
    """The runs that the page of a job shows, newest first."""
    newest = scene.reader.newest_number(name)
    rows = scene.reader.numbered(name, newest - names.PAGE_SIZE + 1, newest)[::-1]
    return tuple(row for row in rows if row.is_sound)


def job_page(
    scene: Scene, name: str, rows: tuple[RunRow, ...], now: float
) -> tuple[Head, JobView, dict[str, Any]]:
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
        rest=_rest(scene, job, now),
        archived=job is None,
        schedule=tuple(rule.describe() for rule in scene.overview.rules(name)),
        schedule_text=job.schedule if job else (),
        zone=moments.zone_name(_zone(scene, job)),
        blackouts=_blackouts(scene, name),
        coming=_coming(scene, job, name, now),
        good=_milestone(scene, root, name, standing.good_run_id, standing.good_time, ""),
        failed=_milestone(scene, root, name, standing.failed_run_id, standing.failed_time, standing.failed_reason),
        usual=moments.duration(standing.usual) if standing.usual is not None else "",
        success=_success(rows),
        trend=charts.trend(_points(scene, root, rows)),
        days=views.days(scene, root, rows),
        run_count=kept,
        removed_count=newest - kept,
        older_url=f"page-{names.last_history_number(newest)}.html" if has_older else "",
        told=odd,
        settings=_settings(job, scene.configuration.secrets) if job else (),
        where=str(job.where) if job and job.where.file else "",
        command=words.command("trigger", name),
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


def _milestone(scene: Scene, root: str, name: str, run_id: str, instant: float | None, text: str) -> Milestone | None:
    if instant is None:
        return None
    return Milestone(names.link(root, names.run_page(name, run_id)), views.time(scene, instant), text)


def _success(rows: Iterable[RunRow]) -> str:
    """How many of the latest runs did what they should."""
    verdicts = [row.status == "completed" for row in rows if row.status in ("completed", "failed")]
    return f"{sum(verdicts)} of the latest {len(verdicts)} completed" if verdicts else ""


def _points(scene: Scene, root: str, rows: Iterable[RunRow]) -> list[charts.Point]:
    return [
        charts.Point(
            row.duration,
            row.status,
            names.link(root, names.run_page(row.job_name, row.run_id)),
            f"{row.status}, {moments.duration(row.duration)}, {moments.moment(row.start_time or 0.0, scene.zone)}",
        )
        for row in reversed(tuple(rows))
        if row.duration is not None
    ]


def _settings(job: Job, secrets: Secrets) -> tuple[Setting, ...]:
    """The keys that differ from their defaults; who reads them wants what was meant, not what could have been."""
    return tuple(
        Setting(field.name, text)
        for field in fields(job)
        if field.name not in _ELSEWHERE
        and (value := getattr(job, field.name)) != (None if field.default is MISSING else field.default)
        and (text := secrets.text(_setting_text(field.name, _discreet(job, field.name, value, secrets)), job.name))
    )


def _discreet(job: Job, key: str, value: Any, secrets: Secrets) -> Any:
    if key == "environment":
        return secrets.variables(value, job.secret_names)
    return secrets.data(value) if isinstance(value, Mapping) else value


def _setting_text(key: str, value: Any) -> str:
    if key == "command":
        return shlex.join(value)
    if key in _SECONDS and value is not None:
        return moments.duration(value)
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={_plain(inner)}" for name, inner in value.items())
    if isinstance(value, Retention):
        return rule_words(value)
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    return str(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


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
        "runs": [run_object(row) for row in rows],
        "decisions": [decision_object(row) for row in islice(odd, TOLD)],
    }
