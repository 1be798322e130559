"""The calls of callbacks that are to be carried out: in order, a few at once, again where that is wanted.

Owns their number at a time, which is their own so that reactions never keep runs from starting; their attempts; and
what is recorded of each. A call that an earlier daemon did not see end is made again under the same id: at least once
is what is promised. Must not know how a call is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from dsari_like.core.model import Job, Run
from dsari_like.core.reactions import Call, CallEnded, CallState, Event, SaveCall, StartCall
from dsari_like.core.terms import EventType
from dsari_like.core.timetable import Timetable

#: How many at once.
AT_ONCE = 4
#: How many may wait; beyond that a flood is told, and dropped, call by call.
MOST_WAITING = 10_000

CallEffect = SaveCall | StartCall


class Calling:
    """All calls that have not ended."""

    def __init__(self, job_of: Callable[[str], Job | None], at_once: int = AT_ONCE) -> None:
        self._job_of = job_of
        self._at_once = at_once
        self._calls: dict[str, Call] = {}
        self._runs: dict[str, Run | None] = {}
        self._ready: dict[str, None] = {}  # in order
        self._running: set[str] = set()
        self._later = Timetable()  # wall clock: their next attempts

    def __getitem__(self, callback_id: str) -> Call:
        return self._calls[callback_id]

    def get(self, callback_id: str) -> Call | None:
        """A call that has not ended."""
        return self._calls.get(callback_id)

    def add(self, call: Call, run: Run | None, now: float) -> Iterator[CallEffect]:
        """One more call: it is recorded, and begins as soon as there is a place."""
        if call.is_open and len(self._calls) >= MOST_WAITING:
            text = f"{MOST_WAITING} calls of callbacks were waiting already"
            call = replace(call, state=CallState.REFUSED, reason=text)
        if not call.is_open:
            yield SaveCall(replace(call, stop_time=now))
            return
        self._take(call, run)
        begun = list(self._begin(now))
        if call.callback_id not in self._running:
            yield SaveCall(call)
        yield from begun

    def waiting(self, callback_id: str) -> Call | None:
        """A call that has never been begun."""
        call = self._calls.get(callback_id)
        return call if call is not None and call.attempt == 0 else None

    def amend(self, call: Call) -> Iterator[CallEffect]:
        """A call that waits tells of more than it did."""
        if call.callback_id in self._calls:
            self._calls[call.callback_id] = call
            yield SaveCall(call)

    def restore(self, calls: Iterable[tuple[Call, Run | None]], now: float) -> Iterator[CallEffect]:
        """Calls that an earlier daemon recorded, and no end of."""
        for call, run in calls:
            self._take(replace(call, state=CallState.WAITING), run)
        yield from self._begin(now)

    def ended(self, message: CallEnded) -> tuple[list[CallEffect], Event | None]:
        """An attempt has ended: with the call, or there will be another. Also the event of one that failed for
        good."""
        call = self._calls.get(message.callback_id)
        if call is None:
            return [], None
        self._running.discard(call.callback_id)
        good = message.exit.code == 0
        call = replace(
            call,
            state=CallState.COMPLETED if good else CallState.FAILED,
            stop_time=message.time,
            exit_code=message.exit.code,
            output=message.output,
            reason=message.reason,
        )
        again = not good and call.attempt <= call.retries
        if again:
            call = replace(call, state=CallState.WAITING, due=message.time + call.retry_delay)
            self._calls[call.callback_id] = call
            self._later.set(call.callback_id, call.due)
        else:
            run = self._forget(call)
        effects: list[CallEffect] = [SaveCall(call), *self._begin(message.time)]
        return effects, None if good or again else _failed(call, run, message.time)

    def time_passed(self, now: float) -> Iterator[CallEffect]:
        """Attempts whose time has come."""
        for callback_id, _ in list(self._later.pop_due(now)):
            self._ready[callback_id] = None
        yield from self._begin(now)

    def next_deadline(self) -> float | None:
        """When there is another attempt, by the wall clock."""
        return self._later.next_deadline()

    def _take(self, call: Call, run: Run | None) -> None:
        self._calls[call.callback_id], self._runs[call.callback_id] = call, run
        if call.due > call.time:
            self._later.set(call.callback_id, call.due)
        else:
            self._ready[call.callback_id] = None

    def _begin(self, now: float) -> Iterator[CallEffect]:
        while self._ready and len(self._running) < self._at_once:
            callback_id = next(iter(self._ready))
            del self._ready[callback_id]
            call = self._calls[callback_id] = self._calls[callback_id].begun(now)
            self._running.add(callback_id)
            yield SaveCall(call)
            yield StartCall(call, self._job_of(call.job_name), self._runs[callback_id])

    def _forget(self, call: Call) -> Run | None:
        self._calls.pop(call.callback_id, None)
        return self._runs.pop(call.callback_id, None)


def _failed(call: Call, run: Run | None, time: float) -> Event:
    """It is called by its callback, so that this one can know itself and leave it alone."""
    kind = EventType.CALLBACK
    return Event("failed", kind, time, call.run_id, call.callback, call.flow_id, depth=call.depth, run=run)
