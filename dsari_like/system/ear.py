"""Hearing the kernel's file events between two turns, without being woken by each of them.

Owns the one descriptor that somebody listens at, when it is opened, and the rest it is given after events: more may
follow at once, and they can wait for a moment together. Must not know what is watched, or what an event means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsari_like.system.wakeup import Wakeup

if TYPE_CHECKING:
    from dsari_like.system.inotify import Watches


class Ear:
    """One source of events. `open_watches` makes it when the first watch is due, and raises OSError where it cannot."""

    def __init__(self, wakeup: Wakeup, open_watches: Callable[[], Watches], rest: float) -> None:
        self._wakeup = wakeup
        self._open = open_watches
        self._rest = rest
        self._watches: Watches | None = None
        self.rests_until: float | None = None  # monotonic clock; the descriptor is left alone until then
        self.is_stirred = False  # something has happened, be it of no interest

    def watches(self) -> Watches:
        """The source, which is listened at from now on. Raises OSError, or ImportError, where there can be none."""
        if self._watches is None:
            self._watches = self._open()
            self._wakeup.watch(self._watches.descriptor, self._hear)
        return self._watches

    def remove(self, number: int) -> None:
        """Take down a watch."""
        if self._watches is not None:
            self._watches.remove(number)

    def swallow(self) -> None:
        """Read what is there at once, unless the descriptor rests: that a watch was taken down is an event too."""
        if self._watches is not None and self.rests_until is None:
            self._watches.read()

    def listen(self, mono: float) -> None:
        """Take the events that have come, if it is time."""
        rested = self.rests_until is not None and mono >= self.rests_until
        if self._watches is None or not (self.is_stirred or rested):
            return
        self.is_stirred = False
        self._watches.read()
        if self.is_stirred:
            self.is_stirred, self.rests_until = False, mono + self._rest
        else:
            self.rests_until = None
            self._wakeup.watch(self._watches.descriptor, self._hear)

    def close(self) -> None:
        """Listen no more."""
        if self._watches is not None:
            self._wakeup.forget(self._watches.descriptor)
            self._watches.close()
            self._watches = None

    def _hear(self) -> None:
        """There are events. They are read at the next `listen`, and until then the descriptor wakes nobody."""
        self.is_stirred = True
        if self._watches is not None:
            self._wakeup.forget(self._watches.descriptor)
