"""Flows in the run log: what is written of them is what the next daemon reads."""

from __future__ import annotations

from pathlib import Path

from dsari_like.core.flow_messages import SaveFlow, SaveReady
from dsari_like.core.flows import Fact, Flow, FlowKind, Place, Ready
from dsari_like.core.lifecycle import RunState
from dsari_like.core.messages import SaveRun
from dsari_like.core.model import Run, Trigger
from dsari_like.store import flowlog
from dsari_like.store.runlog import RunLog

START = 1789300800.0


def run(run_id: str, name: str, state: RunState, **fields: object) -> SaveRun:
    trigger = fields.pop("trigger", Trigger("manual"))
    made = Run(run_id, name, trigger, state, START, START, flow_id="f")  # type: ignore[arg-type]
    for field, value in fields.items():
        setattr(made, field, value)
    return SaveRun(made, START, None, "made")


def flow(state: RunState = RunState.RUNNING, **fields: object) -> Flow:
    return Flow("f", FlowKind.ORCHESTRATION, "nightly", state, START, **fields)  # type: ignore[arg-type]


def test_the_flows_with_open_runs_come_back_with_all_their_runs(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    of_task = Trigger("orchestration", data={"phase": "load", "task": "a", "orchestration": "nightly"})
    log.write([
        run("f", "nightly", RunState.RUNNING, sequence=1),
        run("t", "a", RunState.COMPLETED, sequence=2, previous_run_id="f", trigger=of_task),
        run("i", "a", RunState.QUEUED, sequence=3, previous_run_id="t", item="1", trigger=of_task),
        SaveFlow(flow(variables={"day": "monday"})),
        SaveFlow(Flow("g", FlowKind.CHAIN, "one", RunState.FAILED, START - 1, START)),
    ])  # fmt: skip
    found = flowlog.open_flows(log.connection)
    assert found.flows == (flow(variables={"day": "monday"}),)
    assert found.facts == (
        Fact("f", "f", "nightly", RunState.RUNNING, 1),
        Fact("t", "f", "a", RunState.COMPLETED, 2, "f", None, Place("load", "a")),
    )


def test_a_file_that_pretends_to_be_a_task_is_none(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    log.write([run("f", "a", RunState.QUEUED, trigger=Trigger("file", data={"phase": "load", "task": "a"}))])
    assert [fact.place for fact in flowlog.open_flows(log.connection).facts] == [None]


def test_executions_are_told_newest_first_and_a_flow_is_one_row_however_often_it_changes(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    older = Flow("e", FlowKind.ORCHESTRATION, "nightly", RunState.WARNING, START - 9, START - 8)
    log.write([SaveFlow(flow()), SaveFlow(older), SaveFlow(flow(RunState.COMPLETED, stop_time=START + 1))])
    assert flowlog.executions(log.connection, "nightly") == (flow(RunState.COMPLETED, stop_time=START + 1), older)
    assert flowlog.executions(log.connection, "nightly", 1) == (flow(RunState.COMPLETED, stop_time=START + 1),)
    assert flowlog.flow(log.connection, "e") == older and flowlog.flow(log.connection, "x") is None


def test_the_chains_of_before_are_remembered(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    flowlog.remember(log.connection, {"b": "a", "a": None})
    flowlog.remember(log.connection, {"c": "a", "a": None})
    assert flowlog.remembered(log.connection) == {"c": "a", "a": None}


def test_what_events_wait_for_is_kept(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    kept = Ready("a", 5.0, {"/x": 7.0}, {"/x": 6.5})
    log.write([SaveReady(Ready("a")), SaveReady(kept), SaveReady(Ready("b"))])
    assert flowlog.ready(log.connection) == (kept, Ready("b"))


def test_of_several_that_wait_for_one_file_the_one_that_has_seen_least_decides(tmp_path: Path) -> None:
    log = RunLog(str(tmp_path / "log"))
    log.write([SaveReady(Ready("a", marks={"/x": 7.0, "/y": 1.0})), SaveReady(Ready("b", marks={"/x": 6.5}))])
    assert flowlog.marks(log.connection) == {"/x": 6.5, "/y": 1.0}
