"""What the stories of crashes need of the machine, and say when it is missing."""

from __future__ import annotations

import pytest

from tests.crash.kit import can_trace


@pytest.fixture(scope="session")
def strace() -> None:
    """Skips where no process may be traced."""
    why = can_trace()
    if why is not None:
        pytest.skip(why)
