"""What happens below the data directory is told as a hint where to look. Here the kernel is waited for, not a clock."""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.spool.hints import MOST, Hint, Queue
from dsari_like.spool.watch import Watch
from tests.shell.spool import Spool, names_of


class Ear:
    """The loop's end of the wake-up pipe."""

    def __init__(self) -> None:
        self.heard, self.mouth = os.pipe()
        os.set_blocking(self.heard, False)
        self.watch: Watch | None = None

    def wake(self) -> None:
        os.write(self.mouth, b"!")

    def hears(self, seconds: float) -> bool:
        """As the loop does: sleep on the watch's descriptor and on the pipe, and read what is there to read."""
        descriptors = [self.heard]
        if self.watch is not None and self.watch.descriptor is not None:
            descriptors.append(self.watch.descriptor)
        ready = select.select(descriptors, [], [], seconds)[0]
        if ready and ready != [self.heard] and self.watch is not None:
            self.watch.read()
        return bool(select.select([self.heard], [], [], 0)[0])

    def is_quiet(self, seconds: float = 0.2) -> bool:
        return not self.hears(seconds)

    def wait(self) -> int:
        assert any(self.hears(1) for _ in range(10)), "nobody woke us"
        return len(os.read(self.heard, 1000))

    def close(self) -> None:
        os.close(self.heard)
        os.close(self.mouth)


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    yield made
    made.close()


@pytest.fixture
def watch(tmp_path: Path, ear: Ear) -> Iterator[Watch]:
    for name in ("trigger/build", "control", "claimed"):
        (tmp_path / name).mkdir(parents=True)
    made = Watch(str(tmp_path), ear.wake)
    made.start()
    made.add("build")
    ear.watch = made
    yield made
    made.stop()
    assert made.problems == []


def hints(watch: Watch, ear: Ear, wanted: int) -> list[Hint]:
    """So many hints, however many wake-ups they take."""
    found: list[Hint] = []
    while len(found) < wanted:
        ear.wait()
        taken = watch.take()
        assert not taken.everything
        found += taken.files
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify")


def test_a_rename_into_the_place_is_one_hint_and_complete(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "x.tmp").write_text("{}")
    (tmp_path / "x.tmp").rename(tmp_path / "trigger/build/x.json")
    assert hints(watch, ear, 1) == [Hint("trigger", "build", "x.json", True)]
    assert ear.is_quiet()


@linux
def test_a_plain_write_is_seen_twice_and_complete_the_second_time(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "control/x.json").write_text("{}")
    assert hints(watch, ear, 2) == [Hint("control", "", "x.json", False), Hint("control", "", "x.json", True)]


@linux
def test_links_and_fifos_are_told_of(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    os.link(tmp_path / "x", tmp_path / "trigger/build/x.json")
    os.mkfifo(tmp_path / "trigger/build/y.json")
    (tmp_path / "trigger/build/z.json").symlink_to("x")
    (tmp_path / "trigger/build/w.json").mkdir()
    assert [hint.file_name for hint in hints(watch, ear, 4)] == ["x.json", "y.json", "z.json", "w.json"]


def test_names_that_are_not_looked_at_wake_nobody(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    for name in (".x.json", "x.json.tmp", "x.part", "x~", "x"):
        (tmp_path / "trigger/build" / name).write_text("{}")
    assert ear.is_quiet()


@linux
def test_claiming_and_dropping_wake_nobody(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "trigger/build/x.json").write_text("{}")
    hints(watch, ear, 2)
    (tmp_path / "trigger/build/x.json").rename(tmp_path / "claimed/x.json")
    (tmp_path / "claimed/x.json").read_text()
    (tmp_path / "claimed/x.json").unlink()
    assert ear.is_quiet()


@linux
def test_the_writer_of_a_claimed_file_is_heard_when_it_lets_go(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    with (tmp_path / "trigger/build/x.json").open("w") as file:
        file.write("{")
        hints(watch, ear, 1)
        (tmp_path / "trigger/build/x.json").rename(tmp_path / "claimed/token.json")
    assert hints(watch, ear, 1) == [Hint("claimed", "", "token.json", True)]


def test_a_new_place_is_watched_and_to_be_looked_at(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "trigger/late").mkdir()
    assert hints(watch, ear, 1) == [Hint("trigger", "late", None, False)]
    (tmp_path / "x.tmp").write_text("{}")
    (tmp_path / "x.tmp").rename(tmp_path / "trigger/late/x.json")
    assert hints(watch, ear, 1) == [Hint("trigger", "late", "x.json", True)]


@linux
def test_a_place_that_is_replaced_is_watched_anew(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "trigger/build").rename(tmp_path / "elsewhere")
    (tmp_path / "trigger/build").mkdir()
    assert hints(watch, ear, 1) == [Hint("trigger", "build", None, False)]
    (tmp_path / "elsewhere/old.json").write_text("{}")
    (tmp_path / "trigger/build/new.json").write_text("{}")
    assert {hint.file_name for hint in hints(watch, ear, 2)} == {"new.json"}


@linux
def test_a_fixed_directory_that_comes_back_is_watched_again(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "control").rmdir()
    ear.wait()
    assert watch.take().everything
    (tmp_path / "control").mkdir()
    watch.add("")
    (tmp_path / "control/x.json").write_text("{}")
    assert hints(watch, ear, 2)[0] == Hint("control", "", "x.json", False)


@linux
def test_when_all_places_are_moved_away_the_new_ones_are_watched(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "trigger").rename(tmp_path / "old")
    ear.wait()
    assert watch.take().everything
    (tmp_path / "trigger/build").mkdir(parents=True)
    watch.add("")
    watch.add("build")
    (tmp_path / "old/build/old.json").write_text("{}")
    (tmp_path / "trigger/build/new.json").write_text("{}")
    assert {hint.file_name for hint in hints(watch, ear, 2)} == {"new.json"}


def test_a_watch_that_is_there_is_not_added_twice(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    for _ in range(3):
        watch.add("build")
        watch.add("")
    (tmp_path / "x.tmp").write_text("{}")
    (tmp_path / "x.tmp").rename(tmp_path / "trigger/build/x.json")
    assert len(hints(watch, ear, 1)) == 1
    assert ear.is_quiet()


@linux
def test_links_are_not_watched(watch: Watch, ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "trigger/linked").symlink_to(tmp_path / "outside")
    assert hints(watch, ear, 1) == [Hint("trigger", "linked", None, False)]
    (tmp_path / "outside/x.json").write_text("{}")
    assert ear.is_quiet()


@linux
def test_no_child_inherits_the_watches(watch: Watch) -> None:
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        assert "inotify" not in target or not os.get_inheritable(int(name))


@linux
def test_stopping_gives_everything_back(tmp_path: Path, ear: Ear) -> None:
    before = len(os.listdir("/proc/self/fd"))
    watch = Watch(str(tmp_path), ear.wake)
    watch.start()
    watch.stop()
    watch.stop()
    assert len(os.listdir("/proc/self/fd")) == before


class Refusing:
    """A source that the kernel refuses everything."""

    alive = True

    def add(self, key: str, path: str) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    def has(self, key: str) -> bool:
        return False

    def is_alive(self) -> bool:
        return self.alive

    def descriptor(self) -> None:
        return None

    def read(self) -> None:
        raise AssertionError("there is nothing to read")

    def stop(self) -> None:
        pass


def test_exhausted_watches_are_one_sentence_and_no_exception(tmp_path: Path, ear: Ear) -> None:
    watch = Watch(str(tmp_path), ear.wake, lambda queue: Refusing())
    watch.start()
    for number in range(100):
        watch.add(f"job {number}")
    (problem,) = watch.take_problems()
    assert "inotify watch limit reached" in problem and "each minute" in problem


def test_without_any_source_hints_are_none_and_no_exception(tmp_path: Path, ear: Ear) -> None:
    def refuse(queue: Queue) -> Refusing:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    watch = Watch(str(tmp_path), ear.wake, refuse)
    watch.start()
    watch.add("build")
    assert watch.take() == (False, [])
    assert len(watch.take_problems()) == 1
    watch.stop()


def test_a_source_that_died_is_told_once(tmp_path: Path, ear: Ear) -> None:
    source = Refusing()
    watch = Watch(str(tmp_path), ear.wake, lambda queue: source)
    watch.start()
    watch.take_problems()
    source.alive = False
    watch.take()
    watch.take()
    assert len(watch.take_problems()) == 1


class TestTheQueue:
    def test_many_hints_are_one_wake_up(self, ear: Ear) -> None:
        queue = Queue(ear.wake)
        for number in range(100):
            queue.put(Hint("trigger", "build", f"{number}.json", True))
        assert ear.wait() == 1
        assert len(queue.take().files) == 100
        queue.put(Hint("trigger", "build", "x.json", True))
        assert ear.wait() == 1

    def test_too_many_hints_become_one_look_at_everything(self, ear: Ear) -> None:
        queue = Queue(ear.wake)
        for number in range(MOST + 10):
            queue.put(Hint("trigger", "build", f"{number}.json", True))
        taken = queue.take()
        assert taken.everything and len(taken.files) == MOST
        assert queue.take() == (False, [])

    def test_lost_events_are_a_look_at_everything(self, ear: Ear) -> None:
        queue = Queue(ear.wake)
        queue.put_everything()
        assert ear.wait() == 1
        assert queue.take() == (True, [])


@linux
def test_watch_and_inbox_together_find_what_is_dropped_into_a_new_place(tmp_path: Path, ear: Ear) -> None:
    spool = Spool(tmp_path)
    watch = Watch(str(tmp_path), ear.wake)
    watch.start()
    ear.watch = watch
    (tmp_path / "trigger/late").mkdir()
    spool.drop("x.json", place="trigger/late")
    found: list[str] = []
    while not found:
        ear.wait()
        for hint in watch.take().files:
            spool.inbox.look_at(*hint)
        found = names_of(spool.gather())
    assert found == ["x.json"]
    watch.stop()
    spool.inbox.close()
