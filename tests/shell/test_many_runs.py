"""Ten thousand runs leave nothing behind: no zombie, no descriptor, no memory of who they were."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dsari_like.core.model import Job
from dsari_like.system.launcher import Launcher, make_directory
from tests.shell.test_processes import wait_for

RUNS, AT_ONCE = 10_000, 16


def zombies() -> list[str]:
    """Our children that are dead and not reaped."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if ") Z " in Path(f"/proc/{pid}/stat").read_text()]


@pytest.mark.slow
def test_ten_thousand_runs_leave_no_zombie_and_no_descriptor(tmp_path: Path) -> None:
    """In one directory: making ten thousand is what would take the time."""
    launcher, place = Launcher(), str(tmp_path / "run")
    make_directory(place)
    before = len(os.listdir("/proc/self/fd"))
    started = ended = 0
    while ended < RUNS:
        while started < RUNS and started - ended < AT_ONCE:
            run_id = f"r{started}"
            environment = {"PATH": "/usr/bin:/bin", "PWD": place, "RUN_ID": run_id}
            launcher.start(run_id, Job("a", ("true",), keeper=False), ("true",), environment, place)
            started += 1
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        reaped = list(launcher.reap())
        assert all(one.exit.code == 0 for one in reaped)
        ended += len(reaped)
        list(launcher.newcomers())
    assert zombies() == []
    assert len(os.listdir("/proc/self/fd")) == before
    assert not launcher._children and not launcher._pids and not launcher.fresh


def test_a_child_that_is_no_run_is_reaped_without_a_word(tmp_path: Path) -> None:
    """As strays are, that come to a sub-reaper when their parents die."""
    launcher = Launcher()
    stray = os.spawnv(os.P_NOWAIT, "/bin/sh", ["sh", "-c", "exit 7"])
    make_directory(str(tmp_path / "run"))
    environment = {"PATH": "/usr/bin:/bin", "PWD": str(tmp_path), "RUN_ID": "r"}
    launcher.start("r", Job("a", ("sleep", "300"), keeper=False), ("sleep", "300"), environment, str(tmp_path / "run"))
    wait_for(lambda: list(launcher.reap()) or not Path(f"/proc/{stray}").exists())
    launcher.signal("r", signal.SIGKILL)
    (ended,) = list(wait_for(lambda: list(launcher.reap())))  # type: ignore[call-overload]
    assert ended.run_id == "r" and ended.exit.signal == signal.SIGKILL
    assert zombies() == []
