"""The daemon's side of the run log: everything that is written; what is read back at a start is `resuming`.

Owns the one writing connection. All rows of a loop turn go into one transaction: with `synchronous=FULL` a commit of
one run costs ten times what a run costs among sixteen. Must not know why a row is written.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping

from dsari_like.core.effects import Row
from dsari_like.core.flow_messages import SaveFlow, SaveReady
from dsari_like.core.messages import (
    Decide,
    DropRest,
    Effect,
    RememberDefinition,
    RememberId,
    RememberRequest,
    RememberSlots,
    SaveRest,
    SaveRun,
)
from dsari_like.core.model import EndedRun, Pause, Run, SkipNext
from dsari_like.core.reactions import SaveCall, SaveLatches
from dsari_like.core.selection import Selection
from dsari_like.store import calls, lives, repeating, resuming
from dsari_like.store.answers import Answers, remember_request
from dsari_like.store.db import open_writer
from dsari_like.store.flowlog import write_flow
from dsari_like.store.inforce import InForce

_COLUMNS = [
    *"run_id job_name status reason exit_code schedule_time queue_time start_time stop_time trigger_type trigger_data"
    " run_data flow_id previous_run_id retry_of attempt item concurrency_group user_seconds system_seconds max_rss"
    " message environment origin trigger_id priority sequence ending pid start_ticks boot_id".split(),
    *lives.COLUMNS, "revision",
]  # fmt: skip
#: What may change after a run was made. An upsert of all columns would touch every index of the table with every step.
_CHANGING = [
    *"status reason exit_code schedule_time start_time stop_time run_data concurrency_group user_seconds system_seconds"
    " max_rss message origin priority ending pid start_ticks boot_id flow_id".split(),
    *lives.COLUMNS, "revision",
]  # fmt: skip
#: The number, a run's place in its job's history, is given at the insert and never touched again; items have none.
_NUMBER = (
    "case when :item is null then"
    " (select 1 + coalesce(max(number), 0) from runs where job_name = :job_name and number is not null) end"
)
_INSERT = (
    f"insert into runs ({', '.join(_COLUMNS)}, number) values ({', '.join(':' + name for name in _COLUMNS)}, {_NUMBER})"
)
_UPDATE = f"update runs set {', '.join(f'{name} = :{name}' for name in _CHANGING)} where run_id = :run_id"
_EVENT = "insert into events (run_id, time, from_state, to_state, cause) values (?, ?, ?, ?, ?)"
_DECIDE = (
    "insert into decisions (job_name, schedule_time, outcome, run_id, reason, time, count, token, trigger_id)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class RunLog(Answers):
    """One database file, opened for writing."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._db = open_writer(path)
        self._previous: dict[str, dict[str, EndedRun]] = {}
        self.in_force = InForce(self._db)
        self._revision: int = self._db.execute("select coalesce(max(revision), 0) from runs").fetchone()[0]

    @property
    def connection(self) -> sqlite3.Connection:
        """For what else is written by the same daemon, between two turns: there is one writer."""
        return self._db

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._db.close()

    # --- writing ------------------------------------------------------------------------------------------------

    def write(self, effects: Iterable[Effect]) -> bool:
        """Write every row the effects ask for in one transaction, durable when this returns. False when there were
        none. Raises sqlite3.Error with nothing written: the same call may be made again."""
        rows = [effect for effect in effects if isinstance(effect, Row)]
        if not rows:
            return False
        revision = self._revision
        self._db.execute("begin immediate")
        try:
            self._write_rows(rows)
            self._db.execute("commit")
        except sqlite3.Error:
            self._revision = revision
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        self._look_again({row.run.job_name for row in rows if isinstance(row, SaveRun) and row.run.is_final})
        return True

    def _look_again(self, ended: Iterable[str]) -> None:
        """A run of these jobs has ended: what the next one is told of it is looked up now, not while it waits."""
        for name in ended:
            if self._previous.pop(name, None) is not None:
                with contextlib.suppress(sqlite3.Error):  # the rows are written; it is asked again at the start
                    self.previous(name)

    def _write_rows(self, rows: Iterable[Row]) -> None:
        newest: dict[str, Run] = {}  # a run that moved twice in a turn is one row, with an event for each move
        made: set[str] = set()
        for row in rows:
            match row:
                case SaveRun():
                    newest[row.run.run_id] = row.run
                    if row.cause is not None:
                        if row.from_state is None:
                            made.add(row.run.run_id)
                        event = (row.run.run_id, row.time, row.from_state, row.run.state.value, row.cause)
                        self._db.execute(_EVENT, event)
                case Decide():
                    self._db.execute(_DECIDE, _decision_values(row))
                case RememberId():
                    values = (row.id, row.job_name, row.run_id, row.time)
                    self._db.execute("insert or replace into trigger_ids values (?, ?, ?, ?)", values)
                case RememberSlots():
                    self._remember_slots(row.slots)
                case SaveRest():
                    self._db.execute("insert or replace into rests values (?, ?, ?, ?, ?)", _rest_values(row.rest))
                case RememberDefinition():
                    self._db.execute("insert or ignore into definitions values (?, ?)", (row.digest, row.text))
                case RememberRequest():
                    remember_request(self._db, row)
                case SaveFlow() | SaveReady():
                    write_flow(self._db, row)
                case DropRest():
                    over = (row.job_name, row.kind.__name__)
                    self._db.execute("delete from rests where job_name = ? and kind = ?", over)
                case SaveCall():
                    calls.save(self._db, row.call)
                case SaveLatches():
                    calls.save_latches(self._db, row)
        for run in newest.values():
            self._revision += 1
            columns = dict(zip(_COLUMNS, (*_run_values(run), self._revision), strict=True))
            if run.run_id in made or self._db.execute(_UPDATE, columns).rowcount == 0:
                self._db.execute(_INSERT, columns)

    def _remember_slots(self, slots: Mapping[str, float]) -> None:
        self._db.executemany(
            "insert into slots (job_name, last_slot) values (?, ?)"
            " on conflict (job_name) do update set last_slot = excluded.last_slot",
            slots.items(),
        )

    def remember_anchors(self, anchors: Mapping[str, float]) -> None:
        """Fix the instants that recurrence rules count from, so that their phase outlives the daemon (B-31)."""
        self._db.execute("begin immediate")
        self._db.executemany(
            "insert into slots (job_name, anchor) values (?, ?)"
            " on conflict (job_name) do update set anchor = excluded.anchor",
            anchors.items(),
        )
        self._db.execute("commit")

    # --- reading back -------------------------------------------------------------------------------------------

    def outcome_of(self, token: str) -> tuple[str, str] | None:
        """Outcome and reason of a claim that was recorded before a crash kept its file from being removed."""
        row = self._one("select outcome, reason from decisions where token = ?", token)
        return (row[0], row[1]) if row else None

    def answer_of(self, token: str) -> tuple[str, str] | None:
        """State and reason of a request that was recorded before a crash kept its file from being removed."""
        row = self._one("select state, coalesce(reason, '') from requests where token = ?", token)
        return (row[0], row[1]) if row else None

    def last_slots(self) -> dict[str, float]:
        """For each job the newest slot that was decided."""
        return resuming.last_slots(self._db)

    def anchors(self) -> dict[str, float]:
        """For each job with a recurrence rule, the instant it counts from."""
        return dict(self._db.execute("select job_name, anchor from slots where anchor is not null"))

    def open_runs(self) -> list[Run]:
        """The runs that are not final, in order of arrival."""
        return resuming.open_runs(self._db)

    def ended(self, selection: Selection, limit: int) -> tuple[Run, ...]:
        """The runs that have ended and are meant, oldest first, but for those that were repeated since; a run that is
        named is meant all the same."""
        return repeating.ended(self._db, selection, limit)

    def unfinished_items(self, run_id: str) -> tuple[str, ...]:
        """The items of an array run that did not complete."""
        return repeating.unfinished_items(self._db, run_id)

    def repeated_by(self, run_id: str) -> str | None:
        """The newest run that repeats this one."""
        return repeating.repeated_by(self._db, run_id)

    def definition_of(self, run_id: str) -> str | None:
        """The job as the run was started; None when it never was."""
        return repeating.definition_of(self._db, run_id)

    def rests(self) -> tuple[Pause | SkipNext, ...]:
        """The pauses that hold, and the wishes to leave out a slot."""
        return resuming.rests(self._db)

    def previous(self, job_name: str) -> dict[str, EndedRun]:
        """The last run of the job to end, the last good one and the last bad one, by the prefix of their variables.

        Remembered until a run of the job is written again: a burst starts hundreds of runs of one job in a turn.
        """
        found = self._previous.get(job_name)
        if found is None:
            found = self._previous[job_name] = self._look_up_previous(job_name)
        return found

    def _look_up_previous(self, job_name: str) -> dict[str, EndedRun]:
        query = (
            "select run_id, schedule_time, start_time, stop_time, exit_code from runs"
            " where job_name = ? and exit_code {} 0 and start_time is not null and stop_time is not null"
            " and item is null"
            " order by stop_time desc limit 1"
        )
        good, bad = self._one(query.format("="), job_name), self._one(query.format("<>"), job_name)
        rows = {"PREVIOUS_GOOD_": good, "PREVIOUS_BAD_": bad}
        ended = {prefix: EndedRun(*row) for prefix, row in rows.items() if row}
        if ended:
            ended["PREVIOUS_"] = max(ended.values(), key=lambda run: run.stop_time)
        return ended

    def check(self) -> str:
        """SQLite's own word on the file: `ok`, or what is wrong."""
        return str(self._db.execute("pragma quick_check(1)").fetchone()[0])


def _rest_values(rest: Pause | SkipNext) -> tuple[object, ...]:
    until = rest.until if isinstance(rest, Pause) else None
    return (rest.job_name, type(rest).__name__, rest.time, until, rest.reason)


def _decision_values(row: Decide) -> tuple[object, ...]:
    d = row.decision
    outcome = d.outcome.value
    return (d.job_name, d.schedule_time, outcome, d.run_id, d.reason, d.time, d.count, d.token, d.trigger_id)


def _run_values(run: Run) -> tuple[object, ...]:
    exit_, process, trigger = run.exit, run.process, run.trigger
    origin = {**trigger.origin, "folded": run.folded} if run.folded else trigger.origin
    return (
        run.run_id,
        run.job_name,
        run.state.value,
        run.reason.value if run.reason else None,
        exit_.code if exit_ else None,
        run.schedule_time,
        run.queue_time,
        run.start_time,
        run.stop_time,
        trigger.type,
        _json(trigger.data),
        None if run.run_data is None else _json(run.run_data),
        run.flow_id,
        run.previous_run_id,
        run.retry_of,
        run.attempt,
        run.item,
        run.concurrency_group,
        exit_.user_seconds if exit_ else None,
        exit_.system_seconds if exit_ else None,
        exit_.max_rss if exit_ else None,
        run.message,
        _json(trigger.environment),
        _json(origin),
        trigger.id,
        run.priority,
        run.sequence,
        run.ending.value if run.ending else None,
        process.pid if process else None,
        process.start_ticks if process else None,
        process.boot_id if process else None,
        *lives.values(run),
    )


def _json(value: object) -> str:
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False) if value else "{}"
    return json.dumps(value, ensure_ascii=False)
