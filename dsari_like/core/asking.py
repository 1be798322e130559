"""What people ask of the daemon: what is done about it, and what cannot be.

Owns that each request is carried out or refused, and answered. A request that can do nothing is refused, so that nobody
relies on it. Must not know how a request came.
"""

from __future__ import annotations

from collections.abc import Callable

from dsari_like.core import messages as m
from dsari_like.core.cancelling import Cancels
from dsari_like.core.consequences import Consequences
from dsari_like.core.course import Course
from dsari_like.core.flow_messages import EventResetAsked
from dsari_like.core.lifecycle import RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Claim, Run
from dsari_like.core.retries import Retries


class Asking:
    """Requests. `refuse` puts one away with the reason."""

    def __init__(
        self,
        lives: Lives,
        course: Course,
        cancels: Cancels,
        consequences: Consequences,
        refuse: Callable[[m.TriggerRefused], None],
    ) -> None:
        self._lives, self._course, self._ledger = lives, course, lives.ledger
        self._cancels, self._consequences, self._refuse = cancels, consequences, refuse
        self._retries = Retries(lives, course)

    def cancel(self, message: m.CancelAsked) -> None:
        """Runs are to end."""
        found = list(message.selection.among(self._ledger.runs.values()))
        if not found:
            reason = f"there is no waiting or running run {message.selection}: it has ended, or never was"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        why = f"cancelled on request{' of ' + message.by if message.by else ''}"
        why += f": {message.reason}" if message.reason else ""
        self._cancels.all(found, why)
        self._answered(message, found)

    def retry(self, message: m.RetryAsked) -> None:
        """Runs that have ended are to be repeated."""
        if not self._retries.asked(message):
            whys = ((old.run_id, self._retries.why_not(old, message.tasks)) for old in message.runs[:5])
            reason = "; ".join(f"run {run_id} cannot be retried: {why}" for run_id, why in whys)
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))

    def resume(self, message: m.ResumeAsked) -> None:
        """A run that timed out is to go on."""
        run = self._ledger.runs.get(message.run_id)
        if run is None or run.state is not RunState.TIMED_OUT or not self._course.can_resume(run):
            reason = f"run {message.run_id} cannot be resumed: " + _why_not_resumed(run)
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        self._course.resume(run, "request", message.reason or "on request")
        self._answered(message, [run])

    def unblock(self, message: m.UnblockAsked) -> None:
        """A blocked run is to be released."""
        run = self._ledger.runs.get(message.run_id)
        if run is None or not self._consequences.unblock(run, message.reason or "released on request"):
            state = "it has ended, or never was" if run is None else f"it is {run.state.value}"
            reason = f"run {message.run_id} is not blocked: {state}"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        self._answered(message, [run])

    def reset_event(self, message: EventResetAsked) -> None:
        """What was updated for a job is to be forgotten."""
        if not self._consequences.events.reset(message.job_name):
            reason = f"{message.job_name} waits for no events"
            self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))
            return
        self._done(message.claim, message.request_id, message.job_name)

    def _answered(self, message: m.CancelAsked | m.ResumeAsked | m.UnblockAsked, runs: list[Run]) -> None:
        """The request was carried out; of several runs the receipt names the first."""
        self._ledger.out.append(m.DropClaim(message.claim))
        if message.request_id:
            first, now = runs[0], self._ledger.now.wall
            receipt = m.WriteReceipt(message.request_id, first.state.value, first.job_name, now, first.run_id)
            self._ledger.out.append(receipt)

    def pause(self, message: m.PauseAsked) -> None:
        """A job, or all of them, are to rest."""
        self._lives.pause(message.pause)
        self._done(message.claim, message.request_id, message.pause.job_name)

    def unpause(self, message: m.UnpauseAsked) -> None:
        """The rest is to end."""
        name = message.job_name
        if self._lives.unpause(name):
            self._done(message.claim, message.request_id, name)
            return
        reason = f"job {name} is not paused by itself" if name else "the pause of all jobs is not in force"
        self._refuse(m.TriggerRefused(message.claim, reason, message.request_id))

    def skip_next(self, message: m.SkipNextAsked) -> None:
        """The next slot of a job is to be left out."""
        self._lives.pauses.skip_next(message.skip)
        self._ledger.out.append(m.SaveRest(message.skip))
        self._done(message.claim, message.request_id, message.skip.job_name)

    def prune(self, message: m.PruneAsked) -> None:
        """Retention is to be applied. After a crash it is begun again: its claim stays until it is done."""
        self._ledger.out.append(m.Prune(message.job_name, message.request_id, message.claim))

    def _done(self, claim: Claim, request_id: str | None, job_name: str) -> None:
        """What was asked for is done at once."""
        self._ledger.out.append(m.DropClaim(claim))
        if request_id:
            self._ledger.out.append(m.WriteReceipt(request_id, "completed", job_name, self._ledger.now.wall))


def _why_not_resumed(run: Run | None) -> str:
    if run is None:
        return "it has ended, or never was; use retry"
    if run.state is not RunState.TIMED_OUT:
        return f"it is {run.state.value}, and only one that timed out is resumed"
    return "its job has no resume_command, and no stage that may be repeated"
