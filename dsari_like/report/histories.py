"""All pages of a job at once, and what becomes of them when runs are gone.

Owns which files may be in a job's directory: what is there and belongs to no run is removed. Must not know what is
stale, or how a page is made.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from dsari_like.report import names
from dsari_like.report.files import Site
from dsari_like.report.gaps import changed, neighbours
from dsari_like.report.overview import Overview
from dsari_like.store.linked import Linked
from dsari_like.store.numbering import PrunedRow
from dsari_like.store.reader import Reader, RunRow

#: Numbers of runs that a run's page looks back to.
LOOKED_BACK = 40

if TYPE_CHECKING:
    from dsari_like.report.press import Press


class Histories:
    """The pages below `jobs/`. Every method rests after a page."""

    def __init__(self, reader: Reader, site: Site, overview: Overview) -> None:
        self._reader, self._site, self._overview = reader, site, overview

    def has(self, name: str) -> bool:
        """Whether the page is there that the next run of the job will be on."""
        return self._site.has(names.history_page(name, names.last_history_number(self._reader.newest_number(name))))

    def remove(self, hidden: Iterable[str]) -> None:
        """The pages of these jobs go."""
        for name in hidden:
            self._site.remove(names.job_directory(name))

    def whole(self, press: Press, name: str, now: float) -> Iterator[None]:
        """Every page of a job; what else is there is of runs that are gone."""
        known = {names.INDEX}
        oldest = self._reader.oldest_number(name)
        number = names.history_number(oldest) if oldest else 0
        while number:
            rows = yield from press.history_page(name, number)
            page = names.history_page(name, number)
            known |= {os.path.basename(file) for file in (page, names.search_twin_of(page))}
            press.scene.besides.look_ahead(rows)
            for row in rows:
                press.run_page(row)
                known.add(names.directory_of(row.run_id))
                yield
                yield from self._items(press, row, known)
            number = neighbours(self._reader, name, number)[1]
        press.job_page(name, now)
        self._remove_others(name, known)
        yield

    def _items(self, press: Press, run: RunRow, known: set[str]) -> Iterator[None]:
        """The pages of the items of an array run, which are in no history."""
        for item_id in Linked(self._reader.connection).item_ids(run.run_id) if run.items else ():
            item = self._reader.run(item_id)
            if item is not None:
                press.run_page(item)
                known.add(names.directory_of(item_id))
                yield

    def without(self, press: Press, pruned: Iterable[PrunedRow], now: float) -> Generator[None, None, list[str]]:
        """Remove the pages of these runs, and bring those of their jobs up to date. Returns the jobs, as far as they
        are shown."""
        numbers: dict[str, set[int]] = {}
        retries: dict[str, RunRow] = {}
        for run in pruned:
            self._site.remove(names.run_directory(run.job_name, run.run_id))
            press.forget(names.run_page(run.job_name, run.run_id))
            if run.number is not None:  # items have none, and stand in no list
                numbers.setdefault(run.job_name, set()).add(run.number)
            retries |= {row.run_id: row for row in self._reader.retries_of(run.run_id)}
            yield
        shown = [name for name in sorted(numbers) if press.scene.shows(name) and self._reader.newest_number(name)]
        for name in shown:
            self._overview.refresh(name)
            yield from self._close_gaps(press, name, numbers[name])
            yield from self._followers(press, name, numbers[name])
            press.job_page(name, now)
            yield
        for row in retries.values():
            if press.scene.shows(row.job_name):
                press.run_page(row)
                yield
        return shown

    def _close_gaps(self, press: Press, name: str, numbers: Iterable[int]) -> Iterator[None]:
        anew, away = changed(self._reader, name, numbers)
        for number in away:
            self._site.unlink(names.history_page(name, number))
            self._site.unlink(names.search_twin_of(names.history_page(name, number)))
            press.forget(names.history_page(name, number))
        for number in anew:
            yield from press.history_page(name, number)

    def _followers(self, press: Press, name: str, numbers: Iterable[int]) -> Iterator[None]:
        """Each run's page links to the one before, and compares itself with those before that."""
        following: set[int] = set()
        for number in {self._reader.number_after(name, number) for number in numbers} - {0}:
            following.update((number, *self._after(name, number)))
        for number in sorted(following):
            for row in self._reader.numbered(name, number, number):
                press.run_page(row)
                yield

    def _after(self, name: str, number: int) -> Iterator[int]:
        """The numbers that follow, as far as a page looks back."""
        for _ in range(LOOKED_BACK):
            number = self._reader.number_after(name, number)
            if not number:
                return
            yield number

    def _remove_others(self, name: str, known: set[str]) -> None:
        for found in self._site.names(names.job_directory(name)):
            page = found.removesuffix(".gz")
            if page not in known and not found.startswith(".") and "." not in page:
                self._site.remove(f"{names.job_directory(name)}/{found}")
            elif page not in known and page.startswith("page-"):
                self._site.unlink(f"{names.job_directory(name)}/{page}")
