"""The files that event triggers wait for: which of them were updated, and when to look.

Owns the watches of their directories, and what is known of each file. Must not know which job waits for what.

A file counts when it is complete: when a writer has closed it or it was moved in, which the kernel tells at once; or
when it was seen twice, two seconds apart, and was the same. So nobody reads half a file, also where the kernel tells
nothing: on a network file system, which is looked at once a minute like everything else here.

What was updated while no daemon ran is found by its time of change, which no program can set: it is later than the
newest one that was seen before, the mark, and marks are kept in the run log.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import glob
import itertools
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dsari_like.core.flow_messages import WatchedUpdated
from dsari_like.core.messages import Now
from dsari_like.system.ear import Ear
from dsari_like.system.logs import LOG
from dsari_like.system.wakeup import Wakeup

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent

    from dsari_like.system.inotify import Watches

#: Seconds: between two looks at everything; for which a file must be the same; for which events are left unread after
#: some were read, so that a file that is rewritten all the time costs four looks a second.
RESCAN, SETTLE, PAUSE = 60.0, 2.0, 0.25
#: So many directories are watched for one pattern; the rest is looked at once a minute.
MOST_DIRECTORIES = 256

_SYSTEM: str = sys.platform
#: Of <sys/inotify.h>: close after writing, moved to; create, for links; only a directory.
_COMPLETE, _CREATE, _ONLY_DIRECTORY = 0x8 | 0x80, 0x100, 0x01000000
#: What is simply not there, which is no trouble: it may come.
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class _Signature(NamedTuple):
    inode: int
    size: int
    modified: int


@dataclass(slots=True)
class _Thing:
    """A path, a folder or a pattern."""

    name: str
    told: float | None  # the mark that the run log has; None when the thing was never looked at
    newest: float = 0.0  # the latest change of a file that is accounted for
    known: dict[str, _Signature] = field(default_factory=dict)
    settling: dict[str, tuple[_Signature, float]] = field(default_factory=dict)  # since when a file is the same
    is_new: bool = True  # to this daemon

    def takes(self, path: str) -> bool:
        """Whether this path is one of the thing's."""
        folder, file_name = os.path.split(path)
        if glob.has_magic(self.name):
            as_deep = "**" in self.name or path.count("/") == self.name.count("/")  # a star stops at a slash
            return as_deep and _is_looked_at(file_name) and fnmatch.fnmatchcase(path, self.name)
        return path == self.name or (folder == self.name and _is_looked_at(file_name))

    def is_old(self, changed: float) -> bool:
        """Whether a file that this daemon sees for the first time was there before: the first look at a thing that
        nobody knew is where the waiting begins."""
        return self.is_new and (self.told is None or changed <= self.told)

    def account(self, path: str, signature: _Signature, changed: float) -> None:
        """The file is as it is from now on."""
        self.settling.pop(path, None)
        self.known[path] = signature
        self.newest = max(self.newest, changed)

    def forget(self, path: str) -> None:
        """The file is gone."""
        self.known.pop(path, None)
        self.settling.pop(path, None)


class Watched:
    """All watched things. `open_watches` makes the source of events; it raises OSError where there can be none."""

    def __init__(self, wakeup: Wakeup, open_watches: Callable[[], Watches] | None = None) -> None:
        self._ear = Ear(wakeup, open_watches or _watches, PAUSE)
        self._things: dict[str, _Thing] = {}
        self._directories: dict[int, str] = {}  # what is watched, by the number of the watch
        self._whole: set[str] = set()  # things to be looked at, all of each
        self._paths: dict[str, bool] = {}  # single files to be looked at; True when a writer has let go of it
        self._rescan_at = 0.0
        self._told: set[object] = set()

    def configure(self, things: Iterable[str], marks: Mapping[str, float]) -> None:
        """These are watched from now on. `marks` are those that an earlier daemon kept; what is known here is newer."""
        names = set(things)
        for name in self._things.keys() - names:
            del self._things[name]
        for name in names - self._things.keys():
            self._things[name] = _Thing(name, marks.get(name), marks.get(name, 0.0))
        self._whole |= names
        self._rescan_at = 0.0

    def next_deadline(self) -> float | None:
        """When `news` has something to do, by the monotonic clock; None for never."""
        if not self._things:
            return None
        moments = [since + SETTLE for thing in self._things.values() for _, since in thing.settling.values()]
        moments += [0.0] if self._ear.is_stirred or self._paths else []
        moments += [] if self._ear.rests_until is None else [self._ear.rests_until]
        return min([self._rescan_at, *moments])

    def news(self, now: Now) -> list[WatchedUpdated]:
        """What was updated since the last call, if anything."""
        if not self._things:
            return []
        if now.mono >= self._rescan_at:
            self._rescan_at = now.mono + RESCAN
            self._whole |= self._things.keys()
            self._watch_directories()
        self._ear.listen(now.mono)
        return self._looked(now)

    def close(self) -> None:
        """Watch nothing any more."""
        self._ear.close()
        self._directories.clear()

    # --- looking ------------------------------------------------------------------------------------------------------

    def _looked(self, now: Now) -> list[WatchedUpdated]:
        whole, self._whole = self._whole, set()
        paths, self._paths = self._paths, {}
        updated: list[str] = []
        marks: dict[str, float] = {}
        for name, thing in self._things.items():
            files = dict.fromkeys((*_matches(name), *thing.known) if name in whole else (), False)
            files |= dict.fromkeys(thing.settling, False)
            files |= {path: complete for path, complete in paths.items() if thing.takes(path)}
            if any([self._is_updated(thing, path, complete, now.mono) for path, complete in files.items()]):
                updated.append(name)
            thing.is_new = thing.is_new and name not in whole
            if not thing.is_new and thing.newest != thing.told:
                marks[name] = thing.told = thing.newest
        return [WatchedUpdated(tuple(updated), now.wall, marks)] if updated or marks else []

    def _is_updated(self, thing: _Thing, path: str, complete: bool, mono: float) -> bool:
        """Whether this file was updated, and is complete."""
        found = self._stat(path)
        if found is None:
            thing.forget(path)
            return False
        signature, changed = _Signature(found.st_ino, found.st_size, found.st_mtime_ns), found.st_ctime_ns / 1e9
        if thing.known.get(path) == signature or thing.is_old(changed):
            thing.account(path, signature, changed)
            return False
        before, since = thing.settling.get(path, (None, mono))
        if complete or (before == signature and mono >= since + SETTLE):
            thing.account(path, signature, changed)
            return True
        if before != signature:
            thing.settling[path] = (signature, mono)
        return False

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            found = os.stat(path)
        except (OSError, ValueError) as error:
            code = getattr(error, "errno", None)
            if code not in _ABSENT:
                self._tell(path, f"cannot look at {path}, which an event trigger waits for: {error}")
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    # --- what the kernel says -----------------------------------------------------------------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Something was closed, moved or made in a watched directory."""
        directory = self._directories.get(event.wd)
        if directory is None or not event.name:
            return
        path = os.path.join(directory, os.fsdecode(event.name))
        self._ear.is_stirred = True
        if any(thing.takes(path) for thing in self._things.values()):
            self._paths[path] = self._paths.get(path, False) or bool(event.mask & _COMPLETE)

    def on_watch_deleted(self, wd: int) -> None:
        """The directory is gone; whether it comes back is seen with the next look at everything."""
        self._directories.pop(wd, None)

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._whole |= self._things.keys()

    # --- watches ------------------------------------------------------------------------------------------------------

    def _watch_directories(self) -> None:
        """Those that are there now, and no others."""
        wanted = {folder for name in self._things for folder in _folders(name)}
        for number, folder in list(self._directories.items()):
            if folder not in wanted:
                self._drop(number)
        for folder in sorted(wanted - set(self._directories.values())):
            self._watch(folder)

    def _watch(self, folder: str) -> None:
        try:
            number = self._ear.watches().add(folder, _COMPLETE | _CREATE | _ONLY_DIRECTORY, self)
            self._directories[number] = folder
        except (OSError, ImportError) as error:
            code = getattr(error, "errno", None)
            if code not in _ABSENT:
                why = getattr(error, "strerror", None) or error
                self._tell(code, f"cannot watch {folder}: {why}; what is updated there is seen within a minute")

    def _drop(self, number: int) -> None:
        self._directories.pop(number, None)
        self._ear.remove(number)

    def _tell(self, cause: object, text: str) -> None:
        if cause not in self._told:
            self._told.add(cause)
            LOG.warning("%s", text)


def _matches(name: str) -> Iterator[str]:
    """The files that a thing is about: those of a pattern, those in a folder, or the one."""
    if glob.has_magic(name):
        yield from (path for path in glob.iglob(name, recursive=True) if _is_looked_at(os.path.basename(path)))
    elif os.path.isdir(name):
        with contextlib.suppress(OSError):
            yield from (entry.path for entry in os.scandir(name) if _is_looked_at(entry.name))
    else:
        yield name


def _folders(name: str) -> Iterable[str]:
    """The directories in which a thing is updated."""
    folder = os.path.dirname(name)
    if glob.has_magic(folder):
        return itertools.islice(filter(os.path.isdir, glob.iglob(folder, recursive=True)), MOST_DIRECTORIES)
    return (name,) if not glob.has_magic(name) and os.path.isdir(name) else (folder,)


def _is_looked_at(file_name: str) -> bool:
    """Names that begin with a dot, or end in .tmp, .part or ~, are those of files that are being written; a path that
    was given in full is looked at whatever its name."""
    return not file_name.startswith(".") and not file_name.endswith((".tmp", ".part", "~"))


def _watches() -> Watches:
    if _SYSTEM != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    from dsari_like.system.inotify import Watches

    return Watches()
