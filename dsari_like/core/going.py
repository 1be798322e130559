"""One flow that is going on: what is known of its runs, and how it stands by that.

Owns that memory. A daemon that restarts makes the same of the run log, so nothing is kept that does not follow from the
facts. Must not know what an end leads to (`flowing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsari_like.core.flows import Fact, Flow, FlowKind, Place, place_of
from dsari_like.core.lifecycle import FINAL, RunState
from dsari_like.core.model import Run


@dataclass(slots=True)
class Going:
    """A flow with open runs."""

    flow: Flow
    facts: dict[str, Fact] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    _promised: set[tuple[str, Place]] = field(default_factory=set)

    def learn(self, fact: Fact) -> None:
        """A run was made, or stands differently now."""
        self.facts[fact.run_id] = fact
        if fact.parent is not None and fact.place is not None:
            self._promised.discard((fact.parent, fact.place))
        if fact.state in FINAL:
            self.open.discard(fact.run_id)
        else:
            self.open.add(fact.run_id)

    def weigh(self, now: float) -> Iterator[Flow]:
        """The flow as it is to be written, when it stands differently now."""
        state = flow_state(self.flow, self.facts.values())
        if state is not self.flow.state:
            self.flow = replace(self.flow, state=state, stop_time=now if state in FINAL else None)
            yield self.flow

    def vary(self, variables: Mapping[str, Any]) -> Flow:
        """A run has left these variables for those after it."""
        self.flow = replace(self.flow, variables=variables)
        return self.flow

    def open_tasks(self, parent: str) -> Iterator[str]:
        """The runs of tasks below this run of an orchestration that have not ended."""
        below = (fact for fact in self.facts.values() if fact.parent == parent and fact.place)
        return (fact.run_id for fact in below if fact.run_id in self.open)

    def promise(self, parent: str, places: Iterable[Place]) -> None:
        """These tasks were asked for, and are not made yet: one of them may end while the others are still being made,
        and must not ask for those again."""
        self._promised |= {(parent, place) for place in places}

    def promised(self, parent: str) -> dict[Place, RunState]:
        """The tasks that are as good as made."""
        return {place: RunState.QUEUED for one, place in self._promised if one == parent}


def flow_state(flow: Flow, facts: Iterable[Fact]) -> RunState:
    """How a flow stands: an orchestration as its last attempt does; a chain as the last runs of its steps do."""
    newest: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda fact: fact.sequence):
        if fact.place is None and (flow.kind is FlowKind.CHAIN or fact.job_name == flow.name):
            newest[fact.job_name] = fact
    states = {fact.state for fact in newest.values()}
    if any(state not in FINAL for state in states):
        return RunState.RUNNING
    by_weight = (RunState.FAILED, RunState.CANCELLED, RunState.WARNING)
    return next((state for state in by_weight if state in states), RunState.COMPLETED)


def fact_of(run: Run) -> Fact:
    """What the run log will say of a run."""
    place = place_of(run.trigger.type, run.trigger.data)
    flow_id = run.flow_id or run.run_id
    state, sequence = run.state, run.sequence
    return Fact(run.run_id, flow_id, run.job_name, state, sequence, run.previous_run_id, run.retry_of, place)
