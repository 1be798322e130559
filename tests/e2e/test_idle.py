"""A daemon with nothing to do does nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.e2e.site import Site


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def turns(pid: int) -> int:
    """The loop sleeps once a turn, and a sleep is a voluntary switch."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("voluntary_ctxt_switches:")[1].split()[0])


def rest(site: Site) -> tuple[float, int]:
    """What three seconds of nothing cost: CPU seconds, turns."""
    assert site.daemon is not None
    pid = site.daemon.pid
    before = cpu_seconds(pid), turns(pid)
    time.sleep(3)  # nothing happens: that is the story
    return cpu_seconds(pid) - before[0], turns(pid) - before[1]


def test_three_seconds_of_nothing_cost_at_most_one_turn(site: Site) -> None:
    """B-42: dsari looked twenty times a second while anything ran, and once a second otherwise."""
    site.configure({"long": {"command": ["sleep", "60"]}, "later": {"command": "true", "schedule": "@yearly"}})
    site.start()
    site.drop("long")
    page = site.var / "html/index.html"
    site.until("the run and its pages", lambda: site.runs("long", "running") and page.exists())
    time.sleep(1)  # the last pages
    cpu, count = rest(site)
    assert count <= 2 and cpu <= 0.02


def test_waiting_for_the_last_run_is_no_spin(site: Site) -> None:
    site.configure({"long": {"command": ["sleep", "60"]}}, on_shutdown="wait")
    site.start()
    site.drop("long")
    site.until("the run", lambda: site.runs("long", "running"))
    site.send(signal.SIGTERM)
    site.until("the farewell", lambda: "stopping when" in site.log_text())
    time.sleep(0.5)
    cpu, count = rest(site)
    assert count <= 2 and cpu <= 0.02
    site.send(signal.SIGTERM)
    assert site.daemon is not None and site.daemon.wait(5) == 0
    site.daemon = None
