"""What a run is told: names, values, precedence."""

from __future__ import annotations

from dsari_like.core.environment import Host, build, command_line, run_directory
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Configuration, EndedRun, Job, Run, Runtime, Trigger

HOST = Host("/usr/bin:/bin", "/home/ci", "ci")


def a_run(trigger: Trigger | None = None, **fields: object) -> Run:
    run = Run("r1", "web", trigger or Trigger("schedule"), RunState.RUNNING, 100.25, 100.5)
    run.start_time = 101.5
    for name, value in fields.items():
        setattr(run, name, value)
    return run


def variables(job: Job, run: Run | None = None, **settings: object) -> dict[str, str]:
    configuration = Configuration(jobs={job.name: job}, data_dir="/data", **settings)  # type: ignore[arg-type]
    return build(configuration, job, run or a_run(), HOST, {})


def test_automatic_names_are_always_there() -> None:
    """D-50."""
    assert variables(Job("web", ("true",))) == {
        "CI": "true",
        "DSARI": "true",
        "DSARI_LIKE": "true",
        "LOGNAME": "ci",
        "HOME": "/home/ci",
        "PATH": "/usr/bin:/bin",
        "DATA_DIR": "/data",
        "JOB_NAME": "web",
        "JOB_DIR": "/data/runs/web",
        "RUN_ID": "r1",
        "RUN_DIR": "/data/runs/web/r1",
        "SCHEDULE_TIME": "100.25",
        "START_TIME": "101.5",
        "TRIGGER_TYPE": "schedule",
        "TRIGGER_DIR": "/data/trigger",
        "ATTEMPT": "1",
        "LOG_LEVEL": "info",
        "RETURN_DATA_FILE": "/data/runs/web/r1/return_data.json",
        "PROGRESS_FILE": "/data/runs/web/r1/progress.jsonl",
        "HEARTBEAT_FILE": "/data/runs/web/r1/heartbeat",
        "IDEMPOTENCY_KEY": "r1:main",
    }


def test_a_stage_and_a_resumption_are_told() -> None:
    """J-16, J-30, J-31: what was begun before is known by its key."""
    found = variables(Job("web", ()), a_run(stage="copy", resume="deadline"))
    assert {name: found[name] for name in ("STAGE", "IDEMPOTENCY_KEY", "RESUME", "RESUME_REASON")} == {
        "STAGE": "copy",
        "IDEMPOTENCY_KEY": "r1:copy",
        "RESUME": "1",
        "RESUME_REASON": "deadline",
    }


def test_each_variable_of_the_workflow_is_one_of_the_environment() -> None:
    """J-07."""
    found = variables(Job("web", ("true",)), a_run(workflow_variables={"asset": "x 1", "sizes": [1, 2], "a-b": 1}))
    told = {name: value for name, value in found.items() if name.startswith("WORKFLOW_")}
    assert told == {"WORKFLOW_asset": "x 1", "WORKFLOW_sizes": "[1, 2]"}


def test_later_sources_win() -> None:
    """D-53: automatic, top level, runtime, job, trigger."""
    job = Job("web", ("true",), runtime="py", environment={"C": "job", "D": "job"})
    run = a_run(Trigger("file", environment={"D": "trigger"}))
    found = variables(
        job,
        run,
        environment={"A": "top", "B": "top", "CI": "top"},
        runtimes={"py": Runtime(("python3",), {"B": "runtime", "C": "runtime"})},
    )
    assert {name: found[name] for name in ("A", "B", "C", "D", "CI")} == {
        "A": "top",
        "B": "runtime",
        "C": "job",
        "D": "trigger",
        "CI": "top",
    }


def test_what_is_known_only_sometimes_is_told_only_then() -> None:
    """D-51."""
    run = a_run(Trigger("file", origin={"uid": 33, "user": "www-data"}), concurrency_group="db", retry_of="r0")
    found = variables(Job("web", ("true",), job_group="sites"), run)
    assert (found["CONCURRENCY_GROUP"], found["JOB_GROUP"], found["RETRY_OF"]) == ("db", "sites", "r0")
    assert (found["TRIGGER_UID"], found["TRIGGER_USER"]) == ("33", "www-data")


def test_earlier_runs_are_told_in_three_families() -> None:
    job = Job("web", ("true",))
    earlier = {"PREVIOUS_": EndedRun("r0", 1.0, 2.0, 3.0, 4), "PREVIOUS_BAD_": EndedRun("r0", 1.0, 2.0, 3.0, 4)}
    found = build(Configuration(jobs={}, data_dir="/data"), job, a_run(), HOST, earlier)
    assert found["PREVIOUS_EXIT_CODE"] == found["PREVIOUS_BAD_EXIT_CODE"] == "4"
    assert (found["PREVIOUS_START_TIME"], found["PREVIOUS_STOP_TIME"]) == ("2.0", "3.0")
    assert "PREVIOUS_GOOD_RUN_ID" not in found


def test_jenkins_names_on_request() -> None:
    """D-52."""
    found = variables(Job("web", ("true",), jenkins_environment=True))
    assert found["BUILD_TAG"] == "dsari-web-r1"
    assert found["WORKSPACE"] == "/data/runs/web/r1"
    assert found["BUILD_URL"] == "file:///data/runs/web/r1"


def test_the_command_line_is_wrapper_command_and_run() -> None:
    job = Job("web", ("run", "it"), runtime="box", command_append_run=True)
    configuration = Configuration(jobs={}, data_dir="/data", runtimes={"box": Runtime(("nsenter", "--"))})
    assert command_line(configuration, job, a_run()) == ("nsenter", "--", "run", "it", "web", "r1")
    assert run_directory(configuration, a_run()) == "/data/runs/web/r1"
