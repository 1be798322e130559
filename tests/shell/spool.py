"""A data directory with an inbox on it, and a clock that only the story moves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from dsari_like.core.messages import Now
from dsari_like.spool.inbox import Found, Inbox

LONG_AGO = 1_000_000_000


class Spool:
    """Drops files as a producer does, looks as the daemon does."""

    def __init__(self, data_dir: Path, names: Iterable[str] = ("build",)) -> None:
        self.data_dir = data_dir
        self.names = tuple(names)
        self.seen: list[str] = []
        self.mono = 1000.0
        self.wall = 1_790_000_000.0
        self.inbox = self.start()

    def start(self) -> Inbox:
        """A new daemon on the same directory."""
        self.inbox = Inbox(str(self.data_dir), self.seen.append)
        self.inbox.prepare(self.names)
        self.recovered = self.inbox.recover(self.now)
        return self.inbox

    def crash(self) -> None:
        """The daemon is gone and another takes its place."""
        self.inbox.close()
        self.start()

    @property
    def now(self) -> Now:
        return Now(self.wall, self.mono)

    def wait(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds

    def drop(self, name: str, content: object = "{}", place: str = "trigger/build") -> Path:
        """Write a file in one go, under its final name."""
        path = self.data_dir / place / name
        raw = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content))
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return path

    def gather(self, limit: int = 256) -> list[Found]:
        """Everything that can be had at this moment."""
        found: list[Found] = []
        for _ in range(10_000):
            found += self.inbox.gather(limit, self.now)
            if not self.inbox.more:
                return found
        raise AssertionError("there is always more")

    def look(self) -> list[Found]:
        """A whole round."""
        self.inbox.look_everywhere()
        return self.gather()

    def tree(self, place: str) -> list[str]:
        """What lies there, sorted."""
        root = self.data_dir / place
        return sorted(os.fspath(path.relative_to(root)) for path in root.rglob("*")) if root.is_dir() else []


def names_of(found: Iterable[Found]) -> list[str]:
    return [one.claim.file_name for one in found]
