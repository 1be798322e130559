"""One fixture for every end-to-end story: a site, and after the story the checks that must hold whatever happened."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    place = Site(tmp_path / "site")
    try:
        yield place
        place.check_house()
        if place.daemon is not None:
            assert place.stop() == 0
    finally:
        if place.daemon is not None and place.daemon.poll() is None:
            place.daemon.kill()
            place.daemon.wait()
        _sweep(place)


def _sweep(place: Site) -> None:
    """Runs outlive a daemon by design; a test's runs must not outlive the test."""
    marker = f"DATA_DIR={place.var}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
