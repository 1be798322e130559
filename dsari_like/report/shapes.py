"""Rows as JSON objects, under the column names of the run log.

Owns what machines read: the twins of the pages, `status.json`, and the listings of the commands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dsari_like.report.requests import without_body
from dsari_like.store.reader import DecisionRow, EventRow, RunRow

_OUR_OWN = ("sequence", "ending", "pid", "start_ticks", "boot_id", "revision", "number", "priority")
_RUN_KEYS = tuple(field.name for field in fields(RunRow) if field.name not in _OUR_OWN)
_DECISION_KEYS = tuple(field.name for field in fields(DecisionRow) if field.name not in ("decision_id", "token"))
_EVENT_KEYS = tuple(field.name for field in fields(EventRow))


def run_object(run: RunRow) -> dict[str, Any]:
    """A run under the column names of the run log; data columns as values, secrets hidden."""
    found = {key: getattr(run, key) for key in _RUN_KEYS}
    found["trigger_data"] = without_body(run.trigger)
    found["environment"] = dict(run.variables)
    found["origin"] = dict(run.came_from)
    found["run_data"] = parsed(run.run_data)
    return found


#: One for all: `json.dumps` with options of its own makes another for each call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


class Ready(str):
    """JSON that is text already."""

    __slots__ = ()


def decision_object(decision: DecisionRow) -> dict[str, Any]:
    """A decision under the column names of the run log."""
    return {key: getattr(decision, key) for key in _DECISION_KEYS}


def event_object(event: EventRow) -> dict[str, Any]:
    """A change of state under the column names of the run log."""
    return {key: getattr(event, key) for key in _EVENT_KEYS}


def parsed(text: str | None) -> Any:
    """A data column as a value; its text when it is no JSON."""
    if text is None or text == "null":  # nearly all there are, like the next two
        return None
    if text in ("{}", "[]"):
        return {} if text == "{}" else []
    try:
        return json.loads(text)
    except ValueError:
        return text


def document(value: Mapping[str, Any]) -> str:
    """JSON as it is written to a file: what is no list in one line, and a line for each entry of a list. The whole
    indented would be the pure Python encoder's work, ten times slower."""
    plain = {key: inner for key, inner in value.items() if not isinstance(inner, list)}
    lists = [f"{line(key)}: {_lines(inner)}" for key, inner in value.items() if isinstance(inner, list)]
    return "{" + ",\n".join(filter(None, (line(plain)[1:-1], *lists))) + "}\n"


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict | Ready):
        return "[\n " + ",\n ".join(map(line, value)) + "\n]"
    return line(value)


def line(value: Any) -> str:
    """A value in one line."""
    return value if isinstance(value, Ready) else _ENCODER.encode(value)
