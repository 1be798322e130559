"""A short way through the crash matrix: the blows that fall between two steps of a trigger's life.

The whole of it is `python -m tests.crash --full`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.kit import house
from tests.crash.storm import storm, storm_of_flows
from tests.crash.sweep import PLAYS, RECOVERY_JOBS, before_the_lock, chosen, second_blow
from tests.crash.verdict import faults

pytestmark = pytest.mark.usefixtures("strace")

#: Where a number moves because the code did, the blow falls elsewhere, which is as good; that it falls is asserted.
BLOWS = {
    "trigger": (
        ("?renameat", 1),  # the claim
        ("openat", 2),  # claimed, not read
        ("pwrite64", 1),  # read, not recorded
        ("fdatasync", 1),  # written, not committed
        ("?unlinkat", 1),  # recorded, still claimed
        ("pipe2", 1),  # the run has its directory
        ("?vfork", 1),
        ("fsync", 1),  # started, the receipt does not say so
        ("fdatasync", 2),  # the pid is not recorded
        ("wait4", 3),
        ("fdatasync", 3),  # ended, not recorded
        ("fsync", 3),  # recorded, the receipt does not say so
        ("?rename", 5),  # among the pages
    ),
    "refusal": (("fdatasync", 1), ("?renameat", 2), ("?renameat", 3), ("fsync", 1)),
    "queue": (("?renameat", 2), ("fdatasync", 4), ("?vfork", 2)),
    "slot": (("fdatasync", 1), ("?vfork", 1)),
    # Between the end of a step and the start of the next: ended and not recorded, recorded and not started, started.
    "chain": (
        ("wait4", 3),
        ("fdatasync", 3),
        ("pipe2", 2),
        ("?vfork", 2),
        ("fdatasync", 5),
        ("?vfork", 3),
        ("fsync", 4),
    ),
    "night": (
        ("?vfork", 1),
        ("?vfork", 2),
        ("fdatasync", 3),
        ("wait4", 3),
        ("?vfork", 3),
        ("fdatasync", 7),
        ("?vfork", 5),
    ),
}


#: While a daemon takes up what another left: so many calls after it owns the data directory.
SECOND_BLOWS = {
    "fdatasync": (0, 1, 2),
    "openat": (3, 20),
    "close": (3, 20),
    "ftruncate": (0,),
    "?vfork,?fork,?clone,?clone3": (0, 1),  # however this machine starts a process
    "?unlinkat": (0,),
}


@pytest.mark.parametrize("name", BLOWS)
def test_a_blow_in_the_middle_of_a_life_loses_nothing_and_doubles_nothing(tmp_path: Path, name: str) -> None:
    fell = chosen(tmp_path, PLAYS[name], BLOWS[name])
    assert fell >= 0.7 * len(BLOWS[name]), f"only {fell} of {len(BLOWS[name])} blows fell: choose others"


def test_a_second_blow_during_recovery_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with house(tmp_path / "house", RECOVERY_JOBS) as place:
        place.start()
        place.settle(faults)
        place.stop()
        first = {kind: before_the_lock(place, kind) + 1 for kind in SECOND_BLOWS}
        place.start()
        fell = [second_blow(place, kind, first[kind] + n) for kind, some in SECOND_BLOWS.items() for n in some]
        assert sum(fell) >= 0.7 * len(fell), f"only {sum(fell)} of {len(fell)} blows fell: choose others"


def test_random_kills_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    counts = storm(tmp_path, rounds=10, seed=4)
    assert counts["drops"] > 20


def test_random_kills_neither_drop_nor_double_a_step_or_a_task(tmp_path: Path) -> None:
    counts = storm_of_flows(tmp_path, rounds=10, seed=6)
    assert counts["flows"] == 10 and counts["completed"] >= 5
