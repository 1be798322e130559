"""What people see of chains and orchestrations, and how they ask for parts of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsari_like.core.flow_messages import WatchedUpdated
from tests.shell.commands import Commands, wall

JOBS: dict[str, Any] = {
    "fetch": {"command": "true"},
    "check": {"command": "true", "after": "fetch", "enabled": False},
    "load": {"command": "true", "after": "check"},
    "tell": {"command": "true", "after": "fetch"},
    "alone": {"command": "true", "event_trigger": {"watch": "in/*.csv"}},
}
NIGHTLY = {
    "description": "every night",
    "schedule": "0 2 * * *",
    "phases": [
        {"name": "get", "tasks": ["fetch", {"job": "alone", "active": False}]},
        {"name": "do", "tasks": ["tell"]},
    ],
}


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    made = Commands(tmp_path, capsys)
    made.begin(JOBS, orchestrations={"nightly": NIGHTLY})
    yield made
    made.close()


def test_c08_chains_are_trees_with_the_last_state_of_each_step(commands: Commands) -> None:
    commands.drop("fetch")
    commands.end()
    commands.end(code=1)  # tell, which began last
    said = commands("chains", "--format", "json")
    assert [(one["job_name"], one["depth"], one["head"]) for one in said.data] == [
        ("fetch", 0, "fetch"),
        ("check", 1, "fetch"),
        ("load", 2, "fetch"),
        ("tell", 1, "fetch"),
    ]
    states = {one["job_name"]: one["last_run"] and one["last_run"]["status"] for one in said.data}
    assert states == {"fetch": "completed", "check": None, "load": "running", "tell": "failed"}
    lines = commands("chains").lines
    assert [line.split("  ")[0].rstrip() for line in lines[1:]] == ["fetch", "└─ check", "", "└─ tell"]
    assert "└─ load" in lines[3] and "disabled: it is passed over" in lines[2]


def test_c09_the_executions_of_a_chain_are_found_by_any_of_its_jobs(commands: Commands) -> None:
    commands.drop("fetch")
    commands.end()
    commands.drop("load")  # by hand, in the middle: it waits behind the other, and is an execution of its own
    said = commands("chains", "tell", "--format", "json")
    assert [(one["name"], one["status"]) for one in said.data] == [("fetch", "running"), ("fetch", "running")]
    assert [run["job_name"] for run in said.data[1]["runs"]] == ["fetch", "load", "tell"]
    assert "fetch completed, load running, tell running" in commands("chains", "load").out
    assert commands("chains", "alone").code == 3


def test_k05_orchestrations_are_listed_and_their_executions_with_the_state_of_each_task(commands: Commands) -> None:
    listed = commands("orchestrations", "--format", "json").data
    assert listed[0]["phases"] == [{"name": "get", "tasks": ["fetch", "alone"]}, {"name": "do", "tasks": ["tell"]}]
    assert listed[0]["schedule_timezone"] == "UTC" and listed[0]["last_status"] is None
    commands.drop("nightly")
    commands.end()
    assert "get/fetch completed" in commands("orchestrations", "nightly").out
    (one,) = commands("orchestrations", "nightly", "--format", "json").data
    assert one["kind"] == "orchestration" and {run["flow_id"] for run in one["runs"]} == {one["flow_id"]}
    assert "running" in commands("orchestrations").lines[1]
    said = commands("orchestrations", "nigthly")
    assert said.code == 3 and "did you mean 'nightly'?" in said.err


def test_k04_a_choice_of_tasks_is_shown_before_and_dropped_with_the_trigger(commands: Commands) -> None:
    said = commands("trigger", "nightly", "--skip", "do/tell", "--dry-run")
    assert said.data == {"trigger_type": "manual", "skip": ["do/tell"]}
    assert "would run get/fetch; would leave out get/alone, do/tell" in said.err
    assert commands("trigger", "nightly", "--tasks", "fetch, tell", "--phase", "get").code == 0
    (dropped,) = (commands.var / "trigger" / "nightly").glob("*.json")
    assert json.loads(dropped.read_text()) == {
        "trigger_type": "manual",
        "tasks": ["fetch", "tell"],
        "phase": ["get"],
    }


def test_k74_what_cannot_be_chosen_is_refused_where_somebody_reads_it(commands: Commands) -> None:
    said = commands("trigger", "nightly", "--tasks", "fecth")
    assert said.code == 2 and "there is no task 'fecth' in nightly (did you mean 'fetch'?)" in said.err
    assert commands("trigger", "nightly", "--tasks", "alone").code == 2
    assert "for orchestrations" in commands("trigger", "fetch", "--tasks", "x").err


def test_k30_events_can_be_forgotten(commands: Commands) -> None:
    said = commands("reset-event", "alone")
    assert said.code == 4  # nobody is there to do it, and the request waits
    (request,) = (commands.var / "control").glob("*.json")
    asked = json.loads(request.read_text())
    assert (asked["action"], asked["job"]) == ("reset_event", "alone")
    assert commands("reset-event", "fetch").code == 1


def test_k29_which_events_are_ready_and_which_are_awaited_is_told_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Commands(tmp_path, capsys)
    trigger = {"watch": ["in/a", "in/b"], "cool_down": "1h"}
    made.begin({"both": {"command": "true", "event_trigger": trigger}, "none": {"command": "true"}}, at=wall())
    a, b = f"{made.etc}/in/a", f"{made.etc}/in/b"
    (told,) = made("status", "--format", "json").data["events"]
    assert (told["job_name"], told["updated"], told["awaited"], told["cools_until"]) == ("both", {}, [a, b], None)

    made.tell(WatchedUpdated((a,), made.now.wall, {}))
    (told,) = made("status", "--format", "json").data["events"]
    assert (told["updated"], told["awaited"]) == ({a: made.now.wall}, [b])
    assert f"waits for {b}." in made("explain", "both").out and f"Ready: {a} (" in made("explain", "both").out

    made.tell(WatchedUpdated((b,), made.now.wall, {}))  # starts it, and the cool-down begins
    (told,) = made("status", "--format", "json").data["events"]
    assert (told["updated"], told["awaited"]) == ({}, [a, b])
    assert told["cools_until"] == told["fired"] + 3600.0
    page = made("status").lines
    assert "COOLS DOWN UNTIL" in page[page.index("Events:") + 1] and "both" in page[page.index("Events:") + 2]
    assert "It cools down until" in made("explain", "both").out
    jobs = {one["job_name"]: one["event_trigger"] for one in made("jobs", "--format", "json").data}
    assert (jobs["both"]["awaited"], jobs["none"]) == ([a, b], None)
    made.close()


def test_a_site_without_event_triggers_hears_nothing_of_events(commands: Commands) -> None:
    commands.configure({"plain": {"command": "true"}})
    assert "Events" not in commands("status").out
    assert commands("status", "--format", "json").data["events"] == []
