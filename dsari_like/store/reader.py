"""What people and pages ask of the run log: a name and one visible statement each, every one through an index.

Must not know how a row is shown, and never writes. A question whose cost grows with the history says so; none of
those is asked by the daemon or by a page.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from dsari_like.core.secrets import ALWAYS, Secrets
from dsari_like.store.charting import FOREVER, BarRow, Charting, VerdictRow
from dsari_like.store.flowed import Flowed
from dsari_like.store.hiding import Hiding
from dsari_like.store.numbering import Numbering, PrunedRow
from dsari_like.store.rested import Rested
from dsari_like.store.rows import DecisionRow, EventRow, JobSummary, RunRow, mapping_of

__all__ = [
    "FOREVER", "BarRow", "DecisionRow", "EventRow", "JobSummary", "PrunedRow", "Reader", "RunRow", "VerdictRow",
    "mapping_of",
]  # fmt: skip

RUN_COLUMNS = (
    "run_id, job_name, status, reason, exit_code, schedule_time, queue_time, start_time, stop_time, trigger_type,"
    " trigger_data, run_data, flow_id, previous_run_id, retry_of, attempt, item, concurrency_group, user_seconds,"
    " system_seconds, max_rss, message, environment, origin, trigger_id, priority, sequence, ending, pid,"
    " start_ticks, boot_id, revision, number, progress, progress_message, progress_time, job_variables, locks, stage,"
    " stages, items, selection, launch, resume, definition, as_recorded"
)
DECISION_COLUMNS = "decision_id, job_name, schedule_time, outcome, run_id, reason, time, count, token, trigger_id"
OPEN = "('scheduled', 'blocked', 'queued', 'waiting_for_lock', 'running', 'timed_out')"


class Reader(Numbering, Rested, Flowed, Charting):
    """Questions to the run log. Shares a connection with the writer or has its own read-only one. No answer holds what
    `secrets` hides: who needs what was recorded asks the `RunLog`."""

    #: Failures in a row are counted up to here and said to be "100 or more" beyond.
    STREAK_LIMIT = 100

    def __init__(self, connection: sqlite3.Connection, secrets: Secrets = ALWAYS) -> None:
        super().__init__(connection)
        self._hiding = Hiding(secrets)

    def close(self) -> None:
        """Close the connection; nothing can be asked any more."""
        self._connection.close()

    # --- runs ---------------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> RunRow | None:
        """The run of this id."""
        return self._run(f"select {RUN_COLUMNS} from runs where run_id = ?", run_id)

    def run_by_prefix(self, prefix: str, limit: int = 5) -> tuple[RunRow, ...]:
        """Runs whose id begins so: one when the prefix is enough for a person, several when it is not."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where run_id >= ? and run_id < ? order by run_id limit ?",
            *(prefix, prefix + "\U0010ffff", limit),
        )

    def runs(
        self,
        job: str | None = None,
        status: Sequence[str] | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int = -1,
        after: RunRow | None = None,
        items: bool = False,
    ) -> Iterator[RunRow]:
        """Runs by the time they were queued, newest first; `after` is the last row of the page before. With `items`
        those of array runs too, each a row.

        A filter by status walks back until `limit` rows are found, so it may read a job's whole history.
        """
        where = "" if job is None else "job_name = :job and "
        where += "" if status is None else "status in (select value from json_each(:status)) and "
        where += "" if items else "item is null and "
        bound = (until if until is not None else FOREVER, "\U0010ffff")
        last = bound if after is None else min(bound, (after.queue_time, after.run_id))
        cursor = self._connection.execute(
            f"select {RUN_COLUMNS} from runs where {where} queue_time >= :since"
            " and (queue_time, run_id) < (:time, :run_id) order by queue_time desc, run_id desc limit :limit",
            {
                "job": job,
                "status": json.dumps(list(status or ())),
                "since": -FOREVER if since is None else since,
                "time": last[0],
                "run_id": last[1],
                "limit": limit,
            },
        )
        return (self._hiding.run(RunRow(*row)) for row in cursor)

    def numbered(self, job: str, first: int, last: int) -> tuple[RunRow, ...]:
        """The runs of a job from one number to another, oldest first: a page of its history."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where job_name = ? and number between ? and ? order by number",
            *(job, first, last),
        )

    def retries_of(self, run_id: str) -> tuple[RunRow, ...]:
        """The runs that are a retry of this one."""
        return self._runs(f"select {RUN_COLUMNS} from runs where retry_of = ?", run_id)

    def runs_of_flow(self, flow_id: str) -> tuple[RunRow, ...]:
        """The runs of a flow in the order they were made, but for the items of array runs."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where flow_id = ? and item is null order by sequence", flow_id
        )

    def items_of(self, run_id: str, limit: int = -1) -> tuple[RunRow, ...]:
        """The items of an array run, each attempt of one a row, in the order they were made."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where previous_run_id = ? and item is not null order by sequence limit ?",
            *(run_id, limit),
        )

    def last_of(self, job: str) -> RunRow | None:
        """The newest run of the job, in whatever state."""
        return self._run(
            f"select {RUN_COLUMNS} from runs where job_name = ? and number is not null order by number desc limit 1",
            job,
        )

    def last_good(self, job: str) -> RunRow | None:
        """The run that ended last among those that completed."""
        return self._run(
            f"select {RUN_COLUMNS} from runs where job_name = ? and status = 'completed'"
            " and item is null and stop_time is not null order by stop_time desc, run_id desc limit 1",
            job,
        )

    def last_bad(self, job: str) -> RunRow | None:
        """The run that ended last among those that failed."""
        return self._run(
            f"select {RUN_COLUMNS} from runs where job_name = ? and status = 'failed'"
            " and item is null and stop_time is not null order by stop_time desc, run_id desc limit 1",
            job,
        )

    def durations(self, job: str, limit: int = 20) -> tuple[float, ...]:
        """How long the job's latest completed runs took, in seconds."""
        rows = self._connection.execute(
            "select max(0.0, stop_time - start_time) from runs where job_name = ? and status = 'completed'"
            " and item is null and stop_time is not null and start_time is not null order by stop_time desc limit ?",
            (job, limit),
        )
        return tuple(seconds for (seconds,) in rows)

    def summary(self, job: str) -> JobSummary:
        """The job's latest runs, and how long it has been failing; five look-ups whatever the history."""
        good, failed = self.last_good(job), self.last_bad(job)
        since, count = self._connection.execute(
            "select min(stop_time), count(*) from (select stop_time from runs where job_name = ? and status = 'failed'"
            " and item is null and stop_time > ? order by stop_time limit ?)",
            (job, -FOREVER if good is None else good.stop_time, self.STREAK_LIMIT),
        ).fetchone()
        return JobSummary(self.last_of(job), good, failed, int(count), since)

    def count(self, job: str | None = None) -> int:
        """How many runs are recorded, of a job or of all. Counts the index: grows with the history."""
        if job is None:
            return self._integer("select count(*) from runs")
        return self._integer("select count(*) from runs where job_name = ?", job)

    def count_changed(self, revision: int) -> int:
        """How many runs changed after a revision."""
        return self._integer("select count(*) from runs where revision > ?", revision)

    def open_runs(self, limit: int = -1) -> tuple[RunRow, ...]:
        """Runs that have not ended, in the order they arrived."""
        return self._runs(f"select {RUN_COLUMNS} from runs where status in {OPEN} order by sequence limit ?", limit)

    def waiting(self, limit: int = -1) -> tuple[RunRow, ...]:
        """Runs that have not started yet, in the order they arrived; the items of an array run are told by it."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where status in {OPEN} and status not in ('running', 'timed_out')"
            " and item is null order by sequence limit ?",
            limit,
        )

    def open_counts(self) -> Mapping[str, int]:
        """How many runs are in each state that is not final."""
        rows = self._connection.execute(f"select status, count(*) from runs where status in {OPEN} group by status")
        return dict(rows.fetchall())

    def running(self) -> tuple[RunRow, ...]:
        """Runs that have a process, the one that began first before the others."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where status in {OPEN} and status in ('running', 'timed_out')"
            " order by start_time, run_id"
        )

    def failures(self, limit: int = 10) -> tuple[RunRow, ...]:
        """The latest failed runs of all jobs; an array run stands for its items."""
        return self._runs(
            f"select {RUN_COLUMNS} from runs where status = 'failed' and item is null"
            " order by stop_time desc, run_id desc limit ?",
            limit,
        )

    def jobs_with_history(self) -> tuple[str, ...]:
        """Names of all jobs that have runs, configured or not; one look-up a job, however many runs each has."""
        rows = self._connection.execute(
            "with recursive names (name) as (select min(job_name) from runs union all"
            " select (select min(job_name) from runs where job_name > name) from names where name is not null)"
            " select name from names where name is not null"
        )
        return tuple(name for (name,) in rows)

    def job_after(self, name: str) -> str | None:
        """The next job that has runs, in the order of names; for a walk that may be left at any name."""
        row = self._connection.execute("select min(job_name) from runs where job_name > ?", (name,)).fetchone()
        return None if row[0] is None else str(row[0])

    # --- decisions and events -----------------------------------------------------------------------------------

    def decisions(
        self,
        job: str | None = None,
        run_id: str | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int = -1,
    ) -> tuple[DecisionRow, ...]:
        """Decisions, newest first: about a run, or a job, or all (then in the order they were made, which no index
        by time is kept for)."""
        where = "" if job is None else "job_name = :job and "
        where += "" if run_id is None else "run_id = :run_id and "
        order = "time desc, decision_id desc" if where else "decision_id desc"
        cursor = self._connection.execute(
            f"select {DECISION_COLUMNS} from decisions where {where} time between :since and :until order by {order}"
            " limit :limit",
            {
                "job": job,
                "run_id": run_id,
                "since": -FOREVER if since is None else since,
                "until": FOREVER if until is None else until,
                "limit": limit,
            },
        )
        return tuple(self._hiding.decision(DecisionRow(*row)) for row in cursor)

    def decision_at(self, job: str, time: float) -> DecisionRow | None:
        """The decision about the slot nearest to a time, or the trigger that was decided nearest to it."""
        select = f"select {DECISION_COLUMNS} from decisions where job_name = :job and"
        cursor = self._connection.execute(
            f"select * from ({select} token is null and schedule_time <= :at order by schedule_time desc limit 1)"
            f" union all select * from ({select} token is null and schedule_time >= :at order by schedule_time limit 1)"
            f" union all select * from ({select} time <= :at order by time desc limit 1)"
            f" union all select * from ({select} time >= :at order by time limit 1)",
            {"job": job, "at": time},
        )
        found = [self._hiding.decision(DecisionRow(*row)) for row in cursor]
        return min(found, key=lambda row: (_distance(row, time), row.decision_id), default=None)

    def decided_slots(self, job: str, since: float, until: float, limit: int = -1) -> tuple[DecisionRow, ...]:
        """The decisions about the job's slots from `since` on and before `until`, whenever they were made."""
        cursor = self._connection.execute(
            f"select {DECISION_COLUMNS} from decisions where job_name = ? and token is null and schedule_time >= ?"
            " and schedule_time < ? order by schedule_time limit ?",
            (job, since, until, limit),
        )
        return tuple(self._hiding.decision(DecisionRow(*row)) for row in cursor)

    def first_decision(self, job: str) -> float | None:
        """When anything was decided about the job for the first time."""
        (time,) = self._connection.execute("select min(time) from decisions where job_name = ?", (job,)).fetchone()
        return None if time is None else float(time)

    def events(self, run_id: str) -> tuple[EventRow, ...]:
        """A run's changes of state, in their order."""
        cursor = self._connection.execute(
            "select run_id, time, from_state, to_state, cause from events where run_id = ? order by event_id",
            (run_id,),
        )
        return tuple(self._hiding.event(EventRow(*row)) for row in cursor)

    def anchors(self) -> Mapping[str, float]:
        """For each job with a recurrence rule, the instant it counts from."""
        return dict(self._connection.execute("select job_name, anchor from slots where anchor is not null").fetchall())

    # --- what is new --------------------------------------------------------------------------------------------

    def newest_revision(self) -> int:
        """The revision of the newest change to any run; 0 for an empty run log."""
        return self._integer("select coalesce(max(revision), 0) from runs")

    def newest_change(self) -> RunRow | None:
        """The run that changed last."""
        return self._run(f"select {RUN_COLUMNS} from runs order by revision desc, run_id desc limit 1")

    def changed_last(self, limit: int) -> tuple[RunRow, ...]:
        """The runs that changed last, the newest first."""
        return self._runs(f"select {RUN_COLUMNS} from runs order by revision desc, run_id desc limit ?", limit)

    def changed_since(self, revision: int, limit: int, run_id: str = "") -> tuple[RunRow, ...]:
        """Runs changed after a revision, in the order of their changes.

        One commit changes many runs under one revision: to go on after a full batch, give the revision and the id of
        its last row.
        """
        after = run_id or "\U0010ffff"
        return self._runs(
            f"select {RUN_COLUMNS} from runs where (revision, run_id) > (?, ?) order by revision, run_id limit ?",
            *(revision, after, limit),
        )

    def newest_decision(self) -> int:
        """The number of the newest decision; 0 when nothing was decided yet."""
        return self._integer("select coalesce(max(decision_id), 0) from decisions")

    def decisions_since(self, decision_id: int, limit: int) -> tuple[DecisionRow, ...]:
        """Decisions made after this one, oldest first."""
        cursor = self._connection.execute(
            f"select {DECISION_COLUMNS} from decisions where decision_id > ? order by decision_id limit ?",
            (decision_id, limit),
        )
        return tuple(self._hiding.decision(DecisionRow(*row)) for row in cursor)

    # --- the shapes of an answer --------------------------------------------------------------------------

    def _run(self, sql: str, *parameters: object) -> RunRow | None:
        row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None else self._hiding.run(RunRow(*row))

    def _runs(self, sql: str, *parameters: object) -> tuple[RunRow, ...]:
        return tuple(self._hiding.run(RunRow(*row)) for row in self._connection.execute(sql, parameters))


def _distance(row: DecisionRow, time: float) -> float:
    """Slots are looked for by their instant (the decision may have come hours later), triggers by their arrival."""
    instant = row.schedule_time if row.token is None and row.schedule_time is not None else row.time
    return abs(instant - time)
