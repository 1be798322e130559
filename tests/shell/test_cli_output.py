"""`output` and `tail`: what a run printed, byte for byte in a pipe and harmless on a terminal."""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsari_like.cli.following import LATEST, SOONEST, Followed, Patience, follow
from dsari_like.cli.streams import Sink, Source, harmless
from dsari_like.core import messages as m
from dsari_like.store.db import open_reader
from dsari_like.store.reader import Reader
from tests.shell.commands import Commands, doing

RAW = b"one\n\xff\x00\x1b[2Jtwo\r\n"


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    yield place
    place.close()


def test_in_a_pipe_every_byte_passes(commands: Commands) -> None:
    commands.begin()
    commands.drop("build")
    commands.end(output=RAW)
    command = [sys.executable, "-m", "dsari_like", "output", "build", "-c", str(commands.etc)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == RAW


def test_a_run_without_output_is_a_sentence_and_not_a_trace(commands: Commands) -> None:
    """B-62."""
    commands.begin()
    commands.drop("build")
    run_id = commands.end()
    assert commands("output", run_id) == (
        1, "", f"dsari-like: there is no output of run {run_id} of build: it has no output file\n",
    )  # fmt: skip


def test_a_run_that_never_started_says_so(commands: Commands) -> None:
    commands.begin()
    commands.drop("first")
    commands.drop("second")
    said = commands("output", "second")
    assert said.code == 1
    assert said.err.endswith("it has no output file, for it has never started\n")


def test_no_link_and_no_fifo_is_followed(commands: Commands) -> None:
    commands.begin()
    commands.drop("build")
    path = commands.output(commands.end(), b"")
    secret = commands.root / "secret"
    secret.write_text("secret")
    path.unlink()
    path.symlink_to(secret)
    assert commands("output", "build").code == 1
    path.unlink()
    os.mkfifo(path)
    said = commands("output", "build")
    assert (said.code, said.out) == (1, "")
    assert "it is no regular file" in said.err


@pytest.mark.parametrize(("ending", "packed"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_output_that_dsari_kept_packed_is_read(commands: Commands, ending: str, packed: Any) -> None:
    """D-77."""
    commands.begin()
    commands.drop("build")
    path = commands.output(commands.end(), b"")
    path.unlink()
    path.with_name(f"output.txt{ending}").write_bytes(packed(b"from before\n"))
    assert commands("output", "build") == (0, "from before\n", "")


def test_a_terminal_obeys_colours_and_nothing_else() -> None:
    clean = harmless()
    shown = clean(b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\xff\x00\tx\r\ny\rz\n", False) + clean(b"", True)
    assert shown == (b"\x1b[31mred\x1b[0m \\x1b]0;title\\x07 \\x1b[2J\\xff\\x00\tx\ny\\rz\n\x1b[0m")


@pytest.mark.parametrize("cut", range(1, 24))
def test_what_is_cut_anywhere_is_shown_the_same(cut: int) -> None:
    data = "a\x1b[31mrot ü\x1b[0m\r\nend\x1b[".encode()
    whole, parts = harmless(), harmless()
    assert parts(data[:cut], False) + parts(data[cut:], False) + parts(b"", True) == (
        whole(data, False) + whole(b"", True)
    )


def test_output_that_grows_is_followed_to_its_end(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    run_id, path, reader = _running(commands)

    def ends() -> None:
        add(path, b"o\n")
        commands.end()
        add(path, b"last words\n")

    pause = doing(lambda: add(path, b"one\n"), lambda: add(path, b"tw"), ends)
    follow(reader, [Followed(run_id, "build", Source(str(path.parent)))], Sink(), Patience(pause))
    assert capsys.readouterr().out == "one\ntwo\nlast words\n"
    reader.close()


def test_lines_of_several_runs_never_meet_in_one(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    commands.begin({"a": {"command": "true", "concurrent_runs": True}})
    sources = {}
    for _ in range(2):
        commands.drop("a")
        path = commands.root / commands.running[-1]
        path.mkdir()
        (path / "output.txt").write_bytes(b"")
        sources[commands.running[-1]] = path / "output.txt"
    (first, one), (second, two) = sources.items()
    reader = Reader(open_reader(str(commands.var / "dsari_like.sqlite3")))
    pause = doing(
        lambda: (one.write_bytes(b"be"), two.write_bytes(b"two\n")),
        lambda: (one.write_bytes(b"begin\nno newline"), commands.end()),
        lambda: commands.end(),
    )
    followed = [Followed(run_id, "a", Source(str(path.parent))) for run_id, path in sources.items()]
    follow(reader, followed, Sink(several=True), Patience(pause))
    shown = capsys.readouterr().out.splitlines()
    assert sorted(shown) == sorted(["a: begin", "a: no newline", f"a {second}: two"])
    assert first != second
    reader.close()


def test_a_run_that_comes_meanwhile_is_taken_in(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    run_id, _, reader = _running(commands)
    newcomers: list[Followed] = []
    late = commands.root / "late"
    late.mkdir()
    (late / "output.txt").write_bytes(b"hello\n")

    class EnoughError(Exception):
        """The test has seen what it wanted."""

    def stop() -> None:
        raise EnoughError

    def more() -> list[Followed]:
        found, newcomers[:] = list(newcomers), []
        return found

    pause = doing(lambda: newcomers.append(Followed(run_id, "late", Source(str(late)))), stop)
    with pytest.raises(EnoughError):
        follow(reader, [], Sink(several=True), Patience(pause), more)
    assert capsys.readouterr().out == "late: hello\n"
    reader.close()


def test_patience_grows_while_nothing_happens() -> None:
    pauses: list[float] = []
    patience = Patience(pauses.append)
    for moved in [False] * 10 + [True]:
        patience.rest(moved)
    assert pauses == [*sorted(pauses[:-1]), SOONEST]
    assert pauses[-2] == LATEST


def test_tail_begins_with_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "output.txt"
    for text, count, rest in (
        (b"1\n2\n3\n", 2, b"2\n3\n"),
        (b"1\n2\n3", 2, b"2\n3"),
        (b"1\n", 5, b"1\n"),
        (b"1\n2\n", 0, b""),
        (b"", 3, b""),
        (b"x" * 200_000 + b"\nlast\n", 1, b"last\n"),
    ):
        path.write_bytes(text)
        source = Source(str(tmp_path))
        source.skip_to_last_lines(count)
        assert b"".join(source.read()) == rest
        source.close()


def test_tail_of_a_run_that_has_ended_ends(commands: Commands) -> None:
    commands.begin()
    commands.drop("build")
    commands.end(output=b"1\n2\n3\n")
    assert commands("tail", "build", "-n", "2") == (0, "2\n3\n", "")
    assert commands("tail", "build", "-n", "-1").code == 2
    assert commands("tail", "nobody").code == 3


def test_following_a_run_that_has_ended_prints_it(commands: Commands) -> None:
    commands.begin()
    commands.drop("build")
    commands.end(output=b"all\n")
    assert commands("output", "build", "-f") == (0, "all\n", "")


def add(path: Path, data: bytes) -> None:
    """The run prints something."""
    with path.open("ab") as file:
        file.write(data)


def _running(commands: Commands) -> tuple[str, Path, Reader]:
    commands.begin()
    commands.drop("build")
    directory = commands.root / "run"
    directory.mkdir()
    commands.tell(m.TimePassed())
    return commands.running[-1], directory / "output.txt", Reader(open_reader(str(commands.var / "dsari_like.sqlite3")))
