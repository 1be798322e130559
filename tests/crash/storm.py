"""Random kills under load: what a sweep cannot reach, because it comes of many things at once."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.crash import flowing
from tests.crash.kit import House, house
from tests.crash.verdict import faults

JOBS: Mapping[str, Mapping[str, Any]] = {
    "free": {"concurrent_runs": True},
    "alone": {},
    "tick": {"schedule": "* * * * * *"},
}


def storm(root: Path, rounds: int, seed: int) -> dict[str, int]:
    """So many daemons are started and killed while files arrive; then one is left alone. Returns what there was."""
    chance = random.Random(seed)
    with house(root / f"storm-{seed}", JOBS, max_running=6) as place:
        for _ in range(rounds):
            place.begin()
            _load(place, chance, time.monotonic() + chance.uniform(0.15, 0.7))
            place.kill()
        place.start()
        place.settle(faults, patience=90)
        rows = place.rows("select * from runs")
        lost = sum(row["reason"] == "lost" for row in rows)
        return {"kills": rounds, "drops": len(place.drops), "runs": len(rows), "lost": lost}


def storm_of_flows(root: Path, rounds: int, seed: int) -> dict[str, int]:
    """As `storm`, with chains and orchestrations: a daemon may die anywhere between the end of a step and the start of
    the next."""
    chance, jobs = random.Random(seed), flowing.JOBS
    with house(root / f"flows-{seed}", jobs, orchestrations=flowing.ORCHESTRATIONS) as place:
        for _ in range(rounds):
            place.begin()
            until = time.monotonic() + chance.uniform(0.25, 1.0)
            place.give(chance.choice(("one", "one", "night")))
            time.sleep(max(0.0, until - time.monotonic()))
            place.kill()
        place.start()
        place.settle(faults, patience=90)
        rows = place.rows("select * from runs")
        lost = sum(row["reason"] == "lost" for row in rows)
        completed = place.rows("select count(*) from flows where status = 'completed'")[0][0]
        return {"kills": rounds, "flows": len(place.drops), "completed": completed, "runs": len(rows), "lost": lost}


def _load(place: House, chance: random.Random, until: float) -> None:
    while time.monotonic() < until:
        place.give(chance.choice(("free", "free", "alone")), good=chance.random() < 0.85)
        time.sleep(chance.uniform(0.01, 0.1))
