"""The watcher where there is no inotify: watchdog's own observer of the system, whatever that is.

Owns nothing but the translation of its events into hints. Slower, and not what the figures are measured with.
"""

from __future__ import annotations

import os
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from dsari_like.spool.hints import Hint, Queue


class Observed(FileSystemEventHandler):
    """Watches the three directories with all that is below them, so single drop places need not be added."""

    def __init__(self, queue: Queue, data_dir: str) -> None:
        self._queue = queue
        self._data_dir = os.path.realpath(data_dir)
        self._observer: Any = Observer()
        for name in ("trigger", "control", "claimed"):
            self._observer.schedule(self, os.path.join(self._data_dir, name), recursive=name == "trigger")
        self._observer.start()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """In watchdog's thread: say where to look."""
        if event.event_type not in ("created", "moved", "closed", "modified"):
            return
        path = os.fsdecode(event.dest_path or event.src_path)
        kind, *rest = os.path.relpath(path, self._data_dir).split(os.sep)
        complete = event.event_type in ("moved", "closed")
        if kind == "trigger" and len(rest) == 1:
            self._queue.put(Hint(kind, rest[0], None, False))
        elif len(rest) == (2 if kind == "trigger" else 1):
            self._queue.put(Hint(kind, rest[0] if kind == "trigger" else "", rest[-1], complete))

    def add(self, key: str, path: str) -> None:
        """See Source: what is below a watched directory is watched."""

    def has(self, key: str) -> bool:
        """See Source."""
        return True

    def is_alive(self) -> bool:
        """See Source."""
        return bool(self._observer.is_alive())

    def descriptor(self) -> None:
        """See Source: watchdog's threads wake the loop."""

    def read(self) -> None:
        """See Source."""

    def stop(self) -> None:
        """See Source."""
        self._observer.stop()
        self._observer.join()
