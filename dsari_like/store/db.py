"""How the run log's file is opened: the pragmas, and what is said when it cannot be.

Owns the connection's settings. Must not know any table.
"""

from __future__ import annotations

import os
import sqlite3

from dsari_like.errors import StoreError
from dsari_like.store.migrations import migrate, refuse_newer

#: Seconds a statement waits for another process's lock before it is an error: a person's command can wait, the loop
#: has its own patience and must meanwhile hear signals.
BUSY_TIMEOUT = 5.0
BUSY_TIMEOUT_OF_THE_LOOP = 0.25


def open_writer(path: str) -> sqlite3.Connection:
    """The daemon's connection: WAL, every commit on the disk before it returns, schema up to date.

    Autocommit (`isolation_level=None`) with explicit BEGIN: the module's own implicit transactions commit at moments
    nobody sees in the code. Raises StoreError when the file is damaged, unreadable or newer.
    """
    try:
        os.makedirs(os.path.dirname(path), 0o750, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
        refuse_newer(connection, path)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma cache_size = -8000")
        connection.execute("pragma temp_store = memory")  # else every update keeps its undo in a file: 24 writes a run
        migrate(connection, path)
        connection.execute(f"pragma busy_timeout = {int(BUSY_TIMEOUT_OF_THE_LOOP * 1000)}")
        os.chmod(path, 0o640)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from None
    return connection


def open_reader(path: str) -> sqlite3.Connection:
    """A connection that can only read. Raises StoreError when there is no run log yet, or none we can read."""
    if not os.path.exists(path):
        raise StoreError(f"there is no run log at {path}: no daemon has used this data directory yet")
    from urllib.parse import quote  # 2 ms, and the daemon opens none before its first page

    try:
        connection = sqlite3.connect(
            f"file:{quote(path)}?mode=ro", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
        )
        refuse_newer(connection, path)
    except sqlite3.Error as error:
        raise _unusable(path, error) from None
    return connection


def _unusable(path: str, error: sqlite3.Error | OSError) -> StoreError:
    return StoreError(
        f"cannot use the run log {path}: {error}; it was left as it is, and triggers stay in the spool until a daemon"
        " can record them"
    )
