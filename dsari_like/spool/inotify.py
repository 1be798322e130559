"""The source of the watch on Linux: watchdog's inotify, read by our own loop.

Owns the kernel's watches. Must not look at files, or know what a hint leads to.
"""

from __future__ import annotations

import os

from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from dsari_like.spool.hints import Hint, Queue
from dsari_like.spool.watch import FIXED
from dsari_like.system.inotify import Watches

_HOW = (
    InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
    | InotifyConstants.IN_EXCL_UNLINK
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
)
_COMPLETE = InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_CLOSE_WRITE
_ARRIVALS = _HOW | _COMPLETE | InotifyConstants.IN_CREATE
#: In `claimed/` every rename is our own doing; all we want to hear is that a writer has let go.
_CLOSED = _HOW | InotifyConstants.IN_CLOSE_WRITE


class Inotify:
    """The source on Linux."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._watches = Watches()
        self._watched: dict[str, int] = {}

    def add(self, key: str, path: str) -> None:
        """See Source. The old watch goes first: a directory that was moved away keeps it, and would go on reporting
        under a name that is another's now."""
        old = self._watched.pop(key, None)
        if old is not None:
            self._watches.remove(old)
        mask = _CLOSED if key == "claimed/" else _ARRIVALS
        self._watched[key] = self._watches.add(path, mask, _Reporter(self, key))

    def has(self, key: str) -> bool:
        """See Source."""
        return key in self._watched

    def is_alive(self) -> bool:
        """See Source."""
        return True

    def descriptor(self) -> int:
        """See Source."""
        return self._watches.descriptor

    def read(self) -> None:
        """See Source. The loop calls again while there is more, and does other things in between."""
        self._watches.read(most=1)

    def stop(self) -> None:
        """See Source."""
        self._watched.clear()
        self._watches.close()

    def report(self, hint: Hint) -> None:
        """An event."""
        self._queue.put(hint)

    def lost(self, key: str, descriptor: int) -> None:
        """A watched directory is gone; of a fixed one nobody would say that it is back."""
        if self._watched.get(key) == descriptor:
            del self._watched[key]
            if key in FIXED:
                self._queue.put_everything()

    def moved(self, key: str) -> None:
        """A watched directory was moved, in watchdog's thread: what it goes on to report is no business of ours, nor
        is what lies below it."""
        below = key if key == "trigger/" else f"{key}/"
        gone = [one for one in list(self._watched) if one == key or one.startswith(below)]
        for one in gone:
            self._watches.remove(self._watched.pop(one))
        if key in FIXED:
            self._queue.put_everything()

    def overflow(self) -> None:
        """Events were lost."""
        self._queue.put_everything()


class _Reporter:
    """What watchdog calls for one directory: it passes on and returns."""

    __slots__ = ("_inotify", "_key", "_kind", "_name")

    def __init__(self, inotify: Inotify, key: str) -> None:
        self._inotify = inotify
        self._key = key
        self._kind, _, self._name = key.partition("/")

    def on_event(self, event: InotifyEvent) -> None:
        """Something arrived in the directory."""
        if event.mask & InotifyConstants.IN_MOVE_SELF:
            self._inotify.moved(self._key)
        if not event.name:
            return
        found = os.fsdecode(event.name)
        if self._key == "trigger/":
            self._inotify.report(Hint("trigger", found, None, False))
        else:
            self._inotify.report(Hint(self._kind, self._name, found, bool(event.mask & _COMPLETE)))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The directory is gone."""
        self._inotify.lost(self._key, wd)

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._inotify.overflow()
