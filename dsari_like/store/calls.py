"""Calls of callbacks and latches in the run log: how they are written, and what a starting daemon reads back.

Owns the rows of `callback_history` and `latches` on the daemon's side. Must not know when a callback fires.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from typing import Any

from dsari_like.core.happenings import event_of
from dsari_like.core.model import Run
from dsari_like.core.reactions import Call, CallState, Event, Kept, Language, SaveLatches
from dsari_like.core.usual import WINDOW
from dsari_like.store import resuming

_COLUMNS = (
    "callback_id run_id job_name triggers event language start_time stop_time exit_code output callback state reason"
    " time attempt flow_id detail"
).split()
_CHANGING = "event start_time stop_time exit_code output state reason attempt detail".split()
#: What is only asked for when the call is made again, or looked at by itself.
_DETAIL = "code argv count depth timeout retries retry_delay due latches".split()
_SAVE = (
    f"insert into callback_history ({', '.join(_COLUMNS)}) values ({', '.join(':' + name for name in _COLUMNS)})"
    f" on conflict (callback_id) do update set {', '.join(f'{name} = excluded.{name}' for name in _CHANGING)}"
)
_OPEN = f"select {', '.join(_COLUMNS)} from callback_history where state in ('waiting', 'running') order by time"

#: What the states of runs are called as events of the past, that somebody blocked may have waited for.
_NAMES = {
    "running": ("running",),
    "completed": ("complete", "done"),
    "warning": ("warning", "complete", "done"),
    "failed": ("failed", "done"),
    "cancelled": ("killed", "done"),
}


def save(connection: sqlite3.Connection, call: Call) -> None:
    """Write a call as it is now."""
    connection.execute(_SAVE, _values(call))


def save_latches(connection: sqlite3.Connection, row: SaveLatches) -> None:
    """Write what came true so far; nothing at all is not worth a row."""
    if row.latches or row.count:
        values = (row.owner, row.scope, json.dumps(dict(row.latches)), row.count)
        connection.execute("insert or replace into latches values (?, ?, ?, ?)", values)
    else:
        connection.execute("delete from latches where owner = ? and scope = ?", (row.owner, row.scope))


def kept(
    connection: sqlite3.Connection, asked: Collection[str], since: float | None, timed: Collection[str] = ()
) -> Kept:
    """What an earlier daemon left; `asked` are the jobs whose past somebody may ask for, `since` is when one was
    alive last, `timed` are the jobs of which it must be known how long they take."""
    latches = tuple(
        SaveLatches(owner, scope, json.loads(text), count)
        for owner, scope, text, count in connection.execute("select owner, scope, latches, count from latches")
    )
    past = tuple(sorted(_past(connection, asked), key=lambda event: event.time)) if asked else ()
    starts = dict(_starts(connection, asked))
    return Kept(latches, tuple(_open(connection)), past, starts, since, dict(_durations(connection, timed)))


def depth_of_call(connection: sqlite3.Connection, callback_id: str) -> int | None:
    """How many callbacks stand behind what a call starts; None when there is no such call."""
    row = connection.execute("select detail from callback_history where callback_id = ?", (callback_id,)).fetchone()
    return None if row is None else int(json.loads(row[0]).get("depth", 1))


def _open(connection: sqlite3.Connection) -> Iterator[tuple[Call, Run | None]]:
    for row in connection.execute(_OPEN).fetchall():
        call = _call(dict(zip(_COLUMNS, row, strict=True)))
        yield call, _run(connection, call.run_id)


def _past(connection: sqlite3.Connection, asked: Collection[str]) -> Iterator[Event]:
    """The newest end of each job, and all that happened in the flows of runs that are open."""
    ends = "select run_id, status, stop_time from runs where job_name = ? and stop_time is not null"
    flows = (
        "select run_id, to_state, events.time from events join runs using (run_id) where job_name = ? and flow_id in"
        f" (select flow_id from runs where status in ({resuming.OPEN_STATES}) and flow_id is not null)"
    )
    for name in asked:
        rows = connection.execute(f"{ends} order by stop_time desc limit 1", (name,)).fetchall()
        for run_id, state, time in {*rows, *connection.execute(flows, (name,)).fetchall()}:
            run = _run(connection, run_id)
            if run is not None:
                yield from (event_of(run, event, time) for event in _NAMES.get(state, ()))


def _starts(connection: sqlite3.Connection, asked: Collection[str]) -> Iterator[tuple[str, float]]:
    """When each job began last. Asked of those that are asked for: who asks is asked for as well."""
    for name in asked:
        newest = "select start_time from runs where job_name = ? order by queue_time desc limit 50"
        (time,) = connection.execute(f"select max(start_time) from ({newest})", (name,)).fetchone()
        if time is not None:
            yield name, time


def _durations(connection: sqlite3.Connection, timed: Collection[str]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """How long the newest good runs of each job took, the oldest first."""
    query = (
        "select stop_time - start_time from runs where job_name = ? and status in ('completed', 'warning')"
        f" and item is null and start_time is not null order by queue_time desc limit {WINDOW}"
    )
    for name in timed:
        found = tuple(lasted for (lasted,) in connection.execute(query, (name,)))
        if found:
            yield name, found[::-1]


def _run(connection: sqlite3.Connection, run_id: str) -> Run | None:
    return next(iter(resuming.runs(connection, "run_id = :run", {"run": run_id, "limit": 1})), None)


def _values(call: Call) -> dict[str, Any]:
    row = {name: getattr(call, name) for name in _COLUMNS if name != "detail"}
    row |= {name: row[name] or None for name in ("run_id", "job_name", "flow_id")}
    row |= {"language": call.language.value, "state": call.state.value}
    row["event"] = json.dumps(dict(call.event), ensure_ascii=False)
    detail = {name: getattr(call, name) for name in _DETAIL}
    row["detail"] = json.dumps({**detail, "latches": dict(call.latches)}, ensure_ascii=False)
    return row


def _call(row: dict[str, Any]) -> Call:
    detail = json.loads(row.pop("detail"))
    row |= {name: row[name] or "" for name in ("run_id", "job_name", "flow_id", "output")}
    row |= {"event": json.loads(row["event"]), "language": Language(row["language"]), "state": CallState(row["state"])}
    return Call(**row, **{**detail, "argv": tuple(detail["argv"])})
