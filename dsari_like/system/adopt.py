"""Runs that an earlier daemon started: found again, watched to their end, or declared gone.

Owns the pidfds of adopted processes. A process is believed to be a run's only when the mark or the RUN_ID it bears
says so; one that is not believed is never signalled (P4). Must not know what follows from an end.

That a process cannot be asked, or watched, does not mean that it is gone: whoever is short of descriptors would call
living runs lost. Such a run is in doubt, counts as running, and is looked at again.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from dsari_like.core.model import ProcessIdentity, Run
from dsari_like.system import keeper, process
from dsari_like.system.wakeup import Wakeup

#: Seconds until a run in doubt is looked at again.
AGAIN = 0.5


class _Doubt(NamedTuple):
    run: Run
    kept: bool
    search: bool  # False: only what its keeper left is of interest


class _Adopted(NamedTuple):
    run: Run
    who: ProcessIdentity
    descriptor: int  # a pidfd
    leads: bool  # False for one that was taken because the first process of the run is gone
    kept: bool


class Adopter:
    """Watches processes that are not our children. `run_dir_of` says where a run keeps its files."""

    def __init__(self, wakeup: Wakeup, run_dir_of: Callable[[Run], str]) -> None:
        self._wakeup = wakeup
        self._run_dir_of = run_dir_of
        self._adopted: dict[str, _Adopted] = {}
        self._gone: list[str] = []
        self._doubts: list[_Doubt] = []
        self._again_at = 0.0
        self.late: list[Run] = []  # found alive only after they had been in doubt; for whoever takes them from here

    def adopt(
        self, runs: Iterable[Run], is_kept: Callable[[Run], bool] = lambda run: True, mono: float = 0.0
    ) -> list[tuple[Run, keeper.Kept | None]]:
        """Watch those that live. Returns those that do not, with what their keeper left (None: nobody knows).

        `is_kept` says whether a run was started with a keeper.
        """
        return self._look([_Doubt(run, is_kept(run), search=True) for run in runs], mono)

    def ended(self, mono: float = 0.0) -> list[tuple[Run, keeper.Kept | None]]:
        """Adopted runs that ended since the last call."""
        gone, self._gone = self._gone, []
        todo = []
        for run_id in gone:
            last = self._adopted.pop(run_id)
            self._wakeup.forget(last.descriptor)
            os.close(last.descriptor)
            todo.append(_Doubt(last.run, last.kept, search=not last.leads))
        if self._doubts and mono >= self._again_at:
            doubts, self._doubts = self._doubts, []
            todo += doubts
            ended = self._look(todo, mono)
            self.late += [one.run for one in doubts if one.run.run_id in self._adopted]
            return ended
        return self._look(todo, mono)

    def next_deadline(self) -> float | None:
        """When a run in doubt is to be looked at again, by the monotonic clock."""
        return self._again_at if self._doubts else None

    def signal(self, run_id: str, number: int) -> int | None:
        """Signal the process group of an adopted run, if it still is that run's. Returns the group; None when the run
        is none of ours, or its process is gone."""
        if run_id not in self._adopted:
            return None
        adopted = self._adopted[run_id]
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(adopted.descriptor, 0)  # it knows whether the pid is still the one we verified
            group = os.getpgid(adopted.who.pid)
            os.killpg(group, number)
            return group
        return None

    def let_go(self, run_id: str) -> bool:
        """The run has another process from now on; this one is nobody's. True when there was one."""
        adopted = self._adopted.pop(run_id, None)
        if adopted is not None:
            self._wakeup.forget(adopted.descriptor)
            os.close(adopted.descriptor)
        self._doubts = [one for one in self._doubts if one.run.run_id != run_id]
        self._gone = [gone for gone in self._gone if gone != run_id]
        return adopted is not None

    def owns(self, run_id: str) -> bool:
        """True while this run is watched here, or in doubt."""
        return run_id in self._adopted or any(one.run.run_id == run_id for one in self._doubts)

    def _look(self, todo: list[_Doubt], mono: float) -> list[tuple[Run, keeper.Kept | None]]:
        """Who of them has ended; the others are watched from now on, or in doubt."""
        searched = [one.run.run_id for one in todo if one.search]
        try:
            found = process.families(searched) if searched else {}
        except OSError:
            self._doubt(todo, mono)
            return []
        ended = []
        for one in todo:
            living = [member.identity for member in found.get(one.run.run_id, ())]
            try:
                gone = self._take(one.run, living, one.kept)
            except OSError:
                self._doubt([one], mono)
                continue
            if gone is not None:
                ended.append(gone)
        return ended

    def _doubt(self, doubts: list[_Doubt], mono: float) -> None:
        self._doubts += doubts
        self._again_at = mono + AGAIN

    def _take(self, run: Run, living: list[ProcessIdentity], kept: bool) -> tuple[Run, keeper.Kept | None] | None:
        """Watch a living process of the run; else the run and what its keeper left.

        The one that was recorded, or, when the daemon died before that, the oldest. A run that was recorded and whose
        first process is gone has ended when its keeper says so, and when it had none: what is alive then was left
        behind by the command, and must not keep the run open. A keeper that is gone without a word was killed, and
        its command may well be among the living.
        """
        living = sorted(living, key=lambda who: (who.start_ticks, who.pid))
        leads = run.process in living or run.process is None
        status = None if run.process in living else self._status(run)
        if status is None and (leads or kept):
            candidates = [run.process] if run.process in living else living
            if any(who is not None and self._watch(run, who, leads, kept) for who in candidates):
                return None
        return run, status or self._status(run)

    def _watch(self, run: Run, who: ProcessIdentity, leads: bool, kept: bool) -> bool:
        """False when it is gone; raises OSError when that cannot be told."""
        try:
            descriptor = os.pidfd_open(who.pid)
        except ProcessLookupError:
            return False
        try:
            if process.identify(who.pid) != who:
                os.close(descriptor)
                return False
        except OSError:
            os.close(descriptor)
            raise
        self._adopted[run.run_id] = _Adopted(run, who, descriptor, leads, kept)
        self._wakeup.watch(descriptor, partial(self._note, run.run_id))
        run.process = who
        return True

    def _note(self, run_id: str) -> None:
        if run_id not in self._gone:  # a pidfd stays readable until it is closed
            self._gone.append(run_id)

    def _status(self, run: Run) -> keeper.Kept | None:
        return keeper.read_status(self._run_dir_of(run), run.launch)
