"""Rows as they may be shown: what the run log keeps is true, and what people and pages are given of it has no secrets.

Owns which columns hold what somebody outside may have written. Must not know which names and values are secret, nor who
asks: the reader gives every row away through here, so that no page and no command can forget to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dsari_like.core.flows import Flow
from dsari_like.core.model import Pause, SkipNext
from dsari_like.core.secrets import MASK, Secrets
from dsari_like.store.rows import DecisionRow, EventRow, RunRow

_DATA = ("trigger_data", "environment", "origin", "run_data", "job_variables", "stages", "items", "selection")
_TEXTS = ("message", "progress_message", "resume")
#: Data that is mostly this has nothing in it to hide.
_NOTHING = (None, "", "{}", "[]", "null")


class Hiding:
    """The rule applied to rows."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def run(self, row: RunRow) -> RunRow:
        """The row without secrets; the row itself when it has none, as nearly all have."""
        found = {name: text for name in (*_DATA, *_TEXTS) if (text := getattr(row, name)) not in _NOTHING}
        if not any(self._secrets.suspects(str(text), row.job_name) for text in found.values()):
            return row
        data = {name: _parsed(text) for name, text in found.items() if name in _DATA}
        own = self._secrets.within(list(data.values()))
        changed: dict[str, Any] = dict(self._changed(row.job_name, found, data, own))
        return replace(row, **changed) if changed else row

    def decision(self, row: DecisionRow) -> DecisionRow:
        """The decision with a reason that may be told."""
        if not self._secrets.suspects(row.reason, row.job_name):
            return row
        return replace(row, reason=self._secrets.text(row.reason, row.job_name))

    def event(self, row: EventRow) -> EventRow:
        """The change of state with a cause that may be told."""
        return replace(row, cause=self._secrets.text(row.cause)) if self._secrets.suspects(row.cause) else row

    def flow(self, flow: Flow) -> Flow:
        """The flow with variables that may be told."""
        if not flow.variables:
            return flow
        return replace(flow, variables=self._secrets.data(dict(flow.variables), flow.name))

    def rest(self, rest: Pause | SkipNext) -> Pause | SkipNext:
        """The same rest, with a reason that may be told."""
        if not rest.reason or not self._secrets.suspects(rest.reason):
            return rest
        return replace(rest, reason=self._secrets.text(rest.reason))

    def _changed(
        self, job: str, found: dict[str, str], data: dict[str, Any], own: tuple[str, ...]
    ) -> Iterator[tuple[str, str]]:
        for name, text in found.items():
            if name in _TEXTS:
                shown = self._secrets.text(text, job, own)
            else:
                hidden = self._secrets.data(data[name], job, own)
                shown = text if hidden == data[name] else json.dumps(hidden, ensure_ascii=False)
            if shown != text:
                yield name, shown


def _parsed(text: str) -> Any:
    """A data column; what a foreign hand wrote there and nobody can read is hidden whole."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return MASK
