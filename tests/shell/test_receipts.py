"""Receipts that a crash kept from being written are found by comparing the run log with the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Decision, Exit, Run, Trigger
from dsari_like.spool.inbox import Inbox
from dsari_like.spool.receipts import overdue
from dsari_like.store.runlog import RunLog

DONE = m.WriteReceipt("one", "completed", "a", 50.0, "r1", exit_code=0)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    made = Inbox(str(tmp_path))
    made.prepare()
    return made


def test_a_receipt_that_tells_an_older_state_is_overdue(inbox: Inbox, tmp_path: Path) -> None:
    inbox.write_receipts([replace(DONE, state="running")])
    assert overdue(str(tmp_path), [DONE], since=1000.0) == [DONE]


def test_a_receipt_that_tells_the_truth_is_not(inbox: Inbox, tmp_path: Path) -> None:
    inbox.write_receipts([DONE])
    assert overdue(str(tmp_path), [DONE], since=0.0) == []


def test_a_missing_receipt_is_overdue_only_when_it_would_be_new(inbox: Inbox, tmp_path: Path) -> None:
    assert overdue(str(tmp_path), [DONE], since=49.0) == [DONE]
    assert overdue(str(tmp_path), [DONE], since=51.0) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"state": "completed"}'])
def test_a_receipt_that_is_none_is_overdue(inbox: Inbox, tmp_path: Path, content: str) -> None:
    (tmp_path / "receipts" / "one.json").write_text(content)
    assert overdue(str(tmp_path), [DONE], since=1000.0) == [DONE]


def test_the_run_log_answers_with_the_newest_rows(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    assert (log.answers(1000), log.last_change()) == ([], 0.0)
    for number in range(5):
        trigger = Trigger("file", id=f"t{number}")
        run = Run(f"r{number}", "a", trigger, RunState.COMPLETED, 1.0, 2.0, start_time=3.0, stop_time=4.0 + number)
        run.exit = Exit(0)
        log.write([m.SaveRun(run, run.stop_time or 0.0, "running", "exit 0")])
    log.write([m.Decide(Decision("a", Outcome.REFUSED, 20.0, reason="no", token="x", trigger_id="bad"))])
    assert [(answer.id, answer.state, answer.run_id, answer.exit_code) for answer in log.answers(2)] == [
        ("t3", "completed", "r3", 0),
        ("t4", "completed", "r4", 0),
        ("bad", "refused", None, None),
    ]
    assert log.last_change() == 20.0


def test_an_id_that_belongs_to_a_run_is_answered_by_that_run(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    run = Run("r1", "a", Trigger("file", id="t"), RunState.QUEUED, 1.0, 2.0)
    log.write([m.SaveRun(run, 2.0, None, "triggered"), m.RememberId("t", "a", "r1", 2.0)])
    for token, outcome, known in (("x", Outcome.DROPPED, "r1"), ("y", Outcome.REFUSED, None)):
        log.write([m.Decide(Decision("a", outcome, 9.0, run_id=known, reason="no", token=token, trigger_id="t"))])
    assert [(answer.state, answer.run_id) for answer in log.answers(1000)] == [("queued", "r1")]


def test_the_run_log_answers_for_an_id_that_belongs_to_a_run(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    run = Run("r1", "a", Trigger("file", id="own"), RunState.FAILED, 1.0, 2.0, start_time=3.0, stop_time=4.0)
    run.exit, run.message = Exit(3), "said so"
    log.write([m.SaveRun(run, 4.0, "running", "exit 3")])
    log.write([m.RememberId(name, "a", run_id, 2.0) for name, run_id in
               (("own", "r1"), ("folded", "r1"), ("gone", "r0"))])  # fmt: skip
    own, folded, gone = (log.answer_to(name) for name in ("own", "folded", "gone"))
    assert own == m.WriteReceipt("own", "failed", "a", 4.0, "r1", exit_code=3, reason="said so")
    assert folded is not None and (folded.state, folded.run_id, folded.exit_code) == ("folded", "r1", None)
    assert gone is not None and (gone.state, gone.run_id) == ("dropped", "r0")
    assert log.answer_to("unknown") is None
