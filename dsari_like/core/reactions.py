"""The nouns of reactions: an event, what waits for one (a callback, a blocked run), and one call of a callback.

Owns their fields, and the messages about calls. Times are UTC epoch seconds, durations are seconds. Must not know when
a callback fires, how a call is carried out, or where any of it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import Enum
from typing import Any

from dsari_like.core.expression import Expression
from dsari_like.core.model import NOTHING, Exit, Job, Run
from dsari_like.core.record import record
from dsari_like.core.terms import EventType

#: The owner of callbacks that belong to the whole site; no job can have this name.
UNIVERSAL = "*"


@record
class Event:
    """Something happened: to a run, an item, the daemon, a callback, or the time came.

    `item` is the fourth field: the item, the host, or the time as the term has it. `depth` says how many callbacks
    stand behind it: what was started by a callback is one deeper than what fired it.
    """

    name: str
    type: EventType
    time: float
    run_id: str = ""
    job_name: str = ""  # or the orchestration, or the callback that failed
    flow_id: str = ""
    item: str | None = None
    label: str = ""  # what the run is called in its flow, where that is not its job
    depth: int = 0
    run: Run | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        last = "" if self.item is None else f"-{self.item}"
        return f"{self.name}-{self.type.value}-{self.job_name}{last}"


@record
class Freshness:
    """How old an operand may be that came true before the others. Either limit makes an expression count events of
    all flows; without one it counts those of one flow."""

    within: float | None = None
    since_last_run: bool = False

    @property
    def across_flows(self) -> bool:
        """Whether events of different flows may be put together."""
        return self.within is not None or self.since_last_run


@record
class Blocking:
    """`blocked_until` of a job: its runs are created blocked, and released when this comes true."""

    triggers: str  # as it was written
    expression: Expression
    freshness: Freshness = Freshness()


class Language(Enum):
    """What the code of a callback is."""

    QUBE = "qube"
    SHELL = "shell"
    PYTHON = "python"
    MAIL = "mail"
    WEBHOOK = "webhook"
    COMMAND = "command"  # an argument vector; what the daemon itself makes of `on_cancelled`
    NOTIFY = "notify"  # a message to one address; what the daemon itself makes of `notify`


#: What a configuration may write.
LANGUAGES = (Language.QUBE, Language.SHELL, Language.PYTHON, Language.MAIL, Language.WEBHOOK)


@record
class Callback:
    """A trigger expression, a language, and code."""

    name: str  # unique within its owner; its place in the list where none was given
    owner: str  # a job, or UNIVERSAL
    triggers: str  # as it was written
    expression: Expression
    language: Language
    code: str = ""
    argv: tuple[str, ...] = ()  # in place of code, for the language `command`
    maximum: int | None = None
    timeout: float = 60.0
    retries: int = 0
    retry_delay: float = 60.0
    freshness: Freshness = Freshness()

    @property
    def key(self) -> str:
        """What it is called in the run log and in events about itself."""
        return f"{self.owner}/{self.name}"


class CallState(Enum):
    """Where a call is in its life."""

    WAITING = "waiting"  # for a place, or for its next attempt
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"  # never carried out: a chain of callbacks had become too long


@record
class Call:
    """One execution of a callback. It holds all that is needed to carry it out, whatever a reload has done since."""

    callback_id: str  # its own: the same at each attempt, and after a restart
    callback: str  # the key of what is configured
    run_id: str  # the owner's run; where it has none, the run of the event
    job_name: str  # whose rights and environment it has; empty for none but the daemon's
    triggers: str
    event: Mapping[str, Any]  # as JSON
    language: Language
    code: str
    time: float
    argv: tuple[str, ...] = ()
    flow_id: str = ""
    count: int = 1
    timeout: float = 60.0
    retries: int = 0
    retry_delay: float = 60.0
    depth: int = 0
    latches: Mapping[str, Any] = field(default_factory=lambda: NOTHING)  # which operand came true when, by whom
    state: CallState = CallState.WAITING
    attempt: int = 0
    due: float = 0.0  # not before this time
    start_time: float | None = None
    stop_time: float | None = None
    exit_code: int | None = None
    output: str = ""
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has still to be carried out."""
        return self.state in (CallState.WAITING, CallState.RUNNING)

    def begun(self, now: float) -> Call:
        """The same at the start of one more attempt."""
        return replace(self, state=CallState.RUNNING, attempt=self.attempt + 1, start_time=now, stop_time=None)


# --- messages ---------------------------------------------------------------------------------------------------


@record
class SaveCall:
    """Write the call as it is now."""

    call: Call


@record
class StartCall:
    """Carry the call out; its row is on the disk by now. `job` and `run` say whose environment and rights it has;
    None where there is no such run, or it is not known any more."""

    call: Call
    job: Job | None
    run: Run | None


@record
class SaveLatches:
    """What came true so far of an expression, in one scope: `owner` is a callback's key, or the id of a blocked run.
    Neither operands nor firings: forget it."""

    owner: str
    scope: str
    latches: Mapping[str, tuple[float, str]]
    count: int = 0


@record
class CallEnded:
    """An attempt to carry out a call has ended. `reason` is what the exit does not tell."""

    callback_id: str
    exit: Exit
    output: str
    time: float
    reason: str = ""


@record
class Kept:
    """What an earlier daemon recorded of reactions. `since` is when one was alive last; None when none ever was."""

    latches: tuple[SaveLatches, ...] = ()
    calls: tuple[tuple[Call, Run | None], ...] = ()
    past: tuple[Event, ...] = ()
    starts: Mapping[str, float] = field(default_factory=dict)
    since: float | None = None
    durations: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of good runs, by job, the oldest first
