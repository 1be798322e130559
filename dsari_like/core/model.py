"""The nouns: what is configured (frozen) and the one thing that changes, the `Run`.

Owns their fields and nothing of their behaviour. Times are UTC epoch seconds, durations are seconds, both floats.
Must not know: where a value was read from (a file, a database, a command line) or where it will be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dsari_like.core.choices import BlackoutPolicy, CatchUp, DropRights, LockMode, Merge, OnShutdown, Outcome, Reason
from dsari_like.core.clauses import Heartbeat, ItemCounts, LockDemand, Progress, Stage, StageRecord
from dsari_like.core.flows import Chains, EventTrigger, Orchestration
from dsari_like.core.lifecycle import ACTIVE, FINAL, RunState
from dsari_like.core.mail import Mail
from dsari_like.core.record import record
from dsari_like.core.secrets import ALWAYS, Secrets

if TYPE_CHECKING:
    from dsari_like.core.hooks import Hook
    from dsari_like.core.ical import Calendar
    from dsari_like.core.reactions import Blocking, Callback, Language

#: An empty map that every job without one shares: with 100,000 jobs a dict each is 6 MiB of nothing.
NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    """The shared empty map as a default: dataclasses take a proxy for something mutable."""
    return NOTHING


@record
class Where:
    """File and line of something configured; `file` as the user would type it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@record
class Parameter:
    """A declared variable of a job: what a trigger may say and what is taken when it says nothing."""

    default: str | None = None
    allowed: tuple[str, ...] | None = None
    required: bool = False
    description: str = ""


@record
class Blackout:
    """Times in which no slot starts anything, as they were written: from `start` to `end`; for `duration` from each
    slot of `schedule` on; or the events of a `calendar`."""

    start: str | float | None = None
    end: str | float | None = None
    schedule: str | None = None
    duration: float | None = None
    calendar: str | None = None


@record
class Runtime:
    """A named wrapper put before commands: an interpreter, a container, `ssh host`."""

    wrapper: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=_nothing)


@record
class Storm:
    """How often a job may start because it has just started: so many times within so many seconds."""

    starts: int = 10_000
    seconds: float = 600.0


@record
class Retention:
    """Which finished runs may go; a limit that is None takes none."""

    age: float | None = None
    count: int | None = None
    bytes: int | None = None
    keep_failed: float | None = None


@record
class Job:
    """A configured command with its schedule, limits and reactions. Field names are the keys of the configuration.

    An orchestration is one too, with `flow` in place of a command: `flows` tells why."""

    name: str
    command: tuple[str, ...]  # empty for a job that has stages
    stages: tuple[Stage, ...] = ()
    command_append_run: bool = False
    description: str = ""
    enabled: bool = True
    schedule: tuple[str, ...] = ()
    schedule_timezone: str = ""  # "" is the daemon's zone
    dst: str = "once"
    catch_up: CatchUp = CatchUp.SKIP
    catch_up_limit: float | None = None
    blackout: tuple[Blackout, ...] = ()
    blackout_policy: BlackoutPolicy = BlackoutPolicy.SKIP
    environment: Mapping[str, str] = field(default_factory=_nothing)
    environment_file: str | None = None
    trigger_environment: tuple[str, ...] | None = None  # None: the default depends on who dropped the file
    parameters: Mapping[str, Parameter] = field(default_factory=_nothing)
    runtime: str | None = None
    log_level: str = "info"
    working_directory: str | None = None
    max_execution: float | None = None
    max_execution_grace: float = 60.0
    heartbeat: Heartbeat | None = None
    resume_command: tuple[str, ...] = ()
    cancel_grace: float = 0.0
    on_cancelled: tuple[str, ...] = ()
    retries: int = 0
    retry_delay: float = 60.0
    retry_backoff: float = 1.0
    retry_exit_codes: tuple[int, ...] = ()  # none: whatever it failed with
    concurrent_runs: bool = False
    merge: Merge = Merge.QUEUE
    concurrency_groups: tuple[str, ...] = ()
    locks: Mapping[str, LockMode] = field(default_factory=_nothing)  # names may hold ${VARIABLE}
    priority: int = 0
    items: tuple[str, ...] = ()  # names of the elements of an array run, in order
    items_parallel: int = 1
    executor: str = "local"  # where runs are carried out
    after: str | None = None  # the job that this one is a step after
    event_trigger: EventTrigger | None = None
    flow: Orchestration | None = None  # set for an orchestration: its runs have no process, but tasks
    blocked_until: Blocking | None = None
    callbacks: tuple[Callback, ...] = ()
    universal_callbacks: bool = True
    render_reports: bool = True
    jenkins_environment: bool = False
    job_group: str | None = None
    keeper: bool = True
    user: str | None = None  # None: the daemon's
    group: str | None = None  # None: that of the user
    umask: int | None = None
    nice: int | None = None
    max_output: int | None = None  # None: that of the configuration
    retention: Retention | None = None  # None: that of the top level
    secret_names: frozenset[str] = frozenset()  # variables whose values came from environment_file: never shown
    where: Where = Where("", 0)


@record
class Configuration:
    """Everything configured, as the engine and the shell read it. Paths are absolute text."""

    jobs: Mapping[str, Job]
    groups: Mapping[str, int] = field(default_factory=_nothing)  # sizes of the declared ones; an undeclared one has 1
    runtimes: Mapping[str, Runtime] = field(default_factory=_nothing)
    calendars: Mapping[str, Calendar] = field(default_factory=_nothing)  # of the blackouts, by their paths
    webhooks: Mapping[str, Hook] = field(default_factory=_nothing)
    callbacks: tuple[Callback, ...] = ()  # the universal ones; those of jobs are the jobs'
    mail: Mail = field(default_factory=Mail)
    callback_languages: tuple[Language, ...] | None = None  # None: all
    chains: Chains = field(default_factory=Chains)
    environment: Mapping[str, str] = field(default_factory=_nothing)
    secret_names: frozenset[str] = frozenset()  # as in a job
    secrets: Secrets = ALWAYS  # what is hidden wherever anything is shown
    config_dir: str = ""
    data_dir: str = ""
    database_file: str = ""
    template_dir: str | None = None
    timezone: str = ""  # "" is the zone of the machine
    max_running: int | None = None
    on_shutdown: OnShutdown = OnShutdown.LEAVE
    shutdown_kill_grace: float | None = None
    max_output: int | None = None
    drop_rights: DropRights = DropRights.STRICT
    storm: Storm = Storm()
    retention: Retention = Retention()  # `bytes` is what the runs of all jobs may hold together
    render: bool = True
    title: str = "dsari_like"
    base_url: str = ""
    report_run_output_start: int = 0
    report_run_output_end: int = 0
    report_html_gz: bool = False
    files: tuple[str, ...] = ()  # what was read, in the order it was merged
    environment_files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@record
class Trigger:
    """Why a run exists. `data` is the whole map that was dropped, kept with the run (D-43)."""

    type: str  # `schedule`, `file`, `manual`, …: the fixed words of the vocabulary
    label: str = ""  # the dropped map's own `type`, shown in its place (D-35)
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=_nothing)
    schedule_time: float | None = None
    id: str | None = None
    priority: int | None = None
    items: tuple[str, ...] | None = None  # of an array job, those to do; None: all
    data: Mapping[str, Any] = field(default_factory=_nothing)
    origin: Mapping[str, Any] = field(default_factory=_nothing)  # who dropped what: `translate`


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
    job_variables: Mapping[str, Any] = field(default_factory=_nothing)
    workflow_variables: Mapping[str, Any] = field(default_factory=_nothing)  # as it found or left them
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
