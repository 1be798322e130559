"""What the watcher tells the loop: where to look, never what happened.

Owns the queue between the two, the only thing both touch. Must not know where hints come from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from dsari_like.spool.files import is_candidate

#: As many as the kernel's own queue holds (fs.inotify.max_queued_events); beyond it, one look at everything is cheaper.
MOST = 16_384


class Hint(NamedTuple):
    """A file to look at, or with `file_name` None a directory. `complete`: closed or moved in, nobody writes it."""

    kind: str  # "trigger", "control" or "claimed"
    name: str
    file_name: str | None
    complete: bool


class Hints(NamedTuple):
    """All that came since the last time."""

    everything: bool
    files: list[Hint]


class Queue:
    """Filled by one thread, emptied by another. Only operations that are atomic in CPython are used, so that the
    watcher never waits for the loop, nor the loop for the watcher."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._hints: deque[Hint] = deque()
        self._everything = False
        self._woken = False

    def put(self, hint: Hint) -> None:
        """From the watcher's thread. What is never looked at does not wake anybody."""
        if hint.file_name is not None and not is_candidate(hint.file_name):
            return
        if len(self._hints) < MOST:
            self._hints.append(hint)
        else:
            self._everything = True
        self._ring()

    def put_everything(self) -> None:
        """From either thread: events were lost."""
        self._everything = True
        self._ring()

    def take(self) -> Hints:
        """From the loop. The flag is cleared first: a hint that comes while we empty the queue rings again."""
        self._woken = False
        everything, self._everything = self._everything, False
        return Hints(everything, [self._hints.popleft() for _ in range(len(self._hints))])

    def _ring(self) -> None:
        """Once until the loop has answered: a wake-up carries no information, so a second one adds none."""
        if not self._woken:
            self._woken = True
            self._wake()
