"""From what is recorded of runs to the events that callbacks know (Q-08 to Q-24).

Owns the words: which change of state is called what. Nothing happens to a run that is not recorded, so every event
comes from here, and none without a row that says so. Must not know who listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsari_like.core.choices import Reason
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Run
from dsari_like.core.reactions import Event
from dsari_like.core.terms import EventType

S = RunState

#: What a change to this state is called; the narrower word first.
_REACHED = {
    S.BLOCKED: ("blocked",),
    S.WAITING_FOR_LOCK: ("waiting",),
    S.RUNNING: ("assigned", "running"),
    S.TIMED_OUT: ("timeout", "timedout"),
    S.COMPLETED: ("complete", "done"),
    S.WARNING: ("warning", "complete", "done"),
    S.FAILED: ("failed", "done"),
    S.CANCELLED: ("killed", "done"),
}
#: The key of a trigger's origin that says how many callbacks stand behind its run.
DEPTH = "depth"


def events_of(changes: Iterable[tuple[Run, str | None, float]]) -> Iterator[Event]:
    """The events of some changes of state, in their order: of each the run as it is then, the state before (None:
    there was no run), and the time. Who is still queued at the end of them waits for a place."""
    queued: dict[str, tuple[Run, float]] = {}
    for run, before, time in changes:
        queued.pop(run.run_id, None)
        if before is None:
            yield event_of(run, "submit", time)
            if run.retry_of is not None:
                yield event_of(run, "retry", time)
        if run.state.value != before:
            yield from _reached(run, before, time)
            if run.state is S.QUEUED:
                queued[run.run_id] = (run, time)
    for run, time in queued.values():
        yield event_of(run, "waiting", time)


def _reached(run: Run, before: str | None, time: float) -> Iterator[Event]:
    if run.state is S.RUNNING and before == S.TIMED_OUT.value:
        yield event_of(run, "resumed", time)
        return
    if run.state is S.FAILED and run.reason is Reason.MAX_EXECUTION:
        yield event_of(run, "timeout", time)
    for name in _REACHED.get(run.state, ()):
        yield event_of(run, name, time)


def event_of(run: Run, name: str, time: float) -> Event:
    """An event about a run, or about the item that it does."""
    return Event(
        name,
        EventType.JOB if run.item is None else EventType.WORK,
        time,
        run.run_id,
        run.job_name,
        run.flow_id or "",
        run.item,
        depth=depth_of(run),
        run=run,
    )


def depth_of(run: Run) -> int:
    """How many callbacks stand behind a run."""
    depth = run.trigger.origin.get(DEPTH, 0)
    return depth if isinstance(depth, int) else 0
