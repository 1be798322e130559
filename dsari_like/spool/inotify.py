"""The source of the watch on Linux: watchdog's inotify, read by our own loop.

Owns the kernel's watches. Must not look at files, or know what a hint leads to.

Why not watchdog's `Observer`: it needs three threads, holds each "moved from" back for half a second in case its
"moved to" follows, and everything behind it too. `InotifyFD` is the layer below: the kernel's events as they come.
Its one thread is never started either: handing an event from thread to thread costs a quarter of the time between
the drop and the start of a run, and our loop can sleep on the descriptor itself.
"""

from __future__ import annotations

import errno
import os

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from dsari_like.spool.hints import Hint, Queue
from dsari_like.spool.watch import FIXED

_HOW = (
    InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
    | InotifyConstants.IN_EXCL_UNLINK
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
)
_COMPLETE = InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_CLOSE_WRITE
_ARRIVALS = Mask(_HOW | _COMPLETE | InotifyConstants.IN_CREATE)
#: In `claimed/` every rename is our own doing; all we want to hear is that a writer has let go.
_CLOSED = Mask(_HOW | InotifyConstants.IN_CLOSE_WRITE)


class Inotify:
    """The source on Linux."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._inotify = InotifyFD()
        # It is made without close-on-exec, and children are to have no descriptor but their own three.
        os.set_inheritable(self._inotify._inotify_fd, False)
        self._watched: dict[str, WatchDescriptor] = {}

    def add(self, key: str, path: str) -> None:
        """See Source. The old watch goes first: a directory that was moved away keeps it, and would go on reporting
        under a name that is another's now."""
        old = self._watched.pop(key, None)
        if old is not None:
            self._inotify.remove_callbacks([(old, CallbackId(0))])
        mask = _CLOSED if key == "claimed/" else _ARRIVALS
        found = self._inotify.add_callback(os.fsencode(path), mask, _Reporter(self, key), CallbackId(0))
        if found == -1:  # watchdog passes over this one error in silence
            self._inotify.remove_callbacks([(found, CallbackId(0))])
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        self._watched[key] = found

    def has(self, key: str) -> bool:
        """See Source."""
        return key in self._watched

    def is_alive(self) -> bool:
        """See Source."""
        return True

    def descriptor(self) -> int:
        """See Source."""
        return self._inotify._inotify_fd

    def read(self) -> None:
        """See Source. Only called when there is something, so it does not block."""
        for event in self._inotify.read_events():
            self._inotify.handle_event(event)

    def stop(self) -> None:
        """See Source. One that never read would wait for its thread, which there is none of, to close its files."""
        self._watched.clear()
        self._inotify._is_reading = False
        self._inotify.close()

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
        found = [self._watched.pop(one, None) for one in gone]
        self._inotify.remove_callbacks([(one, CallbackId(0)) for one in found if one is not None])
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
