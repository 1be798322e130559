"""The items of an array run as a grid: a cell each, so that ten thousand are seen at once and one can be found.

Owns geometry, and which items are told one by one: those that need somebody first. Up to LINKED items each cell is a
link; of more, cells of a kind are one shape, a few bytes each, and of what went wrong as many are in the table as it
bears. Must not know how an item came to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from dsari_like.report import moments, words
from dsari_like.report.graph import plain
from dsari_like.report.views import tone_of
from dsari_like.store.linked import ItemRow

#: Items up to which each cell is a link, and lines of the table of those that need somebody.
LINKED, TOLD = 1_000, 100
#: Of so many that failed, the line of the output that most likely says why.
QUOTED = 20
_ACROSS, _CELL, _SMALL = 50, 18, 100
_KINDS = {"completed": "c", "failed": "f", "timed_out": "f", "cancelled": "x", "running": "r"}
_ORDER = {"failed": 0, "timed_out": 1, "cancelled": 2, "running": 3}


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item in the table."""

    name: str
    url: str
    tone: str
    word: str
    exit: str
    took: str
    note: str
    said: str


@dataclass(frozen=True, slots=True)
class ItemsView:
    """How the items of an array run stand."""

    summary: str
    grid: Markup
    lines: tuple[ItemLine, ...]
    more: int
    total: int


def view(
    items: Sequence[ItemRow], total: int, url_of: Callable[[ItemRow], str], said: Callable[[ItemRow], str]
) -> ItemsView:
    """The grid, and the table of the items that did not simply complete."""
    told = [(_ORDER.get(item.status, 4), place, item) for place, item in enumerate(items)]
    first = [item for urgency, _, item in sorted(told) if urgency < 4 or item.attempt > 1]
    lines = [_line(item, url_of(item), said if place < QUOTED else None) for place, item in enumerate(first[:TOLD])]
    total = max(total, len(items))
    return ItemsView(
        _summary(items, total), _grid(items, total, url_of), tuple(lines), max(0, len(first) - TOLD), total
    )


def _summary(items: Sequence[ItemRow], total: int) -> str:
    counts: dict[str, int] = {}
    for item in items:
        counts[item.status] = counts.get(item.status, 0) + 1
    order = ("failed", "timed_out", "cancelled", "running", "completed")
    known = [f"{counts.pop(status)} {words.state_word(status)}" for status in order if status in counts]
    waiting = sum(counts.values()) + total - len(items)
    again = sum(item.attempt > 1 for item in items)
    known += [f"{waiting} waiting"] if waiting else []
    return f"{total} items: {', '.join(known)}" + (f"; {again} tried more than once" if again else "") + "."


def _line(item: ItemRow, url: str, said: Callable[[ItemRow], str] | None) -> ItemLine:
    took = item.stop_time - item.start_time if item.start_time is not None and item.stop_time is not None else None
    again = f"attempt {item.attempt}" if item.attempt > 1 else ""
    quoted = said(item) if said is not None and item.status == "failed" else ""
    return ItemLine(
        name=item.item,
        url=url,
        tone=tone_of(item.status),
        word=words.state_word(item.status),
        exit="" if item.exit_code is None else str(item.exit_code),
        took=moments.duration(took) if took is not None else "",
        note=again,
        said=quoted,
    )


def _grid(items: Sequence[ItemRow], total: int, url_of: Callable[[ItemRow], str]) -> Markup:
    if not total:
        return Markup("")
    across, cell = (_ACROSS, _CELL) if total <= LINKED else (_SMALL, 9)
    across = min(across, total)
    width, height = across * cell, -(-total // across) * cell
    drawn = _linked(items, across, cell, url_of) if total <= LINKED else _shapes(items, across, cell)
    return Markup(
        f'<svg class="grid" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="group"'
        f' aria-label="{escape(_summary(items, total))}">{"".join(drawn)}{_rest(len(items), total, across, cell)}</svg>'
    )


def _linked(items: Sequence[ItemRow], across: int, cell: int, url_of: Callable[[ItemRow], str]) -> Iterator[str]:
    size = cell - 2
    for place, item in enumerate(items):
        x, y, kind = place % across * cell, place // across * cell, _KINDS.get(item.status, "w")
        said = escape(plain(f"{item.item}: {words.state_word(item.status)}"))
        mark = f'<path d="M{x + 4} {y + 4}l8 8m0-8l-8 8"/>' if kind == "f" else ""
        yield (
            f'<a href="{escape(url_of(item))}" tabindex="-1" aria-label="{said}"><title>{said}</title>'
            f'<rect class="{kind}" x="{x}" y="{y}" width="{size}" height="{size}"/>{mark}</a>'
        )


def _shapes(items: Sequence[ItemRow], across: int, cell: int) -> Iterator[str]:
    """One path for each kind; what stands side by side is one piece of it."""
    pieces: dict[str, list[str]] = {}
    place = 0
    while place < len(items):
        kind, first = _KINDS.get(items[place].status, "w"), place
        row_end = min(len(items), (place // across + 1) * across)
        while place < row_end and _KINDS.get(items[place].status, "w") == kind:
            place += 1
        x, y, wide = first % across * cell, first // across * cell, (place - first) * cell - 1
        high, top = (cell, y) if kind == "f" else (cell - 3, y + 1)
        pieces.setdefault(kind, []).append(f"M{x} {top}h{wide}v{high}h-{wide}z")
    for kind, path in pieces.items():
        yield f'<path class="{kind}" d="{"".join(path)}"/>'


def _rest(made: int, total: int, across: int, cell: int) -> str:
    """The items that were not made yet, as an outline."""
    if made >= total:
        return ""
    path = []
    for row in range(made // across, -(-total // across)):
        first, last = max(made, row * across), min(total, (row + 1) * across)
        path.append(f"M{first % across * cell + 0.5} {row * cell + 0.5}h{(last - first) * cell - 3}v{cell - 3}"
                    f"h-{(last - first) * cell - 3}z")  # fmt: skip
    return f'<path class="n" d="{"".join(path)}"/>'
