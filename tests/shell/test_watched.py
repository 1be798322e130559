"""Files that event triggers wait for. Here the kernel tells, or nobody does; the clock is an argument."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dsari_like.core.messages import Now
from dsari_like.system.inotify import Watches
from dsari_like.system.wakeup import Wakeup
from dsari_like.system.watched import RESCAN, SETTLE, Watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has inotify")


def deaf() -> Watches:
    """A system, or a network file system, that tells nothing."""
    raise OSError(38, "Function not implemented")


class Ear:
    """A daemon as far as watched things go: its clock moves only when told."""

    def __init__(self, *things: str, marks: Mapping[str, float] | None = None, hears: bool = True) -> None:
        self.wakeup = Wakeup()
        self.watched = Watched(self.wakeup, None if hears else deaf)
        self.mono = 1000.0
        self.marks: dict[str, float] = dict(marks or {})
        self.watched.configure(things, self.marks)
        self.first = self.look()

    def look(self, after: float = 0.0) -> list[str]:
        """The names of what was updated, after so many seconds."""
        self.mono += after
        found: list[str] = []
        for one in self.watched.news(Now(5000.0 + self.mono, self.mono)):
            self.marks |= one.marks
            found += [os.path.basename(thing) for thing in one.things]
        return found

    def hear(self) -> list[str]:
        """The kernel has something to say, or nothing within a moment."""
        self.wakeup.wait(0.05)
        return self.look()

    def close(self) -> None:
        self.watched.close()
        self.wakeup.close()


@pytest.fixture
def ears() -> Iterator[list[Ear]]:
    made: list[Ear] = []
    yield made
    for ear in made:
        ear.close()


def test_a_file_counts_when_its_writer_lets_go_of_it(tmp_path: Path, ears: list[Ear]) -> None:
    ear = Ear(f"{tmp_path}/a.csv")
    ears.append(ear)
    assert ear.first == []
    with open(tmp_path / "a.csv", "w") as file:
        file.write("half")
        file.flush()
        assert ear.hear() == []
        file.write("whole")
    assert ear.look(0.25) == ["a.csv"]
    assert ear.look(0.25) == []


def test_a_file_counts_when_it_is_moved_in_whatever_its_times_say(tmp_path: Path, ears: list[Ear]) -> None:
    (tmp_path / "in").mkdir()
    ear = Ear(f"{tmp_path}/in/*.csv")
    ears.append(ear)
    (tmp_path / "b.csv").write_text("old")
    os.utime(tmp_path / "b.csv", (1, 1))
    os.rename(tmp_path / "b.csv", tmp_path / "in" / "b.csv")
    assert ear.hear() == ["*.csv"]


def test_what_is_not_meant_and_what_is_being_written_do_not_count(tmp_path: Path, ears: list[Ear]) -> None:
    (tmp_path / "below").mkdir()
    ear = Ear(f"{tmp_path}/*.csv", f"{tmp_path}/below/never")
    ears.append(ear)
    for name in ("a.txt", ".a.csv", "a.csv.part", "below/a.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.csv").mkdir()
    assert ear.hear() == [] and ear.look(RESCAN) == [] and ear.look(SETTLE) == []


def test_where_the_kernel_tells_nothing_a_file_counts_when_it_is_the_same_for_two_seconds(
    tmp_path: Path, ears: list[Ear]
) -> None:
    ear = Ear(f"{tmp_path}/a.csv", hears=False)
    ears.append(ear)
    (tmp_path / "a.csv").write_text("half")
    assert ear.look(RESCAN) == []
    assert ear.watched.next_deadline() == ear.mono + SETTLE
    (tmp_path / "a.csv").write_text("more than half")
    assert ear.look(SETTLE) == []
    assert ear.look(SETTLE - 0.1) == []
    assert ear.look(0.1) == ["a.csv"]
    assert ear.look(RESCAN) == [] and ear.look(SETTLE) == []


def test_a_folder_is_updated_when_a_file_in_it_is(tmp_path: Path, ears: list[Ear]) -> None:
    (tmp_path / "in").mkdir()
    ear = Ear(f"{tmp_path}/in")
    ears.append(ear)
    (tmp_path / "in" / "x").write_text("x")
    assert ear.hear() == ["in"]
    (tmp_path / "in" / "x").unlink()
    assert ear.hear() == [] and ear.look(RESCAN) == []


def test_a_directory_that_comes_later_is_seen_within_a_minute_and_heard_from_then_on(
    tmp_path: Path, ears: list[Ear]
) -> None:
    ear = Ear(f"{tmp_path}/in/*/x")
    ears.append(ear)
    (tmp_path / "in" / "1").mkdir(parents=True)
    assert ear.look(RESCAN) == []
    (tmp_path / "in" / "1" / "x").write_text("x")
    assert ear.hear() == ["x"]


def test_what_was_there_before_anybody_waited_is_no_update(tmp_path: Path, ears: list[Ear]) -> None:
    (tmp_path / "a").write_text("x")
    ear = Ear(f"{tmp_path}/a", f"{tmp_path}/b")
    ears.append(ear)
    assert ear.first == [] and ear.look(RESCAN) == [] and ear.look(SETTLE) == []
    assert set(ear.marks) == {f"{tmp_path}/a", f"{tmp_path}/b"}


def test_what_was_updated_while_no_daemon_ran_is_found_by_the_mark(tmp_path: Path, ears: list[Ear]) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "c").write_text("x")
    things = [f"{tmp_path}/{name}" for name in "abc"]
    before = Ear(*things)
    before.close()
    (tmp_path / "b").write_text("came")
    (tmp_path / "a").write_text("changed")
    os.utime(tmp_path / "a", (1, 1))  # a program may set this time, and no other
    ear = Ear(*things, marks=before.marks)
    ears.append(ear)
    assert ear.first == []
    assert sorted(ear.look(SETTLE)) == ["a", "b"]


def test_a_mere_change_of_rights_is_no_update(tmp_path: Path, ears: list[Ear]) -> None:
    (tmp_path / "a").write_text("x")
    ear = Ear(f"{tmp_path}/a")
    ears.append(ear)
    (tmp_path / "a").chmod(0o600)
    assert ear.look(RESCAN) == [] and ear.look(SETTLE) == []


def test_a_file_that_is_written_all_the_time_costs_four_looks_a_second(tmp_path: Path, ears: list[Ear]) -> None:
    ear = Ear(f"{tmp_path}/a")
    ears.append(ear)
    (tmp_path / "a").write_text("1")
    assert ear.hear() == ["a"]
    (tmp_path / "a").write_text("22")
    assert ear.hear() == []
    assert ear.watched.next_deadline() == ear.mono + 0.25
    (tmp_path / "a").write_text("333")
    assert ear.look(0.25) == ["a"]


def test_nothing_is_looked_at_when_nothing_is_watched(tmp_path: Path, ears: list[Ear]) -> None:
    ear = Ear(f"{tmp_path}/a")
    ears.append(ear)
    ear.watched.configure((), {})
    assert ear.watched.next_deadline() is None and ear.look(RESCAN) == []


def test_the_descriptor_is_quiet_when_nothing_happens(tmp_path: Path, ears: list[Ear]) -> None:
    ear = Ear(f"{tmp_path}/a")
    ears.append(ear)
    assert ear.watched._ear._watches is not None
    assert select.select([ear.watched._ear._watches.descriptor], [], [], 0)[0] == []
    assert ear.watched.next_deadline() == 1000.0 + RESCAN
