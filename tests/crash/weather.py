"""Shortage is weather: calls of the running daemon fail for some seconds, then they work again.

What is asked for (P14): no loss, no second start, no exit, no spin, a line in the log and not a thousand, and recovery
by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.kit import House, Tracer, house
from tests.crash.verdict import faults

JOBS: Mapping[str, Mapping[str, Any]] = {"free": {"concurrent_runs": True}, "alone": {}}
RECOVERY = 30.0


@dataclass(frozen=True, slots=True)
class Weather:
    """Which calls fail, and with what."""

    name: str
    calls: str
    error: str


_SYNC, _MKDIR, _RENAME = "fsync,fdatasync", "?mkdir,?mkdirat", "?rename,?renameat,?renameat2"
SPELLS = (
    Weather("sync-eio", _SYNC, "EIO"),
    Weather("sync-enospc", _SYNC, "ENOSPC"),
    Weather("write-enospc", "pwrite64,ftruncate", "ENOSPC"),
    Weather("write-eio", "pwrite64", "EIO"),
    Weather("open-emfile", "openat", "EMFILE"),
    Weather("open-enomem", "openat", "ENOMEM"),
    Weather("mkdir-enospc", _MKDIR, "ENOSPC"),
    Weather("disk-full", f"{_SYNC},pwrite64,{_MKDIR},{_RENAME}", "ENOSPC"),
    Weather("spawn-eagain", "?vfork,?clone,?clone3", "EAGAIN"),
    Weather("pipe-emfile", "pipe2", "EMFILE"),
    Weather("rename-eio", _RENAME, "EIO"),
    Weather("unlink-erofs", "?unlink,?unlinkat", "EROFS"),
)


@dataclass(frozen=True, slots=True)
class Climate:
    """What a spell of weather did to a daemon."""

    injected: int
    lines: tuple[str, ...]  # warnings and errors
    cpu: float  # seconds of the daemon for each second of the weather
    recovery: float  # seconds until all was well again


def endure(root: Path, weather: Weather, seconds: float) -> Climate:
    """Files arrive while it lasts, and the runs of before end. Raises AssertionError when a promise was broken."""
    with house(root / weather.name, JOBS) as place:
        place.start()
        place.give("free", environment={"NAP": "1"})
        place.until("a run", lambda: place.runs(status="running"))
        logged, spent = len(place.log_text()), _cpu(place)
        with Tracer(place, f"{weather.calls}:error={weather.error}") as tracer:
            end = time.monotonic() + seconds
            for job, good in (("free", True), ("alone", True), ("free", False), ("alone", True), ("free", True)):
                place.give(job, good)
                time.sleep(seconds / 10)
            time.sleep(max(0.0, end - time.monotonic()))
            spent = _cpu(place) - spent
            assert place.lives, place.log_text()
        cleared = time.monotonic()
        place.settle(faults, RECOVERY)
        lines = [line for line in place.log_text()[logged:].splitlines() if " error: " in line or " warning: " in line]
        return Climate(tracer.injected(), tuple(lines), spent / seconds, time.monotonic() - cleared)


def _cpu(place: House) -> float:
    assert place.daemon is not None
    fields = Path(f"/proc/{place.daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
