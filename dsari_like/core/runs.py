"""The nouns of what happens: triggers, claims, pauses, decisions, and the one thing that changes, the `Run`.

Owns their fields and nothing of their behaviour; a part of `model`, by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsari_like.core.choices import Outcome, Reason
from dsari_like.core.clauses import ItemCounts, LockDemand, Progress, StageRecord
from dsari_like.core.lifecycle import ACTIVE, FINAL, RunState
from dsari_like.core.record import no_map, record


@record
class Trigger:
    """Why a run exists. `data` is the whole map that was dropped, kept with the run (D-43)."""

    type: str  # `schedule`, `file`, `manual`, …: the fixed words of the vocabulary
    label: str = ""  # the dropped map's own `type`, shown in its place (D-35)
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=no_map)
    schedule_time: float | None = None
    id: str | None = None
    priority: int | None = None
    items: tuple[str, ...] | None = None  # of an array job, those to do; None: all
    data: Mapping[str, Any] = field(default_factory=no_map)
    origin: Mapping[str, Any] = field(default_factory=no_map)  # who dropped what: `translate`


@record
class Claim:
    """A file that is ours: taken out of the drop place, not yet recorded.

    `token` is unique for ever and stays with the file: it is what makes a second reading after a crash, or after a
    power cut that put the file back, harmless.
    """

    token: str
    name: str  # the job or orchestration whose drop place it was found in; "" for a control request
    file_name: str  # as the producer called it
    path: str  # where it is now
    attempt: int
    received: float
    uid: int = 0


#: The name under which all jobs are paused at once; no job can have it.
ALL_JOBS = ""


@record
class Pause:
    """`job_name` is ALL_JOBS for all of them; `until` is UTC epoch seconds, None until further notice."""

    job_name: str
    time: float
    until: float | None = None
    reason: str = ""

    def covers(self, instant: float) -> bool:
        """Whether a slot at this instant falls into it."""
        return self.time <= instant and (self.until is None or instant < self.until)


@record
class SkipNext:
    """The next slot of the job is to be left out."""

    job_name: str
    time: float
    reason: str = ""


@record
class Decision:
    """The recorded outcome of one slot or one trigger, as data and as a sentence."""

    job_name: str
    outcome: Outcome
    time: float
    schedule_time: float | None = None  # the slot; None for a trigger
    run_id: str | None = None
    reason: str = ""
    token: str | None = None  # the claim's, for triggers
    trigger_id: str | None = None
    count: int = 1  # instances of a slot it stands for


@record
class Exit:
    """How a child ended. `code` is the status, or 128 + signal (D-55)."""

    code: int
    signal: int | None = None
    core_dumped: bool = False
    user_seconds: float | None = None
    system_seconds: float | None = None
    max_rss: int | None = None  # bytes


@record
class ProcessIdentity:
    """Enough to know a process again after a restart: a pid alone is reused (P4)."""

    pid: int
    start_ticks: int
    boot_id: str


@record
class EndedRun:
    """What a later run of the same job is told about an earlier one (D-51)."""

    run_id: str
    schedule_time: float
    start_time: float
    stop_time: float
    exit_code: int


@dataclass(slots=True)
class Run:
    """One execution of a job. The only mutable type; only the engine changes one, and only through `lifecycle.step`."""

    run_id: str
    job_name: str
    trigger: Trigger
    state: RunState
    schedule_time: float
    queue_time: float
    sequence: int = 0  # order of arrival; decides among equal priorities
    reason: Reason | None = None
    message: str = ""
    start_time: float | None = None
    stop_time: float | None = None
    exit: Exit | None = None
    run_data: Any = None
    flow_id: str | None = None
    previous_run_id: str | None = None
    retry_of: str | None = None
    attempt: int = 1
    item: str | None = None
    concurrency_group: str | None = None
    priority: int = 0
    process: ProcessIdentity | None = None
    folded: list[Mapping[str, Any]] = field(default_factory=list)  # triggers that became part of this run
    ending: Reason | None = None  # why it was told to end, while it has not ended yet
    locks: tuple[LockDemand, ...] = ()
    progress: Progress | None = None
    job_variables: Mapping[str, Any] = field(default_factory=no_map)
    workflow_variables: Mapping[str, Any] = field(default_factory=no_map)  # as it found or left them
    stage: str | None = None  # the one that is going on, or was last
    stages: tuple[StageRecord, ...] = ()  # all that were begun, in order
    items: ItemCounts | None = None  # of an array run, once it has begun
    put_off: bool = False  # it is active, but its command was not started yet, for want of something
    launch: int = 1  # how many processes it has had, one more for each stage and resumption; 0: it has none, but parts
    resume: str | None = None  # why it was resumed last; None when it never was
    definition: str | None = None  # the digest of the job as it was started
    as_recorded: bool = False  # it is to be carried out as that says, whatever the configuration says now

    @property
    def is_final(self) -> bool:
        """True when nothing about it can change any more."""
        return self.state in FINAL

    @property
    def is_active(self) -> bool:
        """True while it holds its job, its group slot and its locks."""
        return self.state in ACTIVE

    @property
    def has_process(self) -> bool:
        """False for a run that is made of others: of items, or of tasks."""
        return self.launch > 0

    @property
    def is_scheduled_kind(self) -> bool:
        """True for the run of a slot, False for one that somebody or something asked for."""
        return self.trigger.type == "schedule"

    def snapshot(self) -> Run:
        """A copy to be written: what an effect says must not change when the run goes on.

        By hand, because `dataclasses.replace` takes three times as long, and every step of every run makes one.
        """
        twin: Run = object.__new__(Run)
        for name in Run.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.folded = list(self.folded)
        return twin
