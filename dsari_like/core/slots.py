"""When each job is due next, and which slots have come.

Owns the bound rules of every job and the instant each is due at. Must not know runs, or what is done about a slot.

The next slot is computed from the slot that was due, never from the moment it was noticed: dsari, which uses the
late moment, skips 1.5 % of due runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from dsari_like.core.blackout import Windows
from dsari_like.core.messages import Planned
from dsari_like.core.record import record
from dsari_like.core.rezone import repeated
from dsari_like.core.schedule import Lost, Rule, ScheduleFault, Slot, next_of
from dsari_like.core.timetable import Timetable

#: A "last slot" further ahead than this was written under a wrong clock; waiting for it would silence the job.
BELIEVABLE = 2 * 86400.0

#: Slots of one job handed out in one go; a job that is due every second and was down for a week has 604,800.
BATCH = 500

#: Slots fall on whole seconds: less than one before a slot, that slot is the next one.
_JUST_BEFORE = 0.001


@record
class DueSlot:
    """One slot that has come; or, when it is `lost`, a jump of the clock over times that nothing makes up."""

    job_name: str
    slot: Slot
    newest: bool  # no later slot of this job has come yet, but for those that a blackout leaves out
    lost: bool = False
    made: tuple[str, ...] = ()  # the calendar times it stands for, when all of them had their run in another zone


class _Stop(NamedTuple):
    """The next instant at which there is something to decide about a job."""

    slot: Slot
    lost: bool


class Slots:
    """The timetable of all scheduled jobs."""

    def __init__(self) -> None:
        self._plans: dict[str, Planned] = {}
        self._decided: dict[str, float] = {}  # newest slot handed out, for the jobs that had one
        self._table = Timetable()
        self.faults: list[tuple[str, str]] = []  # jobs that were parked, and why, to be told by `due`

    def configure(self, plans: Mapping[str, Planned], now: float) -> dict[str, float]:
        """Take new rules. An unchanged job keeps its slot; a new one counts from the slot decided last, else from
        now. Returns the jobs seen for the first time ever, with the instant they count from."""
        first_seen: dict[str, float] = {}
        entries: list[tuple[str, float]] = []
        for name, planned in plans.items():
            kept = self._table.get(name) if name in self._plans and self._plans[name].rules == planned.rules else None
            if kept is None and planned.last_slot is None and name not in self._plans:
                first_seen[name] = now
            due = kept if kept is not None else self._first(name, planned, now)
            if due is not None:
                entries.append((name, due))
        self._plans = dict(plans)
        self._table = Timetable(entries)
        return first_seen

    def take_due(self, now: float) -> Iterator[DueSlot]:
        """Every slot that has come, oldest first for each job, at most BATCH of one job; the rest stays due."""
        for name, time in list(self._table.pop_due(now)):
            yield from self._of(name, time, now)

    def windows_of(self, job_name: str) -> Windows | None:
        """The blackouts of a job."""
        planned = self._plans.get(job_name)
        return None if planned is None else planned.windows

    def next_of(self, job_name: str) -> float | None:
        """The instant at which there is something to decide about the job next, UTC epoch seconds."""
        return self._table.get(job_name)

    def next_deadline(self) -> float | None:
        """The earliest such instant of any job."""
        return self._table.next_deadline()

    def _first(self, name: str, planned: Planned, now: float) -> float | None:
        """The first slot of new rules. A job that is new to this daemon goes on from its last slot, so that those
        missed meanwhile come up; one whose rules changed goes on from now, but never back over a decided slot."""
        last = self._decided.get(name, planned.last_slot)
        after = now if last is None or last > now + BELIEVABLE else last
        if name in self._plans:
            after = max(after, now)
        stop = self._next(name, planned.rules, after)
        return stop.slot.time if stop else None

    def _next(self, name: str, rules: tuple[Rule, ...], after: float) -> _Stop | None:
        """What comes next; a job whose rule breaks its word (a slot that is not later) is parked, never looped over."""
        try:
            slot = next_of(rules, after)
        except ScheduleFault as fault:
            self.faults.append((name, f"the job is parked until the next reload, its schedule is at fault: {fault}"))
            return None
        if slot is None:
            return None
        lost = [one for rule in rules for one in rule.lost_between(after, slot.time)]
        return _earliest(slot, lost) if lost else _Stop(slot, False)

    def _of(self, name: str, time: float, now: float) -> Iterator[DueSlot]:
        planned = self._plans[name]
        stop = self._next(name, planned.rules, time - _JUST_BEFORE)  # that slot again; 100,000 kept ones are 10 MiB
        for _ in range(BATCH):
            if stop is None or stop.slot.time > now:
                break
            time = self._decided[name] = stop.slot.time
            following = self._next(name, planned.rules, time)
            made = repeated(planned.rules, time, planned.made)
            yield DueSlot(name, stop.slot, not self._is_followed(planned, following, now), stop.lost, made)
            stop = following
        if stop is not None:
            self._table.set(name, stop.slot.time)

    def _is_followed(self, planned: Planned, following: _Stop | None, now: float) -> bool:
        """Whether a later slot has come that may stand for earlier ones: one in a blackout that skips its slots may
        not, nor one whose calendar time had its run in another zone."""
        windows = planned.windows
        slot = following.slot if following else None
        if following is not None and following.lost:
            slot = next_of(planned.rules, following.slot.time)
        while slot is not None and slot.time <= now:
            end = None if windows is None or windows.defer else windows.end_of_window(slot.time)
            if end is None and not repeated(planned.rules, slot.time, planned.made):
                return True
            slot = next_of(planned.rules, slot.time if end is None else end - _JUST_BEFORE)
        return False


def _earliest(slot: Slot, lost: Sequence[Lost]) -> _Stop:
    """The jump before the slot; or the slot, with what a jump at that very instant left out told along with it: there
    is one decision for one instant of a job."""
    time = min(one.time for one in lost)
    skipped = tuple(sorted({local for one in lost if one.time == time for local in one.skipped}))
    note = "; ".join(dict.fromkeys(one.note for one in lost if one.time == time))
    if time < slot.time:
        return _Stop(Slot(time, len(skipped), note, skipped), True)
    return _Stop(replace(slot, note="; ".join(filter(None, (slot.note, note)))), False)
