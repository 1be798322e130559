"""How things stand at one moment: is a daemon there, which runs are open, and what each waits for.

Owns the answers that several commands give, as data. Must not know how they are shown.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsari_like.cli.look import Look
from dsari_like.core.model import Configuration
from dsari_like.errors import StoreError
from dsari_like.report.blocked import blocked_sentence
from dsari_like.report.moments import moment
from dsari_like.report.waits import waiting_sentence
from dsari_like.store.called import Called
from dsari_like.store.reader import RunRow
from dsari_like.system.lock import is_locked, read_state


@dataclass(frozen=True, slots=True)
class Daemon:
    """Who holds the data directory. Nothing but `alive` is known of one that has just begun."""

    alive: bool
    pid: int | None = None
    started: str | None = None
    version: str | None = None
    last_turn: float | None = None
    config_dir: str | None = None


def daemon_of(configuration: Configuration) -> Daemon:
    """Asks the kernel's lock, which no crash can leave behind; what the daemon wrote of itself only adds to it."""
    data_dir = configuration.data_dir
    if os.path.isdir(data_dir) and not os.access(data_dir, os.R_OK):
        raise StoreError(f"cannot tell whether a daemon runs: {data_dir} may not be read")
    if not is_locked(data_dir):
        return Daemon(False)
    state: dict[str, Any] = read_state(data_dir) or {}
    known = {key: state.get(key) for key in ("pid", "started", "version", "last_turn", "config_dir")}
    return Daemon(True, **known)


def why_waiting(run: RunRow, running: Sequence[RunRow], look: Look) -> str:
    """What an open run waits for, as a sentence."""
    if run.status == "scheduled" and run.schedule_time > look.now:
        rest = look.rests.why(run.job_name, run.schedule_time, look.zone)
        return f"It is not due before {moment(run.schedule_time, look.zone)}{', and then ' + rest if rest else ''}."
    if run.status == "blocked":
        kept = Called(look.connection).latches(run.run_id).get("")
        return blocked_sentence(run, look.configuration, kept[0] if kept else {}, look.zone)
    rest = look.rests.why(run.job_name, look.now, look.zone)
    return waiting_sentence(run, running, look.configuration, rest)
