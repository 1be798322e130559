"""Rows as JSON objects, under the column names of the run log.

Owns what machines read: the twins of the pages, `status.json`, and the listings of the commands.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from dsari_like.report.words import masked
from dsari_like.store.reader import DecisionRow, EventRow, RunRow

_OUR_OWN = ("sequence", "ending", "pid", "start_ticks", "boot_id", "revision", "number", "priority")


def run_object(run: RunRow) -> dict[str, Any]:
    """A run under the column names of the run log; data columns as values, secrets hidden."""
    found = {key: value for key, value in asdict(run).items() if key not in _OUR_OWN}
    found["trigger_data"] = masked(run.trigger)
    found["environment"] = masked(run.variables)
    found["origin"] = masked(run.came_from)
    found["run_data"] = masked(parsed(run.run_data))
    return found


def decision_object(decision: DecisionRow) -> dict[str, Any]:
    """A decision under the column names of the run log."""
    found = asdict(decision)
    del found["decision_id"], found["token"]
    return found


def event_object(event: EventRow) -> dict[str, Any]:
    """A change of state under the column names of the run log."""
    return asdict(event)


def parsed(text: str | None) -> Any:
    """A data column as a value; its text when it is no JSON."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def document(value: Any) -> str:
    """JSON as it is written to a file: readable, and the same for the same value."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n"
