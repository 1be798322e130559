"""One page at a time: from rows to a file, with its twin, whatever may be wrong with it.

Owns the containment: what goes wrong with a page stays with that page (B-53), is logged, and is told on the front
page; what is wrong with the whole directory is the caller's to hear. Must not know which page is stale.

Imports Jinja2 and all views, so the renderer imports this at its first page and not before.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from dsari_like.report import badge, feeds, front, history, job, names, run, search
from dsari_like.report.files import Site
from dsari_like.report.pages import COPIED, Pages, plain_page
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import document
from dsari_like.report.views import Head
from dsari_like.store.rows import RunRow

Made = tuple[Head, object, Mapping[str, Any]]

#: Pages that could not be made and are named on the front page. A template that fails fails everywhere: nobody needs
#: that told 100,000 times.
NOTED = 50
#: Faults of one path, not of the disk or of the directory of all pages.
_OF_ONE_PATH = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)

_log = logging.getLogger(__name__)


class Press:
    """Makes pages into a site. `failed` is shared with whoever remembers it."""

    def __init__(self, scene: Scene, site: Site) -> None:
        self.scene = scene
        self.pages = Pages(scene.configuration.template_dir)
        self.failed: dict[str, str] = {}
        self.now = 0.0
        self._site = site

    def style(self) -> None:
        """The style sheet, and the script of the search."""
        for name in COPIED:
            self._site.put(name, self.pages.source(name))

    def run_page(self, row: RunRow) -> None:
        """A run's page."""
        self.page(names.run_page(row.job_name, row.run_id), "run.html", lambda: run.run_page(self.scene, row, self.now))

    def job_page(self, name: str, now: float) -> None:
        """A job's own page, its feed and its badge."""
        rows = job.latest(self.scene, name)
        self.page(names.job_page(name), "job.html", partial(job.job_page, self.scene, name, rows, now))
        self.file(names.job_feed(name), partial(feeds.job_feed, self.scene, name, rows))
        self.file(names.badge(name), partial(badge.badge, self.scene, name))

    def history_page(self, name: str, number: int) -> Generator[None, None, tuple[RunRow, ...]]:
        """A page of a job's history, and its part of the search's index; rests after each. Returns its runs."""
        last = number * names.PAGE_SIZE
        rows = self.scene.reader.numbered(name, last - names.PAGE_SIZE + 1, last)
        page = names.history_page(name, number)
        self.file(names.search_twin_of(page), lambda: search.runs_index(self.scene, page, rows))
        yield
        self.page(page, "history.html", lambda: (*history.history_page(self.scene, name, number, rows), {}))
        yield
        return rows

    def forget(self, page: str) -> None:
        """The page is gone, so what was wrong with it does not matter."""
        self.failed.pop(page, None)

    def jobs_page(self, number: int, now: float) -> None:
        """A page of the list of all jobs."""
        self.file(names.search_list(number), lambda: search.jobs_index(self.scene, number))
        self.page(names.jobs_page(number), "jobs.html", lambda: (*front.jobs_page(self.scene, number, now), {}))

    def front_page(self, now: float) -> None:
        """The front page, which tells of every page before it that failed."""
        make = lambda: front.front(self.scene, now, self.failed)  # noqa: E731
        self.page(names.front_page(), "front.html", make, names.STATUS)

    def file(self, path: str, make: Callable[[], str]) -> None:
        """A file for machines. One that cannot be made is left as it was, and told of like a page."""
        try:
            text = make()
        except OSError:
            raise
        except Exception as error:
            _log.exception("cannot make %s; everything else is made, and the front page tells of it", path)
            self._note(path, f"{type(error).__name__}: {error}")
            return
        self._note(path, self._put(path, text))

    def page(self, page: str, template: str, make: Callable[[], Made], second_twin: str = "") -> None:
        """A page and its twin, and what is wrong with it, if anything is."""
        try:
            head, view, data = make()
            text, problem = self.pages.render(template, head, view)
            self._put_twins(page, second_twin, data)
        except OSError:
            raise
        except Exception as error:
            _log.exception("cannot make the page %s; the others are made, and the front page tells of it", page)
            problem = f"{type(error).__name__}: {error}"
            text = plain_page(page, problem)
        self._note(page, self._put(page, text) or problem)

    def _put_twins(self, page: str, second_twin: str, data: Mapping[str, Any]) -> None:
        text = document(data) if data else ""
        for path in (names.twin_of(page), second_twin):
            if text and path:
                self._put(path, text)

    def _put(self, path: str, text: str) -> str:
        """Write a file; returns what is wrong with its place, if that is all that is wrong."""
        try:
            self._site.put(path, text)
        except OSError as error:
            if error.errno not in _OF_ONE_PATH:
                raise
            _log.warning("cannot write the page %s: %s; the others are written", path, error.strerror)
            return f"{error.strerror}"
        return ""

    def _note(self, page: str, problem: str) -> None:
        if problem and len(self.failed) < NOTED:
            self.failed[page] = problem
        else:
            self.failed.pop(page, None)
