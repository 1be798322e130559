"""Text to files: by a temporary name and a rename, and only where the bytes differ.

Owns every write and removal below `html/`. Two processes may write the same page (the daemon, and `render`), so
the temporary name holds the process. There is one for each, at the top: what a process left that was killed while it
wrote is found without a walk through thousands of directories. A page can be copied at any moment; one that did not
change keeps its time, so a copy by rsync moves only what is new. Not synced to the disk: what a power cut takes is made
again.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
from dataclasses import dataclass, field

_PARTIAL = re.compile(r"\.([1-9][0-9]{0,9})\.tmp", re.ASCII)


#: Names of files written that are remembered.
REMEMBERED = 4_000


@dataclass(slots=True)
class Site:
    """The directory of the pages. `written` collects the files that changed since somebody looked."""

    root: str
    compressed: bool = False  # a `.gz` twin beside every page
    sweeping: bool = False  # remove twins of a time when pages were compressed
    written: list[str] = field(default_factory=list)
    count: int = 0  # files that were written, ever
    _anew: str = "/"  # the directory that was made last; before that there is none of this name
    _there: set[str] = field(default_factory=set)  # all files in it, for nobody else makes any

    def __post_init__(self) -> None:
        """Remove what processes left behind that were killed; a link of that name is removed, not followed."""
        for name in self.names(""):
            match = _PARTIAL.fullmatch(name)
            if match and not _is_alive(int(match[1])):
                with contextlib.suppress(OSError):  # a directory, or not ours to remove: it does no harm
                    os.unlink(self._at(name))

    def put(self, path: str, text: str) -> bool:
        """Make the file hold the text. Returns whether it had to be written."""
        data = text.encode("utf-8", "replace")
        changed = self._put_bytes(path, data)
        if self.compressed and path.endswith(".html") and (changed or not self.has(path + ".gz")):
            self._put_bytes(path + ".gz", gzip.compress(data, 6, mtime=0))
        elif self.sweeping and not self.compressed and not self._is_anew(path) and self.has(path + ".gz"):
            os.unlink(self._at(path + ".gz"))
        return changed

    def remove(self, directory: str) -> bool:
        """Remove a directory of pages and all below it; True when it was there. A link is removed, not followed."""
        path = self._at(directory)
        if os.path.islink(path):
            os.unlink(path)
            return True
        if not os.path.isdir(path):
            return False
        shutil.rmtree(path)
        return True

    def unlink(self, path: str) -> None:
        """Remove a page, and its twin; no matter whether it was there."""
        for name in (path, path + ".gz"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._at(name))

    def names(self, directory: str) -> list[str]:
        """What is in a directory of pages; nothing when it is not there."""
        try:
            return os.listdir(self._at(directory))
        except OSError:
            return []

    def read(self, path: str) -> str | None:
        """What a file holds; None when it cannot be read."""
        try:
            with open(self._at(path), encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError):
            return None

    def has(self, path: str) -> bool:
        """Whether the file is there."""
        return os.path.exists(self._at(path))

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _is_anew(self, path: str) -> bool:
        """Whether the directory was made just now, so that what was not put there is not there: most files of a render
        from nothing are spared a look."""
        return path.rpartition("/")[0] == self._anew

    def _put_bytes(self, path: str, data: bytes) -> bool:
        target = self._at(path)
        directory, _, name = path.rpartition("/")
        if self.sweeping and directory and directory != self._anew:
            self._make(directory)
        if (directory != self._anew or name in self._there) and _holds(target, data):
            return False
        partial = self._at(f".{os.getpid()}.tmp")
        self._write(partial, data)
        try:
            os.rename(partial, target)
        except FileNotFoundError:
            self._make(directory)
            os.rename(partial, target)
        if directory == self._anew:
            self._there.add(name)
        self.count += 1
        if len(self.written) >= REMEMBERED:  # a daemon writes for months, and nobody asks it
            del self.written[: REMEMBERED // 2]
        self.written.append(path)
        return True

    def _make(self, directory: str) -> None:
        """Make a directory that may be there; from now on it is known what is in it, if it was not."""
        path = self._at(directory)
        try:
            os.mkdir(path)
        except FileNotFoundError:
            os.makedirs(path, exist_ok=True)
        except FileExistsError:
            if not os.path.isdir(path):
                raise
            return
        self._anew, self._there = directory, set()

    def _write(self, path: str, data: bytes) -> None:
        try:
            descriptor = _create(path)
        except FileNotFoundError:
            os.makedirs(self.root, exist_ok=True)
            descriptor = _create(path)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)


def _is_alive(pid: int) -> bool:
    """Whether another process is to be thought writing under this number; our own has not begun."""
    try:
        os.kill(pid, 0)
    except OverflowError:
        return False
    except OSError as error:
        return isinstance(error, PermissionError)
    return pid != os.getpid()


def _holds(path: str, data: bytes) -> bool:
    """Whether the file has these bytes already; the size tells most differences without reading."""
    try:
        if os.path.getsize(path) != len(data):
            return False
        with open(path, "rb") as file:
            return file.read() == data
    except OSError:
        return False
