"""The files of runs on their way out: set aside by one rename each, then taken apart a little at a time.

Owns `pruned/`, and the looking into run directories. A run directory belongs to its job, which may have left anything
there: links, pipes, a tree of any depth, directories that forbid entry. So nothing is ever opened but directories,
by descriptor and without following a link; whatever else there is gets unlinked by its name. Must not know the run
log or why a run goes.

A tree is taken apart without going down it: a directory found in one is moved up beside it first. Every step leaves
`pruned/` a plain list of things to remove, so a crash needs no more than to go on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Generator, Iterator

from dsari_like.core.names import is_job_name
from dsari_like.spool.files import WEATHER, directory, open_directory

PLACE = "pruned"
#: Directories below each other that are looked into for a size; a deeper one counts nothing.
_DEEPEST = 64
_RESTS_AFTER = 64  # entries


class Attic:
    """The run directories below one data directory."""

    def __init__(self, data_dir: str) -> None:
        self._root = open_directory(data_dir, follow=True)
        self._place = -1
        self._stuck: set[str] = set()
        self.problems: list[str] = []  # what could not be removed, and why; said once each

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self._root, self._place):
            if descriptor >= 0:
                os.close(descriptor)
        self._root = self._place = -1

    # --- setting aside --------------------------------------------------------------------------------------------

    def set_aside(self, job: str, run_id: str) -> str | None:
        """Move a run's directory out of the way; one that is not there is no problem. Returns why it cannot be done,
        raises OSError for weather."""
        if not _are_ours(job, run_id):
            return "its name is none of ours"
        try:
            with directory("runs", self._root) as runs, directory(job, runs) as runs_of_job:
                os.rename(run_id, run_id, src_dir_fd=runs_of_job, dst_dir_fd=self._opened())
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in WEATHER:
                raise
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                return "a link, or no directory, stands where the directory of its job should be"
            return os.strerror(error.errno or 0)
        return None

    def put_back(self, job: str, run_id: str) -> None:
        """Undo that: the run log still has the run."""
        try:
            with directory("runs", self._root) as runs, directory(job, runs, 0o750) as runs_of_job:
                os.rename(run_id, run_id, src_dir_fd=self._opened(), dst_dir_fd=runs_of_job)
        except OSError as error:
            if error.errno in WEATHER:
                raise
            self._stuck.add(run_id)
            self.problems.append(f"cannot put {PLACE}/{run_id} back: {error.strerror}; it is left where it is")

    def sync(self) -> None:
        """What was set aside is so after a power cut, too."""
        if self._place >= 0:
            os.fsync(self._place)

    def left(self) -> list[str]:
        """What waits to be removed, but for what cannot be."""
        if self._place < 0:
            try:
                self._place = open_directory(PLACE, self._root)
            except FileNotFoundError:
                return []
        return [name for name in os.listdir(self._place) if name not in self._stuck]

    def _opened(self) -> int:
        if self._place < 0:
            with contextlib.suppress(FileExistsError):
                os.mkdir(PLACE, 0o700, dir_fd=self._root)
            self._place = open_directory(PLACE, self._root)
        return self._place

    # --- taking apart ---------------------------------------------------------------------------------------------

    def clear(self) -> Iterator[None]:
        """Remove everything that was set aside, resting now and then. Raises OSError for weather."""
        while names := self.left():
            for name in names:
                try:
                    yield from self._remove(name)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno in WEATHER:
                        raise
                    self._stuck.add(name)
                    self.problems.append(f"cannot remove {PLACE}/{name}: {error.strerror}; it is left where it is")

    def _remove(self, name: str) -> Iterator[None]:
        if not stat.S_ISDIR(os.stat(name, dir_fd=self._place, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=self._place)
            return
        emptied = True
        while emptied:  # what is read while it is being emptied may miss some
            with self._enterable(name) as at:
                emptied = yield from self._emptied(name, at)
        os.rmdir(name, dir_fd=self._place)
        yield

    def _emptied(self, name: str, at: int) -> Generator[None, None, bool]:
        """One pass over a directory; False when nothing was in it."""
        count = 0
        with os.scandir(at) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    self._move_up(name, entry.name, at)
                else:
                    os.unlink(entry.name, dir_fd=at)
                count += 1
                if count % _RESTS_AFTER == 0:
                    yield
        return count > 0

    def _move_up(self, name: str, inner: str, at: int) -> None:
        above = f"{name.partition('~')[0]}~{os.urandom(8).hex()}"
        with self._enterable(inner, at):  # to be moved, a directory must be writable itself
            os.rename(inner, above, src_dir_fd=at, dst_dir_fd=self._place)

    @contextlib.contextmanager
    def _enterable(self, name: str, at: int | None = None) -> Iterator[int]:
        """A descriptor of the directory, which is made ours to change if it is not."""
        at = self._place if at is None else at
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at)
        try:
            if os.fstat(handle).st_mode & 0o700 != 0o700:
                os.chmod(f"/proc/self/fd/{handle}", 0o700)
        finally:
            os.close(handle)
        with directory(name, at) as descriptor:
            yield descriptor

    # --- sizes ----------------------------------------------------------------------------------------------------

    def size(self, job: str, run_id: str) -> Generator[None, None, int]:
        """What a run directory holds, in bytes: what was written, but no more than what is on the disk, so that a
        file of holes does not push others out. What cannot be read counts nothing."""
        total, count = 0, 0
        todo: deque[tuple[str, ...]] = deque([("runs", job, run_id)] if _are_ours(job, run_id) else [])
        while todo:
            parts = todo.popleft()
            with contextlib.suppress(OSError), self._below(parts) as at, os.scandir(at) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode) and len(parts) < _DEEPEST:
                        todo.append((*parts, entry.name))
                    elif stat.S_ISREG(found.st_mode):
                        total += min(found.st_size, found.st_blocks * 512)
                    count += 1
                    if count % _RESTS_AFTER == 0:
                        yield
        return total

    @contextlib.contextmanager
    def _below(self, parts: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of a directory below ours, every step of the way without following a link."""
        at = open_directory(parts[0], self._root)
        try:
            for part in parts[1:]:
                inner = open_directory(part, at)
                os.close(at)
                at = inner
            yield at
        finally:
            os.close(at)


def _are_ours(job: str, run_id: str) -> bool:
    """Names that the run log may hold by a foreign hand are no paths."""
    return is_job_name(job) and is_job_name(run_id)
