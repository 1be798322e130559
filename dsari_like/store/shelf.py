"""What retention asks of the run log, and the one place where rows are taken out of it.

Owns the statements. Whatever grows with the history is asked for in pages, so that nobody waits for it. Must not know
the rules, or where a run's files are.

Some rows stay although their run may be of no interest: a run's number, revision and decision are counted on from the
greatest that is there, and a number that is given twice is a page that shows the wrong run, or none.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from dsari_like.core.retention import Finished
from dsari_like.core.trust import Trust
from dsari_like.store.reader import FOREVER, OPEN

PAGE = 200
#: Seconds a page has to learn that a run is gone; one that slept longer is made anew with all others.
TOLD_FOR = 30 * 86_400.0
#: Seconds a decision stays in any case: until no power cut can bring back the file it is about.
SURELY_SETTLED = 86_400.0

_FINISHED = "run_id, job_name, status, stop_time, coalesce(bytes, -1)"
_HAS_ENDED = f"status not in {OPEN} and typeof(stop_time) in ('real', 'integer')"
_REFERRED = (
    "select previous_run_id as id, run_id as by, 'it came before' as what from runs"
    f" where status in {OPEN} and previous_run_id is not null"
    f" union all select retry_of, run_id, 'it is retried by' from runs where status in {OPEN} and retry_of is not null"
    " union all select r.run_id, o.run_id, 'it is of one flow with' from runs o join runs r on r.flow_id = o.flow_id"
    f" where o.status in {OPEN} and o.flow_id is not null"
)
#: The latest of each kind, by the number and by the clock: what pages, commands and `PREVIOUS_…` variables tell of.
_LATEST = (
    ("the last run", "number is not null order by number"),
    ("the last good run", "item is null and status = 'completed' and stop_time is not null order by stop_time"),
    ("the last failed run", "item is null and status = 'failed' and stop_time is not null order by stop_time"),
    ("the last run that ended well", "item is null and exit_code = 0 and start_time is not null order by stop_time"),
    ("the last run that ended badly", "item is null and exit_code <> 0 and start_time is not null order by stop_time"),
)
_GONE = "(run_id is null or not exists (select 1 from runs where runs.run_id = decisions.run_id))"


class Shelf:
    """Questions to the run log, and with the writer's connection the removal of rows. A size of -1 is not known."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # --- what there is --------------------------------------------------------------------------------------------

    def of_job(self, job: str) -> Iterator[Finished | None]:
        """The finished runs of a job, newest first; None after each page. Rows that were read may be removed."""
        below = 2**62
        while rows := self._all(
            f"select number, {_HAS_ENDED}, {_FINISHED} from runs where job_name = ? and number is not null"
            f" and number < ? order by number desc limit {PAGE}",
            *(job, below),
        ):
            yield from (Finished(*row[2:]) for row in rows if row[1])
            yield None
            below = rows[-1][0]

    def of_all(self) -> Iterator[Finished | None]:
        """The finished runs of all jobs, by the time they were queued, newest first; None after each page. The items of
        an array run are a part of it, and stay and go with it."""
        last = (FOREVER, "\U0010ffff")
        while rows := self._all(
            f"select queue_time, run_id, {_HAS_ENDED}, {_FINISHED} from runs where (queue_time, run_id) < (?, ?)"
            f" and item is null order by queue_time desc, run_id desc limit {PAGE}",
            *last,
        ):
            yield from (Finished(*row[3:]) for row in rows if row[2])
            yield None
            last = rows[-1][:2]

    def items_of(self, run_id: str) -> Iterator[Finished | None]:
        """The runs that are a run's items; None after each page. Rows that were read may be removed."""
        last = ("", "")
        yield None
        while rows := self._all(
            f"select item, {_FINISHED} from runs where previous_run_id = ? and item is not null"
            f" and (item, run_id) > (?, ?) order by item, run_id limit {PAGE}",
            *(run_id, *last),
        ):
            yield from (replace(Finished(*row[1:]), is_item=True) for row in rows)
            yield None
            last = rows[-1][:2]

    def needed(self, job: str) -> dict[str, str]:
        """The runs of a job that are spared whatever the rules say, and why."""
        found: dict[str, str] = {}
        for what, where in _LATEST:
            for (run_id,) in self._all(f"select run_id from runs where job_name = ? and {where} desc limit 1", job):
                found.setdefault(run_id, f"it is {what} of its job")
        for run_id, by, what in self._all(f"select * from ({_REFERRED})"):
            found.setdefault(run_id, f"{what} run {by}, which has not ended")
        for (run_id,) in self._all("select run_id from runs order by revision desc limit 1"):
            found.setdefault(run_id, "it is the run that changed last")
        return found

    def still_free(self, run_ids: Collection[str]) -> set[str]:
        """Those that have ended and that no run which has not refers to, at this moment."""
        rows = self._all(
            f"select run_id from runs where run_id in (select value from json_each(?)) and {_HAS_ENDED}"
            f" and run_id not in (select id from ({_REFERRED}))",
            json.dumps(list(run_ids)),
        )
        return {run_id for (run_id,) in rows}

    def job_of(self, run_id: str) -> str | None:
        """The job of a run that is recorded."""
        rows = self._all("select job_name from runs where run_id = ?", run_id)
        return rows[0][0] if rows else None

    def jobs(self) -> Iterator[str]:
        """The jobs that have runs, configured or not; one look-up each."""
        return self._names("runs")

    def decided_jobs(self) -> Iterator[str]:
        """The jobs about which anything was decided."""
        return self._names("decisions")

    def _names(self, table: str) -> Iterator[str]:
        name = ""
        while rows := self._all(
            f"select min(job_name) from {table} where job_name > ? having min(job_name) > ''", name
        ):
            name = rows[0][0]
            yield name

    # --- what is written ------------------------------------------------------------------------------------------

    def forget(self, run_ids: Collection[str], now: float) -> None:
        """Take the runs and their events out, and leave word for the pages; all in one transaction."""
        ids = json.dumps(list(run_ids))
        these = "run_id in (select value from json_each(?))"
        self._write(
            (f"insert into pruned (run_id, job_name, number, flow_id, time) select run_id, job_name, number, flow_id, ?"
             f" from runs where {these}", (now, ids)),
            (f"delete from events where {these}", (ids,)),
            (f"delete from callback_history where {these}", (ids,)),
            (f"delete from runs where {these}", (ids,)),
        )  # fmt: skip

    def forget_decisions(self, job: str, before: float) -> int:
        """Take out a page of a job's decisions that are older and whose run is gone. Returns how many."""
        return self._write(
            ("delete from decisions where decision_id in (select decision_id from decisions where job_name = ?"
             f" and time < ? and {_GONE} and decision_id < (select max(decision_id) from decisions) limit {PAGE})",
             (job, before)),
        )  # fmt: skip

    def forget_word(self, now: float) -> int:
        """What every page has long been told."""
        return self._write(("delete from pruned where time < ?", (now - TOLD_FOR,)))

    def remember_sizes(self, sizes: Collection[tuple[int, str]]) -> None:
        """What run directories hold, so that it is found out once."""
        self._write(*(("update runs set bytes = ? where run_id = ?", size) for size in sizes))

    # --- the clock ------------------------------------------------------------------------------------------------

    def trust(self) -> Trust | None:
        """How far the wall clock was believed; None when that was never asked."""
        rows = self._all("select believed, claimed, watched from clock")
        return Trust(*rows[0]) if rows else None

    def newest_time(self) -> float | None:
        """The time of what was recorded last; None for an empty run log."""
        rows = self._all("select time from events order by event_id desc limit 1")
        rows = rows or self._all("select time from decisions order by decision_id desc limit 1")
        return rows[0][0] if rows else None

    def remember_trust(self, trust: Trust) -> None:
        """For the next daemon, and for commands."""
        values = (trust.believed, trust.claimed, trust.watched)
        self._write(("insert or replace into clock values (1, ?, ?, ?)", values))

    # --- the two shapes -------------------------------------------------------------------------------------------

    def _all(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def _write(self, *statements: tuple[str, tuple[object, ...]]) -> int:
        """All of them or none; returns how many rows the last one touched."""
        self._connection.execute("begin immediate")
        count = 0
        try:
            for sql, parameters in statements:
                count = self._connection.execute(sql, parameters).rowcount
            self._connection.execute("commit")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise
        return count
