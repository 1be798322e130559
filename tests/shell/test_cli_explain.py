"""`explain`: each of the questions people really ask is answered in one call, with no daemon there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.config import files, plans
from dsari_like.core import messages as m
from tests.shell.commands import JOBS, NOON, Commands

NIGHT = NOON + 13.5 * 3600  # 02:30 in Berlin
OCTOBER = 1792886400.0  # 25 October 2026, 00:00 UTC, an hour before the clocks of Europe go back


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
    assert said.lines[1] == (
        "  User ada dropped the trigger file x.json, Thu 26 Mar 2026, 13:00:00 CET. Failed after 2.0 s: the command"
        " ended with exit code 3."
    )
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
    assert said.lines[1:3] == [
        "The schedule has a slot Fri 20 Mar 2026, 02:30:00 CET.",
        "Nothing was decided about it: the job, or this schedule, was not in force then (its first decision is of"
        " Fri 27 Mar 2026, 02:30:00 CET).",
    ]


def test_a_slot_that_the_next_daemon_decides(story: Commands) -> None:
    said = story("explain", "nightly", "2026-04-02 02:30")
    assert said.lines[2] == (
        "It is not decided yet: no daemon has run since. The next one decides it by catch_up: skip."
    )


def test_a_slot_of_a_job_that_no_daemon_knew(commands: Commands) -> None:
    commands.configure()
    said = commands("explain", "nightly", "2026-03-20 02:30")
    assert said.lines[2] == (
        "Nothing was decided about it: no daemon knew the job then, and slots from before are not made up."
    )


def test_a_slot_inside_a_blackout_says_so_before_it_comes(commands: Commands) -> None:
    blackout = [{"schedule": "0 2 * * *", "duration": "2h"}]
    commands.begin({"nightly": {**JOBS["nightly"], "blackout": blackout}})
    said = commands("explain", "nightly", "2033-03-20 02:30")
    assert "the schedule has a slot then (left out: " in said.lines[1] and "blackout" in said.lines[1]
    commands.pass_time(NIGHT)
    said = commands("explain", "nightly", "2026-03-27 02:30")
    assert said.lines[0].startswith(
        "- The slot of Fri 27 Mar 2026, 02:30:00 CET was skipped: it falls into the blackout"
    )


def test_a_time_that_came_twice_is_told_with_both(commands: Commands) -> None:
    commands.begin({"often": {"command": "true", "schedule": "*/30 * * * *"}}, at=OCTOBER)
    commands.pass_time(commands.now.wall + 7200)
    said = commands("explain", "often", "2026-10-25 02:30")
    assert said.lines[0] == (
        "The clock of Europe/Berlin shows that time twice: Sun 25 Oct 2026, 02:30:00 CEST, and again Sun 25 Oct 2026,"
        " 02:30:00 CET."
    )
    slots = [line for line in said.lines if line.startswith("- The slot of Sun 25 Oct 2026, 02:30:00 CE")]
    assert [line.split()[9] for line in slots] == ["CEST", "CET"]


def test_a_calendar_time_that_had_its_run_in_another_zone(commands: Commands) -> None:
    commands.begin()
    commands.pass_time(NIGHT)
    commands.end(0)
    west = {**JOBS, "nightly": {**JOBS["nightly"], "schedule_timezone": "America/New_York"}}
    commands.configure(west)
    configuration = files.load(files.Places(str(commands.etc), str(commands.var)))
    rules = plans.bind_all(configuration, {}, commands.now.wall)["nightly"]
    planned = m.Planned(rules, NIGHT, None, frozenset({"2026-03-27 02:30"}))
    commands.tell(m.Configured(configuration, {"nightly": planned}, reload=True))
    commands.pass_time(NIGHT + 6 * 3600)
    said = commands("explain", "nightly", "2026-03-27", "02:30")
    assert "02:30 of its calendar had its run before that" in said.lines[0] and "was skipped" in said.lines[0]


def test_a_time_is_written_as_people_write_it(story: Commands) -> None:
    one = story("explain", "nightly", "2026-03-27 02:30").out
    for words in (
        ("2026-03-27", "02:30"),
        ("27", "march", "2026", "at", "2:30am"),
        ("Fri,", "27", "Mar", "2026", "02:30"),
    ):
        assert story("explain", "nightly", *words).out == one
    for day in ("yesterday 02:30", "today 02:30", "yesterday"):
        assert story("explain", "nightly", *day.split()).code == 0


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


def lie(story: Commands, *names: str, job: str = "build") -> str:
    """Files in a drop place that no daemon has looked into yet."""
    place = story.var / "trigger" / job
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        (place / name).touch()
    return str(place)


def test_files_that_nobody_took_are_told_and_those_that_nobody_will(story: Commands) -> None:
    place = lie(story, "a.json", "b.yaml", ".c.tmp", "deploy")
    expected = [
        f"2 dropped files in {place} not taken yet: a.json, b.yaml",
        f"2 files in {place} not looked at, because the name does not end in .json, .yaml or .yml, or begins with a"
        " dot: .c.tmp, deploy",
    ]
    for words in (("build",), ("build", "2026-03-20", "14:02")):
        lines = story("explain", *words).lines
        assert [line for line in expected if line in lines] == expected


def test_a_refused_file_is_told_with_the_place_where_it_is(story: Commands) -> None:
    place = story.var / "corrupt/build"
    place.mkdir(parents=True)
    (place / "x.json").write_text("{}")
    (place / "x.json.reason").write_text("environment: 'REF': expected one of a and b, found 'c'\n")
    lines = story("explain", "build", "2026-03-26 13:00").lines
    assert lines[-1] == f"  The file is {place}/x.json, and the reason is beside it."


def test_a_file_is_explained_by_its_name_or_path(story: Commands) -> None:
    said = story("explain", "x.json")
    assert said.lines[0].endswith(" of build came from it.")
    assert said.lines[1].startswith("User ada dropped the trigger file x.json, Thu 26 Mar 2026, 13:00:00 CET")
    place = lie(story, "y.json", "y.part")
    assert story("explain", "y.json").lines == [f"{place}/y.json was not taken yet: no daemon is running"]
    assert story("explain", f"{place}/y.json").lines == story("explain", "y.json").lines
    assert "is not looked at: only names that end in" in story("explain", f"{place}/y.part").out
    refused = story.var / "corrupt/second"
    refused.mkdir(parents=True)
    (refused / "z.json").touch()
    (refused / "z.json.reason").write_text("not JSON: line 1\n")
    assert story("explain", "z.json").lines[0].endswith("was refused: not JSON: line 1")
    assert story("explain", "trigger/first/z.json").code == 3
    none = story("explain", "nothing.json")
    assert none.code == 3 and "no trace of a dropped file 'nothing.json'" in none.err


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
