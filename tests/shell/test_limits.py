"""Output that has a limit: kept to the byte, cut with a mark, and never in the way of who writes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.system.limits import OutputLimits

MARK = "[dsari_like: output cut at 10 bytes]\n"


class Desk:
    """One output file of a run, a limit of ten bytes, and a clock."""

    def __init__(self, root: Path) -> None:
        self.path = root / "output.txt"
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.limits = OutputLimits()
        self.now = 100.0
        self.limits.watch("r1", str(self.path), 10, self.now)

    def write(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def look(self) -> str:
        """Wait until the next look is due, and take it. Returns what the file holds then."""
        due = self.limits.next_deadline()
        assert due is not None
        assert self.now < due <= self.now + 1.0
        self.now = due
        self.limits.look(self.now)
        return self.path.read_text()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    place = Desk(tmp_path)
    yield place
    place.limits.forget("r1")
    os.close(place.descriptor)


def test_up_to_the_limit_every_byte_is_kept(desk: Desk) -> None:
    desk.write("0123456789")
    assert desk.look() == "0123456789"


def test_what_is_beyond_is_cut_and_a_line_says_so(desk: Desk) -> None:
    desk.write("0123456789a")
    assert desk.look() == "0123456789\n" + MARK


def test_a_line_that_ends_at_the_limit_is_not_followed_by_an_empty_one(desk: Desk) -> None:
    desk.write("012345678\nmore\n")
    assert desk.look() == "012345678\n" + MARK


def test_who_writes_on_is_cut_again_at_the_same_place(desk: Desk) -> None:
    for _ in range(5):
        desk.write("0123456789" * 100)
        assert desk.look() == "0123456789\n" + MARK


def test_the_end_is_cut_too_and_nothing_is_left_to_look_at(desk: Desk) -> None:
    desk.write("0123456789abc")
    desk.limits.ended("r1", desk.now)
    assert desk.path.read_text() == "0123456789\n" + MARK
    desk.look()
    assert desk.limits.next_deadline() is None


def test_who_is_left_behind_and_writes_on_is_held_to_it_until_it_is_quiet(desk: Desk) -> None:
    desk.limits.ended("r1", desk.now)
    for _ in range(20):
        desk.write("0123456789")
        desk.look()
    assert desk.path.read_text() == "0123456789\n" + MARK
    for _ in range(40):
        if desk.limits.next_deadline() is None:
            return
        desk.look()
    raise AssertionError("it is looked at for ever")


def test_the_quiet_are_looked_at_once_a_second_and_the_loud_often(desk: Desk) -> None:
    def step() -> float:
        before = desk.now
        desk.look()
        return desk.now - before

    quiet = [step() for _ in range(10)]
    assert quiet == sorted(quiet) and quiet[-1] == pytest.approx(1.0)
    desk.write("0" * (64 << 20))
    step()
    assert step() == pytest.approx(0.05)


def test_a_daemon_that_takes_over_goes_on_with_the_same_mark(desk: Desk) -> None:
    desk.write("0123456789abc")
    desk.look()
    desk.write("more")
    second = OutputLimits()
    second.watch("r1", str(desk.path), 10, desk.now)
    second.look(desk.now + 1)
    assert desk.path.read_text() == "0123456789\n" + MARK
    second.forget("r1")


@pytest.mark.parametrize("trick", ["link", "second name", "pipe"])
def test_what_a_job_puts_in_its_place_is_not_touched(tmp_path: Path, trick: str) -> None:
    precious, output = tmp_path / "precious", tmp_path / "output.txt"
    precious.write_text("0123456789abc")
    if trick == "link":
        output.symlink_to(precious)
    elif trick == "second name":
        output.hardlink_to(precious)
    else:
        os.mkfifo(output)
    limits = OutputLimits()
    with pytest.raises(OSError):
        limits.watch("r1", str(output), 10, 0.0)
    assert limits.next_deadline() is None and precious.read_text() == "0123456789abc"


def test_without_a_limit_there_is_no_deadline() -> None:
    assert OutputLimits().next_deadline() is None
