"""The table of states as a picture: a line for each state, an arrow for each change, in text and as SVG.

Owns the drawing. What is drawn is `lifecycle.TRANSITIONS`, so a picture cannot come to differ from what is done. Must
not know what the states mean, or where the picture is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from dsari_like.core.lifecycle import FINAL, TRANSITIONS, RunState
from dsari_like.report import names, views
from dsari_like.report.scene import Scene

_ROW, _COLUMN, _LEFT, _TOP = 30, 26, 132, 24


@dataclass(frozen=True, slots=True)
class Move:
    """One change: its number in the table, from where, on what, to where."""

    number: int
    before: str
    event: str
    after: str


@dataclass(frozen=True, slots=True)
class StatesView:
    """What the page shows."""

    chart: Markup
    moves: tuple[Move, ...]
    final: tuple[str, ...]


def moves() -> tuple[Move, ...]:
    """All changes, by the state they begin with."""
    listed = enumerate(TRANSITIONS.items(), start=1)
    return tuple(Move(number, before.value, event.value, after.value) for number, ((before, event), after) in listed)


def text() -> list[str]:
    """The picture in plain characters: `o` is where an arrow begins, `^` or `v` where it ends. The numbers above are
    those of the table."""
    rows = [state.value for state in RunState]
    width = max(map(len, rows)) + 1
    tens = "".join(f" {move.number // 10 or ' '}" for move in moves())
    ones = "".join(f" {move.number % 10}" for move in moves())
    lines = [f"{row:{width}}" + "".join("-" + _mark(move, row, rows) for move in moves()) for row in rows]
    return [" " * width + tens, " " * width + ones, *lines]


def _mark(move: Move, row: str, rows: list[str]) -> str:
    here, first, last = rows.index(row), rows.index(move.before), rows.index(move.after)
    if here == first:
        return "o"
    if here == last:
        return "v" if last > first else "^"
    return "|" if min(first, last) < here < max(first, last) else "-"


def chart() -> Markup:
    """The picture as SVG; each arrow tells its change when pointed at, and the table beside it tells all."""
    rows = [state.value for state in RunState]
    width, height = _LEFT + _COLUMN * (len(moves()) + 1), _TOP + _ROW * len(rows)
    lines = "".join(_line(row, place, width) for place, row in enumerate(rows))
    arrows = "".join(_arrow(move, rows) for move in moves())
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        f' aria-label="The states of a run and the changes between them" fill="none" stroke="currentColor">'
        f"{lines}{arrows}</svg>"
    )


def _line(row: str, place: int, width: int) -> str:
    y = _TOP + _ROW * place + _ROW // 2
    weight = 2 if RunState(row) in FINAL else 1
    return (
        f'<text x="0" y="{y + 4}" font-size="13" fill="currentColor" stroke="none">{escape(row)}</text>'
        f'<path d="M{_LEFT} {y}H{width}" stroke-width="{weight}" stroke-opacity="0.35"/>'
    )


def _arrow(move: Move, rows: list[str]) -> str:
    x = _LEFT + _COLUMN * move.number
    first, last = (_TOP + _ROW * rows.index(state) + _ROW // 2 for state in (move.before, move.after))
    way = 1 if last > first else -1
    words, plain = f"{move.number}. {move.before}, {move.event}: {move.after}", 'fill="currentColor" stroke="none"'
    return (
        f'<g><title>{escape(words)}</title><path d="M{x} {first}V{last - way * 2}" stroke-width="1.5"/>'
        f'<circle cx="{x}" cy="{first}" r="3.5" {plain}/>'
        f'<path d="M{x - 4} {last - way * 8}L{x} {last - way}L{x + 4} {last - way * 8}" stroke-width="1.5"/>'
        f'<text x="{x}" y="14" font-size="11" text-anchor="middle" {plain}>{move.number}</text>'
        "</g>"
    )


def states_page(scene: Scene, now: float) -> tuple[views.Head, StatesView, dict[str, Any]]:
    """The page. It is the same whatever happens."""
    final = tuple(state.value for state in RunState if state in FINAL)
    head = views.head(scene, names.STATES, "States of a run", "")
    return head, StatesView(chart(), moves(), final), {}
