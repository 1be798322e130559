"""`next --simulate`: what will run, told from what the run log knows; always from now on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dsari_like.core import messages as m
from dsari_like.core.due import MISSED_AFTER
from tests.shell.commands import Commands, wall

JOBS: dict[str, Any] = {
    "build": {"command": "make"},
    "often": {"command": "true", "schedule": "@every 10m"},
    "first": {"command": "true", "concurrency_groups": ["db"]},
    "second": {"command": "true", "concurrency_groups": ["db"]},
}


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    """An hour ago three builds took 10, 30 and 50 seconds; the fourth has begun a moment ago."""
    place = Commands(tmp_path, capsys)
    place.begin(JOBS, at=wall() - 3600, timezone="UTC")
    for seconds in (10.0, 50.0, 30.0):
        place.drop("build")
        place.end(after=seconds)
    place.now = m.Now(wall(), place.now.mono)
    place.drop("build")
    yield place
    place.close()


def foretold(commands: Commands, *words: str) -> list[dict[str, Any]]:
    said = commands("next", *words, "--format", "json")
    assert said.code == 0
    return list(said.data)


def seconds(one: dict[str, Any], since: str = "start", until: str = "end") -> float:
    return (datetime.fromisoformat(one[until]) - datetime.fromisoformat(one[since])).total_seconds()


def test_a_run_takes_as_long_as_the_median_of_the_latest(commands: Commands) -> None:
    (build,) = foretold(commands, "build", "--simulate", "1h")
    assert build["run_id"] == commands.running[-1] and build["outcome"] == "started"
    assert seconds(build) == pytest.approx(30, abs=0.01)
    assert set(build) == {"job_name", "outcome", "run_id", "due", "start", "end", "waits_for", "note"}


def just_come(started: list[dict[str, Any]]) -> int:
    """Of a slot each ten minutes, whether the newest came within the last minute: it is late, but not missed yet."""
    ages = [(datetime.now(UTC) - datetime.fromisoformat(one["due"])).total_seconds() for one in started]
    assert all(age < MISSED_AFTER + 10 for age in ages)
    return sum(age > 0 for age in ages)


def test_a_job_that_never_ran_takes_as_long_as_the_others_and_that_is_told(commands: Commands) -> None:
    said = commands("next", "often", "--simulate", "1h")
    assert said.err.splitlines() == [
        "no daemon is running: this is what would be if one started now",
        "job 'often' has completed no run yet; 30 s is assumed",
    ]
    made_up = [one for one in foretold(commands, "often", "--simulate", "1h") if one["outcome"] == "started"]
    assert len(made_up) == 6 + just_come(made_up) and all(seconds(one) == 30 for one in made_up)


def test_where_nothing_ever_ran_a_minute_is_assumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Commands(tmp_path / "new", capsys)
    place.root.mkdir()
    place.configure(JOBS)
    assert "1 min is assumed" in place("next", "--simulate", "1h").err
    assert seconds(foretold(place, "--simulate", "1h")[0]) == 60


def test_slots_that_start_nothing_are_told_with_the_reason(commands: Commands) -> None:
    """No daemon decided the slots of the last hour: the one that starts now decides them as catch_up says."""
    found = foretold(commands, "often", "--simulate", "1h")
    missed = [one for one in found if one["outcome"] == "missed"]
    late = just_come([one for one in found if one["outcome"] == "started"])
    assert len(missed) == 6 - late and {one["start"] for one in missed} == {None}
    assert "catch_up: skip" in missed[0]["note"]


def test_who_waits_for_whom(commands: Commands) -> None:
    commands.drop("first")
    commands.drop("second")
    (second,) = foretold(commands, "second", "--simulate", "1h")
    first = commands.running[-1]
    assert second["waits_for"] == {"kind": "group", "names": ["db"], "runs": [first]}
    assert seconds(second, "due", "start") == pytest.approx(30, abs=0.5)
    (line,) = commands("next", "second", "--simulate", "1h").lines[1:]
    assert line.endswith(f"for a slot of db, held by {first}")


def test_nothing_is_written_and_nothing_is_recorded(commands: Commands) -> None:
    assert commands.runlog is not None
    before = commands("runs", "--limit", "0", "--format", "json").out
    assert foretold(commands, "--simulate", "1h") and not list(commands.runlog.in_force.entries())
    assert commands("runs", "--limit", "0", "--format", "json").out == before


def test_the_list_can_be_cut(commands: Commands) -> None:
    assert len(foretold(commands, "--simulate", "1h", "-n", "3")) == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--simulate", "soon"), 2),
        (("--simulate", "0"), 2),
        (("--simulate", "1h", "--from", "now"), 2),
        (("--simulate", "1h", "--until", "2h"), 2),
        (("nobody", "--simulate", "1h"), 3),
    ],
)
def test_what_cannot_be_foretold(commands: Commands, words: tuple[str, ...], code: int) -> None:
    assert commands("next", *words).code == code


def test_an_end_of_the_search_is_told(commands: Commands) -> None:
    commands.configure({"tick": {"command": "true", "schedule": "@every 1s"}}, timezone="UTC")
    said = commands("next", "tick", "--simulate", "24h", "-n", "1")
    assert "only the first 10000 runs and decisions were looked at, up to " in said.err
