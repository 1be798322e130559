"""What goes into the engine and what comes out: inputs are things that happened, effects are things to do.

Owns only their shapes. An effect is carried out by `daemon.py` and nowhere else, in the order its `apply` gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dsari_like.core.blackout import Windows
from dsari_like.core.choices import OnShutdown
from dsari_like.core.clauses import Progress
from dsari_like.core.flow_messages import EventResetAsked, SaveFlow, SaveReady, WatchedUpdated
from dsari_like.core.flows import Fact, Flow, Ready
from dsari_like.core.model import (
    Claim,
    Configuration,
    Decision,
    Exit,
    Job,
    Pause,
    ProcessIdentity,
    Run,
    SkipNext,
    Trigger,
)
from dsari_like.core.reactions import CallEnded, Kept, SaveCall, SaveLatches, StartCall
from dsari_like.core.schedule import Rule
from dsari_like.core.selection import Selection


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of both clocks. `wall` is UTC epoch seconds, for calendars and records; `mono` only ever grows, for
    limits and graces, so that a step of the wall clock neither ends a run early nor keeps it for ever (P11)."""

    wall: float
    mono: float


# --- inputs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """A job's rules as bound to its name and zone, with the slot that was decided last (None: never), the blackouts
    its slots may fall into, and the calendar times that had their run under an earlier zone or text (`rezone`)."""

    rules: tuple[Rule, ...]
    last_slot: float | None = None
    windows: Windows | None = None
    made: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration is in force from now on: the first one at start, later ones at reload.

    `restored` are the runs that were not final when the last daemon ended, oldest first. Those that ran are followed
    by a `ChildExited` each when their process turns out to be gone.
    """

    configuration: Configuration
    plans: Mapping[str, Planned]  # jobs that have a schedule
    restored: tuple[Run, ...] = ()
    rests: tuple[Pause | SkipNext, ...] = ()  # what an earlier daemon was asked to leave alone
    reload: bool = False
    recorded: Mapping[str, Job] = field(default_factory=dict)  # by run: of those that repeat another as it was
    flows: tuple[Flow, ...] = ()  # those of which something is open, and all their runs
    facts: tuple[Fact, ...] = ()
    ready: tuple[Ready, ...] = ()  # how far event triggers had come
    kept: Kept = field(default_factory=Kept)  # of reactions
    host: str = ""  # the name of this machine, for events about the daemon itself


@dataclass(frozen=True, slots=True)
class TriggerArrived:
    """A claimed file that holds a trigger for a job. `known` is the answer that the run log has for its `id`, when
    that belongs to a run already."""

    claim: Claim
    trigger: Trigger
    known: WriteReceipt | None = None


@dataclass(frozen=True, slots=True)
class TriggerRefused:
    """A claimed file that is no trigger, and why."""

    claim: Claim
    reason: str
    trigger_id: str | None = None


@dataclass(frozen=True, slots=True)
class AlreadyRecorded:
    """A claim whose outcome was recorded before a crash, or a power cut, kept its file from being put away."""

    claim: Claim
    refused: str | None = None  # the recorded reason, when it was refused: then the file belongs into `corrupt/`


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants runs to end; `by` is who, as far as that is known."""

    claim: Claim
    selection: Selection
    reason: str
    request_id: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """Somebody wants runs that have ended to be repeated. `runs` are these as they were recorded, oldest first;
    `recorded` are the jobs as they were defined then, of the runs that are to be repeated as they were; `items` the
    items to repeat, of array runs among them."""

    claim: Claim
    runs: tuple[Run, ...]
    recorded: Mapping[str, Job] = field(default_factory=dict)
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()  # those the runs belong to, and all their runs
    facts: tuple[Fact, ...] = ()
    tasks: tuple[str, ...] = ()  # of an orchestration, what to run in place of all that did not go well
    cascade: bool = False  # in a chain: what follows a run is run again after it
    only: bool = False  # in a chain: nothing follows
    reason: str = ""
    request_id: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """Somebody wants a run that timed out to be resumed."""

    claim: Claim
    run_id: str
    reason: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnblockAsked:
    """Somebody wants a blocked run to be released."""

    claim: Claim
    run_id: str
    reason: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class PruneAsked:
    """Somebody wants retention applied now, to one job or (None) to all."""

    claim: Claim
    job_name: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """Somebody wants a job, or all of them, to rest."""

    claim: Claim
    pause: Pause
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnpauseAsked:
    """Somebody wants a pause to end; `job_name` is the empty name for the pause of all jobs."""

    claim: Claim
    job_name: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class SkipNextAsked:
    """Somebody wants the next slot of a job to be left out."""

    claim: Claim
    skip: SkipNext
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The launcher has a child for this run."""

    run_id: str
    process: ProcessIdentity


@dataclass(frozen=True, slots=True)
class StartFailed:
    """The launcher could not start a child: the command is missing, not executable, or the machine refused."""

    run_id: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class StartPutOff:
    """The machine was short of something that a start takes; nothing was started."""

    run_id: str
    why: str


@dataclass(frozen=True, slots=True)
class StartAgain:
    """It is time to try the start of a run again that was put off."""

    run_id: str


@dataclass(frozen=True, slots=True)
class ChildExited:
    """A child is gone, with its exit; None when nobody can know it any more. `time` is the wall clock."""

    run_id: str
    exit: Exit | None
    time: float
    run_data: object = None
    message: str = ""
    output_size: int | None = None  # bytes, where stages share the output


@dataclass(frozen=True, slots=True)
class Progressed:
    """A run wrote lines into its progress file since the last look; `notes` are what was not understood in it."""

    run_id: str
    lines: tuple[Progress, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LifeSeen:
    """The answer to `LookForLife`: the wall clock time of the newest sign of life; None when there never was any."""

    run_id: str
    time: float | None


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Look whether anything is due."""


@dataclass(frozen=True, slots=True)
class ShutdownAsked:
    """Admit nothing more; do with running children as `how` says."""

    how: OnShutdown
    grace: float | None = None


Input = (
    Configured
    | TriggerArrived
    | TriggerRefused
    | AlreadyRecorded
    | CancelAsked
    | RetryAsked
    | ResumeAsked
    | UnblockAsked
    | CallEnded
    | PauseAsked
    | UnpauseAsked
    | SkipNextAsked
    | PruneAsked
    | Started
    | StartFailed
    | StartPutOff
    | StartAgain
    | ChildExited
    | Progressed
    | LifeSeen
    | WatchedUpdated
    | EventResetAsked
    | CallEnded
    | TimePassed
    | ShutdownAsked
)

# --- effects ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SaveRun:
    """Write the run as it is now; with the change of state that led here, when there was one."""

    run: Run
    time: float
    from_state: str | None = None
    cause: str | None = None  # None: nothing changed but fields


@dataclass(frozen=True, slots=True)
class Decide:
    """Record an outcome; at most one for a slot of a job, at most one for a token."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class RememberId:
    """A trigger's `id` now belongs to this run."""

    id: str
    job_name: str
    run_id: str
    time: float


@dataclass(frozen=True, slots=True)
class RememberDefinition:
    """A job as runs are started from now on, as text under its digest."""

    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class RememberRequest:
    """A request for the daemon was carried out, or refused; `answer` says which, and is its receipt where it gave an
    `id`."""

    token: str
    request_id: str | None
    answer: WriteReceipt


@dataclass(frozen=True, slots=True)
class RememberSlots:
    """For each job the newest slot that has been decided: what a restart goes on from."""

    slots: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SaveRest:
    """A pause, or the wish to leave out a slot, outlives the daemon."""

    rest: Pause | SkipNext


@dataclass(frozen=True, slots=True)
class DropRest:
    """It is over, or fulfilled. `kind` is the class of what was saved."""

    kind: type[Pause] | type[SkipNext]
    job_name: str


@dataclass(frozen=True, slots=True)
class DropClaim:
    """The claim's content is recorded; the file may go."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Move the claim to `corrupt/` with this reason beside it."""

    claim: Claim
    reason: str


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class WriteReceipts:
    """The receipts of a whole turn, made by the loop: one sync serves them all."""

    receipts: tuple[WriteReceipt, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Start the child of this run; the row that says it runs is on the disk by now."""

    run: Run
    job: Job


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a signal to the whole process group of a run."""

    run_id: str
    number: int
    why: str


@dataclass(frozen=True, slots=True)
class RequestCancel:
    """Put `cancel_requested`, with who asked and why, into the directory of a running run."""

    run: Run
    text: str


@dataclass(frozen=True, slots=True)
class LookForLife:
    """A deadline for a sign of life has come: look when there was one last, and answer with `LifeSeen`."""

    run: Run
    on_output: bool


@dataclass(frozen=True, slots=True)
class Prune:
    """Apply retention as soon as there is nothing better to do; answer the request, and remove its claim, when it is
    done."""

    job_name: str | None = None
    request_id: str | None = None
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the daemon's log. `level` is a word of `logging`."""

    level: str
    text: str


Effect = (
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
