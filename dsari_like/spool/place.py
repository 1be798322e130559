"""One drop place: what is known of the directory, what is to be looked at there, and what waits there.

Owns the order of work within a place and the listing of it, a slice at a time. Must not know other places, or what is
done with a file.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from dsari_like.core.messages import Now
from dsari_like.spool.claims import Held
from dsari_like.spool.files import is_candidate

#: Entries read off a directory in one go: about 3 ms.
SLICE = 1000
#: Names kept from one pass over a directory; a larger flood takes several passes, not more memory.
MOST_LISTED = 50_000
#: Names waiting to be looked at because an event named them; beyond this a pass over the directory finds them.
MOST_NAMED = 20_000
#: Files of one place that are given time to become whole; beyond this the rest of the place waits for them.
MOST_UNSETTLED = 2000

#: An unchanged directory is known by this: device, inode, change time.
Stamp = tuple[int, int, int]


def stamp_of(found: os.stat_result, now: Now) -> Stamp | None:
    """What the directory looks like, if that can be relied on: within a tick of its last change another change would
    leave the same time, so a directory that changed just now is looked at again."""
    if abs(now.wall - found.st_ctime) < 2:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns


@dataclass(slots=True)
class Waiting:
    """A file left in place for a moment: empty, or YAML that may still grow."""

    mark: tuple[int, int, int]  # inode, size, modification time
    since: float


@dataclass(slots=True)
class Listing:
    """A pass over a directory that is under way."""

    entries: Iterator[os.DirEntry[str]]
    stamp: Stamp | None
    names: list[tuple[int, str]] = field(default_factory=list)
    done: bool = False


@dataclass(slots=True)
class Place:
    """`trigger/<name>/`, or `control/` with an empty name."""

    kind: str
    name: str
    held: deque[Held] = field(default_factory=deque)  # claimed already, to be read again
    named: deque[tuple[str, bool]] = field(default_factory=deque)  # to be looked at; True: known to be complete
    waiting: dict[str, Waiting] = field(default_factory=dict)
    settling: int = 0  # claimed files that are given time to become whole
    wanted: bool = False  # a pass over the directory is asked for; asking twice is asking once
    listing: Listing | None = None
    queued: bool = False
    paused: bool = False

    @property
    def path(self) -> str:
        """As the user would type it, below the data directory."""
        return f"trigger/{self.name}" if self.kind == "trigger" else "control"

    def has_work(self) -> bool:
        """Is there anything to do here at once?"""
        return bool(self.held or self.named or self.wanted or self.listing)

    def is_idle(self) -> bool:
        """Could it be forgotten without losing anything?"""
        return not (self.has_work() or self.waiting or self.settling)

    def is_full(self) -> bool:
        """Do so many files wait here that no more are taken for now?"""
        return len(self.waiting) + self.settling >= MOST_UNSETTLED

    def look_at(self, file_name: str, complete: bool) -> None:
        """Note a name; too many names become a pass over the directory."""
        if len(self.named) < MOST_NAMED:
            self.named.append((file_name, complete))
        else:
            self.wanted = True

    def forget_names(self) -> None:
        """The directory is gone or closed to us: what was to be looked at there is not."""
        self.named.clear()
        self.wanted = False
        self.stop_listing()

    def stop_listing(self) -> None:
        """Give the descriptor of a pass back."""
        if self.listing is not None:
            with contextlib.suppress(AttributeError):
                self.listing.entries.close()  # type: ignore[attr-defined]
            self.listing = None

    def list_some(self, at: int, now: Now) -> int:
        """Go on with the pass over the directory, or begin it; returns how many entries were seen. When it is done its
        names are in line in the order of their times, before those that events brought meanwhile: a backlog is older
        than what just came."""
        if self.listing is None:
            self.wanted = False
            self.listing = Listing(os.scandir(at), stamp_of(os.fstat(at), now))
        listing = self.listing
        seen = [entry.name for entry in islice(listing.entries, SLICE)]
        listing.names += [(_time_of(name, at), name) for name in seen if is_candidate(name)]
        if len(seen) < SLICE or len(listing.names) >= MOST_LISTED:
            self.wanted = self.wanted or len(seen) == SLICE
            self.named.extendleft((name, False) for _, name in sorted(listing.names, reverse=True))
            listing.done = True
        return len(seen)


def _time_of(name: str, at: int) -> int:
    """When the file was last written. Asked through `at`, not through the entry: an entry keeps the descriptor its
    directory had when the pass began, and that one is closed by now."""
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0
