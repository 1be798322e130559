"""A job's runs by their numbers, and which of them are gone.

Owns the questions that pages of a history ask: numbers go up by one from a job's first run on, and retention leaves
gaps. Must not know how many runs a page shows.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrunedRow:
    """Word of a run that retention removed."""

    pruned_id: int
    run_id: str
    job_name: str
    number: int | None
    flow_id: str | None = None


class Numbering:
    """The part of the reader that counts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> sqlite3.Connection:
        """For others that ask the same run log."""
        return self._connection

    def newest_number(self, job: str) -> int:
        """The number of the job's newest run; 0 when it has none."""
        return self._integer("select coalesce(max(number), 0) from runs where job_name = ? and number is not null", job)

    def oldest_number(self, job: str) -> int:
        """The number of the oldest run that is still recorded; 0 when there is none."""
        return self.number_after(job, 0)

    def number_before(self, job: str, number: int) -> int:
        """The greatest number below this one that is still recorded; 0 when there is none."""
        query = "select coalesce(max(number), 0) from runs where job_name = ? and number < ? and number is not null"
        return self._integer(query, job, number)

    def number_after(self, job: str, number: int) -> int:
        """The least number above this one that is still recorded; 0 when there is none."""
        query = "select coalesce(min(number), 0) from runs where job_name = ? and number > ? and number is not null"
        return self._integer(query, job, number)

    def count_left(self, job: str) -> int:
        """How many of a job's runs are still recorded. Counts the index only where retention has ever taken any."""
        if self.newest_pruned() == 0:
            return self.newest_number(job)
        return self._integer("select count(*) from runs where job_name = ? and number is not null", job)

    # --- what is gone ---------------------------------------------------------------------------------------------

    def newest_pruned(self) -> int:
        """How many runs retention has removed since the run log was made: the id of the newest word of one."""
        return self._integer("select coalesce(max(seq), 0) from sqlite_sequence where name = 'pruned'")

    def oldest_pruned(self) -> int:
        """The id of the oldest word that is still there, or the one that the next will have."""
        return self._integer("select coalesce(min(pruned_id), ?) from pruned", self.newest_pruned() + 1)

    def pruned_since(self, pruned_id: int, limit: int) -> tuple[PrunedRow, ...]:
        """Word of the runs that were removed after this one, in order."""
        cursor = self._connection.execute(
            "select pruned_id, run_id, job_name, number, flow_id from pruned where pruned_id > ?"
            " order by pruned_id limit ?",
            (pruned_id, limit),
        )
        return tuple(PrunedRow(*row) for row in cursor)

    def _integer(self, sql: str, *parameters: object) -> int:
        return int(self._connection.execute(sql, parameters).fetchone()[0])
