"""The page of search, and the index it loads: a script for each list of jobs and for each page of a history.

Owns what can be found: jobs, descriptions, runs, what triggered them, what they said, why they failed. The index is cut
along the pages it leads to, so that it changes with them and not as a whole. Must not know how it is searched; that is
`search.js`.

A script may be loaded by a page that was opened from a disk where a fetch may not, and `script-src 'self'` of a policy
in a meta tag matches there in Chromium and Firefox (tested in Chromium); a hash would have to be that of every file of
the index, and a nonce that never changes is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from dsari_like.core.lifecycle import RunState
from dsari_like.report import day, days, moments, names, timeline, views, words
from dsari_like.report.overview import time_of
from dsari_like.report.scene import Scene
from dsari_like.report.timeline import DayLink
from dsari_like.report.views import SCRIPT_POLICY, Head
from dsari_like.store.reader import RunRow

_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class SearchView:
    """The page of search; what it has for those without scripts."""

    lists: int
    states: tuple[str, ...]
    days: tuple[DayLink, ...]
    jobs: tuple[DayLink, ...]
    more_jobs: int


def search_page(scene: Scene, now: float) -> tuple[Head, SearchView, dict[str, Any]]:
    """The page."""
    here = scene.overview.names[: names.JOBS_A_PAGE]
    links = ((number, timeline.day_url(scene, "", number)) for number in reversed(day.kept(now, scene.zone)))
    view = SearchView(
        lists=names.jobs_page_count(len(scene.overview.names)),
        states=tuple(state.value for state in RunState),
        days=tuple(DayLink(days.short(number), url) for number, url in links if url),
        jobs=tuple(DayLink(name, names.link("", names.job_page(name))) for name in here),
        more_jobs=len(scene.overview.names) - len(here),
    )
    return views.head(scene, names.SEARCH, "Search", "", policy=SCRIPT_POLICY), view, {}


def jobs_index(scene: Scene, number: int) -> str:
    """The jobs of one page of their list."""
    first = (number - 1) * names.JOBS_A_PAGE
    lines = [_job(scene, name) for name in scene.overview.names[first : first + names.JOBS_A_PAGE]]
    return f"dsariLike.jobs([\n{_joined(lines)}\n]);\n"


def runs_index(scene: Scene, page: str, rows: Iterable[RunRow]) -> str:
    """The runs of one page of a history, the newest first."""
    lines = [
        scene.memo.of(("found", row.run_id, row.revision), partial(_run_line, scene, row))
        for row in rows
        if row.is_sound
    ]
    url = names.link("", names.search_twin_of(page))
    return f"dsariLike.runs({json.dumps(url)}, [\n{_joined(lines[::-1])}\n]);\n"


def _job(scene: Scene, name: str) -> str:
    standing, job = scene.overview.of(name), scene.configuration.jobs.get(name)
    newest, oldest = scene.reader.newest_number(name), scene.reader.oldest_number(name)
    why = standing.failed_reason if standing.is_failing else ""
    about = " · ".join(filter(None, (job.description if job else "", why)))
    return _line(
        (
            name,
            names.link("", names.job_directory(name)) + "/",
            standing.status,
            views.tone_of(standing.status),
            words.state_word(standing.status) if standing.status else "never ran",
            words.shortened(about, _MOST_TEXT),
            names.history_number(oldest) if oldest else 0,
            names.history_number(newest) if newest else 0,
        )
    )


def _run_line(scene: Scene, row: RunRow) -> str:
    return _line(_run(scene, row))


def _run(scene: Scene, run: RunRow) -> tuple[Any, ...]:
    return (
        run.number,
        quote(names.directory_of(run.run_id), safe="-_.~"),
        run.status,
        views.tone_of(run.status),
        words.state_word(run.status),
        f"{moments.at(time_of(run), scene.zone):%Y-%m-%d %H:%M:%S}",
        words.shortened(" · ".join(filter(None, _told(scene, run)))),
        words.shortened(" ".join(_more(run)), _MOST_TEXT),
    )


def _told(scene: Scene, run: RunRow) -> Iterable[str]:
    """What is shown of a run that was found: the trouble first."""
    if run.status in ("failed", "cancelled"):
        yield words.reason_short(run)
    if run.status == "failed" and run.start_time is not None:
        yield scene.said(run.job_name, run.run_id)
    yield from (run.message, words.description_of(run), words.trigger_word(run))


def _more(run: RunRow) -> Iterable[str]:
    """What it is found by as well: what the trigger set, and who dropped it."""
    yield from (f"{name}={value}" for name, value in sorted(run.variables.items()))
    yield from (str(run.came_from[key]) for key in ("user", "file") if run.came_from.get(key))


def _line(values: tuple[Any, ...]) -> str:
    # ASCII: what JSON allows in a text and a script does not cannot occur then.
    return json.dumps(values, ensure_ascii=True)


def _joined(lines: Iterable[str]) -> str:
    return ",\n".join(lines)
