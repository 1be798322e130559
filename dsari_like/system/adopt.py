"""Runs that an earlier daemon started: found again, watched to their end, or declared gone.

Owns the pidfds of adopted processes. A process is believed to be a run's only when the RUN_ID in its own environment
says so; one that is not believed is never signalled (P4). Must not know what follows from an end.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from functools import partial

from dsari_like.core.model import Run
from dsari_like.system import keeper, process
from dsari_like.system.wakeup import Wakeup


class Adopter:
    """Watches processes that are not our children. `run_dir_of` says where a run keeps its files."""

    def __init__(self, wakeup: Wakeup, run_dir_of: Callable[[Run], str]) -> None:
        self._wakeup = wakeup
        self._run_dir_of = run_dir_of
        self._adopted: dict[str, tuple[int, int, Run]] = {}  # run id -> pid, pidfd, run
        self._gone: list[str] = []

    def adopt(self, runs: Iterable[Run]) -> list[tuple[Run, keeper.Kept | None]]:
        """Watch those that live. Returns those that do not, with what their keeper left (None: nobody knows)."""
        runs = list(runs)
        pids = process.pids_by_run() if runs else {}
        return [(run, self._status(run)) for run in runs if not self._watch(run, pids.get(run.run_id, []))]

    def ended(self) -> list[tuple[Run, keeper.Kept | None]]:
        """Adopted runs that ended since the last call."""
        gone, self._gone = self._gone, []
        found = []
        for run_id in gone:
            _, descriptor, run = self._adopted.pop(run_id)
            self._wakeup.forget(descriptor)
            os.close(descriptor)
            found.append((run, self._status(run)))
        return found

    def signal(self, run_id: str, number: int) -> bool:
        """Signal the process group of an adopted run, if it still is that run's. False when it is none of ours."""
        if run_id not in self._adopted:
            return False
        pid, descriptor, _ = self._adopted[run_id]
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, 0)  # the pidfd knows whether the pid is still the one we verified
            if process.run_id_of(pid) == run_id:
                os.killpg(os.getpgid(pid), number)
        return True

    def _watch(self, run: Run, pids: list[int]) -> bool:
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:
                continue
            if process.run_id_of(pid) == run.run_id and process.identify(pid) is not None:
                self._adopted[run.run_id] = (pid, descriptor, run)
                self._wakeup.watch(descriptor, partial(self._note, run.run_id))
                run.process = process.identify(pid)
                return True
            os.close(descriptor)
        return False

    def _note(self, run_id: str) -> None:
        if run_id not in self._gone:  # a pidfd stays readable until it is closed
            self._gone.append(run_id)

    def _status(self, run: Run) -> keeper.Kept | None:
        return keeper.read_status(self._run_dir_of(run))
