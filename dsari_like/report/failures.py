"""The page of failures: how many on each day, and which jobs broke, were mended, fail now and then, or slow down.

Owns what is on each list and the words. What counts as unusual is measured in `habits.py`. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from dsari_like.report import charts, day, days, habits, moments, names, timeline, views
from dsari_like.report.front import failed
from dsari_like.report.overview import Standing
from dsari_like.report.scene import Scene
from dsari_like.report.stale import hidden
from dsari_like.report.views import Day, Head, Time
from dsari_like.store.reader import RunRow

LATEST, LISTED = 20, 30


@dataclass(frozen=True, slots=True)
class Entry:
    """A job on a list: since when it is so, the run that shows it, and what there is to say."""

    job: str
    url: str
    time: Time
    run_url: str
    run_word: str
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One of the lists."""

    key: str
    tone: str
    title: str
    about: str
    entries: tuple[Entry, ...]
    more: int


@dataclass(frozen=True, slots=True)
class FailuresView:
    """The page of failures."""

    by_day: Markup
    total: int
    listings: tuple[Listing, ...]
    latest: tuple[Day, ...]


def failures_page(scene: Scene, now: float) -> tuple[Head, FailuresView, dict[str, Any]]:
    """The page, and its twin."""
    kept = day.kept(now, scene.zone)
    ends = days.ends(kept[0], kept[-1], scene.zone)
    counts = scene.reader.daily_failures(ends, sorted(hidden(scene.configuration)))
    urls = tuple(timeline.day_url(scene, "", number) for number in kept)
    by_day = scene.memo.of(("columns", kept, tuple(counts), urls), lambda: _by_day(kept, counts, urls))
    listings = _listings(scene)
    view = FailuresView(by_day, sum(counts), listings, _latest(scene))
    tone = "bad" if scene.overview.failing() else "good"
    twin = {
        "by_day": {days.key(number): count for number, count in zip(kept, counts, strict=True) if count},
        **{listing.key: [entry.job for entry in listing.entries] for listing in listings},
    }
    return views.head(scene, names.FAILURES, "Failures", tone), view, twin


def _by_day(kept: range, counts: Sequence[int], urls: Sequence[str]) -> Markup:
    return charts.columns(
        [
            charts.Column(days.title(number), days.short(number), count, url)
            for number, count, url in zip(kept, counts, urls, strict=True)
        ]
    )


def _listings(scene: Scene) -> tuple[Listing, ...]:
    return (
        _listing(scene, habits.REGRESSED, "bad", "Broke", "completed before, and fails now", _broke),
        _listing(scene, habits.FLAKY, "odd", "On and off", "failed more than once among its latest runs", _flaky),
        _listing(scene, habits.SLOWER, "odd", "Slower than usual", "by the spread of its own durations", _slower),
        _listing(scene, habits.RECOVERED, "good", "Recovered", "failed, and completes again", _recovered),
    )


_Words = Callable[[Standing], tuple[str, str, float, str]]  # the run, what it is called, when, and the text


def _listing(scene: Scene, mark: str, tone: str, title: str, about: str, words: _Words) -> Listing:
    marked = scene.overview.marked(mark)
    found = (scene.memo.of((mark, standing), partial(_entry, scene, standing, words)) for standing in marked)
    entries = sorted(found, key=lambda it: (it.time.iso, it.job))
    return Listing(mark, tone, title, about, tuple(entries[::-1][:LISTED]), max(0, len(entries) - LISTED))


def _entry(scene: Scene, standing: Standing, words: _Words) -> Entry:
    run_id, word, instant, text = words(standing)
    name = standing.name
    url, run_url = names.link("", names.job_page(name)), names.link("", names.run_page(name, run_id))
    return Entry(name, url, views.time(scene, instant), run_url, word, text)


def _broke(standing: Standing) -> tuple[str, str, float, str]:
    turned = standing.habit.turned
    run_id, instant = (turned.run_id, turned.stop_time) if turned else (standing.failed_run_id, standing.time)
    return run_id, "the first failure", instant, f"{views.streak_words(standing)}: {standing.failed_reason}"


def _recovered(standing: Standing) -> tuple[str, str, float, str]:
    turned, before = standing.habit.turned, standing.habit.before
    run_id, instant = (turned.run_id, turned.stop_time) if turned else (standing.good_run_id, standing.time)
    return run_id, "the run that completed", instant, standing.failed_reason if before else ""


def _flaky(standing: Standing) -> tuple[str, str, float, str]:
    habit = standing.habit
    text = f"failed {habit.failed} of its latest {habit.looked_at} runs, at {habit.turns} separate times"
    return standing.failed_run_id, "the last failure", standing.failed_time or standing.time, text


def _slower(standing: Standing) -> tuple[str, str, float, str]:
    return standing.good_run_id, "the last run", standing.good_time or standing.time, slow_words(standing.habit)


def slow_words(habit: habits.Habit) -> str:
    """In which way it is slower; empty when it is not."""
    if habit.lately is not None and habit.earlier is not None:
        more = f", {round(100 * (habit.lately / habit.earlier - 1))} % more" if habit.earlier else ""
        lately, earlier = moments.duration(habit.lately), moments.duration(habit.earlier)
        return f"its latest runs take {lately}, those before took {earlier}{more}"
    if habit.is_slow and habit.usual is not None:
        return f"the last took {moments.duration(habit.latest)}, usual is {range_words(habit.usual)}"
    return ""


def range_words(usual: habits.Range) -> str:
    """`4 min 10 s to 5 min`."""
    low, high = moments.duration(usual.low), moments.duration(usual.high)
    return f"{low} to {high}" if low != high else low


def _latest(scene: Scene) -> tuple[Day, ...]:
    return views.days(scene, "", _shown(scene, failed(scene)))


def _shown(scene: Scene, rows: Iterable[RunRow]) -> list[RunRow]:
    return [row for row in rows if row.is_sound and scene.shows(row.job_name)][:LATEST]
