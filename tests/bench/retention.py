"""What it costs others that old runs are removed, and how long that takes."""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.bench.drops import take_turns
from tests.bench.figures import Figure, percentile
from tests.bench.history import fill
from tests.bench.site import Site
from tests.bench.workshop import Workshop, lane_of

OLD, KEPT = "old", 100
BLOCK = 25
#: Seconds that the removal may take before it counts as stuck.
PATIENCE = 300.0


def retention(workshop: Workshop) -> list[Figure]:
    """The latency of triggers while thousands of runs are removed; the floor is the same daemon with nothing to
    remove."""
    count = workshop.few(10_000, 200)
    plain = workshop.site({"keeper": False})
    busy = workshop.site({"keeper": False, "retention": {}}, retention={"count": KEPT})
    _grow_old(busy, count)
    with ExitStack() as stack:
        lanes = [lane_of(name, site) for name, site in (("nothing to remove", plain), (f"removing {count}", busy))]
        stack.enter_context(plain.daemon())
        daemon = stack.enter_context(busy.daemon())
        begin, cpu = time.monotonic(), daemon.cpu_ms()
        take_turns(lanes, workshop.few(8, 1), BLOCK)
        left = _left(busy)
        _wait(busy)
        seconds, spent = time.monotonic() - begin, daemon.cpu_ms() - cpu
    floor, ours = (lane.latencies for lane in lanes)
    removed = count - KEPT
    return [
        Figure("latency p50 while runs are removed", "ms", percentile(ours, 50), percentile(floor, 50), at_most=1.5),
        Figure("latency p99 while runs are removed", "ms", percentile(ours, 99), percentile(floor, 99), at_most=3.0,
               note=f"{left} were left at the end of the measurement"),
        Figure(f"until {removed} runs are removed", "s", seconds),
        Figure("daemon's CPU for each of them, triggers included", "ms", spent / removed),
    ]  # fmt: skip


def _grow_old(site: Site, count: int) -> None:
    """A past with directories."""
    path = site.data / "dsari_like.sqlite3"
    fill(path, OLD, count)
    with closing(sqlite3.connect(path)) as log:
        for (run_id,) in log.execute("select run_id from runs"):
            _leave_files(site.data / "runs" / OLD / run_id)


def _leave_files(directory: Path) -> None:
    directory.mkdir(parents=True)
    for name in ("output.txt", "pid", "exit_status"):
        (directory / name).write_text("something\n")


def _left(site: Site) -> int:
    with closing(sqlite3.connect(f"file:{site.data}/dsari_like.sqlite3?mode=ro", uri=True, timeout=10)) as log:
        return int(log.execute("select count(*) from runs where job_name = ?", (OLD,)).fetchone()[0])


def _wait(site: Site) -> None:
    deadline = time.monotonic() + PATIENCE
    while _left(site) > KEPT + 1:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{_left(site)} runs of {OLD} are still there")
        time.sleep(0.05)
