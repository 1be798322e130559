"""`progress`: one line in the run's own file, or one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsari_like.cli import main
from dsari_like.core.messages import Now
from dsari_like.core.progress import LONGEST_MESSAGE
from dsari_like.system.progressfile import ProgressFile


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a run that this is."""
    path = tmp_path / "progress.jsonl"
    monkeypatch.setenv("PROGRESS_FILE", str(path))
    return path


def test_a_line_is_appended(file: Path) -> None:
    assert main(["progress", "40", "copying"]) == 0
    assert main(["progress", "41.5"]) == 0
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"progress": 40, "message": "copying"},
        {"progress": 41.5},
    ]


@pytest.mark.parametrize("message", ["", "two\nlines", "ä ☃ \x1b[2J", '"}', "x" * 100_000, "\udcff"])
def test_what_is_written_is_understood(file: Path, message: str) -> None:
    assert main(["progress", "0", message]) == 0
    (line,) = ProgressFile(str(file.parent)).look(Now(0.0, 0.0))
    expected = message.replace("\udcff", "\ufffd")
    assert line.message == (expected if len(expected) <= LONGEST_MESSAGE else expected[: LONGEST_MESSAGE - 1] + "…")


@pytest.mark.parametrize("number", ["-1", "100.1", "forty", "40%", "nan", "inf", "1e400", "1_0", "٤", ""])
def test_what_is_no_percentage_is_refused(file: Path, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["progress", number, "copying"]) == 2
    assert capsys.readouterr().err == f"dsari-like: '{number}' is no number from 0 to 100; nothing was written\n"
    assert not file.exists()


@pytest.mark.parametrize("argv", [["progress"], ["progress", "1", "two", "words"], ["progress", "--percent", "1"]])
def test_a_wrong_command_line_is_refused(file: Path, argv: list[str]) -> None:
    assert main(argv) == 2 and not file.exists()


def test_outside_a_run_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("PROGRESS_FILE", raising=False)
    assert main(["progress", "1"]) == 2
    said = capsys.readouterr().err
    assert said == "dsari-like: cannot say how far the run has come: PROGRESS_FILE is not set, so this is no run\n"


@pytest.mark.parametrize("trick", ["FIFO", "link", "directory", "no directory"])
def test_what_is_no_file_is_not_written_to(file: Path, trick: str, capsys: pytest.CaptureFixture[str]) -> None:
    precious = file.parent / "precious"
    precious.write_text("keep me")
    if trick == "FIFO":
        os.mkfifo(file)
    elif trick == "link":
        file.symlink_to(precious)
    elif trick == "directory":
        file.mkdir()
    else:
        os.environ["PROGRESS_FILE"] = str(file / "x" / "y")
    assert main(["progress", "1"]) == 1
    assert capsys.readouterr().err.startswith("dsari-like: cannot say how far the run has come: ")
    assert precious.read_text() == "keep me"


def test_a_fifo_that_somebody_reads_is_no_file_either(file: Path) -> None:
    os.mkfifo(file)
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    assert main(["progress", "1"]) == 1
    os.close(reader)


def test_many_at_once_do_not_mix(file: Path) -> None:
    command = [sys.executable, "-m", "dsari_like", "progress", "7", "x" * 900]
    writers = [subprocess.Popen(command) for _ in range(8)]
    assert [writer.wait(60) for writer in writers] == [0] * 8
    lines = file.read_text().splitlines()
    assert len(lines) == 8 and all(json.loads(line)["progress"] == 7 for line in lines)


def test_it_loads_little() -> None:
    """It stands in loops of scripts: what a start of the daemon loads would be most of its time."""
    script = (
        "import sys; from dsari_like.cli import main; main(['progress', '1']);"
        "print(*(name for name in sys.modules if name.split('.')[0] in"
        " {'yaml', 'jinja2', 'sqlite3', 'watchdog', 'logging', 'zoneinfo', 'subprocess', 'dateutil', 'croniter'}))"
    )
    environ = {**os.environ, "PROGRESS_FILE": os.devnull}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environ)
    assert ended.stdout == "\n", ended.stdout
