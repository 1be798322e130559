"""`plan`: what a reload would change, told before anybody reloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dsari_like import transition
from tests.shell.commands import DAY, Commands, wall

JOBS: dict[str, Any] = {
    "nightly": {"command": "true", "schedule": "30 2 * * *", "max_execution": "1h"},
    "often": {"command": "true", "schedule": "0 */6 * * *"},
    "build": {"command": "make"},
}


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    """What a daemon leaves that had JOBS in force; the clocks of UTC do not change."""
    place = Commands(tmp_path, capsys)
    configuration = place.begin(JOBS, at=wall(), timezone="UTC")
    assert place.runlog is not None
    transition.take(configuration, place.runlog.in_force, {}, place.now.wall)
    yield place
    place.close()


def plan(commands: Commands, changes: Mapping[str, Mapping[str, Any] | None], **settings: Any) -> list[dict[str, Any]]:
    """The answer in JSON; a job that is None is taken out."""
    jobs = {name: {**JOBS.get(name, {}), **(changes.get(name) or {})} for name in {**JOBS, **changes}}
    commands.configure({name: job for name, job in jobs.items() if changes.get(name, {}) is not None},
                       **{"timezone": "UTC", **settings})  # fmt: skip
    said = commands("plan", "--format", "json")
    assert said.code == (1 if said.data else 0)
    return list(said.data)


def brief(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Each change, with the times of day alone."""
    return [(one["job_name"], one["change"], *((one[key] or "")[11:16] for key in ("was", "utc"))) for one in found]


def test_nothing_differs(commands: Commands) -> None:
    said = commands("plan")
    assert (said.code, said.out) == (0, "")
    assert said.err.splitlines() == [
        "no daemon is running: this is compared with what was in force last", "nothing would change",
    ]  # fmt: skip


def test_a_start_that_moves(commands: Commands) -> None:
    found = plan(commands, {"nightly": {"schedule": "45 3 * * *"}})
    assert brief(found) == [("nightly", "changed", "", ""), ("nightly", "moved", "02:30", "03:45")]
    assert found[0]["keys"] == ["schedule"]


def test_starts_that_vanish_and_appear(commands: Commands) -> None:
    found = plan(commands, {"often": {"schedule": "0 */12 * * *"}})
    assert sorted(brief(found)[1:]) == [("often", "vanishes", "06:00", ""), ("often", "vanishes", "18:00", "")]
    found = plan(commands, {"build": {"schedule": "0 5 * * *"}})
    assert brief(found)[1:] == [("build", "appears", "", "05:00")]


def test_jobs_that_come_and_go(commands: Commands) -> None:
    found = plan(commands, {"nightly": None, "fresh": {"command": "true", "schedule": "0 1 * * *"}})
    assert brief(found) == [
        ("fresh", "added", "", ""),
        ("fresh", "appears", "", "01:00"),
        ("nightly", "removed", "", ""),
        ("nightly", "vanishes", "02:30", ""),
    ]


def test_what_has_nothing_to_do_with_times_is_told_by_its_key(commands: Commands) -> None:
    found = plan(commands, {"nightly": {"max_execution": "2h", "command": "false"}, "build": {"description": "x"}})
    assert sorted((one["job_name"], one["change"], *one["keys"]) for one in found) == [
        ("build", "changed", "description"), ("nightly", "changed", "command", "max_execution"),
    ]  # fmt: skip


def test_a_job_that_is_switched_off_loses_its_starts(commands: Commands) -> None:
    found = plan(commands, {"nightly": {"enabled": False}})
    assert brief(found) == [("nightly", "changed", "", ""), ("nightly", "vanishes", "02:30", "")]


def test_a_blackout_takes_starts_and_a_deferring_one_moves_them(commands: Commands) -> None:
    window = {"blackout": [{"schedule": "0 2 * * *", "duration": "2h"}]}
    found = plan(commands, {"nightly": window})
    assert found[0]["keys"] == ["blackout"]
    assert brief(found)[1:] == [("nightly", "vanishes", "02:30", "")]
    assert brief(plan(commands, {"nightly": {**window, "blackout_policy": "defer"}}))[1:] == [
        ("nightly", "moved", "02:30", "04:00"),
    ]  # fmt: skip


def test_another_zone_moves_every_schedule_that_is_in_it(commands: Commands) -> None:
    found = plan(commands, {}, timezone="Asia/Tokyo")
    assert [one[0] for one in brief(found) if one[1] == "changed"] == ["nightly", "often"]
    assert ("nightly", "moved", "02:30", "17:30") in brief(found)


def test_limits_of_all_jobs_have_a_line_of_their_own(commands: Commands) -> None:
    commands.configure(JOBS, timezone="UTC", max_running=3, concurrency_groups={"db": {"max": 2}})
    said = commands("plan")
    assert said.code == 1
    assert said.lines[1].split() == ["(all", "jobs)", "changed", "groups,", "max_running"]


def test_so_many_hours_and_no_more(commands: Commands) -> None:
    commands.configure({**JOBS, "often": {"command": "true", "schedule": "30 */6 * * *"}}, timezone="UTC")
    found = commands("plan", "--hours", "72", "--format", "json").data
    assert len([one for one in found if one["change"] == "moved"]) == 12
    said = commands("plan", "--hours", "72")
    assert len(said.lines) == 1 + 1 + 6 + 1 and said.lines[-1].endswith("and more of its starts: 6 moved")


@pytest.mark.parametrize("hours", ["0", "-1", "100000"])
def test_hours_that_cannot_be(commands: Commands, hours: str) -> None:
    assert commands("plan", f"--hours={hours}").code == 2


def test_a_configuration_that_cannot_be_loaded_ends_with_2(commands: Commands) -> None:
    commands.configure({"nightly": {"command": "true", "schedule": "61 * * * *"}})
    said = commands("plan")
    assert said.code == 2 and "1 problem in the configuration" in said.err


def test_before_the_first_daemon_everything_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Commands(tmp_path / "new", capsys)
    place.root.mkdir()
    place.configure(JOBS)
    said = place("plan", "--format", "json")
    assert said.code == 1 and {one["job_name"] for one in said.data if one["change"] == "added"} == set(JOBS)
    assert "no daemon has used this data directory yet, so everything is new" in said.err


def test_a_start_whose_calendar_time_had_its_run_is_not_told(commands: Commands) -> None:
    """The first 02:30 in a zone further west is the one that has had its run: tomorrow's is what it moves to."""
    assert commands.runlog is not None
    commands.pass_time(commands.now.wall + DAY)
    last = commands.runlog.last_slots()["nightly"]
    configuration = commands.begin(JOBS, at=last + 60, timezone="UTC")
    made = transition.take(configuration, commands.runlog.in_force, {}, last + 60)
    assert made == {}
    west = {"nightly": {**JOBS["nightly"], "schedule_timezone": "Pacific/Honolulu"}}
    commands.configure({**JOBS, **west}, timezone="UTC")
    found = transition.Comparison(
        commands.begin({**JOBS, **west}, at=last + 60, timezone="UTC"), commands.runlog.in_force, {}, last + 60
    )
    assert len(found.made["nightly"]) == 1
