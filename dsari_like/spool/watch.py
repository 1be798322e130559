"""Being told at once when something is dropped: watchdog's inotify, read by our own loop, idle when nothing happens.

Owns which directories are watched. Must not look at files: what the kernel says is passed on as a hint to look, and
everything works without it, a minute later at most.

The sources are modules of their own, loaded when the watch begins: watchdog takes 10 ms, which a start need not wait.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Protocol

from dsari_like.spool.hints import Hints, Queue

_SYSTEM: str = sys.platform
_MINUTE = "what is dropped there is found by the look that is taken each minute"
#: The directories that are always there: key -> path below the data directory. A drop place is `trigger/NAME`.
FIXED = {"trigger/": "trigger", "control/": "control", "claimed/": "claimed"}


class Source(Protocol):
    """Something that reports events of a directory into the queue."""

    def add(self, key: str, path: str) -> None:
        """Watch it, anew if it was watched before; raises OSError."""

    def has(self, key: str) -> bool:
        """Is it watched?"""

    def is_alive(self) -> bool:
        """Does it still report?"""

    def descriptor(self) -> int | None:
        """What becomes readable when there is something to `read`; None for a source with a thread of its own."""

    def read(self) -> None:
        """Report what has come."""

    def stop(self) -> None:
        """Report no more."""


class Watch:
    """Watches the drop places of a data directory and calls `wake` when there is something to take. Failures are
    sentences in `problems`, one for each cause, never exceptions: without it the daemon is slower, not worse."""

    def __init__(
        self, data_dir: str, wake: Callable[[], None], source: Callable[[Queue], Source] | None = None
    ) -> None:
        self.problems: list[str] = []
        self._data_dir = data_dir
        self._queue = Queue(wake)
        self._make = source or self._of_this_system
        self._source: Source | None = None
        self._told: set[object] = set()

    def start(self) -> bool:
        """Begin with the directories that are always there; drop places are added as they are seen. False when nothing
        can be watched; it may be tried again."""
        try:
            self._source = self._make(self._queue)
        except (OSError, ImportError) as error:  # for want of descriptors it cannot even be loaded
            self._tell("start", f"cannot watch anything: {getattr(error, 'strerror', None) or error}; {_MINUTE}")
            return False
        self.add("")
        return True

    def add(self, name: str) -> None:
        """Watch the drop place of this name, if it is not watched yet; "" stands for the fixed directories."""
        if name:
            self._add(f"trigger/{name}", f"trigger/{name}", anew=False)
            return
        for key, path in FIXED.items():
            self._add(key, path, anew=False)

    @property
    def descriptor(self) -> int | None:
        """What the loop is to sleep on, and to answer with `read`; None when `wake` is called instead."""
        return self._source.descriptor() if self._source is not None else None

    def read(self) -> None:
        """The descriptor has become readable."""
        if self._source is not None:
            self._source.read()

    def take(self) -> Hints:
        """What came since the last time. A new directory is watched before its hint is handed out: what is dropped
        into it meanwhile is then either found by the look or announced by the watch."""
        hints = self._queue.take()
        for hint in hints.files:
            if hint.file_name is None:
                self._add(f"trigger/{hint.name}", f"trigger/{hint.name}", anew=True)
        if self._source is not None and not self._source.is_alive():
            self._tell("thread", f"the watcher has ended; {_MINUTE}")
        return hints

    def take_problems(self) -> list[str]:
        """Sentences for the log since the last call."""
        problems, self.problems = self.problems, []
        return problems

    def stop(self) -> None:
        """Watch nothing any more."""
        if self._source is not None:
            self._source.stop()
            self._source = None

    def _of_this_system(self, queue: Queue) -> Source:
        if _SYSTEM == "linux":
            from dsari_like.spool.inotify import Inotify

            return Inotify(queue)
        from dsari_like.spool.watch_any import Observed

        return Observed(queue, self._data_dir)

    def _add(self, key: str, path: str, anew: bool) -> None:
        if self._source is None or (self._source.has(key) and not anew):
            return
        try:
            self._source.add(key, os.path.join(self._data_dir, path))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # nothing there to watch: no fault
                self._tell(error.errno, f"cannot watch {path}: {error.strerror}; {_MINUTE}")

    def _tell(self, cause: object, text: str) -> None:
        if cause not in self._told:
            self._told.add(cause)
            self.problems.append(text)
