"""`init`, `config`, `render` and `completion`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dsari_like.cli import main
from dsari_like.cli.parser import COMMANDS
from tests.shell.commands import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    yield place
    place.close()


# --- init ---------------------------------------------------------------------------------------------------------


def test_the_starter_is_a_good_configuration_with_its_data_beside_it(commands: Commands) -> None:
    said = commands("init")
    assert said.code == 0
    assert said.lines[:2] == [f"written: {commands.etc}/dsari_like.yaml", f"data directory: {commands.var}"]
    assert commands.var.is_dir()
    check = commands("check")
    assert (check.code, check.out, check.err) == (0, "no errors: 2 jobs, 1 schedule, 1 file read\n", "")


def test_the_next_three_commands_are_told_as_they_can_be_typed(commands: Commands) -> None:
    option = f"--config-dir {commands.etc}"
    assert [line.split("      ")[0].strip() for line in commands("init").lines[-3:]] == [
        f"dsari-like check {option}",
        f"dsari-like daemon {option}",
        f"dsari-like trigger hello {option} -e WHOM=you --follow",
    ]
    assert commands("trigger", "hello", "-e", "WHOM=you", "--dry-run").code == 0


def test_nothing_is_overwritten(commands: Commands) -> None:
    commands.configure()
    before = (commands.etc / "dsari_like.yaml").read_bytes()
    assert commands("init") == (
        1, "", f"dsari-like: there is a configuration in {commands.etc} already; nothing was changed\n",
    )  # fmt: skip
    assert (commands.etc / "dsari_like.yaml").read_bytes() == before


def test_a_place_of_its_own_gets_data_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Else every configuration in an unusual place would share the data of the usual one."""
    place = tmp_path / "it's mine"
    assert main(["init", str(place)]) == 0
    assert (place / "var").is_dir()
    assert yaml.safe_load((place / "dsari_like.yaml").read_text())["data_dir"] == f"{place}/var"
    assert main(["check", "-c", str(place)]) == 0
    assert f"--config-dir '{tmp_path}/it'\"'\"'s mine'" in capsys.readouterr().out


def test_the_home_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DSARI_LIKE_HOME", str(tmp_path))
    assert main(["init"]) == main(["check"]) == 0
    assert "--config-dir" not in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path)) == ["etc", "var"]


def test_a_place_that_cannot_be_written_is_one_line(commands: Commands) -> None:
    commands.etc.write_text("in the way")
    said = commands("init")
    assert (said.code, said.err.count("\n")) == (5, 1)


# --- config -------------------------------------------------------------------------------------------------------


def test_the_dump_can_be_read_again_and_has_the_defaults(commands: Commands) -> None:
    commands.configure()
    in_yaml = yaml.safe_load(commands("config", "dump").out)
    in_json = commands("config", "dump", "--format", "json").data
    assert in_yaml == in_json
    assert in_json["jobs"]["build"]["merge"] == "queue"
    assert list(in_json["jobs"]) == ["build", "nightly", "idle", "first", "second"]


def test_the_dump_masks_what_came_from_a_file_of_secrets(commands: Commands) -> None:
    commands.etc.mkdir()
    (commands.etc / "secrets").write_text("PASSPHRASE=xyzzy\n")
    commands.configure({"a": {"command": "true", "environment_file": "secrets"}})
    said = commands("config", "dump")
    assert said.code == 0
    assert "PASSPHRASE" in said.out
    assert "xyzzy" not in said.out


def test_the_raw_dump_is_what_was_written_however_wrong(commands: Commands) -> None:
    commands.configure({"a": {"comand": "x"}})
    assert commands("config", "dump").code == 2
    assert commands("config", "dump", "--raw", "--format", "json").data["jobs"] == {"a": {"comand": "x"}}


def test_the_schema_needs_no_configuration(commands: Commands) -> None:
    schema = commands("config", "schema").data
    assert "schedule" in schema["$defs"]["job"]["properties"]


# --- render -------------------------------------------------------------------------------------------------------


def test_the_reports_are_brought_up_to_date(commands: Commands) -> None:
    commands.begin()
    commands.drop("build")
    run_id = commands.end()
    assert commands("render").code == 0
    page = commands.var / "html/jobs/build" / run_id / "index.html"
    assert run_id in page.read_text()
    assert commands("render").err == f"0 files written: {commands.var}/html/index.html\n"
    os.unlink(page)
    assert commands("render", "--regenerate").code == 0
    assert page.exists()


def test_the_reports_can_be_written_elsewhere(commands: Commands) -> None:
    commands.begin()
    elsewhere = commands.root / "pages"
    assert commands("render", "--output", str(elsewhere)).code == 0
    assert (elsewhere / "index.html").exists()
    assert not (commands.var / "html").exists()


def test_pages_that_cannot_be_written_end_with_5(commands: Commands) -> None:
    commands.begin()
    (commands.var / "html").write_text("in the way")
    said = commands("render")
    assert (said.code, said.out, said.err.count("\n")) == (5, "", 1)
    assert said.err.startswith(f"dsari-like: cannot write the reports to {commands.var}/html: ")


# --- completion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_in_every_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in COMMANDS)
    options = ("--regenerate", "--dry-run") if shell != "fish" else ("-l regenerate", "-l dry-run")
    assert all(option in script for option in options)


def test_the_names_of_jobs_and_runs_are_offered(commands: Commands) -> None:
    commands.begin()
    commands.drop("build")
    assert commands("completion", "jobs").lines == ["build", "nightly", "idle", "first", "second"]
    assert commands("completion", "runs").lines == commands.running


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ne"], ["next"]),
        (["-c", "there", "ne"], ["next"]),
        (["runs", "--form"], ["--format"]),
        (["runs", "--format", ""], ["table", "json"]),
        (["runs", "--status", "fa"], ["failed"]),
        (["runs", "--job", "n"], ["nightly", "n\\ two"]),
        (["trigger", "bu"], ["build"]),
        (["config", "d"], ["dump"]),
        (["config", "dump", "--r"], ["--raw"]),
        (["trigger", "-e", ""], []),
        (["nonsense", ""], []),
    ],
)
def test_bash_completes(commands: Commands, words: list[str], offered: list[str]) -> None:
    script = commands("completion", "bash").out
    asked = (
        'dsari-like() { [ "$2" = jobs ] && printf "%s\\n" build nightly "n two"; }\n'
        f"COMP_WORDS=(dsari-like {' '.join(json.dumps(word) for word in words)}); COMP_CWORD={len(words)}\n"
        '_dsari_like; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", script + asked], capture_output=True, text=True, check=True)
    assert (done.stdout.split("\n")[:-1], done.stderr) == (offered or [""], "")


def test_zsh_and_fish_quote_what_a_help_text_may_hold() -> None:
    from dsari_like.cli.shells import Command, Option, fish, zsh

    odd = Command("odd", "it's [x]: \\ so", (Option(("--it",), "don't: [y]", ("words", ("a", "b"))),), ("any", ()))
    assert "'odd:it'\\''s \\[x\\]\\: \\\\ so'" in zsh([odd])
    assert "'*--it[don'\\''t\\: \\[y\\]]:value:(a b)'" in zsh([odd])
    assert "-d 'it\\'s [x]: \\\\ so'" in fish([odd])
    assert " -l it -x -a 'a b' -d 'don\\'t: [y]'" in fish([odd])
