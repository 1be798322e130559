"""One fixture for every end-to-end story: a site, and after the story the checks that must hold whatever happened."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import aftercheck
from tests.e2e.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    place = Site(tmp_path / "site")
    try:
        yield place
        aftercheck.check(place)
        if place.daemon is not None:
            assert place.stop() == 0
    finally:
        if place.daemon is not None and place.daemon.poll() is None:
            place.daemon.kill()
            place.daemon.wait()
        _sweep(place)


def _sweep(place: Site) -> None:
    """Runs outlive a daemon by design; a test's runs must not outlive the test."""
    for pid, _ in aftercheck.processes_of(place):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def checked(request: pytest.FixtureRequest) -> None:
    """No story escapes the checks."""
    assert "site" in request.fixturenames, "an end-to-end story takes the fixture `site`"
