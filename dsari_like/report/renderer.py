"""Which pages are stale, and in which order they are made: a few at a time, whenever the daemon has nothing to do.

Owns the progress. The work is one generator that rests after every page, so it can be left at any of them and taken
up again; what it has done is remembered after each batch of changes, and a batch that was cut short is simply done
again, for equal bytes are not written.

What depends on how much history there is: nothing but a render from nothing. A finished run costs its own page, the
last page and the index of its job, and the front pages.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from dsari_like.core.model import Configuration
from dsari_like.core.schedule import Rule
from dsari_like.report import moments, names
from dsari_like.report.files import Site
from dsari_like.report.overview import Overview
from dsari_like.report.stale import SETTLED, STATE, Rendered, digest_of, recall
from dsari_like.store.reader import Reader, RunRow

if TYPE_CHECKING:
    from dsari_like.report.pages import Pages
    from dsari_like.report.views import Head, Scene

NOTED = (
    50  # pages that could not be made and are named; a template that fails everywhere need not be told 100,000 times
)
BATCH = 200  # changes taken at once; each batch ends with the front pages

Clock = Callable[[], float]
Made = tuple["Head", object, dict[str, Any]]

_log = logging.getLogger(__name__)


class Renderer:
    """Keeps `html_dir` up to date with the run log, under one configuration. A reload makes a new one."""

    def __init__(
        self,
        configuration: Configuration,
        plans: Mapping[str, tuple[Rule, ...]],
        reader: Reader,
        html_dir: str,
        runs_dir: str,
        zone: tzinfo | None = None,
    ) -> None:
        self._configuration = configuration
        self._reader = reader
        self._runs_dir = runs_dir
        self._zone = zone
        self._site = Site(html_dir, configuration.report_html_gz)
        self._overview = Overview(reader, plans)
        self._now = 0.0
        self._again = False
        self._loaded = False
        self._settled_at = 0.0
        self._kept = [-1, -1]
        self._rendered: Rendered | None = None
        self._work: Iterator[None] | None = None
        self._made: tuple[Pages, Scene] | None = None

    # --- what the daemon and `render` call ----------------------------------------------------------------------

    def stale(self) -> bool:
        """Whether there may be something to do: two look-ups, whatever the history."""
        rendered = self._rendered
        return (
            self._work is not None
            or rendered is None
            or rendered.revision != self._reader.newest_revision()
            or rendered.decision != self._reader.newest_decision()
        )

    def step(self, now: float, budget: float, clock: Clock) -> bool:
        """Make pages for about `budget` seconds, at least one; True when more is left. Raises OSError when the
        directory of the pages cannot be written."""
        end = clock() + budget
        self._now = now
        if self._work is None:
            self._work = self._bring_up_to_date()
        try:
            for _ in self._work:
                if clock() >= end:
                    return True
        except BaseException:
            self._work = self._rendered = None  # a generator that raised is over; go on from what is remembered
            self._loaded = False
            raise
        self._work = None
        return self.stale()

    def all(self, now: float, progress: Callable[[int], None] | None = None, regenerate: bool = False) -> None:
        """Make everything that is stale, or with `regenerate` everything; `progress` hears the pages made so far."""
        self._now, self._again = now, regenerate
        self._work = None
        for count, _ in enumerate(self._bring_up_to_date(), 1):
            if progress is not None:
                progress(count)

    def written(self) -> list[str]:
        """The files that were written since this was asked last, below the directory of the pages."""
        found, self._site.written = self._site.written, []
        return found

    # --- the work -----------------------------------------------------------------------------------------------

    def _bring_up_to_date(self) -> Iterator[None]:
        """Rest after every page. The first time: find out whether everything is to be made, or only what is new."""
        if self._rendered is None or self._again:
            yield from self._begin()
        while True:
            rendered = self._state()
            runs = self._reader.changed_since(rendered.revision, BATCH, rendered.run_id)
            decisions = self._reader.decisions_since(rendered.decision, BATCH)
            if not runs and not decisions:
                return
            yield from self._changes(runs, {decision.job_name for decision in decisions})
            if decisions:
                rendered.decision = decisions[-1].decision_id
            if runs:
                full = len(runs) == BATCH
                rendered.revision, rendered.run_id = runs[-1].revision, runs[-1].run_id if full else ""
            self._remember(rendered)

    def _begin(self) -> Iterator[None]:
        pages, scene = self._tools()
        known = None if self._again else recall(self._site.read(STATE))
        fresh = Rendered(pages.fingerprint(self._settings()), self._digest())
        self._again = False
        self._settled_at = self._now
        if known is None or known.fingerprint != fresh.fingerprint:
            self._rendered = fresh
            yield from self._load()
            yield from self._everything(fresh, scene)
        else:
            self._rendered, self._kept = known, list(known.settled)
            if known.configuration != fresh.configuration:
                known.configuration = fresh.configuration
                yield from self._load()
                yield from self._configured(scene)
                self._remember(known)

    def _everything(self, fresh: Rendered, scene: Scene) -> Iterator[None]:
        """Render from nothing. What changes meanwhile is found by its revision afterwards."""
        fresh.revision, fresh.decision = self._reader.newest_revision(), self._reader.newest_decision()
        self._site.sweeping = True
        self._put_style()
        yield from self._front_pages(scene)
        self._remove_hidden()
        for name in self._overview.names:
            yield from self._whole_job(scene, name)
        yield from self._front_pages(scene)
        self._site.sweeping = False
        self._remember(fresh)

    def _configured(self, scene: Scene) -> Iterator[None]:
        """The configuration changed: the history did not, but what is said of the jobs may have."""
        self._remove_hidden()
        yield from self._front_pages(scene)
        for name in self._overview.names:
            self._job_page(scene, name)
            yield
            if self._reader.newest_number(name) and not self._site.has(names.history_page(name, 1)):
                yield from self._whole_job(scene, name)  # it was hidden until now

    def _whole_job(self, scene: Scene, name: str) -> Iterator[None]:
        newest, oldest = self._reader.newest_number(name), self._reader.oldest_number(name)
        first, last = names.history_number(max(oldest, 1)), names.last_history_number(newest)
        for number in range(first, last + 1) if newest else ():
            rows = self._history_page(scene, name, number)
            yield
            for row in rows:
                self._run_page(scene, row)
                yield
        self._job_page(scene, name)
        yield

    def _changes(self, runs: Iterable[RunRow], jobs: set[str]) -> Iterator[None]:
        """One batch: the runs' own pages, their jobs' pages, and then what shows them all."""
        _, scene = self._tools()
        yield from self._load()
        histories: dict[str, set[int]] = {name: set() for name in jobs if scene.shows(name)}
        for run in runs:
            if scene.shows(run.job_name):
                histories.setdefault(run.job_name, set()).update(self._histories_of(run))
                self._run_page(scene, run)
                yield
        new = False
        for name in sorted(histories):
            new |= self._overview.refresh(name)
            for number in sorted(histories[name]):
                self._history_page(scene, name, number)
                yield
            self._job_page(scene, name)
            yield
        yield from self._front_pages(scene, None if new else set(histories))

    def _histories_of(self, run: RunRow) -> set[int]:
        """The page that holds the run; with the last run of a full page also the next one, still empty."""
        number = run.number or 1
        return {names.history_number(number), names.last_history_number(number)}

    # --- single pages -------------------------------------------------------------------------------------------

    def _run_page(self, scene: Scene, run: RunRow) -> None:
        from dsari_like.report.run import run_page

        self._page(names.run_page(run.job_name, run.run_id), "run.html", lambda: run_page(scene, run))

    def _job_page(self, scene: Scene, name: str) -> None:
        from dsari_like.report.job import job_page

        self._page(names.job_page(name), "job.html", lambda: job_page(scene, name, self._now))

    def _history_page(self, scene: Scene, name: str, number: int) -> tuple[RunRow, ...]:
        from dsari_like.report.job import history_page

        last = number * names.PAGE_SIZE
        rows = self._reader.numbered(name, last - names.PAGE_SIZE + 1, last)
        page = names.history_page(name, number)
        self._page(page, "history.html", lambda: (*history_page(scene, name, number, rows), {}))
        return rows

    def _front_pages(self, scene: Scene, jobs: set[str] | None = None) -> Iterator[None]:
        """The front page, and the lists that show these jobs, or all lists."""
        from dsari_like.report import front

        count = front.job_page_count(scene)
        numbers = set(range(1, count + 1))
        if jobs is not None:
            numbers = {self._overview.place(name) // names.JOBS_A_PAGE + 1 for name in jobs}
        for number in sorted(numbers):
            page = names.jobs_page(number)
            self._page(page, "jobs.html", lambda n=number: (*front.jobs_page(scene, n, self._now), {}))  # type: ignore[misc]
            yield
        failed = self._state().failed
        self._page(names.front_page(), "front.html", lambda: front.front(scene, self._now, failed), names.STATUS)
        yield

    def _page(self, page: str, template: str, make: Callable[[], Made], twin: str = "") -> None:
        """Make one page and its twin. Whatever goes wrong with it stays with it, and is told on the front page."""
        from dsari_like.report.shapes import document

        pages, _ = self._tools()
        try:
            head, view, data = make()
            text, problem = pages.render(template, head, view)
            text_of_data = document(data) if data else ""
            for path in (names.twin_of(page), twin) if data else ():
                if path:
                    self._site.put(path, text_of_data)
        except OSError:
            raise
        except Exception as error:
            _log.exception("cannot make the page %s; the others are made, and the front page says so", page)
            text, problem = _plain(page, error)
        self._site.put(page, text)
        self._note(page, problem)

    def _note(self, page: str, problem: str) -> None:
        failed = self._state().failed
        if problem and len(failed) < NOTED:
            failed[page] = problem
        else:
            failed.pop(page, None)

    # --- small parts --------------------------------------------------------------------------------------------

    def _tools(self) -> tuple[Pages, Scene]:
        """Templates and what they are filled from; the first call imports Jinja2."""
        if self._made is None:
            from dsari_like.report.pages import Pages
            from dsari_like.report.views import Scene

            zone = self._zone or moments.zone_of(self._configuration.timezone)
            link = os.path.relpath(self._runs_dir, self._site.root)
            scene = Scene(self._configuration, self._reader, self._overview, zone, self._runs_dir, link)
            self._made = Pages(self._configuration.template_dir), scene
        return self._made

    def _state(self) -> Rendered:
        if self._rendered is None:
            self._rendered = Rendered("", "")
        return self._rendered

    def _load(self) -> Iterator[None]:
        """How all jobs stand; not before something is to be shown, and once."""
        if not self._loaded:
            yield from self._overview.load(self._configuration.jobs, self._hidden(), self._now)
            self._loaded = True

    def _remember(self, rendered: Rendered) -> None:
        if self._now - self._settled_at >= SETTLED or self._now < self._settled_at:
            rendered.settled, self._settled_at = self._kept, self._now
        if rendered.settled == [-1, -1]:
            rendered.settled = [rendered.revision, rendered.decision]
        self._kept = [rendered.revision, rendered.decision]
        self._site.put(STATE, rendered.text())

    def _put_style(self) -> None:
        from dsari_like.report.pages import STYLE

        pages, _ = self._tools()
        self._site.put(STYLE, pages.style())

    def _hidden(self) -> set[str]:
        return {name for name, job in self._configuration.jobs.items() if not job.render_reports}

    def _remove_hidden(self) -> None:
        for name in self._hidden():
            self._site.remove(names.job_directory(name))

    def _settings(self) -> tuple[object, ...]:
        c = self._configuration
        limits = (c.report_run_output_start, c.report_run_output_end)
        return (c.title, c.base_url, c.timezone, limits, c.report_html_gz, names.PAGE_SIZE, self._runs_dir)

    def _digest(self) -> str:
        c = self._configuration
        return digest_of(c.files, (sorted(self._hidden()), len(c.jobs), c.warnings, c.config_dir, c.data_dir))


def _plain(page: str, error: Exception) -> tuple[str, str]:
    from dsari_like.report.pages import plain_page

    problem = f"{type(error).__name__}: {error}"
    return plain_page(page, problem), problem
