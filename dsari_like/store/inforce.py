"""The configuration in force as the run log keeps it: one row a job, and what was run under it.

Owns the table `plans`. It is read as a stream and written where it differs: a start with a hundred thousand jobs that
did not change reads them once and writes nothing. Must not know what a difference means.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from dsari_like.core.inforce import Entry

_COLUMNS = ", ".join(Entry._fields)
_PLACES = ", ".join("?" * len(Entry._fields))


class InForce:
    """Shares a connection with whoever reads or writes the rest of the run log."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def entries(self) -> Iterator[Entry]:
        """All that is recorded, one at a time."""
        return map(Entry._make, self._connection.execute(f"select {_COLUMNS} from plans"))

    def made(self) -> dict[str, frozenset[str]]:
        """The calendar times that are not owed again, of the jobs that have any."""
        query = f"select {_COLUMNS} from plans where made is not null"
        return {one.job_name: one.made_times for one in map(Entry._make, self._connection.execute(query))}

    def remember(self, entries: Iterable[Entry], gone: Iterable[str]) -> None:
        """Put these in the place of what is recorded of the same jobs, and forget the others. Raises sqlite3.Error
        with nothing changed."""
        self._connection.execute("begin immediate")
        try:
            self._connection.executemany("delete from plans where job_name = ?", ((name,) for name in gone))
            self._connection.executemany(f"insert or replace into plans ({_COLUMNS}) values ({_PLACES})", entries)
            self._connection.execute("commit")
        except sqlite3.Error:
            self._connection.execute("rollback")
            raise

    def decided(self, job_name: str, since: float) -> dict[float, str]:
        """The slots of a job that were decided, and the outcome of each."""
        query = "select schedule_time, outcome from decisions where job_name = ? and token is null"
        return dict(self._connection.execute(f"{query} and schedule_time >= ?", (job_name, since)))
