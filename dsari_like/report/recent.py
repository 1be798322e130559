"""The runs of the last days, kept in memory by job and day: what timelines are drawn from.

Owns which runs are kept: those queued in the last eight days, and of these the newest so many. Kept up to date run by
run, so that a finished one costs the lane of its job and nothing else; loaded from nothing it holds the same. Must not
know how anything is drawn.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo

from dsari_like.report.days import Window, begin_of, day_of
from dsari_like.store.reader import BarRow, Reader, RunRow

MOST, DAYS = 5_000, 8
_SLICE, _SPANS = 100, 50

_Order = tuple[float, str]


@dataclass(slots=True)
class _Cell:
    """The runs of a job that lie on a day."""

    bars: dict[str, BarRow] = field(default_factory=dict)
    failed: int = 0
    version: int = 0


class Recent:
    """Bars by job and day. `cut_before` is the time before which runs are missing for want of room."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._spans: dict[Window, range] = {}
        self.changes = 0  # goes up with every change, and never down
        self.empty()

    def empty(self) -> None:
        """Hold nothing; what is drawn from now on differs from all that was drawn before."""
        self._bars: dict[str, BarRow] = {}
        self._order: list[_Order] = []
        self._days: dict[int, dict[str, _Cell]] = {}
        self._open: dict[str, dict[str, BarRow]] = {}
        self._today, self._since = 0, float("-inf")
        self.cut_before: float | None = None

    def load(self, reader: Reader, shows: Callable[[str], bool], now: float) -> Iterator[None]:
        """Fill it, a slice at a time."""
        self.empty()
        self._move_on(now)
        batch = reader.bars(self._since, _SLICE)
        while batch and self.cut_before is None:
            for bar in batch:
                if shows(bar.job_name):
                    self._note(bar)
            yield
            batch = reader.bars(self._since, _SLICE, batch[-1])

    def note(self, run: RunRow, now: float) -> None:
        """A run is new, or changed."""
        self._move_on(now)
        if run.status != "scheduled" and run.is_sound:
            due = max(run.schedule_time, run.queue_time)
            names = run.run_id, run.job_name, run.status, run.number
            self._note(BarRow(*names, due, run.queue_time, run.start_time, run.stop_time))

    def forget(self, run_id: str) -> None:
        """The run is gone."""
        bar = self._bars.pop(run_id, None)
        if bar is not None:
            self.changes += 1
            order = (bar.queue_time, run_id)
            del self._order[bisect_left(self._order, order)]
            self._take_out(bar)

    def jobs(self, window: Window) -> list[str]:
        """The jobs that may have a run in this time: those that failed first, then by name."""
        failed: dict[str, int] = {job: 0 for job, bars in self._open.items() if bars}
        for day in self._days_of(window):
            for job, cell in self._days.get(day, {}).items():
                failed[job] = failed.get(job, 0) + cell.failed
        return sorted(failed, key=lambda job: (not failed[job], job))

    def version(self, job: str, window: Window) -> Hashable:
        """Another one whenever anything changed that is drawn of the job in this time."""
        cells = tuple(cell.version for cell in self._cells(job, window))
        return cells, tuple(bar for bar in self._open.get(job, {}).values() if bar.due < window.end)

    def bars(self, job: str, window: Window) -> list[BarRow]:
        """The job's runs that waited or ran in this time, in no order."""
        found = dict(self._open.get(job, {}))
        for cell in self._cells(job, window):
            found |= cell.bars
        begin, end = window.begin, window.end
        return [bar for bar in found.values() if bar.due < end and (bar.stop_time is None or bar.stop_time >= begin)]

    def _cells(self, job: str, window: Window) -> Iterator[_Cell]:
        for day in self._days_of(window):
            cell = self._days.get(day, {}).get(job)
            if cell is not None:
                yield cell

    def _days_of(self, window: Window) -> range:
        if window not in self._spans:
            if len(self._spans) > _SPANS:
                self._spans.clear()
            self._spans[window] = self._find_days(window)
        return self._spans[window]

    def _find_days(self, window: Window) -> range:
        return range(day_of(window.begin, self._zone), day_of(window.end - 1, self._zone) + 1)

    def _note(self, bar: BarRow) -> None:
        if not _is_sound(bar) or bar.queue_time < self._since:
            return
        self.forget(bar.run_id)
        self.changes += 1
        self._bars[bar.run_id] = bar
        insort(self._order, (bar.queue_time, bar.run_id))
        if bar.stop_time is None:
            self._open.setdefault(bar.job_name, {})[bar.run_id] = bar
        else:
            self._place(bar)
        while len(self._order) > MOST:
            self.cut_before = self._order[1][0]
            self.forget(self._order[0][1])

    def _place(self, bar: BarRow) -> None:
        for day in self._days_with(bar):
            cell = self._days.setdefault(day, {}).setdefault(bar.job_name, _Cell())
            cell.bars[bar.run_id] = bar
            cell.failed += bar.status == "failed"
            cell.version = self.changes

    def _take_out(self, bar: BarRow) -> None:
        self._open.get(bar.job_name, {}).pop(bar.run_id, None)
        if bar.stop_time is None:
            return
        for day in self._days_with(bar):
            cell = self._days.get(day, {}).get(bar.job_name)
            if cell is not None and cell.bars.pop(bar.run_id, None) is not None:
                cell.failed -= bar.status == "failed"
                cell.version = self.changes
                if not cell.bars:
                    del self._days[day][bar.job_name]

    def _days_with(self, bar: BarRow) -> range:
        """The days an ended run lies on, as far as any of them is drawn."""
        last = day_of(_end(bar), self._zone)
        return range(max(day_of(bar.due, self._zone), last - DAYS), last + 1)

    def _move_on(self, now: float) -> None:
        """What lies more than a week back is drawn nowhere."""
        today = day_of(now, self._zone)
        if today == self._today:
            return
        self._today, self._since = today, begin_of(today - DAYS + 1, self._zone)
        while self._order and self._order[0][0] < self._since:
            self.forget(self._order[0][1])
        for day in [day for day in self._days if day < today - DAYS]:
            del self._days[day]


def _end(bar: BarRow) -> float:
    return float("inf") if bar.stop_time is None else max(bar.due, bar.stop_time)


def _is_sound(bar: BarRow) -> bool:
    times = (bar.due, bar.queue_time, bar.start_time, bar.stop_time)
    return all(time is None or isinstance(time, float | int) for time in times)
