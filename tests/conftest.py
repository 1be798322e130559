"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dsari_like.system.logs import LOG


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A command that is run within a test sets up the log of this process; the next test finds it as it was."""
    handlers, propagate, level = LOG.handlers[:], LOG.propagate, LOG.level
    yield
    LOG.handlers[:], LOG.propagate = handlers, propagate
    LOG.setLevel(level)
