"""What goes into the engine and what comes out: inputs are things that happened, effects are things to do.

Owns only their shapes; those of requests, of flows and of effects have modules of their own, and are found here by
their names all the same: who talks to the engine needs one vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dsari_like.core.asked import (
    CancelAsked,
    PauseAsked,
    PruneAsked,
    ResumeAsked,
    RetryAsked,
    SkipNextAsked,
    UnblockAsked,
    UnpauseAsked,
)
from dsari_like.core.blackout import Windows
from dsari_like.core.choices import OnShutdown
from dsari_like.core.clauses import Progress
from dsari_like.core.effects import (
    Decide,
    DropClaim,
    DropRest,
    Effect,
    LookForLife,
    Notice,
    Prune,
    Quarantine,
    RememberDefinition,
    RememberId,
    RememberRequest,
    RememberSlots,
    RequestCancel,
    SaveRest,
    SaveRun,
    Signal,
    Start,
    WriteReceipt,
    WriteReceipts,
)
from dsari_like.core.flow_messages import EventResetAsked, WatchedUpdated
from dsari_like.core.flows import Fact, Flow, Ready
from dsari_like.core.model import Claim, Configuration, Exit, Job, Pause, ProcessIdentity, Run, SkipNext, Trigger
from dsari_like.core.reactions import CallEnded, Kept
from dsari_like.core.record import record
from dsari_like.core.schedule import Rule

__all__ = [
    "AlreadyRecorded", "CancelAsked", "ChildExited", "Configured", "Decide", "DropClaim", "DropRest", "Effect", "Input",
    "LifeSeen", "LookForLife", "Notice", "Now", "PauseAsked", "Planned", "Progressed", "Prune", "PruneAsked",
    "Quarantine", "RememberDefinition", "RememberId", "RememberRequest", "RememberSlots", "RequestCancel",
    "ResumeAsked", "RetryAsked", "SaveRest", "SaveRun", "ShutdownAsked", "Signal", "SkipNextAsked", "Start",
    "StartAgain", "StartFailed", "StartPutOff", "Started", "TimePassed", "TriggerArrived", "TriggerRefused",
    "UnblockAsked", "UnpauseAsked", "WriteReceipt", "WriteReceipts",
]  # fmt: skip


@record
class Now:
    """One reading of both clocks. `wall` is UTC epoch seconds, for calendars and records; `mono` only ever grows, for
    limits and graces, so that a step of the wall clock neither ends a run early nor keeps it for ever (P11)."""

    wall: float
    mono: float


@record
class Planned:
    """A job's rules as bound to its name and zone, with the slot that was decided last (None: never), the blackouts
    its slots may fall into, and the calendar times that had their run under an earlier zone or text (`rezone`)."""

    rules: tuple[Rule, ...]
    last_slot: float | None = None
    windows: Windows | None = None
    made: frozenset[str] = frozenset()


@record
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


@record
class TriggerArrived:
    """A claimed file that holds a trigger for a job. `known` is the answer that the run log has for its `id`, when
    that belongs to a run already."""

    claim: Claim
    trigger: Trigger
    known: WriteReceipt | None = None


@record
class TriggerRefused:
    """A claimed file that is no trigger, and why."""

    claim: Claim
    reason: str
    trigger_id: str | None = None


@record
class AlreadyRecorded:
    """A claim whose outcome was recorded before a crash, or a power cut, kept its file from being put away."""

    claim: Claim
    refused: str | None = None  # the recorded reason, when it was refused: then the file belongs into `corrupt/`


@record
class Started:
    """The launcher has a child for this run."""

    run_id: str
    process: ProcessIdentity


@record
class StartFailed:
    """The launcher could not start a child: the command is missing, not executable, or the machine refused."""

    run_id: str
    code: int
    message: str


@record
class StartPutOff:
    """The machine was short of something that a start takes; nothing was started."""

    run_id: str
    why: str


@record
class StartAgain:
    """It is time to try the start of a run again that was put off."""

    run_id: str


@record
class ChildExited:
    """A child is gone, with its exit; None when nobody can know it any more. `time` is the wall clock."""

    run_id: str
    exit: Exit | None
    time: float
    run_data: object = None
    message: str = ""
    output_size: int | None = None  # bytes, where stages share the output


@record
class Progressed:
    """A run wrote lines into its progress file since the last look; `notes` are what was not understood in it."""

    run_id: str
    lines: tuple[Progress, ...]
    notes: tuple[str, ...] = ()


@record
class LifeSeen:
    """The answer to `LookForLife`: the wall clock time of the newest sign of life; None when there never was any."""

    run_id: str
    time: float | None


@record
class TimePassed:
    """Look whether anything is due."""


@record
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
