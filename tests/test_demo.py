"""The two demonstrations: `dsari-like demo`, and contrib/demo with a repository and a push."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dsari_like.cli.playground import Playground, PlaygroundError, run_table

TREE = Path(__file__).parents[1]
TOUR = [sys.executable, "-m", "dsari_like", "demo"]

#: contrib/demo as a person starts it, where these tests run in the environment it would make; else what it ends in.
OURS = Path(sys.prefix, "installed-test").exists()
PUSH = ["sh", str(TREE / "contrib/demo")] if OURS else [sys.executable, str(TREE / "contrib/push_demo.py")]


def start(command: list[str], tmp: Path) -> subprocess.Popen[str]:
    """The command as a person with an empty home and no git configuration would start it."""
    (tmp / "home").mkdir()
    (tmp / "tmp").mkdir()
    own = {"PATH": os.environ["PATH"], "HOME": str(tmp / "home"), "TMPDIR": str(tmp / "tmp")}
    own |= {"DSARI_LIKE_VENV": sys.prefix} if OURS else {"PYTHONPATH": str(TREE)}
    return subprocess.Popen(
        command, cwd=TREE, env=own, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def left_behind(tmp: Path) -> list[str]:
    """What is still there of it: files, and processes that know the directory."""
    files = [str(path) for path in (tmp / "tmp").iterdir()]
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    return files + [repr(line) for line in commands if str(tmp / "tmp").encode() in line]


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:  # ended meanwhile
        return False
    return True


@pytest.mark.slow
def test_the_tour_shows_every_kind_of_end_and_leaves_nothing(tmp_path: Path) -> None:
    tour = start(TOUR, tmp_path)
    told, complaints = tour.communicate(timeout=60)
    assert (tour.returncode, complaints) == (0, "")
    assert re.search(r"^ *greet +file +completed +0 +\d\S* \w+$", told, re.MULTILINE)
    assert re.search(r"^ *greet +manual +completed +0 ", told, re.MULTILINE)
    assert re.search(r"^ *stumble +manual +failed +3 ", told, re.MULTILINE)
    assert re.search(r"^ *clock +schedule +completed +0 ", told, re.MULTILINE)
    assert re.search(r"^ *publish +chain +completed +0 ", told, re.MULTILINE) and "unpack  " in told
    assert re.search(r"^ *rates +orchestration +failed +1 ", told, re.MULTILINE)
    assert re.search(r"^ *totals +orchestration +completed +0 ", told, re.MULTILINE)
    assert re.search(r"^ *nightly +manual +warning +0 ", told, re.MULTILINE)
    assert "Hello, you who dropped a file" in told
    assert "refused: half.json: " in told
    assert left_behind(tmp_path) == []


@pytest.mark.slow
def test_what_the_tour_leaves_when_asked_to_can_be_looked_at_by_the_commands_it_names(tmp_path: Path) -> None:
    tour = start([*TOUR, "--keep"], tmp_path)
    told, _ = tour.communicate(timeout=60)
    report = re.search(r"file://(\S+)", told)
    assert report and "stumble" in Path(report[1]).read_text(encoding="utf-8")
    commands = told.partition("To look further:\n")[2].splitlines()
    assert len(commands) >= 4
    for command in commands:
        looked = subprocess.run(command, shell=True, cwd=TREE, capture_output=True, text=True)
        assert (looked.returncode, looked.stderr) == (0, ""), command
        assert looked.stdout, command


@pytest.mark.slow
def test_a_push_is_built_from_an_empty_home_and_nothing_stays(tmp_path: Path) -> None:
    demo = start(PUSH, tmp_path)
    told, complaints = demo.communicate(timeout=120)
    assert (demo.returncode, complaints) == (0, ""), told
    assert "job 'build' triggered for refs/heads/demo" in told
    assert re.search(r"^build +file +completed +0 ", told, re.MULTILINE)
    assert re.search(r"^heartbeat +schedule +completed +0 ", told, re.MULTILINE)
    assert re.search(r"building [0-9a-f]{40} of refs/heads/demo by Ada Demo <ada@example.org>", told)
    assert re.search(r"\d+ passed", told)
    assert "Refused: half.json: " in told
    assert left_behind(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_impatient_watcher_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    demo = start(PUSH, tmp_path)
    assert demo.stdout
    told = ""
    while "Waiting for the tests" not in told:  # in the middle of it, with a run going on
        line = demo.stdout.readline()
        assert line, "it ended before"
        told += line
    demo.send_signal(number)
    demo.communicate(timeout=30)
    assert demo.returncode == 128 + number
    assert left_behind(tmp_path) == []


def test_a_daemon_that_does_not_come_up_is_told_with_its_last_words() -> None:
    with Playground() as place:
        (place.etc / "dsari_like.yaml").write_text("jobs: {broken: {comand: [date]}}\n")
        with pytest.raises(PlaygroundError, match=r"(?s)ended while waiting for the daemon to be ready.*comand"):
            place.start()
    assert not place.root.exists()


def test_a_command_that_fails_is_told_as_a_person_would_have_typed_it() -> None:
    with Playground() as place:
        place.configure({}, "t")
        with pytest.raises(PlaygroundError, match=r"show --config-dir \S+ nobody' ended with [1-9]"):
            place.command("show", "nobody")


def test_a_run_that_has_not_ended_has_no_exit_and_no_duration() -> None:
    running = {"job_name": "a", "trigger_type": "file", "status": "running", "exit_code": None}
    failed = {"job_name": "long name", "trigger_type": "schedule", "status": "failed", "exit_code": 3}
    rows = [running | {"start_time": 1.0, "stop_time": None}, failed | {"start_time": 1.0, "stop_time": 2.5}]
    assert run_table(rows)[1:] == [
        "a          file        running     -  –",
        "long name  schedule    failed      3  1.5 s",
    ]
