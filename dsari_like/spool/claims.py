"""Files that are ours: taken out of a drop place, read once, and dropped or put aside when they are done with.

Owns `claimed/`, `corrupt/` and `receipts/`, and the life of a claim: a state is a directory, a step is a rename. A
claim is read from a descriptor that was checked, once and in whole, so nothing that happens to the name or is written
later can change what was checked. Must not know which jobs exist or what the keys mean.

The token. Its first two parts are the inode and the change time the file had *before* the claim. No user can set a
change time; and after a power cut that undid the rename, the same file comes back with the same two, so the run log's
unique token knows it again. Two files can share them only where an inode is used again within one tick of the clock
(4 ms): so a check sum of the name stands beside them, a number of our own where this process saw the same token a
moment ago, and the generation of the inode where the file system has one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dsari_like.core.messages import Now, WriteReceipt
from dsari_like.core.model import Claim
from dsari_like.core.names import is_job_name, is_trigger_id
from dsari_like.spool.digest import digest_of
from dsari_like.spool.files import (
    WEATHER,
    directory,
    ensure_directory,
    is_yaml,
    kind_of,
    open_directory,
    open_file,
    read_at_most,
    safe_name,
    visible,
    write_whole,
)
from dsari_like.spool.parse import LARGEST, Unreadable, parse

#: Operators open these wider where others are to drop files or read receipts; nobody is let in by default.
DIRECTORIES = {"trigger": 0o750, "control": 0o700, "claimed": 0o700, "corrupt": 0o700, "receipts": 0o750}
MOST_ATTEMPTS = 3
_NAME = re.compile(r"([0-9a-f]+(?:-[0-9a-f]+){2,3})\.([0-9]{1,4})\.([tc])\.([^,/]*),(.+)", re.DOTALL)
_ROOM = 120  # for the producer's name within ours: token, attempt and job take the rest of 255
_RECENT = 5.0
_GENERATION = 0x80087601  # FS_IOC_GETVERSION


@dataclass(slots=True)
class Held:
    """A file in `claimed/` that has not been read to a verdict yet."""

    token: str
    kind: str  # "trigger" or "control"
    name: str  # of the job; "" for a request
    file_name: str
    where: str  # its name below claimed/
    attempt: int
    received: float
    mode: int
    uid: int
    first: float | None = None  # when it was first seen, by the monotonic clock
    size: int = 0
    digest: str = ""  # of the bytes that were read


class Claims:
    """See the module. `root` is a descriptor of the data directory, which is the only path that may hold a link."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        self.root = open_directory(data_dir, follow=True)
        self._claimed = -1
        self._recent: deque[tuple[float, str]] = deque()
        self._known: set[str] = set()

    def prepare(self) -> None:
        """Make what is missing and open `claimed/` anew; raises OSError."""
        for name, mode in DIRECTORIES.items():
            ensure_directory(name, self.root, mode)
        opened = open_directory("claimed", self.root)
        self._close_claimed()
        self._claimed = opened

    def close(self) -> None:
        """Give the descriptors back."""
        self._close_claimed()
        os.close(self.root)

    def _close_claimed(self) -> None:
        if self._claimed >= 0:
            os.close(self._claimed)
            self._claimed = -1

    def is_lost(self) -> bool:
        """True when somebody removed `claimed/` under us: renames into it fail as if the file were gone."""
        return os.fstat(self._claimed).st_nlink == 0

    # --- taking ---

    def take(self, kind: str, name: str, file_name: str, found: os.stat_result, at: int, now: Now) -> Held:
        """Rename a file out of its drop place; raises OSError and has done nothing then."""
        token = self._token(kind, name, file_name, found, now.mono)
        where = f"{token}.1.{kind[0]}.{name},{safe_name(file_name, _ROOM)}"
        os.rename(file_name, where, src_dir_fd=at, dst_dir_fd=self._claimed)
        self._remember(token, now.mono)
        return Held(token, kind, name, file_name, where, 1, now.wall, found.st_mode, found.st_uid)

    def _token(self, kind: str, name: str, file_name: str, found: os.stat_result, mono: float) -> str:
        while self._recent and mono - self._recent[0][0] > _RECENT:
            self._known.discard(self._recent.popleft()[1])
        sum_of_name = zlib.crc32(os.fsencode(f"{kind}/{name}/{file_name}"))
        token = f"{found.st_ino:x}-{found.st_ctime_ns:x}-{sum_of_name:08x}"
        if token not in self._known:
            return token
        return next(t for n in range(1, len(self._known) + 2) if (t := f"{token}-{n:x}") not in self._known)

    def _remember(self, token: str, mono: float) -> None:
        self._known.add(token)
        self._recent.append((mono, token))

    def recover(self, now: Now) -> Iterator[Held | str]:
        """What an earlier daemon left in `claimed/`, in the order it was taken; a text is the name of a stranger."""
        left = []
        with os.scandir(self._claimed) as entries:
            for entry in entries:
                match = _NAME.fullmatch(entry.name)
                found = os.stat(entry.name, dir_fd=self._claimed, follow_symlinks=False)
                if match is None or not (is_job_name(match[4]) or match[3] == "c"):
                    yield entry.name
                else:
                    left.append((found.st_ctime_ns, found.st_mtime_ns, entry.name, match.groups(), found))
        for _, _, where, parts, found in sorted(left, key=lambda item: item[:3]):
            yield self._again(where, parts, found, now)

    def _again(self, where: str, parts: tuple[str, ...], found: os.stat_result, now: Now) -> Held:
        """One more attempt, counted in the name: what kills the daemon must not be able to do so for ever."""
        token, attempt, kind, name, file_name = parts
        renamed = f"{token}.{int(attempt) + 1}.{kind}.{name},{file_name}"
        try:
            os.rename(where, renamed, src_dir_fd=self._claimed, dst_dir_fd=self._claimed)
        except OSError:  # a full disk is no reason not to start; the attempt is counted next time
            renamed = where
        self._remember(token, now.mono)
        kind = "trigger" if kind == "t" else "control"
        received = min(now.wall, found.st_ctime)
        return Held(token, kind, name, file_name, renamed, int(attempt) + 1, received, found.st_mode, found.st_uid)

    # --- reading ---

    def read(self, held: Held) -> dict[str, Any]:
        """What the file holds. Raises Unreadable, FileNotFoundError when somebody took it away, or OSError when the
        machine is short of something."""
        if not stat.S_ISREG(held.mode):
            raise _not_regular(held.mode)
        descriptor = self._open(held)
        try:
            raw = self._content(held, descriptor)
            held.size, held.digest = len(raw), digest_of(raw)
            return parse(raw, is_yaml(held.file_name))
        finally:
            os.close(descriptor)

    def _open(self, held: Held) -> int:
        try:
            return open_file(held.where, self._claimed)
        except BlockingIOError:
            raise Unreadable("is held by a lease of another process") from None
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in WEATHER:
                raise
            raise Unreadable(f"cannot be opened: {os.strerror(error.errno or 0)}", final=True) from None

    def _content(self, held: Held, descriptor: int) -> bytes:
        """The bytes, after the checks that only mean something on an open descriptor. The token is whole before
        anything is said against the file: the run log may know it as one that had its run already."""
        found = os.fstat(descriptor)
        held.uid, held.size, held.mode = found.st_uid, found.st_size, found.st_mode
        if not stat.S_ISREG(found.st_mode):
            raise _not_regular(found.st_mode)
        held.token = _with_generation(held, descriptor)
        if held.attempt > MOST_ATTEMPTS:
            tried = f"was given up after {MOST_ATTEMPTS} attempts: each time the daemon ended while it worked on it"
            raise Unreadable(tried, final=True)
        if found.st_nlink > 1 and not self._may_be_linked(held):
            raise Unreadable("has a second name (a hard link) in a place that others may write to; drop a copy")
        raw = read_at_most(descriptor, found.st_size) if found.st_size <= LARGEST else b""
        if max(len(raw), found.st_size) > LARGEST:
            raise Unreadable(f"is larger than {LARGEST} bytes", final=True)
        return raw

    def _may_be_linked(self, held: Held) -> bool:
        """A link to somebody else's file would have us read it out for whoever made the link. Where nobody but one
        user can have put it there, and the file is that user's, it tells nobody anything new. A second name that is
        on its way out (link, then unlink) is given the settle time to go."""
        try:
            place = self._places(held.kind, held.name)[-1][1]
        except OSError:
            return False
        return place.st_uid == held.uid and not place.st_mode & 0o022

    def exposed(self, kind: str, name: str) -> str:
        """The drop place that everybody may write to, or the directory of all of them, as a phrase; empty when it is
        neither. Sticky or not: in both everybody may drop. Raises OSError for want of what it takes to look."""
        try:
            places = self._places(kind, name)
        except OSError as error:
            if error.errno in WEATHER:
                raise
            return ""  # it has gone since
        found = ((path, place.st_mode) for path, place in places if place.st_mode & stat.S_IWOTH)
        return next((f"{path} (mode {stat.S_IMODE(mode):04o})" for path, mode in found), "")

    def _places(self, kind: str, name: str) -> list[tuple[str, os.stat_result]]:
        """The directories of our own on the way to a drop place, that itself last."""
        if kind == "control":
            return [("control", os.stat("control", dir_fd=self.root, follow_symlinks=False))]
        with directory("trigger", self.root) as trigger:
            place = os.stat(name, dir_fd=trigger, follow_symlinks=False)
            return [("trigger", os.fstat(trigger)), (f"trigger/{name}", place)]

    def claim(self, held: Held) -> Claim:
        """The same file as the rest of the program knows it: by then its name is text that can be printed and kept."""
        path = f"{self.data_dir}/claimed/{held.where}"
        return Claim(held.token, held.name, safe_name(held.file_name), path, held.attempt, held.received, held.uid)

    # --- done with ---

    def drop(self, claim: Claim) -> None:
        """Remove a claim whose content is recorded; one that is gone already is fine."""
        try:
            os.unlink(os.path.basename(claim.path), dir_fd=self._claimed)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            if not self._is_directory(claim):
                raise
            self.quarantine(claim, "is a directory, where a regular file is expected")

    def _is_directory(self, claim: Claim) -> bool:
        found = os.stat(os.path.basename(claim.path), dir_fd=self._claimed, follow_symlinks=False)
        return stat.S_ISDIR(found.st_mode)

    def quarantine(self, claim: Claim, reason: str) -> None:
        """Move a claim to `corrupt/`; the reason is there first, so that no crash leaves one without the other."""
        source = os.path.basename(claim.path)
        with contextlib.suppress(FileNotFoundError):
            os.stat(source, dir_fd=self._claimed, follow_symlinks=False)
            with (
                directory("corrupt", self.root, DIRECTORIES["corrupt"]) as corrupt,
                directory(claim.name or "control", corrupt, DIRECTORIES["corrupt"]) as place,
            ):
                target = _free_name(claim, place)
                write_whole(f"{target}.reason", f"{visible(reason)}\n".encode(), place)
                os.rename(source, target, src_dir_fd=self._claimed, dst_dir_fd=place)

    def write_receipts(self, receipts: Sequence[WriteReceipt]) -> None:
        """Tell producers how far they have come. A receipt is an acknowledgement: each is synced before it can be
        seen, and the directory once for all of them. Who may enter the directory may read them."""
        if not receipts:
            return
        with directory("receipts", self.root, DIRECTORIES["receipts"]) as place:
            for receipt in receipts:
                if not is_trigger_id(receipt.id):
                    raise ValueError(f"no name for a receipt: {receipt.id!r}")
                write_whole(f"{receipt.id}.json", _receipt(receipt), place, mode=0o644, sync=True)
            os.fsync(place)


def _not_regular(mode: int) -> Unreadable:
    return Unreadable(f"is {kind_of(mode)}, where a regular file is expected; it was not opened", final=True)


def _with_generation(held: Held, descriptor: int) -> str:
    """The token with the number that ext4 and XFS give an inode each time it is used anew."""
    try:
        number = fcntl.ioctl(descriptor, _GENERATION, bytes(8))
    except OSError:  # tmpfs, for one, has none, and does not use its inode numbers again
        return held.token
    return f"{held.token.partition('+')[0]}+{int.from_bytes(number[:4], 'little'):x}"


def _free_name(claim: Claim, at: int) -> str:
    """The producer's name, or with the token in it when that is taken: never the name of another file."""
    plain = safe_name(claim.file_name, 240)
    try:
        os.stat(plain, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return plain
    stem, ending = os.path.splitext(safe_name(claim.file_name, 160))
    return f"{stem}.{claim.token}{ending}"


def _receipt(receipt: WriteReceipt) -> bytes:
    keys = ("id", "state", "job_name", "run_id", "flow_id", "exit_code", "reason", "time")
    return (json.dumps({key: getattr(receipt, key) for key in keys}) + "\n").encode()
