"""What becomes of a slot that has come: the order in which the rules about it are asked.

Owns that order: lost to the clock, inside a blackout, missed, pending already, started. Each slot ends in exactly one
decision. Must not know when a slot comes (`slots`), nor how a run goes on once it is due (`lives`).

Blackouts are for slots only: what was dropped, or asked for by hand, is somebody's will at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dsari_like.core import messages as m
from dsari_like.core.blackout import Windows
from dsari_like.core.choices import CatchUp, Outcome
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Decision, Job, Run, SkipNext, Trigger
from dsari_like.core.schedule import Slot
from dsari_like.core.slots import DueSlot, Slots

SCHEDULE = Trigger(type="schedule")

#: A slot noticed later than this was not merely late: the daemon was down, stopped or suspended, and the job's
#: `catch_up` says what becomes of it. As long as the rescan, the longest the loop sleeps.
MISSED_AFTER = 60.0

_NOBODY = (0.0, "")


class Dues:
    """The slots of all jobs, and the runs that wait for the end of a blackout."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self._slots = Slots()
        self._deferred: dict[str, tuple[float, str]] = {}  # job -> end of a blackout, and the run that stands for it

    def configure(self, plans: Mapping[str, m.Planned]) -> None:
        """Take new schedules and blackouts. Runs that wait for the end of one are told apart by `resume`."""
        first_seen = self._slots.configure(plans, self._now)
        if first_seen:
            self._out.append(m.RememberSlots(first_seen))
        self._tell_faults()

    def next_deadline(self) -> float | None:
        """The earliest slot of any job, by the wall clock."""
        return self._slots.next_deadline()

    def next_slot(self, job_name: str) -> float | None:
        """When there is something to decide about the job next."""
        return self._slots.next_of(job_name)

    def take(self) -> None:
        """Decide every slot that has come."""
        decided: dict[str, float] = {}
        for due in self._slots.take_due(self._now):
            decided[due.job_name] = due.slot.time
            self._decide(due, self._lives.job(due.job_name))
        if decided:
            self._out.append(m.RememberSlots(decided))
        self._tell_faults()

    def fire_reboot(self, plans: Mapping[str, m.Planned]) -> None:
        """The daemon has started: a slot of its own for each job that says `@reboot`."""
        slot = Slot(self._now, note="the daemon has started")
        for name, planned in plans.items():
            if any(rule.is_reboot for rule in planned.rules):
                self._decide(DueSlot(name, slot, newest=True), self._lives.job(name))

    # --- one slot -------------------------------------------------------------------------------------------------

    def _decide(self, due: DueSlot, job: Job) -> None:
        windows, time, now = self._slots.windows_of(job.name), due.slot.time, self._now
        if due.lost or due.made:
            self._record(due, Outcome.SKIPPED, None, _lost_because(job, due) if due.lost else _made_because(due))
            return
        rest = self._rest(job, time)
        if rest is not None:
            self._record(due, Outcome.SKIPPED, None, rest)
            return
        end = windows.end_of_window(time) if windows is not None else None
        if windows is not None and end is not None and not windows.defer:
            self._record(due, Outcome.SKIPPED, None, f"it falls into {windows.tell(time)}")
            return
        if end is not None and self._deferred.get(job.name, _NOBODY)[0] == end <= now:
            stands = self._deferred[job.name][1]
            self._record(due, Outcome.FOLDED, stands, f"run {stands} stands for all slots of one blackout")
            return
        start = time if end is None else end
        missed = missed_because(job, now - start, due.newest)
        if missed is not None:
            self._record(due, Outcome.MISSED, None, missed)
        elif windows is None or not self._held_back(due, job, windows, start):
            self._start(due, job, start)

    def _rest(self, job: Job, time: float) -> str | None:
        """What was asked for by hand: a pause, or to leave this slot out. A wish is fulfilled by the first slot that a
        pause does not leave out anyway."""
        pause = self._lives.pauses.of(job.name, time)
        if pause is not None:
            who = "the job is" if pause.job_name else "all jobs are"
            return f"{who} paused{': ' + pause.reason if pause.reason else ''}"
        skip = self._lives.pauses.take_skip(job.name)
        if skip is None:
            return None
        self._out.append(m.DropRest(SkipNext, job.name))
        return f"it was to be left out, as asked{': ' + skip.reason if skip.reason else ''}"

    def _held_back(self, due: DueSlot, job: Job, windows: Windows, start: float) -> bool:
        """A blackout that is not over yet keeps the slot, or the making up of one that was missed, from starting."""
        late = self._now - start > MISSED_AFTER
        end = windows.end_of_window(self._now) if late else start
        if end is None or end <= self._now:
            return False
        if windows.defer:
            self._defer(due, job, end, windows.tell(self._now if late else due.slot.time))
        else:
            reason = f"it was missed, and making it up now would fall into {windows.tell(self._now)}"
            self._record(due, Outcome.SKIPPED, None, reason)
        return True

    def _defer(self, due: DueSlot, job: Job, end: float, blackout: str) -> None:
        """One run stands for all slots of a blackout. It is made at once, in the state `scheduled`: so it can be seen,
        cancelled, and found again by the next daemon."""
        waiting = self._waiting(job)
        if waiting is not None:
            reason = f"it falls into {blackout}, and run {waiting.run_id} of this job waits for that already"
            self._record(due, Outcome.FOLDED, waiting.run_id, reason)
            return
        run = self._lives.new_run(job, SCHEDULE, RunState.SCHEDULED, end)
        self._record(due, Outcome.STARTED, run.run_id, f"it falls into {blackout}, and is started then")
        self._lives.ledger.record(run, f"its slot came in {blackout}")
        self._wait(run, end)

    def _start(self, due: DueSlot, job: Job, start: float) -> None:
        """The slot is due now. `start` is its instant, or the end of the blackout it fell into."""
        made_up = self._now - start > MISSED_AFTER and job.catch_up is CatchUp.ALL  # else "all" comes down to "last"
        into = None if made_up else self._waiting(job) or self._lives.pending.weigh_slot(job).into
        if into is not None:
            self._record(due, Outcome.FOLDED, into.run_id, f"run {into.run_id} of this job was pending already")
            return
        run = self._lives.new_run(job, SCHEDULE, RunState.QUEUED, start)
        note = _late_note(due, self._now - start)
        self._record(due, Outcome.STARTED, run.run_id, "; ".join(filter(None, (note, self._lives.behind(job)))))
        self._lives.ledger.record(run, "its slot came" + (f" ({note})" if note else ""))
        if start != due.slot.time:
            self._deferred[job.name] = (start, run.run_id)
        self._lives.queue(run, job)

    def _record(self, due: DueSlot, outcome: Outcome, run_id: str | None, reason: str) -> None:
        if due.slot.note and due.slot.note not in reason:
            reason = f"{reason}; {due.slot.note}"
        decision = Decision(due.job_name, outcome, self._now, due.slot.time, run_id, reason)
        self._out.append(m.Decide(replace(decision, count=due.slot.count)))

    # --- runs that wait for the end of a blackout -----------------------------------------------------------------

    def resume(self, run: Run) -> None:
        """Configured anew, or taken over from an earlier daemon: the run waits on, for the end that holds now."""
        windows, end = self._slots.windows_of(run.job_name), run.schedule_time
        if windows is None or windows.end_of_window(end - 0.001) != end:  # not an end any more
            end = (windows.end_of_window(self._now) if windows is not None else None) or self._now
        if end != run.schedule_time:
            run.schedule_time = end
            self._lives.ledger.note(run, "the blackout it waits for ends at another time now")
        self._wait(run, end)

    def over(self, run: Run) -> None:
        """The end the run waited for has come. A run of the same job that is pending anyway stands for it."""
        windows, job = self._slots.windows_of(run.job_name), self._lives.job(run.job_name)
        end = windows.end_of_window(self._now) if windows is not None else None
        if end is not None:
            run.schedule_time = end
            self._lives.ledger.note(run, "another blackout follows on the one it waited for")
            self._wait(run, end)
            return
        into = self._lives.pending.weigh_slot(job).into
        if into is not None:
            cause = f"run {into.run_id} of this job was pending already when the blackout was over"
            self._lives.end_waiting([run], cause)
            return
        self._lives.ledger.move(run, RunEvent.DUE, "the blackout is over")
        self._lives.queue(run, job)

    def _wait(self, run: Run, end: float) -> None:
        self._deferred[run.job_name] = (end, run.run_id)
        self._lives.future.set(run.run_id, end)

    def _waiting(self, job: Job) -> Run | None:
        """The run of the job that waits for the end of a blackout."""
        run = self._lives.ledger.runs.get(self._deferred.get(job.name, _NOBODY)[1])
        return run if run is not None and run.state is RunState.SCHEDULED else None

    # --- small parts ----------------------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self._lives.ledger.now.wall

    @property
    def _out(self) -> list[m.Effect]:
        return self._lives.ledger.out

    def _tell_faults(self) -> None:
        """A parked job is told in the log, and as a decision, so that pages and `explain` show it."""
        for name, text in self._slots.faults:
            self._out.append(m.Notice("error", f"job {name}: {text}"))
            self._out.append(m.Decide(Decision(name, Outcome.SKIPPED, self._now, self._now, None, text)))
        self._slots.faults.clear()


def is_deferred(run: Run) -> bool:
    """Whether the run waits for the end of a blackout: nothing else of the schedule is ever not due yet."""
    return run.state is RunState.SCHEDULED and run.is_scheduled_kind


def missed_because(job: Job, late: float, newest: bool) -> str | None:
    """Why a slot that came and went without us starts nothing, by the job's `catch_up`; None when it does start."""
    if late <= MISSED_AFTER:
        return None
    if job.catch_up is CatchUp.SKIP:
        return "no daemon was watching when it came, and the job says catch_up: skip"
    if job.catch_up_limit is not None and late > job.catch_up_limit:
        return f"no daemon was watching when it came, and it is {late:.0f} s old, past the catch_up_limit"
    if job.catch_up is CatchUp.LAST and not newest:
        return "no daemon was watching when it came, and a later slot stands for it (catch_up: last)"
    return None


def _late_note(due: DueSlot, late: float) -> str:
    """What the decision tells of a start that was not on time."""
    return "; ".join(part for part in (due.slot.note, f"{late:.1f} s late" if late > 1 else "") if part)


def _lost_because(job: Job, due: DueSlot) -> str:
    why = "the job says dst: skip" if job.dst == "skip" else "the clock jumped by more than three hours"
    return f"{due.slot.note}: {why}"


def _made_because(due: DueSlot) -> str:
    times = " and ".join(due.made[:3]) + (" and more" if len(due.made) > 3 else "")
    return f"the schedule was changed, and {times} of its calendar had its run before that"
