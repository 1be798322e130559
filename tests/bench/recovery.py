"""A start that finds much to take up: triggers that were claimed and never read, behind a long past."""

from __future__ import annotations

import time
from pathlib import Path

from dsari_like.core.messages import Now
from dsari_like.spool.inbox import Inbox
from tests.bench.drops import lines_of
from tests.bench.figures import Figure
from tests.bench.history import fill
from tests.bench.site import Site
from tests.bench.workshop import JOB, Workshop, lane_of

#: Seconds until every claim must have had its run.
PATIENCE = 120.0


def recovery(workshop: Workshop) -> list[Figure]:
    """From exec to ready with 10,000 claims and 100,000 runs; and until the last of the claims has had its run."""
    claims, runs = workshop.few(10_000, 100), workshop.few(100_000, 1_000)
    site = workshop.site({"keeper": False, "concurrent_runs": True})
    fill(site.data / "dsari_like.sqlite3", JOB, runs)
    _claim(site, claims)
    before = site.count("completed")
    with site.daemon() as daemon:
        ready, begin = daemon.start_seconds, time.monotonic()
        while (done := site.count("completed") - before) < claims:
            if time.monotonic() > begin + PATIENCE:
                raise RuntimeError(f"{done} of {claims} claims have had their run")
            time.sleep(0.05)
        seconds, peak = time.monotonic() - begin, daemon.peak_mib()
    if len(lines_of(site.log)) != claims:
        raise RuntimeError(f"{len(lines_of(site.log))} commands ran for {claims} claims")
    return [
        Figure(f"start to ready, {claims} claims, {runs} runs", "s", ready, at_most=5.0),
        Figure(f"until {claims} claims have had their runs", "s", seconds),
        Figure("resident at most, meanwhile", "MiB", peak, at_most=200.0),
    ]


def _claim(site: Site, count: int) -> None:
    """What a daemon leaves that is killed with all of them in its hands: its own inbox takes them, and stops there."""
    lane = lane_of("claims", site)
    for path in lane.stage(count):
        path.rename(lane.drops / path.name)
    inbox = Inbox(str(site.data))
    inbox.prepare()
    inbox.look_everywhere()
    while inbox.gather(256, Now(time.time(), time.monotonic())) or inbox.more:
        pass
    inbox.close()
    claimed = sum(1 for _ in Path(site.data / "claimed").iterdir())
    if claimed != count:
        raise RuntimeError(f"{claimed} of {count} files are claimed")
