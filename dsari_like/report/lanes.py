"""Timelines: the runs of a job as bars along a stretch of time, and how many ran at once.

Owns geometry. Lengths along time are parts of the width, so that a lane is as legible on a phone as on a wall; heights
are pixels. A failed run is taller than the others and carries a flag, one that was cancelled is hollow, a wait is a
thin line before its run. Must not know which runs are shown, or where a run's page is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup, escape

from dsari_like.report import moments
from dsari_like.report.days import Window
from dsari_like.store.reader import BarRow

#: Up to so many runs in a lane each is a link of its own; of more, only those that need somebody.
LINKED = 40
_LEVEL, _LEVELS = 16, 4
_STEPS = 500  # columns in which runs at once are counted
_CLASSES = {"completed": "c", "failed": "f", "timed_out": "f", "cancelled": "x", "running": "r", "warning": "o"}


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of the axis; `minor` ones are left out where there is little room."""

    text: str
    minor: bool


def lane(bars: Sequence[BarRow], window: Window, url_of: Callable[[BarRow], str], zone: tzinfo) -> Markup:
    """The bars of one job in this time, stacked where they overlap; of very many, what is plain becomes one shape."""
    plain: list[BarRow] = []
    single = list(bars)
    if len(bars) > LINKED:
        plain = [bar for bar in bars if bar.status == "completed"]
        single = [bar for bar in bars if bar.status != "completed"]
    single.sort(key=lambda bar: (bar.due, bar.run_id))
    single = single[-LINKED:]
    levels = [0] * len(single) if plain else _levels(single)
    height = _LEVEL * (max(levels, default=0) + 1)
    linked = "".join(_link(bar, level, window, url_of(bar), zone) for bar, level in zip(single, levels, strict=True))
    return Markup(
        f'<svg class="lane" width="100%" height="{height}" role="group" aria-label="{_count(bars)}">'
        f"{_together(plain, window)}{linked}</svg>"
    )


def at_once(bars: Iterable[BarRow], window: Window) -> tuple[Markup, int]:
    """How many ran at the same time, as a skyline, and the most there were."""
    columns = _columns(bars, window)
    most = max(columns, default=0)
    if most < 2:
        return Markup(""), most
    path, before = [f"M0 {most}"], 0
    for place, level in enumerate(columns):
        if level != before:
            path.append(f"H{place}V{most - level}")
            before = level
    drawn = "".join(path) + f"H{_STEPS}V{most}z"
    return Markup(
        f'<svg class="once" viewBox="0 0 {_STEPS} {most}" preserveAspectRatio="none" width="100%" height="28"'
        f' role="img" aria-label="Up to {most} at once"><path d="{drawn}"/></svg>'
    ), most


def hours(window: Window, zone: tzinfo, every: int = 3) -> tuple[Tick, ...]:
    """The labels of a stretch of hours, as the clock on the wall shows them."""
    count = round(window.seconds / 3600)
    times = [window.begin + 3600 * hour for hour in range(0, count, every)]
    return tuple(Tick(f"{moments.at(time, zone):%H:%M}", place % 2 == 1) for place, time in enumerate(times))


def _levels(bars: Iterable[BarRow]) -> list[int]:
    """The first level on which each bar overlaps none before it; the last one takes what is left."""
    free: list[float] = []
    found = []
    for bar in bars:
        begin, end = bar.due, float("inf") if bar.stop_time is None else bar.stop_time
        level = next((place for place, until in enumerate(free) if until <= begin), len(free))
        level = min(level, _LEVELS - 1)
        if level == len(free):
            free.append(end)
        free[level] = max(free[level], end)
        found.append(level)
    return found


def _part(time: float | None, window: Window) -> float:
    """A place along the width, from 0 to 1."""
    return 1.0 if time is None else min(1.0, max(0.0, (time - window.begin) / window.seconds))


def _together(bars: Sequence[BarRow], window: Window) -> str:
    """Many bars as one path; what touches becomes one piece."""
    if not bars:
        return ""
    begin, scale = window.begin, 1000 / window.seconds
    pieces = {
        (int((bar.start_time - begin) * scale), int((bar.stop_time - begin) * scale))
        for bar in bars
        if bar.start_time is not None and bar.stop_time is not None
    }
    path, left, right = [], -1, -1
    for first, last in sorted(pieces):
        if first > right:
            path.append(_box(left, right))
            left, right = max(0, first), min(1000, max(last, first + 1))
        else:
            right = min(1000, max(right, last))
    path.append(_box(left, right))
    return (
        f'<svg viewBox="0 0 1000 {_LEVEL}" preserveAspectRatio="none" width="100%" height="{_LEVEL}">'
        f'<path class="c" d="{"".join(path)}"/></svg>'
    )


def _box(left: int, right: int) -> str:
    return "" if right < 0 else f"M{left} 4h{max(1, right - left)}v8H{left}z"


def _link(bar: BarRow, level: int, window: Window, url: str, zone: tzinfo) -> str:
    kind, top = _CLASSES.get(bar.status, "w"), level * _LEVEL
    due, begin, end = (_part(time, window) * 100 for time in (bar.due, bar.start_time, bar.stop_time))
    shape = _bar("w", due, begin, top + 7, 2) if begin - due > 0.2 else ""
    if kind == "f":
        shape += _bar("f", begin, end, top + 1, 14)
        shape += (
            f'<svg x="{begin:.2f}%" y="{top + 1}" overflow="visible"><path class="f" d="M0 0h8l-3 3 3 3H0z"/></svg>'
        )
    elif kind != "w":
        shape += _bar(kind, begin, end, top + 4, 8)
    words = escape(_words(bar, zone))
    return f'<a href="{escape(url)}" tabindex="-1" aria-label="{words}"><title>{words}</title>{shape}</a>'


def _bar(kind: str, begin: float, end: float, top: int, height: int) -> str:
    width = max(0.08, end - begin)  # one that has none is not drawn, and the shortest run has been there too
    return f'<rect class="{kind}" x="{begin:.2f}%" y="{top}" width="{width:.2f}%" height="{height}"/>'


def _words(bar: BarRow, zone: tzinfo) -> str:
    label = f"run {bar.number}" if bar.number is not None else "a run"
    status = bar.status.replace("_", " ")
    if bar.start_time is None:
        return f"{label}, {status} since {moments.weekday(bar.due, zone)}"
    took = f", {moments.duration(max(0.0, bar.stop_time - bar.start_time))}" if bar.stop_time is not None else ""
    wait = bar.start_time - bar.due
    waited = f", after waiting {moments.duration(wait)}" if wait >= 1 else ""
    return f"{label}, {status}, {moments.weekday(bar.start_time, zone)}{took}{waited}"


def _count(bars: Sequence[BarRow]) -> str:
    failed = sum(bar.status in ("failed", "timed_out") for bar in bars)
    return f"{len(bars)} run{'s' * (len(bars) != 1)}" + (f", {failed} failed" if failed else "")


def _columns(bars: Iterable[BarRow], window: Window) -> list[int]:
    """The most that ran at once in each column."""
    known = [bar for bar in bars if bar.start_time is not None]
    begins = sorted(bar.start_time or 0.0 for bar in known)
    ends = sorted(max(bar.start_time or 0.0, bar.stop_time) for bar in known if bar.stop_time is not None)
    begin, width = window.begin, window.seconds / _STEPS
    edges = (begin + place * width for place in range(_STEPS))
    columns = [bisect_right(begins, edge) - bisect_right(ends, edge) for edge in edges]
    ended, scale, last = 0, 1 / width, _STEPS - 1
    for count, time in enumerate(begins, 1):  # more may run within a column than at its edge, from a beginning on
        while ended < len(ends) and ends[ended] <= time:
            ended += 1
        place = int((time - begin) * scale)
        if 0 <= place <= last and count - ended > columns[place]:
            columns[place] = count - ended
    return columns
