"""The nouns: what is configured, here, and what happens, in `runs`, whose names are found here as well.

Owns their fields and nothing of their behaviour. Times are UTC epoch seconds, durations are seconds, both floats.
Must not know: where a value was read from (a file, a database, a command line) or where it will be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import tzinfo
from typing import TYPE_CHECKING

from dsari_like.core.choices import BlackoutPolicy, CatchUp, DropRights, LockMode, Merge, OnShutdown
from dsari_like.core.clauses import Heartbeat, Stage
from dsari_like.core.flows import Chains, EventTrigger, Orchestration
from dsari_like.core.mail import Mail
from dsari_like.core.record import NOTHING, no_map, record
from dsari_like.core.runs import (
    ALL_JOBS,
    Claim,
    Decision,
    EndedRun,
    Exit,
    Pause,
    ProcessIdentity,
    Run,
    SkipNext,
    Trigger,
)
from dsari_like.core.secrets import ALWAYS, Secrets

if TYPE_CHECKING:
    from dsari_like.core.hooks import Hook
    from dsari_like.core.ical import Calendar
    from dsari_like.core.notify import Rule
    from dsari_like.core.reactions import Blocking, Callback, Language

__all__ = [
    "ALL_JOBS", "NOTHING", "Blackout", "Claim", "Configuration", "Decision", "EndedRun", "Exit", "Job", "Parameter",
    "Pause", "ProcessIdentity", "Retention", "Run", "Runtime", "SkipNext", "Storm", "Trigger", "Where",
]  # fmt: skip


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
    environment: Mapping[str, str] = field(default_factory=no_map)


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
    environment: Mapping[str, str] = field(default_factory=no_map)
    environment_file: str | None = None
    trigger_environment: tuple[str, ...] | None = None  # None: the default depends on who dropped the file
    parameters: Mapping[str, Parameter] = field(default_factory=no_map)
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
    locks: Mapping[str, LockMode] = field(default_factory=no_map)  # names may hold ${VARIABLE}
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
    notify: tuple[Rule, ...] = ()
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
    groups: Mapping[str, int] = field(default_factory=no_map)  # sizes of the declared ones; an undeclared one has 1
    runtimes: Mapping[str, Runtime] = field(default_factory=no_map)
    calendars: Mapping[str, Calendar] = field(default_factory=no_map)  # of the blackouts, by their paths
    webhooks: Mapping[str, Hook] = field(default_factory=no_map)
    callbacks: tuple[Callback, ...] = ()  # the universal ones; those of jobs are the jobs'
    notify: tuple[Rule, ...] = ()  # of all jobs; those of a job are the job's, those of a task the task's
    zone: tzinfo | None = field(default=None, compare=False)  # of the times of day in these
    mail: Mail = field(default_factory=Mail)
    callback_languages: tuple[Language, ...] | None = None  # None: all
    chains: Chains = field(default_factory=Chains)
    environment: Mapping[str, str] = field(default_factory=no_map)
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
