"""The page of a day: what failed then, and its latest runs.

Owns what is shown there. As many days have a page as a month has; what is older is in the histories of the jobs. Must
not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

from dsari_like.report import days, names, views
from dsari_like.report.scene import Scene
from dsari_like.report.views import Day, Head
from dsari_like.store.reader import RunRow

KEPT, FAILURES, RUNS = 31, 50, 50


@dataclass(frozen=True, slots=True)
class DayView:
    """The page of a day. `is_cut` when there were more runs than are listed."""

    title: str
    failures: tuple[Day, ...]
    runs: tuple[Day, ...]
    is_cut: bool


def kept(now: float, zone: tzinfo) -> range:
    """The days that may have a page."""
    today = days.day_of(now, zone)
    return range(today - KEPT + 1, today + 1)


def day_page(scene: Scene, day: int) -> tuple[Head, DayView, dict[str, Any]]:
    """The page of a day."""
    page = names.day_page(days.key(day))
    root = names.root_of(page)
    runs = list(_shown(scene, *_ends(scene, day)))
    failed = list(_failed(scene, *_ends(scene, day)))
    view = DayView(
        days.title(day), views.days(scene, root, failed), views.days(scene, root, runs[:RUNS]), len(runs) > RUNS
    )
    return views.head(scene, page, view.title, "bad" if failed else ""), view, {}


def day_in(name: str) -> int | None:
    """The day whose page has this name; None for another file."""
    try:
        return date.fromisoformat(name.removesuffix(".gz").removesuffix(".html")).toordinal()
    except ValueError:
        return None


def _ends(scene: Scene, day: int) -> tuple[float, float]:
    return days.begin_of(day, scene.zone), days.begin_of(day + 1, scene.zone)


def _shown(scene: Scene, begin: float, end: float) -> Iterator[RunRow]:
    """One more than is listed, so that it is known whether there are more."""
    rows = scene.reader.runs(since=begin, until=end, limit=RUNS + 1)
    return (row for row in rows if row.is_sound and scene.shows(row.job_name))


def _failed(scene: Scene, begin: float, end: float) -> Iterator[RunRow]:
    for run_id in scene.reader.failed_between(begin, end, FAILURES):
        row = scene.reader.run(run_id)
        if row is not None and row.is_sound and scene.shows(row.job_name):
            yield row
