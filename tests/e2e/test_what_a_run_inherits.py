"""P15: a command finds three descriptors, every signal at its default and none blocked, however the daemon began."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]

#: Everything that can be ignored or blocked is, and descriptors are open that nobody asked for.
ROUGH = (
    sys.executable,
    "-c",
    "import os, signal, sys\n"
    "for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:\n"
    "    signal.signal(number, signal.SIG_IGN)\n"
    "signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())\n"
    "for number in (7, 100, 1023):\n"
    "    os.dup2(2, number)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n",
)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("wrapper", [(), ROUGH], ids=["plain", "rough"])
def test_a_run_inherits_nothing(site: Site, keep: bool, wrapper: tuple[str, ...]) -> None:
    script = "import os; print(*os.listdir('/proc/self/fd')); print(open('/proc/self/status').read())"
    site.configure({"look": {"command": ["/usr/bin/env", "-i", sys.executable, "-c", script], "keeper": keep}})
    site.start(wrapper=wrapper)
    site.drop("look")
    (row,) = site.ended("look")
    descriptors, *lines = site.output(row).splitlines()
    assert len(descriptors.split()) == 4, "0, 1, 2, and the directory being listed"
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    ignored = {number for number in range(1, 65) if int(status["SigIgn"], 16) >> (number - 1) & 1}
    assert ignored == {signal.SIGPIPE, signal.SIGXFSZ}, "Python's own"
    assert int(status["SigBlk"], 16) == 0


@pytest.mark.parametrize("wrapper", [(), ROUGH], ids=["plain", "rough"])
def test_nor_does_a_shell(site: Site, wrapper: tuple[str, ...]) -> None:
    site.configure({"look": {"command": [*SH, "exec grep -E '^Sig(Ign|Blk)' /proc/self/status"], "keeper": False}})
    site.start(wrapper=wrapper)
    site.drop("look")
    (row,) = site.ended("look")
    assert [int(line.split()[1], 16) for line in site.output(row).splitlines()] == [0, 0]


def test_a_daemon_that_was_started_roughly_takes_its_signals_all_the_same(site: Site) -> None:
    site.configure({"a": {"command": [*SH, "kill -USR2 $PPID; echo alive"]}})
    site.start(wrapper=ROUGH)
    for number in (signal.SIGUSR2, signal.SIGALRM, signal.SIGRTMIN):
        site.send(number)
    site.drop("a")
    site.ended("a")
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: "reloaded" in site.log_text())
    assert site.stop() == 0


@pytest.mark.parametrize("keep", [True, False])
def test_a_core_dump_is_not_part_of_the_signal(site: Site, keep: bool) -> None:
    """B-37: dsari took the flag for a part of the number, and recorded 267."""
    site.configure({"dump": {"command": [*SH, "ulimit -c unlimited; kill -SEGV $$"], "keeper": keep}})
    site.start()
    site.drop("dump")
    (row,) = site.ended("dump")
    assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "signal", 128 + signal.SIGSEGV)
