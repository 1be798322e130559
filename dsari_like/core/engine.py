"""The engine: one input and a reading of the clocks go in, effects come out. The last pure module.

Owns who answers which input, time, and what a configuration means for runs that are there. Triggers are `arrivals`,
requests `asking`, slots `due`; how a run comes to start is `lives`, how it goes on from there `course`, what follows
`consequences`. Must not know files, processes or the run log: what it returns is carried out by `deeds.py`.

To follow the life of a trigger read `arrived` of `arrivals`, then `queue` and `begin` of `lives`, `child_exited` of
`course`, and `follow` of `consequences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dsari_like.core import messages as m
from dsari_like.core.admission import WaitReason
from dsari_like.core.answered import answered
from dsari_like.core.arrivals import Arrivals
from dsari_like.core.asking import Asking
from dsari_like.core.cancelling import Cancels
from dsari_like.core.choices import OnShutdown
from dsari_like.core.consequences import Consequences
from dsari_like.core.course import Course
from dsari_like.core.due import Dues, is_deferred
from dsari_like.core.flow_messages import EventResetAsked, WatchedUpdated
from dsari_like.core.lifecycle import RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Pause, Run, SkipNext
from dsari_like.core.putoffs import PutOffs
from dsari_like.core.reactions import CallEnded


class Engine:
    """Everything that is decided, and nothing that is done."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._lives = lives = Lives(new_id)
        self._course = course = Course(lives)
        self._put_offs = put_offs = PutOffs(lives, course)
        self._cancels = Cancels(lives, course)
        self._consequences = consequences = Consequences(lives, course, new_id)
        self._dues = Dues(lives)
        self._ledger = lives.ledger
        arrivals = Arrivals(lives)
        asking = Asking(lives, course, self._cancels, consequences, arrivals.refused)
        self._handlers: dict[type, Callable[[Any], None]] = {
            m.TriggerArrived: arrivals.arrived,
            m.TriggerRefused: arrivals.refused,
            m.AlreadyRecorded: arrivals.known_before,
            m.CancelAsked: asking.cancel,
            m.RetryAsked: asking.retry,
            m.ResumeAsked: asking.resume,
            m.UnblockAsked: asking.unblock,
            m.PauseAsked: asking.pause,
            m.UnpauseAsked: asking.unpause,
            m.SkipNextAsked: asking.skip_next,
            m.PruneAsked: asking.prune,
            EventResetAsked: asking.reset_event,
            m.Started: course.started,
            m.StartFailed: course.start_failed,
            m.StartPutOff: put_offs.put_off,
            m.StartAgain: lambda message: put_offs.again(message.run_id),
            m.ChildExited: course.child_exited,
            m.Progressed: course.progressed,
            m.LifeSeen: course.life_seen,
            CallEnded: consequences.call_ended,
            WatchedUpdated: consequences.events.updated,
            m.TimePassed: lambda _: self._time_passed(),
            m.Configured: self._configured,
            m.ShutdownAsked: self._shutdown_asked,
        }

    # --- what the shell calls ---------------------------------------------------------------------------------

    def handle(self, message: m.Input, now: m.Now) -> list[m.Effect]:
        """Take one input and follow its consequences to the end. Returns what is to be done, in order."""
        effects = self._ledger.open(now)
        self._handlers[type(message)](message)
        self._consequences.follow()
        request = answered(message, effects, now)
        if request is not None:
            effects.append(request)
        return effects

    def next_deadline(self, now: m.Now) -> float | None:
        """Seconds until something is due by itself, 0 when something is due already, None for never."""
        lives = self._lives
        calendars = (self._dues, lives.future, lives.pauses, self._consequences)
        walls = [] if lives.closing else [calendar.next_deadline() for calendar in calendars]
        waits = [time - now.wall for time in walls if time is not None]
        limits = (lives.endings.next_deadline(), self._course.pulses.next_deadline())
        waits += [limit - now.mono for limit in limits if limit is not None]
        if lives.arrays.is_unfolding and not lives.closing:
            return 0.0
        return max(0.0, min(waits)) if waits else None

    @property
    def runs(self) -> dict[str, Run]:
        """The runs that are not final, by id."""
        return self._ledger.runs

    def active(self) -> list[Run]:
        """The runs that have a process, or are about to; an array run has none, nor one whose start is put off."""
        return [run for run in self.runs.values() if run.is_active and run.has_process and not run.put_off]

    def why(self, run_id: str) -> WaitReason | None:
        """What a waiting run waits for."""
        return self._lives.admission.why(run_id)

    def next_slot(self, job_name: str) -> float | None:
        """When there is something to decide about the job by its schedule next."""
        return self._dues.next_slot(job_name)

    # --- time ---------------------------------------------------------------------------------------------------

    def _time_passed(self) -> None:
        lives = self._lives
        if not lives.closing:
            self._dues.take()
            lives.rests_passed()
            for run_id, _ in list(lives.future.pop_due(self._ledger.now.wall)):
                self._future_due(self.runs[run_id])
            self._course.unfold()
            self._consequences.time_passed()
        lives.endings.time_passed()
        self._course.pulses.time_passed()

    def _future_due(self, run: Run) -> None:
        if is_deferred(run):
            self._dues.over(run)
        else:
            self._lives.future_due(run)

    # --- shutdown -----------------------------------------------------------------------------------------------

    def _shutdown_asked(self, message: m.ShutdownAsked) -> None:
        self._lives.closing = True
        self._consequences.closing()
        if message.how is OnShutdown.KILL:
            self._cancels.shut_down(self.active(), message.grace)

    # --- configuration and restart --------------------------------------------------------------------------------

    def _configured(self, message: m.Configured) -> None:
        if message.reload:
            self._time_passed()  # what was due under the old rules is decided under the old rules
        before, self._lives.configuration = self._lives.configuration, message.configuration
        self._dues.configure(message.plans)
        self._restore_rests(message.rests)
        self._consequences.configure(message)
        self._lives.restore(message.restored, message.recorded)
        self._lives.keep_or_end()
        self._put_offs.configured(message.restored)
        for run in [run for run in self.runs.values() if is_deferred(run)]:
            self._dues.resume(run)
        waiting = (run for run in message.restored if not (run.is_active or run.is_final or is_deferred(run)))
        for run in [run for run in waiting if run.state is not RunState.BLOCKED]:
            self._requeue(run)
        self._course.settle_arrays()
        self._consequences.resume(message)
        if message.reload:
            self._consequences.modified(before.jobs)
        if not message.reload:
            self._dues.fire_reboot(message.plans)

    def _restore_rests(self, rests: Iterable[Pause | SkipNext]) -> None:
        """Before anything that waits is weighed: a pause that holds lets nobody in."""
        self._lives.pauses.restore(rests)
        for name in self._lives.pauses.names():
            self._lives.admission.pause(name)

    def _requeue(self, run: Run) -> None:
        if run.state is not RunState.SCHEDULED:
            self._lives.queue(run, self._lives.job_of(run))
        elif run.schedule_time > self._ledger.now.wall:
            self._lives.future.set(run.run_id, run.schedule_time)
        else:
            self._future_due(run)
