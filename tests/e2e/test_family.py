"""P15 end to end: at the limit, on cancel and at a stop the whole family of a run is gone; at a normal end nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.system import process
from tests.e2e.site import Site

SH = ["sh", "-c"]

#: So long sleeps nobody but us on this machine.
LONG = str(1_000_000 + os.getpid())

#: A background child, one in a session of its own, one that is a daemon in every respect, and a deaf one.
CROWD = f"""\
sleep {LONG} &
setsid sleep {LONG} &
(env -i setsid sh -c 'cd /; sleep {LONG} >/dev/null 2>&1 &' >/dev/null 2>&1 &)
(trap '' TERM HUP INT; setsid sh -c 'sleep {LONG}; sleep {LONG}' &)
echo up
sleep {LONG}
"""


def sleepers() -> set[int]:
    """Everybody who was started by a story here, found by other means than those of the daemon."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found |= {int(entry.name)} if LONG.encode() in (entry / "cmdline").read_bytes() else set()
    return found


def family(row: sqlite3.Row) -> list[int]:
    run_id = row["run_id"]
    return [member.identity.pid for member in process.families([run_id])[run_id]]


@pytest.fixture(autouse=True)
def _sweep() -> Iterator[None]:
    """A story that left somebody must not be told of in the next one."""
    yield
    for pid in sleepers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def up(site: Site, job: str = "crowd") -> sqlite3.Row:
    """The run, once all of its processes are there."""

    def look() -> list[sqlite3.Row]:
        return [row for row in site.runs(job, "running") if "up" in site.output(row) and len(family(row)) >= 6]

    row: sqlite3.Row = site.until("the whole family", look)[0]
    return row


@pytest.mark.parametrize("keep", [True, False])
def test_at_the_limit_nobody_is_left_when_the_end_is_told(site: Site, keep: bool) -> None:
    site.configure({"crowd": {"command": [*SH, CROWD], "max_execution": 1.5, "max_execution_grace": 1, "keeper": keep}})
    site.start()
    site.drop("crowd")
    row = up(site)
    (row,) = site.ended("crowd")
    assert family(row) == [] and not sleepers()
    assert (row["status"], row["reason"]) == ("failed", "max_execution")


def test_a_cancelled_run_gives_its_place_away_when_all_of_it_is_gone(site: Site) -> None:
    """P4: no second run of the job while anything of the first is alive."""
    site.configure({"crowd": {"command": [*SH, CROWD], "max_execution_grace": 1}, "next": {"command": "true"}})
    site.start()
    site.drop("crowd")
    row = up(site)
    site.drop("crowd", {}, "second.json")
    site.until("the second run", lambda: len(site.runs("crowd")) == 2)
    assert site.command("cancel", row["run_id"]).returncode == 0
    site.until("the second start", lambda: len(site.runs("crowd", "running")) == 1 and site.runs("crowd", "cancelled"))
    assert family(row) == []
    second = up(site)
    assert site.command("cancel", second["run_id"]).returncode == 0
    site.ended("crowd", 2)
    assert family(second) == [] and not sleepers()


def test_a_stop_that_kills_leaves_nobody(site: Site) -> None:
    site.configure({"crowd": {"command": [*SH, CROWD]}}, on_shutdown="kill", shutdown_kill_grace=1)
    site.start()
    site.drop("crowd")
    row = up(site)
    begin = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - begin < 6
    assert family(row) == [] and not sleepers()
    assert site.runs("crowd")[0]["status"] == "cancelled"


def test_an_adopted_run_ends_as_wholly(site: Site) -> None:
    site.configure({"crowd": {"command": [*SH, CROWD], "max_execution_grace": 1}})
    site.start()
    site.drop("crowd")
    row = up(site)
    assert site.daemon is not None
    site.daemon.kill()
    site.daemon.wait()
    site.start()
    assert site.command("cancel", row["run_id"]).returncode == 0
    (row,) = site.ended("crowd")
    assert row["status"] == "cancelled" and family(row) == [] and not sleepers()


def test_a_daemon_that_dies_while_it_ends_a_run_leaves_that_to_the_next(site: Site) -> None:
    site.configure({"crowd": {"command": [*SH, CROWD], "max_execution_grace": 2}})
    site.start()
    site.drop("crowd")
    row = up(site)
    assert site.command("cancel", row["run_id"]).returncode == 0
    site.until("the end of the command", lambda: len(family(row)) in (1, 2))
    assert site.runs("crowd")[0]["status"] == "running", "its deaf child is alive"
    assert site.daemon is not None
    site.daemon.kill()
    site.daemon.wait()
    site.start()
    (row,) = site.ended("crowd")
    assert row["status"] == "cancelled" and family(row) == [] and not sleepers()


class TestNormalEnd:
    """What a command leaves behind on purpose goes on, as under cron, and keeps nothing open."""

    STRAY = f"sleep {LONG} & setsid sleep {LONG} & echo started"

    @pytest.mark.parametrize("keep", [True, False])
    def test_a_stray_that_holds_the_output_does_not_keep_the_run_open(self, site: Site, keep: bool) -> None:
        site.without("strays", because="a run that ended by itself may leave somebody behind")
        site.configure({"a": {"command": [*SH, self.STRAY], "keeper": keep, "max_execution": 2}})
        site.start()
        site.drop("a")
        (row,) = site.ended("a")
        assert row["status"] == "completed" and row["stop_time"] - row["start_time"] < 1.5
        assert len(family(row)) == 2
        site.drop("a", {}, "again.json")
        site.ended("a", 2)
        assert len(family(row)) == 2

    @pytest.mark.parametrize("keep", [True, False])
    def test_nor_after_a_restart(self, site: Site, keep: bool) -> None:
        site.without("strays", because="a run that ended by itself may leave somebody behind")
        script = f"{self.STRAY}; sleep 0.5; exit 3"
        site.configure({"a": {"command": [*SH, script], "keeper": keep}})
        site.start()
        site.drop("a")
        row = site.until("its pid", lambda: [row for row in site.runs("a", "running") if row["pid"]])[0]
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        site.until("the end of the command", lambda: not Path(f"/proc/{row['pid']}").exists())
        site.start()
        (row,) = site.ended("a")
        assert (row["status"], row["reason"]) == ("failed", "exit" if keep else "lost")
        assert len(family(row)) == 2

    def test_strays_come_to_the_daemon_and_are_reaped(self, site: Site) -> None:
        site.configure({"a": {"command": [*SH, "(setsid sh -c 'sleep 1; exit 7' &)"]}})
        site.start()
        site.drop("a")
        (row,) = site.ended("a")
        assert row["exit_code"] == 0 and site.daemon is not None
        children = Path(f"/proc/{site.daemon.pid}/task/{site.daemon.pid}/children")
        (stray,) = site.until("the stray to come", lambda: children.read_text().split())
        site.until("its reaping", lambda: not Path(f"/proc/{stray}").exists())
        assert [row["exit_code"] for row in site.runs("a")] == [0]
