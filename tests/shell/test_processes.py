"""Real children: started, signalled, reaped; known again by who they are and not by a number."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Exit, Job, Run, Trigger
from dsari_like.system import keeper, process, returned
from dsari_like.system.adopt import Adopter
from dsari_like.system.launcher import CannotStart, Ended, Launcher, cannot_execute, make_directory
from dsari_like.system.wakeup import Wakeup

SH = ("sh", "-c")


def wait_for(look: Callable[[], object], patience: float = 10.0) -> object:
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


class Yard:
    """A launcher and a place for its runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launcher = Launcher()

    def start(self, *argv: str, keep: bool = True, run_id: str = "r1", **environment: str) -> Path:
        run_dir = self.root / run_id
        make_directory(str(run_dir))
        variables = {"PATH": "/usr/bin:/bin", "PWD": str(run_dir), "RUN_ID": run_id, **environment}
        self.launcher.start(run_id, Job("a", argv, keeper=keep), argv, variables, str(run_dir))
        return run_dir

    def end(self) -> Ended:
        found: list[Ended] = []
        wait_for(lambda: found or found.extend(self.launcher.reap()))
        return found[0]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    place = Yard(tmp_path)
    yield place
    for run_id in list(place.launcher._pids):
        place.launcher.signal(run_id, signal.SIGKILL)
    wait_for(lambda: list(place.launcher.reap()) or not place.launcher._pids)


@pytest.mark.parametrize("keep", [True, False])
class TestBothWays:
    def test_output_of_both_streams_goes_into_the_file(self, yard: Yard, keep: bool) -> None:
        run_dir = yard.start(*SH, "echo out; echo err >&2; cat", keep=keep)
        assert yard.end().exit.code == 0
        assert (run_dir / "output.txt").read_text() == "out\nerr\n"

    @pytest.mark.parametrize(
        ("script", "code", "number"),
        [("exit 0", 0, None), ("exit 3", 3, None), ("exit 200", 200, None), ("kill -TERM $$", 143, 15)],
    )
    def test_exit_codes(self, yard: Yard, keep: bool, script: str, code: int, number: int | None) -> None:
        yard.start(*SH, script, keep=keep)
        found = yard.end().exit
        assert (found.code, found.signal) == (code, number)

    def test_the_whole_group_gets_a_signal_and_what_was_used_is_known(self, yard: Yard, keep: bool) -> None:
        run_dir = yard.start(*SH, "echo ready; sleep 60 & wait", keep=keep)
        wait_for(lambda: (run_dir / "output.txt").read_text() == "ready\n")
        yard.launcher.signal("r1", signal.SIGTERM)
        ended = yard.end()
        assert ended.run_id == "r1" and ended.exit.signal == signal.SIGTERM
        assert ended.exit.max_rss is not None and ended.exit.max_rss > 100_000

    def test_who_it_is_can_be_told_again(self, yard: Yard, keep: bool) -> None:
        yard.start("sleep", "60", keep=keep)
        ((run_id, identity),) = yard.launcher.newcomers()
        assert run_id == "r1" and process.is_alive(identity)
        wait_for(lambda: process.run_id_of(identity.pid) == "r1")  # /proc is silent while a command is being executed
        assert process.families(["r1"])["r1"][0].identity == identity
        yard.launcher.signal("r1", signal.SIGKILL)
        yard.end()
        assert not process.is_alive(identity)
        assert list(yard.launcher.newcomers()) == []


class TestKeeper:
    def test_it_leaves_the_exit_status(self, yard: Yard) -> None:
        run_dir = yard.start(*SH, "exit 7")
        yard.end()
        kept = keeper.read_status(str(run_dir))
        assert kept is not None and kept.exit == Exit(7)
        assert abs(kept.time - time.time()) < 10

    def test_it_outlives_the_signal_that_ends_its_command(self, yard: Yard) -> None:
        run_dir = yard.start(*SH, "trap 'exit 9' TERM; echo ready; sleep 60 & wait")
        wait_for(lambda: (run_dir / "output.txt").read_text() == "ready\n")
        yard.launcher.signal("r1", signal.SIGTERM)
        assert yard.end().exit.code == 9
        assert (run_dir / "exit_status").read_text() == "9\n"

    def test_the_command_does_not_see_it(self, yard: Yard) -> None:
        run_dir = yard.start("env")
        yard.end()
        assert "KEEPER_DIR" not in (run_dir / "output.txt").read_text()

    @pytest.mark.parametrize("content", ["", "7", "x\n", "-1\n", "99999999999\n", "7\n8\n"])
    def test_what_is_no_whole_number_is_not_believed(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "exit_status").write_text(content)
        assert keeper.read_status(str(tmp_path)) is None

    def test_a_link_in_its_place_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "other").write_text("0\n")
        (tmp_path / "exit_status").symlink_to(tmp_path / "other")
        assert keeper.read_status(str(tmp_path)) is None


class TestWhatCannotStart:
    def test_without_a_keeper_the_system_says_why(self, yard: Yard) -> None:
        (yard.root / "plain").write_text("echo")
        with pytest.raises(CannotStart) as missing:
            yard.start("no-such-command", keep=False)
        with pytest.raises(CannotStart) as plain:
            yard.start(str(yard.root / "plain"), keep=False)
        assert (missing.value.code, plain.value.code) == (127, 126)
        assert "no-such-command" in str(missing.value)

    def test_a_missing_directory_is_named(self, yard: Yard) -> None:
        with pytest.raises(CannotStart, match="/not/there"):
            yard.start("true", PWD="/not/there")

    def test_behind_a_keeper_it_is_found_out_afterwards(self, tmp_path: Path) -> None:
        """B-38."""
        (tmp_path / "plain").write_text("echo")
        script = tmp_path / "script"
        script.write_text("#!/no/such/interpreter -x\n")
        script.chmod(0o755)
        here = str(tmp_path)
        assert cannot_execute(("nope",), "/usr/bin:/bin", here) == (
            127,
            "the command 'nope' was not found (PATH is /usr/bin:/bin)",
        )
        assert (cannot_execute(("./plain",), "", here) or (0,))[0] == 126
        assert (cannot_execute(("plain",), here, here) or (0,))[0] == 126
        assert "interpreter" in (cannot_execute(("./script",), "", here) or (0, ""))[1]
        assert (cannot_execute((here,), "", "/") or (0,))[0] == 126
        assert cannot_execute(("sh",), "/usr/bin:/bin", here) is None


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """This process cannot open anything meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestAdoption:
    def test_one_that_lives_is_watched_to_its_end_and_one_that_is_gone_is_told(self, yard: Yard) -> None:
        run_dir = yard.start(*SH, "until [ -p go ]; do sleep 0.01; done; read x < go; exit 4", run_id="alive")
        os.mkfifo(run_dir / "go")
        wait_for(lambda: process.families(["alive"])["alive"])
        wakeup = Wakeup()
        adopter = Adopter(wakeup, lambda run: str(yard.root / run.run_id))
        runs = [Run(name, "a", Trigger("file"), RunState.RUNNING, 0.0, 0.0) for name in ("alive", "gone")]
        assert [(run.run_id, kept) for run, kept in adopter.adopt(runs)] == [("gone", None)]
        assert not adopter.signal("gone", signal.SIGKILL)
        (run_dir / "go").write_text("\n")
        yard.end()  # a real adopted process is reaped by init
        ended: list[object] = []
        wait_for(lambda: wakeup.wait(0.01) is None or ended.extend(adopter.ended()) or ended)
        (found,) = ended
        assert isinstance(found, tuple) and found[0].run_id == "alive" and found[1].exit == Exit(4)
        wakeup.close()

    def test_what_cannot_be_asked_for_want_of_descriptors_is_in_doubt_and_not_gone(self, yard: Yard) -> None:
        """P4 and P14: else a shortage at a restart would call every living run lost."""
        yard.start("sleep", "60", run_id="alive")
        ((_, identity),) = yard.launcher.newcomers()
        run = Run("alive", "a", Trigger("file"), RunState.RUNNING, 0.0, 0.0, process=identity)
        wakeup = Wakeup()
        adopter = Adopter(wakeup, lambda run: str(yard.root / run.run_id))
        process.boot_id.cache_clear()
        with no_descriptors():
            assert adopter.adopt([run], mono=100.0) == []
            assert adopter.ended(100.1) == [] and adopter.ended(100.6) == []
        assert adopter.next_deadline() == 101.1 and adopter.owns("alive")
        assert adopter.ended(101.0) == [] and adopter.late == []
        assert adopter.ended(101.1) == [] and adopter.late == [run]
        assert adopter.next_deadline() is None and adopter.signal("alive", signal.SIGKILL)
        yard.end()
        ended: list[object] = []
        wait_for(lambda: wakeup.wait(0.01) is None or ended.extend(adopter.ended(102.0)) or ended)
        assert ended == [(run, None)]
        wakeup.close()

    def test_an_end_that_was_kept_is_not_overlooked_for_want_of_descriptors(self, yard: Yard) -> None:
        yard.start(*SH, "echo '{\"message\": \"all of it\"}' > return_data.json; exit 3", run_id="done")
        yard.end()
        with no_descriptors(), pytest.raises(OSError):
            keeper.read_status(str(yard.root / "done"))
        with no_descriptors(), pytest.raises(OSError):
            returned.read(str(yard.root / "done"))

    def test_a_process_with_another_run_id_is_never_believed(self, yard: Yard) -> None:
        yard.start("sleep", "60", run_id="other")
        run = Run("r1", "a", Trigger("file"), RunState.RUNNING, 0.0, 0.0)
        ((_, run.process),) = yard.launcher.newcomers()
        wakeup = Wakeup()
        adopter = Adopter(wakeup, lambda run: str(yard.root / "r1"))
        assert [(run.run_id, kept) for run, kept in adopter.adopt([run])] == [("r1", None)]
        yard.launcher.signal("other", signal.SIGKILL)
        wakeup.close()
