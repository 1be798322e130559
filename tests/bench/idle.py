"""What a minute of nothing costs."""

from __future__ import annotations

import time

from tests.bench.figures import Figure
from tests.bench.site import Site
from tests.bench.workshop import Workshop, daily_jobs

#: Seconds from ready to the first reading: what belongs to the start is over by then.
SETTLE = 10.0


def idle(workshop: Workshop) -> list[Figure]:
    """CPU of all threads, watchdog's too, over a minute in which nothing is due but the rescan; and how often the
    loop paused: once for the rescan, once more because a long sleep is cut in two to end on time."""
    jobs, seconds = workshop.few(10_000, 100), workshop.few(60, 3)
    site = Site(workshop.directory() / "site", daily_jobs(jobs))
    with site.daemon() as daemon:
        time.sleep(workshop.few(int(SETTLE), 1))
        cpu, pauses = daemon.cpu_ms(), daemon.pauses()
        time.sleep(seconds)
        cpu, pauses = daemon.cpu_ms() - cpu, daemon.pauses() - pauses
    return [
        Figure(f"idle for {seconds} s, {jobs} jobs: CPU", "ms", cpu, at_most=10.0),
        Figure(f"idle for {seconds} s, {jobs} jobs: pauses", "turns", pauses, at_most=2.0),
    ]
