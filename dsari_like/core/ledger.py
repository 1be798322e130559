"""The runs that are not final, and the effects that record what happens to them.

Owns the only path by which a run is made, changes state, or is forgotten; every such step leaves a row to be written,
and a receipt where the producer gave an `id`. Must not know why anything happens: that is `engine.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from dsari_like.core.choices import Outcome
from dsari_like.core.lifecycle import RunEvent, step
from dsari_like.core.messages import Decide, Effect, Now, RememberId, SaveRun, WriteReceipt
from dsari_like.core.model import Claim, Decision, Run, Trigger


class Change(NamedTuple):
    """A run as it is after a change of its state, the state before (None: there was no run), and the time."""

    run: Run
    before: str | None
    time: float


def _nothing_more(_: Run) -> None:
    """Nobody wants to know of runs before they are recorded."""


class Ledger:
    """All open runs by id. `new_id` makes run ids: chance comes from outside."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.runs: dict[str, Run] = {}
        self.now = Now(0.0, 0.0)
        self.out: list[Effect] = []
        self.moved: deque[Change] = deque()  # what nobody has followed yet
        self.making: Callable[[Run], None] = _nothing_more
        self._new_id = new_id
        self._run_of: dict[str, str] = {}  # trigger id -> run
        self._ids_of: dict[str, list[str]] = {}
        self._sequence = 0

    @property
    def newest(self) -> int:
        """The place in the order of arrival of the run that was made last."""
        return self._sequence

    def open(self, now: Now) -> list[Effect]:
        """Begin a turn of the engine. Returns the list that will hold its effects."""
        self.now, self.out = now, []
        return self.out

    def restore(self, run: Run) -> None:
        """A run that an earlier daemon recorded is open still."""
        self.runs[run.run_id] = run
        self.follow_on(run.sequence)
        if run.trigger.id:
            self._bind(run.trigger.id, run.run_id)

    def follow_on(self, sequence: int) -> None:
        """Whatever is made from now on comes after this place in the order of arrival."""
        self._sequence = max(self._sequence, sequence)

    def create(self, run: Run) -> Run:
        """Give the run its id and its place in the order of arrival."""
        self._sequence += 1
        run.run_id, run.sequence = self._new_id(), self._sequence
        self.runs[run.run_id] = run
        if run.trigger.id:
            self.remember_id(run.trigger.id, run)
        return run

    def remember_id(self, trigger_id: str, run: Run) -> None:
        """From now on a trigger with this `id` is answered by this run."""
        self._bind(trigger_id, run.run_id)
        self.out.append(RememberId(trigger_id, run.job_name, run.run_id, self.now.wall))

    def run_of(self, trigger_id: str | None) -> str | None:
        """The open run that a trigger `id` belongs to."""
        return self._run_of.get(trigger_id) if trigger_id else None

    def record(self, run: Run, cause: str) -> None:
        """The run exists from now on."""
        self.making(run)
        self._save(run, None, cause)
        self._receipt(run)

    def move(self, run: Run, event: RunEvent, cause: str) -> None:
        """Change the run's state as the table says; raises IllegalTransition and changes nothing otherwise."""
        before = run.state
        run.state = step(before, event)
        self._save(run, before.value, cause)
        self._receipt(run)
        if run.is_final:
            self._forget(run)

    def note(self, run: Run, cause: str) -> None:
        """Something happened to the run that is worth telling, but its state is the same."""
        self.out.append(SaveRun(run.snapshot(), self.now.wall, run.state.value, cause))

    def save(self, run: Run) -> None:
        """Something about the run changed, but not its state."""
        self.out.append(SaveRun(run.snapshot(), self.now.wall))

    def decide_claim(
        self, claim: Claim, outcome: Outcome, trigger_id: str | None, run_id: str | None, reason: str
    ) -> None:
        """The one outcome of a dropped file."""
        time, token = self.now.wall, claim.token
        self.out.append(Decide(Decision(claim.name, outcome, time, None, run_id, reason, token, trigger_id)))

    def receipt(
        self, trigger: Trigger, state: str, job_name: str, run_id: str | None = None, reason: str | None = None
    ) -> None:
        """Answer a producer whose trigger made no run of its own."""
        if trigger.id:
            self.out.append(WriteReceipt(trigger.id, state, job_name, self.now.wall, run_id, reason=reason))

    def answer(self, trigger: Trigger, run: Run) -> None:
        """Tell a producer, who asks again, how far its trigger has come."""
        if run.trigger.id == trigger.id:
            self._receipt(run)
        else:
            self.receipt(trigger, "folded", run.job_name, run.run_id, "it became part of a run that was pending")

    def _save(self, run: Run, before: str | None, cause: str) -> None:
        snapshot = run.snapshot()
        self.out.append(SaveRun(snapshot, self.now.wall, before, cause))
        self.moved.append(Change(snapshot, before, self.now.wall))

    def _receipt(self, run: Run) -> None:
        if not run.trigger.id:
            return
        code = run.exit.code if run.exit else None
        reason = run.message or (run.reason.value if run.reason else None)
        receipt = WriteReceipt(run.trigger.id, run.state.value, run.job_name, self.now.wall, run.run_id)
        self.out.append(replace(receipt, flow_id=run.flow_id, exit_code=code, reason=reason))

    def _bind(self, trigger_id: str, run_id: str) -> None:
        self._run_of[trigger_id] = run_id
        self._ids_of.setdefault(run_id, []).append(trigger_id)

    def _forget(self, run: Run) -> None:
        del self.runs[run.run_id]
        for trigger_id in self._ids_of.pop(run.run_id, ()):
            del self._run_of[trigger_id]
