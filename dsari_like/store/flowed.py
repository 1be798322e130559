"""Flows, for those who ask the run log: executions of chains and orchestrations, and what events wait for.

Must not know how any of it came about.
"""

from __future__ import annotations

import sqlite3

from dsari_like.core.flows import Flow, Ready
from dsari_like.store import flowlog
from dsari_like.store.hiding import Hiding


class Flowed:
    """The part of the reader that asks them."""

    _connection: sqlite3.Connection
    _hiding: Hiding

    def flow(self, flow_id: str) -> Flow | None:
        """The flow of this id."""
        found = flowlog.flow(self._connection, flow_id)
        return None if found is None else self._hiding.flow(found)

    def executions(self, name: str, limit: int = -1) -> tuple[Flow, ...]:
        """The flows of a chain, by the job at its head, or of an orchestration, newest first."""
        return tuple(map(self._hiding.flow, flowlog.executions(self._connection, name, limit)))

    def ready(self) -> dict[str, Ready]:
        """Of each job with an event trigger, what was updated since its last start."""
        return {one.job_name: one for one in flowlog.ready(self._connection)}
