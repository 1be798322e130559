"""What the run log keeps beside the rows of runs, asked for many runs at once: the page of each is about to be made.

Owns these statements, each through an index. An answer for many is made of the same statements as that for one, so it
cannot be another. Must not know how anything is shown, and never writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import TypeVar

from dsari_like.core.secrets import Secrets
from dsari_like.store.called import Called, CallRow
from dsari_like.store.hiding import Hiding
from dsari_like.store.rows import DecisionRow, EventRow, RunRow

#: Completed runs before one that it is compared with. Numbers are looked at back to twice as many.
BEFORE = 20

_DECISIONS = "decision_id, job_name, schedule_time, outcome, run_id, reason, time, count, token, trigger_id"
_AMONG = "in (select value from json_each(?))"
Row = TypeVar("Row", EventRow, DecisionRow, CallRow)

#: How long a run took, the most memory it held, and its processor time.
Cost = tuple[float, int | None, float | None]


@dataclass(frozen=True, slots=True)
class Past:
    """A run before another one. `took` is none where nothing is compared with it."""

    run_id: str
    number: int
    stop_time: float
    took: float | None
    max_rss: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Beside:
    """What is recorded of a run, in the order in which it came; `past` are the runs of its job before it, the newest
    first."""

    events: tuple[EventRow, ...]
    decisions: tuple[DecisionRow, ...]
    calls: tuple[CallRow, ...]
    is_retried: bool
    past: tuple[Past, ...]

    def before(self, start: float) -> list[Cost]:
        """Of the completed runs that had ended by then. Counted back from the run's number, so that the answer is the
        same whenever it is asked."""
        found = ((one.took, one.max_rss, one.seconds) for one in self.past if one.took is not None
                 and one.stop_time <= start)  # fmt: skip
        return list(islice(found, BEFORE))


class Besides:
    """Asks for some runs at once, and is asked for one after the other. What was found is forgotten as soon as anything
    is written to the run log."""

    def __init__(self, connection: sqlite3.Connection, secrets: Secrets) -> None:
        self._connection = connection
        self._called, self._hiding = Called(connection, secrets), Hiding(secrets)
        self._ahead: dict[str, Beside] = {}
        self._one: dict[str, Beside] = {}
        self._mark = (-1, -1)

    def look_ahead(self, runs: Sequence[RunRow]) -> None:
        """These runs are the next."""
        self._ahead = self._found(runs)
        self._mark = self._written()

    def of(self, run: RunRow) -> Beside:
        """What is recorded of a run."""
        if self._mark != self._written():
            self._ahead, self._one = {}, {}
        found = self._ahead.get(run.run_id) or self._one.get(run.run_id)
        if found is None:
            self._mark = self._written()
            self._one = self._found([run])
            found = self._one[run.run_id]
        return found

    def _written(self) -> tuple[int, int]:
        """Another one when this or another connection has written."""
        return self._connection.total_changes, self._connection.execute("pragma data_version").fetchone()[0]

    def _found(self, runs: Sequence[RunRow]) -> dict[str, Beside]:
        ids = json.dumps([run.run_id for run in runs])
        events, decisions = _by_run(self._events(ids)), _by_run(self._decisions(ids))
        calls = _by_run(self._called.of_runs(ids))
        query = f"select distinct retry_of from runs where retry_of {_AMONG}"
        retried = {run_id for (run_id,) in self._connection.execute(query, (ids,))}
        past = dict(self._past(runs))
        return {
            one: Beside(events.get(one, ()), decisions.get(one, ()), calls.get(one, ()), one in retried, past[one])
            for one in (run.run_id for run in runs)
        }

    def _events(self, ids: str) -> Iterator[EventRow]:
        query = f"select run_id, time, from_state, to_state, cause from events where run_id {_AMONG} order by event_id"
        return (self._hiding.event(EventRow(*row)) for row in self._connection.execute(query, (ids,)))

    def _decisions(self, ids: str) -> Iterator[DecisionRow]:
        query = f"select {_DECISIONS} from decisions where run_id {_AMONG} order by time, decision_id"
        return (self._hiding.decision(DecisionRow(*row)) for row in self._connection.execute(query, (ids,)))

    def _past(self, runs: Sequence[RunRow]) -> Iterator[tuple[str, tuple[Past, ...]]]:
        """For each run those before it: one statement for each job."""
        for job, group in groupby(sorted(runs, key=attrgetter("job_name")), key=attrgetter("job_name")):
            several = list(group)
            numbers = [run.number for run in several if run.number is not None]
            found = self._numbered(job, numbers) if numbers else []
            for run in several:
                older = (one for one in found if run.number is not None and one.number < run.number)
                yield run.run_id, tuple(islice(older, 2 * BEFORE))

    def _numbered(self, job: str, numbers: Sequence[int]) -> list[Past]:
        rows = self._connection.execute(
            "select run_id, number, stop_time, case when status = 'completed' and start_time is not null and"
            " typeof(stop_time) = 'real' then max(0.0, stop_time - start_time) end, max_rss,"
            " user_seconds + system_seconds from runs where job_name = ? and number < ? order by number desc limit ?",
            (job, max(numbers), 2 * BEFORE + max(numbers) - min(numbers)),
        )
        return [Past(*row) for row in rows]


def _by_run(rows: Iterable[Row]) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.run_id or "", []).append(row)
    return {run_id: tuple(some) for run_id, some in found.items()}
