"""A long past for a run log that has none, written straight into its tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dsari_like.store.db import open_writer

_RUN = (
    "insert into runs (run_id, job_name, status, exit_code, schedule_time, queue_time, start_time, stop_time,"
    " trigger_type, trigger_data, sequence, revision, number) values (?, ?, ?, ?, ?, ?, ?, ?, 'file', '{}', ?, ?, ?)"
)
_DECISION = "insert into decisions (job_name, outcome, run_id, reason, time, token) values (?, 'started', ?, '', ?, ?)"
_EVENT = "insert into events (run_id, time, to_state, cause) values (?, ?, ?, '')"


def fill(path: Path, job: str, count: int) -> None:
    """So many runs of one job, a minute apart, one in ten failed; each with a decision and three events."""
    began = time.time() - count * 60.0
    with closing(open_writer(str(path))) as log:
        log.execute("begin")
        log.executemany(_RUN, _runs(job, count, began))
        log.executemany(_DECISION, ((job, _id(n), began + n * 60, f"old-{n}") for n in range(count)))
        states = ("queued", "running", "completed")
        log.executemany(_EVENT, ((_id(n), began + n * 60, state) for n in range(count) for state in states))
        log.execute("commit")


def _runs(job: str, count: int, began: float) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        bad, time_ = number % 10 == 0, began + number * 60.0
        status = "failed" if bad else "completed"
        times = (time_, time_, time_ + 0.01, time_ + 1.0)
        yield (_id(number), job, status, int(bad), *times, number + 1, number + 1, number + 1)


def _id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012}"
