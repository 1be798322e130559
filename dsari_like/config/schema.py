"""The one table of keys. Checks, defaults, "did you mean", the JSON Schema and the manual's key list come from it.

Owns which keys there are and what each may hold. Must not know: where a value was read from, how files are merged,
or what several keys mean together (`build`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsari_like.config.accounts import ACCOUNT, NICE, UMASK
from dsari_like.config.blackouts import BLACKOUT, BLACKOUTS
from dsari_like.config.checks import (
    BOOLEAN,
    COMMAND,
    FILLED,
    LEGAL_NAME,
    NAME_SCHEMA,
    NAMES,
    PATH,
    SIZE,
    TEXT,
    TEXTS,
    VALUES,
    VARIABLE,
    VARIABLES,
    Check,
    Schema,
    duration,
    one_of,
    unfit,
    whole_number,
)
from dsari_like.config.clauses import HEARTBEAT, STAGE
from dsari_like.config.clauses import KEYS as LIFE
from dsari_like.config.flow_keys import CONDITION, EVENT, EVENT_TRIGGER, ORCHESTRATION, PHASE, TASK, TRANSITION
from dsari_like.config.hook_keys import HOOK, HOOK_KEY, RESPONSE
from dsari_like.config.house_keys import DATABASE, DATABASE_MAP, PATTERNS, RETENTION, RULES, STORM, STORM_LIMITS
from dsari_like.config.notify_keys import KEY as NOTIFY_KEY
from dsari_like.config.notify_keys import NOTIFY
from dsari_like.config.notify_keys import TOP_KEY as NOTIFY_TOP_KEY
from dsari_like.config.reaction_keys import BLOCKING, CALLBACK, MAIL, SMTP
from dsari_like.config.reaction_keys import KEYS as REACTIONS
from dsari_like.config.reaction_keys import TOP_KEYS as TOP_REACTIONS
from dsari_like.config.section import REQUIRED, Key, Section
from dsari_like.core.choices import BlackoutPolicy, CatchUp, DropRights, Merge, OnShutdown


def _take_map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unfit("a map", value)
    return value


def _map_of(words: str, schema: Schema, names: Schema = NAME_SCHEMA) -> Check:
    # The entries are checked by `build`, one by one, because each is told apart by its name there.
    whole = {"type": "object", "propertyNames": names, "additionalProperties": schema}
    return Check(f"a map of {words} by name", whole, _take_map)


#: Keys of the interface that this version does not carry out, of a job and of the top level. Refused by name, so that
#: nobody believes they work.
LATER_OF_JOB: tuple[str, ...] = ()
LATER: tuple[str, ...] = ()

PARAMETER = Section(
    "a parameter",
    Key("default", VARIABLE, None, "what the variable is when the trigger does not set it"),
    Key("allowed", VALUES, None, "the only values a trigger may give it"),
    Key("required", BOOLEAN, False, "a trigger that leaves it out is refused"),
    Key("description", TEXT, "", "what it is for"),
)  # fmt: skip

JOB = Section(
    "a job",
    Key("command", COMMAND, REQUIRED,
        "what is run; text is split as a shell would split it, but no shell is run"),
    Key("command_append_run", BOOLEAN, False, "append the job's name and the run's id as two more arguments"),
    Key("description", TEXT, "", "shown in the reports"),
    Key("enabled", BOOLEAN, True, "false: no schedule and no triggers"),
    Key("schedule", TEXTS, None,
        "when it is run: one or several of cron (five fields, or six with the second last), H and R forms, "
        "@ aliases, @reboot, @every 90s, RRULE; none: by triggers only"),
    Key("schedule_timezone", FILLED, None, "the zone of the schedule; none: that of the top-level timezone"),
    Key("dst", one_of("once", "skip", "both"), "once",
        "fixed times at a change of the clock: once runs every intended time exactly once, skip leaves the skipped "
        "ones out, both runs the repeated ones twice"),
    Key("catch_up", one_of(*CatchUp), "skip",
        "times that passed while no daemon ran: skip them, run the last, run all"),
    Key("catch_up_limit", duration("nothing would ever be made up; write catch_up: skip for that"), None,
        "times longer ago than this are not made up"),
    Key("blackout", BLACKOUTS, [],
        "windows of time in which the schedule starts nothing; what is triggered is started all the same"),
    Key("blackout_policy", one_of(*BlackoutPolicy), "skip",
        "times inside a blackout: skip them, or defer them to its end, where one run stands for all of them"),
    Key("environment", VARIABLES, {}, "variables of its runs; they win over those of the top level"),
    Key("environment_file", PATH, None,
        "a file of KEY=VALUE lines, read when the configuration is; environment wins over it"),
    Key("trigger_environment", TEXTS, None,
        "patterns of the variables a trigger may set; none: decided by who dropped the file"),
    Key("parameters", _map_of("parameters", PARAMETER.schema, {"minLength": 1, "pattern": "^[^=]+$"}), {},
        "declared variables of its triggers; a trigger that breaks them is refused"),
    Key("runtime", LEGAL_NAME, None, "one of the top-level runtimes, put before the command"),
    Key("log_level", one_of("none", "error", "info", "debug"), "info",
        "given to the run as LOG_LEVEL; decides how much of the output the report keeps"),
    Key("working_directory", PATH, None, "where the command starts; none: the directory of the run"),
    Key("max_execution", duration("every run would be ended at once; leave the key out for no limit"), None,
        "TERM to the whole process group of a run that lasts longer"),
    Key("max_execution_grace", duration(), 60, "KILL this long after that TERM"),
    Key("concurrent_runs", BOOLEAN, False, "several runs of this job at once"),
    Key("merge", one_of(*Merge), "queue",
        "a trigger while a triggered run is pending: queue behind it, fold into it, replace it, drop the new one; "
        "a step or a task of a flow that is pending is left alone"),
    Key("concurrency_groups", NAMES, [], "a run needs a free slot in any one of these"),
    Key("after", LEGAL_NAME, None,
        "the job is a step after this one, or after this orchestration: each success of that starts it"),
    Key("event_trigger", EVENT, None, "what must have been updated for it to be started"),
    *REACTIONS,
    NOTIFY_KEY,
    Key("priority", whole_number(), 0, "of the runs that could start, the higher first, then the one that came first"),
    Key("render_reports", BOOLEAN, True, "false: the reports leave the job out"),
    Key("jenkins_environment", BOOLEAN, False, "set variables as Jenkins does: BUILD_ID, WORKSPACE and others"),
    Key("job_group", LEGAL_NAME, None, "given to the run as JOB_GROUP; set by job_groups"),
    Key("keeper", BOOLEAN, True, "record the exit status even if the daemon is killed meanwhile"),
    Key("user", ACCOUNT, None,
        "who its runs are, with that user's groups, HOME and LOGNAME; takes a daemon that runs as root. The run "
        "directory is theirs; those above it let everybody pass through, though not look; none: the daemon's"),
    Key("group", ACCOUNT, None, "the group of its runs; takes a daemon that runs as root; none: that of the user"),
    Key("umask", UMASK, None,
        "which permissions new files of its runs do not get; a number without quotes is taken by its value, as YAML "
        "reads 0027; none: the daemon's, which is 0027"),
    Key("nice", NICE, None, "added to the priority of its runs; less than 0 takes a daemon that runs as root"),
    Key("max_output", SIZE, None, "as the top-level max_output, for its runs; none: that one"),
    Key("retention", RULES, None,
        "which finished runs are removed, in place of what the top level says; {} keeps all of them, whatever the top "
        "level says; none: as the top level says"),
    *LIFE,
    later=LATER_OF_JOB,
    instead={"command": "stages"},
)  # fmt: skip

JOB_GROUP = Section(
    "a job group",
    Key("job_names", NAMES, REQUIRED, "the jobs of the group; each gets all other keys of the group"),
    *JOB.keys,
    later=LATER_OF_JOB,
    instead={"command": "stages"},
)  # fmt: skip

CONCURRENCY_GROUP = Section(
    "a concurrency group",
    Key("max", whole_number(0), 1, "how many runs may hold a slot at once; 0 pauses the group"),
)  # fmt: skip

RUNTIME = Section(
    "a runtime",
    Key("wrapper", COMMAND, None, "what is put before the command: an interpreter, a container, ssh host"),
    Key("environment", VARIABLES, {}, "variables of the runs under it; those of a job win over them"),
)  # fmt: skip


TOP = Section(
    "the configuration",
    Key("data_dir", PATH, None,
        "where runs, triggers, reports and the run log are kept; none: by the place of the configuration"),
    Key("config_d", PATH, "config.d", "the folder of further files; in the main file only"),
    Key("template_dir", PATH, None, "a folder of templates that is searched before the built-in one"),
    Key("timezone", FILLED, None, "the zone of the schedules and reports; none: that of the machine"),
    Key("environment", VARIABLES, {}, "variables of all runs"),
    Key("environment_file", PATH, None,
        "a file of KEY=VALUE lines, read when the configuration is; environment wins over it"),
    Key("secret_names", PATTERNS, None,
        "patterns of further variables whose values are never shown, such as LICENCE_*; PASSWORD, TOKEN, API_KEY and "
        "their like, and what an environment_file holds, are hidden in any case"),
    Key("runtimes", _map_of("runtimes", RUNTIME.schema), {}, "named wrappers of commands"),
    Key("jobs", _map_of("jobs", {"$ref": "#/$defs/job"}), {}, "what is run"),
    Key("job_groups", _map_of("job groups", {"$ref": "#/$defs/job_group"}), {},
        "several jobs with the same keys, by their job_names"),
    Key("orchestrations", _map_of("orchestrations", ORCHESTRATION.schema), {},
        "phases of tasks, each task a job; their names are in one name space with those of the jobs"),
    *TOP_REACTIONS,
    NOTIFY_TOP_KEY,
    Key("concurrency_groups", _map_of("concurrency groups", CONCURRENCY_GROUP.schema), {},
        "counted slots; a group that is used and not listed here has one"),
    Key("database", DATABASE_MAP, {}, "where the run log is"),
    Key("max_running", whole_number(1, "nothing would ever start"), None, "how many runs at once, all jobs together"),
    Key("on_shutdown", one_of(*OnShutdown), "leave",
        "what a stopping daemon does about runs: leave them to the next daemon, wait for them, kill them"),
    Key("shutdown_kill_runs", BOOLEAN, False, "true says the same as on_shutdown: kill"),
    Key("shutdown_kill_grace", duration(), None, "when runs are killed: KILL this long after the TERM; none: never"),
    Key("max_output", SIZE, None,
        "how much output of a run is kept, byte for byte; what is beyond is cut off within a second, and a line says "
        "so; the run goes on; none: all of it"),
    Key("drop_rights", one_of(*DropRights), "strict",
        "files in a drop directory that everybody may write to: strict refuses them, open takes them; a directory that "
        "a group may write to is fine either way"),
    Key("storm", STORM_LIMITS, {},
        "a job that starts again and again because it has just started, as one that drops a trigger for itself, is "
        "paused when it does so too often; many triggers at once are no storm"),
    Key("retention", RULES, {},
        "which finished runs are removed, with their output and pages; empty: none. What is newest is spared: of each "
        "job the last run, the last good and the last failed one"),
    Key("render", one_of("auto", "never"), "auto", "never: the daemon writes no reports"),
    Key("webhooks", _map_of("webhooks", HOOK.schema), {},
        "addresses that dsari-like webhook serves: a signed request to /hook/NAME drops a trigger"),
    Key("title", FILLED, "dsari_like", "heads the reports"),
    Key("base_url", TEXT, "", "where the reports are served, for links from outside"),
    Key("report_run_output_start", whole_number(0), 0, "bytes of the beginning of a long output that a page shows"),
    Key("report_run_output_end", whole_number(0), 0,
        "bytes of the end of a long output that a page shows; 0 and 0: the whole"),
    Key("report_html_gz", BOOLEAN, False, "pages are written compressed, with the suffix .gz"),
    later=LATER,
)  # fmt: skip

#: Every section with the path under which the manual lists it.
KEYS: tuple[tuple[str, Section], ...] = (
    ("", TOP),
    ("jobs.NAME", JOB),
    ("job_groups.NAME", Section("a job group", JOB_GROUP.keys[0])),
    ("jobs.NAME.blackout[]", BLACKOUT),
    ("jobs.NAME.parameters.VARIABLE", PARAMETER),
    ("jobs.NAME.stages[]", STAGE),
    ("jobs.NAME.heartbeat", HEARTBEAT),
    ("jobs.NAME.event_trigger, orchestrations.NAME.event_trigger", EVENT_TRIGGER),
    ("callbacks[], jobs.NAME.callbacks[]", CALLBACK),
    ("jobs.NAME.blocked_until", BLOCKING),
    ("notify, jobs.NAME.notify", NOTIFY),
    ("mail", MAIL),
    ("mail.smtp", SMTP),
    ("orchestrations.NAME", ORCHESTRATION),
    ("orchestrations.NAME.phases[]", PHASE),
    ("orchestrations.NAME.phases[].tasks[]", TASK),
    ("orchestrations.NAME.phases[].next[]", TRANSITION),
    ("orchestrations.NAME.phases[].next[].when", CONDITION),
    ("concurrency_groups.NAME", CONCURRENCY_GROUP),
    ("runtimes.NAME", RUNTIME),
    ("retention, jobs.NAME.retention", RETENTION),
    ("storm", STORM),
    ("webhooks.NAME", HOOK),
    ("webhooks.NAME.keys.KEY", HOOK_KEY),
    ("webhooks.NAME.response", RESPONSE),
    ("database", DATABASE),
)


def manual() -> Iterator[tuple[str, str, str, str, str]]:
    """Every key as the manual lists it: where it stands, its name, what it takes, its default, what it does."""
    for path, section in KEYS:
        for key in section.keys:
            yield path, key.name, key.check.words, key.default_words, key.help


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one configuration file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of dsari_like",
        **TOP.schema,
        "$defs": {"job": JOB.schema, "job_group": JOB_GROUP.schema},
    }
