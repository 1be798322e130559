"""`dsari-like prune`, where no daemon runs: the command takes its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell.commands import Commands

PLAIN = {"command": "true"}


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    yield place
    place.close()


def past(commands: Commands, count: int = 4) -> list[str]:
    """A job with so many runs, and no daemon any more."""
    commands.begin({"build": PLAIN, "other": PLAIN}, render="never")
    ids = []
    for _ in range(count):
        commands.drop("build")
        ids.append(commands.end(output=b"x" * 2048))
    assert commands.runlog is not None
    commands.runlog.close()
    return ids


def left(commands: Commands) -> set[str]:
    return set(os.listdir(commands.var / "runs/build"))


def configure(commands: Commands, **rules: object) -> None:
    commands.configure({"build": {**PLAIN, "retention": rules}, "other": PLAIN}, render="never")


def test_a_dry_run_tells_of_every_run_and_removes_none(commands: Commands) -> None:
    ids = past(commands)
    configure(commands, count=2)
    said = commands("prune", "--dry-run")
    assert said.code == 0 and left(commands) == set(ids)
    assert said.lines[0].split() == ["RUN", "JOB", "AGE", "SIZE", "VERDICT", "RULE", "BECAUSE"]
    assert [line.split()[0] for line in said.lines[1:]] == ids[::-1]
    assert "2 KiB" in said.out and "count is 2" in said.lines[4]
    told = commands("prune", "--dry-run", "--format", "json").data
    assert [(one["run_id"], one["verdict"], one["rule"], one["bytes"]) for one in told] == [
        (ids[3], "spared", "none", 2048),
        (ids[2], "spared", "none", 2048),
        (ids[1], "taken", "count", 2048),
        (ids[0], "taken", "count", 2048),
    ]


def test_it_prints_what_it_removed(commands: Commands) -> None:
    ids = past(commands)
    configure(commands, count=1)
    said = commands("prune", "--format", "json")
    assert said.code == 0 and [one["run_id"] for one in said.data] == ids[2::-1]
    assert said.err == "3 runs removed, 6 KiB\n"
    assert left(commands) == {ids[3]}
    assert [row["run_id"] for row in commands("runs", "--format", "json").data] == [ids[3]]
    again = commands("prune")
    assert (again.code, again.out, again.err) == (0, "", "no run was removed\n")
    assert f"became run {ids[1]}" in commands("explain", "build").out, "what was decided is told still"


def test_another_job_is_left_alone(commands: Commands) -> None:
    ids = past(commands)
    configure(commands, count=1)
    assert commands("prune", "--job", "other").out == "" and left(commands) == set(ids)
    said = commands("prune", "--job", "othr")
    assert said.code == 3 and "did you mean 'other'" in said.err


def test_without_rules_everything_is_spared_and_says_so(commands: Commands) -> None:
    past(commands, 2)
    commands.configure({"build": PLAIN}, render="never")
    assert {one["rule"] for one in commands("prune", "--dry-run", "--format", "json").data} == {"none"}


def test_where_nothing_has_run_there_is_nothing_to_tell(commands: Commands) -> None:
    commands.configure({"build": PLAIN}, retention={"count": 1})
    for words in (("prune", "--dry-run"), ("prune",)):
        said = commands(*words)
        assert (said.code, said.out) == (0, "")


def test_runs_behind_a_link_are_left_alone_and_told(commands: Commands) -> None:
    ids = past(commands)
    configure(commands, count=1)
    (commands.var / "runs/build").rename(commands.var / "elsewhere")
    (commands.var / "runs/build").symlink_to(commands.var / "elsewhere")
    said = commands("prune")
    assert (
        said.code == 0 and "no directory, stands where" in said.err and len(os.listdir(commands.var / "elsewhere")) == 4
    )
    assert len(commands("runs", "--format", "json").data) == len(ids)
