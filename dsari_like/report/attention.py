"""What needs somebody: failing jobs, runs and pages that are stuck, a doubtful configuration, pauses.

Owns what is trouble, and the headline that comes of it. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dsari_like.core.model import ALL_JOBS
from dsari_like.core.storm import HELD
from dsari_like.report import names, views, words
from dsari_like.report.overview import Standing
from dsari_like.report.rests import end_words
from dsari_like.report.scene import Scene
from dsari_like.report.views import Time
from dsari_like.store.reader import RunRow

_QUOTED = 20  # failing jobs whose output is looked into for the line that says why


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs somebody: a failing job, a page that could not be made, a doubtful configuration, a pause
    that somebody may have forgotten."""

    kind: str
    name: str
    url: str
    text: str
    since: Time | None = None
    detail: str = ""
    good: Time | None = None
    said: str = ""


def troubles(scene: Scene, running: Iterable[RunRow], failed_pages: Mapping[str, str], now: float) -> list[Trouble]:
    """All there is, in the order in which it should be looked at."""
    found = [_failing(scene, standing, place < _QUOTED) for place, standing in enumerate(scene.overview.failing())]
    found += [_stuck(scene, run) for run in running if run.status == "timed_out"]
    found += [
        Trouble("page", page, names.link("", page), f"This page could not be made as it should: {problem}")
        for page, problem in sorted(failed_pages.items())
    ]
    found += [Trouble("configuration", "Configuration", "", text) for text in scene.configuration.warnings]
    return [*found, *_paused(scene, now)]


def headline(scene: Scene, found: Iterable[Trouble], running: int, waiting: int) -> str:
    """How all is, in a line."""
    kinds = [trouble.kind for trouble in found]
    failing, paused = kinds.count("failing"), kinds.count("paused")
    other = len(kinds) - failing - paused
    parts = [f"{failing} failing"] if failing else []
    parts += [f"{other} to look at"] if other else []
    parts += [f"{paused} paused"] if paused else []
    if not parts:
        parts = ["All is well"] if any(scene.overview.of(name).run_id for name in scene.overview.names) else ["Ready"]
    parts += [f"{running} running"] if running else []
    parts += [f"{waiting} waiting"] if waiting else []
    return ", ".join(parts)


def tone(found: Iterable[Trouble], is_live: bool) -> str:
    """A pause alone is somebody's will, and no failure."""
    kinds = {trouble.kind for trouble in found}
    return "bad" if kinds - {"paused"} else "odd" if kinds else "live" if is_live else "good"


def _paused(scene: Scene, now: float) -> list[Trouble]:
    """Pauses are asked for by hand and forgotten, but for those of a storm, which are a fault. Those of jobs that are
    gone keep nothing from running."""
    jobs = scene.configuration.jobs
    return [
        Trouble(
            "storm" if pause.reason.startswith(HELD) else "paused",
            pause.job_name or "All jobs",
            names.link("", names.job_page(pause.job_name) if pause.job_name else names.jobs_page(1)),
            f"paused {end_words(pause, scene.zone)}",
            views.time(scene, pause.time),
            pause.reason,
        )
        for pause in scene.overview.rests.pauses(now)
        if pause.job_name == ALL_JOBS or (pause.job_name in jobs and scene.shows(pause.job_name))
    ]


def _failing(scene: Scene, standing: Standing, quoted: bool) -> Trouble:
    since = standing.failing_since
    return Trouble(
        "failing",
        standing.name,
        names.link("", names.run_page(standing.name, standing.failed_run_id)),
        views.streak_words(standing),
        views.time(scene, since) if since is not None else None,
        standing.failed_reason,
        views.time(scene, standing.good_time) if standing.good_time is not None else None,
        scene.said(standing.name, standing.failed_run_id) if quoted else "",
    )


def _stuck(scene: Scene, run: RunRow) -> Trouble:
    url = names.link("", names.run_page(run.job_name, run.run_id))
    return Trouble("timed_out", run.job_name, url, words.outcome_sentence(run, scene.zone))
