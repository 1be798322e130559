"""The pages of a job's history.

Owns what is shown there. Must not know how it looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsari_like.report import names, views
from dsari_like.report.gaps import neighbours
from dsari_like.report.scene import Scene
from dsari_like.report.views import Day, Head
from dsari_like.store.reader import RunRow


@dataclass(frozen=True, slots=True)
class HistoryView:
    """A page of a job's history. A full one never changes but by retention: it links to its neighbours, which both
    exist."""

    name: str
    job_url: str
    number: int
    days: tuple[Day, ...]
    older_url: str
    newer_url: str


def history_page(scene: Scene, name: str, number: int, rows: Sequence[RunRow]) -> tuple[Head, HistoryView]:
    """A page of a job's history; `rows` are its runs, oldest first."""
    page = names.history_page(name, number)
    root = names.root_of(page)
    older, newer = neighbours(scene.reader, name, number)
    view = HistoryView(
        name,
        names.link("", names.INDEX),
        number,
        views.days(scene, root, [row for row in rows if row.is_sound][::-1]),
        names.link("", f"page-{older}.html") if older else "",
        names.link("", f"page-{newer}.html") if newer else "",
    )
    return views.head(scene, page, f"{name}, page {number} of its history", ""), view
