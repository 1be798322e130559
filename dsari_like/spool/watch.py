"""Being told at once when something is dropped: watchdog's inotify, read by our own loop, idle when nothing happens.

Owns which directories are watched. Must not look at files: what the kernel says is passed on as a hint to look, and
everything works without it, a minute later at most.

Why not watchdog's `Observer`: it needs three threads, holds each "moved from" back for half a second in case its
"moved to" follows, and everything behind it too. `InotifyFD` is the layer below: the kernel's events as they come.
Its one thread is never started either: handing an event from thread to thread costs a quarter of the time between
the drop and the start of a run, and our loop can sleep on the descriptor itself.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from dsari_like.spool.hints import Hint, Hints, Queue

if TYPE_CHECKING or sys.platform == "linux":
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyConstants,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchDescriptor,
    )

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

_SYSTEM: str = sys.platform
_MINUTE = "what is dropped there is found by the look that is taken each minute"
#: The directories that are always there: key -> path below the data directory. A drop place is `trigger/NAME`.
_FIXED = {"trigger/": "trigger", "control/": "control", "claimed/": "claimed"}


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

    def start(self) -> None:
        """Begin with the directories that are always there; drop places are added as they are seen."""
        try:
            self._source = self._make(self._queue)
        except OSError as error:
            self._tell(error.errno, f"cannot watch anything: {error.strerror}; {_MINUTE}")
        self.add("")

    def add(self, name: str) -> None:
        """Watch the drop place of this name, if it is not watched yet; "" stands for the fixed directories."""
        if name:
            self._add(f"trigger/{name}", f"trigger/{name}", anew=False)
            return
        for key, path in _FIXED.items():
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
            if key in _FIXED:
                self._queue.put_everything()

    def moved(self, key: str) -> None:
        """A watched directory was moved, in watchdog's thread: what it goes on to report is no business of ours, nor
        is what lies below it."""
        below = key if key == "trigger/" else f"{key}/"
        gone = [one for one in list(self._watched) if one == key or one.startswith(below)]
        found = [self._watched.pop(one, None) for one in gone]
        self._inotify.remove_callbacks([(one, CallbackId(0)) for one in found if one is not None])
        if key in _FIXED:
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
