"""Blocked runs, what each waits for, and when it is released (Q-71 to Q-80).

Owns the latches of each blocked run, and its awaited times. What was met before the run was made counts: inside its
flow any earlier event, of other flows the newest end of a job since this job's own previous start. Must not change a
run: it says which are to be released.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dsari_like.core.expression import Expression, terms_of
from dsari_like.core.instants import TIMED, next_instant
from dsari_like.core.latches import AGES_AGO, Closed, Latches, Terms, any_item, of_item
from dsari_like.core.matching import View
from dsari_like.core.model import Run
from dsari_like.core.past import Past
from dsari_like.core.reactions import Blocking, Event, SaveLatches
from dsari_like.core.terms import ANY, PARENT, SELF, EventType, Term
from dsari_like.core.timetable import Timetable


@dataclass(slots=True)
class _Blocked:
    run: Run
    blocking: Blocking
    expression: Expression  # for the run's own item, where it has one
    latches: Latches
    view: View
    since: float  # when the job began before; operands older than that do not count where this was asked for

    def horizon(self, now: float) -> float:
        """What is older does not count."""
        freshness = self.blocking.freshness
        limits = [self.since] if freshness.since_last_run else []
        limits += [now - freshness.within] if freshness.within is not None else []
        return max(limits, default=AGES_AGO)

    @property
    def flow_id(self) -> str:
        """The flow the run is in; empty for none, or where it was asked to put all flows together."""
        return "" if self.blocking.freshness.across_flows else self.run.flow_id or ""


class Releases:
    """The blocked runs."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._blocked: dict[str, _Blocked] = {}
        self._listeners: dict[str, dict[str, None]] = {}  # by whom their expressions are about: run ids, in order
        self._times = Timetable()  # wall clock; keys are run ids
        self._arrays: dict[str, float] = {}  # of array runs that go item by item: when their job began before

    def block(
        self, run: Run, blocking: Blocking, now: float, kept: Mapping[str, Closed] | None = None
    ) -> tuple[bool, SaveLatches | None]:
        """The run is blocked from now on; True when it need not be, because its condition was met already. `kept` are
        the latches that an earlier daemon recorded. Also what there is to record."""
        expression = blocking.expression if run.item is None else of_item(blocking.expression, run.item)
        since = self._since(run, expression)
        one = _Blocked(run, blocking, expression, Latches(expression, kept), _view_of(run), since)
        before = dict(one.latches.closed)
        if self._look_back(one, now):
            return True, None
        self._blocked[run.run_id] = one
        for context in self._whom(one):
            self._listeners.setdefault(context, {})[run.run_id] = None
        self._set_time(one, now)
        return False, _row(one) if one.latches.closed != before else None

    def feed(self, event: Event) -> Iterator[tuple[str, SaveLatches]]:
        """Runs of which this event has closed an operand, with what there is to record; `released` says whether that
        was the last one."""
        if event.name == "done":
            self._arrays.pop(event.run_id, None)
        for run_id in self._concerned(event):
            one = self._blocked[run_id]
            if not self._hears(one, event):
                continue
            before = dict(one.latches.closed)
            if one.latches.feed(event, one.view, one.horizon(event.time)):
                yield run_id, self._released(run_id)
            elif one.latches.closed != before:
                yield run_id, _row(one)

    def is_blocked(self, run_id: str) -> bool:
        """Whether the run waits still."""
        return run_id in self._blocked

    def time_passed(self, now: float) -> Iterator[tuple[str, SaveLatches]]:
        """The same for the times that have come."""
        for run_id, _ in list(self._times.pop_due(now)):
            one = self._blocked[run_id]
            self._close_times(one, now)
            if one.latches.fire(one.horizon(now)):
                yield run_id, self._released(run_id)
            else:
                self._set_time(one, now)
                yield run_id, _row(one)

    def next_deadline(self) -> float | None:
        """When a time that is awaited comes, by the wall clock."""
        return self._times.next_deadline()

    def forget(self, run_id: str) -> SaveLatches | None:
        """The run waits no more, for whatever reason: what there is to record, if it was blocked."""
        return self._released(run_id) if run_id in self._blocked else None

    def why(self, run_id: str, now: float) -> Terms | None:
        """What a blocked run waits for still, and what it has."""
        one = self._blocked.get(run_id)
        return None if one is None else one.latches.standing(one.horizon(now))

    def _since(self, run: Run, expression: Expression) -> float:
        """When the job began before this run. Its array run has begun by the time an item is made, and is no run
        before it."""
        of_array = self._arrays.get(run.previous_run_id or "") if run.item is not None else None
        since = of_array if of_array is not None else self._past.last_start(run.job_name) or 0.0
        if run.item is None and any_item(expression):
            self._arrays[run.run_id] = since
        return since

    def _released(self, run_id: str) -> SaveLatches:
        one = self._blocked.pop(run_id)
        self._times.remove(run_id)
        for context in self._whom(one):
            listeners = self._listeners.get(context, {})
            listeners.pop(run_id, None)
            if not listeners:
                self._listeners.pop(context, None)
        return SaveLatches(run_id, "", {})

    def _concerned(self, event: Event) -> list[str]:
        found: dict[str, None] = {}
        for context in dict.fromkeys((event.job_name, event.label, event.run_id, ANY)):
            found |= self._listeners.get(context, {}) if context else {}
        return list(found)

    def _hears(self, one: _Blocked, event: Event) -> bool:
        """What a job does in another flow is no business of a run in whose own flow that job is too."""
        if one.flow_id in ("", event.flow_id):
            return True
        return all(earlier.job_name != event.job_name for earlier in self._past.of_flow(one.flow_id))

    def _whom(self, one: _Blocked) -> Iterator[str]:
        """The contexts under which events have to be brought to this run."""
        for term in terms_of(one.expression):
            if term.context == SELF:
                yield one.run.run_id
            elif term.context == PARENT:
                yield one.run.previous_run_id or one.run.run_id
            elif term.type in (EventType.HOST, EventType.CALLBACK):
                yield ANY
            else:
                yield term.context

    def _look_back(self, one: _Blocked, now: float) -> bool:
        """Whether it is true already."""
        horizon = one.horizon(now)
        flow = self._past.of_flow(one.run.flow_id or "")
        inside = {event.job_name for event in flow}
        outside = [event for event in self._past.ends_since(one.since) if event.job_name not in inside]
        self._close_times(one, now)
        met = [one.latches.feed(event, one.view, horizon) for event in (*outside, *flow)]
        return any(met) or one.latches.fire(horizon)

    def _close_times(self, one: _Blocked, now: float) -> None:
        for term in _times_of(one.expression):
            first = next_instant(term, one.run.queue_time, one.run.queue_time)
            if first is None or first <= now:
                one.latches.closed.setdefault(str(term), Closed(now if first is None else first, one.run.run_id))

    def _set_time(self, one: _Blocked, now: float) -> None:
        ahead = (next_instant(term, one.run.queue_time, now) for term in _times_of(one.expression))
        coming = [time for time in ahead if time is not None]
        if coming:
            self._times.set(one.run.run_id, min(coming))


def _times_of(expression: Expression) -> Iterator[Term]:
    return (term for term in terms_of(expression) if term.type in TIMED)


def _view_of(run: Run) -> View:
    return View(
        is_self=lambda event: event.run_id == run.run_id,
        is_parent=lambda event: event.run_id == run.previous_run_id,
    )


def _row(one: _Blocked) -> SaveLatches:
    return SaveLatches(one.run.run_id, "", dict(one.latches.closed))
