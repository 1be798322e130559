"""The front page and the lists of all jobs: what needs somebody first, then what happens, then everything.

Owns what is shown there and in which order. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dsari_like.report import attention, moments, names, timeline, views, waits, words
from dsari_like.report.attention import Trouble
from dsari_like.report.overview import time_of
from dsari_like.report.rests import pause_object
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import decision_object
from dsari_like.report.timeline import DayChart
from dsari_like.report.views import Day, Head, JobLine, RunLine, Time
from dsari_like.store.reader import DecisionRow, RunRow

LATEST, FAILURES, SHOWN, DUE, JOBS = 25, 10, 20, 10, 50
_LOOKED_AT = 100  # rows looked through for those that may be shown
_ODD_OUTCOMES = ("refused", "missed", "dropped", "skipped")


@dataclass(frozen=True, slots=True)
class Live:
    """A run that runs or waits, with what there is to say of it now."""

    run: RunLine
    time: Time
    text: str


@dataclass(frozen=True, slots=True)
class Due:
    """A job that will be due; the note says what keeps it from starting then."""

    job: str
    url: str
    time: Time
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A decision in a list."""

    job: str
    url: str
    outcome: str
    text: str
    time: Time


@dataclass(frozen=True, slots=True)
class FrontView:
    """The front page."""

    headline: str
    tone: str
    troubles: tuple[Trouble, ...]
    more_troubles: int
    running: tuple[Live, ...]
    more_running: int
    waiting: tuple[Live, ...]
    more_waiting: int
    due: tuple[Due, ...]
    latest: tuple[Day, ...]
    failures: tuple[Day, ...]
    told: tuple[Told, ...]
    jobs: tuple[JobLine, ...]
    day: DayChart
    job_count: int
    job_pages: int
    as_of: Time | None
    is_empty: bool
    spool: str
    config_dir: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page of a list: `from` and `to` are the names at its ends."""

    number: int
    url: str
    first: str
    last: str
    here: bool


@dataclass(frozen=True, slots=True)
class JobsView:
    """A page of the list of all jobs."""

    jobs: tuple[JobLine, ...]
    job_count: int
    pages: tuple[PageLink, ...]


def front(scene: Scene, now: float, failed_pages: Mapping[str, str]) -> tuple[Head, FrontView, dict[str, Any]]:
    """The front page, with what `status.json` says of the same moment."""
    counts = scene.reader.open_counts()
    running, waiting = (
        tuple(_shown(scene, scene.reader.running())),
        tuple(_shown(scene, scene.reader.waiting(_LOOKED_AT))),
    )
    troubles = attention.troubles(scene, running, failed_pages, now)
    live = _live(scene, running, _running_text)
    in_line = [run for run in waiting if run.status != "scheduled"]
    queued = _live(scene, in_line, lambda s, run: _waiting_text(s, run, running, now))
    active = counts.get("running", 0) + counts.get("timed_out", 0)
    view = FrontView(
        headline=attention.headline(scene, troubles, len(live), len(queued)),
        tone=attention.tone(troubles, bool(live)),
        troubles=tuple(troubles[:SHOWN]),
        more_troubles=max(0, len(troubles) - SHOWN),
        running=live[:SHOWN],
        more_running=max(0, len(live) - SHOWN),
        waiting=queued[:SHOWN],
        more_waiting=max(0, sum(counts.values()) - active - counts.get("scheduled", 0) - SHOWN),
        due=_due(scene, now, [run for run in waiting if run.status == "scheduled"]),
        latest=_days(scene, (run for run in _latest(scene) if run.status != "scheduled"), LATEST),
        failures=_days(scene, failed(scene), FAILURES),
        told=_told(scene),
        jobs=_first_jobs(scene, now),
        day=timeline.day_chart(scene, now, timeline.FRONT_ROWS),
        job_count=len(scene.overview.names),
        job_pages=names.jobs_page_count(len(scene.overview.names)),
        as_of=_as_of(scene),
        is_empty=not scene.overview.names,
        spool=f"{scene.configuration.data_dir}/trigger",
        config_dir=scene.configuration.config_dir,
    )
    page = names.front_page()
    return views.head(scene, page, view.headline, view.tone, bool(active)), view, _status(scene, now, running, waiting)


def jobs_page(scene: Scene, number: int, now: float) -> tuple[Head, JobsView]:
    """A page of the list of all jobs, counted from 1."""
    page = names.jobs_page(number)
    root = names.root_of(page)
    first = (number - 1) * names.JOBS_A_PAGE
    here = scene.overview.names[first : first + names.JOBS_A_PAGE]
    lines = tuple(views.job_line(scene, root, name, now) for name in here)
    title = "All jobs" if number == 1 else f"All jobs, page {number}"
    view = JobsView(lines, len(scene.overview.names), _page_links(scene, number))
    return views.head(scene, page, title, ""), view


def _page_links(scene: Scene, here: int) -> tuple[PageLink, ...]:
    all_names, size = scene.overview.names, names.JOBS_A_PAGE
    starts = enumerate(range(0, len(all_names), size), 1)
    return tuple(
        PageLink(n, names.link("", names.jobs_page(n)), all_names[i], all_names[i : i + size][-1], n == here)
        for n, i in starts
    )


def _waiting_text(scene: Scene, run: RunRow, running: Iterable[RunRow], now: float) -> str:
    rest = scene.overview.rests.why(run.job_name, now, scene.zone)
    return waits.waiting_sentence(run, running, scene.configuration, rest)


def _running_text(scene: Scene, run: RunRow) -> str:
    """What a run says of itself, and what is known of its end. Its length so far is not: it would be wrong a second
    later."""
    said, usual = words.progress_words(run), scene.overview.of(run.job_name).usual
    if usual is None or run.start_time is None:
        return words.shortened(said)
    end = moments.at(run.start_time + usual, scene.zone)
    until = f"usually takes {moments.duration(usual)}, so until about {end:%H:%M:%S}"
    return f"{words.shortened(said)}; {until}" if said else until


def _live(scene: Scene, runs: Iterable[RunRow], text: Any) -> tuple[Live, ...]:
    return tuple(
        Live(views.run_line(scene, "", run), views.coming(scene, time_of(run)), text(scene, run)) for run in runs
    )


def _latest(scene: Scene) -> list[RunRow]:
    """The newest runs, asked for once for all that show them."""
    return scene.memo.of(
        ("latest", scene.reader.newest_revision()), lambda: list(scene.reader.runs(limit=_looked_at(scene)))
    )


def failed(scene: Scene) -> tuple[RunRow, ...]:
    """The newest failures, asked for once for all that show them."""
    return scene.memo.of(("failed", scene.reader.newest_revision()), lambda: scene.reader.failures(_looked_at(scene)))


def _looked_at(scene: Scene) -> int:
    """As many as are shown, and more where some must not be."""
    return _LOOKED_AT if scene.overview.hides else LATEST + SHOWN


def _shown(scene: Scene, runs: Iterable[RunRow]) -> Iterable[RunRow]:
    return (run for run in runs if run.is_sound and scene.shows(run.job_name))


def _days(scene: Scene, runs: Iterable[RunRow], count: int) -> tuple[Day, ...]:
    return views.days(scene, "", islice(_shown(scene, runs), count))


def _due(scene: Scene, now: float, future: Iterable[RunRow]) -> tuple[Due, ...]:
    """Slots of the schedules, and triggers that were given a time."""
    slots = [(*coming, names.job_page(coming[1])) for coming in _upcoming(scene, now)]
    slots += [(run.schedule_time, run.job_name, "", names.run_page(run.job_name, run.run_id)) for run in future]
    return tuple(
        Due(name, names.link("", page), views.coming(scene, instant), note)
        for instant, name, note, page in sorted(slots)[:DUE]
    )


def _upcoming(scene: Scene, now: float) -> list[tuple[float, str, str]]:
    """The slots that come next, each with what is to be said of it."""
    overview = scene.overview
    found = ((instant, name, overview.slot_at(name, instant)) for instant, name in overview.upcoming(now, DUE))
    return [
        (instant, name, overview.note(name, slot, now, scene.zone) if slot else "") for instant, name, slot in found
    ]


def _told(scene: Scene) -> tuple[Told, ...]:
    """The latest slots and triggers that became no run: what is looked for when something did not happen."""
    found = (row for row in _decided(scene) if row.outcome in _ODD_OUTCOMES)
    return tuple(told(scene, "", row) for row in islice((row for row in found if scene.shows(row.job_name)), 8))


def _decided(scene: Scene) -> tuple[DecisionRow, ...]:
    """The latest decisions, asked for once for all that show them."""
    key = ("decided", scene.reader.newest_decision())
    return scene.memo.of(key, lambda: scene.reader.decisions(limit=_LOOKED_AT))


def told(scene: Scene, root: str, row: DecisionRow) -> Told:
    """A decision in a list."""
    url = names.link(root, names.job_page(row.job_name))
    text = words.decision_sentence(row, scene.zone)
    return Told(row.job_name, url, row.outcome, text, views.time(scene, row.time))


def _first_jobs(scene: Scene, now: float) -> tuple[JobLine, ...]:
    return tuple(views.job_line(scene, "", name, now) for name in scene.overview.names[:JOBS])


def _as_of(scene: Scene) -> Time | None:
    run = scene.reader.newest_change()
    if run is None or not run.is_sound:
        return None
    return views.time(scene, max(t for t in (run.queue_time, run.start_time, run.stop_time) if t is not None))


def _status(scene: Scene, now: float, running: Iterable[RunRow], waiting: Iterable[RunRow]) -> dict[str, Any]:
    """What `status.json` says: the same as the front page, for programs."""
    as_of = _as_of(scene)
    return {
        "title": scene.configuration.title,
        "as_of": as_of.iso if as_of else None,
        "failing": [
            {"job_name": s.name, "run_id": s.failed_run_id, "since": s.failing_since, "in_a_row": s.streak}
            for s in scene.overview.failing()
        ],
        "running": [views.run_text(scene, run) for run in running],
        "waiting": [views.run_text(scene, run) for run in waiting],
        "paused": [pause_object(pause) for pause in scene.overview.rests.pauses(now) if scene.shows(pause.job_name)],
        "next": [{"job_name": name, "time": instant, "note": note} for instant, name, note in _upcoming(scene, now)],
        "latest": [views.run_text(scene, run) for run in islice(_shown(scene, _latest(scene)), LATEST)],
        "decisions": [decision_object(row) for row in _decided(scene)[:LATEST] if scene.shows(row.job_name)],
        "jobs": len(scene.overview.names),
    }
