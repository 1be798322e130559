"""What producers who gave an `id` are to be told, as the run log has it.

Owns the questions that make receipts. Must not know whether a receipt is there already.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from dsari_like.core.messages import RememberRequest, WriteReceipt

#: What the newest rows answer to the producers who gave an `id`. A trigger that was turned away because its id belongs
#: to a run has the answer of that run.
_ANSWERS = """
select trigger_id, status, job_name, coalesce(stop_time, start_time, queue_time), run_id, flow_id, exit_code,
    coalesce(nullif(message, ''), reason)
from runs where trigger_id is not null and revision > (select max(revision) from runs) - :newest
union all
select trigger_id, outcome, job_name, time, run_id, null, null, reason
from decisions as made where trigger_id is not null and decision_id > (select max(decision_id) from decisions) - :newest
    and (outcome in ('refused', 'folded') or (outcome = 'dropped' and run_id is null)) and not exists
    (select 1 from trigger_ids as known where known.id = made.trigger_id and known.run_id is not made.run_id)
union all
select request_id, state, job_name, time, run_id, flow_id, null, reason
from requests where request_id is not null and rowid > (select max(rowid) from requests) - :newest
order by 4
"""
#: Requests that are remembered: a file comes back after a crash, not after ten thousand others.
_MOST_REQUESTS = 10_000
_HAPPENINGS = (("events", "event_id"), ("decisions", "decision_id"))
#: What the producer of a known `id` is told: how its run stands; that its trigger became part of another run; or,
#: where retention has removed the run, no more than which one it was.
_ANSWER = """
select known.id,
    case when runs.run_id is null then 'dropped' when runs.trigger_id is known.id then status else 'folded' end,
    known.job_name, coalesce(stop_time, start_time, queue_time, known.time), known.run_id, flow_id,
    case when runs.trigger_id is known.id then exit_code end,
    case when runs.run_id is null then 'its id belongs to a run that is no longer recorded'
        when runs.trigger_id is known.id then coalesce(nullif(message, ''), reason)
        else 'it became part of a run that was pending' end
from trigger_ids as known left join runs on runs.run_id = known.run_id where known.id = ?
"""


class Answers:
    """The part of the run log that is asked for receipts."""

    _db: sqlite3.Connection

    def answer_to(self, trigger_id: str) -> WriteReceipt | None:
        """The receipt of an `id` that belongs to a run, live or finished, as it should be."""
        row = self._one(_ANSWER, trigger_id)
        return WriteReceipt(*row) if row else None

    def answers(self, newest: int) -> list[WriteReceipt]:
        """The receipts of the newest rows, as they should be; of one id only the last."""
        found = (WriteReceipt(*row) for row in self._db.execute(_ANSWERS, {"newest": newest}))
        return list({receipt.id: receipt for receipt in found}.values())

    def last_change(self) -> float:
        """When anything happened last, as far as is known; 0 when nothing ever did."""
        queries = (f"select time from {table} order by {key} desc limit 1" for table, key in _HAPPENINGS)
        return max((float(row[0]) for row in map(self._one, queries) if row), default=0.0)

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row


def remember_request(connection: sqlite3.Connection, request: RememberRequest) -> None:
    """Write down what became of a request, within the transaction of its effects; the oldest are forgotten."""
    told = request.answer
    whose = (request.token, request.request_id)
    values = (told.state, told.job_name, told.run_id, told.flow_id, told.reason, told.time)
    connection.execute("insert or ignore into requests values (?, ?, ?, ?, ?, ?, ?, ?)", (*whose, *values))
    connection.execute("delete from requests where rowid <= (select max(rowid) from requests) - ?", (_MOST_REQUESTS,))
