"""The output of a run on its page: the ends of a file of any size, and never anything but that file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsari_like.report.output import COUNTED, Limits, OutputView, read


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def texts(view: OutputView) -> tuple[list[str], list[str]]:
    return [str(line.markup) for line in view.head], [str(line.markup) for line in view.tail]


def test_a_short_output_is_shown_whole(tmp_path: Path) -> None:
    view = read(write(tmp_path / "o", b"one\ntwo\n"), Limits())
    assert texts(view) == (["one", "two"], [])
    assert [line.anchor for line in view.head] == ["L1", "L2"]


def test_no_limit_means_the_whole(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "o", b"line\n" * 50_000), Limits(0, 0)).head) == 50_000


def test_a_long_output_keeps_whole_lines_of_both_ends_and_their_numbers(tmp_path: Path) -> None:
    data = b"".join(b"line %d\n" % n for n in range(1, 1001))
    view = read(write(tmp_path / "o", data), Limits(30, 30))
    assert texts(view) == (["line 1", "line 2", "line 3", "line 4"], ["line 998", "line 999", "line 1000"])
    assert [line.anchor for line in view.tail] == ["L998", "L999", "L1000"]
    assert view.skipped == len(data) - 4 * 7 - len(b"line 998\nline 999\nline 1000\n")


def test_the_end_of_a_huge_output_is_numbered_from_the_end(tmp_path: Path) -> None:
    """Counting the lines of a gigabyte costs more than the page; the file itself is a hole that takes no room."""
    path = tmp_path / "o"
    write(path, b"begin\n")
    os.truncate(path, COUNTED * 64)
    with path.open("ab") as file:
        file.write(b"\nlast but one\nlast\n")
    view = read(str(path), Limits(3, 20))
    assert [(line.anchor, line.number) for line in view.tail] == [("E2", "-2"), ("E1", "-1")]


def test_limits_count_characters_not_bytes(tmp_path: Path) -> None:
    view = read(write(tmp_path / "o", "ä".encode() * 100), Limits(3, 2))
    assert texts(view) == (["äää"], ["ää"])


def test_only_the_end_can_be_asked_for(tmp_path: Path) -> None:
    assert texts(read(write(tmp_path / "o", b"a\nb\nc\n"), Limits(0, 2))) == ([], ["c"])


def test_bytes_that_are_no_utf8_do_not_stop_the_page(tmp_path: Path) -> None:
    """B-53: one such run aborted every rendering."""
    view = read(write(tmp_path / "o", b"\xff\xfe\x00 ok\n"), Limits())
    assert texts(view)[0] == ['<i class="x">\\xff</i><i class="x">\\xfe</i><i class="x">\\x00</i> ok']


def test_the_first_line_that_looks_like_an_error_is_found(tmp_path: Path) -> None:
    view = read(write(tmp_path / "o", b"terror\nall fine\nmake: *** Error 2\nerror\n"), Limits())
    assert view.first_error == "L3"


def test_a_missing_output_is_said(tmp_path: Path) -> None:
    """B-62: a stack trace."""
    assert read(str(tmp_path / "none"), Limits()).problem == "There is no output."


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_nothing_but_a_regular_file_is_opened(tmp_path: Path, kind: str) -> None:
    """B-47: the target of a link reached the page. A pipe would stop the daemon."""
    path = tmp_path / "output.txt"
    if kind == "link":
        path.symlink_to(write(tmp_path / "secret", b"secret"))
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    view = read(str(path), Limits())
    assert view.problem.startswith("The output cannot be shown")
    assert view.head == ()


def test_an_empty_output_is_empty(tmp_path: Path) -> None:
    assert read(write(tmp_path / "o", b""), Limits()).is_empty
