"""Steps and tasks as boxes with lines between them, as SVG inside the page.

Owns geometry. A box tells its state by a shape, a word and a colour, and everything about it when pointed at; what did
not run has a dashed edge. Sizes are pixels, so that words keep theirs: a wide graph scrolls in its frame. Must not know
what a flow is, or why a box is where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT, ACROSS, DOWN = 184, 46, 40, 14
_HEAD, _EDGE, _LETTERS, _SMALL = 26, 3, 18, 25

#: The shapes of the states, as in `parts.sign`.
_SIGNS = {
    "good": '<circle cx="8" cy="8" r="7"/><path class="mark" d="M4.6 8.3l2.4 2.4 4.5-5"/>',
    "bad": '<path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z"/>'
    '<path class="mark" d="M5.4 5.4l5.2 5.2m0-5.2l-5.2 5.2"/>',
    "odd": '<path d="M8 1.2L15.4 14.6H.6z"/><path class="mark" d="M8 6v4m0 1.6v1"/>',
    "live": '<circle class="ring" cx="8" cy="8" r="6.2"/><path d="M6.2 4.7v6.6L11.6 8z"/>',
    "wait": '<circle class="ring" cx="8" cy="8" r="6.2"/><path class="line" d="M8 4.4V8l2.4 1.8"/>',
    "still": '<circle class="ring" cx="8" cy="8" r="6.2"/><path class="line" d="M4.8 8h6.4"/>',
}


@dataclass(frozen=True, slots=True)
class Box:
    """A step or a task; without a tone where nothing is said of how it stands.

    `faint` when there is no run of it, `here` on the page of this very thing."""

    column: int
    row: int
    name: str
    word: str
    tone: str
    url: str = ""
    words: str = ""
    faint: bool = False
    here: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """From one box to another, by their places in the list of boxes; `faint` when nothing went that way."""

    start: int
    end: int
    faint: bool = False


def graph(label: str, boxes: Sequence[Box], lines: Iterable[Line], heads: Sequence[str] = ()) -> Markup:
    """The drawing; `heads` stand above the columns, which then follow one another as a whole."""
    if not boxes:
        return Markup("")
    columns = max([box.column for box in boxes] + [len(heads) - 1]) + 1
    rows, top = max(box.row for box in boxes) + 1, _HEAD if heads else 0
    width = columns * (WIDTH + ACROSS) - ACROSS + 2 * _EDGE
    height = top + rows * (HEIGHT + DOWN) - DOWN + 2 * _EDGE
    drawn = [_head(text, column) for column, text in enumerate(heads)]
    drawn += [_line(boxes[line.start], boxes[line.end], line.faint, top) for line in lines]
    drawn += [_box(box, top) for box in boxes]
    return Markup(
        f'<svg class="graph" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="group"'
        f' aria-label="{escape(plain(label))}">{"".join(drawn)}</svg>'
    )


def marks(parts: Iterable[tuple[str, str]]) -> Markup:
    """One small shape for each part of an execution, with what is said when it is pointed at."""
    found = list(parts)
    drawn = "".join(
        f'<svg class="state {escape(tone)}" x="{place * 18}" y="0" width="16" height="16" viewBox="0 0 16 16">'
        f'<title>{escape(plain(words))}</title><g class="sign">{_SIGNS.get(tone, _SIGNS["still"])}</g></svg>'
        for place, (tone, words) in enumerate(found)
    )
    label = escape(plain(", ".join(words for _, words in found)))
    width = 18 * len(found)
    return Markup(f'<svg class="marks" width="{width}" height="16" role="img" aria-label="{label}">{drawn}</svg>')


def plain(text: str) -> str:
    """Text for a drawing: what cannot be seen, or turns the direction of reading, is a blank box."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _head(text: str, column: int) -> str:
    x, name = column * (WIDTH + ACROSS) + _EDGE, escape(plain(_cut(text, _LETTERS + 4)))
    arrow = f'<path class="way" d="M{x - ACROSS + 8} 9h{ACROSS - 18}m-5 -4l5 4l-5 4"/>' if column else ""
    return f'{arrow}<text class="head" x="{x}" y="14">{name}</text>'


def _line(start: Box, end: Box, faint: bool, top: int) -> str:
    x1, y1 = _corner(start, top)
    x2, y2 = _corner(end, top)
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT // 2
    middle, kind = x1 + ACROSS // 2, "way faint" if faint else "way"
    bend = f"H{x2 - 3}" if y1 == y2 else f"H{middle}V{y2}H{x2 - 3}"
    return f'<path class="{kind}" d="M{x1} {y1}{bend}m-5 -4l5 4l-5 4"/>'


def _box(box: Box, top: int) -> str:
    x, y = _corner(box, top)
    kind = " ".join(filter(None, ("box", escape(box.tone), "faint" if box.faint else "", "here" if box.here else "")))
    left = x + (33 if box.tone else 12)
    words = escape(plain(box.words or f"{box.name}: {box.word}"))
    shape = (
        f'<title>{words}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>'
        f'{_sign(box, x, y)}<text class="name" x="{left}" y="{y + (20 if box.word else 28)}">'
        f"{escape(plain(_cut(box.name, _LETTERS)))}</text>"
        f'<text class="word" x="{left}" y="{y + 36}">{escape(plain(_cut(box.word, _SMALL)))}</text>'
    )
    if box.url:
        shape = f'<a href="{escape(box.url)}" aria-label="{words}">{shape}</a>'
    return f'<g class="{kind}">{shape}</g>'


def _sign(box: Box, x: int, y: int) -> str:
    """The shape of its state; a box of a plan has none."""
    if not box.tone:
        return ""
    shape = _SIGNS.get(box.tone, _SIGNS["still"])
    return f'<svg class="sign" x="{x + 10}" y="{y + 8}" width="16" height="16" viewBox="0 0 16 16">{shape}</svg>'


def _corner(box: Box, top: int) -> tuple[int, int]:
    return box.column * (WIDTH + ACROSS) + _EDGE, top + box.row * (HEIGHT + DOWN) + _EDGE


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
