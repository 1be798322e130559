"""Small drawings, as SVG inside the page.

Owns geometry. Colours are classes of the style sheet, and nothing is told by colour alone: a failed run has another
shape. Must not know where a run's page is; links come with the points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup, escape

from dsari_like.report.habits import Range

HEIGHT = 130
_TOP, _BOTTOM = 8, 112
_FEWEST = 25  # places there are at least, so that two runs are no wall


@dataclass(frozen=True, slots=True)
class Point:
    """One run in a trend: how long it took, how it ended, where its page is, and what is said when pointed at."""

    seconds: float
    status: str
    url: str
    words: str


def trend(points: Sequence[Point], usual: Range | None) -> Markup:
    """Durations of the latest runs, oldest at the left; the usual range lies behind them. A run that took many times
    as long as the others is cut off, so that the others can be told apart."""
    if len(points) < 2:
        return Markup("")
    most = _most([point.seconds for point in points])
    step = 100 / max(len(points), _FEWEST)
    bars = "".join(_bar(point, 100 - step * (len(points) - place), step, most) for place, point in enumerate(points))
    label = f"Durations of the latest {len(points)} runs that ended"
    return Markup(
        f'<svg class="trend" width="100%" height="{HEIGHT}" role="group" aria-label="{label}">{_usual(usual, most)}'
        f'<line class="axis" x1="0" x2="100%" y1="{_BOTTOM + 0.5}" y2="{_BOTTOM + 0.5}"/>{bars}</svg>'
    )


def _most(seconds: Sequence[float]) -> float:
    """The duration at the upper edge."""
    return min(max(seconds), 4 * median(seconds)) or max(seconds) or 1.0


def _bar(point: Point, x: float, step: float, most: float) -> str:
    top = _height(point.seconds, most)
    words = escape(point.words)
    shape = f'<rect x="{x + step * 0.14:.2f}%" y="{top:.1f}" width="{step * 0.72:.2f}%" height="{_BOTTOM - top:.1f}"/>'
    middle = f"{x + step / 2:.2f}%"
    if point.status == "failed":
        shape += f'<svg x="{middle}" y="{_BOTTOM + 5}" overflow="visible"><path d="m-3.5 0l7 7m0-7l-7 7"/></svg>'
    if point.seconds > most:
        shape += f'<svg x="{middle}" y="0" overflow="visible"><path class="over" d="m-4 5l4-4 4 4"/></svg>'
    return (
        f'<a href="{escape(point.url)}" class="bar {escape(point.status)}" tabindex="-1" aria-label="{words}">'
        f"<title>{words}</title>{shape}</a>"
    )


def _usual(usual: Range | None, most: float) -> str:
    """What is usual for the job, or nothing where there are too few runs to speak of a habit."""
    if usual is None:
        return ""
    top, bottom = _height(min(usual.high, most), most), _height(usual.low, most)
    return f'<rect class="usual" x="0" y="{top:.1f}" width="100%" height="{max(bottom - top, 1.5):.1f}"/>'


def _height(seconds: float, most: float) -> float:
    return _BOTTOM - max(2.0, (_BOTTOM - _TOP) * min(seconds, most) / most)


@dataclass(frozen=True, slots=True)
class Column:
    """A day in a row of days."""

    title: str
    label: str
    count: int
    url: str


def columns(days: Sequence[Column]) -> Markup:
    """Counts of a row of days. Places are parts of the width, so that the words in it keep their size."""
    most, width = max((day.count for day in days), default=0), 100 / max(1, len(days))
    label = f"Failures on each of {len(days)} days, {sum(day.count for day in days)} in all"
    return Markup(
        f'<svg class="columns-chart" width="100%" height="{_COLUMNS}" role="group" aria-label="{label}">'
        f'<line class="axis" x1="0" x2="100%" y1="{_COLUMNS - 20.5}" y2="{_COLUMNS - 20.5}"/>'
        + "".join(_column(day, place, width, most) for place, day in enumerate(days))
        + "</svg>"
    )


_COLUMNS, _HEAD, _FOOT, _WEEK = 130, 16, 20, 7


def _column(day: Column, place: int, width: float, most: int) -> str:
    x, middle = place * width, (place + 0.5) * width
    height = max(3.0, (_COLUMNS - _HEAD - _FOOT) * day.count / most) if day.count else 0.0
    top = _COLUMNS - _FOOT - height
    words = f"{day.title}: {day.count} failed"
    shape = (
        f'<rect x="{x + width * 0.15:.2f}%" y="{top:.1f}" width="{width * 0.7:.2f}%" height="{height:.1f}"/>'
        f'<text x="{middle:.2f}%" y="{top - 4:.1f}">{day.count}</text>'
        if day.count
        else ""
    )
    shape = f"<title>{words}</title>{shape}"
    if day.url and day.count:
        shape = f'<a href="{escape(day.url)}" aria-label="{words}">{shape}</a>'
    name = f'<text x="{middle:.2f}%" y="{_COLUMNS - 5}">{day.label}</text>' if place % _WEEK == 2 else ""
    return shape + name


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a run's life in one state."""

    tone: str
    words: str
    seconds: float


def states(spans: Iterable[Span]) -> Markup:
    """The life of a run as one bar: the time in each state as a part of the whole; what is too short to be seen is
    left to the list beside it."""
    known = list(spans)
    total = sum(span.seconds for span in known)
    if total <= 0:
        return Markup("")
    drawn, x = [], 0.0
    for span in known:
        width = 100 * span.seconds / total
        height, top = (6, 5) if span.tone == "wait" else (16, 0)
        drawn.append(
            f'<rect class="{escape(span.tone)}" x="{x:.2f}%" y="{top}" width="{width:.2f}%" height="{height}">'
            f"<title>{escape(span.words)}</title></rect>"
        )
        x += width
    label = escape(", ".join(span.words for span in known))
    return Markup(
        f'<svg class="states" width="100%" height="16" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
    )
