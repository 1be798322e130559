"""What is asked of flows on the command line, with the real daemon: a choice of tasks, retries, cancels, lists, and how
each command ends."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Site
from tests.e2e.test_flows import ended, flows

EXAMPLES = Path(__file__).parents[2] / "etc" / "examples"
SH = ["sh", "-c"]
TRUE = {"command": "true"}
#: Fails until a file is there that is called as the job.
FLAKY = {"command": [*SH, 'test -e "$DATA_DIR/$JOB_NAME.ok"']}
#: Runs until a file is there that is called as the job.
LASTS = {"command": [*SH, 'until test -e "$DATA_DIR/$JOB_NAME.ok"; do sleep 0.02; done']}


def chain(**jobs: Any) -> dict[str, Any]:
    """Jobs one after the other."""
    names = list(jobs)
    return {
        name: {**keys, **({"after": names[number - 1]} if number else {})}
        for number, (name, keys) in enumerate(jobs.items())
    }


def night(*phases: list[Any]) -> dict[str, Any]:
    named = [{"name": f"p{number}", "tasks": tasks} for number, tasks in enumerate(phases, 1)]
    return {"night": {"phases": named}}


def said(site: Site, *argv: str, code: int = 0) -> str:
    """What a command says, on both channels; it ends with this exit code."""
    done = site.command(*argv)
    assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def names(site: Site) -> list[str]:
    """The jobs of all runs, in the order they were made."""
    return [row["job_name"] for row in site.rows("select * from runs order by queue_time, sequence")]


def ok(site: Site, *jobs: str) -> None:
    for name in jobs:
        site.write(f"var/{name}.ok", "")


# --- a choice of tasks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "would", "made"),
    [
        (("--tasks", "orders,tell"), "would run read/orders, tell/tell; would leave out", ["orders", "tell"]),
        (("--skip", "prices", "--skip", "build/tables"), "would run read/orders, tell/tell", ["orders", "tell"]),
        (("--phase", "tell"), "would run tell/tell", ["tell"]),
        (("--phase", "build"), "would run build/tables", ["tables", "rebuild", "reindex"]),
    ],
)
def test_k04_k76_the_choice_is_shown_before_and_is_what_is_run(
    site: Site, options: tuple[str, ...], would: str, made: list[str]
) -> None:
    shutil.copy(EXAMPLES / "orchestration.yaml", site.etc / "dsari_like.yaml")
    site.start()
    shown = said(site, "trigger", "nightly", *options, "--dry-run")
    assert would in shown and "nothing was dropped" in shown
    assert site.rows("select * from runs") == []
    said(site, "trigger", "nightly", *options, "--wait")
    assert ended(site, "nightly", *made) == ["nightly", *made]
    data = json.loads(site.runs("nightly")[0]["trigger_data"])
    assert {key for key in ("tasks", "skip", "phase") if key in data} == {options[0].removeprefix("--")}


def test_k04_what_cannot_be_chosen_is_refused_with_what_was_meant(site: Site) -> None:
    site.configure({"a": TRUE, "b": TRUE}, orchestrations=night(["a"], [{"job": "b", "active": False}]))
    site.start()
    assert "did you mean 'p1/a'" in said(site, "trigger", "night", "--tasks", "p1/aa", code=2)
    assert "is not active" in said(site, "trigger", "night", "--tasks", "b", code=2)
    assert "there is no phase" in said(site, "trigger", "night", "--phase", "p3", code=2)
    site.drop("night", {"tasks": ["x"]})
    (reason,) = site.until_refused("night").values()
    assert "there is no task 'x' in night" in reason
    assert site.rows("select * from runs") == []


# --- exit codes -------------------------------------------------------------------------------------------------------


def test_wait_ends_as_the_orchestration_did(site: Site) -> None:
    site.configure(
        {"a": FLAKY, "b": TRUE},
        orchestrations={
            "hard": {"phases": [{"name": "p", "tasks": ["a"]}, {"name": "q", "tasks": ["b"]}]},
            "soft": {"phases": [{"name": "p", "tasks": [{"job": "a", "continue_on_failure": True}]}]},
        },
    )
    site.start()
    assert "phase p failed (a); q was not executed" in said(site, "trigger", "hard", "--wait", code=1)
    assert "Warning in" in said(site, "trigger", "soft", "--wait")
    (flow,) = [row["flow_id"] for row in site.runs("hard")]
    assert "phase p failed" in said(site, "retry", flow, "--wait", code=1)
    ok(site, "a")
    said(site, "retry", flow, "--wait")
    assert [row["status"] for row in site.rows("select * from flows order by start_time")] == ["completed", "warning"]


def test_wait_for_a_step_ends_with_the_step_and_not_with_its_chain(site: Site) -> None:
    site.configure(chain(one=TRUE, two=LASTS))
    site.start()
    said(site, "trigger", "one", "--wait")
    ok(site, "two")
    ended(site, "one", "two")


# --- retries ----------------------------------------------------------------------------------------------------------


def test_k06_the_id_of_a_flow_means_all_its_attempts(site: Site) -> None:
    """The third attempt keeps what the first and the second did well."""
    site.configure({"a": TRUE, "b": FLAKY, "c": FLAKY}, orchestrations=night(["a", "b"], ["c"]))
    site.start()
    said(site, "trigger", "night", "--wait", code=1)
    flow = site.runs("night")[0]["flow_id"]
    ok(site, "b")
    assert f"asked for flow {flow} to be repeated" in said(site, "retry", flow)
    ended(site, "night", "night", "a", "b", "b", "c")
    site.stop()
    site.start()
    said(site, "retry", flow, "--wait", code=1)
    ok(site, "c")
    said(site, "retry", flow, "--wait")
    expected = ["night", "a", "b", "night", "b", "c", "night", "c", "night", "c"]
    assert ended(site, *expected) == expected
    assert flows(site) == [("night", "completed")]
    assert len({row["flow_id"] for row in site.runs()}) == 1
    assert [row["attempt"] for row in site.runs("night")] == [1, 2, 3, 4]
    assert "every task of night went well" in said(site, "retry", flow, "--wait", code=125)


def test_k06_the_choice_of_a_retry_can_be_changed(site: Site) -> None:
    site.configure({"a": TRUE, "b": FLAKY, "c": TRUE}, orchestrations=night(["a", "b"], ["c"]))
    site.start()
    said(site, "trigger", "night", "--wait", code=1)
    flow = site.runs("night")[0]["flow_id"]
    said(site, "retry", flow, "--tasks", "a,c", "--wait", code=0)
    assert names(site) == ["night", "a", "b", "night", "a", "c"]
    assert "there is no task 'x' in night" in said(site, "retry", "--flow", flow, "--tasks", "x", "--wait", code=125)


def test_k06_a_flow_that_goes_on_is_not_retried(site: Site) -> None:
    site.configure({"a": FLAKY, "b": LASTS}, orchestrations=night(["a"], ["b"]))
    site.start()
    said(site, "trigger", "night", "--wait", code=1)
    ok(site, "a")
    flow = site.runs("night")[0]["flow_id"]
    said(site, "retry", flow)
    site.until("the task", lambda: site.runs("b", "running"))
    assert "has not ended yet" in said(site, "retry", flow, code=1)
    ok(site, "b")
    ended(site, "night", "night", "a", "a", "b")


def test_c14_cascade_and_only(site: Site) -> None:
    site.configure(chain(one=TRUE, two=FLAKY, three=TRUE, four=TRUE))
    site.start()
    said(site, "trigger", "one")
    ended(site, "one", "two")
    ok(site, "two")
    failed = site.runs("two")[0]["run_id"]
    said(site, "retry", failed, "--only", "--wait")
    assert ended(site, "one", "two", "two") == ["one", "two", "two"]
    said(site, "retry", failed, "--wait")
    assert ended(site, *"one two two two three four".split())[3:] == ["two", "three", "four"]
    well = site.runs("three")[0]["run_id"]
    said(site, "retry", well, "--wait")
    assert ended(site, *"one two two two three four three".split())[6:] == ["three"]
    said(site, "retry", well, "--cascade", "--wait")
    assert ended(site, *"one two two two three four three three four".split())[7:] == ["three", "four"]
    assert len({row["flow_id"] for row in site.runs()}) == 1
    said(site, "retry", failed, "--cascade", "--only", code=2)


def test_a_chain_that_is_retried_by_its_flow_goes_on_where_it_failed(site: Site) -> None:
    site.configure(chain(one=TRUE, two=FLAKY, three=TRUE))
    site.start()
    said(site, "trigger", "one")
    ended(site, "one", "two")
    ok(site, "two")
    said(site, "retry", "--flow", site.runs("one")[0]["run_id"], "--wait")
    assert ended(site, "one", "two", "two", "three") == ["one", "two", "two", "three"]
    assert flows(site) == [("one", "completed")]


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_cancel_flow_ends_all_of_it_whatever_it_is(site: Site) -> None:
    site.configure({**chain(one=TRUE, two=LASTS, three=TRUE), "a": LASTS, "b": LASTS, "c": TRUE}, max_running=2,
                   orchestrations={"inner": {"phases": [{"name": "p", "tasks": ["a", "b"]}]},
                                   **night(["inner"], ["c"])})  # fmt: skip
    site.start()
    said(site, "trigger", "one")
    site.until("the second step", lambda: site.runs("two", "running"))
    said(site, "trigger", "night")
    site.until("a task that runs and one that waits", lambda: len(site.runs("a") + site.runs("b")) == 2)
    for head in ("one", "night"):
        flow = site.runs(head)[0]["flow_id"]
        said(site, "cancel", "--flow", flow, "--reason", "enough", "--wait")
    assert {row["job_name"]: row["status"] for row in site.runs()} == {
        "one": "completed", **dict.fromkeys(("two", "night", "inner", "a", "b"), "cancelled")
    }  # fmt: skip
    assert [status for _, status in flows(site)] == ["cancelled", "cancelled"]


# --- looking ----------------------------------------------------------------------------------------------------------


def test_c08_chains_as_trees_and_as_executions(site: Site) -> None:
    site.configure({**chain(one=TRUE, two=TRUE, three=FLAKY), "other": {**TRUE, "after": "one"}, "alone": TRUE})
    site.start()
    said(site, "trigger", "one")
    ended(site, "one", "two", "three", "other")
    lines = said(site, "chains").splitlines()
    steps = [line.split("\N{BOX DRAWINGS LIGHT HORIZONTAL} ")[-1].split()[0] for line in lines[1:]]
    assert steps == ["one", "two", "three", "other"]
    assert "failed" in lines[3] and "completed" in lines[4]
    (flow,) = json.loads(said(site, "chains", "two", "--format", "json"))
    assert (flow["name"], flow["status"], len(flow["runs"])) == ("one", "failed", 4)
    assert "three failed" in said(site, "chains", "three")
    assert "is of no chain" in said(site, "chains", "alone", code=3)


def test_orchestrations_and_their_executions(site: Site) -> None:
    site.configure({"a": FLAKY, "b": TRUE}, orchestrations=night(["a", "b"], ["b"]))
    site.start()
    said(site, "trigger", "night", "--wait", code=1)
    assert "p1: a, b; p2: b" in said(site, "orchestrations")
    shown = said(site, "orchestrations", "night")
    assert "p1/a failed" in shown and "p1/b completed" in shown and "p2/b" not in shown
    ok(site, "a")
    said(site, "retry", site.runs("night")[0]["run_id"], "--wait")
    (flow,) = json.loads(said(site, "orchestrations", "night", "--format", "json"))
    assert (flow["status"], [run["job_name"] for run in flow["runs"]]) == (
        "completed",
        [*"night a b night a b".split()],
    )
    assert "did you mean 'night'" in said(site, "orchestrations", "nigth", code=3)


def test_k39_what_a_task_and_an_orchestration_wait_for_is_told(site: Site) -> None:
    site.configure({"a": LASTS, "b": TRUE}, orchestrations=night(["a"], ["b"]))
    site.start()
    said(site, "trigger", "a")
    site.until("the run", lambda: site.runs("a", "running"))
    said(site, "trigger", "night")
    site.until("the task", lambda: site.runs("a", "queued"))
    said(site, "trigger", "night")
    site.until("the second", lambda: site.runs("night", "queued"))
    first = site.runs("a", "running")[0]["run_id"]
    site.until("why", lambda: first in said(site, "show", site.runs("a", "queued")[0]["run_id"]))
    waiting = site.runs("night", "queued")[0]["run_id"]
    assert site.runs("night", "running")[0]["run_id"] in said(site, "show", waiting)
    ok(site, "a")
    ended(site, *"a night a b night a b".split())


# --- events -----------------------------------------------------------------------------------------------------------


def test_k30_reset_event_forgets_what_came(site: Site) -> None:
    (site.root / "in").mkdir()
    watch = {"watch": ["in/x", "in/y"]}
    site.configure(
        {"a": {**TRUE, "event_trigger": {"watch": [f"{site.root}/{one}" for one in watch["watch"]]}}, "b": TRUE}
    )
    site.start()
    site.write("in/x", "1")
    site.until("that it is remembered", lambda: site.rows("select * from readiness where updated <> '{}'"))
    said(site, "reset-event", "a", "--wait")
    assert site.rows("select updated from readiness")[0]["updated"] == "{}"
    site.write("in/y", "1")
    site.until("that it is remembered", lambda: site.rows("select * from readiness where updated like '%/in/y%'"))
    site.quiet()
    assert site.runs() == []
    site.write("in/x", "22")
    assert ended(site, "a") == ["a"]
    assert "has no event_trigger" in said(site, "reset-event", "b", code=1)


# --- what is wrong with a configuration -------------------------------------------------------------------------------


def test_c12_a_deleted_step_is_told_by_check_and_by_the_daemon_with_the_line_to_write(site: Site) -> None:
    jobs = chain(one=TRUE, two=TRUE, three=TRUE, four=TRUE)
    site.configure(jobs)
    site.start()
    site.without("descriptors", because="SQLite keeps the one by which a reload looked into the run log")
    line = "so it follows 'one' now; to keep it so, write   after: one"
    site.configure({name: keys for name, keys in jobs.items() if name not in ("two", "three")})
    assert line in said(site, "check")
    site.send(signal.SIGHUP)
    site.until("the warning", lambda: line in site.log_text())
    assert line in said(site, "chains")
    site.drop("one")
    assert ended(site, "one", "four") == ["one", "four"]
    site.configure({"one": TRUE, "four": {**TRUE, "after": "one"}})
    assert "gone" not in said(site, "check")


def test_what_never_was_a_job_is_no_step_to_follow(site: Site) -> None:
    site.configure({"one": TRUE, "two": {**TRUE, "after": "oen"}})
    shown = said(site, "check", code=2)
    assert "there is no job 'oen' in the configuration" in shown and "did you mean 'one'" in shown


def of(*tasks: str) -> dict[str, Any]:
    return {"phases": [{"name": "p", "tasks": list(tasks)}]}


@pytest.mark.parametrize(
    ("after", "orchestrations", "ring"),
    [
        ({"a": "c", "b": "a", "c": "b"}, {}, "a -> b -> c -> a"),
        ({"a": None}, {"m": of("n"), "n": of("a", "m")}, "m -> n -> m"),
    ],
)
def test_a_ring_is_an_error_that_prints_it(site: Site, after: Any, orchestrations: Any, ring: str) -> None:
    jobs = {name: {**TRUE, **({"after": before} if before else {})} for name, before in after.items()}
    site.configure(jobs, orchestrations=orchestrations)
    assert ring in said(site, "check", code=2)
