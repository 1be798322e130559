"""What each signal does to the daemon, and that none of them, in any order or number, kills or wedges it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]
TRUE = {"command": "true"}
#: Goes on until the test says so, and ends with a status that only this command has.
GATE = 'echo on; until [ -e "$DATA_DIR/open" ]; do sleep 0.02; done; exit 9'
STUBBORN = "trap '' TERM INT HUP; echo on; sleep 60; sleep 60"


def begin_run(site: Site, script: str = GATE, **settings: object) -> str:
    """A daemon with one run under way; returns its id."""
    job = {"command": [*SH, script], "max_execution_grace": 1}
    site.configure({"long": job, "a": TRUE}, **settings)
    site.start()
    site.drop("long")
    row = site.until("the start", lambda: [run for run in site.runs("long", "running") if site.output(run)])[0]
    return str(row["run_id"])


def open_gate(site: Site) -> None:
    site.write("var/open", "")


def wait(site: Site, seconds: float = 5) -> int:
    """The exit status of a daemon that has been told to end."""
    assert site.daemon is not None
    code = site.daemon.wait(seconds)
    site.daemon = None
    return code


def says(site: Site, words: str, count: int = 1) -> None:
    site.until(f"the line '{words}'", lambda: site.log_text().count(words) >= count)


class TestTerm:
    def test_leave_exits_at_once_and_the_next_daemon_takes_the_runs_over(self, site: Site) -> None:
        run_id = begin_run(site)
        begun = time.monotonic()
        assert site.stop() == 0 and time.monotonic() - begun < 2
        assert site.runs("long")[0]["status"] == "running"
        site.start()
        open_gate(site)
        (row,) = site.ended("long")
        assert (row["run_id"], row["status"], row["exit_code"]) == (run_id, "failed", 9)

    def test_wait_admits_nothing_more_and_ends_with_the_last_run(self, site: Site) -> None:
        begin_run(site, on_shutdown="wait")
        site.drop("long", {}, "queued.json")
        site.until("the queue", lambda: site.runs("long", "queued"))
        site.send(signal.SIGTERM)
        says(site, "stopping when 1 runs have ended (wait)")
        left = site.drop("a")
        open_gate(site)
        assert wait(site) == 0
        assert left.exists() and not site.runs("a")  # D-44: it is there for the next daemon
        assert [row["status"] for row in site.runs("long")] == ["failed", "queued"]
        site.start()
        site.ended("a")
        site.ended("long", 2)

    def test_wait_takes_a_second_signal_for_leave(self, site: Site) -> None:
        begin_run(site, on_shutdown="wait")
        site.send(signal.SIGTERM)
        says(site, "stopping when 1 runs have ended (wait)")
        assert site.stop() == 0
        assert site.runs("long")[0]["status"] == "running"

    def test_kill_ends_the_run_politely_or_after_the_grace(self, site: Site) -> None:
        begin_run(site, STUBBORN, on_shutdown="kill", shutdown_kill_grace=0.5)
        begun = time.monotonic()
        assert site.stop() == 0
        assert 0.4 < time.monotonic() - begun < 2.5
        (row,) = site.runs("long")
        assert (row["status"], row["reason"], row["exit_code"]) == ("cancelled", "shutdown", 137)

    def test_without_runs_every_way_of_stopping_is_immediate(self, site: Site) -> None:
        for how in ("leave", "wait", "kill"):
            site.configure({"a": TRUE}, on_shutdown=how)
            site.start()
            begun = time.monotonic()
            assert site.stop() == 0 and time.monotonic() - begun < 2
        assert not (site.var / "daemon.json").exists()
        assert not (site.var / "dsari_like.sqlite3-wal").exists()  # all of the run log is in one file

    def test_a_run_that_was_asked_to_end_before_the_daemon_died_is_ended_by_the_next(self, site: Site) -> None:
        job = {"command": [*SH, STUBBORN], "max_execution": 0.2, "max_execution_grace": 1}
        site.configure({"long": job})
        site.start()
        site.drop("long")
        says(site, "gets signal 15")
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        site.start()
        (row,) = site.ended("long")
        assert (row["status"], row["reason"]) == ("failed", "max_execution")


class TestInt:
    def test_the_first_waits_and_the_second_leaves_whatever_is_configured(self, site: Site) -> None:
        begin_run(site, on_shutdown="kill")
        site.send(signal.SIGINT)
        says(site, "stopping when 1 runs have ended (wait)")
        assert site.stop(signal.SIGINT) == 0
        assert site.runs("long")[0]["status"] == "running"

    def test_control_c_at_a_terminal_reaches_the_daemon_and_not_its_runs(self, site: Site) -> None:
        site.configure({"long": {"command": [*SH, GATE]}})
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "dsari_like", "daemon"], site.environ)
        try:
            site.until("its start", (site.var / "daemon.json").exists)
            site.drop("long")
            site.until("the run", lambda: [run for run in site.runs("long", "running") if site.output(run)])
            os.write(terminal, b"\x03")
            assert b"stopping when 1 runs have ended (wait)" in _read_until(terminal, b"(wait)")
            open_gate(site)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            pid = 0
        finally:
            os.close(terminal)
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        assert [row["exit_code"] for row in site.runs("long")] == [9]


class TestOthers:
    def test_hup_reloads_and_running_runs_go_on(self, site: Site) -> None:
        run_id = begin_run(site)
        site.configure({"new": {"command": "echo new"}, "a": TRUE})
        site.send(signal.SIGHUP)
        says(site, "configuration reloaded: 2 jobs")
        site.drop("new")
        assert site.output(site.ended("new")[0]) == "new\n"
        open_gate(site)  # the job of the run is gone from the configuration, the run is not
        (row,) = site.ended("long")
        assert (row["run_id"], row["exit_code"]) == (run_id, 9)
        site.drop("long", {}, "late.json")
        assert "no job 'long'" in site.until_refused("long")["late.json"]

    def test_many_reloads_leak_nothing(self, site: Site) -> None:
        site.configure({"a": TRUE})
        site.start()
        assert site.daemon is not None
        descriptors = Path(f"/proc/{site.daemon.pid}/fd")
        site.drop("a")
        site.ended("a")
        before = len(list(descriptors.iterdir()))
        for number in range(1, 26):
            site.send(signal.SIGHUP)
            says(site, "configuration reloaded", number)
        site.drop("a", {}, "last.json")
        site.ended("a", 2)
        assert len(list(descriptors.iterdir())) <= before + 2

    def test_usr1_looks_at_the_spool_now(self, site: Site) -> None:
        site.configure({"a": TRUE})
        site.start()
        hidden = site.write("var/trigger/a/.x", "{}")
        os.link(hidden, site.var / "trigger/a/x.json")  # a link makes no event that a watch would wake for
        hidden.unlink()
        site.send(signal.SIGUSR1)
        site.ended("a")

    def test_quit_logs_the_state_and_what_is_waited_for(self, site: Site) -> None:
        run_id = begin_run(site)
        site.drop("long")
        (queued,) = site.until("the queue", lambda: site.runs("long", "queued"))
        site.send(signal.SIGQUIT)
        says(site, "2 runs open, 1 of them running")
        log = site.log_text()
        assert f"run {run_id} of long: running for" in log
        assert f"run {queued['run_id']} of long: queued for" in log and f"held by {run_id}" in log


class TestAnyOrder:
    @pytest.mark.parametrize("seed", range(4))
    def test_signals_right_after_ready_neither_kill_nor_wedge(self, site: Site, seed: int) -> None:
        chance = random.Random(seed)
        jobs = {"a": {**TRUE, "concurrent_runs": True}, "tick": {"command": "true", "schedule": "* * * * * *"}}
        site.configure(jobs)
        site.start()
        for number in range(60):
            site.send(chance.choice((signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT, signal.SIGCHLD)))
            if number % 10 == 0:
                site.drop("a", {}, f"{number}.json")
        site.ended("a", 6)
        site.drop("a", {}, "plain.json")
        dropped = time.time()
        site.ended("a", 7)
        assert time.time() - dropped < 2

    @pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
    def test_a_storm_with_an_order_to_stop_in_it_stops(self, site: Site, first: int) -> None:
        begin_run(site, on_shutdown="wait")
        for number in (signal.SIGHUP, signal.SIGUSR1, first, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
            site.send(number)
        says(site, "stopping when 1 runs have ended (wait)")
        open_gate(site)
        assert wait(site) == 0
        assert [row["exit_code"] for row in site.runs("long")] == [9]

    def test_stopping_while_many_runs_are_due_loses_none(self, site: Site) -> None:
        """B-09: dsari's handlers changed the lists its loop walked."""
        site.configure({"a": {"command": "sleep 0.1", "concurrent_runs": True}}, max_running=8)
        site.start()
        for number in range(40):
            site.drop("a", {}, f"{number}.json")
        site.send(signal.SIGTERM)
        assert wait(site) == 0
        site.start()
        rows = site.ended("a", 40)
        assert [row["status"] for row in rows] == ["completed"] * 40

    def test_a_signal_while_the_daemon_is_still_starting_is_not_lost(self, site: Site) -> None:
        site.configure({f"job{number}": {"command": "true", "schedule": "@daily"} for number in range(2000)})
        with site.log.open("ab") as log:
            command = [sys.executable, "-m", "dsari_like", "daemon"]
            site.daemon = subprocess.Popen(command, env=site.environ, stdout=log, stderr=log)
        site.until("the handlers", lambda: _catches(site, signal.SIGTERM))
        site.send(signal.SIGTERM)
        assert wait(site) == 0


class TestFork:
    def test_it_returns_when_the_daemon_is_ready_and_leaves_it_behind(self, site: Site) -> None:
        site.configure({"a": {"command": "true", "keeper": False}})
        with forked(site) as pid:
            assert site.command("status").returncode == 0
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            assert fields[3] == str(pid) and fields[4] == "0"  # its own session, and no terminal
            assert [os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1)] == ["/dev/null"] * 2
            site.drop("a")
            site.ended("a")
            os.kill(pid, signal.SIGHUP)
            says(site, "reloaded")

    def test_the_exit_status_of_a_failure_is_that_of_the_foreground(self, site: Site) -> None:
        site.without("integrity", because="the run log is none on purpose")
        site.configure({"a": {"command": 5}})
        told = site.command("daemon", "--fork")
        assert told.returncode == 2 and "jobs.a.command" in told.stderr
        site.configure({"a": TRUE})
        site.start()
        told = site.command("daemon", "--fork")
        assert told.returncode == 5 and "uses it" in told.stderr
        assert site.stop() == 0
        (site.var / "dsari_like.sqlite3").write_bytes(b"no database at all, but long enough to be read as one" * 100)
        told = site.command("daemon", "--fork")
        assert told.returncode == 5 and "run log" in told.stderr and "Traceback" not in told.stderr


@contextlib.contextmanager
def forked(site: Site) -> Iterator[int]:
    """A daemon that went to the background; yields its pid, and ends it."""
    with site.log.open("ab") as log:
        command = [sys.executable, "-m", "dsari_like", "daemon", "--fork"]
        subprocess.run(command, env=site.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
    pid = int(json.loads((site.var / "daemon.json").read_text())["pid"])
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGTERM)
        site.until("its end", lambda: not (site.var / "daemon.json").exists())


def _read_until(terminal: int, words: bytes) -> bytes:
    """What the terminal shows, up to these words."""
    os.set_blocking(terminal, False)
    shown, deadline = b"", time.monotonic() + 10
    while words not in shown and time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            shown += os.read(terminal, 4096)
        time.sleep(0.01)
    return shown


def _catches(site: Site, number: int) -> bool:
    """Does the daemon have a handler for this signal by now?"""
    assert site.daemon is not None
    lines = Path(f"/proc/{site.daemon.pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (number - 1) & 1)
