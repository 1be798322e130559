"""What runs say while they run: real files, the real kernel, and whatever a run may put in their place."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.core import messages as m
from dsari_like.core.clauses import Progress
from dsari_like.core.progress import MOST_NOTES
from dsari_like.system.inotify import Watches
from dsari_like.system.progressfile import LEAST, LOOK, MINUTE, ProgressFile
from dsari_like.system.signs import PAUSE, RESCAN, SOON, Signs
from dsari_like.system.wakeup import Wakeup

WALL = 2_000_000_000.0  # later than any file of a test: the time of a line is then the file's
linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify")


class Post:
    """Signs, and the loop around them: it sleeps on the real kernel, and its clock moves by hand."""

    def __init__(self, root: Path, broken: OSError | None = None) -> None:
        self.root = root
        self.wakeup = Wakeup()
        self.broken = broken
        self.signs = Signs(self.wakeup, self._open)
        self.mono = 100.0
        self.turns = 0
        self.said: list[m.Progressed] = []

    def _open(self) -> Watches:
        if self.broken is not None:
            raise self.broken
        return Watches()

    def begin(self, run_id: str = "r1", watched: bool = True) -> Path:
        run_dir = self.root / run_id
        run_dir.mkdir(exist_ok=True)
        self.signs.begin(run_id, str(run_dir), self.mono)
        if watched:
            self.pass_time(SOON)
        return run_dir

    def now(self) -> m.Now:
        return m.Now(WALL, self.mono)

    def pass_time(self, seconds: float) -> None:
        """The clock goes on; the loop turns at each deadline on the way."""
        end = self.mono + seconds
        while (due := self.signs.next_deadline()) is not None and due <= end:
            self.mono = max(self.mono, due)
            self.turn()
        self.mono = end

    def turn(self) -> None:
        self.wakeup.wait(0.0)
        self.turns += 1
        self.said += self.signs.news(self.now())

    def hears(self, seconds: float = 5.0) -> bool:
        """Whether the kernel wakes the loop, which then turns. A pause since the last event is over by then."""
        self.pass_time(PAUSE)
        before, deadline = self.turns, time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select(list(self.wakeup._callbacks), [], [], 0.01)[0]:
                self.turn()
                return True
            self.pass_time(0.0)
            if self.turns > before:
                return True
        return False

    def lines(self, wanted: int = 1) -> list[float | None]:
        """Wait until so many lines have been said; returns all percentages since the last call."""
        deadline = time.monotonic() + 5.0
        while sum(len(one.lines) for one in self.said) < wanted:
            assert time.monotonic() < deadline, "nothing was said"
            self.hears(0.1)
        found = [line.percent for one in self.said for line in one.lines]
        self.said.clear()
        return found

    def notes(self) -> list[str]:
        found = [note for one in self.said for note in one.notes]
        self.said.clear()
        return found

    def asked(self, run_dir: Path, output: str | None = None) -> tuple[list[m.Progressed], float | None]:
        """What a run says when it is asked for signs of life, and the answer."""
        *said, answer = self.signs.life("r1", str(run_dir), output, self.now())
        assert isinstance(answer, m.LifeSeen)
        return [one for one in said if isinstance(one, m.Progressed)], answer.time

    def end(self, run_id: str = "r1") -> list[m.Progressed]:
        return self.signs.end(run_id, self.now())


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.signs.close()
    made.wakeup.close()


def say(run_dir: Path, *percents: float) -> None:
    with (run_dir / "progress.jsonl").open("a") as file:
        file.write("".join(json.dumps({"progress": percent}) + "\n" for percent in percents))


# --- the way of a line --------------------------------------------------------------------------------------------


def test_what_a_short_run_said_is_read_at_its_end(post: Post) -> None:
    run_dir = post.begin(watched=False)
    say(run_dir, 10, 20)
    (found,) = post.end()
    assert [line.percent for line in found.lines] == [10, 20]
    assert post.signs.next_deadline() is None and post.signs._ear._watches is None


def test_a_line_has_the_time_of_its_file(post: Post) -> None:
    run_dir = post.begin(watched=False)
    (run_dir / "progress.jsonl").write_text('{"progress": 1, "message": "on"}\n')
    os.utime(run_dir / "progress.jsonl", (5.0, 1_000_000.0))
    assert post.end() == [m.Progressed("r1", (Progress(1.0, "on", 1_000_000.0),))]


def test_a_run_that_says_nothing_costs_nothing(post: Post) -> None:
    post.begin()
    assert post.signs.next_deadline() is None or post.signs.next_deadline() == post.mono + PAUSE
    assert post.end() == [] and post.said == []


@linux
def test_the_file_is_seen_when_it_is_made_and_each_time_it_grows(post: Post) -> None:
    run_dir = post.begin()
    say(run_dir, 10)
    assert post.lines() == [10]
    with (run_dir / "progress.jsonl").open("a", buffering=1) as file:  # it stays open, as that of a program does
        for percent in (20, 30):
            file.write(f'{{"progress": {percent}}}\n')
            assert post.lines() == [percent]


@linux
def test_what_stood_there_before_the_watch_is_read_when_it_is_put_up(post: Post) -> None:
    run_dir = post.begin(watched=False)
    say(run_dir, 10)
    post.pass_time(SOON)
    assert post.lines() == [10]
    say(run_dir, 20)
    assert post.lines() == [20]


@linux
def test_a_file_that_is_written_anew_each_time_is_read_each_time(post: Post) -> None:
    """`echo '{"progress": 9}' >"$PROGRESS_FILE"`: the same length, or longer by one."""
    run_dir = post.begin()
    for percent in (8, 9, 10, 11, 100):
        (run_dir / "progress.jsonl").write_text(json.dumps({"progress": percent}) + "\n")
        assert post.lines()[-1] == percent


@linux
def test_a_file_that_is_moved_into_place_is_read_each_time(post: Post) -> None:
    run_dir = post.begin()
    for percent in (8, 9, 10):
        (run_dir / "new").write_text(json.dumps({"progress": percent}) + "\n")
        (run_dir / "new").rename(run_dir / "progress.jsonl")
        assert post.lines() == [percent]
        say(run_dir, percent + 0.5)
        assert post.lines() == [percent + 0.5]


@linux
def test_a_file_that_was_removed_may_come_again(post: Post) -> None:
    run_dir = post.begin()
    say(run_dir, 10)
    assert post.lines() == [10]
    (run_dir / "progress.jsonl").unlink()
    post.hears(0.2)
    say(run_dir, 20)
    assert post.lines() == [20]


def test_the_last_line_counts_without_its_end(post: Post) -> None:
    run_dir = post.begin()
    (run_dir / "progress.jsonl").write_text('{"progress": 100}')
    (found,) = post.end()
    assert [line.percent for line in found.lines] == [100]


def test_the_next_process_of_a_run_goes_on_where_the_last_one_ended(post: Post) -> None:
    run_dir = post.begin(watched=False)
    say(run_dir, 10)
    (run_dir / "heartbeat").mkdir()
    assert len(post.asked(run_dir)[0]) == 1
    post.end()
    post.begin(watched=False)
    say(run_dir, 20)
    assert [line.percent for one in post.asked(run_dir)[0] for line in one.lines] == [20]
    assert post.end() == [], "nor is what was wrong told again"


def test_a_run_is_not_begun_twice(post: Post) -> None:
    run_dir = post.begin(watched=False)
    post.begin(watched=False)
    say(run_dir, 10)
    assert len(post.end()) == 1 and post.end() == []


# --- what it costs ------------------------------------------------------------------------------------------------


@linux
def test_lines_of_ordinary_output_wake_nobody(post: Post) -> None:
    run_dir = post.begin()
    with (run_dir / "output.txt").open("a", buffering=1) as output:
        post.hears(0.2)  # that it was made
        for _ in range(100):
            output.write("a line\n")
        assert not post.hears(0.2)
    assert not post.hears(0.2), "nor does the end of it"


@linux
def test_a_run_that_says_a_thousand_things_a_second_costs_four_looks(post: Post) -> None:
    run_dir = post.begin()
    say(run_dir, 0)
    post.lines()
    post.pass_time(PAUSE)
    before = post.turns
    with (run_dir / "progress.jsonl").open("a", buffering=1) as file:
        for tick in range(1000):
            file.write(f'{{"progress": {tick % 100}}}\n')
            post.wakeup.wait(0.0)
            post.pass_time(0.001)
            if post.signs._ear.is_stirred:
                post.turn()
    post.pass_time(PAUSE)
    assert post.turns - before <= 8
    assert post.lines()[-1] == 99


@linux
def test_a_run_that_fills_its_directory_costs_four_looks_a_second(post: Post) -> None:
    run_dir = post.begin()
    post.pass_time(PAUSE)
    before = post.turns
    for tick in range(1000):
        (run_dir / str(tick)).touch()
        post.wakeup.wait(0.0)
        post.pass_time(0.001)
        if post.signs._ear.is_stirred:
            post.turn()
    assert post.turns - before <= 8 and post.said == []


@linux
def test_the_end_of_a_watch_wakes_nobody(post: Post) -> None:
    say(post.begin(), 1)
    post.lines()
    post.pass_time(PAUSE)
    post.end()
    assert not post.hears(0.1) and post.signs._of == {} and post.signs.next_deadline() is None


@linux
def test_a_flood_of_events_that_the_kernel_drops_loses_no_line(post: Post) -> None:
    run_dir, other = post.begin("r1"), post.begin("r2")
    post.pass_time(PAUSE)
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    (other / "a").touch()
    for number in range(limit + 10):
        os.rename(other / ("a", "b")[number % 2], other / ("b", "a")[number % 2])
    say(run_dir, 5)
    assert post.lines() == [5]


def test_a_descriptor_is_given_back_after_each_look(post: Post) -> None:
    run_dir = post.begin()
    before = len(os.listdir("/proc/self/fd"))
    for percent in range(20):
        say(run_dir, percent)
        post.signs.life("r1", str(run_dir), "output.txt", post.now())
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_gibibyte_takes_no_time_and_its_last_line_counts(post: Post) -> None:
    run_dir = post.begin(watched=False)
    with (run_dir / "progress.jsonl").open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"progress": 77}\n')
    begun = time.process_time()
    (found,) = post.end()
    assert [line.percent for line in found.lines] == [77]
    assert found.notes == ("its progress file grew too fast: of all that was written at once, only the end was read",)
    assert time.process_time() - begun < 1.0


def test_a_gibibyte_of_nothing_is_passed_over(post: Post) -> None:
    run_dir = post.begin(watched=False)
    with (run_dir / "progress.jsonl").open("wb") as file:
        file.truncate(1 << 30)
    (found,) = post.end()
    assert found.lines == () and len(found.notes) == 1


def test_who_writes_without_end_is_read_within_bounds(tmp_path: Path) -> None:
    """A minute of 4 MiB a second: what is read of it is what may be read in a minute, and a little for each look."""
    path, file = tmp_path / "progress.jsonl", ProgressFile(str(tmp_path))
    read, line = 0, b'{"progress": 1}\n'
    for step in range(240):
        with path.open("ab") as target:
            target.truncate(target.tell() + LOOK * 4)
            target.seek(0, os.SEEK_END)
            target.write(b"\n" + line)
        before = file._offset
        lines = file.look(m.Now(WALL, step * 0.25))
        assert [one.percent for one in lines[-1:]] == [1]
        read += min(file._offset - before, LOOK)
        assert len(file._tail) <= 256 and len(file._reader._begun) <= 65_536
    assert file._credit < LEAST
    assert read <= 240 * LOOK
    assert len(file.take_notes()) <= MOST_NOTES + 1
    assert MINUTE / LOOK == 4


# --- what stands in its place -------------------------------------------------------------------------------------


TRICKS = ["FIFO", "link", "link to nothing", "directory", "socket", "second name", "device"]


def play(trick: str, path: Path, precious: Path) -> str:
    """Put it there. Returns what the note says of it."""
    precious.write_text('{"progress": 66}\n')
    if trick == "FIFO":
        os.mkfifo(path)
        return "is a FIFO, and is not read"
    if trick.startswith("link"):
        path.symlink_to(precious if trick == "link" else precious.parent / "nowhere")
        return "is a symbolic link, and is not read"
    if trick == "directory":
        path.mkdir()
        return "is a directory, and is not read"
    if trick == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
        return "is a socket, and is not read"
    if trick == "device":
        try:
            os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero: reading it would never end
        except PermissionError:
            pytest.skip("takes root")
        return "is a character device, and is not read"
    path.hardlink_to(precious)
    return "has a second name, and is not read"


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_is_no_file_of_its_own_is_told_once_and_never_read(
    post: Post, tmp_path: Path, trick: str, when: str
) -> None:
    run_dir = post.begin(watched=when == "after")
    why = play(trick, run_dir / "progress.jsonl", tmp_path / "precious")
    post.pass_time(SOON)
    for _ in range(3):
        post.hears(0.05)
        post.said += post.asked(run_dir)[0]
    post.said += post.end()
    assert [line for one in post.said for line in one.lines] == []
    assert post.notes() == [f"its progress file {why}"]


@linux
def test_the_tricks_of_one_run_are_nothing_to_another(post: Post, tmp_path: Path) -> None:
    good = post.begin("good")
    bad = [post.begin(f"bad{number}") for number in range(len(TRICKS))]
    for run_dir, trick in zip(bad, TRICKS, strict=True):
        if trick != "device":
            play(trick, run_dir / "progress.jsonl", tmp_path / "precious")
    (bad[0] / "x").write_bytes(os.urandom(100_000))
    say(good, 42)
    assert 42 in post.lines()


@linux
def test_a_trick_that_is_taken_back_leaves_a_file_that_is_read(post: Post) -> None:
    run_dir = post.begin()
    os.mkfifo(run_dir / "progress.jsonl")
    post.hears()
    (run_dir / "progress.jsonl").unlink()
    say(run_dir, 3)
    assert post.lines() == [3]


def test_binary_is_a_few_notes(post: Post) -> None:
    run_dir = post.begin(watched=False)
    (run_dir / "progress.jsonl").write_bytes(bytes(range(256)) * 400 + b'\n{"progress": 4}\n')
    (found,) = post.end()
    assert found.lines[-1].percent == 4
    assert 1 <= len(found.notes) <= MOST_NOTES + 1
    assert all("\n" not in note and len(note) < 200 for note in found.notes)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"40", "line 1 of its progress file holds a number, where a map such as {} is expected, and is passed over"),
        (b"{", "line 1 of its progress file is not JSON: column 2: "),
        (b'{"progress": 1, "progress": 2}', "line 1 of its progress file has the key 'progress' twice in one map"),
        (b'{"progress": NaN}', "line 1 of its progress file holds NaN, which is not JSON"),
        (b'{"a": ' + b"[" * 60_000, "line 1 of its progress file is "),
        (b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}", "line 1 of its progress file is nested more than 100 levels"),
        (b'{"message": "\\ud800"}', "line 1 of its progress file holds half a character"),
        (b'{"message": "\xff"}', "line 1 of its progress file is not UTF-8: it holds byte 0xff"),
        (b'{"progress": ' + b"1" * 5000 + b"}", "line 1 of its progress file holds a number of more than"),
    ],
)
def test_a_bad_line_is_told_in_a_sentence_and_the_next_one_counts(post: Post, line: bytes, why: str) -> None:
    run_dir = post.begin(watched=False)
    (run_dir / "progress.jsonl").write_bytes(line + b'\n{"progress": 4}\n')
    (found,) = post.end()
    assert [one.percent for one in found.lines] == [4]
    assert len(found.notes) == 1 and found.notes[0].startswith(why)


def test_a_directory_that_is_gone_is_no_fault(post: Post) -> None:
    run_dir = post.begin()
    run_dir.rmdir()
    post.hears(0.2)
    assert post.end() == [] and post.said == []
    post.begin("r2", watched=False).rmdir()
    post.pass_time(SOON)
    assert post.end("r2") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_once(post: Post) -> None:
    run_dir = post.begin(watched=False)
    say(run_dir, 1)
    (run_dir / "progress.jsonl").chmod(0)
    post.pass_time(SOON)
    post.said += post.end()
    assert post.notes() == ["its progress file cannot be read: Permission denied"]


def test_for_want_of_descriptors_it_is_read_a_moment_later(tmp_path: Path) -> None:
    """In a process of its own, which has no descriptor left."""
    (tmp_path / "progress.jsonl").write_text('{"progress": 9}\n')
    script = """
import os, resource, sys
from dsari_like.core import messages as m
from dsari_like.system.signs import SOON, Signs
from dsari_like.system.wakeup import Wakeup
def none():
    raise OSError(24, "inotify instance limit reached")
signs = Signs(Wakeup(), none)
signs.begin("r", sys.argv[1], 0.0)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 100))
found = signs.news(m.Now(2e9, SOON))
assert found == [], found
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
assert signs.next_deadline() == 2 * SOON, signs.next_deadline()
found = signs.news(m.Now(2e9, 2 * SOON))
print([line.percent for line in found[0].lines])
"""
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("[9.0]\n", 0), ended.stderr


# --- when there can be no watches ---------------------------------------------------------------------------------


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path, OSError(errno.ENOSPC, "inotify watch limit reached"))
    yield made
    made.signs.close()
    made.wakeup.close()


def test_without_watches_each_run_is_looked_at_once_a_minute(deaf: Post, caplog: pytest.LogCaptureFixture) -> None:
    first, second = deaf.begin("r1"), deaf.begin("r2")
    say(first, 1)
    deaf.pass_time(RESCAN)
    assert deaf.lines() == [1]
    say(second, 2)
    deaf.pass_time(RESCAN - 1)
    assert deaf.said == []
    deaf.pass_time(1)
    assert deaf.lines() == [2]
    say(first, 3)
    assert [line.percent for one in deaf.end("r1") for line in one.lines] == [3]
    deaf.end("r2")
    assert deaf.signs.next_deadline() is None
    warnings = [record.message for record in caplog.records]
    assert warnings == [
        "cannot watch the progress of runs: inotify watch limit reached;"
        " it is seen once a minute, at deadlines and at the end of runs"
    ]


@linux
def test_when_there_are_watches_again_they_are_put_up(deaf: Post) -> None:
    run_dir = deaf.begin()
    deaf.broken = None
    deaf.pass_time(RESCAN)
    say(run_dir, 5)
    assert deaf.lines() == [5]


# --- signs of life ------------------------------------------------------------------------------------------------


def test_the_newest_of_its_files_is_the_last_sign_of_life(post: Post) -> None:
    run_dir = post.begin(watched=False)

    assert post.asked(run_dir) == ([], None)
    for name, stamp in (("progress.jsonl", 1000.0), ("heartbeat", 3000.0), ("output.txt", 9000.0)):
        (run_dir / name).touch()
        os.utime(run_dir / name, (stamp, stamp))
    assert post.asked(run_dir)[1] == 3000.0
    assert post.asked(run_dir, "output.txt")[1] == 9000.0
    os.utime(run_dir / "progress.jsonl", (4000.0, 4000.0))
    assert post.asked(run_dir)[1] == 4000.0


def test_what_was_said_is_told_before_the_answer(post: Post) -> None:
    run_dir = post.begin(watched=False)
    say(run_dir, 8)
    said, answer = post.signs.life("r1", str(run_dir), None, post.now())
    assert isinstance(said, m.Progressed) and said.lines[0].percent == 8 and isinstance(answer, m.LifeSeen)


@pytest.mark.parametrize("trick", TRICKS)
def test_a_heartbeat_that_is_no_file_is_no_sign(post: Post, tmp_path: Path, trick: str) -> None:
    run_dir = post.begin(watched=False)
    why = play(trick, run_dir / "heartbeat", tmp_path / "precious").replace("read", "looked at")
    said, time = post.asked(run_dir)
    if trick == "second name":  # its time is all that is asked of it
        assert said == [] and time is not None
    else:
        assert said == [m.Progressed("r1", (), (f"its heartbeat file {why}",))] and time is None
        assert post.asked(run_dir) == ([], None)
