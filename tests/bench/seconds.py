"""A hundred jobs due at each full second: how late their commands begin."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from tests.bench.drops import wait_for_lines
from tests.bench.figures import Figure, percentile
from tests.bench.site import Site
from tests.bench.workshop import Workshop

JOBS, SECONDS, TURNS = 100, 8, 3


def seconds(workshop: Workshop) -> list[Figure]:
    """Lateness against the second that was due, beside a C loop that starts as many."""
    floor: list[float] = []
    ours: list[float] = []
    count = workshop.few(SECONDS, 2)
    for _ in range(workshop.few(TURNS, 1)):
        floor += _by_timer(workshop, count)
        ours += _by_daemon(workshop, count)
    return [_row(50, None, ours, floor), _row(99, 2.0, ours, floor)]


def _row(percent: float, at_most: float | None, ours: list[float], floor: list[float]) -> Figure:
    name = f"lateness p{percent:g}, {JOBS} jobs each second"
    return Figure(name, "ms", percentile(ours, percent), percentile(floor, percent), at_most=at_most)


def _by_timer(workshop: Workshop, count: int) -> list[float]:
    log = workshop.directory() / "probes"
    workshop.programs.timer(JOBS, count, log)
    return _lateness(log, JOBS * count)


def _by_daemon(workshop: Workshop, count: int) -> list[float]:
    """From ready to the middle of a second, so that no second is cut in two."""
    site = _site(workshop)
    with site.daemon():
        time.sleep(1.5 - time.time() % 1.0 + count - 1)
    late = _lateness(site.log, JOBS * count)
    if site.count("completed") != len(late):
        raise RuntimeError("not every run of the seconds is recorded as completed")
    return late


def _site(workshop: Workshop) -> Site:
    top = workshop.directory() / "site"
    job = {"command": [workshop.programs.probe, str(top / "probes")], "schedule": "* * * * * *", "keeper": False}
    return Site(top, {f"job{number:03}": job for number in range(JOBS)})


def _lateness(log: Path, wanted: int) -> list[float]:
    """Milliseconds from the second a probe was due at; each second must have all its probes."""
    entries = [line.split() for line in wait_for_lines(log, wanted)]
    for due, probes in Counter(due for due, _, _ in entries).items():
        if probes != JOBS:
            raise RuntimeError(f"{log}: {probes} probes for second {due} instead of {JOBS}")
    return [int(real) / 1e6 - float(due) * 1e3 for due, _, real in entries]
