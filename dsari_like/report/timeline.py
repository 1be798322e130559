"""The timeline: all jobs along the last day and the last week, a lane for each.

Owns which lanes are shown and in which order: those that failed first, for they are looked for. Must not know how it
looks. Lanes are remembered as long as nothing on them changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from dsari_like.report import days, lanes, names, views
from dsari_like.report.days import Window
from dsari_like.report.lanes import Tick
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import Ready, line
from dsari_like.report.views import Head, Time
from dsari_like.store.reader import BarRow

HOURS, ROWS, FRONT_ROWS = 24, 60, 12


@dataclass(frozen=True, slots=True)
class Row:
    """A job and its lanes: one for a stretch of hours, seven for a week."""

    job: str
    url: str
    lanes: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class DayChart:
    """The last hours of all jobs; `once` is the skyline of how many ran at once."""

    begin: Time
    end: Time
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    more: int
    once: Markup
    most: int


@dataclass(frozen=True, slots=True)
class DayLink:
    """A day, with its page if anything ran then."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class TimelineView:
    """The page of the timeline."""

    day: DayChart
    week: tuple[DayLink, ...]
    rows: tuple[Row, ...]
    more: int
    cut_before: Time | None


def timeline_page(scene: Scene, now: float) -> tuple[Head, TimelineView, dict[str, Any]]:
    """The page, and its twin."""
    week = days.week_of(now, scene.zone)
    windows = [_window(scene, day) for day in week]
    whole = Window(windows[0].begin, windows[-1].end)
    rows, more = _rows(scene, whole, windows, ROWS)
    cut = scene.recent.cut_before
    view = TimelineView(
        day=day_chart(scene, now, ROWS),
        week=tuple(DayLink(days.short(day), day_url(scene, "", day)) for day in week),
        rows=rows,
        more=more,
        cut_before=views.time(scene, cut) if cut is not None and cut > whole.begin else None,
    )
    head = views.head(scene, names.TIMELINE, "Timeline", "", bool(scene.reader.open_counts().get("running")))
    return head, view, _twin(scene, view.day, days.last_hours(now, HOURS))


def day_chart(scene: Scene, now: float, most_rows: int) -> DayChart:
    """The last hours, as the front page shows them too."""
    window = days.last_hours(now, HOURS)
    found = scene.memo.of(("day", window, scene.recent.changes), lambda: _rows(scene, window, [window], ROWS))
    rows, more = found[0][:most_rows], found[1] + max(0, len(found[0]) - most_rows)
    once, most = scene.memo.of(("once", window, scene.recent.changes), lambda: _at_once(scene, window))
    return DayChart(
        views.coming(scene, window.begin),
        views.coming(scene, window.end),
        lanes.hours(window, scene.zone),
        rows,
        more,
        once,
        most,
    )


def _at_once(scene: Scene, window: Window) -> tuple[Markup, int]:
    return lanes.at_once((bar for job in scene.recent.jobs(window) for bar in scene.recent.bars(job, window)), window)


def day_url(scene: Scene, root: str, day: int) -> str:
    """The page of a day; empty when nothing ran then."""
    return names.link(root, names.day_page(days.key(day))) if has_runs(scene, day) else ""


def has_runs(scene: Scene, day: int) -> bool:
    """Whether any run was queued on that day. Once it is so it stays so, as long as nothing is removed."""
    known: set[int] = scene.memo.of("days with runs", set)
    if day not in known:
        window = _window(scene, day)
        if not scene.reader.any_between(window.begin, window.end):
            return False
        known.add(day)
    return True


def _window(scene: Scene, day: int) -> Window:
    return Window(days.begin_of(day, scene.zone), days.begin_of(day + 1, scene.zone))


def _rows(scene: Scene, whole: Window, windows: list[Window], most: int) -> tuple[tuple[Row, ...], int]:
    """The first so many jobs that have a run in this time, and how many more there may be."""
    jobs = scene.recent.jobs(whole)
    rows: list[Row] = []
    looked_at = 0
    for job in jobs:
        if len(rows) == most:
            break
        looked_at += 1
        key = ("row", job, whole, len(windows), scene.recent.version(job, whole))
        row = scene.memo.of(key, partial(_row, scene, job, windows))
        if any(row.lanes):
            rows.append(row)
    return tuple(rows), len(jobs) - looked_at


def _row(scene: Scene, job: str, windows: list[Window]) -> Row:
    return Row(job, names.link("", names.job_page(job)), tuple(_lane(scene, job, window) for window in windows))


def _lane(scene: Scene, job: str, window: Window) -> Markup:
    """The lane of a job, empty when nothing is on it."""

    def draw() -> Markup:
        bars = scene.recent.bars(job, window)
        return lanes.lane(bars, window, _url_of, scene.zone) if bars else Markup("")

    return scene.memo.of(("lane", job, window, scene.recent.version(job, window)), draw)


def _url_of(bar: BarRow) -> str:
    return names.link("", names.run_page(bar.job_name, bar.run_id))


def _latest(bars: list[BarRow]) -> list[BarRow]:
    return sorted(bars, key=lambda bar: (bar.due, bar.run_id))[-lanes.LINKED :]


def _twin(scene: Scene, chart: DayChart, window: Window) -> dict[str, Any]:
    return {
        "begin": chart.begin.iso,
        "end": chart.end.iso,
        "at_once": chart.most,
        "jobs": [_twin_of(scene, row.job, window) for row in chart.rows],
    }


def _twin_of(scene: Scene, job: str, window: Window) -> Ready:
    def write() -> Ready:
        bars = _latest(scene.recent.bars(job, window))
        runs = [[bar.run_id, bar.status, bar.due, bar.start_time, bar.stop_time] for bar in bars]
        return Ready(line({"job_name": job, "runs": runs}))

    return scene.memo.of(("bars", job, window, scene.recent.version(job, window)), write)
