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


def pids_by_run() -> dict[str, list[int]]:
    """For each run that has processes, their pids, the session leader (its keeper, or its command) first."""
    found: dict[str, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (run_id := run_id_of(int(name))) is not None:
            found.setdefault(run_id, []).append(int(name))
    return {run_id: sorted(pids, key=lambda pid: (not _leads(pid), pid)) for run_id, pids in found.items()}


def _leads(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except OSError:
        return False


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
