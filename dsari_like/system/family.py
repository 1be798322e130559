"""The families of runs that were told to end: everybody a run has started, wherever they went, is told and awaited.

Owns what is left to do about each such run. A run that ends by itself has no family here: what its command leaves
behind on purpose goes on, as under cron. Must not know states, limits or graces.

Law "nothing polls": /proc is looked at when a run is told something, when its command has ended, and when one of
those who are left has; only between a KILL and the last one's end by the clock, for five seconds at the most.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from functools import partial

from dsari_like.system import process
from dsari_like.system.logs import LOG
from dsari_like.system.wakeup import Wakeup

#: Seconds from a KILL until those who are still there are given up: no signal reaches a process that hangs in the
#: kernel, or one that has become another user's.
PATIENCE = 5.0

#: Looks in a row while a KILL finds somebody: who forks faster than /proc is read is met by the next one.
_ROUNDS = 3

_FIRST_LOOK, _LAST_LOOK = 0.01, 0.2
_NEVER = float("inf")
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Descendants whose parents die become children of this process, which reaps them, and not of process 1, which
    in a container may reap nobody. Where the system does not know of it nothing is lost but that."""
    import ctypes  # here, for the start alone needs it

    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return


@dataclass(slots=True)
class _Family:
    number: int = 0  # the signal that is still to be sent; KILL is sent at every look
    told_group: int | None = None  # the process group that got it already: a second TERM means "at once" to many
    command_gone: bool = False
    killed_at: float | None = None
    look_at: float = 0.0  # monotonic clock
    delay: float = _FIRST_LOOK
    watched: int | None = field(default=None)  # a pidfd of one who is left


class Families:
    """Runs that were told to end, and who of them is left."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._families: dict[str, _Family] = {}

    def tell(self, run_id: str, number: int, told_group: int | None) -> None:
        """Send a signal to the whole family at the next look; but a first one not to this group, which has it."""
        family = self._families.setdefault(run_id, _Family())
        family.number, family.told_group, family.look_at = number, told_group, 0.0

    def follow(self, run_id: str) -> None:
        """The family was told by an earlier daemon: it is awaited all the same."""
        self._families[run_id] = _Family(look_at=_NEVER)

    def command_ended(self, run_id: str) -> None:
        """The command of a run that was told to end has ended: `look` will tell when the others have."""
        family = self._families.setdefault(run_id, _Family())
        family.command_gone, family.look_at = True, 0.0

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._families

    def next_deadline(self) -> float | None:
        """When `look` has something to do, by the monotonic clock; None for never."""
        earliest = min((family.look_at for family in self._families.values()), default=_NEVER)
        return None if earliest == _NEVER else earliest

    def look(self, mono: float) -> list[str]:
        """Signal who is to be signalled. Returns the runs of whom nobody is left, or whose rest is given up."""
        due = [run_id for run_id, family in self._families.items() if family.look_at <= mono]
        if not due:
            return []
        try:
            found = self._send(due)
        except OSError:  # short of descriptors: nobody knows who is left, so nobody counts as gone
            for run_id in due:
                self._families[run_id].look_at = mono + _LAST_LOOK
            return []
        return [run_id for run_id in due if self._is_over(run_id, found[run_id], mono)]

    def _send(self, due: list[str]) -> dict[str, list[process.Member]]:
        """Send what is to be sent, and a KILL again to those who were born meanwhile. Returns who was seen last."""
        for _ in range(_ROUNDS):
            found = process.families(due)
            for run_id in due:
                _tell(self._families[run_id], found[run_id])
            if not any(found[run_id] for run_id in due if self._families[run_id].number == signal.SIGKILL):
                break
        return found

    def _is_over(self, run_id: str, members: list[process.Member], mono: float) -> bool:
        family = self._families[run_id]
        if family.number == signal.SIGKILL and family.killed_at is None:
            family.killed_at = mono
        given_up = bool(members) and family.killed_at is not None and mono - family.killed_at > PATIENCE
        if given_up:
            pids = ", ".join(str(member.identity.pid) for member in members)
            LOG.warning("run %s: processes outlive their KILL (pid %s); it counts as ended without them", run_id, pids)
        if family.command_gone and (given_up or not members):
            self._forget(run_id)
            return True
        self._plan(run_id, family, members if not given_up else [], mono)
        return False

    def _plan(self, run_id: str, family: _Family, members: list[process.Member], mono: float) -> None:
        """When to look again: soon after a KILL; else when one of those who are left has ended."""
        family.look_at = _NEVER
        if members and family.killed_at is not None:
            family.look_at = mono + family.delay
            family.delay = min(family.delay * 2, _LAST_LOOK)
        elif members and family.command_gone and family.watched is None and not self._watch(run_id, family, members[0]):
            family.look_at = mono + _LAST_LOOK

    def _watch(self, run_id: str, family: _Family, member: process.Member) -> bool:
        # One is enough: as long as it is there the family is. A descriptor for each could be thousands.
        try:
            family.watched = os.pidfd_open(member.identity.pid)
            self._wakeup.watch(family.watched, partial(self._one_ended, run_id))
            if process.identify(member.identity.pid) == member.identity:
                return True
        except OSError:
            pass
        self._unwatch(family)
        return False

    def _one_ended(self, run_id: str) -> None:
        family = self._families[run_id]
        self._unwatch(family)
        family.look_at = 0.0

    def _unwatch(self, family: _Family) -> None:
        if family.watched is not None:
            self._wakeup.forget(family.watched)
            os.close(family.watched)
            family.watched = None

    def _forget(self, run_id: str) -> None:
        self._unwatch(self._families.pop(run_id))


def _tell(family: _Family, members: list[process.Member]) -> None:
    for member in members if family.number else ():
        if family.number == signal.SIGKILL or member.group != family.told_group:
            process.send(member.identity, family.number)
    if family.number != signal.SIGKILL:
        family.number = 0  # once only: who came after it, to tidy up, is not to be disturbed
