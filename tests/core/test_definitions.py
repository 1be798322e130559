"""A job as it was once: everything that decides how a run is carried out comes back, and no secret is kept (J-22)."""

from __future__ import annotations

from dataclasses import fields, replace

from dsari_like.core import definitions
from dsari_like.core.choices import LockMode, OnInterrupt
from dsari_like.core.clauses import Heartbeat, Stage
from dsari_like.core.model import Job
from tests.core.house import job

FULL = Job(
    "a",
    ("make", "-j4"),
    stages=(Stage("one", ("x", "y"), OnInterrupt.REPEAT, True), Stage("two", ("z",))),
    command_append_run=True,
    environment={"A": "1", "B": "ü"},
    runtime="box",
    log_level="debug",
    working_directory="/srv",
    max_execution=5.0,
    max_execution_grace=1.0,
    heartbeat=Heartbeat(1.0, 2.0, True),
    resume_command=("again",),
    cancel_grace=3.0,
    on_cancelled=("sweep",),
    retries=4,
    retry_delay=9.0,
    retry_backoff=2.0,
    retry_exit_codes=(75,),
    concurrency_groups=("g",),
    locks={"db": LockMode.EXCLUSIVE, "${X}": LockMode.SHARED},
    items=("1", "2"),
    items_parallel=7,
    jenkins_environment=True,
    job_group="group",
    keeper=False,
    user="www",
    group="www",
    umask=0o27,
    nice=5,
    max_output=100,
)


def test_what_is_recorded_comes_back_whole() -> None:
    assert definitions.restore(Job("a", ("other",)), definitions.record(FULL)) == FULL


def test_what_only_decides_whether_and_when_a_run_is_made_is_as_it_is_now() -> None:
    """Schedules, pauses, parameters: a retry has been made already."""
    present = replace(Job("a", ()), schedule=("@daily",), enabled=False, description="new", priority=3)
    restored = definitions.restore(present, definitions.record(FULL))
    assert (restored.schedule, restored.enabled, restored.description, restored.priority) == (
        ("@daily",),
        False,
        "new",
        3,
    )


def test_a_secret_is_not_kept_and_is_taken_from_where_it_is_now() -> None:
    secret = replace(FULL, environment={"A": "1", "TOKEN": "hidden"}, secret_names=frozenset({"TOKEN"}))
    text = definitions.record(secret)
    assert "hidden" not in text
    present = replace(job(), environment={"TOKEN": "newer", "C": "3"}, secret_names=frozenset({"TOKEN"}))
    assert definitions.restore(present, text).environment == {"A": "1", "TOKEN": "newer"}


def test_the_same_job_has_the_same_digest_and_any_other_another() -> None:
    same = replace(FULL, locks=dict(reversed(list(FULL.locks.items()))))
    assert definitions.record(same) == definitions.record(FULL)
    digests = {definitions.digest_of(definitions.record(one)) for one in (FULL, job(), replace(FULL, retries=5))}
    assert len(digests) == 3


def test_a_text_is_told_once_and_again_when_the_job_has_changed() -> None:
    known, one, other = definitions.Definitions(), job(), job(retries=1)
    digest, text = known.of(one)
    assert text is not None and known.of(one) == (digest, None)
    assert known.of(other)[0] != digest and known.of(other)[1] is None


def test_what_an_older_version_recorded_is_read() -> None:
    """Keys that it did not know are as they are now."""
    present = replace(FULL, umask=0o77)
    text = '{"command": ["x"], "environment": {}, "locks": {}, "heartbeat": null, "stages": []}'
    restored = definitions.restore(present, text)
    assert (restored.command, restored.umask, restored.stages) == (("x",), 0o77, ())


def test_every_field_of_a_job_is_either_kept_or_about_something_else() -> None:
    """A new key that decides how a run is carried out must not be forgotten here."""
    kept = {field.name for field in fields(Job) if getattr(FULL, field.name) != getattr(Job("a", ()), field.name)}
    others = {
        "name", "description", "enabled", "schedule", "schedule_timezone", "dst", "catch_up", "catch_up_limit",
        "blackout", "blackout_policy", "environment_file", "trigger_environment", "parameters", "concurrent_runs",
        "merge", "priority", "executor", "after", "event_trigger", "flow", "blocked_until", "callbacks",
        "universal_callbacks", "render_reports", "retention", "notify", "secret_names", "where",
    }  # fmt: skip
    new = {field.name for field in fields(Job)} - kept - others
    assert not new, f"{new}: are they to be kept with a run? then record them, else add them here"
