"""`explain`: each of the questions people really ask is answered in one call, with no daemon there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.core import messages as m
from tests.shell.commands import JOBS, NOON, Commands

NIGHT = NOON + 13.5 * 3600  # 02:30 in Berlin


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    yield place
    place.close()


@pytest.fixture
def story(commands: Commands) -> Commands:
    """A build that failed, a trigger that was refused, and a night."""
    commands.begin()
    commands.drop("build", environment={"REF": "a"})
    commands.end(3)
    commands.refuse("build", "environment: 'REF': expected one of a and b, found 'c'")
    commands.pass_time(NIGHT)
    commands.end(0)
    return commands


def test_why_it_ran_at_night(story: Commands) -> None:
    said = story("explain", "nightly", "2026-03-27 02:30")
    assert said.code == 0
    assert said.lines[0].startswith("- The slot of Fri 27 Mar 2026, 02:30:00 CET became run 019aa000-")
    assert said.lines[1] == "  Completed in 2.0 s."
    assert said.lines[2].startswith(f"Its schedule is '30 2 * * *' ({story.etc}/dsari_like.yaml:")


def test_what_became_of_a_dropped_file(story: Commands) -> None:
    said = story("explain", "build", "2026-03-26T13:00")
    assert said.lines[0].startswith("- The trigger that was taken Thu 26 Mar 2026, 13:00:00 CET became run ")
    assert said.lines[1] == "  Failed after 2.0 s: the command ended with exit code 3."
    assert said.lines[2].startswith(
        "- The trigger that was taken Thu 26 Mar 2026, 13:00:02 CET was refused: environment"
    )


def test_why_it_did_not_run_at_a_time_that_was_missed(commands: Commands) -> None:
    commands.begin()
    commands.now = m.Now(NIGHT + 7200, 9000.0)  # the machine slept
    commands.tell(m.TimePassed())
    said = commands("explain", "nightly", "2026-03-27 02:30")
    assert "The slot of Fri 27 Mar 2026, 02:30:00 CET was missed: " in said.lines[0]
    assert "catch_up: skip" in said.lines[0]


def test_why_it_did_not_run_at_a_time_that_did_not_exist(commands: Commands) -> None:
    commands.begin({"nightly": {**JOBS["nightly"], "dst": "skip"}})
    said = commands("explain", "nightly", "2026-03-29 02:30")
    assert said.lines[0] == (
        "The clock of Europe/Berlin changes at Sun 29 Mar 2026, 03:00:00 CEST: from 02:00 to 03:00, so the times"
        " between did not exist."
    )
    assert any("left it out: skipped local time 02:30 not made up" in line for line in said.lines)


def test_a_time_that_was_made_up_is_found_by_the_time_that_did_not_exist(commands: Commands) -> None:
    commands.begin()
    commands.pass_time(NOON + 61 * 3600)
    said = commands("explain", "nightly", "2026-03-29 02:30")
    assert "The slot of Sun 29 Mar 2026, 03:00:00 CEST" in said.out
    assert "nothing" not in said.out.lower()


def test_a_time_without_a_slot_is_told_with_its_neighbours(story: Commands) -> None:
    said = story("explain", "nightly", "2026-03-27 04:00")
    assert said.lines[:2] == [
        "Nothing is recorded about nightly at Fri 27 Mar 2026, 04:00:00 CET.",
        "The schedule has no slot then (Europe/Berlin): the one before is Fri 27 Mar 2026, 02:30:00 CET, the one after"
        " is Sat 28 Mar 2026, 02:30:00 CET.",
    ]
    assert said.lines[2] == "What was decided nearest to it:"
    assert said.lines[3].startswith("- The slot of Fri 27 Mar 2026, 02:30:00 CET became run ")


def test_a_slot_from_before_the_job_was_known(story: Commands) -> None:
    story.drop("nightly")
    said = story("explain", "nightly", "2026-03-20 02:30")
    assert "The schedule has a slot Fri 20 Mar 2026, 02:30:00 CET. It was not decided, so no daemon has run" in said.out


@pytest.mark.parametrize(
    ("name", "time", "said"),
    [
        ("build", "2026-03-20 12:00", "It has no schedule, and no trigger for it was taken around then."),
        ("idle", "2026-03-20 12:00", "It is switched off (enabled: false), so neither slots nor triggers count."),
        ("nightly", "2033-03-20 02:30", "That time is still to come, and the schedule has a slot then."),
        ("nightly", "2033-03-20 12:00", "That time is still to come."),
    ],
)
def test_why_there_is_nothing(story: Commands, name: str, time: str, said: str) -> None:
    found = story("explain", name, time)
    assert found.code == 0
    assert found.lines[0].startswith(f"Nothing is recorded about {name} at ")
    assert found.lines[1] == said


def test_a_job_is_told_with_its_latest_decisions_and_what_comes(story: Commands) -> None:
    said = story("explain", "nightly")
    assert said.lines[0].startswith("Job nightly: Its schedule is '30 2 * * *' (")
    assert said.lines[1] == "  30 2 * * *: daily at 02:30"
    assert "No daemon is running, and nothing starts before one does." in said.lines
    assert any(line.startswith("By its schedule it is due next ") for line in said.lines)
    assert said.lines[-2].startswith("- The slot of Fri 27 Mar 2026, 02:30:00 CET became run ")


def test_why_a_run_waits(story: Commands) -> None:
    story.drop("first")
    story.drop("second")
    said = story("explain", "second")
    assert any("is queued. It waits for a free slot of db, held by first." in line for line in said.lines)
    run_id = story("runs", "--job", "second", "--format", "json").data[0]["run_id"]
    said = story("explain", run_id)
    assert said.lines[0] == f"Run {run_id} of second."
    assert "It waits for a free slot of db, held by first." in said.lines
    assert "No daemon is running, and nothing starts before one does." in said.lines


def test_how_long_a_run_waited(story: Commands) -> None:
    story.drop("first")
    story.drop("second")
    story.end(after=30)
    story.end(after=1)
    run_id = story("runs", "--job", "second", "--format", "json").data[0]["run_id"]
    said = story("explain", run_id)
    assert any(line.endswith("after it had waited 30 s and took a slot of db.") for line in said.lines)
    assert said.lines[-1] == "Completed in 1.0 s."


def test_a_run_of_the_schedule_names_the_line_of_it(story: Commands) -> None:
    run_id = story("runs", "--job", "nightly", "--format", "json").data[0]["run_id"]
    said = story("explain", run_id)
    assert said.lines[1] == "The schedule made it due Fri 27 Mar 2026, 02:30:00 CET."
    assert said.lines[2].startswith(f"Its schedule is '30 2 * * *' ({story.etc}/dsari_like.yaml:")


def test_files_that_nobody_took_are_told(story: Commands) -> None:
    place = story.var / "trigger/build"
    place.mkdir(parents=True)
    for name in ("a.json", "b.yaml", ".c.tmp", "d.part"):
        (place / name).touch()
    assert f"2 dropped files in {place} not taken yet: a.json, b.yaml" in story("explain", "build").lines


def test_a_job_without_a_past_says_so(commands: Commands) -> None:
    commands.configure()
    assert commands("explain", "build").lines[-1] == (
        "Nothing was decided about it yet: no slot has come and no trigger was taken."
    )


def test_triggers_for_a_job_that_was_never_configured_are_explained(story: Commands) -> None:
    story.refuse("biuld", "there is no job 'biuld' in the configuration (did you mean 'build'?)")
    said = story("explain", "biuld")
    assert said.code == 0
    assert said.lines[0] == "Job biuld is not configured; what follows is what the run log has of it."
    assert "was refused: there is no job 'biuld'" in said.lines[-1]


def test_what_is_neither_job_nor_run_ends_with_3(story: Commands) -> None:
    assert story("explain", "nigthly") == (
        3, "", "dsari-like: there is no run or job 'nigthly' (did you mean 'nightly'?)\n",
    )  # fmt: skip


def test_a_time_goes_with_a_job_alone(story: Commands) -> None:
    run_id = story("runs", "--job", "nightly", "--format", "json").data[0]["run_id"]
    said = story("explain", run_id, "14:02")
    assert (said.code, said.err) == (2, f"dsari-like: a time goes with a job, and {run_id} is a run of nightly\n")
