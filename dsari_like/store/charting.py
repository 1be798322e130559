"""What charts, lists of trouble and numbers for machines ask of the run log: few columns, and never without a bound.

Owns statements whose cost is limited by what is shown and not by how much there is: counting stops where a chart has
no darker colour left. Must not know what a day is; whoever asks brings the ends of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

#: Runs of one job, or failures of all, that are counted for one day; a chart has no darker colour for more.
DAY_LIMIT = 100
FOREVER = 1e18  # later than any time that is recorded


@dataclass(frozen=True, slots=True)
class BarRow:
    """What a bar of a timeline needs to know of a run."""

    run_id: str
    job_name: str
    status: str
    number: int | None
    due: float  # from when on it waited
    queue_time: float
    start_time: float | None
    stop_time: float | None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A run that completed or failed."""

    run_id: str
    number: int
    status: str
    start_time: float | None
    stop_time: float

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.start_time is None else max(0.0, self.stop_time - self.start_time)


class Charting:
    """The part of the reader that feeds charts."""

    _connection: sqlite3.Connection

    def bars(self, since: float, limit: int, after: BarRow | None = None) -> list[BarRow]:
        """Runs queued since then, the newest first, those after the last one of the batch before; what is not due yet
        is left out."""
        before = (FOREVER, "") if after is None else (after.queue_time, after.run_id)
        cursor = self._connection.execute(
            "select run_id, job_name, status, number, max(schedule_time, queue_time), queue_time, start_time,"
            " stop_time from runs where queue_time >= ? and (queue_time, run_id) < (?, ?) and status <> 'scheduled'"
            " order by queue_time desc, run_id desc limit ?",
            (since, *before, limit),
        )
        return [BarRow(*row) for row in cursor]

    def verdicts(self, job: str, limit: int) -> tuple[VerdictRow, ...]:
        """The latest runs of a job that completed or failed, the newest first; looks at twice as many at the most."""
        cursor = self._connection.execute(
            "select run_id, number, status, start_time, stop_time from (select run_id, number, status, start_time,"
            " stop_time from runs where job_name = ? and number is not null order by number desc limit ?)"
            " where status in ('completed', 'failed') and stop_time is not null limit ?",
            (job, 2 * limit, limit),
        )
        return tuple(VerdictRow(*row) for row in cursor)

    def daily(self, job: str, ends: Sequence[float]) -> list[tuple[int, int]]:
        """How many runs of a job completed and failed between each two of these times; each count up to DAY_LIMIT."""
        cursor = self._connection.execute(
            "select (select count(*) from (select 1 from runs where job_name = :job and status = 'completed'"
            " and stop_time >= begin and stop_time < end limit :most)),"
            " (select count(*) from (select 1 from runs where job_name = :job and status = 'failed'"
            " and stop_time >= begin and stop_time < end limit :most))"
            " from (select value as begin, lead(value) over (order by value) as end from json_each(:ends))"
            " where end is not null order by begin",
            {"job": job, "ends": json.dumps(list(ends)), "most": DAY_LIMIT},
        )
        return cursor.fetchall()

    def daily_failures(self, ends: Sequence[float], hidden: Sequence[str] = ()) -> list[int]:
        """How many runs of all jobs but these failed between each two of these times; counted up to DAY_LIMIT."""
        but = "and job_name not in (select value from json_each(:hidden))" if hidden else ""
        cursor = self._connection.execute(
            "select (select count(*) from (select 1 from runs where status = 'failed' and stop_time >= begin"
            f" and stop_time < end {but} limit :most))"
            " from (select value as begin, lead(value) over (order by value) as end from json_each(:ends))"
            " where end is not null order by begin",
            {"ends": json.dumps(list(ends)), "most": DAY_LIMIT, "hidden": json.dumps(list(hidden))},
        )
        return [count for (count,) in cursor]

    def failed_between(self, since: float, until: float, limit: int) -> tuple[str, ...]:
        """The ids of the runs of all jobs that failed from `since` on and before `until`, the newest first."""
        cursor = self._connection.execute(
            "select run_id from runs where status = 'failed' and stop_time >= ? and stop_time < ?"
            " order by stop_time desc, run_id desc limit ?",
            (since, until, limit),
        )
        return tuple(run_id for (run_id,) in cursor)

    def any_between(self, since: float, until: float) -> bool:
        """Whether any run was queued in this time."""
        query = "select exists (select 1 from runs where queue_time >= ? and queue_time < ?)"
        return bool(self._connection.execute(query, (since, until)).fetchone()[0])

    def timings(self, job: str, limit: int) -> tuple[list[float], list[float]]:
        """How long the latest completed runs of a job took, and how long after their time they had started."""
        rows = self._connection.execute(
            "select max(0.0, stop_time - start_time), max(0.0, start_time - schedule_time) from runs where job_name = ?"
            " and status = 'completed' and stop_time is not null and start_time is not null order by stop_time desc"
            " limit ?",
            (job, limit),
        ).fetchall()
        return [took for took, _ in rows], [late for _, late in rows]

    def counted(self, job: str, status: str, after: float) -> tuple[int, float]:
        """How many runs of a job ended so after this time, and when the last of them did: a count that is carried on
        costs what is new."""
        count, last = self._connection.execute(
            "select count(*), max(stop_time) from runs where job_name = ? and status = ? and stop_time > ?",
            (job, status, after),
        ).fetchone()
        return int(count), after if last is None else float(last)
