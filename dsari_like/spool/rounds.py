"""The round over all drop places: at start, each minute, on request, and whenever events were lost.

Owns `trigger/` itself and what its entries looked like when they were last found empty of work. A round runs to its
end, in slices; asked for again meanwhile, it means one more, not one for each request. Must not know files in places.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from dsari_like.core.messages import Now
from dsari_like.core.names import is_job_name
from dsari_like.spool.claims import DIRECTORIES, Claims
from dsari_like.spool.complaints import Complaints
from dsari_like.spool.files import ensure_directory, open_directory, visible
from dsari_like.spool.line import Line
from dsari_like.spool.place import Place

_SLICE = 1000  # entries of trigger/ looked at in one turn: about 3 ms
_RETRY = 5.0


class Rounds:
    """See the module. A place that has not changed since it held nothing costs one stat."""

    def __init__(self, claims: Claims, line: Line, complaints: Complaints, on_directory: Callable[[str], None]) -> None:
        self._claims = claims
        self._line = line
        self._complaints = complaints
        self._on_directory = on_directory
        self._quiet: dict[str, tuple[int, int, int]] = {}
        self._entries: Iterator[os.DirEntry[str]] | None = None
        self._not_before = 0.0
        self._trigger = -1
        self.wanted = False

    def prepare(self, names: Iterable[str]) -> None:
        """Make the directories that are missing and open them; raises OSError."""
        self._claims.prepare()
        opened = open_directory("trigger", self._claims.root)
        if self._trigger >= 0:
            os.close(self._trigger)
        self._trigger = opened
        for name in names:
            ensure_directory(name, self._trigger, DIRECTORIES["trigger"])

    def close(self) -> None:
        """Give the descriptors back."""
        self._end()
        if self._trigger >= 0:
            os.close(self._trigger)
            self._trigger = -1

    def open(self, place: Place) -> int:
        """A descriptor of the drop place; raises OSError."""
        if place.kind == "control":
            return open_directory("control", self._claims.root)
        return open_directory(place.name, self._trigger)

    def has_work(self, mono: float | None = None) -> bool:
        """Is a round under way, or to be begun at once?"""
        return self._entries is not None or (self.wanted and (mono is None or mono >= self._not_before))

    def next_deadline(self) -> float | None:
        """When to try again what could not be begun."""
        return self._not_before if self.wanted and self._not_before else None

    def forget(self, name: str) -> None:
        """Something may lie there that nobody is going to announce again."""
        self._quiet.pop(name, None)

    def found_quiet(self, place: Place) -> None:
        """A listing of the place is in line: until the directory changes there is no reason for another."""
        stamp = place.listing.stamp if place.listing else None
        if stamp is not None and place.kind == "trigger":
            self._quiet[place.name] = stamp

    def walk(self, now: Now) -> None:
        """Go on with the round, or begin the one that is wanted."""
        if self._entries is None and not self._begin(now):
            return
        assert self._entries is not None
        entries = list(islice(self._entries, _SLICE))
        for entry in entries:
            self._see(entry.name, now)
        if len(entries) < _SLICE:
            self._end()

    def _begin(self, now: Now) -> bool:
        """Open everything anew: what an operator removed or replaced since the last round is made or found again."""
        if not self.has_work(now.mono):
            return False
        try:
            self.prepare(())
            self._on_directory("")
            self._entries = os.scandir(self._trigger)
        except OSError as error:
            text = f"cannot look into trigger/: {os.strerror(error.errno or 0)}; trying again in {_RETRY:g} s"
            self._complaints.each_minute(error.errno, text, now)
            self._not_before = now.mono + _RETRY
            return False
        self.wanted, self._not_before = False, 0.0
        self._line.ask_for_listing("control", "")
        return True

    def _end(self) -> None:
        if self._entries is not None:
            self._entries.close()  # type: ignore[attr-defined]
            self._entries = None

    def _see(self, name: str, now: Now) -> None:
        """One entry of `trigger/`: a drop place, or something that is not looked at, which is said once. Names that
        mark a file as unfinished are legal names of jobs, and then of drop places."""
        try:
            seen = os.stat(name, dir_fd=self._trigger, follow_symlinks=False)
        except OSError:
            return
        if not stat.S_ISDIR(seen.st_mode) or not is_job_name(name):
            if name.startswith(".") or name.endswith((".tmp", ".part", "~")):
                return
            why = "is no legal name of a job" if stat.S_ISDIR(seen.st_mode) else "is no directory"
            self._complaints.once(f"trigger/{visible(name)} {why}; it is not looked at", now)
            return
        self._on_directory(name)
        if self._quiet.get(name) != (seen.st_dev, seen.st_ino, seen.st_ctime_ns):
            self._line.ask_for_listing("trigger", name)
