"""What was acknowledged survives a power cut; what was not is absent or whole (P3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import power


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path) -> None:
    why = power.why_not(tmp_path)
    if why is not None:
        pytest.skip(why)


def test_what_was_acknowledged_is_there_after_a_power_cut(tmp_path: Path) -> None:
    assert power.cut(tmp_path, number=3, seed=2) >= 6


def test_the_copy_of_a_disk_holds_what_was_synced_and_nothing_else(tmp_path: Path) -> None:
    """Else the story above would prove nothing."""
    synced, unsynced = power.remembers(tmp_path)
    assert (synced, unsynced) == (True, False)
