"""What /proc says of processes: who a pid really is, and which processes belong to a run.

Owns the reading of /proc, and the mark a run's processes bear. A pid alone is reused; pid, start time and boot
together are not (P4). Must not know runs beyond their id.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import resource
import signal
import zlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from dsari_like.core.model import ProcessIdentity

#: RLIMIT_LOCKS of <asm-generic/resource.h>: Linux has kept it for every process, and not looked at it, since 2.4.25.
_UNUSED_LIMIT = 10

#: What says nothing about the process, or the file, that was asked for: whoever meets it asks again.
SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class Member(NamedTuple):
    """A process of a run, and the process group it is in."""

    identity: ProcessIdentity
    group: int


class _Stat(NamedTuple):
    parent: int
    group: int
    start_ticks: int


@functools.cache
def boot_id() -> str:
    """Different after each boot; empty where the system does not say."""
    return _read("/proc/sys/kernel/random/boot_id").decode().strip()


def identify(pid: int) -> ProcessIdentity | None:
    """Who has this pid now; None when nobody has, or only its remains. Raises OSError when the machine is short of what
    it takes to ask."""
    found = _stat(pid)
    return ProcessIdentity(pid, found.start_ticks, boot_id()) if found else None


def is_alive(identity: ProcessIdentity) -> bool:
    """True while that very process exists, dead ones that nobody reaped not counted."""
    return identity.boot_id == boot_id() and identify(identity.pid) == identity


def run_id_of(pid: int) -> str | None:
    """The RUN_ID in the environment a process was started with; None when there is none or it is not for us to see.
    The call of a callback has that of its owner's run, but is no part of it: it goes by its own id."""
    found = None
    for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(b"CALLBACK_ID="):
            return entry[12:].decode("utf-8", "replace")
        if entry.startswith(b"RUN_ID=") and found is None:
            found = entry[7:].decode("utf-8", "replace")
    return found


@contextlib.contextmanager
def marked(run_id: str) -> Iterator[None]:
    """Whoever is started meanwhile, and all it will ever fork, bears the mark of this run.

    A program can throw its environment away, start a session and let its parent die, and many do to become daemons;
    limits go along with it all the same. One that no kernel obeys takes a number without harm. It is put on ourselves
    for as long as the start takes, because children inherit it: put on the child afterwards it can come too late for
    grandchildren. A control group would do the same, but is rarely ours to make. Where the mark is refused the
    environment has to do.
    """
    own, hard = resource.getrlimit(_UNUSED_LIMIT)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(_UNUSED_LIMIT, (_mark_of(run_id), hard))
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(_UNUSED_LIMIT, (own, hard))


def families(run_ids: Collection[str]) -> dict[str, list[Member]]:
    """The living processes of each of these runs: those that bear its mark or its RUN_ID, and all their descendants.

    One look at /proc for all of them: about 25 µs for each process of the machine. Never this process itself, though
    a job may have started it and given it its RUN_ID. Raises OSError when the machine is short of what it takes.
    """
    marks = {_mark_of(run_id): run_id for run_id in run_ids}
    alive = {pid: found for pid in _pids() if (found := _stat(pid)) is not None}
    owners: dict[int, str | None] = {pid: _owner(pid, marks) for pid in alive}
    owners[os.getpid()] = None
    members: dict[str, list[Member]] = {run_id: [] for run_id in run_ids}
    for pid, found in alive.items():
        owner = _inherited(pid, owners, alive)
        if owner in members and pid != os.getpid():
            members[owner].append(Member(ProcessIdentity(pid, found.start_ticks, boot_id()), found.group))
    return members


def send(who: ProcessIdentity, number: int) -> bool:
    """Signal exactly this process, through a descriptor that cannot come to mean another one. False when it is gone
    or not ours to signal; raises OSError when the machine is short of what it takes."""
    try:
        descriptor = os.pidfd_open(who.pid)
        try:
            if identify(who.pid) != who:
                return False
            signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in SHORTAGE:
            raise
        return False
    return True


def _mark_of(run_id: str) -> int:
    """Two check sums side by side, 56 bits. Ids are chance already; a digest would take 3 ms to load at each start."""
    text = run_id.encode("utf-8", "replace")
    return (zlib.crc32(text) << 24 ^ zlib.adler32(text)) | 1


def _owner(pid: int, marks: dict[int, str]) -> str | None:
    """Which of these runs a process says it belongs to. The mark first: it is one system call, the environment four.
    Another RUN_ID says nothing: a script may set the variable, or run a daemon of its own."""
    try:
        marked = marks.get(resource.prlimit(pid, _UNUSED_LIMIT)[0])
    except (OSError, ValueError):  # another user's, which even root may not be allowed to ask in a container
        marked = marks.get(_limit_as_text(pid))
    if marked is not None:
        return marked
    said = run_id_of(pid)
    return said if said in marks.values() else None


def _limit_as_text(pid: int) -> int:
    found = re.search(rb"^Max file locks +(\d+)", _read(f"/proc/{pid}/limits"), re.MULTILINE)
    return int(found[1]) if found else 0


def _inherited(pid: int, owners: dict[int, str | None], alive: dict[int, _Stat]) -> str | None:
    """The run of a process or of its nearest ancestor that has one."""
    line = []
    while pid in alive and owners[pid] is None and pid != os.getpid():
        line.append(pid)
        pid = alive[pid].parent
    owner = owners.get(pid)
    if owner is not None:
        owners.update(dict.fromkeys(line, owner))
    return owner


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _stat(pid: int) -> _Stat | None:
    """None for a pid nobody has, or only its remains. The name in brackets may hold anything, so it is skipped."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return _Stat(int(fields[1]), int(fields[2]), int(fields[19]))


def _read(path: str) -> bytes:
    """Empty when there is no such process, or it is not for us to see."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _all_of(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in SHORTAGE:
            raise
        return b""


def _all_of(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 65536):
        parts.append(part)
    return b"".join(parts)
