"""The same world with a real run log between one daemon and the next: what a crash leaves is what was written."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dsari_like.store.runlog import RunLog
from tests.core.world import World, is_free_again, live_on


@pytest.mark.parametrize("seed", range(30))
def test_no_lock_is_violated_or_leaked_over_crashes(tmp_path: Path, seed: int) -> None:
    """More than 1,000 runs of all seeds together, each restored from its row wherever its daemon died."""
    runlog, random = RunLog(str(tmp_path / "runs.sqlite3")), Random(seed)
    world = World(runlog.write, runlog.open_runs)
    for _ in range(60):
        live_on(world, random)
        world.settle()
        world.check()
    is_free_again(world)
    assert not [run for run in runlog.open_runs() if run.run_id not in world.engine.runs]
