"""Rows as columns of text: as wide as they need to be in a pipe, no wider than the screen on a terminal.

Owns alignment, cutting and colour. Text from outside is made inert here: no cell can start a line, move a cursor or
change the direction of writing. Must not know what a row is about.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

GAP = "  "
_COLOURS = {"good": "32", "bad": "31", "busy": "36", "waiting": "33", "quiet": "2"}
_TONES = {
    "completed": "good",
    "failed": "bad",
    "warning": "bad",
    "timed_out": "bad",
    "running": "busy",
    "cancelled": "quiet",
    "disabled": "quiet",
    "idle": "quiet",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how narrow the column may become; 0 is never narrower than what it holds."""

    name: str
    least: int = 0
    right: bool = False
    tone: Callable[[str], str] | None = None
    mark: str = "…"  # what shows that a cell was cut; nothing for ids, whose beginning is enough for every command


def state_column(name: str = "state") -> Column:
    """A column of state words, coloured on a terminal; the word is always there."""
    return Column(name, tone=tone_of)


def tone_of(state: str) -> str:
    """What a state is to the eye; every state that waits looks alike."""
    word = state.strip().replace(" ", "_")
    return _TONES.get(word, "waiting" if word.isidentifier() else "")


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """The table on standard output."""
    for line in layout(columns, rows, screen_width(), in_colour()):
        print(line)


def layout(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None, colour: bool = False
) -> Iterator[str]:
    """The lines of a table, its headings first. `width` None is a pipe: nothing is cut."""
    cells = [[visible(cell) for cell in row] for row in rows]
    lists = zip(*([column.name for column in columns], *cells), strict=True)
    widths = _fitted([max(map(width_of, cells)) for cells in lists], columns, width)
    shown = columns[: len(widths)]
    yield _line([column.name.upper() for column in shown], shown, widths, False)
    for row in cells:
        yield _line(row[: len(widths)], shown, widths, colour)


def visible(text: str) -> str:
    """The text with everything a terminal would obey, or hide, spelled out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def width_of(text: str) -> int:
    """How many places the text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int, mark: str = "…") -> str:
    """As much of the text as fits, with a mark where something is missing."""
    if width_of(text) <= width:
        return text
    while text and width_of(text) + len(mark) > width:
        text = text[:-1]
    return text + mark


def screen_width() -> int | None:
    """The width of the terminal; None when the output goes elsewhere."""
    return max(20, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def in_colour() -> bool:
    """True on a terminal that can, for a person who did not say otherwise (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "", "dumb")


def painted(text: str, tone: str) -> str:
    """The text in a colour."""
    return f"\x1b[{_COLOURS[tone]}m{text}\x1b[0m" if tone else text


def _fitted(widths: list[int], columns: Sequence[Column], width: int | None) -> list[int]:
    """Narrow what may be narrowed, always what has most to spare; then leave out columns from the right."""
    if width is None:
        return widths
    while _total(widths) > width:
        spare = [(widths[i] - column.least, i) for i, column in enumerate(columns[: len(widths)]) if column.least]
        most, place = max(spare, default=(0, 0))
        if most > 0:
            widths[place] -= 1
        elif len(widths) > 1:
            widths.pop()
        else:
            return [width]
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], colour: bool) -> str:
    parts = [_cell(*one, colour) for one in zip(cells, columns, widths, strict=True)]
    return GAP.join(parts).rstrip()


def _cell(text: str, column: Column, width: int, colour: bool) -> str:
    text = cut(text, width, column.mark)
    blank = " " * (width - width_of(text))
    shown = painted(text, column.tone(text)) if colour and column.tone else text
    return blank + shown if column.right else shown + blank
