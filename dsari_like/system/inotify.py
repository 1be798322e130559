"""The kernel's inotify, by watchdog's `InotifyFD`: watches are put up and taken down, events come as they are.

Owns what has to be known to use that layer without its thread. Must not know what is watched, or what for. Importing
this takes a third of what a start has to load: whoever needs it does so when the first watch is due.

Why not watchdog's `Observer`: it needs three threads, holds each "moved from" back for half a second in case its
"moved to" follows, and everything behind it too. `InotifyFD` is the layer below: the kernel's events as they come.
Its one thread is never started either: handing an event from thread to thread costs a quarter of the time between
the drop and the start of a run, and our loop can sleep on the descriptor itself.
"""

from __future__ import annotations

import errno
import os
import select

from watchdog.observers.inotify_c import CallbackId, InotifyFD, Mask, WatchCallback, WatchDescriptor

_ONE = CallbackId(0)


class Watches:
    """One inotify descriptor."""

    def __init__(self) -> None:
        self._inotify = InotifyFD()
        # It is made without close-on-exec, and children are to have no descriptor but their own three.
        os.set_inheritable(self.descriptor, False)
        self._ready = select.poll()
        self._ready.register(self.descriptor, select.POLLIN)

    @property
    def descriptor(self) -> int:
        """Readable when there are events."""
        return self._inotify._inotify_fd

    def add(self, path: str, mask: int, hear: WatchCallback) -> int:
        """Watch what is there, and tell `hear` of its events. Returns the number they will bear; raises OSError."""
        found = self._inotify.add_callback(os.fsencode(path), Mask(mask), hear, _ONE)
        if found == -1:  # watchdog passes over this one error in silence
            self._inotify.remove_callbacks([(found, _ONE)])
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return int(found)

    def remove(self, number: int) -> None:
        """Watch it no more; one that the kernel has taken down by itself is fine."""
        self._inotify.remove_callbacks([(WatchDescriptor(number), _ONE)])

    def read(self, most: int = 16) -> None:
        """Tell of the events that have come; of a flood, as many as so many readings hold."""
        for _ in range(most):
            if not self._ready.poll(0):
                return
            for event in self._inotify.read_events():
                self._inotify.handle_event(event)

    def close(self) -> None:
        """Give the descriptor back. One that never read would wait for its thread, which there is none of."""
        self._inotify._is_reading = False
        self._inotify.close()
