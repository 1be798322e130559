"""A thousand triggers at once for a job that may run beside itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.drops import read_log
from tests.bench.figures import Figure, middle
from tests.bench.workshop import Workshop, lane_of

TRIGGERS, ROUNDS = 1000, 3


@dataclass(frozen=True, slots=True)
class _Seconds:
    """From before the first rename to the last command's first instruction, and until all rows are final."""

    started: float
    recorded: float


def burst(workshop: Workshop) -> list[Figure]:
    """Commands a second, every run recorded as completed, against bare commands a second."""
    return middle([_round(workshop, workshop.few(TRIGGERS, 50)) for _ in range(workshop.few(ROUNDS, 1))])


def _round(workshop: Workshop, count: int) -> list[Figure]:
    programs, log = workshop.programs, workshop.directory() / "probes"
    floors = [programs.spawn(count, log)]
    bare = _burst(workshop, count, keeper=False)
    floors.append(programs.spawn(count, log))
    kept = _burst(workshop, count, keeper=True)
    floors.append(programs.spawn(count, log))
    floor = count / (sum(floors) / len(floors))
    return [
        Figure("burst, keeper: false", "runs/s", count / bare.recorded, floor, at_least=0.40),
        Figure("burst, keeper: true", "runs/s", count / kept.recorded, floor, at_least=0.30),
        Figure("burst, keeper: false, until the last start", "runs/s", count / bare.started, floor),
        Figure("burst, keeper: true, until the last start", "runs/s", count / kept.started, floor),
        Figure("burst, a Python loop that only starts", "runs/s", count / programs.spawn_by_python(count, log), floor),
    ]


def _burst(workshop: Workshop, count: int, keeper: bool) -> _Seconds:
    site = workshop.site({"concurrent_runs": True, "keeper": keeper})
    lane = lane_of("burst", site)
    with site.daemon():
        staged = lane.stage(count)
        time.sleep(1.0)
        begin = time.monotonic()
        for path in staged:
            lane.drop(path)
        probes = read_log(lane.log, count)
        while site.count("completed") < count:
            if time.monotonic() > begin + 120:
                raise RuntimeError("not every run of the burst is recorded as completed")
            time.sleep(0.01)
        return _Seconds(max(mono for mono, _ in probes.values()) / 1e9 - begin, time.monotonic() - begin)
