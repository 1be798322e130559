"""`runs`, `jobs`, `status` and `show`: what is recorded, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.cli.objects import RUN_COLUMNS
from dsari_like.core.secrets import MASK
from dsari_like.system.lock import DirectoryLock
from tests.shell.commands import DAY, NOON, Commands, wall


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    yield place
    place.close()


@pytest.fixture
def story(commands: Commands) -> Commands:
    """A build that passed, one that failed, and a night."""
    commands.begin()
    commands.drop("build", data={"type": "push", "description": "by Ada", "n": 1}, environment={"REF": "a"})
    commands.end(0)
    commands.drop("build", environment={"REF": "b", "API_TOKEN": "s3cret"}, data={"environment": {"REF": "b"}})
    commands.end(3)
    commands.pass_time(NOON + 13.5 * 3600)
    commands.end(0, after=90)
    return commands


# --- runs ---------------------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first(story: Commands) -> None:
    said = story("runs")
    assert said.code == 0
    assert [line.split()[1:4] for line in said.lines] == [
        ["JOB", "STATE", "EXIT"],
        ["nightly", "completed", "0"],
        ["build", "failed", "3"],
        ["build", "completed", "0"],
    ]
    assert "2026-03-27 02:30:00 CET" in said.lines[1]
    assert "1 min 30 s" in said.lines[1]
    assert said.lines[2].endswith("the command ended with exit code 3")
    assert said.lines[3].split()[-3:] == ["push", "by", "Ada"]


def test_a_listing_for_programs_has_the_columns_of_the_run_log_and_their_data(story: Commands) -> None:
    runs = story("runs", "--format", "json").data
    assert [tuple(run) for run in runs] == [RUN_COLUMNS] * 3
    first = runs[-1]
    assert first["trigger_data"] == {"type": "push", "description": "by Ada", "n": 1}
    assert (first["status"], first["exit_code"], first["start_time"], first["stop_time"]) == (
        "completed", 0, NOON, NOON + 2,
    )  # fmt: skip
    assert first["run_data"] is None


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--job", "build"], 2),
        (["--job", "build", "--job", "nightly"], 3),
        (["--job", "build", "--job", "build"], 2),
        (["--status", "failed"], 1),
        (["--status", "failed,completed"], 3),
        (["--status", "failed", "--status", "completed", "--limit", "2"], 2),
        (["--status", "open"], 0),
        (["--status", "final"], 3),
        (["--since", "2026-03-27"], 1),
        (["--until", "2026-03-27"], 2),
        (["--since", str(NOON + 1), "--until", str(NOON + 60)], 1),
        (["--since", "1h"], 0),
        (["--limit", "1"], 1),
        (["--limit", "0"], 3),
        (["--job", "idle"], 0),
    ],
)
def test_runs_are_filtered(story: Commands, options: list[str], count: int) -> None:
    said = story("runs", "--format", "json", *options)
    assert (said.code, len(said.data)) == (0, count)


def test_runs_of_several_jobs_stay_in_order(story: Commands) -> None:
    found = story("runs", "--job", "build", "--job", "nightly", "--format", "json").data
    assert [run["queue_time"] for run in found] == sorted((run["queue_time"] for run in found), reverse=True)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--job", "biuld"], 3, "there is no job 'biuld' (did you mean 'build'?)"),
        (["--status", "faild"], 2, "--status: there is no state 'faild' (did you mean 'failed'?)"),
        (["--since", "nonsense"], 2, "--since: expected a date and time, found 'nonsense'; or a span such as 2h"),
        (["--limit", "-1"], 2, "--limit: expected 0 or more, found -1"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(story: Commands, options: list[str], code: int, said: str) -> None:
    found = story("runs", *options)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"dsari-like: {said}")


def test_an_empty_list_is_an_answer(commands: Commands) -> None:
    commands.configure()
    assert commands("runs") == (0, "", "no runs\n")
    assert commands("runs", "--format", "json") == (0, "[]\n", "no runs\n")


def test_runs_of_a_job_that_is_configured_no_more_are_found(story: Commands) -> None:
    story.configure({"other": {"command": "true"}})
    assert len(story("runs", "--job", "build", "--format", "json").data) == 2


def test_what_somebody_else_wrote_starts_no_line_and_obeys_no_escape(story: Commands) -> None:
    story.drop("build", data={"type": "x\x1b[2J", "description": "one\ntwo"}, environment={"REF": "a"})
    said = story("runs")
    assert "x\\x1b[2J" in said.out
    assert "one\\ntwo" in said.out
    assert len(said.lines) == 5


# --- jobs ---------------------------------------------------------------------------------------------------------


def test_each_job_is_told_with_its_state_and_its_last_run(story: Commands) -> None:
    story.drop("first")
    story.drop("second")
    found = {job["job_name"]: job for job in story("jobs", "--format", "json").data}
    assert {name: job["state"] for name, job in found.items()} == {
        "build": "idle", "nightly": "idle", "idle": "disabled", "first": "running", "second": "waiting",
    }  # fmt: skip
    assert found["build"]["last_run"]["status"] == "failed"
    assert found["second"]["last_run"]["status"] == "queued"
    assert found["idle"]["last_run"] is None
    assert found["nightly"]["schedule"] == ["30 2 * * *"]
    assert found["nightly"]["next_time"] > wall()
    assert found["idle"]["next_time"] is None
    assert found["build"]["command"] == ["true"]
    assert [line.split()[:3] for line in story("jobs").lines[1:3]] == [
        ["build", "idle", "failed"],
        ["nightly", "idle", "completed"],
    ]


def test_one_job_can_be_asked_for(story: Commands) -> None:
    assert [job["job_name"] for job in story("jobs", "--job", "idle", "--format", "json").data] == ["idle"]
    assert story("jobs", "--job", "idel").code == 3


# --- status -------------------------------------------------------------------------------------------------------


def test_status_says_that_no_daemon_runs_and_ends_with_4(story: Commands) -> None:
    said = story("status")
    assert said.code == 4
    assert said.lines[0] == "No daemon is running."
    assert story("status", "--format", "json").data["daemon"]["alive"] is False


def test_status_of_a_living_daemon(story: Commands) -> None:
    lock = DirectoryLock(str(story.var))
    lock.describe({"pid": 42, "started": "2026-03-26T12:00:00+00:00", "version": "1"})
    lock.touch()
    said, data = story("status"), story("status", "--format", "json")
    lock.close()
    assert (said.code, data.code) == (0, 0)
    assert said.lines[0] == "The daemon is alive, pid 42, since 2026-03-26 13:00:00 CET."
    assert data.data["daemon"]["pid"] == 42
    assert data.data["daemon"]["last_turn"] <= wall()


def test_status_says_who_waits_for_what(story: Commands) -> None:
    story.drop("first")
    story.drop("first")
    story.drop("second")
    story.drop("build", schedule_time=wall() + DAY, environment={"REF": "a"})
    data = story("status", "--format", "json").data
    assert [run["job_name"] for run in data["running"]] == ["first"]
    assert data["running"][0]["pid"] == 4711
    why = {(run["job_name"], run["status"]): run["why"] for run in data["waiting"]}
    holder = data["running"][0]["run_id"]
    assert why["first", "queued"] == f"It waits for run {holder} of the same job to end."
    assert why["second", "queued"] == "It waits for a free slot of db, held by first."
    assert why["build", "scheduled"].startswith("It is not due before ")
    assert [entry["job_name"] for entry in data["next"]] == ["nightly"]
    assert "It waits for a free slot of db, held by first." in story("status").out


# --- show ---------------------------------------------------------------------------------------------------------


def test_show_tells_a_run_in_sentences(story: Commands) -> None:
    run_id = story("runs", "--status", "failed", "--format", "json").data[0]["run_id"]
    said = story("show", run_id)
    assert said.code == 0
    assert said.lines[:3] == [
        f"Run {run_id} of build",
        "Failed after 2.0 s: the command ended with exit code 3.",
        "User ada dropped the trigger file x.json, Thu 26 Mar 2026, 13:00:02 CET.",
    ]
    assert "exit code  3" in said.lines
    assert any(line.endswith("failed: exit 3") for line in said.lines)
    assert any(f"became run {run_id}" in line for line in said.lines)
    assert "  REF = b" in said.lines


def test_P18_show_hides_secrets_from_people_and_from_programs(story: Commands) -> None:
    run_id = story("runs", "--status", "failed", "--format", "json").data[0]["run_id"]
    assert "s3cret" not in story("show", run_id).out
    shown = story("show", run_id, "--format", "json")
    assert "s3cret" not in shown.out and shown.data["environment"]["API_TOKEN"] == MASK


def test_show_for_programs_adds_what_a_listing_leaves_out(story: Commands) -> None:
    shown = story("show", "nightly", "--format", "json").data
    assert set(RUN_COLUMNS) < set(shown)
    assert (shown["progress"], shown["message"]) == (None, None)
    assert shown["stages"] == shown["items"] == shown["callbacks"] == []
    assert [decision["outcome"] for decision in shown["decisions"]] == ["started"]
    assert [event["to_state"] for event in shown["events"]] == ["queued", "running", "completed"]
    assert json.dumps(shown)


def test_show_takes_the_beginning_of_an_id_or_a_job(story: Commands) -> None:
    ids = [run["run_id"] for run in story("runs", "--job", "nightly", "--format", "json").data]
    others = [run["run_id"] for run in story("runs", "--format", "json").data if run["run_id"] not in ids]
    short = next(ids[0][:n] for n in range(1, 37) if not any(run_id.startswith(ids[0][:n]) for run_id in others))
    assert story("show", short).lines[0] == f"Run {ids[0]} of nightly"
    assert story("show", "nightly").lines[0] == f"Run {ids[0]} of nightly"


def test_show_does_not_guess(story: Commands) -> None:
    said = story("show", "019aa")
    assert said.code == 2
    assert said.err.startswith("dsari-like: '019aa' may be run 019aa000-")
    assert said.err.endswith("give more of the id\n")


def test_show_does_not_guess_between_a_job_and_a_run(story: Commands) -> None:
    story.begin({"019aa": {"command": "true"}})
    story.drop("019aa")
    said = story("show", "019aa")
    assert said.code == 2
    assert "'019aa' may be the job 019aa or run 019aa000-" in said.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("first", "there is no run of job 'first' yet"),
        ("frist", "there is no run or job 'frist' (did you mean 'first'?)"),
        ("", "there is no run or job ''"),
        ("%", "there is no run or job '%'"),
    ],
)
def test_a_run_that_is_not_there_ends_with_3(story: Commands, name: str, said: str) -> None:
    assert story("show", name) == (3, "", f"dsari-like: {said}\n")
