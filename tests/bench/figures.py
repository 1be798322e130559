"""Figures: what was measured, against which floor, whether the target is reached, and how a table of them looks.

Owns the arithmetic and the words of the table. Must not know how anything is measured.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `at_most` and `at_least` bound the ratio to the floor, or the value itself when there is no floor.
    A row without either is there to be read."""

    name: str
    unit: str
    ours: float
    floor: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours in floors."""
        return self.ours / self.floor if self.floor else None

    @property
    def reached(self) -> bool | None:
        """Is the target reached? None when there is none."""
        value = self.ours if self.floor is None else self.ratio
        if value is None or (self.at_most is None and self.at_least is None):
            return None
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def as_json(self) -> dict[str, object]:
        """Every field, and what follows from them."""
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed (nearest rank: a value that was measured)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def middle(rounds: Sequence[Sequence[Figure]]) -> list[Figure]:
    """Of each row the one whose ratio (or value) is the median of all rounds; ours and floor stay of one round."""
    rows = ([figures[place] for figures in rounds] for place in range(len(rounds[0])))
    return [_median_by(row, lambda figure: figure.ratio or figure.ours) for row in rows]


def _median_by(figures: Sequence[Figure], value: Callable[[Figure], float]) -> Figure:
    wanted = statistics.median_low(value(figure) for figure in figures)
    return next(figure for figure in figures if value(figure) == wanted)


def table(figures: Sequence[Figure]) -> str:
    """The rows under a head, columns aligned."""
    rows = [("figure", "ours", "floor", "ratio", "target", "reached", ""), *map(_cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        f"{figure.ours:.4g} {figure.unit}",
        "" if figure.floor is None else f"{figure.floor:.4g}",
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        _target(figure),
        {None: "", True: "yes", False: "MISSED"}[figure.reached],
        figure.note,
    )


def _target(figure: Figure) -> str:
    cross = "" if figure.floor is None else "x"
    if figure.at_most is not None:
        return f"<= {figure.at_most:g}{cross}"
    return "" if figure.at_least is None else f">= {figure.at_least:g}{cross}"
