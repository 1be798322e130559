"""What is done when the machine is short of something: try again later, and say so once a minute (P14).

Owns the one table of delays and the record of what was said. Every full disk, busy database and refused fork goes
through here, so that it is right once per cause and not once per place.
"""

from __future__ import annotations

import errno
import sqlite3

#: Seconds until the next try, by how often the same thing failed in a row; the last one is kept.
DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)

#: The same cause is logged once in so many seconds.
QUIET = 60.0


class Patience:
    """Counts failures by what was tried."""

    def __init__(self) -> None:
        self._failed: dict[str, int] = {}
        self._open: set[str] = set()  # of these a failure was told, and no success since
        self._said: dict[str, float] = {}

    def failed(self, what: str, error: Exception, mono: float) -> tuple[float, str | None]:
        """It failed again: (seconds until the next try, the line to log, or None when it was said lately)."""
        count = self._failed.get(what, 0)
        self._failed[what] = count + 1
        delay = DELAYS[min(count, len(DELAYS) - 1)]
        cause = f"{what}: {name_of(error)}"
        if mono - self._said.get(cause, -QUIET) < QUIET:
            return delay, None
        self._said[cause] = mono
        self._open.add(what)
        return delay, f"cannot {what}: {error}; nothing is lost, trying again until it works"

    def is_failing(self, what: str) -> bool:
        """It failed, and did not succeed since."""
        return what in self._failed

    def succeeded(self, what: str) -> str | None:
        """It worked: the line to log when it had failed before, and that was told: what fails every other time would
        else fill the log with good news."""
        self._failed.pop(what, None)
        if what not in self._open:
            return None
        self._open.discard(what)
        return f"could {what} again"


def name_of(error: Exception) -> str:
    """A short name of the cause: ENOSPC, SQLITE_BUSY, …"""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorname", type(error).__name__)
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno))
    return type(error).__name__
