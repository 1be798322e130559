"""What people and pages ask of the calls of callbacks and of latches: a name and one visible statement each.

Owns these rows as they leave the run log, without secrets. Must not know how a row is shown, and never writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsari_like.core.latches import Closed
from dsari_like.core.secrets import ALWAYS, Secrets
from dsari_like.store.rows import mapping_of

_COLUMNS = (
    "callback_id, run_id, job_name, triggers, event, language, start_time, stop_time, exit_code, output, callback,"
    " state, reason, time, attempt, flow_id, detail"
)
_FOREVER = 1e18


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call of a callback as it is recorded; `event` and `detail` are JSON."""

    callback_id: str
    run_id: str | None
    job_name: str | None
    triggers: str
    event: str
    language: str
    start_time: float | None
    stop_time: float | None
    exit_code: int | None
    output: str | None
    callback: str
    state: str
    reason: str
    time: float | None
    attempt: int
    flow_id: str | None
    detail: str

    @property
    def told(self) -> Mapping[str, Any]:
        """What the call was told of its event."""
        return mapping_of(self.event)

    @property
    def event_text(self) -> str:
        """The event in the words of trigger expressions."""
        return str(self.told.get("text", ""))

    @property
    def code(self) -> str:
        """What was carried out."""
        found = mapping_of(self.detail)
        return str(found.get("code") or " ".join(map(str, found.get("argv", ()))))

    @property
    def count(self) -> int:
        """How often its callback had been called by then, for the same flow or run."""
        count = mapping_of(self.detail).get("count", 1)
        return count if isinstance(count, int) else 1

    @property
    def latches(self) -> Mapping[str, Any]:
        """Which operand came true when, and through which run."""
        found = mapping_of(self.detail).get("latches", {})
        return found if isinstance(found, dict) else {}

    @property
    def duration(self) -> float | None:
        """Seconds of its last attempt."""
        if self.start_time is None or self.stop_time is None:
            return None
        return max(0.0, self.stop_time - self.start_time)


class Called:
    """Questions about calls, to an open connection. No answer holds what `secrets` hides."""

    def __init__(self, connection: sqlite3.Connection, secrets: Secrets = ALWAYS) -> None:
        self._connection = connection
        self._secrets = secrets

    def calls(
        self,
        *,
        job: str | None = None,
        callback: str | None = None,
        run: str | None = None,
        states: Sequence[str] = (),
        since: float | None = None,
        until: float | None = None,
        limit: int = -1,
    ) -> Iterator[CallRow]:
        """Calls by the time of their event, newest first. A filter by callback or state walks back until `limit` rows
        are found."""
        wanted = {"job_name = :job": job, "callback = :callback": callback, "run_id = :run": run}
        where = [condition for condition, value in wanted.items() if value is not None]
        where += ["state in (select value from json_each(:states))"] if states else []
        where += ["coalesce(time, start_time, 0) >= :since", "coalesce(time, start_time, 0) < :until"]
        values = {
            **{"job": job, "callback": callback, "run": run, "states": json.dumps(list(states)), "limit": limit},
            "since": -_FOREVER if since is None else since,
            "until": _FOREVER if until is None else until,
        }
        order = "order by time desc, callback_id desc limit :limit"
        query = f"select {_COLUMNS} from callback_history where {' and '.join(where)} {order}"
        return (self._shown(CallRow(*row)) for row in self._connection.execute(query, values))

    def of_run(self, run_id: str) -> tuple[CallRow, ...]:
        """The calls in the name of a run, in their order."""
        return tuple(self.of_runs(json.dumps([run_id])))

    def of_runs(self, ids: str) -> Iterator[CallRow]:
        """The calls in the names of some runs, whose ids are a list of JSON, in their order."""
        among = "run_id in (select value from json_each(?))"
        query = f"select {_COLUMNS} from callback_history where {among} order by time, callback_id"
        return (self._shown(CallRow(*row)) for row in self._connection.execute(query, (ids,)))

    def call(self, callback_id: str) -> CallRow | None:
        """One call."""
        query = f"select {_COLUMNS} from callback_history where callback_id = ?"
        row = self._connection.execute(query, (callback_id,)).fetchone()
        return None if row is None else self._shown(CallRow(*row))

    def latches(self, owner: str) -> dict[str, tuple[Mapping[str, Closed], int]]:
        """What a callback, or a blocked run, remembers: by scope what came true, and how often it was called."""
        query = "select scope, latches, count from latches where owner = ? order by scope"
        return {
            scope: ({name: Closed(*one) for name, one in mapping_of(text).items()}, count)
            for scope, text, count in self._connection.execute(query, (owner,))
        }

    def _shown(self, row: CallRow) -> CallRow:
        secrets, job = self._secrets, row.job_name or ""
        texts = {"output": row.output, "reason": row.reason, "detail": row.detail, "event": row.event}
        if not any(text and secrets.suspects(text, job) for text in texts.values()):
            return row
        data = {name: secrets.data(mapping_of(texts[name]), job) for name in ("event", "detail")}
        changed: dict[str, Any] = {name: json.dumps(found) for name, found in data.items()}
        changed |= {name: secrets.text(texts[name] or "", job) for name in ("output", "reason")}
        return replace(row, **changed)
