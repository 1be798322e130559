"""The whole family of a run: found wherever it went, told once, killed to the last, and left alone otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.core.model import ProcessIdentity
from dsari_like.system import process
from dsari_like.system.family import Families
from dsari_like.system.wakeup import Wakeup
from tests.shell.test_processes import Yard, wait_for

#: Each starts `sleep 300` and lets it go: into the background, a session of its own, to another parent, without the
#: environment, and all of it at once.
WAYS_TO_LEAVE = {
    "background": "sleep 300 & echo",
    "setsid": "setsid sleep 300 & echo",
    "double fork": "(setsid sh -c 'sleep 300 & sleep 300 &' &)",
    "no environment": "env -i setsid sleep 300 & true",
    "no environment and no parent": "(env -i setsid sh -c 'cd /; sleep 300 >/dev/null 2>&1 &' >/dev/null 2>&1 &)",
    "deaf": "(trap '' TERM HUP; setsid sh -c 'sleep 300; sleep 300' &)",
}


def alive(run_id: str) -> list[ProcessIdentity]:
    return [member.identity for member in process.families([run_id])[run_id]]


class House:
    """Runs, and the families of those that were told to end."""

    def __init__(self, root: Path) -> None:
        self.yard = Yard(root)
        self.wakeup = Wakeup()
        self.families = Families(self.wakeup)

    def start(self, script: str, count: int) -> None:
        """Start a run and wait until so many of its processes have said that they are up."""
        self.yard.start("sh", "-c", script)
        wait_for(lambda: self.output().count("up\n") == count)

    def output(self) -> str:
        return (self.yard.root / "r1/output.txt").read_text().replace("Terminated\n", "")

    def tell(self, number: int) -> None:
        self.families.tell("r1", number, self.yard.launcher.signal("r1", number))

    def until_gone(self) -> float:
        """Turn as the daemon does. Returns how long it took until the whole family was gone."""
        begin = time.monotonic()
        gone: list[str] = []
        while not gone:
            assert time.monotonic() - begin < 10
            deadline = self.families.next_deadline()
            self.wakeup.wait(0.02 if deadline is None else max(0.0, min(deadline - time.monotonic(), 0.02)))
            for ended in self.yard.launcher.reap():
                self.families.command_ended(ended.run_id)
            gone = self.families.look(time.monotonic())
        return time.monotonic() - begin


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    place = House(tmp_path)
    yield place
    for who in alive("r1"):
        process.send(who, signal.SIGKILL)
    place.wakeup.close()


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("way", WAYS_TO_LEAVE)
def test_nobody_outlives_a_kill(house: House, way: str, keep: bool) -> None:
    house.yard.start("sh", "-c", f"{WAYS_TO_LEAVE[way]}; sleep 300", keep=keep)
    wait_for(lambda: len(alive("r1")) >= (3 if keep else 2))
    house.tell(signal.SIGKILL)
    assert house.until_gone() < 3
    assert alive("r1") == []
    assert house.families.next_deadline() is None and "r1" not in house.families


def test_a_term_reaches_those_who_left_the_group_and_the_end_waits_for_them(house: House) -> None:
    house.start("setsid sh -c 'trap \"sleep 0.3; echo tidy; exit\" TERM; echo up; sleep 300 & wait' & sleep 300", 1)
    house.tell(signal.SIGTERM)
    assert house.until_gone() > 0.25
    assert house.output() == "up\ntidy\n"


def test_everyone_is_told_once(house: House) -> None:
    """To many programs a second TERM means: at once."""
    script = house.yard.root / "deaf"
    script.write_text("trap 'echo told' TERM; echo up; while :; do sleep 300 & wait; done")
    house.start(f"setsid sh {script} & sh {script}", 2)
    house.tell(signal.SIGTERM)
    house.families.look(time.monotonic())
    house.families.look(time.monotonic())
    wait_for(lambda: house.output().count("told") >= 2)
    house.tell(signal.SIGKILL)
    house.until_gone()
    assert house.output() == "up\n" * 2 + "told\n" * 2


def test_one_who_breeds_is_met(house: House) -> None:
    house.yard.start("sh", "-c", "breed() { while :; do (setsid sleep 0.05 &) ; done; }; breed & breed & breed")
    time.sleep(0.5)
    house.tell(signal.SIGKILL)
    assert house.until_gone() < 4
    assert alive("r1") == []


def test_nothing_is_done_to_others(house: House, tmp_path: Path) -> None:
    """Another run, one that says it has another RUN_ID, and a process that has nothing to do with us."""
    other = Yard(tmp_path)
    other.start("sleep", "300", run_id="r2")
    stranger = subprocess.Popen(["sleep", "300"], env={"RUN_ID": "r11"})
    house.start("RUN_ID=other setsid sleep 300 & echo up; sleep 300", 1)
    house.tell(signal.SIGKILL)
    house.until_gone()
    assert stranger.poll() is None and len(alive("r2")) == 2
    other.launcher.signal("r2", signal.SIGKILL)
    other.end()
    stranger.kill()
    stranger.wait()


def test_this_process_is_never_of_a_family() -> None:
    """A daemon may have been started by a job, and then bears the RUN_ID of a run it has itself taken over."""
    script = (
        "import os; from dsari_like.system import process;"
        "assert process.run_id_of(os.getpid()) == 'r9' and process.families(['r9']) == {'r9': []}"
    )
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "RUN_ID": "r9"}, check=True)


def test_who_is_not_the_same_any_more_gets_no_signal() -> None:
    child = subprocess.Popen(["sleep", "300"])
    identity = process.identify(child.pid)
    assert identity is not None
    assert not process.send(ProcessIdentity(child.pid, identity.start_ticks + 1, identity.boot_id), signal.SIGKILL)
    assert child.poll() is None
    assert process.send(identity, signal.SIGKILL)
    child.wait()
    assert not process.send(identity, signal.SIGKILL)


@pytest.mark.parametrize("keep", [True, False])
def test_everyone_bears_the_mark_from_the_first_instruction(house: House, keep: bool) -> None:
    """Put on a child after its start the mark would come too late for what it forks at once. Here that is all of it."""
    limits = "/proc/self/limits"
    house.yard.start("sh", "-c", f"(grep locks {limits}); (env -i setsid grep locks {limits} &); sleep 0.1", keep=keep)
    house.yard.end()
    marks = [line.split()[3] for line in house.output().splitlines()]
    assert len(marks) == 2 and marks[0] == marks[1] != "unlimited"
    own = [line for line in Path(limits).read_text().splitlines() if "locks" in line]
    assert marks[0] not in own[0], "we bear it no longer than the start takes"
