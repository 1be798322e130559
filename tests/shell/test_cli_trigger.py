"""`trigger` and `cancel`: what is dropped, what is refused before it is dropped, and how a command ends that waits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsari_like.cli.following import Patience
from dsari_like.cli.receipts import Receipt, code_of_run, read_receipt, wait_for
from dsari_like.errors import StoreError
from dsari_like.system.lock import DirectoryLock
from tests.shell.commands import Commands, doing


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    place.begin()
    yield place
    place.close()


@pytest.fixture
def daemon(commands: Commands) -> Iterator[DirectoryLock]:
    lock = DirectoryLock(str(commands.var))
    yield lock
    lock.close()


def dropped(commands: Commands, below: str = "trigger/build") -> list[dict[str, Any]]:
    """What lies in a drop place."""
    place = commands.var / below
    return [json.loads(path.read_text()) for path in sorted(place.iterdir())] if place.is_dir() else []


def test_a_trigger_is_dropped_as_manual(commands: Commands, daemon: DirectoryLock) -> None:
    said = commands("trigger", "build")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith(f"dropped {commands.var}/trigger/build/")
    assert dropped(commands) == [{"trigger_type": "manual"}]


def test_everything_that_can_be_asked_for(commands: Commands, daemon: DirectoryLock) -> None:
    words = ("-e", "REF=a", "-e", "OTHER=x=y", "--description", "why", "--type", "deploy", "--at", "1900000000",
             "--id", "once", "--priority", "7")  # fmt: skip
    assert commands("trigger", "build", *words).code == 0
    assert dropped(commands) == [
        {
            "trigger_type": "manual",
            "type": "deploy",
            "description": "why",
            "environment": {"REF": "a", "OTHER": "x=y"},
            "schedule_time": 1900000000.0,
            "id": "once",
            "priority": 7,
        }
    ]


def test_a_time_in_words_is_left_to_the_daemon_to_read(commands: Commands, daemon: DirectoryLock) -> None:
    assert commands("trigger", "build", "--at", "2030-01-01 02:30").code == 0
    assert dropped(commands)[0]["schedule_time"] == "2030-01-01 02:30"


def test_without_a_daemon_it_is_dropped_all_the_same(commands: Commands) -> None:
    said = commands("trigger", "build")
    assert said.code == 0
    assert said.err.endswith("; no daemon is running, the next one takes it\n")
    assert len(dropped(commands)) == 1


def test_a_dry_run_says_what_would_be_dropped(commands: Commands) -> None:
    said = commands("trigger", "build", "-e", "REF=b", "--dry-run")
    assert said.code == 0
    assert said.data == {"trigger_type": "manual", "environment": {"REF": "b"}}
    assert dropped(commands) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["biuld"], 3, "there is no job 'biuld' (did you mean 'build'?)"),
        (["idle"], 2, "this trigger for 'idle' would be refused: job: 'idle' is switched off"),
        (["build", "-e", "REF=c"], 2, "this trigger for 'build' would be refused: environment: 'REF': expected one of"),
        (["build", "-e", "LD_PRELOAD=x"], 2, "this trigger for 'build' would be refused: environment: 'LD_PRELOAD'"),
        (["build", "-e", "RUN_ID=x"], 2, "this trigger for 'build' would be refused: environment: 'RUN_ID'"),
        (["build", "-e", "REF"], 2, "-e REF: expected NAME=VALUE"),
        (["build", "-e", "REF=\udcff"], 2, "-e REF: the value is not UTF-8"),
        (["build", "--at", "sometime"], 2, "this trigger for 'build' would be refused: schedule_time: expected a date"),
        (["build", "--id", "a/b"], 2, "this trigger for 'build' would be refused: id: expected 1 to 128"),
        (["build", "--priority", "9" * 30], 2, "this trigger for 'build' would be refused: priority: expected"),
    ],
)
def test_what_would_be_refused_is_not_dropped(commands: Commands, words: list[str], code: int, said: str) -> None:
    for more in ([], ["--dry-run"]):
        found = commands("trigger", *words, *more)
        assert (found.code, found.out) == (code, "")
        assert found.err.startswith(f"dsari-like: {said}")
    assert commands("trigger", *words, "--wait").code == 125
    assert not (commands.var / "trigger").exists()


def test_every_fault_is_told_at_once(commands: Commands) -> None:
    said = commands("trigger", "build", "-e", "REF=c", "-e", "PATH=x", "--at", "never", "--id", "")
    assert all(f" {key}: " in said.err for key in ("environment", "schedule_time", "id"))


def test_a_drop_place_that_cannot_be_written_ends_with_5(commands: Commands) -> None:
    (commands.var / "trigger").write_text("in the way")
    said = commands("trigger", "build")
    assert (said.code, said.err.count("\n")) == (5, 1)
    assert said.err.startswith("dsari-like: cannot drop a trigger for 'build' as ")


def test_without_a_data_directory_the_way_to_one_is_told(commands: Commands) -> None:
    commands.configure(data_dir=str(commands.root / "elsewhere"))
    said = commands("trigger", "build")
    assert said.code == 5
    assert "there is no data directory" in said.err


# --- waiting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--wait", "--follow"])
def test_nobody_waits_for_a_run_that_no_daemon_starts(commands: Commands, option: str) -> None:
    said = commands("trigger", "build", option)
    assert (said.code, said.out) == (125, "")
    assert said.err == (
        "dsari-like: no daemon is running, so the run of 'build' would not start; nothing was dropped\n"
    )
    assert dropped(commands) == []


@pytest.mark.parametrize("code", [0, 7])
def test_the_command_ends_as_the_run_did(commands: Commands, daemon: DirectoryLock, code: int) -> None:
    commands.drop("build", id="mine")
    run_id = commands.end(code, output=b"it printed this\n")
    said = commands("trigger", "build", "--id", "mine", "--wait")
    assert (said.code, said.out) == (code, f"{run_id}\n")
    assert said.err.startswith(f"run {run_id}: ")
    assert commands("trigger", "build", "--id", "mine", "--follow")[:2] == (code, "it printed this\n")


def test_a_refusal_that_waited_for_is_told_and_ends_with_125(commands: Commands) -> None:
    commands.receipt("mine", state="refused", reason="no such thing", time=1.0)
    old = read_receipt(str(commands.var), "mine")
    assert old == Receipt("refused", None, None, "no such thing", 1.0)
    pause = doing(lambda: None, lambda: commands.receipt("mine", state="refused", reason="again", time=2.0))
    found = wait_for(str(commands.var), "mine", old, lambda _: True, Patience(pause), lambda: None)
    assert found.reason == "again"


def test_the_receipt_of_an_earlier_run_answers_at_once(commands: Commands) -> None:
    commands.receipt("mine", state="completed", run_id="r", exit_code=0, time=1.0)
    old = read_receipt(str(commands.var), "mine")
    assert wait_for(str(commands.var), "mine", old, lambda _: True, Patience(doing()), lambda: None) == old


def test_a_folded_trigger_ends_as_the_run_it_was_folded_into(commands: Commands, daemon: DirectoryLock) -> None:
    commands.drop("build")
    run_id = commands.end(4)
    commands.receipt("mine", state="folded", run_id=run_id, reason="merge: fold", time=1.0)
    said = commands("trigger", "build", "--id", "mine", "--wait")
    assert (said.code, said.out) == (4, f"{run_id}\n")
    assert said.err.startswith(f"the trigger was folded into run {run_id}\n")


def test_a_run_that_was_cancelled_is_no_success(commands: Commands, daemon: DirectoryLock) -> None:
    commands.drop("first")
    commands.drop("second", id="mine")
    run_id = commands("runs", "--job", "second", "--format", "json").data[0]["run_id"]
    commands.cancel(run_id)
    said = commands("trigger", "second", "--id", "mine", "--wait")
    assert said.code == 1
    assert said.err.startswith(f"run {run_id}: Cancelled")


@pytest.mark.parametrize(
    ("status", "exit_code", "code"),
    [("completed", 0, 0), ("completed", None, 0), ("failed", 3, 3), ("failed", None, 1), ("failed", 0, 1),
     ("cancelled", 143, 143), ("cancelled", None, 1), ("warning", 0, 0)],
)  # fmt: skip
def test_no_run_that_did_not_succeed_ends_with_0(status: str, exit_code: int | None, code: int) -> None:
    assert code_of_run(status, exit_code) == code


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_receipt_that_cannot_be_read_is_told(commands: Commands, text: str) -> None:
    (commands.var / "receipts").mkdir()
    (commands.var / "receipts/mine.json").write_text(text)
    with pytest.raises(StoreError, match="cannot read the receipt"):
        read_receipt(str(commands.var), "mine")


# --- cancel -------------------------------------------------------------------------------------------------------


def test_a_cancel_is_a_request_in_the_spool(commands: Commands, daemon: DirectoryLock) -> None:
    commands.drop("build")
    (run_id,) = commands.running
    said = commands("cancel", run_id, "--reason", "wrong branch")
    assert (said.code, said.out) == (0, "")
    assert said.err == f"asked for run {run_id} of build to be cancelled\n"
    (request,) = dropped(commands, "control")
    assert {key: request[key] for key in ("action", "run", "reason")} == {
        "action": "cancel", "run": run_id, "reason": "wrong branch",
    }  # fmt: skip


def test_without_a_daemon_the_request_stays_and_the_command_ends_with_4(commands: Commands) -> None:
    commands.drop("build")
    said = commands("cancel", commands.running[0])
    assert said.code == 4
    assert said.err.startswith(f"no daemon is running; the request {commands.var}/control/")
    assert len(dropped(commands, "control")) == 1


def test_what_has_ended_cannot_be_cancelled(commands: Commands) -> None:
    commands.drop("build")
    run_id = commands.end()
    assert commands("cancel", run_id) == (1, "", f"dsari-like: run {run_id} has ended already: Completed in 2.0 s.\n")
    assert dropped(commands, "control") == []


def test_a_job_is_no_run(commands: Commands) -> None:
    commands.drop("build")
    said = commands("cancel", "build")
    assert (said.code, said.err) == (
        3,
        f"dsari-like: 'build' is a job; name the run that is meant: {commands.running[0]}\n",
    )
    assert commands("cancel", "nothing") == (3, "", "dsari-like: there is no run 'nothing'\n")


def test_nothing_is_left_behind_under_a_name_that_is_not_looked_at(commands: Commands, daemon: DirectoryLock) -> None:
    commands("trigger", "build")
    assert all(name.endswith(".json") for name in os.listdir(commands.var / "trigger/build"))
