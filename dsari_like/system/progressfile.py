"""The progress file of one run: opened with care, read from where the last look ended, within bounds.

Owns what was read of it. It is in a directory that belongs to the run, so anything can stand in its place at any
time: a link, a FIFO, a gibibyte. What cannot be read is a note for the run's record, and never an exception; but for
want of descriptors OSError is raised, and the look can be repeated. Must not know when to look.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from dsari_like.core.clauses import Progress
from dsari_like.core.environment import HEARTBEAT_NAME, PROGRESS_NAME
from dsari_like.core.messages import Now
from dsari_like.core.progress import ProgressReader
from dsari_like.spool.files import kind_of
from dsari_like.spool.parse import Unreadable, parse
from dsari_like.system.process import SHORTAGE

#: Bytes that one look reads at most, bytes that all looks of a minute read, and what a look may read for all that. A
#: file that grows faster is read at its end only: what counts is what a run said last.
LOOK, MINUTE, LEAST = 256 << 10, 1 << 20, 4 << 10

#: Of what was read so many bytes are remembered: where they stand no more, the file was written anew.
_TAIL = 256

_ABSENT = (FileNotFoundError, NotADirectoryError)
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class ProgressFile:
    """What was read of it, and what is still to be said of the run's signs of life."""

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self.path = os.path.join(run_dir, PROGRESS_NAME)
        self._reader = ProgressReader(_decoded)
        self._inode: tuple[int, int] | None = None
        self._offset = 0
        self._tail = b""
        self._seen: tuple[int, ...] = ()  # what the last look found, to see that there is nothing new
        self._credit, self._credit_at = float(MINUTE), 0.0
        self._told: set[str] = set()

    @property
    def is_known(self) -> bool:
        """Whether anything of it was read or told, so that the next process of the run should go on from there."""
        return self._offset > 0 or bool(self._told)

    def take_notes(self) -> tuple[str, ...]:
        """What could not be read or understood since the last call."""
        return self._reader.take_notes()

    def look(self, now: Now, last: bool = False) -> tuple[Progress, ...]:
        """What the run has said since the last look; with `last`, a line that has no end counts too."""
        try:
            found = os.stat(self.path, follow_symlinks=False)
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            lines = () if seen == self._seen else self._read(found, now, last)
            self._seen = seen
        except _ABSENT:
            return ()
        except OSError as error:
            if error.errno in SHORTAGE:
                raise
            self._note_once(f"its progress file cannot be read: {error.strerror}")
            return ()
        return lines + self._reader.finish(now.wall) if last else lines

    def life(self, on_output: str | None) -> float | None:
        """The wall clock time of the newest sign of life that is a file; `on_output` is the name of the output when
        that is one too. The time is taken as the file has it, be it yet to come: that it changes is what counts."""
        names = [PROGRESS_NAME, HEARTBEAT_NAME] + ([] if on_output is None else [on_output])
        return max((time for name in names if (time := self._touched(name)) is not None), default=None)

    def _touched(self, name: str) -> float | None:
        try:
            found = os.stat(os.path.join(self._run_dir, name), follow_symlinks=False)
        except OSError:
            return None
        if stat.S_ISREG(found.st_mode):
            return found.st_mtime
        if name == HEARTBEAT_NAME:
            self._note_once(f"its heartbeat file is {kind_of(found.st_mode)}, and is not looked at")
        return None

    def _read(self, found: os.stat_result, now: Now, last: bool) -> tuple[Progress, ...]:
        if not stat.S_ISREG(found.st_mode):
            self._note_once(f"its progress file is {kind_of(found.st_mode)}, and is not read")
            return ()
        if found.st_nlink > 1:
            self._note_once("its progress file has a second name, and is not read")
            return ()
        # What a daemon finds first may be old; what it finds later was written since, whatever the file's time says.
        time = now.wall if self._inode is not None else min(now.wall, found.st_mtime)
        descriptor = os.open(self.path, _FLAGS)
        try:
            opened = os.fstat(descriptor)
            if not os.path.samestat(opened, found):
                return ()  # exchanged this very moment: whoever does that is seen again, or wants to trick us
            data = self._unread(descriptor, opened, now.mono, last)
        finally:
            os.close(descriptor)
        return self._reader.feed(data, time)

    def _unread(self, descriptor: int, found: os.stat_result, mono: float, last: bool) -> bytes:
        """The bytes that come after those that were read; of too many the end."""
        kept = os.pread(descriptor, len(self._tail), self._offset - len(self._tail))
        inode = (found.st_dev, found.st_ino)
        if inode != self._inode or kept != self._tail or found.st_size < self._offset:
            self._inode, self._offset, self._tail = inode, 0, b""
            self._reader.begin_again()
        most = LOOK if last else self._allowance(mono)
        if found.st_size - self._offset > most:
            self._note_once("its progress file grew too fast: of all that was written at once, only the end was read")
            self._offset, self._tail = found.st_size - most, b""
            self._reader.leave_out()
        data = os.pread(descriptor, most, self._offset)
        self._offset += len(data)
        self._credit -= len(data)
        self._tail = (self._tail + data[-_TAIL:])[-_TAIL:]
        return data

    def _allowance(self, mono: float) -> int:
        refilled = self._credit + max(0.0, mono - self._credit_at) * MINUTE / 60
        self._credit, self._credit_at = min(float(MINUTE), refilled), mono
        return int(min(LOOK, max(LEAST, self._credit)))

    def _note_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._reader.note(text)


def _decoded(raw: bytes) -> Mapping[str, Any] | str:
    """A line by the rules that hold for every file from outside; it is one line, so its number says nothing."""
    try:
        return parse(raw, is_yaml=False)
    except Unreadable as error:
        return str(error).replace("line 1, ", "").replace("line 1 holds", "it holds")
