"""The front pages: those that show all jobs together, and so follow every change.

Owns which there are, and their order: the front page comes last, because it tells which of the others failed. To add
one, add it to PAGES or FILES. Each may cost no more with a long history than with a short one. Must not know what is
on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dsari_like.report import agenda, day, days, failures, feeds, names, search, statechart, timeline
from dsari_like.report.files import Site
from dsari_like.report.scene import Scene

if TYPE_CHECKING:
    from dsari_like.report.press import Made, Press


@dataclass(frozen=True, slots=True)
class Kind:
    """A page of which there is one."""

    page: str
    template: str
    make: Callable[[Scene, float], Made]


PAGES = (
    Kind(names.TIMELINE, "timeline.html", timeline.timeline_page),
    Kind(names.FAILURES, "failures.html", failures.failures_page),
    Kind(names.SEARCH, "search.html", search.search_page),
    Kind(names.STATES, "states.html", statechart.states_page),
)


class Fronts:
    """Makes them. `touched` are the days on which anything changed since they were made; None for all."""

    def __init__(self, press: Press, site: Site) -> None:
        self._press, self._scene, self._site = press, press.scene, site
        self._hour = -1.0

    def planned_anew(self) -> None:
        """What is to come may be another now."""
        self._hour = -1.0

    def pages(self, jobs: Iterable[str] | None, touched: set[int] | None, now: float) -> Iterator[None]:
        """The lists that show these jobs, or all lists; the pages of these days, or all; and what there is once.
        Rests after each."""
        for number in sorted(self._lists(jobs)):
            self._press.jobs_page(number, now)
            yield
        yield from self._days(touched, now)
        for kind in PAGES:
            self._press.page(kind.page, kind.template, partial(kind.make, self._scene, now))
            yield
        self._press.file(names.FEED, partial(feeds.all_feed, self._scene, now))
        if self._hour != now // days.HOUR:
            self._press.file(names.AGENDA, partial(agenda.agenda, self._scene, now))
            self._hour = now // days.HOUR
            yield
        self._press.front_page(now)
        yield

    def _lists(self, jobs: Iterable[str] | None) -> set[int]:
        if jobs is None:
            return set(range(1, names.jobs_page_count(len(self._scene.overview.names)) + 1))
        return {self._scene.overview.place(name) // names.JOBS_A_PAGE + 1 for name in jobs}

    def _days(self, touched: set[int] | None, now: float) -> Iterator[None]:
        kept = day.kept(now, self._scene.zone)
        for number in kept if touched is None else sorted(touched.intersection(kept)):
            if timeline.has_runs(self._scene, number):
                self._press.page(
                    names.day_page(days.key(number)), "day.html", partial(day.day_page, self._scene, number)
                )
                yield
        for name in self._site.names(names.DAYS):
            found = day.day_in(name)
            if found is not None and (found not in kept or not timeline.has_runs(self._scene, found)):
                self._site.unlink(names.day_page(days.key(found)))
                self._press.forget(names.day_page(days.key(found)))
