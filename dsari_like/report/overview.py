"""What the front pages say of every job: kept in memory, so that one new run costs one job's look-ups.

Owns the standing of each job and the heap of coming slots. Loaded in slices, because a hundred thousand jobs take
seconds and the daemon has milliseconds. Must not know pages.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from statistics import median

from dsari_like.core.blackout import Windows
from dsari_like.core.model import ALL_JOBS
from dsari_like.core.schedule import Rule, Slot, next_of
from dsari_like.report.habits import LOOKED_AT, NONE, Habit, habit
from dsari_like.report.rests import Rests, slot_note
from dsari_like.report.words import reason_words, shortened
from dsari_like.store.reader import Reader, RunRow

_SLICE = 5  # jobs looked up before the caller may stop


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands. Holds no rows: the data of a run may be a megabyte, and there is one of these for each job."""

    name: str
    status: str = ""  # of the newest run; empty when there is none
    run_id: str = ""
    time: float = 0.0
    duration: float | None = None
    usual: float | None = None
    good_run_id: str = ""
    good_time: float | None = None
    failed_run_id: str = ""
    failed_time: float | None = None
    failed_reason: str = ""
    streak: int = 0
    failing_since: float | None = None
    habit: Habit = NONE

    @property
    def is_failing(self) -> bool:
        """True while the last verdict on the job is a failure."""
        return self.streak > 0


class Overview:
    """All visible jobs in order of their names, how each stands, and what is due next."""

    def __init__(
        self, reader: Reader, plans: Mapping[str, tuple[Rule, ...]], windows: Mapping[str, Windows] | None = None
    ) -> None:
        self._reader = reader
        self._plans = plans
        self._windows = windows or {}
        self._standing: dict[str, Standing] = {}
        self._heap: list[tuple[float, str]] = []
        self._failing: set[str] = set()
        self._marked: dict[str, set[str]] = {}
        self.names: list[str] = []
        self.hides = False  # whether there are jobs that nobody may see
        self.archived: set[str] = set()
        self.rests = Rests()

    def load(self, configured: Iterable[str], hidden: set[str], now: float) -> Iterator[None]:
        """Fill everything anew, a slice at a time."""
        self._standing, self._heap, self._failing, self._marked = {}, [], set(), {}
        with_history: set[str] = set()
        name = self._reader.job_after("")
        while name is not None:
            with_history.add(name)
            if len(with_history) % _SLICE == 0:
                yield
            name = self._reader.job_after(name)
        visible = set(configured) - hidden
        self.hides = bool(hidden)
        self.rests = Rests(self._reader.rests())
        self.archived = with_history - visible - hidden
        self.names = sorted(visible | self.archived)
        for count, name in enumerate(self.names, 1):
            if name in with_history:
                self.refresh(name)
            if name in self._plans and name in visible:
                self._plan(name, now)
            if count % _SLICE == 0:
                yield

    def refresh(self, name: str) -> bool:
        """Look the job up again; False when it stood in no list until now."""
        known = name in self._standing or self._knows(name)
        if not known:
            insort(self.names, name)
            self.archived.add(name)
        standing = _standing(name, self._reader)
        self._standing[name] = standing
        if standing.is_failing and name not in self.archived:
            self._failing.add(name)
        else:
            self._failing.discard(name)
        self._mark(name, frozenset() if name in self.archived else standing.habit.marks)
        return known

    def rest(self, rests: Rests, names: set[str]) -> list[str]:
        """Others rest from now on. Returns the jobs of these names that are shown; of the empty name, all."""
        self.rests = rests
        return list(self.names) if ALL_JOBS in names else sorted(filter(self._knows, names))

    def of(self, name: str) -> Standing:
        """How the job stands."""
        return self._standing.get(name) or Standing(name)

    def place(self, name: str) -> int:
        """The job's place in the list of all jobs, counted from 0."""
        return bisect_left(self.names, name)

    def _knows(self, name: str) -> bool:
        return self.names[self.place(name) : self.place(name) + 1] == [name]

    def failing(self) -> list[Standing]:
        """The jobs whose last verdict is a failure; the newest trouble first."""
        found = [self._standing[name] for name in self._failing]
        return sorted(found, key=lambda standing: (-(standing.failing_since or 0.0), standing.name))

    def marked(self, mark: str) -> list[Standing]:
        """The jobs of which this is to be said."""
        return [self._standing[name] for name in self._marked.get(mark, ())]

    def _mark(self, name: str, marks: frozenset[str]) -> None:
        for mark in marks | self._marked.keys():
            names = self._marked.setdefault(mark, set())
            names.discard(name)
            if mark in marks:
                names.add(name)

    def next_slot(self, name: str, after: float) -> Slot | None:
        """When the job is due next by its schedule."""
        return next_of(self._plans.get(name, ()), after)

    def slots(self, name: str, after: float, count: int) -> Iterator[Slot]:
        """The coming slots of a job."""
        slot = self.next_slot(name, after)
        while slot is not None and count > 0:
            yield slot
            slot, count = self.next_slot(name, slot.time), count - 1

    def rules(self, name: str) -> tuple[Rule, ...]:
        """The job's schedule as it is bound to its name and zone."""
        return self._plans.get(name, ())

    def slot_at(self, name: str, instant: float) -> Slot | None:
        """The slot of the job at this instant."""
        return self.next_slot(name, instant - 0.001)

    def windows(self, name: str) -> Windows | None:
        """The job's blackouts."""
        return self._windows.get(name)

    def note(self, name: str, slot: Slot, now: float, zone: tzinfo) -> str:
        """What is to be said of a coming slot: why it is when it is, and why it will start nothing."""
        rest = self.rests.note(name, self.rules(name), slot.time, now, zone)
        return slot_note(slot, rest, self.windows(name))

    def upcoming(self, now: float, count: int) -> list[tuple[float, str]]:
        """The jobs that are due next, each once."""
        while self._heap and self._heap[0][0] <= now:
            _, name = heapq.heappop(self._heap)
            self._plan(name, now)
        return heapq.nsmallest(count, self._heap) if len(self._heap) < 200 else _smallest(self._heap, count)

    def _plan(self, name: str, now: float) -> None:
        slot = self.next_slot(name, now)
        if slot is not None:
            heapq.heappush(self._heap, (slot.time, name))


def _smallest(heap: list[tuple[float, str]], count: int) -> list[tuple[float, str]]:
    """The least entries of a heap without looking at the rest: a walk along the children of what was taken."""
    found: list[tuple[float, str]] = []
    candidates = [(heap[0], 0)]
    while candidates and len(found) < count:
        entry, index = heapq.heappop(candidates)
        found.append(entry)
        for child in (2 * index + 1, 2 * index + 2):
            if child < len(heap):
                heapq.heappush(candidates, (heap[child], child))
    return found


def _standing(name: str, reader: Reader) -> Standing:
    summary, durations = reader.summary(name), reader.durations(name)
    last, good, failed = summary.last, summary.last_good, summary.last_failed
    if not all(row.is_sound for row in (last, good, failed) if row):
        return Standing(name)
    return Standing(
        name,
        status=last.status if last else "",
        run_id=last.run_id if last else "",
        time=time_of(last) if last else 0.0,
        duration=last.duration if last else None,
        usual=median(durations) if durations else None,
        good_run_id=good.run_id if good else "",
        good_time=good.stop_time if good else None,
        failed_run_id=failed.run_id if failed else "",
        failed_time=failed.stop_time if failed else None,
        failed_reason=_why(failed) if failed else "",
        streak=summary.streak,
        failing_since=summary.failing_since,
        habit=habit(reader.verdicts(name, LOOKED_AT), durations),
    )


def _why(failed: RunRow) -> str:
    why = reason_words(failed)
    return shortened(why if failed.message in why else f"{why}; {failed.message}" if why else failed.message)


def time_of(run: RunRow) -> float:
    """The time a list shows for a run: when it started, else when it is or was due."""
    return run.start_time if run.start_time is not None else run.schedule_time
