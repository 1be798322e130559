"""The environment of a run: everything it is told, built from nothing (D-49), in one place.

Owns names, values and precedence: automatic, top level, job, trigger; later wins, but what identifies the run cannot
be overridden by a trigger (that is `names.py`). Must not know the daemon's own environment beyond the `Host` it is
handed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dsari_like.core.choices import LockMode
from dsari_like.core.clauses import LockDemand
from dsari_like.core.flows import place_of
from dsari_like.core.model import Configuration, EndedRun, Job, Run, Trigger
from dsari_like.core.names import is_job_name
from dsari_like.core.record import record
from dsari_like.core.variables import workflow_environment

#: What a run writes in its directory while it lives, by the names `PROGRESS_FILE` and `HEARTBEAT_FILE` give it.
PROGRESS_NAME = "progress.jsonl"
HEARTBEAT_NAME = "heartbeat"

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
LEGAL = "1 to 64 of letters, digits, space and - _ + . : @"


@record
class Host:
    """What is the same for every run of a daemon."""

    path: str
    home: str
    logname: str


def command_line(configuration: Configuration, job: Job, run: Run) -> tuple[str, ...]:
    """The argument vector: the runtime's wrapper, the command, and what `command_append_run` adds (D-20)."""
    runtime = configuration.runtimes.get(job.runtime) if job.runtime else None
    wrapper = runtime.wrapper if runtime else ()
    return wrapper + _command(job, run) + ((job.name, run.run_id) if job.command_append_run else ())


def _command(job: Job, run: Run) -> tuple[str, ...]:
    """What this launch of the run is for: a stage, a resumption, or simply the job."""
    if run.stage is not None:
        return next((stage.command for stage in job.stages if stage.name == run.stage), ())
    return job.resume_command if run.resume is not None else job.command


def run_directory(configuration: Configuration, run: Run) -> str:
    """Where a run leaves what it leaves."""
    return f"{configuration.data_dir}/runs/{run.job_name}/{run.run_id}"


def build(
    configuration: Configuration, job: Job, run: Run, host: Host, previous: Mapping[str, EndedRun]
) -> dict[str, str]:
    """All variables of the run but those that files decide: `TRIGGER_DATA_FILE`, `VARIABLES_FILE`, and `PWD` unless it
    is configured. What exists on the disk is for the shell to find out."""
    runtime = configuration.runtimes.get(job.runtime) if job.runtime else None
    variables = _automatic(configuration, job, run, host)
    for prefix, earlier in previous.items():
        variables.update(_previous(prefix, earlier))
    if job.jenkins_environment:
        variables.update(_jenkins(configuration, run))
    variables.update(configuration.environment)
    if runtime is not None:
        variables.update(runtime.environment)
    variables.update(job.environment)
    variables.update(run.trigger.environment)
    return variables


def lock_demands(configuration: Configuration, job: Job, run: Run) -> tuple[LockDemand, ...]:
    """The locks that the run needs, by the names they have for it: `${VARIABLE}` is what the run would see there (a
    lock for each database, for each asset; J-33). Raises ValueError, naming what is wrong, when a name comes to
    nothing that can be a lock's."""
    if not any("${" in name for name in job.locks):
        return tuple(LockDemand(name, mode) for name, mode in job.locks.items())
    variables = build(configuration, job, run, Host("", "", ""), {})
    demands: dict[str, LockMode] = {}
    for written, mode in job.locks.items():
        name = _expanded(written, variables)
        if not is_job_name(name):
            raise ValueError(f"lock '{written}': {name!a} is no name of a lock: {LEGAL}")
        if demands.get(name) is not LockMode.EXCLUSIVE:  # two ways to one lock: the stricter of the two counts
            demands[name] = mode
    return tuple(LockDemand(name, mode) for name, mode in demands.items())


def _expanded(written: str, variables: Mapping[str, str]) -> str:
    unset = [name for name in _VARIABLE.findall(written) if name not in variables]
    if unset:
        raise ValueError(f"lock '{written}': the run has no variable {unset[0]}")
    return _VARIABLE.sub(lambda found: variables[found[1]], written)


def _automatic(configuration: Configuration, job: Job, run: Run, host: Host) -> dict[str, str]:
    data_dir, run_dir = configuration.data_dir, run_directory(configuration, run)
    optional = {
        "CONCURRENCY_GROUP": run.concurrency_group,
        "JOB_GROUP": job.job_group,
        "FLOW_ID": run.flow_id,
        "RETRY_OF": run.retry_of,
        "PREVIOUS_STEP_RUN_ID": run.previous_run_id,
        "ITEM": run.item,
        "STAGE": run.stage,
        "RESUME": None if run.resume is None else "1",
        "RESUME_REASON": run.resume,
        "TRIGGER_UID": _text(run.trigger.origin.get("uid")),
        "TRIGGER_USER": run.trigger.origin.get("user"),
        **_step(run.trigger),
    }
    return {
        "CI": "true",
        "DSARI": "true",
        "DSARI_LIKE": "true",
        "LOGNAME": host.logname,
        "HOME": host.home,
        "PATH": host.path,
        "DATA_DIR": data_dir,
        "JOB_NAME": job.name,
        "JOB_DIR": f"{data_dir}/runs/{job.name}",
        "RUN_ID": run.run_id,
        "RUN_DIR": run_dir,
        "SCHEDULE_TIME": repr(run.schedule_time),
        "START_TIME": repr(run.start_time or run.schedule_time),
        "TRIGGER_TYPE": run.trigger.type,
        "TRIGGER_DIR": f"{data_dir}/trigger",
        "ATTEMPT": str(run.attempt),
        "LOG_LEVEL": job.log_level,
        "RETURN_DATA_FILE": f"{run_dir}/return_data.json",
        "PROGRESS_FILE": f"{run_dir}/{PROGRESS_NAME}",
        "HEARTBEAT_FILE": f"{run_dir}/{HEARTBEAT_NAME}",
        # The same for a resumption, another for a retry, which is another run; a run without stages is one of its own.
        "IDEMPOTENCY_KEY": f"{run.run_id}:{run.stage or 'main'}",
        **workflow_environment(run.workflow_variables),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _step(trigger: Trigger) -> dict[str, str | None]:
    """Where in a flow the run is. The data of a trigger that somebody dropped is that producer's own words, whatever
    keys it has: only what the daemon made itself tells a place."""
    if "uid" in trigger.origin:
        return {}
    data, place = trigger.data, place_of(trigger.type, trigger.data)
    if place is None:
        return {"PREVIOUS_STEP_JOB_NAME": data.get("after")}
    return {"ORCHESTRATION": data.get("orchestration"), "PHASE": place.phase, "TASK": place.task}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _previous(prefix: str, run: EndedRun) -> dict[str, str]:
    """One of the three families of D-51."""
    return {
        prefix + "RUN_ID": run.run_id,
        prefix + "SCHEDULE_TIME": repr(run.schedule_time),
        prefix + "START_TIME": repr(run.start_time),
        prefix + "STOP_TIME": repr(run.stop_time),
        prefix + "EXIT_CODE": str(run.exit_code),
    }


def _jenkins(configuration: Configuration, run: Run) -> dict[str, str]:
    """What scripts written for Jenkins look for (D-52)."""
    run_dir = run_directory(configuration, run)
    return {
        "BUILD_ID": run.run_id,
        "BUILD_NUMBER": run.run_id,
        "BUILD_TAG": f"dsari-{run.job_name}-{run.run_id}",
        "BUILD_URL": f"file://{run_dir}",
        "JENKINS_URL": f"file://{configuration.data_dir}",
        "EXECUTOR_NUMBER": "0",
        "NODE_NAME": "master",
        "WORKSPACE": run_dir,
    }
