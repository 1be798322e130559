"""What comes out of the engine: effects, things to do. A part of `messages`, by the same rules.

Owns only their shapes. An effect is carried out by `deeds.py` and nowhere else, in the order it gives.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsari_like.core.flow_messages import SaveFlow, SaveReady
from dsari_like.core.model import Claim, Decision, Job, Pause, Run, SkipNext
from dsari_like.core.reactions import SaveCall, SaveLatches, StartCall
from dsari_like.core.record import record


@record
class SaveRun:
    """Write the run as it is now; with the change of state that led here, when there was one."""

    run: Run
    time: float
    from_state: str | None = None
    cause: str | None = None  # None: nothing changed but fields


@record
class Decide:
    """Record an outcome; at most one for a slot of a job, at most one for a token."""

    decision: Decision


@record
class RememberId:
    """A trigger's `id` now belongs to this run."""

    id: str
    job_name: str
    run_id: str
    time: float


@record
class RememberDefinition:
    """A job as runs are started from now on, as text under its digest."""

    digest: str
    text: str


@record
class RememberRequest:
    """A request for the daemon was carried out, or refused; `answer` says which, and is its receipt where it gave an
    `id`."""

    token: str
    request_id: str | None
    answer: WriteReceipt


@record
class RememberSlots:
    """For each job the newest slot that has been decided: what a restart goes on from."""

    slots: Mapping[str, float]


@record
class SaveRest:
    """A pause, or the wish to leave out a slot, outlives the daemon."""

    rest: Pause | SkipNext


@record
class DropRest:
    """It is over, or fulfilled. `kind` is the class of what was saved."""

    kind: type[Pause] | type[SkipNext]
    job_name: str


@record
class DropClaim:
    """The claim's content is recorded; the file may go."""

    claim: Claim


@record
class Quarantine:
    """Move the claim to `corrupt/` with this reason beside it."""

    claim: Claim
    reason: str


@record
class WriteReceipt:
    """Tell the producer who gave an `id` how far its trigger has come."""

    id: str
    state: str
    job_name: str
    time: float
    run_id: str | None = None
    flow_id: str | None = None
    exit_code: int | None = None
    reason: str | None = None


@record
class WriteReceipts:
    """The receipts of a whole turn, made by the loop: one sync serves them all."""

    receipts: tuple[WriteReceipt, ...]


@record
class Start:
    """Start the child of this run; the row that says it runs is on the disk by now."""

    run: Run
    job: Job


@record
class Signal:
    """Send a signal to the whole process group of a run."""

    run_id: str
    number: int
    why: str


@record
class RequestCancel:
    """Put `cancel_requested`, with who asked and why, into the directory of a running run."""

    run: Run
    text: str


@record
class LookForLife:
    """A deadline for a sign of life has come: look when there was one last, and answer with `LifeSeen`."""

    run: Run
    on_output: bool


@record
class Prune:
    """Apply retention as soon as there is nothing better to do; answer the request, and remove its claim, when it is
    done."""

    job_name: str | None = None
    request_id: str | None = None
    claim: Claim | None = None


@record
class Notice:
    """A line for the daemon's log. `level` is a word of `logging`."""

    level: str
    text: str


#: The effects that are rows of the run log: those of a turn are written in one transaction, before all else is done.
Row = (
    SaveRun
    | Decide
    | RememberId
    | RememberDefinition
    | RememberRequest
    | RememberSlots
    | SaveRest
    | DropRest
    | SaveFlow
    | SaveReady
    | SaveCall
    | SaveLatches
)

Effect = (
    Row
    | DropClaim
    | Quarantine
    | WriteReceipt
    | WriteReceipts
    | Start
    | StartCall
    | Signal
    | RequestCancel
    | LookForLife
    | Prune
    | Notice
)
