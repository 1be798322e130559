"""Small drawings, as SVG inside the page.

Owns geometry. Colours are classes of the style sheet, and nothing is told by colour alone: a failed run has another
shape. Must not know where a run's page is; links come with the points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from markupsafe import Markup, escape

from dsari_like.report.moments import duration

WIDTH, HEIGHT = 640, 120
_TOP, _BOTTOM, _LEFT = 10, 104, 4
_STEP = 12.6


@dataclass(frozen=True, slots=True)
class Point:
    """One run in a trend: how long it took, how it ended, where its page is, and what is said when pointed at."""

    seconds: float
    status: str
    url: str
    words: str


def trend(points: Sequence[Point]) -> Markup:
    """Durations of the latest runs, oldest at the left; the usual range of the completed ones lies behind them."""
    if len(points) < 2:
        return Markup("")
    most = max(point.seconds for point in points) or 1.0
    offset = WIDTH - _STEP * len(points)
    bars = "".join(_bar(point, offset + _STEP * place, most) for place, point in enumerate(points))
    label = f"Durations of the latest {len(points)} runs that ended; the longest took {duration(most)}"
    return Markup(
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{_usual(points, most)}"
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{_BOTTOM + 0.5}" y2="{_BOTTOM + 0.5}"/>{bars}'
        f'<text x="0" y="{_TOP - 1}">{escape(duration(most))}</text></svg>'
    )


def _bar(point: Point, x: float, most: float) -> str:
    top = _height(point.seconds, most)
    title = f"<title>{escape(point.words)}</title>"
    shape = f'<rect x="{x:.1f}" y="{top:.1f}" width="9" height="{_BOTTOM - top:.1f}" rx="1.5"/>'
    if point.status == "failed":
        shape += f'<path d="m{x + 1.5:.1f} {_BOTTOM + 6}l6 6m0-6l-6 6"/>'
    return f'<a href="{escape(point.url)}" class="bar {escape(point.status)}">{title}{shape}</a>'


def _usual(points: Sequence[Point], most: float) -> str:
    """The middle half of the durations, or nothing where there are too few to speak of a habit."""
    good = [point.seconds for point in points if point.status == "completed"]
    if len(good) < 8:
        return ""
    low, _, high = quantiles(good, n=4)
    top, bottom = _height(high, most), _height(low, most)
    return f'<rect class="usual" x="0" y="{top:.1f}" width="{WIDTH}" height="{max(bottom - top, 1.5):.1f}"/>'


def _height(seconds: float, most: float) -> float:
    return _BOTTOM - max(2.0, (_BOTTOM - _TOP) * seconds / most)


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
