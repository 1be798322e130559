"""What has happened already, as far as somebody who is blocked may ask: a condition that was met before counts (R-09).

Owns the newest end of each job that is asked about, when each job that asks began last, and the earlier events of
flows. Kept for jobs of configured expressions alone, so a site without any pays nothing. Must not know expressions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from dsari_like.core.reactions import Event
from dsari_like.core.terms import EventType

#: The words of a final state: what is known of a job from other flows.
_ENDS = frozenset({"complete", "warning", "failed", "killed", "done"})
#: So many flows are remembered, the newest: one that old has nobody left who waits in it.
_MOST_FLOWS = 1_000
_MOST_EVENTS = 10_000


class Past:
    """The memory of earlier events."""

    def __init__(self) -> None:
        self._asked: frozenset[str] = frozenset()
        self._asking: frozenset[str] = frozenset()
        self._ends: dict[tuple[str, str | None], list[Event]] = {}  # by job and item: the events of its newest end
        self._starts: dict[str, float] = {}
        self._flows: dict[str, dict[Event, None]] = {}

    def configure(self, asked: Collection[str], asking: Collection[str]) -> None:
        """Which jobs expressions are about (`*` for all), and which have one."""
        self._asked, self._asking = frozenset(asked), frozenset(asking)

    @property
    def is_idle(self) -> bool:
        """Whether nobody will ever ask."""
        return not self._asking

    def restore(self, events: Iterable[Event], starts: Mapping[str, float]) -> None:
        """What an earlier daemon recorded, oldest first."""
        for event in events:
            self.remember(event)
        self._starts |= starts

    def remember(self, event: Event) -> None:
        """It has happened."""
        if self.is_idle or event.type not in (EventType.JOB, EventType.WORK):
            return
        if event.name == "running" and event.job_name in self._asking:
            self._starts[event.job_name] = event.time
        if not self._asked.isdisjoint(("*", event.job_name, event.label)):
            if event.flow_id:
                self._remember_in_flow(event)
            if event.name in _ENDS:
                self._remember_end(event)

    def of_flow(self, flow_id: str) -> tuple[Event, ...]:
        """What has happened in a flow, in order."""
        return tuple(self._flows.get(flow_id, ())) if flow_id else ()

    def ends_since(self, time: float) -> tuple[Event, ...]:
        """The newest end of each job and item, of those that came after a time; oldest first."""
        found = (event for events in self._ends.values() for event in events if event.time > time)
        return tuple(sorted(found, key=lambda event: event.time))

    def last_start(self, job_name: str) -> float | None:
        """When a job that asks began last."""
        return self._starts.get(job_name)

    def _remember_end(self, event: Event) -> None:
        known = self._ends.setdefault((event.job_name, event.item), [])
        if known and known[0].run_id != event.run_id:
            known.clear()
        known.append(event)

    def _remember_in_flow(self, event: Event) -> None:
        known = self._flows.setdefault(event.flow_id, {})
        if len(known) < _MOST_EVENTS:
            known[event] = None
        if len(self._flows) > _MOST_FLOWS:
            del self._flows[next(iter(self._flows))]
