"""What makes the pages, made itself when the first page is.

Owns the moment: making pages takes Jinja2, which a daemon with nothing to show need not wait for. Must not know which
pages are stale.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from dsari_like.report.files import Site

if TYPE_CHECKING:
    from dsari_like.report.fronts import Fronts
    from dsari_like.report.press import Press
    from dsari_like.report.scene import Scene


class Makers:
    """The press, and what makes the front pages with it. `scene` is asked for the first time only, with the way from
    the directory of the pages to that of the runs."""

    def __init__(self, scene: Callable[[str], Scene], site: Site, runs_dir: str) -> None:
        self._scene, self._site, self._runs_dir = scene, site, runs_dir
        self._press: Press | None = None
        self._fronts: Fronts | None = None

    def press(self, failed: dict[str, str] | None) -> Press:
        """What makes a page; `failed` is where it notes those that cannot be made as they should."""
        if self._press is None:
            from dsari_like.report.press import Press

            self._press = Press(self._scene(os.path.relpath(self._runs_dir, self._site.root)), self._site)
        if failed is not None:
            self._press.failed = failed
        return self._press

    def front_pages(
        self, press: Press, now: float, jobs: Iterable[str] | None = None, days: set[int] | None = None
    ) -> Iterator[None]:
        """Those that show all jobs together; only the lists of these jobs, and the pages of these days, if given."""
        if self._fronts is None:
            from dsari_like.report.fronts import Fronts

            self._fronts = Fronts(press, self._site)
        yield from self._fronts.pages(jobs, days, now)

    def planned_anew(self) -> None:
        """What is to come may be another now."""
        if self._fronts is not None:
            self._fronts.planned_anew()

    def counted_anew(self) -> None:
        """Runs are gone: what was remembered of the run log may be wrong."""
        if self._press is not None:
            self._press.scene.memo.clear()
            self._press.scene.past.clear()

    def forget(self) -> None:
        """Make them anew when they are needed."""
        self._press = self._fronts = None
