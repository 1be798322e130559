"""A run log with a past, for the tests of pages: rows are told in the words of the run log."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsari_like.core.lifecycle import WAITING
from dsari_like.core.model import Pause, SkipNext
from dsari_like.store.migrations import migrate
from dsari_like.store.reader import Reader

_INSERT = """
    insert into runs (run_id, job_name, status, reason, exit_code, schedule_time, queue_time, start_time, stop_time,
        trigger_type, trigger_data, run_data, message, environment, origin, user_seconds, system_seconds, max_rss,
        concurrency_group, retry_of, attempt, sequence, revision)
    values (:run_id, :job_name, :status, :reason, :exit_code, :schedule_time, :queue_time, :start_time, :stop_time,
        :trigger_type, :trigger_data, :run_data, :message, :environment, :origin, :user_seconds, :system_seconds,
        :max_rss, :concurrency_group, :retry_of, :attempt, :sequence, :revision)
    on conflict (run_id) do update set status = :status, reason = :reason, exit_code = :exit_code,
        start_time = :start_time, stop_time = :stop_time, run_data = :run_data, message = :message,
        revision = :revision
"""
_NOT_YET = {state.value for state in WAITING}


@dataclass
class History:
    """Writes rows as the daemon would: every change of a run has the next revision."""

    runs_dir: str = ""
    connection: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:", isolation_level=None))
    revision: int = 0

    def __post_init__(self) -> None:
        migrate(self.connection, ":memory:")

    @property
    def reader(self) -> Reader:
        return Reader(self.connection)

    def run(
        self,
        job: str,
        run_id: str,
        status: str = "completed",
        at: float = 0.0,
        took: float = 1.0,
        waited: float = 0.0,
        data: Mapping[str, Any] | None = None,
        output: bytes | None = None,
        **columns: Any,
    ) -> str:
        """A run that was due `at`, began after it `waited`, and `took` so long when its status says it has ended."""
        begun = status not in _NOT_YET
        ended = status in ("completed", "failed", "cancelled")
        row: dict[str, Any] = {
            "reason": "exit" if status == "failed" else None,
            "exit_code": {"completed": 0, "failed": 1}.get(status),
            "run_data": None,
            "message": "",
            "user_seconds": took * 0.7 if ended else None,
            "system_seconds": took * 0.1 if ended else None,
            "max_rss": 31_000_000 if ended else None,
            "concurrency_group": None,
            "retry_of": None,
            "attempt": 1,
        }
        row |= columns
        row["environment"] = json.dumps(row.get("environment", {}))
        row["origin"] = json.dumps(row.get("origin", {}))
        self.revision += 1
        row |= {
            "run_id": run_id,
            "job_name": job,
            "status": status,
            "schedule_time": at,
            "queue_time": at,
            "start_time": at + waited if begun else None,
            "stop_time": at + waited + took if ended else None,
            "trigger_type": columns.get("trigger_type", "schedule" if data is None else "file"),
            "trigger_data": json.dumps(data or {}),
            "sequence": self.revision,
            "revision": self.revision,
        }
        self.connection.execute(_INSERT, row)
        if output is not None:
            self.write(job, run_id, output)
        return run_id

    def progress(self, run_id: str, percent: float | None, message: str) -> None:
        """What a run says of itself."""
        self.revision += 1
        self.connection.execute(
            "update runs set progress = ?, progress_message = ?, revision = ? where run_id = ?",
            (percent, message, self.revision, run_id),
        )

    def write(self, job: str, run_id: str, output: bytes) -> str:
        """What the run printed."""
        directory = os.path.join(self.runs_dir, job, run_id)
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "output.txt")
        with open(path, "wb") as file:
            file.write(output)
        return path

    def event(self, run_id: str, time: float, to: str, cause: str, before: str | None = None) -> None:
        """A change of state."""
        self.connection.execute(
            "insert into events (run_id, time, from_state, to_state, cause) values (?, ?, ?, ?, ?)",
            (run_id, time, before, to, cause),
        )

    def rest(self, rest: Pause | SkipNext) -> None:
        """Somebody asked for it."""
        values = (rest.job_name, type(rest).__name__, rest.time, getattr(rest, "until", None), rest.reason)
        self.connection.execute("insert or replace into rests values (?, ?, ?, ?, ?)", values)

    def rested(self, rest: Pause | SkipNext) -> None:
        """It is over."""
        values = (rest.job_name, type(rest).__name__)
        self.connection.execute("delete from rests where job_name = ? and kind = ?", values)

    def decision(
        self,
        job: str,
        outcome: str,
        time: float,
        slot: float | None = None,
        run_id: str | None = None,
        reason: str = "",
        token: str | None = None,
        count: int = 1,
    ) -> None:
        """What was decided about a slot, or with a token about a trigger."""
        self.connection.execute(
            "insert into decisions (job_name, outcome, time, schedule_time, run_id, reason, token, count)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (job, outcome, time, slot, run_id, reason, token, count),
        )
