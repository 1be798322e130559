"""Signs of life of the runs that run: who has said something, and when to look.

Owns the watches of run directories. Must not know what the files hold (`progressfile`), or what follows from a sign.

Law "nothing polls": the kernel tells when a progress file is made, and when it is written to; lines of ordinary
output, the most frequent event of all, are not among what is told. A run gets its watch only when it has lived for
half a second: most have ended by then, and what they said is read at their end. After each event the descriptor is
left alone for a quarter of a second, so that a run which reports a thousand times a second, or fills its directory
with files, costs four looks a second and not a thousand turns. Where nothing can be watched each run is looked at once
a minute, at its deadlines and at its end.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsari_like.core import messages as m
from dsari_like.core.environment import PROGRESS_NAME
from dsari_like.system.ear import Ear
from dsari_like.system.logs import LOG
from dsari_like.system.process import SHORTAGE
from dsari_like.system.progressfile import ProgressFile
from dsari_like.system.wakeup import Wakeup

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent

    from dsari_like.system.inotify import Watches

#: Seconds: how old a run is when it gets its watch; between two looks; between two looks at what cannot be watched.
SOON, PAUSE, RESCAN = 0.5, 0.25, 60.0

#: So many runs that have ended are remembered by what was read of their files: another stage, or a resumption, goes on
#: from there.
_REMEMBERED = 256

_NAME = os.fsencode(PROGRESS_NAME)
_SYSTEM: str = sys.platform

#: Of <sys/inotify.h>; watchdog has them too, but is not to be loaded for them. For the directory: create, moved to,
#: only a directory, no link followed. For the file: modify, no link followed.
_DIRECTORY = 0x100 | 0x80 | 0x01000000 | 0x02000000
_FILE = 0x2 | 0x02000000


@dataclass(slots=True)
class _Lively:
    """A run that may say something."""

    run_dir: str
    file: ProgressFile
    directory: int | None = None  # the watch of its directory
    written: int | None = None  # the watch of its progress file


class Signs:
    """The runs that run. `open_watches` makes the source of events; it raises OSError where there can be none."""

    def __init__(self, wakeup: Wakeup, open_watches: Callable[[], Watches] | None = None) -> None:
        self._ear = Ear(wakeup, open_watches or _watches, PAUSE)
        self._runs: dict[str, _Lively] = {}
        self._left: OrderedDict[str, ProgressFile] = OrderedDict()
        self._soon: deque[tuple[float, str]] = deque()  # who gets a watch, and when: in order, as all wait as long
        self._of: dict[int, str] = {}  # the run of each watch
        self._due: dict[str, bool] = {}  # who is to be looked at; True when its file may be another one now
        self._unwatched: set[str] = set()
        self._rescan_at = 0.0
        self._told: set[object] = set()

    def begin(self, run_id: str, run_dir: str, mono: float) -> None:
        """A process of this run exists; another one beside the first, when it was resumed, is nothing new."""
        if run_id not in self._runs:
            file = self._left.pop(run_id, None) or ProgressFile(run_dir)
            self._runs[run_id] = _Lively(run_dir, file)
            self._soon.append((mono + SOON, run_id))

    def end(self, run_id: str, now: m.Now) -> list[m.Progressed]:
        """Its process is gone: what it said last. Nothing more is expected, unless another begins."""
        run = self._runs.pop(run_id, None)
        if run is None:
            return []
        self._leave(run_id, run)
        found = self._look(run_id, run, now, last=True)
        if run.file.is_known:
            self._left[run_id] = run.file
            if len(self._left) > _REMEMBERED:
                self._left.popitem(last=False)
        return found

    def life(self, run_id: str, run_dir: str, output: str | None, now: m.Now) -> list[m.Input]:
        """When there was a sign of life last. What was said since the last look is told before that."""
        run = self._runs.get(run_id) or _Lively(run_dir, self._left.get(run_id) or ProgressFile(run_dir))
        time = run.file.life(output)
        return [*self._look(run_id, run, now), m.LifeSeen(run_id, time)]

    def next_deadline(self) -> float | None:
        """When `news` has something to do, by the monotonic clock; None for never."""
        while self._soon and self._soon[0][1] not in self._runs:
            self._soon.popleft()
        moments = [self._soon[0][0]] if self._soon else []
        if self._due or self._ear.rests_until is not None:
            moments.append(self._ear.rests_until or 0.0)
        if self._unwatched:
            moments.append(self._rescan_at)
        return min(moments, default=None)

    def news(self, now: m.Now) -> list[m.Progressed]:
        """What runs have said since the last call."""
        while self._soon and self._soon[0][0] <= now.mono:
            run_id = self._soon.popleft()[1]
            if run_id in self._runs:
                self._attend(run_id, now.mono)
        if self._unwatched and now.mono >= self._rescan_at:
            self._rescan_at = now.mono + RESCAN
            for run_id in list(self._unwatched):
                self._attend(run_id, now.mono)
        self._ear.listen(now.mono)
        return self._told_by_the_due(now) if self._due else []

    def close(self) -> None:
        """Watch nothing any more."""
        self._ear.close()

    # --- what the kernel says -------------------------------------------------------------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Something was made in the directory of a run, or its progress file was written to."""
        self._ear.is_stirred = True
        run_id = self._of.get(event.wd)
        if run_id is not None and event.name in (b"", _NAME):
            self._due[run_id] = self._due.get(run_id, False) or bool(event.name)

    def on_watch_deleted(self, wd: int) -> None:
        """The directory, or the file, is gone."""
        run = self._runs.get(self._of.pop(wd, ""))
        if run is not None:
            run.directory = None if run.directory == wd else run.directory
            run.written = None if run.written == wd else run.written

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._ear.is_stirred = True
        self._due = dict.fromkeys(self._of.values(), True)

    # --- watches --------------------------------------------------------------------------------------------------

    def _attend(self, run_id: str, mono: float) -> None:
        """Give a run its watch, and have it looked at: what came before the watch was told by nobody."""
        run = self._runs[run_id]
        self._due[run_id] = True
        if run.directory is not None:
            return
        try:
            run.directory = self._watch(run_id, run.run_dir, _DIRECTORY)
            self._unwatched.discard(run_id)
        except (OSError, ImportError) as error:
            code = getattr(error, "errno", None)
            if code in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # it removed its own directory
                return
            if not self._unwatched:
                self._rescan_at = mono + RESCAN
            self._unwatched.add(run_id)
            self._tell(code, f"cannot watch the progress of runs: {getattr(error, 'strerror', None) or error}")

    def _watch(self, run_id: str, path: str, mask: int) -> int | None:
        """None when another run has this very thing for its own."""
        found = self._ear.watches().add(path, mask, self)
        return found if self._of.setdefault(found, run_id) == run_id else None

    def _watch_file(self, run_id: str, run: _Lively) -> None:
        """Watch the progress file that is there now, in the place of one that may have been there before."""
        if run.written is not None:
            self._drop(run.written)
            run.written = None
        try:
            found = os.stat(run.file.path, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                run.written = self._watch(run_id, run.file.path, _FILE)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES):
                self._tell(error.errno, f"cannot watch a progress file: {error.strerror}")

    def _leave(self, run_id: str, run: _Lively) -> None:
        """Watch this run no more. That it is not watched is an event too, and must not cost a turn."""
        self._due.pop(run_id, None)
        self._unwatched.discard(run_id)
        watches = [watch for watch in (run.directory, run.written) if watch is not None]
        for watch in watches:
            self._drop(watch)
        if watches:
            self._ear.swallow()

    def _drop(self, watch: int) -> None:
        self._of.pop(watch, None)
        self._ear.remove(watch)

    # --- looking --------------------------------------------------------------------------------------------------

    def _told_by_the_due(self, now: m.Now) -> list[m.Progressed]:
        due, self._due = self._due, {}
        found: list[m.Progressed] = []
        for run_id, anew in due.items():
            run = self._runs.get(run_id)
            if run is not None:
                if anew and run.directory is not None:
                    self._watch_file(run_id, run)
                found += self._look(run_id, run, now)
        return found

    def _look(self, run_id: str, run: _Lively, now: m.Now, last: bool = False) -> list[m.Progressed]:
        try:
            lines = run.file.look(now, last)
        except OSError as error:  # for want of descriptors: a moment later there may be some
            if error.errno not in SHORTAGE:
                raise
            self._soon.append((now.mono + SOON, run_id))
            lines = ()
        notes = run.file.take_notes()
        return [m.Progressed(run_id, lines, notes)] if lines or notes else []

    def _tell(self, cause: object, text: str) -> None:
        if cause not in self._told:
            self._told.add(cause)
            LOG.warning("%s; it is seen once a minute, at deadlines and at the end of runs", text)


def _watches() -> Watches:
    if _SYSTEM != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    from dsari_like.system.inotify import Watches

    return Watches()
