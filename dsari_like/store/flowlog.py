"""Flows in the run log: how each stands, what its runs are, which chains there were, what events wait for.

Owns the tables `flows`, `topology` and `readiness`, and the way from a run's row to a fact of its flow. Works on any
connection; who writes begins and ends the transaction. Must not know what follows from any of it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping

from dsari_like.core.flow_messages import Recalled, SaveFlow, SaveReady
from dsari_like.core.flows import Fact, Flow, FlowKind, Ready, Remembered, place_of
from dsari_like.core.lifecycle import RunState
from dsari_like.errors import StoreError
from dsari_like.store.column import mapping_of
from dsari_like.store.db import open_reader
from dsari_like.store.resuming import OPEN_STATES

_FLOW = "flow_id, kind, name, status, start_time, stop_time, variables"
_FACT = "run_id, flow_id, job_name, status, sequence, previous_run_id, retry_of, trigger_type, trigger_data"

# --- writing ----------------------------------------------------------------------------------------------------------


def write_flow(connection: sqlite3.Connection, row: SaveFlow | SaveReady) -> None:
    """Write a flow, or an event trigger, as it stands."""
    if isinstance(row, SaveFlow):
        flow = row.flow
        variables = json.dumps(dict(flow.variables), ensure_ascii=False)
        values = (
            flow.flow_id,
            flow.kind.value,
            flow.name,
            flow.state.value,
            flow.start_time,
            flow.stop_time,
            variables,
        )
        connection.execute(f"insert or replace into flows ({_FLOW}) values (?, ?, ?, ?, ?, ?, ?)", values)
    else:
        ready = row.ready
        texts = (json.dumps(dict(ready.updated)), json.dumps(dict(ready.marks)))
        connection.execute(
            "insert or replace into readiness (job_name, fired, updated, marks) values (?, ?, ?, ?)",
            (ready.job_name, ready.fired, *texts),
        )


def remember(connection: sqlite3.Connection, topology: Remembered) -> None:
    """The chains that are to be known from now on, in a transaction of its own; nothing is written when nothing
    changed."""
    if topology == remembered(connection):
        return
    connection.execute("begin immediate")
    connection.execute("delete from topology")
    connection.executemany("insert into topology (job_name, follows) values (?, ?)", topology.items())
    connection.execute("commit")


# --- reading ----------------------------------------------------------------------------------------------------------


def remembered(connection: sqlite3.Connection) -> dict[str, str | None]:
    """The chains of before: jobs, and what each followed."""
    return dict(connection.execute("select job_name, follows from topology"))


def remembered_in(path: str) -> dict[str, str | None] | None:
    """The chains of before that a run log knows, whatever program wrote it: none where there is no run log yet, or an
    older one; None when it cannot be read."""
    if not os.path.exists(path):
        return {}
    try:
        connection = open_reader(path)
    except StoreError:
        return None
    try:
        known = connection.execute("select 1 from sqlite_master where type = 'table' and name = 'topology'").fetchone()
        return remembered(connection) if known else {}
    except sqlite3.Error:
        return None
    finally:
        connection.close()


def recall(connection: sqlite3.Connection, flow_ids: Iterable[str]) -> Recalled:
    """These flows, with their runs. Items of array runs are no steps, and are left out."""
    ids = json.dumps(list(flow_ids))
    rows = connection.execute(f"select {_FLOW} from flows where flow_id in (select value from json_each(?))", (ids,))
    facts = connection.execute(
        f"select {_FACT} from runs where flow_id in (select value from json_each(?)) and item is null"
        " order by sequence",
        (ids,),
    )
    return Recalled(tuple(_flow(*row) for row in rows), tuple(_fact(*row) for row in facts))


def open_flows(connection: sqlite3.Connection) -> Recalled:
    """The flows with runs that have not ended."""
    rows = connection.execute(
        f"select distinct flow_id from runs where status in ({OPEN_STATES}) and flow_id is not null"
    )
    return recall(connection, [flow_id for (flow_id,) in rows])


def executions(connection: sqlite3.Connection, name: str, limit: int = -1) -> tuple[Flow, ...]:
    """The flows of a chain, by its head, or of an orchestration, newest first."""
    query = f"select {_FLOW} from flows where name = ? order by start_time desc, flow_id desc limit ?"
    return tuple(_flow(*row) for row in connection.execute(query, (name, limit)))


def flow(connection: sqlite3.Connection, flow_id: str) -> Flow | None:
    """The flow of this id."""
    row = connection.execute(f"select {_FLOW} from flows where flow_id = ?", (flow_id,)).fetchone()
    return None if row is None else _flow(*row)


def ready(connection: sqlite3.Connection) -> tuple[Ready, ...]:
    """How far the event triggers had come."""
    rows = connection.execute("select job_name, fired, updated, marks from readiness order by job_name")
    return tuple(Ready(name, fired, _times(updated), _times(marks)) for name, fired, updated, marks in rows)


def marks(connection: sqlite3.Connection) -> dict[str, float]:
    """How new each watched file was when it was looked at last. Of several that wait for one file the one that has seen
    least decides: it is better to look again than to miss something."""
    lowest: dict[str, float] = {}
    for one in ready(connection):
        for thing, mark in one.marks.items():
            lowest[thing] = min(mark, lowest.get(thing, mark))
    return lowest


def _times(text: str) -> Mapping[str, float]:
    return {thing: float(time) for thing, time in mapping_of(text).items() if isinstance(time, int | float)}


def _flow(flow_id: str, kind: str, name: str, status: str, start: float, stop: float | None, variables: str) -> Flow:
    return Flow(flow_id, FlowKind(kind), name, RunState(status), start, stop, mapping_of(variables))


def _fact(
    run_id: str,
    flow_id: str,
    job_name: str,
    status: str,
    sequence: int,
    previous: str | None,
    retry_of: str | None,
    trigger_type: str,
    trigger_data: str,
) -> Fact:
    place = place_of(trigger_type, mapping_of(trigger_data))
    return Fact(run_id, flow_id, job_name, RunState(status), sequence, previous, retry_of, place)
