"""From exec to ready, and the memory that takes, with many jobs in one file."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.programs import SOURCES
from tests.bench.site import Site
from tests.bench.workshop import Workshop, daily_jobs

#: Jobs -> floors that a start may last, and MiB that may be resident afterwards.
TARGETS = {1_000: (4.0, 40.0), 10_000: (2.5, 70.0), 100_000: (2.5, 300.0)}
ROUNDS = {1_000: 7, 10_000: 5, 100_000: 3}

#: Seconds from ready to the reading of the memory: what a start needs is given back by then, if ever.
LATER = 3.0


@dataclass(frozen=True, slots=True)
class _Start:
    first: float
    again: float
    resident: float


def startup(workshop: Workshop) -> list[Figure]:
    """First start on an empty data directory; a second one beside it; both against only loading the file."""
    counts = workshop.few(len(TARGETS), 1)
    return [figure for jobs in list(TARGETS)[:counts] for figure in _with(workshop, jobs)]


def _with(workshop: Workshop, jobs: int) -> list[Figure]:
    site = Site(workshop.directory() / "site", daily_jobs(jobs))
    floors, starts = [], []
    for _ in range(workshop.few(ROUNDS[jobs], 1)):
        floors.append(_load_only(site))
        starts.append(_starts(site))
    floor, (ratio, memory) = statistics.median(floors), TARGETS[jobs]
    return [
        Figure(f"start to ready, {jobs} jobs", "s", statistics.median(s.first for s in starts), floor, at_most=ratio),
        Figure(f"start to ready again, {jobs} jobs", "s", statistics.median(s.again for s in starts), floor),
        Figure(f"resident, {jobs} jobs", "MiB", statistics.median(s.resident for s in starts), at_most=memory),
    ]


def _load_only(site: Site) -> float:
    begin = time.monotonic()
    command = [sys.executable, str(SOURCES / "yaml_only.py"), str(site.configuration)]
    subprocess.run(command, check=True)
    return time.monotonic() - begin


def _starts(site: Site) -> _Start:
    site.clear()
    with site.daemon() as daemon:
        first = daemon.start_seconds
        time.sleep(LATER)
        resident = daemon.resident_mib()
    with site.daemon() as daemon:
        return _Start(first, daemon.start_seconds, resident)
