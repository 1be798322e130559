"""The run log: a turn is one transaction, what is written is read back, and a broken file is never replaced."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome, Reason
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Decision, Exit, ProcessIdentity, Run, Trigger
from dsari_like.errors import StoreError
from dsari_like.store.db import open_reader
from dsari_like.store.migrations import MIGRATIONS
from dsari_like.store.resuming import OPEN_STATES
from dsari_like.store.runlog import RunLog


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "runs.sqlite3")


def a_run(run_id: str = "r1", state: RunState = RunState.QUEUED, job: str = "a", **fields: object) -> Run:
    trigger = Trigger("file", environment={"X": "1"}, id="push", data={"type": "push", "k": [1]}, origin={"uid": 7})
    run = Run(run_id, job, trigger, state, 10.0, 11.0, 1)
    for name, value in fields.items():
        setattr(run, name, value)
    return run


def ended(run_id: str, code: int, stop: float, job: str = "a") -> m.SaveRun:
    state = RunState.COMPLETED if code == 0 else RunState.FAILED
    run = a_run(run_id, state, job, start_time=stop - 1, stop_time=stop, exit=Exit(code))
    return m.SaveRun(run, stop, "running", f"exit {code}")


def decided(token: str | None, slot: float | None = None) -> m.Decide:
    return m.Decide(Decision("a", Outcome.STARTED, 12.0, slot, "r1", "", token))


def test_an_open_run_comes_back_as_it_was(path: str) -> None:
    run = a_run(start_time=12.5, state=RunState.RUNNING, process=ProcessIdentity(42, 99, "boot"))
    run.ending, run.folded, run.concurrency_group = Reason.MAX_EXECUTION, [{"n": 1}], "db"
    log = RunLog(path)
    log.write([m.SaveRun(run, 11.0, None, "triggered")])
    log.close()
    (back,) = RunLog(path).open_runs()
    assert (back.trigger.environment, back.trigger.label, back.trigger.id) == ({"X": "1"}, "push", "push")
    for name in ("run_id", "job_name", "state", "process", "ending", "folded", "concurrency_group", "start_time"):
        assert getattr(back, name) == getattr(run, name)


def test_ended_runs_are_not_open_and_come_in_order_of_arrival(path: str) -> None:
    log = RunLog(path)
    log.write([ended("r0", 0, 20.0)])
    log.write([m.SaveRun(a_run(f"r{n}", sequence=n), 11.0, None, "x") for n in (3, 1, 2)])
    assert [run.run_id for run in log.open_runs()] == ["r1", "r2", "r3"]


def test_a_turn_is_written_whole_or_not_at_all(path: str) -> None:
    log = RunLog(path)
    log.write([decided("t1")])
    with pytest.raises(sqlite3.IntegrityError):
        log.write([m.SaveRun(a_run(), 11.0, None, "x"), decided("t1")])
    assert log.open_runs() == []
    assert log.write([m.SaveRun(a_run(), 11.0, None, "x"), decided("t2")])
    assert [run.run_id for run in log.open_runs()] == ["r1"]


def test_a_slot_of_a_job_is_decided_once_for_ever(path: str) -> None:
    log = RunLog(path)
    log.write([decided(None, 60.0)])
    with pytest.raises(sqlite3.IntegrityError):
        log.write([decided(None, 60.0)])


def test_two_moves_in_a_turn_are_one_row_and_two_events(path: str) -> None:
    log = RunLog(path)
    log.write(
        [
            m.SaveRun(a_run(state=RunState.QUEUED), 11.0, None, "triggered"),
            m.SaveRun(a_run(state=RunState.RUNNING), 11.0, "queued", "started"),
            m.SaveRun(a_run(state=RunState.RUNNING), 11.0),
        ]
    )
    reader = open_reader(path)
    assert reader.execute("select status, number from runs").fetchall() == [("running", 1)]
    moves = reader.execute("select from_state, to_state, cause from events").fetchall()
    assert moves == [(None, "queued", "triggered"), ("queued", "running", "started")]


def test_runs_of_a_job_are_numbered_in_the_order_they_came(path: str) -> None:
    log = RunLog(path)
    for run_id, job in (("r9", "a"), ("r1", "b"), ("r5", "a")):
        log.write([m.SaveRun(a_run(run_id, job=job), 11.0, None, "x")])
    log.write([ended("r9", 0, 20.0)])
    rows = open_reader(path).execute("select run_id, number from runs order by run_id").fetchall()
    assert rows == [("r1", 1), ("r5", 2), ("r9", 1)]


def test_nothing_to_write_is_no_transaction(path: str) -> None:
    assert not RunLog(path).write([m.Notice("info", "hello"), m.Signal("r1", 15, "")])


def test_tokens_ids_and_slots_are_remembered(path: str) -> None:
    log = RunLog(path)
    log.write([decided("t1"), m.RememberId("push", "a", "r1", 1.0), m.RememberSlots({"a": 60.0, "b": 70.0})])
    log.write([m.RememberSlots({"a": 120.0})])
    log.remember_anchors({"b": 5.0, "c": 6.0})
    log.close()
    log = RunLog(path)
    assert log.outcome_of("t1") == ("started", "") and log.outcome_of("t2") is None
    answer = log.answer_to("push")
    assert answer is not None and (answer.state, answer.run_id) == ("dropped", "r1")  # of a run that is gone
    assert log.answer_to("other") is None
    assert log.last_slots() == {"a": 120.0, "b": 70.0}
    assert log.anchors() == {"b": 5.0, "c": 6.0}


def test_what_a_run_is_told_about_earlier_ones(path: str) -> None:
    """D-51: the latest by stop time, the latest good one, the latest bad one."""
    log = RunLog(path)
    assert log.previous("a") == {}
    log.write([ended("r1", 0, 20.0), ended("r2", 0, 40.0), ended("r3", 3, 30.0), ended("r4", 9, 99.0, "b")])
    found = {prefix: run.run_id for prefix, run in log.previous("a").items()}
    assert found == {"PREVIOUS_": "r2", "PREVIOUS_GOOD_": "r2", "PREVIOUS_BAD_": "r3"}


class TestFile:
    def test_a_newer_schema_is_refused_unread_and_unchanged(self, path: str) -> None:
        RunLog(path).close()
        connection = sqlite3.connect(path)
        connection.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
        connection.close()
        before = Path(path).read_bytes()
        with pytest.raises(StoreError, match="newer"):
            RunLog(path)
        with pytest.raises(StoreError, match="newer"):
            open_reader(path)
        assert Path(path).read_bytes() == before

    def test_a_damaged_file_is_refused_and_left_as_it_is(self, path: str) -> None:
        Path(path).write_bytes(b"this is no database, but somebody's only copy" * 100)
        before = Path(path).read_bytes()
        with pytest.raises(StoreError, match="left as it is"):
            RunLog(path)
        assert Path(path).read_bytes() == before

    def test_a_reader_cannot_write_and_needs_a_run_log(self, path: str) -> None:
        with pytest.raises(StoreError, match="no run log"):
            open_reader(path)
        RunLog(path).close()
        with pytest.raises(sqlite3.OperationalError):
            open_reader(path).execute("delete from runs")

    def test_every_commit_is_on_the_disk_and_the_mode_is_tight(self, path: str) -> None:
        log = RunLog(path)
        assert log._db.execute("pragma synchronous").fetchone()[0] == 2
        assert log._db.execute("pragma journal_mode").fetchone()[0] == "wal"
        assert Path(path).stat().st_mode & 0o027 == 0
        assert log.check() == "ok"

    def test_questions_of_the_daemon_go_through_an_index(self, path: str) -> None:
        log = RunLog(path)
        for query in (
            "select 1 from decisions where token = 'x'",
            "select run_id from runs where job_name = 'a' and exit_code = 0 and start_time is not null"
            " order by stop_time desc limit 1",
            f"select run_id from runs where status in ({OPEN_STATES}) order by sequence",
        ):
            plan = " ".join(row[3] for row in log._db.execute("explain query plan " + query))
            assert "USING" in plan, plan  # a scan of a partial index is a scan of the open runs only
