"""Which pages are stale, and in which order they are made: a few at a time, whenever the daemon has nothing to do.

Owns the progress. The work is one generator that rests after every page, so it can be left at any of them and taken
up again; what it has done is remembered after each batch of changes, and a batch that was cut short is simply done
again, for equal bytes are not written.

What depends on how much history there is: nothing but a render from nothing, and even that looks for news now and
then. A finished run costs its own page, the last page and the index of its job, and the front pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from dsari_like.core.blackout import Windows
from dsari_like.core.model import Configuration
from dsari_like.core.schedule import Rule
from dsari_like.report import moments, names
from dsari_like.report.branches import Branches
from dsari_like.report.days import day_of
from dsari_like.report.files import Site
from dsari_like.report.histories import Histories
from dsari_like.report.makers import Makers
from dsari_like.report.overview import Overview
from dsari_like.report.recent import Recent
from dsari_like.report.rests import Rests
from dsari_like.report.stale import STATE, Keeping, Rendered, differing, digest, fingerprint, hidden, recall
from dsari_like.store.reader import Reader
from dsari_like.store.rows import RunRow

if TYPE_CHECKING:
    from dsari_like.report.press import Press
    from dsari_like.report.scene import Scene

#: Changes taken at once; each batch ends with the front pages. A render from nothing looks for news as often.
BATCH = 200

Clock = Callable[[], float]


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
        windows: Mapping[str, Windows] | None = None,
    ) -> None:
        self._configuration = configuration
        self._reader = reader
        self._runs_dir = runs_dir
        self._zone = zone or moments.zone_of(configuration.timezone)
        self._site = Site(html_dir, configuration.report_html_gz)
        self._overview, self._recent = Overview(reader, plans, windows or {}), Recent(self._zone)
        self._histories = Histories(reader, self._site, self._overview)
        self._branches = Branches(reader, self._site)
        self._again = self._whole = self._loaded = False
        self._now, self._rest_mark = 0.0, ""
        self._keeping = Keeping()
        self._rendered: Rendered | None = None
        self._work: Iterator[None] | None = None
        self._makers = Makers(self._scene, self._site, runs_dir)

    # --- what the daemon and `render` call ----------------------------------------------------------------------

    def stale(self) -> bool:
        """Whether there may be something to do: four look-ups, whatever the history."""
        rendered = self._rendered
        return (
            self._work is not None
            or rendered is None
            or rendered.revision != self._reader.newest_revision()
            or rendered.decision != self._reader.newest_decision()
            or rendered.pruned != self._reader.newest_pruned()
            or self._rest_mark != self._reader.rest_mark()
            or self._branches.stale()
        )

    def step(self, now: float, budget: float, clock: Clock) -> bool:
        """Make pages for about `budget` seconds, at least one; True when more is left. Raises OSError when the
        directory of the pages cannot be written; the next call goes on from what is remembered there."""
        end = clock() + budget
        self._now = now
        if self._work is None:
            self._work = self._bring_up_to_date()
        try:
            for _ in self._work:
                if clock() >= end:
                    return True
        except BaseException:
            self._forget()
            raise
        self._work = None
        return self.stale()

    def all(self, now: float, progress: Callable[[int, int], None] | None = None, regenerate: bool = False) -> None:
        """Make everything that is stale, or with `regenerate` everything; `progress` hears how many steps were made,
        and about how many there are."""
        self._forget()
        self._now, self._again = now, regenerate
        total = 0
        for count, _ in enumerate(self._bring_up_to_date(), 1):
            if progress is not None:
                total = total or self._expected()
                progress(count, max(count, total))

    def _expected(self) -> int:
        """About how many steps there are. A page of a history stands for fifty runs."""
        known = self._rendered.revision if self._rendered is not None and not self._whole else -1
        runs = self._reader.count_changed(known)
        return runs + runs // names.PAGE_SIZE + 2 * len(self._overview.names) + 1

    def close(self) -> None:
        """Give the run log back: as long as one reader is left, its writer cannot fold the write-ahead log in."""
        self._reader.close()

    @property
    def count(self) -> int:
        """How many files were written."""
        return self._site.count

    def written(self) -> list[str]:
        """The files that were written since this was asked last, below the directory of the pages."""
        found, self._site.written = self._site.written, []
        return found

    # --- the work -----------------------------------------------------------------------------------------------

    def _bring_up_to_date(self) -> Iterator[None]:
        """Rest after every page. The first time: find out whether everything is to be made, or only what is new."""
        if self._rendered is None:
            yield from self._begin()
        yield from self._news()

    def _begin(self) -> Iterator[None]:
        configuration = self._configuration
        fresh = Rendered(fingerprint(configuration, self._runs_dir), digest(configuration))
        known = None if self._again else recall(self._site.read(STATE))
        self._again = False
        if known is None or known.fingerprint != fresh.fingerprint or known.missed(self._reader.oldest_pruned()):
            fresh.revision, fresh.decision = self._reader.newest_revision(), self._reader.newest_decision()
            fresh.pruned, fresh.rests = self._reader.newest_pruned(), Rests(self._reader.rests()).marks
            self._branches.take()
            fresh.call = self._branches.settled
            self._take(fresh)
            self._whole = True
            yield from self._everything(self._press())
            return
        self._whole = False
        self._take(known)
        self._branches.begin(known.call)
        if known.configuration != fresh.configuration:
            known.configuration = fresh.configuration
            yield from self._configured(self._press())
            self._remember()

    def _everything(self, press: Press) -> Iterator[None]:
        """Render from nothing. Nothing is remembered before it is done: cut short, it is begun again."""
        yield from self._load()
        self._keeping.paused = self._site.sweeping = True
        press.style()
        self._histories.remove(hidden(self._configuration))
        yield from self._makers.front_pages(press, self._now)
        for count, _ in enumerate(
            page for name in self._overview.names for page in self._histories.whole(press, name, self._now)
        ):
            yield
            if count % BATCH == BATCH - 1:
                yield from self._news()
        yield from self._branches.whole(press)
        yield from self._makers.front_pages(press, self._now)
        self._keeping.paused = self._site.sweeping = False
        self._remember()

    def _configured(self, press: Press) -> Iterator[None]:
        """The configuration changed: the history did not, but what is said of the jobs may have."""
        yield from self._load()
        self._histories.remove(hidden(self._configuration))
        yield from self._makers.front_pages(press, self._now)
        for name in self._overview.names:
            press.job_page(name, self._now)
            yield
            if self._reader.newest_number(name) and not self._histories.has(name):
                yield from self._histories.whole(press, name, self._now)  # it was hidden until now
        yield from self._branches.whole(press)

    def _news(self) -> Iterator[None]:
        """Whatever changed since the pages were last up to date, a batch at a time."""
        rendered = self._rendered
        while rendered is not None:
            yield from self._rested(rendered)
            yield from self._reacted(rendered)
            runs = self._reader.changed_since(rendered.revision, BATCH, rendered.run_id)
            decisions = self._reader.decisions_since(rendered.decision, BATCH)
            pruned = self._reader.pruned_since(rendered.pruned, BATCH)
            if not runs and not decisions and not pruned:
                rendered.pruned = self._reader.newest_pruned()  # what is gone so long that no word of it is left
                return
            if runs or decisions:
                yield from self._changes(runs, {decision.job_name for decision in decisions})
            if decisions:
                rendered.decision = decisions[-1].decision_id
            if runs:
                full = len(runs) == BATCH
                rendered.revision, rendered.run_id = runs[-1].revision, runs[-1].run_id if full else ""
            if pruned:  # after the changes: one that was seen by them may be among these
                yield from self._load()
                for run in pruned:
                    self._recent.forget(run.run_id)
                self._makers.counted_anew()
                shown = yield from self._histories.without(self._press(), pruned, self._now)
                flows = {run.flow_id: None for run in pruned if run.flow_id}
                yield from self._branches.gone(self._press(), flows)
                yield from self._makers.front_pages(self._press(), self._now, shown)
                rendered.pruned = pruned[-1].pruned_id
            self._remember()

    def _rested(self, rendered: Rendered) -> Iterator[None]:
        """Pauses that came or went: the pages of their jobs, and what shows them all."""
        mark = self._reader.rest_mark()
        if mark == self._rest_mark:
            return
        rests = Rests(self._reader.rests())
        names = differing(rendered.rests, rests.marks)
        if self._loaded:
            names |= differing(self._overview.rests.marks, rests.marks)
        if names:
            press = self._press()
            yield from self._load()
            shown = self._overview.rest(rests, names)
            self._makers.planned_anew()
            for name in shown:
                press.job_page(name, self._now)
                yield
            yield from self._makers.front_pages(press, self._now, shown, set())
        rendered.rests, self._rest_mark = rests.marks, mark
        if names:
            self._remember()

    def _reacted(self, rendered: Rendered) -> Iterator[None]:
        """Calls of callbacks, and what events wait for, that changed although no run did."""
        if self._branches.stale():
            yield from self._load()
            yield from self._branches.reacted(self._press, False)
            if rendered.call != self._branches.settled:
                rendered.call = self._branches.settled
                self._remember()

    def _changes(self, runs: Sequence[RunRow], jobs: set[str]) -> Iterator[None]:
        """One batch: the runs' own pages, their jobs' pages, and then what shows them all."""
        press = self._press()
        yield from self._load()
        histories: dict[str, set[int]] = {name: set() for name in jobs if press.scene.shows(name)}
        days = set()
        for run in runs:
            if press.scene.shows(run.job_name):
                days.add(day_of(run.queue_time, self._zone))
                press.scene.late(run, self._now)
                self._recent.note(run, self._now)
                if run.item is None:
                    histories.setdefault(run.job_name, set()).update(names.history_numbers(run.number or 1))
                press.run_page(run)
                yield
        heard_of = [self._overview.refresh(name) for name in sorted(histories)]
        for name in sorted(histories):
            for number in sorted(histories[name]):
                yield from press.history_page(name, number)
            press.job_page(name, self._now)
            yield
        yield from self._branches.changed(press, runs)
        yield from self._branches.reacted(self._press, True)
        yield from self._makers.front_pages(press, self._now, histories if all(heard_of) else None, days)

    # --- small parts --------------------------------------------------------------------------------------------

    def _press(self) -> Press:
        press = self._makers.press(self._rendered.failed if self._rendered is not None else None)
        press.now = self._now
        return press

    def _scene(self, runs_link: str) -> Scene:
        from dsari_like.report.scene import Scene

        return Scene(
            self._configuration, self._reader, self._overview, self._zone, self._runs_dir, runs_link, self._recent
        )

    def _load(self) -> Iterator[None]:
        """How all jobs stand; not before something is to be shown, and once."""
        if not self._loaded:
            secret = hidden(self._configuration)
            yield from self._overview.load(self._configuration.jobs, secret, self._now)
            yield from self._recent.load(self._reader, lambda name: name not in secret, self._now)
            self._loaded = True

    def _take(self, rendered: Rendered) -> None:
        """Go on from here."""
        self._rendered = rendered
        self._keeping.begin(rendered, self._now)

    def _remember(self) -> None:
        if self._rendered is not None and not self._keeping.paused:
            self._keeping.settle(self._rendered, self._now)
            self._site.put(STATE, self._rendered.text())

    def _forget(self) -> None:
        """Begin again from what is remembered beside the pages."""
        self._work, self._rendered, self._rest_mark = None, None, ""
        self._makers.forget()
        self._loaded = self._keeping.paused = self._site.sweeping = False
