"""Questions to the run log: right answers, in a stable order, each through an index."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from dsari_like.store.reader import Reader, RunRow
from tests.shell.history import History


def ids(rows: Any) -> list[str]:
    return [row.run_id for row in rows]


@pytest.fixture
def history() -> History:
    return History()


def test_a_run_is_found_by_its_id_or_by_a_beginning_of_it(history: History) -> None:
    for run_id in ("aa11", "aa22", "bb33"):
        history.run("build", run_id)
    reader = history.reader
    found = reader.run("bb33")
    assert found is not None and found.job_name == "build"
    assert reader.run("bb") is None
    assert ids(reader.run_by_prefix("b")) == ["bb33"]
    assert ids(reader.run_by_prefix("aa")) == ["aa11", "aa22"]
    assert reader.run_by_prefix("%") == ()


def test_runs_come_newest_first_and_equal_times_in_the_order_of_ids(history: History) -> None:
    history.run("a", "1", at=10)
    history.run("b", "3", at=20)
    history.run("a", "2", at=20)
    reader = history.reader
    assert ids(reader.runs()) == ["3", "2", "1"]
    assert ids(reader.runs(job="a")) == ["2", "1"]
    assert ids(reader.runs(since=20)) == ["3", "2"]
    assert ids(reader.runs(until=19)) == ["1"]
    assert ids(reader.runs(limit=1)) == ["3"]


def test_a_list_can_be_read_on_from_its_last_row(history: History) -> None:
    for number in range(7):
        history.run("a", f"{number}", at=number // 2)
    pages, last = [], None
    while page := list(history.reader.runs(limit=3, after=last)):
        pages.append(ids(page))
        last = page[-1]
    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]


def test_runs_are_filtered_by_state(history: History) -> None:
    for number, status in enumerate(["completed", "failed", "cancelled", "failed"]):
        history.run("a", f"{number}", status, at=number)
    assert ids(history.reader.runs(status=["failed"])) == ["3", "1"]
    assert ids(history.reader.runs(job="a", status=["cancelled", "completed"])) == ["2", "0"]


def test_a_jobs_runs_are_numbered_as_they_come(history: History) -> None:
    for number in range(3):
        history.run("a", f"a{number}")
        history.run("b", f"b{number}")
    history.run("a", "a1", "failed")
    reader = history.reader
    assert ids(reader.numbered("a", 2, 3)) == ["a1", "a2"]
    assert (reader.newest_number("a"), reader.oldest_number("a"), reader.newest_number("c")) == (3, 1, 0)


def test_a_summary_tells_how_long_a_job_has_been_failing(history: History) -> None:
    history.run("a", "1", "failed", at=1)
    history.run("a", "2", "completed", at=10)
    history.run("a", "3", "failed", at=20)
    history.run("a", "4", "cancelled", at=30)
    history.run("a", "5", "failed", at=40)
    history.run("a", "6", "running", at=50)
    summary = history.reader.summary("a")
    assert summary.last and summary.last_good and summary.last_failed
    assert (summary.last.run_id, summary.last_good.run_id, summary.last_failed.run_id) == ("6", "2", "5")
    assert (summary.streak, summary.failing_since) == (2, 21)


def test_a_job_without_a_past_has_an_empty_summary(history: History) -> None:
    summary = history.reader.summary("never")
    assert (summary.last, summary.streak, summary.failing_since) == (None, 0, None)


def test_failures_in_a_row_are_counted_up_to_a_limit(history: History) -> None:
    for number in range(Reader.STREAK_LIMIT + 20):
        history.run("a", f"{number:03}", "failed", at=number)
    assert history.reader.summary("a").streak == Reader.STREAK_LIMIT


def test_open_runs_come_in_the_order_they_arrived(history: History) -> None:
    for run_id, status in (("z", "queued"), ("y", "running"), ("x", "completed"), ("w", "scheduled")):
        history.run("a", run_id, status)
    reader = history.reader
    assert ids(reader.open_runs()) == ["z", "y", "w"]
    assert ids(reader.running()) == ["y"]
    assert ids(reader.waiting()) == ["z", "w"]
    assert reader.open_counts() == {"queued": 1, "running": 1, "scheduled": 1}


def test_jobs_with_a_past_are_named_once_each(history: History) -> None:
    for number, job in enumerate(["b", "a", "b", "c", "a"]):
        history.run(job, f"{number}")
    assert history.reader.jobs_with_history() == ("a", "b", "c")
    assert [history.reader.job_after(name) for name in ("", "a", "c")] == ["a", "b", None]


def test_changes_are_followed_without_losing_one_of_a_large_commit(history: History) -> None:
    for number in range(5):
        history.run("a", f"{number}")
    history.connection.execute("update runs set revision = 7")
    reader = history.reader
    first = reader.changed_since(0, 3)
    rest = reader.changed_since(first[-1].revision, 3, first[-1].run_id)
    assert ids(first) + ids(rest) == ["0", "1", "2", "3", "4"]
    assert reader.changed_since(7, 3) == ()
    assert reader.newest_revision() == 7


def test_a_slot_is_explained_by_its_own_instant_however_late_it_was_decided(history: History) -> None:
    history.decision("a", "started", time=100.2, slot=100, run_id="r1")
    history.decision("a", "missed", time=500, slot=200)
    history.decision("a", "refused", time=302, token="t")
    reader = history.reader
    found = [reader.decision_at("a", instant) for instant in (101, 205, 301)]
    assert [row.outcome for row in found if row] == ["started", "missed", "refused"]
    assert reader.decision_at("b", 100) is None


def test_decisions_are_told_newest_first(history: History) -> None:
    history.decision("a", "started", time=1, slot=1, run_id="r1")
    history.decision("b", "skipped", time=2, slot=2)
    history.decision("a", "folded", time=3, run_id="r1", token="t")
    reader = history.reader
    assert [row.outcome for row in reader.decisions()] == ["folded", "skipped", "started"]
    assert [row.outcome for row in reader.decisions(job="a", limit=1)] == ["folded"]
    assert [row.outcome for row in reader.decisions(run_id="r1", until=2)] == ["started"]
    assert [row.outcome for row in reader.decisions_since(1, 10)] == ["skipped", "folded"]


def test_durations_are_never_negative(history: History) -> None:
    history.run("a", "1", at=100, took=-50)
    [row] = history.reader.runs()
    assert row.duration == 0
    assert history.reader.durations("a") == (0,)


def test_columns_that_hold_no_map_are_read_as_empty(history: History) -> None:
    history.run("a", "1")
    history.connection.execute("update runs set trigger_data = '[1', origin = '[]'")
    row: RunRow = next(history.reader.runs())
    assert (row.trigger, row.came_from) == ({}, {})


QUESTIONS: dict[str, Callable[[Reader], object]] = {
    "run": lambda r: r.run("x"),
    "run_by_prefix": lambda r: r.run_by_prefix("x"),
    "runs": lambda r: list(r.runs(limit=3)),
    "runs of a job": lambda r: list(r.runs(job="a", status=["failed"], since=1.0, limit=3)),
    "numbered": lambda r: r.numbered("a", 1, 50),
    "newest_number": lambda r: r.newest_number("a"),
    "summary": lambda r: r.summary("a"),
    "durations": lambda r: r.durations("a"),
    "running": lambda r: r.running(),
    "waiting": lambda r: r.waiting(5),
    "failures": lambda r: r.failures(),
    "job_after": lambda r: r.job_after("a"),
    "decisions of a run": lambda r: r.decisions(run_id="x"),
    "decisions of a job": lambda r: r.decisions(job="a", limit=5),
    "decisions": lambda r: r.decisions(limit=5),
    "decision_at": lambda r: r.decision_at("a", 1.0),
    "events": lambda r: r.events("x"),
    "newest_change": lambda r: r.newest_change(),
    "newest_revision": lambda r: r.newest_revision(),
    "changed_since": lambda r: r.changed_since(1, 5),
    "decisions_since": lambda r: r.decisions_since(1, 5),
}


class _Steps:
    """Counts the steps of SQLite's machine, in tens."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.count = 0

    def of(self, question: Callable[[Reader], object]) -> int:
        self.count = 0
        self._connection.set_progress_handler(self._tick, 10)
        question(Reader(self._connection))
        self._connection.set_progress_handler(None, 0)
        return self.count

    def _tick(self) -> int:
        self.count += 1
        return 0


def test_no_answer_costs_more_with_a_longer_history(history: History) -> None:
    """B-58, B-59: counted in steps of the database's machine, so the test cannot be slow or quick by chance."""

    def grow(first: int, last: int) -> None:
        history.connection.execute("begin")
        for number in range(first, last):
            history.run("ab"[number % 2], f"{number:06}", "failed" if number % 3 else "completed", at=number)
            history.decision("a", "started", time=number, slot=number)
        history.connection.execute("commit")

    grow(0, 300)
    steps = _Steps(history.connection)
    before = {name: steps.of(question) for name, question in QUESTIONS.items()}
    grow(300, 6000)
    after = {name: steps.of(question) for name, question in QUESTIONS.items()}
    assert {name: (before[name], steps) for name, steps in after.items() if steps > before[name] + 5} == {}
