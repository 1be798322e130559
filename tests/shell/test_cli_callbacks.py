"""`dsari-like callbacks`: the history of calls with its filters, and what each callback remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dsari_like.core.latches import Closed
from dsari_like.core.reactions import Call, CallState, Language, SaveCall, SaveLatches
from dsari_like.store.runlog import RunLog
from tests.shell.commands import JOBS, NOON, Commands, Said

BOTH = {"triggers": "done-job-first && done-job-second", "language": "qube", "code": "trigger-build", "name": "both"}
TELL = {"triggers": "failed-job-*", "language": "shell", "code": "echo"}


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    commands = Commands(tmp_path, capsys)
    configuration = commands.begin({**JOBS, "build": {**JOBS["build"], "callbacks": [BOTH]}}, callbacks=[TELL])
    commands.close()
    event = {"text": "done-job-second"}
    call = Call("c1", "build/both", "r1", "build", "x", event, Language.QUBE, "trigger-build", NOON - 9)
    good = replace(call.begun(NOON - 8), state=CallState.COMPLETED, stop_time=NOON - 7, exit_code=0)
    good = replace(good, output="dropped\n")
    bad = replace(good, callback_id="c2", callback="*/1", job_name="first", time=NOON - 5, state=CallState.FAILED)
    bad = replace(bad, exit_code=3, reason="it ran longer", event={"text": "failed-job-first"})
    log = RunLog(configuration.database_file)
    log.write([SaveCall(good), SaveCall(bad)])
    log.write([SaveLatches("build/both", "f1", {"done-job-first": Closed(NOON, "r9")}, 4)])
    log.close()
    return commands


def test_the_newest_call_comes_first(told: Callable[..., Said]) -> None:
    found = told("callbacks", "--format", "json").data
    assert [one["callback_id"] for one in found] == ["c2", "c1"]
    assert found[0]["event"] == {"text": "failed-job-first"} and found[0]["exit_code"] == 3
    assert (found[1]["triggers"], found[1]["language"], found[1]["output"]) == ("x", "qube", "dropped\n")
    lines = told("callbacks").lines
    assert "failed-job-first" in lines[1] and "it ran longer" in lines[1] and "build/both" in lines[2]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--job", "build"], ["c1"]),
        (["--callback", "*/1"], ["c2"]),
        (["--status", "failed"], ["c2"]),
        (["--since", "2026-03-26 12:59:53"], ["c2"]),
        (["--until", "2026-03-26 12:59:53"], ["c1"]),
        (["--limit", "1"], ["c2"]),
    ],
)
def test_filters(told: Callable[..., Said], filters: list[str], ids: list[str]) -> None:
    assert [one["callback_id"] for one in told("callbacks", "--format", "json", *filters).data] == ids


def test_a_state_that_is_none_is_refused(told: Callable[..., Said]) -> None:
    said = told("callbacks", "--status", "faild")
    assert said.code == 2 and "did you mean 'failed'?" in said.err


def test_q_59_what_each_callback_remembers(told: Callable[..., Said]) -> None:
    found = told("callbacks", "--configured", "--format", "json").data
    assert [one["callback"] for one in found] == ["*/1", "build/both"]
    assert found[1]["calls"] == 4
    assert found[1]["latches"] == [
        {"flow_id": "f1", "item": None, "closed": {"done-job-first": {"time": NOON, "run_id": "r9"}},
         "open": ["done-job-second"]}
    ]  # fmt: skip
    assert "done-job-second" in told("callbacks", "--configured", "--job", "build").lines[1]


def test_none_at_all_is_no_failure(told: Callable[..., Said]) -> None:
    said = told("callbacks", "--job", "idle")
    assert (said.code, said.out, said.err) == (0, "", "no calls of callbacks\n")
