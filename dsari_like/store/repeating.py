"""What is asked of the run log to repeat runs: which have ended, what they were, and which of their items are undone.

Must not know what becomes of the answers.
"""

from __future__ import annotations

import sqlite3

from dsari_like.core.model import Run
from dsari_like.core.selection import Selection
from dsari_like.store import resuming

_ENDED = f"status not in ({resuming.OPEN_STATES})"


def ended(connection: sqlite3.Connection, selection: Selection, limit: int) -> tuple[Run, ...]:
    """The runs that have ended and are meant, oldest first, but for those that were repeated since; a run that is named
    is meant all the same."""
    wanted = {
        "run_id = :run": selection.run,
        "flow_id = :flow": selection.flow,
        "job_name = :job": selection.job,
        "status = :status": selection.status,
        "queue_time >= :since": selection.since,
        "queue_time < :until": selection.until,
    }
    where = [condition for condition, value in wanted.items() if value is not None]
    if selection.run is None:
        where += ["item is null", "not exists (select 1 from runs as later where later.retry_of = runs.run_id)"]
    values = {condition.rsplit(":")[-1]: value for condition, value in wanted.items()}
    found = resuming.runs(connection, " and ".join([_ENDED, *where]), {**values, "limit": limit})
    return tuple(found)


def unfinished_items(connection: sqlite3.Connection, run_id: str) -> tuple[str, ...]:
    """The items of an array run that did not complete, in the order they were made."""
    query = (
        "select item from runs where previous_run_id = ? and item is not null"
        " group by item having sum(status = 'completed') = 0 order by min(sequence)"
    )
    return tuple(item for (item,) in connection.execute(query, (run_id,)))


def repeated_by(connection: sqlite3.Connection, run_id: str) -> str | None:
    """The newest run that repeats this one; None when none does."""
    query = "select run_id from runs where retry_of = ? order by sequence desc limit 1"
    row = connection.execute(query, (run_id,)).fetchone()
    return None if row is None else row[0]


def definition_of(connection: sqlite3.Connection, run_id: str) -> str | None:
    """The job as the run was started; None when it never was."""
    query = "select d.definition from runs join definitions as d on d.digest = runs.definition where run_id = ?"
    row = connection.execute(query, (run_id,)).fetchone()
    return None if row is None else row[0]

