"""How a job has been doing: how often it completes, how long it takes and waits, and on which days it failed.

Owns the figures and their words. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from markupsafe import Markup

from dsari_like.report import charts, days, heat, moments, names, timeline, views
from dsari_like.report.failures import range_words, slow_words
from dsari_like.report.overview import Standing
from dsari_like.report.scene import Scene
from dsari_like.report.views import Time
from dsari_like.store.reader import RunRow


@dataclass(frozen=True, slots=True)
class Milestone:
    """The last run of a kind: the last good one, the last failed one."""

    url: str
    time: Time
    text: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """The part of a job's page that tells how it has been doing."""

    good: Milestone | None
    failed: Milestone | None
    recovered: Milestone | None
    usual: str
    slow: str
    success: str
    waits: str
    trend: Markup
    longest: str
    calendar: Markup


def record(scene: Scene, root: str, name: str, rows: Sequence[RunRow], now: float) -> RecordView:
    """From a job's latest runs, newest first, and what is kept of the others."""
    standing = scene.overview.of(name)
    points = _points(scene, root, rows)
    return RecordView(
        good=_milestone(scene, root, name, standing.good_run_id, standing.good_time, ""),
        failed=_milestone(scene, root, name, standing.failed_run_id, standing.failed_time, standing.failed_reason),
        recovered=_recovered(scene, root, standing),
        usual=_usual(standing),
        slow=slow_words(standing.habit),
        success=_success(rows),
        waits=_waits(rows),
        trend=charts.trend(points, standing.habit.usual),
        longest=moments.duration(max((point.seconds for point in points), default=0.0)),
        calendar=_calendar(scene, root, name, now),
    )


def _usual(standing: Standing) -> str:
    if standing.usual is None:
        return ""
    usual = standing.habit.usual
    return moments.duration(standing.usual) + (f", mostly {range_words(usual)}" if usual else "")


def _recovered(scene: Scene, root: str, standing: Standing) -> Milestone | None:
    turned = standing.habit.turned
    if turned is None or standing.is_failing:
        return None
    return _milestone(scene, root, standing.name, turned.run_id, turned.stop_time, "")


def _waits(rows: Iterable[RunRow]) -> str:
    """Only waits that are worth a word: everything waits a few milliseconds."""
    waits = [row.waited for row in rows if row.waited is not None]
    if not waits or max(waits) < 1:
        return ""
    return f"{moments.duration(median(waits))} in the middle, {moments.duration(max(waits))} at most"


def _daily(scene: Scene, name: str, first: int, last: int) -> list[tuple[int, int]]:
    """No count is above what a byte holds."""
    return scene.reader.daily(name, days.ends(first, last, scene.zone))


def _calendar(scene: Scene, root: str, name: str, now: float) -> Markup:
    """Half a year of days; no earlier than the job's first run that is kept, so that nothing is asked in vain."""
    last = days.day_of(now, scene.zone)
    first = heat.first_day(last)
    key = ("daily", name, first, last)
    past = scene.past.of(key, lambda: bytes(chain.from_iterable(_daily(scene, name, first, last - 1))))
    counts = [*zip(past[::2], past[1::2], strict=True), *_daily(scene, name, last, last)]
    pages = {day for day in range(last - 30, last + 1) if any(counts[day - first])}
    url = lambda day: timeline.day_url(scene, root, day) if day in pages else ""  # noqa: E731
    return heat.calendar(first, counts, url)


def _milestone(scene: Scene, root: str, name: str, run_id: str, instant: float | None, text: str) -> Milestone | None:
    if instant is None:
        return None
    return Milestone(names.link(root, names.run_page(name, run_id)), views.time(scene, instant), text)


def _success(rows: Iterable[RunRow]) -> str:
    """How many of the latest runs did what they should."""
    verdicts = [row.status == "completed" for row in rows if row.status in ("completed", "failed")]
    good, count = sum(verdicts), len(verdicts)
    return f"{round(100 * good / count)} %: {good} of the latest {count} completed" if count else ""


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
