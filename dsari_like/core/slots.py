"""When each job is due next, and which slots passed unseen.

Owns the bound rules of every job and the instant each is due at. Must not know runs, or what is done about a slot.

The next slot is computed from the slot that was due, never from the moment it was noticed: dsari, which uses the
late moment, skips 1.5 % of due runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dsari_like.core.messages import Planned
from dsari_like.core.model import CatchUp, Job
from dsari_like.core.schedule import Rule, ScheduleFault, Slot, next_of
from dsari_like.core.timetable import Timetable

#: A slot noticed later than this was not merely late: the daemon was down, stopped or suspended, and the job's
#: `catch_up` says what becomes of it. As long as the rescan, the longest the loop sleeps.
MISSED_AFTER = 60.0

#: A "last slot" further ahead than this was written under a wrong clock; waiting for it would silence the job.
BELIEVABLE = 2 * 86400.0

#: Slots of one job handed out in one go; a job that is due every second and was down for a week has 604,800.
BATCH = 500


@dataclass(frozen=True, slots=True)
class DueSlot:
    """One slot that has come, and whether it came and went without us."""

    job_name: str
    slot: Slot
    missed: bool
    newest: bool  # no later slot of this job has come yet


class Slots:
    """The timetable of all scheduled jobs."""

    def __init__(self) -> None:
        self._plans: dict[str, Planned] = {}
        self._decided: dict[str, float] = {}  # newest slot handed out, for the jobs that had one
        self._table = Timetable()
        self.faults: list[str] = []  # sentences about jobs that were parked, to be taken by the engine

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

    def next_of(self, job_name: str) -> float | None:
        """The instant the job is due at next, UTC epoch seconds."""
        return self._table.get(job_name)

    def next_deadline(self) -> float | None:
        """The earliest slot of any job."""
        return self._table.next_deadline()

    def _first(self, name: str, planned: Planned, now: float) -> float | None:
        """The first slot of new rules. A job that is new to this daemon goes on from its last slot, so that those
        missed meanwhile come up; one whose rules changed goes on from now, but never back over a decided slot."""
        last = self._decided.get(name, planned.last_slot)
        after = now if last is None or last > now + BELIEVABLE else last
        if name in self._plans:
            after = max(after, now)
        slot = self._next(name, planned.rules, after)
        return slot.time if slot else None

    def _next(self, name: str, rules: tuple[Rule, ...], after: float) -> Slot | None:
        """The next slot; a job whose rule breaks its word (a slot that is not later) is parked, never looped over."""
        try:
            return next_of(rules, after)
        except ScheduleFault as fault:
            self.faults.append(f"job {name} is parked until the next reload, its schedule is at fault: {fault}")
            return None

    def _of(self, name: str, time: float, now: float) -> Iterator[DueSlot]:
        rules = self._plans[name].rules
        slot = self._next(name, rules, time - 0.001)  # that slot again; 100,000 kept ones are 10 MiB
        for _ in range(BATCH):
            if slot is None:
                return
            following = self._next(name, rules, slot.time)
            newest = following is None or following.time > now
            self._decided[name] = slot.time
            yield DueSlot(name, slot, now - slot.time > MISSED_AFTER, newest)
            slot = following
            if newest:
                break
        if slot is not None:
            self._table.set(name, slot.time)


def missed_because(job: Job, due: DueSlot, now: float) -> str | None:
    """Why a slot that came and went without us starts nothing, by the job's `catch_up`; None when it does start."""
    if not due.missed:
        return None
    late = now - due.slot.time
    if job.catch_up is CatchUp.SKIP:
        return "no daemon was watching when it came, and the job says catch_up: skip"
    if job.catch_up_limit is not None and late > job.catch_up_limit:
        return f"no daemon was watching when it came, and it is {late:.0f} s old, past the catch_up_limit"
    if job.catch_up is CatchUp.LAST and not due.newest:
        return "no daemon was watching when it came, and a later slot stands for it (catch_up: last)"
    return None


def late_note(due: DueSlot, now: float) -> str:
    """What the decision tells of a start that was not on time."""
    late = now - due.slot.time
    return "; ".join(part for part in (due.slot.note, f"{late:.1f} s late" if late > 1 else "") if part)
