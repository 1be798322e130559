"""Spare run directories, made while nobody waits: a start then takes one by a rename.

Owns `spare/`. A new directory with new files costs a tenth of the time between a drop and its command, and where many
files were removed minutes ago half of it; a rename costs next to nothing. Without a spare everything works as well.
Must not know runs, or what the files are for.
"""

from __future__ import annotations

import os
import shutil

#: More than a few triggers at once find the machine busy with starting anyway.
WANTED = 8


class Stock:
    """Filled one by one, by whoever has nothing better to do."""

    def __init__(self, data_dir: str, files: tuple[str, ...]) -> None:
        self._files = files  # empty ones, in each directory
        self._place = os.path.join(data_dir, "spare")
        self._spare: list[str] = []
        self._made = 0
        self._missing = WANTED

    def take(self, run_dir: str) -> bool:
        """Make the run directory out of a spare one; False when there is none, or it cannot be."""
        taken = bool(self._spare) and self._rename(self._spare[-1], run_dir)
        if taken:
            self._spare.pop()
        self._missing = WANTED - len(self._spare)
        return taken

    def _rename(self, spare: str, run_dir: str) -> bool:
        try:
            os.rename(spare, run_dir)
        except OSError:  # the job's first run, or a start tried again; or somebody has cleared the spare ones away
            if not os.path.isdir(spare):
                self._spare.clear()
            return False
        return True

    def fill(self) -> bool:
        """Make one more; False when there are enough, or the machine is short of something. Then it is left at that
        until somebody takes one."""
        if self._missing <= 0:
            return False
        try:
            self._make()
        except OSError:
            self._missing = 0
            return False
        self._missing -= 1
        return True

    def _make(self) -> None:
        if not self._spare:  # what an earlier daemon left may be half made; and somebody may have removed the place
            shutil.rmtree(self._place, ignore_errors=True)
            os.mkdir(self._place, 0o700)
        self._made += 1
        path = os.path.join(self._place, str(self._made))
        os.mkdir(path, 0o750)
        for name in self._files:
            os.close(os.open(os.path.join(path, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
        self._spare.append(path)

    def close(self) -> None:
        """Give the spare ones back."""
        shutil.rmtree(self._place, ignore_errors=True)
