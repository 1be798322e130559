"""Files that could not be taken and will not be able to be until something changes.

Owns their device, inode and change time, and the change time of the directory they lie in: what stands in the way is
either the file's mode or its directory's. Must not know why it failed.
"""

from __future__ import annotations

import os

_MOST = 50_000


class Stuck:
    """Without this memory one file that cannot be moved would be tried again at every look (promises, section 6)."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[int, int]] = {}

    def remember(self, file_name: str, at: int) -> None:
        """Do not try this file again as it is."""
        if len(self._known) >= _MOST:
            self._known.clear()
        try:
            seen = os.stat(file_name, dir_fd=at, follow_symlinks=False)
            self._known[seen.st_dev, seen.st_ino] = (seen.st_ctime_ns, os.fstat(at).st_ctime_ns)
        except OSError:
            return

    def holds(self, seen: os.stat_result, at: int) -> bool:
        """Is it one of them, and are it and its directory as they were?"""
        if not self._known:
            return False
        key = seen.st_dev, seen.st_ino
        known = self._known.get(key)
        if known is None or known == (seen.st_ctime_ns, os.fstat(at).st_ctime_ns):
            return known is not None
        del self._known[key]
        return False
