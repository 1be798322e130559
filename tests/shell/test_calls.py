"""Calls of callbacks as real processes: what they are told, what is kept of them, and how they are ended."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsari_like.core.environment import Host
from dsari_like.core.lifecycle import RunState
from dsari_like.core.messages import Now
from dsari_like.core.model import Configuration, Job, Run, Trigger
from dsari_like.core.reactions import Call, CallEnded, Language, StartCall
from dsari_like.system import process
from dsari_like.system.calls import KEPT_OUTPUT, Calls
from dsari_like.system.launcher import Launcher

EVENT = {
    "text": "failed-work-A-7", "name": "failed", "type": "work", "time": 5.5, "run_id": "r1", "job_name": "A",
    "item": "7", "flow_id": "f", "run": {"run_id": "r1", "exit_code": 3, "message": "no"},
    "self": {"run_id": "r2", "job_name": "C"},
}  # fmt: skip


class Desk:
    """Where calls are carried out, with a monotonic clock that can be moved."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launcher = Launcher()
        self.calls = Calls(str(root), self.launcher, lambda who: Host("/usr/bin:/bin", "/", "me"))
        self.ahead = 0.0

    def now(self) -> Now:
        return Now(time.time(), time.monotonic() + self.ahead)

    def start(self, code: str, language: Language = Language.SHELL, run: Run | None = None, **more: Any) -> None:
        """Begin a call in the name of job C."""
        job = Job("C", ("true",), environment={"OF_THE_JOB": "yes"})
        call = Call("c1", "C/1", "r2", "C", "failed-work-A-*", EVENT, language, code, 5.5, **more)
        configuration = Configuration(jobs={"C": job}, data_dir=str(self.root))
        self.calls.start(configuration, StartCall(call, job if call.job_name else None, run), self.now())

    def end(self) -> CallEnded:
        """Wait for its end."""
        deadline = time.monotonic() + 20
        while True:
            for child in self.launcher.reap():
                assert self.calls.take(child, self.now())
            found = self.calls.news(self.now())
            if found:
                return found[0]
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    place = Desk(tmp_path)
    yield place
    for callback_id in list(place.launcher._pids):
        place.launcher.signal(callback_id, signal.SIGKILL)
    while place.launcher._pids:
        list(place.launcher.reap())


def dropped(root: Path, *below: str) -> list[dict[str, Any]]:
    place = root.joinpath(*below)
    return [json.loads(path.read_text()) for path in sorted(place.iterdir())] if place.exists() else []


def test_q_50_and_q_51_a_call_is_told_of_the_event_and_its_owner(desk: Desk) -> None:
    run = Run("r2", "C", Trigger("file", environment={"OF_THE_TRIGGER": "too"}), RunState.RUNNING, 1.0, 1.0)
    desk.start('env | sort; cat "$EVENT_JSON"; pwd', run=run, count=4)
    said = desk.end()
    assert said.exit.code == 0
    for line in (
        "EVENT_NAME=failed", "EVENT_TYPE=work", "EVENT_RUN_ID=r1", "EVENT_JOB_NAME=A", "EVENT_ITEM=7", "EVENT_TIME=5.5",
        "CALLBACK_ID=c1", "CALLBACK_COUNT=4", "OF_THE_JOB=yes", "OF_THE_TRIGGER=too", "RUN_ID=r2", "JOB_NAME=C",
    ):  # fmt: skip
        assert line in said.output.splitlines()
    assert '"exit_code": 3' in said.output and str(desk.root / "callbacks/C/c1") in said.output


def test_q_45_its_directory_lives_as_long_as_the_call(desk: Desk) -> None:
    desk.start("echo x > left; test -e event.json; exit 7")
    ended = desk.end()
    assert (ended.exit.code, ended.reason) == (7, "")
    assert not (desk.root / "callbacks/C/c1").exists()


def test_output_is_kept_up_to_a_limit(desk: Desk) -> None:
    desk.start("head -c 1000000 /dev/zero | tr '\\0' x")
    said = desk.end().output
    assert len(said) < KEPT_OUTPUT + 100 and said.endswith(f"output cut at {KEPT_OUTPUT} bytes]\n")


def test_what_is_no_text_is_kept_as_text(desk: Desk) -> None:
    desk.start("printf 'a\\000b\\377'")
    assert desk.end().output == "a\ufffdb\ufffd"


def test_q_44_a_call_that_takes_too_long_is_ended_with_all_it_started(desk: Desk) -> None:
    desk.start("trap '' TERM; setsid sleep 300 & echo $! > /dev/stderr; sleep 300; sleep 300", timeout=5.0)
    time.sleep(0.2)
    desk.ahead = 6.0  # TERM: nobody obeys
    assert desk.calls.news(desk.now()) == []
    time.sleep(0.1)
    desk.ahead = 30.0
    ended = desk.end()
    assert ended.exit.code == 137 and ended.reason == "it ran longer than its timeout of 5 s"
    deadline = time.monotonic() + 5
    while process.identify(int(ended.output.split()[0])) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_call_that_obeys_at_its_limit_has_failed_all_the_same(desk: Desk) -> None:
    desk.start("trap 'exit 0' TERM; while :; do sleep 0.05; done", timeout=5.0)
    time.sleep(0.2)
    desk.ahead = 6.0
    assert desk.end().exit.code == 124


def test_q_47_python_imports_the_module_and_drops_what_anybody_could(desk: Desk) -> None:
    code = """
from dsari_like import callback
assert callback.event["text"] == "failed-work-A-7" and callback.run["exit_code"] == 3
assert (callback.job, callback.flow, callback.owner["run_id"]) == ("A", "f", "r2")
callback.trigger("clean up", REASON=callback.run["message"], N=3)
callback.unblock()
callback.cancel("r9", reason="because")
callback.pause(until="tomorrow 10:00")
"""
    desk.start(code, Language.PYTHON)
    ended = desk.end()
    assert ended.exit.code == 0, ended.output
    (trigger,) = dropped(desk.root, "trigger", "clean up")
    assert trigger["environment"] == {"REASON": "no", "N": "3"}
    assert trigger["trigger_type"] == "callback" and trigger["callback_id"] == "c1"
    asked = {request["action"]: request for request in dropped(desk.root, "control")}
    assert asked["unblock"]["run"] == "r2" and asked["cancel"]["reason"] == "because"
    assert asked["pause"]["job"] == "C"


def test_q_46_an_error_in_python_is_its_output_and_nothing_else(desk: Desk) -> None:
    desk.start("raise SystemError('oh')", Language.PYTHON)
    ended = desk.end()
    assert ended.exit.code == 1 and "SystemError: oh" in ended.output


def test_q_60_verbs_are_dropped_under_an_id_that_tells_them_again(desk: Desk) -> None:
    for _ in range(2):  # once more after a crash
        desk.start("unblock-self; trigger-B", Language.QUBE)
        assert desk.end().exit.code == 0
    (request,) = dropped(desk.root, "control")
    assert (request["action"], request["run"], request["id"]) == ("unblock", "r2", "callback-c1-0")
    (trigger,) = dropped(desk.root, "trigger", "B")
    assert trigger["id"] == "callback-c1-1"


def test_a_verb_that_cannot_mean_anything_is_a_failed_call(desk: Desk) -> None:
    desk.start("unblock-parent", Language.QUBE)
    ended = desk.end()
    assert ended.exit.code == 1 and "no run that 'parent' could mean" in ended.reason


def test_an_argument_vector_is_run_as_it_is(desk: Desk) -> None:
    desk.start("", Language.COMMAND, argv=("echo", "a  b", "$HOME"))
    assert desk.end().output == "a  b $HOME\n"


def test_what_cannot_be_started_says_why(desk: Desk) -> None:
    desk.start("", Language.COMMAND, argv=("no-such-command-anywhere",))
    ended = desk.end()
    assert ended.exit.code == 127 and "no-such-command-anywhere" in ended.reason
    assert not (desk.root / "callbacks/C/c1").exists()


def test_at_a_start_what_is_left_of_calls_is_removed(desk: Desk) -> None:
    desk.start("sleep 300 & sleep 300")
    time.sleep(0.1)
    Desk(desk.root).calls.begin(["c1"])
    assert desk.end().exit.code == 137
    assert not (desk.root / "callbacks").exists()


def test_a_call_is_no_part_of_its_owners_run(desk: Desk) -> None:
    run = Run("r2", "C", Trigger("file"), RunState.RUNNING, 1.0, 1.0)
    desk.start("sleep 300", run=run)
    time.sleep(0.1)
    found = process.families(["r2", "c1"])
    assert found["r2"] == [] and len(found["c1"]) >= 1
