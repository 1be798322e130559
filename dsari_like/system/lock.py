"""One daemon per data directory: a kernel lock on the directory's own inode (P5).

Owns the lock, and the small file that says who holds it. A crash releases the lock with the process, so no stale
lock is possible and there is no pid file to believe. Must not know what is in the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from typing import Any

from dsari_like.errors import StoreError

#: Says who runs: pid, start, version, configuration. Its modification time is the daemon's last turn.
STATE_FILE = "daemon.json"


class DirectoryLock:
    """Holds the data directory until closed."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        self._directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._state: int | None = None
        try:
            fcntl.flock(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._directory)
            raise StoreError(
                f"cannot use the data directory {data_dir}: {holder_of(data_dir)} uses it; nothing was changed"
            ) from None

    def describe(self, state: Mapping[str, Any]) -> None:
        """Write who runs, for `status`."""
        path = os.path.join(self.data_dir, STATE_FILE)
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o640)
            json.dump(state, file)
        os.replace(path + ".tmp", path)
        self._state = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def touch(self) -> None:
        """The loop has turned: one system call, no path."""
        if self._state is not None:
            with contextlib.suppress(OSError):
                os.utime(self._state)

    def close(self) -> None:
        """Let the directory go."""
        if self._state is not None:
            os.close(self._state)
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.data_dir, STATE_FILE))
        os.close(self._directory)


def is_locked(data_dir: str) -> bool:
    """True while a daemon holds the data directory.

    Asks with a shared lock that is given back at once: a daemon that starts in that instant would be refused, so a
    starting daemon asks twice (see `daemon.open_lock`); a pid file could only be believed.
    """
    try:
        directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(directory)
    return False


def read_state(data_dir: str) -> dict[str, Any] | None:
    """What the daemon wrote about itself, with `last_turn` added; None when there is nothing to read."""
    path = os.path.join(data_dir, STATE_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
            state["last_turn"] = os.fstat(file.fileno()).st_mtime
    except (OSError, ValueError):
        return None
    return dict(state)


def holder_of(data_dir: str) -> str:
    """Who holds the directory, in words."""
    state = read_state(data_dir)
    return f"a daemon with pid {state['pid']}" if state and "pid" in state else "another daemon"
