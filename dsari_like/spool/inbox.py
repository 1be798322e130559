"""The only door in: what lies in the drop places is taken, read, and handed to the daemon, each file exactly once.

Owns the look at a file: take it, leave it alone for now, or leave it for good. Must not know jobs, keys or the run log:
what a name or a map means is decided by whoever asks.

The protocol, in the order of `architecture.md`: look (no link is followed, nothing is opened), claim (a rename), read
(from a descriptor that is checked), hand over. A file is at every moment in exactly one place, so a crash leaves it
where the next start finds it. What cannot be read to an end stays claimed for the settle time and is refused then.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dsari_like.core.messages import Now, WriteReceipt
from dsari_like.core.model import Claim
from dsari_like.core.names import is_job_name
from dsari_like.spool.claims import Claims, Held
from dsari_like.spool.complaints import Complaints
from dsari_like.spool.files import WEATHER, is_candidate, is_yaml, visible
from dsari_like.spool.line import Line
from dsari_like.spool.parse import LARGEST, Unreadable
from dsari_like.spool.place import Place, Waiting
from dsari_like.spool.rounds import Rounds
from dsari_like.spool.stuck import Stuck

#: Half-written files (a plain `echo >`) have this long from first sight, by the monotonic clock (interface, section 3).
SETTLE = 2.0
_CHUNK = 16  # files of one place before the next place has its turn
_OPEN_LISTINGS = 8  # each keeps a descriptor until it is done
_FULL_PAUSE = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0


@dataclass(frozen=True, slots=True)
class Found:
    """A claimed file, read to an end: either its map, or why it is none."""

    claim: Claim
    kind: str  # "trigger" or "control"
    data: dict[str, Any] | None
    problem: str | None = None
    size: int = 0
    digest: str = ""  # SHA-256 of the bytes; empty where they were not read
    exposed: str = ""  # where it lay, when everybody may write there


def _nobody(name: str) -> None:
    """For a caller that keeps no watches."""


class Inbox:
    """See the module. `on_directory` is told of every drop place before it is looked at, and with "" of the directories
    above them, so that a watch can be in place first: what arrives between the two is then seen by one of them."""

    def __init__(self, data_dir: str, on_directory: Callable[[str], None] = _nobody) -> None:
        self._claims = Claims(data_dir)
        self._complaints = Complaints()
        self._line = Line()
        self._rounds = Rounds(self._claims, self._line, self._complaints, on_directory)
        self._listing = 0
        self._stuck = Stuck()
        self._pause = _FIRST_PAUSE
        self._exposed: dict[tuple[str, str], str] = {}  # of this turn

    # --- before the first turn ---

    def prepare(self, names: Iterable[str] = ()) -> None:
        """Make the directories that are missing, and a drop place for each name; raises OSError."""
        self._rounds.prepare(names)

    def recover(self, now: Now) -> int:
        """Take up what an earlier daemon had claimed and not finished; returns how many."""
        taken = 0
        for held in self._claims.recover(now):
            if isinstance(held, str):
                self._complaints.once(f"claimed/{visible(held)} is none of ours and was left alone", now)
                continue
            place = self._line.place(held.kind, held.name)
            place.held.append(held)
            self._line.join(place)
            taken += 1
        return taken

    def close(self) -> None:
        """Give all descriptors back; what is claimed stays claimed for the next daemon."""
        for place in self._line:
            place.stop_listing()
        self._rounds.close()
        self._claims.close()

    # --- hints ---

    def look_everywhere(self) -> None:
        """Look at every drop place once more: at start, on SIGUSR1, each minute, and when events were lost."""
        self._rounds.wanted = True

    def look_at(self, kind: str, name: str, file_name: str | None = None, complete: bool = False) -> None:
        """Something happened to a file, or (without one) to a directory. `kind` is `trigger`, `control` or `claimed`;
        `complete` means that it was closed or moved in, so that nobody is writing it any more."""
        if kind == "claimed":
            self._line.settle(file_name or "")
        elif kind == "trigger" and not is_job_name(name):
            self._rounds.wanted = True  # the round says once that such a name is not looked at
        elif file_name is None:
            self._rounds.forget(name)
            self._line.ask_for_listing(kind, name)
        elif is_candidate(file_name):
            place = self._line.place(kind, name)
            place.look_at(file_name, complete)
            self._line.join(place)

    @property
    def more(self) -> bool:
        """Is there work that could be done at once?"""
        return bool(self._line) or (self._rounds.has_work() and self._rounds.next_deadline() is None)

    def next_deadline(self) -> float | None:
        """When something that waits must be looked at again, by the monotonic clock."""
        deadlines = (self._line.next_deadline(), self._rounds.next_deadline())
        return min((time for time in deadlines if time is not None), default=None)

    def take_warnings(self) -> list[str]:
        """Sentences for the log since the last call: one for each cause, however many files it has."""
        return self._complaints.take()

    # --- the turn ---

    def gather(self, limit: int, now: Now) -> list[Found]:
        """At most `limit` files that were claimed and read; fewer does not mean there are no more, see `more`. No file
        can make it raise, and none is lost: what cannot be taken now is still where it was."""
        found: list[Found] = []
        self._exposed.clear()
        self._line.ring(now.mono)
        self._rounds.walk(now)
        effort = 4 * limit + 64
        while self._line and len(found) < limit and effort > 0:
            place = self._line.next()
            effort -= self._serve(place, found, min(_CHUNK, limit - len(found)), now)
            self._line.rejoin(place)
        return found

    def _serve(self, place: Place, found: list[Found], room: int, now: Now) -> int:
        """Give one place its turn; returns what it cost, in looks of some 30 µs."""
        if place.held:
            return self._read_held(place, found, room, now)
        try:
            at = self._rounds.open(place)
        except OSError as error:
            self._cannot_open(place, error, now)
            return 1
        try:
            if place.wanted or place.listing:
                return self._list(place, at, now)
            return self._look_at_some(place, at, found, room, now)
        finally:
            os.close(at)

    def _list(self, place: Place, at: int, now: Now) -> int:
        if place.listing is None and self._listing >= _OPEN_LISTINGS:
            return 8
        self._listing += place.listing is None
        seen = place.list_some(at, now)
        if place.listing and place.listing.done:
            self._rounds.found_quiet(place)
            self._stop_listing(place)
        return 1 + seen // 8

    def _stop_listing(self, place: Place) -> None:
        self._listing -= place.listing is not None
        place.stop_listing()

    def _look_at_some(self, place: Place, at: int, found: list[Found], room: int, now: Now) -> int:
        """Look at the next names in line; each look takes the file, leaves it for now, or finds that it is gone."""
        looks = 0
        while place.named and looks < room and not place.paused:
            if place.is_full():
                self._line.pause(place, now.mono + _FULL_PAUSE)
                break
            looks += 1
            name = place.named.popleft()
            try:
                taken = self._look(place, at, *name, now)
            except OSError as error:
                self._cannot_take(place, at, name, error, now)
                continue
            if taken is not None:
                self._attempt(place, taken, found, now)
        return looks

    def _look(self, place: Place, at: int, file_name: str, complete: bool, now: Now) -> Held | None:
        try:
            seen = os.stat(file_name, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:  # somebody was faster: the producer who took it back, or an earlier hint
            place.waiting.pop(file_name, None)
            return None
        if self._stuck.holds(seen, at):
            return None
        since = self._first_sight(place, file_name, seen, complete, now)
        if since is None:
            return None
        held = self._claims.take(place.kind, place.name, file_name, seen, at, now)
        place.waiting.pop(file_name, None)
        held.first = since
        return held

    def _first_sight(
        self, place: Place, file_name: str, seen: os.stat_result, complete: bool, now: Now
    ) -> float | None:
        """When the file was first seen, or None while it is better left alone: empty, because `touch` and then `echo`
        would otherwise be two triggers, one of them broken; YAML, because half a YAML file may read as a whole one."""
        empty = seen.st_size == 0
        known = place.waiting.get(file_name)
        if not stat.S_ISREG(seen.st_mode) or not (empty or (is_yaml(file_name) and not complete)):
            return known.since if known and known.mark[0] == seen.st_ino else now.mono
        mark = (seen.st_ino, seen.st_size, 0 if empty else seen.st_mtime_ns)
        if known is None or known.mark != mark:
            self._line.leave(place, file_name, Waiting(mark, now.mono), now.mono + SETTLE)
            return None
        return known.since if now.mono - known.since >= SETTLE or seen.st_size > LARGEST else None

    # --- what is claimed ---

    def _read_held(self, place: Place, found: list[Found], room: int, now: Now) -> int:
        reads = 0
        while place.held and reads < room and not place.paused:
            reads += 1
            self._attempt(place, place.held.popleft(), found, now)
        return reads

    def _attempt(self, place: Place, held: Held, found: list[Found], now: Now) -> None:
        """Read a claimed file to a verdict, or put it back to wait for one."""
        held.first = now.mono if held.first is None else held.first
        data, problem = None, None
        try:
            if (held.kind, held.name) not in self._exposed:
                self._exposed[held.kind, held.name] = self._claims.exposed(held.kind, held.name)
            data = self._claims.read(held)
        except FileNotFoundError:
            self._complaints.once(f"claimed/{visible(held.where)} was taken away before it was read", now)
            return
        except Unreadable as error:
            if not error.final and now.mono - held.first < SETTLE:
                self._line.let_settle(place, held, held.first + SETTLE)
                return
            problem = str(error)
        except OSError as error:
            place.held.appendleft(held)
            self._wait_for_better(place, error, now)
            return
        self._pause = _FIRST_PAUSE
        exposed = self._exposed[held.kind, held.name]
        found.append(Found(self._claims.claim(held), held.kind, data, problem, held.size, held.digest, exposed))

    # --- what does not work ---

    def _cannot_open(self, place: Place, error: OSError, now: Now) -> None:
        if error.errno in WEATHER:
            self._wait_for_better(place, error, now)
            return
        self._stop_listing(place)
        place.forget_names()
        self._rounds.forget(place.name)
        if error.errno != errno.ENOENT:
            why = "is no directory" if error.errno in (errno.ENOTDIR, errno.ELOOP) else os.strerror(error.errno or 0)
            self._complaints.once(f"cannot look into {place.path}: {why}; nothing dropped there is taken", now)

    def _cannot_take(self, place: Place, at: int, name: tuple[str, bool], error: OSError, now: Now) -> None:
        """A look or a rename failed. Shortage passes by itself; anything else stays as it is until the file or its
        directory changes, so it is remembered and not tried again before (promises, section 6)."""
        if error.errno in WEATHER or self._claims.is_lost():
            place.named.appendleft(name)
            self._wait_for_better(place, error, now)
        elif error.errno != errno.ENOENT:
            self._rounds.forget(place.name)
            self._stuck.remember(name[0], at)
            why = "it is on another file system" if error.errno == errno.EXDEV else os.strerror(error.errno or 0)
            subject = f"{place.path}/{visible(name[0])}"
            self._complaints.once(f"cannot take {subject}: {why}; it was left where it is", now)

    def _wait_for_better(self, place: Place, error: OSError, now: Now) -> None:
        """Leave the place alone for a while, longer each time; a round makes directories again that were removed."""
        text = f"cannot take what is in {place.path}: {os.strerror(error.errno or 0)}; trying again by itself"
        self._complaints.each_minute(error.errno, text, now)
        self._rounds.wanted = self._rounds.wanted or error.errno == errno.ENOENT
        self._line.pause(place, now.mono + self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    # --- done with ---

    def drop(self, claim: Claim) -> None:
        """The content is recorded: the file may go. Raises OSError when it cannot; gone already is fine."""
        self._claims.drop(claim)

    def quarantine(self, claim: Claim, reason: str) -> None:
        """Move it to `corrupt/` with the reason beside it. Raises OSError when it cannot; gone already is fine."""
        self._claims.quarantine(claim, reason)

    def write_receipts(self, receipts: Sequence[WriteReceipt]) -> None:
        """Write or rewrite receipts, durably. Raises OSError."""
        self._claims.write_receipts(receipts)
