"""Rows as the objects that `--format json` prints: the column names of the run log, data columns as data.

Owns the choice of columns, which scripts rely on. Secrets were hidden by the reader: what a program prints is logged
somewhere, and whoever needs them can read the run log itself. Must not know any command.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dsari_like.report.shapes import decision_object, event_object, parsed
from dsari_like.store.called import CallRow
from dsari_like.store.reader import Reader, RunRow

#: The columns of `runs` in the order of the manual.
RUN_COLUMNS = (
    *("run_id", "job_name", "status", "reason", "exit_code", "schedule_time", "queue_time", "start_time", "stop_time"),
    *("trigger_type", "trigger_data", "run_data", "flow_id", "previous_run_id", "retry_of", "attempt", "item"),
    *("concurrency_group", "user_seconds", "system_seconds", "max_rss"),
    *("progress", "progress_message", "stage", "locks", "launch", "resume"),
)


def run_object(run: RunRow) -> dict[str, Any]:
    """One run as a listing has it."""
    found = {name: getattr(run, name) for name in RUN_COLUMNS}
    found["trigger_data"], found["run_data"] = run.trigger, parsed(run.run_data)
    found["locks"] = parsed(run.locks)
    return found


def item_object(item: RunRow) -> dict[str, Any]:
    """One item of an array run."""
    names = ("item", "run_id", "status", "reason", "exit_code", "attempt", "start_time", "stop_time", "message")
    return {name: getattr(item, name) for name in names}


def call_object(row: CallRow) -> dict[str, Any]:
    """One call as a listing has it: the columns of `callback_history`, and what belongs to them."""
    plain = ("callback_id", "run_id", "job_name", "triggers")
    times = ("language", "start_time", "stop_time", "exit_code", "output", "callback", "state", "reason", "time")
    return {
        **{name: getattr(row, name) for name in plain},
        "event": row.told,
        **{name: getattr(row, name) for name in times},
        "attempt": row.attempt,
        "flow_id": row.flow_id,
        "count": row.count,
        "code": row.code,
        "latches": row.latches,
    }


def full_object(run: RunRow, reader: Reader, calls: Iterable[CallRow]) -> dict[str, Any]:
    """One run with all that is recorded of it."""
    return {
        **run_object(run),
        "environment": run.variables,
        "origin": run.came_from,
        "priority": run.priority,
        "trigger_id": run.trigger_id,
        "progress_time": run.progress_time,
        "message": run.message or None,
        "job_variables": parsed(run.job_variables),
        "as_recorded": bool(run.as_recorded),
        "stages": parsed(run.stages),
        "item_counts": parsed(run.items),
        "items": [item_object(item) for item in reader.items_of(run.run_id)] if run.items else [],
        "decisions": [decision_object(decision) for decision in reversed(reader.decisions(run_id=run.run_id))],
        "callbacks": [call_object(call) for call in calls],
        "events": [event_object(event) for event in reader.events(run.run_id)],
    }
