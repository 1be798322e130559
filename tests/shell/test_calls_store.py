"""Calls and latches in the run log: in the turn's one transaction, and read back by the next daemon."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dsari_like.core import messages as m
from dsari_like.core.latches import Closed
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Run, Trigger
from dsari_like.core.reactions import Call, CallState, Language, SaveCall, SaveLatches
from dsari_like.store.calls import kept
from dsari_like.store.runlog import RunLog

EVENT = {"text": "done-job-A"}
CALL = Call("c1", "A/1", "r1", "A", "done-job-self", EVENT, Language.COMMAND, "", 5.0, ("true", "x"), "f")


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    return RunLog(str(tmp_path / "runs.sqlite3"))


def saved(name: str, state: RunState, time: float, before: str | None = None, flow: str | None = None) -> m.SaveRun:
    run = Run(f"run-{name}", name, Trigger("file"), state, 1.0, 1.0, 1, flow_id=flow, start_time=2.0)
    run.stop_time = time if run.is_final else None
    return m.SaveRun(run, time, before, "it did")


def test_a_call_that_did_not_end_comes_back_with_its_run(log: RunLog) -> None:
    call = replace(CALL.begun(6.0), latches={"done-job-self": (5.0, "r1")}, retries=3, depth=2)
    other = replace(CALL, callback_id="c2")
    log.write([saved("A", RunState.RUNNING, 2.0), SaveCall(replace(call, run_id="run-A")), SaveCall(other)])
    first, second = kept(log.connection, (), None).calls
    assert second == (other, None)
    assert (first[0].argv, first[0].retries, first[0].depth, first[0].state) == (("true", "x"), 3, 2, CallState.RUNNING)
    assert first[0].latches == {"done-job-self": [5.0, "r1"]}
    assert first[1] is not None and first[1].run_id == "run-A"


def test_a_call_that_ended_does_not(log: RunLog) -> None:
    log.write([SaveCall(CALL)])
    log.write([SaveCall(replace(CALL.begun(6.0), state=CallState.FAILED, exit_code=2, output="said", reason="why"))])
    assert kept(log.connection, (), None).calls == ()
    row = log.connection.execute("select state, exit_code, output, reason, attempt, start_time from callback_history")
    assert row.fetchall() == [("failed", 2, "said", "why", 1, 6.0)]


def test_latches_are_kept_while_there_is_anything_in_them(log: RunLog) -> None:
    log.write([SaveLatches("A/1", "f", {"done-job-A": Closed(5.0, "r1")}, 2), SaveLatches("A/1", "g", {}, 0)])
    (row,) = kept(log.connection, (), None).latches
    assert (row.scope, row.count) == ("f", 2)
    assert Closed(*row.latches["done-job-A"]) == Closed(5.0, "r1")
    log.write([SaveLatches("A/1", "f", {})])
    assert kept(log.connection, (), None).latches == ()


def test_the_past_of_jobs_that_are_asked_for(log: RunLog) -> None:
    log.write([saved("A", RunState.COMPLETED, 9.0), saved("B", RunState.FAILED, 8.0)])
    found = kept(log.connection, {"A"}, 7.0)
    assert [(str(event), event.time) for event in found.past] == [("complete-job-A", 9.0), ("done-job-A", 9.0)]
    assert found.starts == {"A": 2.0} and found.since == 7.0


def test_the_past_of_a_flow_that_goes_on(log: RunLog) -> None:
    log.write([saved("A", RunState.RUNNING, 2.0, flow="f"), saved("A", RunState.COMPLETED, 3.0, "running", flow="f")])
    log.write([saved("B", RunState.BLOCKED, 4.0, flow="f")])
    found = kept(log.connection, {"A"}, None)
    assert [event.name for event in found.past] == ["running", "complete", "done"]
    assert {event.flow_id for event in found.past} == {"f"}
