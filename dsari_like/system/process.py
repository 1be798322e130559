"""What /proc says of processes: who a pid really is, and which pids belong to a run.

Owns the reading of /proc. A pid alone is reused; pid, start time and boot together are not (P4). Must not know runs
beyond their id in the environment.
"""

from __future__ import annotations

import functools
import os

from dsari_like.core.model import ProcessIdentity


@functools.cache
def boot_id() -> str:
    """Different after each boot; empty where the system does not say."""
    return _read("/proc/sys/kernel/random/boot_id").decode().strip()


def identify(pid: int) -> ProcessIdentity | None:
    """Who has this pid now; None when nobody has, or only its remains."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return ProcessIdentity(pid, int(fields[19]), boot_id())


def is_alive(identity: ProcessIdentity) -> bool:
    """True while that very process exists, dead ones that nobody reaped not counted."""
    return identity.boot_id == boot_id() and identify(identity.pid) == identity


def run_id_of(pid: int) -> str | None:
    """The RUN_ID in the environment a process was started with; None when there is none or it is not for us to see."""
    for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(b"RUN_ID="):
            return entry[7:].decode("utf-8", "replace")
    return None


def leaders_by_run() -> dict[str, int]:
    """For each run that has a process, the pid of its session leader: the keeper, or the command itself."""
    found: dict[str, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (run_id := run_id_of(int(name))) is not None:
            pid = int(name)
            if _session(pid) == pid:
                found[run_id] = pid
    return found


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
