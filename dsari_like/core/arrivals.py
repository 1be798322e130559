"""What becomes of a trigger: a run of its own, a part of one that is pending, nothing, or a refusal.

Owns the one decision that each dropped file gets. Must not know what was in the file that is refused, or how a run
goes on.
"""

from __future__ import annotations

from dataclasses import replace

from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.lifecycle import FINAL, RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Job, Run

_OPEN = frozenset(state.value for state in RunState if state not in FINAL)


class Arrivals:
    """Claimed files."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives
        self._ledger = lives.ledger

    def known_before(self, message: m.AlreadyRecorded) -> None:
        """Only its file was not put away."""
        claim, refused = message.claim, message.refused
        self._ledger.out.append(m.DropClaim(claim) if refused is None else m.Quarantine(claim, refused))

    def arrived(self, message: m.TriggerArrived) -> None:
        """A trigger was taken."""
        claim, trigger, ledger = message.claim, message.trigger, self._ledger
        job = self._lives.job(claim.name)
        known = ledger.run_of(trigger.id) or (message.known.run_id if message.known else None)
        if known is not None:
            self._known_again(message, known)
        elif trigger.schedule_time is not None and trigger.schedule_time > ledger.now.wall:
            run = self._lives.new_run(job, trigger, RunState.SCHEDULED, trigger.schedule_time)
            ledger.decide_claim(claim, Outcome.STARTED, trigger.id, run.run_id, "it waits for its time")
            ledger.record(run, f"triggered by {claim.file_name}, not due yet")
            self._lives.await_time(run)
        else:
            self._due(message, job)
        ledger.out.append(m.DropClaim(claim))

    def _known_again(self, message: m.TriggerArrived, known: str) -> None:
        """Its id belongs to a run. The answer is given once more, for the receipt may have been removed since, and who
        waits for it would wait for ever."""
        trigger, ledger, run = message.trigger, self._ledger, self._ledger.runs.get(known)
        reason = f"its id '{trigger.id}' already belongs to run {known}; nothing was started"
        ledger.decide_claim(message.claim, Outcome.DROPPED, trigger.id, known, reason)
        if run is not None:
            ledger.answer(trigger, run)
        elif message.known is not None and message.known.state not in _OPEN:
            # Else the run has ended in this very turn, and its last word is on the way: this one would tell the past.
            ledger.out.append(message.known)

    def _due(self, message: m.TriggerArrived, job: Job) -> None:
        claim, trigger, ledger = message.claim, message.trigger, self._ledger
        verdict = self._lives.pending.weigh_trigger(job)
        if verdict.drop:
            reason = "another triggered run is pending and the job says merge: drop"
            ledger.decide_claim(claim, Outcome.DROPPED, trigger.id, None, reason)
            ledger.receipt(trigger, "dropped", job.name, reason=reason)
            return
        if verdict.into is not None:
            self._fold(message, verdict.into)
            return
        run = self._lives.new_run(job, trigger, RunState.QUEUED, trigger.schedule_time or claim.received)
        self._lives.replace(verdict.replaced, run)
        ledger.decide_claim(claim, Outcome.STARTED, trigger.id, run.run_id, self._lives.behind(job))
        ledger.record(run, f"triggered by {claim.file_name}")
        self._lives.queue(run, job)

    def _fold(self, message: m.TriggerArrived, into: Run) -> None:
        trigger, ledger = message.trigger, self._ledger
        into.folded.append(dict(trigger.data))
        reason = "a triggered run was pending and the job says merge: fold"
        ledger.decide_claim(message.claim, Outcome.FOLDED, trigger.id, into.run_id, reason)
        ledger.save(into)
        ledger.receipt(trigger, "folded", into.job_name, into.run_id, reason)
        if trigger.id:
            ledger.remember_id(trigger.id, into)

    def refused(self, message: m.TriggerRefused) -> None:
        """A file that is no trigger, or a request that cannot be carried out."""
        claim, ledger = message.claim, self._ledger
        if claim.name:  # a request for the daemon is no trigger: its refusal is the file in `corrupt/`, no decision
            ledger.decide_claim(claim, Outcome.REFUSED, message.trigger_id, None, message.reason)
        ledger.out.append(m.Quarantine(claim, message.reason))
        if message.trigger_id and ledger.run_of(message.trigger_id) is None:  # else its receipt tells of that run
            receipt = m.WriteReceipt(message.trigger_id, "refused", claim.name, ledger.now.wall)
            ledger.out.append(replace(receipt, reason=message.reason))
