"""What a starting daemon reads back of the run log, and whoever foretells what it will do: the runs that are open, the
slots that were decided, and who rests.

Owns the way from a row to a run as the engine knows it. Must not know what becomes of a run.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from dsari_like.core.choices import Reason
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Exit, Pause, ProcessIdentity, Run, SkipNext, Trigger
from dsari_like.store import lives

_COLUMNS = (
    "run_id job_name status schedule_time queue_time start_time trigger_type trigger_data flow_id previous_run_id"
    " retry_of attempt item concurrency_group message environment origin trigger_id priority sequence ending pid"
    " start_ticks boot_id exit_code user_seconds system_seconds max_rss"
).split() + lives.COLUMNS  # fmt: skip
#: In the words and the order of the index `runs_open`: SQLite uses a partial index for the very same condition only.
OPEN_STATES = "'scheduled', 'blocked', 'queued', 'waiting_for_lock', 'running', 'timed_out'"


def open_runs(connection: sqlite3.Connection) -> list[Run]:
    """The runs that are not final, in order of arrival."""
    return runs(connection, f"status in ({OPEN_STATES})", {"limit": -1})


def runs(connection: sqlite3.Connection, where: str, values: dict[str, Any]) -> list[Run]:
    """The runs for which this holds, in order of arrival. `values` are its parameters, `limit` among them."""
    query = f"select {', '.join(_COLUMNS)} from runs where {where} order by sequence limit :limit"
    return [_run(dict(zip(_COLUMNS, row, strict=True))) for row in connection.execute(query, values)]


def last_slots(connection: sqlite3.Connection) -> dict[str, float]:
    """For each job the newest slot that was decided."""
    return dict(connection.execute("select job_name, last_slot from slots where last_slot is not null"))


def last_slot(connection: sqlite3.Connection, job_name: str) -> float | None:
    """The newest slot of a job that was decided, or when it was first known; None for a job no daemon has known."""
    row = connection.execute("select last_slot from slots where job_name = ?", (job_name,)).fetchone()
    return None if row is None else row[0]


def rests(connection: sqlite3.Connection) -> tuple[Pause | SkipNext, ...]:
    """The pauses that hold, and the wishes to leave out a slot."""
    rows = connection.execute("select job_name, kind, time, until, reason from rests order by job_name")
    return tuple(
        Pause(name, time, until, reason) if kind == Pause.__name__ else SkipNext(name, time, reason)
        for name, kind, time, until, reason in rows
    )


def _run(row: dict[str, Any]) -> Run:
    """A run as the engine knows it, from its row. Of how it has ended only what its processes used is read back: one
    that goes on, such as one with stages, adds to it."""
    data, origin = json.loads(row["trigger_data"]), json.loads(row["origin"])
    folded = origin.pop("folded", [])
    trigger = Trigger(
        row["trigger_type"],
        label=str(data.get("type", "")),
        description=str(data.get("description", "")),
        environment=json.loads(row["environment"]),
        id=row["trigger_id"],
        priority=row["priority"],
        items=lives.selection_of(row),
        data=data,
        origin=origin,
    )
    run = Run(row["run_id"], row["job_name"], trigger, RunState(row["status"]), row["schedule_time"], row["queue_time"])
    run.sequence, run.priority, run.message = row["sequence"], row["priority"], row["message"]
    run.start_time, run.attempt, run.folded = row["start_time"], row["attempt"], folded
    run.flow_id, run.previous_run_id, run.retry_of = row["flow_id"], row["previous_run_id"], row["retry_of"]
    run.concurrency_group, run.item = row["concurrency_group"], row["item"]
    run.ending = Reason(row["ending"]) if row["ending"] else None
    if row["pid"] is not None:
        run.process = ProcessIdentity(row["pid"], row["start_ticks"], row["boot_id"])
    if row["exit_code"] is not None:
        run.exit = Exit(
            row["exit_code"],
            user_seconds=row["user_seconds"],
            system_seconds=row["system_seconds"],
            max_rss=row["max_rss"],
        )
    lives.restore(run, row)
    return run
