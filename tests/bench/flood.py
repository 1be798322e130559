"""Ten thousand drops at once: nothing is lost, little is held in memory, and soon it is as if nothing had been."""

from __future__ import annotations

import statistics
import time

from tests.bench.drops import Lane, lines_of, take_turns
from tests.bench.figures import Figure, percentile
from tests.bench.site import Site
from tests.bench.workshop import Workshop, lane_of

DROPS, NORMAL = 10_000, 50
#: Drops whose median says how it is at a moment, and what still counts as normal: so many times the median before.
WINDOW, AS_BEFORE = 10, 1.5
PATIENCE = 180.0


def flood(workshop: Workshop) -> list[Figure]:
    """Pages are made as they are at any site: the flood leaves thousands of them to be made, too."""
    count = workshop.few(DROPS, 200)
    site = workshop.site({"keeper": False, "concurrent_runs": True}, render="auto")
    lane = lane_of("flood", site)
    with site.daemon() as daemon:
        take_turns([lane], 2, NORMAL)
        normal = percentile(lane.latencies[NORMAL:], 50)  # the first ones found nothing loaded
        seconds = _pour(site, lane, count)
        back = _until_normal(lane, normal)
        peak = daemon.peak_mib()
        _check(site, len(lane.latencies) + count)
    return [
        Figure(f"{count} drops at once: recorded and run", "s", seconds),
        Figure("resident at most", "MiB", peak, at_most=200.0),
        Figure(f"until the latency is that of before ({normal:.2g} ms p50)", "s", back, at_most=10.0),
    ]


def _pour(site: Site, lane: Lane, count: int) -> float:
    """Seconds from the first rename until every run is recorded as completed."""
    wanted = site.count("completed") + count
    staged, begin = lane.stage(count), time.monotonic()
    for path in staged:
        path.rename(lane.drops / path.name)
    while site.count("completed") < wanted:
        if time.monotonic() > begin + PATIENCE:
            raise RuntimeError(f"{wanted - site.count('completed')} of {count} drops are not recorded as completed")
        time.sleep(0.05)
    seconds, found = time.monotonic() - begin, len(lines_of(lane.log))
    if found != count:
        raise RuntimeError(f"{found} commands ran for {count} drops")
    lane.log.unlink()
    return seconds


def _until_normal(lane: Lane, normal: float) -> float:
    """Seconds from the end of the flood until a window of drops is as fast as before it."""
    begin = time.monotonic()
    while time.monotonic() < begin + PATIENCE:
        since, seen = time.monotonic() - begin, len(lane.latencies)
        for path in lane.stage(WINDOW):
            lane.drop(path)
            time.sleep(0.03)
        lane.collect()
        if statistics.median(lane.latencies[seen:]) <= AS_BEFORE * normal:
            return since
    raise RuntimeError("the latency does not come back")


def _check(site: Site, wanted: int) -> None:
    deadline = time.monotonic() + 10
    while (found := site.count("completed")) != wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{found} runs are recorded for {wanted} drops")
        time.sleep(0.05)
