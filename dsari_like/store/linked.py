"""How executions, calls and items hang together, for the pages that link them: ids and numbers, and no text that
somebody outside wrote.

Owns these statements, each through an index and none without a bound but the counts, which count an index. Must not
know how anything is shown, and never writes.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from dsari_like.core.flows import Flow, FlowKind


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One attempt of one item of an array run: what a cell of a grid says."""

    run_id: str
    item: str
    status: str
    attempt: int
    exit_code: int | None
    start_time: float | None
    stop_time: float | None


@dataclass(frozen=True, slots=True)
class CallMark:
    """A call of a callback, as much of it as tells whether it changed. `row` only grows."""

    row: int
    callback_id: str
    callback: str
    run_id: str | None
    state: str
    attempt: int

    @property
    def is_open(self) -> bool:
        """Whether it may change."""
        return self.state in ("waiting", "running")


class Linked:
    """Questions to an open connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # --- flows ----------------------------------------------------------------------------------------------------

    def flow_names(self) -> list[tuple[FlowKind, str]]:
        """Every chain and orchestration that has an execution, in the order of names; a look-up each."""
        found: list[tuple[FlowKind, str]] = []
        name = ""
        while row := self._row("select name, kind from flows where name > ? order by name, start_time desc", name):
            name = row[0]
            found.append((FlowKind(row[1]), name))
        return found

    def flow_count(self, kind: FlowKind, name: str) -> int:
        """How many executions there are."""
        query = "select count(*) from flows where name = ? and kind = ?"
        return int(self._one(query, name, kind.value))

    def flow_number(self, flow: Flow) -> int:
        """The place of an execution among those of its name, counted from 1. They are never removed."""
        query = "select count(*) from flows where name = ? and kind = ? and (start_time, flow_id) <= (?, ?)"
        return int(self._one(query, flow.name, flow.kind.value, flow.start_time, flow.flow_id))

    def flow_ids(self, kind: FlowKind, name: str, first: int, last: int) -> list[str]:
        """The executions from one number to another, oldest first."""
        rows = self._connection.execute(
            "select flow_id from flows where name = ? and kind = ? order by start_time, flow_id limit ? offset ?",
            (name, kind.value, last - first + 1, first - 1),
        )
        return [flow_id for (flow_id,) in rows]

    def flow_revision(self, flow_id: str) -> int:
        """The revision of the newest change in a flow."""
        return int(self._one("select coalesce(max(revision), 0) from runs where flow_id = ?", flow_id))

    # --- items ----------------------------------------------------------------------------------------------------

    def items(self, run_id: str) -> list[ItemRow]:
        """The newest attempt of each item of an array run, in the order in which the items were first made."""
        rows = self._connection.execute(
            "select run_id, item, status, attempt, exit_code, start_time, stop_time from runs"
            " where previous_run_id = ? and item is not null order by sequence",
            (run_id,),
        )
        newest: dict[str, ItemRow] = {}
        for row in rows:
            newest[row[1]] = ItemRow(*row)
        return list(newest.values())

    def item_ids(self, run_id: str) -> list[str]:
        """All attempts of all items of an array run."""
        query = "select run_id from runs where previous_run_id = ? and item is not null order by sequence"
        return [found for (found,) in self._connection.execute(query, (run_id,))]

    # --- calls of callbacks ---------------------------------------------------------------------------------------

    def call_state(self) -> tuple[int, int, int, float]:
        """Another one whenever a call was made or has changed. Looks at the newest and at those that are open."""
        row = self._row(
            "select count(*), total(state = 'running'), total(attempt) from callback_history"
            " where state in ('waiting', 'running')"
        )
        return self.newest_call(), int(row[0]), int(row[1]), float(row[2])

    def newest_call(self) -> int:
        """The last call that was made."""
        return int(self._one("select coalesce(max(rowid), 0) from callback_history"))

    def calls_after(self, row: int, limit: int) -> list[CallMark]:
        """The calls made after this one, oldest first."""
        rows = self._connection.execute(
            "select rowid, callback_id, callback, run_id, state, attempt from callback_history where rowid > ?"
            " order by rowid limit ?",
            (row, limit),
        )
        return [CallMark(*found) for found in rows]

    def open_calls(self) -> list[CallMark]:
        """The calls that may change."""
        rows = self._connection.execute(
            "select rowid, callback_id, callback, run_id, state, attempt from callback_history"
            " where state in ('waiting', 'running') order by time"
        )
        return [CallMark(*found) for found in rows]

    def call_mark(self, row: int) -> CallMark | None:
        """How a call stands now; None when it was removed with its run."""
        found = self._row(
            "select rowid, callback_id, callback, run_id, state, attempt from callback_history where rowid = ?", row
        )
        return CallMark(*found) if found else None

    def called(self) -> list[str]:
        """Every callback that was ever called, in the order of their names; a look-up each."""
        found: list[str] = []
        key = ""
        while row := self._row("select min(callback) from callback_history where callback > ?", key):
            if row[0] is None:
                break
            key = row[0]
            found.append(key)
        return found

    def call_count(self, callback: str) -> int:
        """How many calls of a callback are recorded."""
        return int(self._one("select count(*) from callback_history where callback = ?", callback))

    def latch_marks(self) -> dict[str, int]:
        """For each that remembers anything, a number that is another when what it remembers is."""
        marks: dict[str, int] = {}
        for owner, scope, latches, count in self._connection.execute(
            "select owner, scope, latches, count from latches order by owner, scope"
        ):
            marks[owner] = hash((marks.get(owner, 0), scope, latches, count))
        return marks

    def definition(self, digest: str | None) -> str | None:
        """A job as a run of it was started, as it is kept."""
        row = self._row("select definition from definitions where digest = ?", digest)
        return str(row[0]) if row else None

    # --- the shapes of an answer ------------------------------------------------------------------------------------

    def _row(self, sql: str, *parameters: object) -> tuple[Any, ...]:
        return self._connection.execute(sql + ("" if "limit" in sql else " limit 1"), parameters).fetchone() or ()

    def _one(self, sql: str, *parameters: object) -> float:
        return self._connection.execute(sql, parameters).fetchone()[0]  # type: ignore[no-any-return]
