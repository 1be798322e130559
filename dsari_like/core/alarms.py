"""When the times of callbacks come: of `time-self-…` for each open run of the owner, of `globaltime-…` once for all.

Owns the instants to come. They are worked out anew at each start, from when the last daemon was alive: what passed
meanwhile comes then, late but once. Must not know who listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsari_like.core.expression import terms_of
from dsari_like.core.happenings import depth_of
from dsari_like.core.instants import TIMED, next_instant
from dsari_like.core.model import Run
from dsari_like.core.reactions import Callback, Event
from dsari_like.core.terms import SELF, EventType, Term
from dsari_like.core.timetable import Timetable


class Alarms:
    """The times of all callbacks, by the wall clock."""

    def __init__(self) -> None:
        self._of_runs: dict[str, list[Term]] = {}  # by job: times of its own runs
        self._set: dict[str, tuple[Term, Run | None]] = {}
        self._by_run: dict[str, list[str]] = {}
        self._times = Timetable()

    def configure(self, callbacks: Iterable[Callback], open_runs: Iterable[Run], since: float) -> None:
        """From now on these callbacks; what came due after `since` comes due now."""
        self._of_runs, self._set, self._by_run, self._times = {}, {}, {}, Timetable()
        for callback in callbacks:
            for term in terms_of(callback.expression):
                if term.type in TIMED and term.context == SELF:
                    self._of_runs.setdefault(callback.owner, []).append(term)
                elif term.type in TIMED:
                    self._put(str(term), term, None, since)
        for run in open_runs if self._of_runs else ():
            self._add(run, since)

    def seen(self, event: Event) -> None:
        """A run is new, or has ended."""
        if not self._of_runs or event.run is None:
            return
        if event.name == "submit":
            self._add(event.run, event.time)
        elif event.run.is_final:
            for key in self._by_run.pop(event.run_id, ()):
                self._times.remove(key)
                self._set.pop(key, None)

    def next_deadline(self) -> float | None:
        """When a time comes."""
        return self._times.next_deadline()

    def pop_due(self, now: float) -> Iterator[Event]:
        """The times that have come; those that repeat come again."""
        for key, time in list(self._times.pop_due(now)):
            term, run = self._set.pop(key)
            yield _event(term, run, time)
            self._put(key, term, run, max(time, now) if term.type in _REPEATED else time)

    def _add(self, run: Run, since: float) -> None:
        for owner in (run.job_name, "*"):
            for term in self._of_runs.get(owner, ()):
                key = f"{term}\n{run.run_id}"
                self._put(key, term, run, since)
                self._by_run.setdefault(run.run_id, []).append(key)

    def _put(self, key: str, term: Term, run: Run | None, after: float) -> None:
        time = next_instant(term, run.queue_time if run else 0.0, after)
        if time is not None:
            self._set[key] = (term, run)
            self._times.set(key, time)


_REPEATED = {EventType.REPEAT, EventType.GLOBALREPEAT}


def _event(term: Term, run: Run | None, time: float) -> Event:
    """Of a repeat that was missed while nobody watched, one comes and not each."""
    if run is None:
        return Event(term.name, term.type, time, item=term.extra)
    flow, depth = run.flow_id or "", depth_of(run)
    return Event(term.name, term.type, time, run.run_id, run.job_name, flow, term.extra, depth=depth, run=run)
