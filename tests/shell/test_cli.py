"""The command line itself: which command is meant, what a failure ends with, and what is not loaded for nothing."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like import __version__
from dsari_like.cli import exits, main
from dsari_like.cli.parser import COMMANDS, build, options, subcommands
from dsari_like.cli.playground import PlaygroundError
from dsari_like.errors import ConfigError, StoreError, TriggerError, UserError
from dsari_like.store.migrations import MIGRATIONS
from tests.shell.commands import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    yield place
    place.close()


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in COMMANDS)


def test_the_version_is_told_by_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert main(["runs", "--version"]) == 0
    assert capsys.readouterr().out == f"dsari-like {__version__}\n" * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a command is needed, one of daemon, "),
        (["jbos"], "there is no command 'jbos' (did you mean 'jobs'?); see dsari-like --help"),
        (["runs", "--jbo", "x"], "unknown argument --jbo (did you mean '--job'?); see dsari-like runs --help"),
        (
            ["config", "dump", "--rew"],
            "unknown argument --rew (did you mean '--raw'?); see dsari-like config dump --help",
        ),
        (["runs", "--limit", "many"], "argument --limit: invalid int value: 'many'; see dsari-like runs --help"),
        (["runs", "--form", "json"], "unknown argument --form (did you mean '--format'?)"),
        (["show"], "the following arguments are required: RUN; see dsari-like show --help"),
        (["-c"], "argument -c/--config-dir: expected one argument; see dsari-like --help"),
    ],
)
def test_a_mistake_in_the_usage_is_one_line_and_ends_with_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"dsari-like: {said}")


def test_the_directory_may_be_named_before_the_command_or_after_it(commands: Commands) -> None:
    commands.configure()
    assert main(["-c", str(commands.etc), "jobs"]) == main(["jobs", f"--config-dir={commands.etc}"]) == 0


def test_every_fault_of_the_configuration_is_a_line_and_then_their_number(commands: Commands) -> None:
    commands.configure({"a": {"comand": "x"}, "b": {"command": "true", "schedule": "61 * * * *"}})
    said = commands("jobs")
    assert (said.code, said.out) == (2, "")
    *problems, count = said.err.splitlines()
    assert [problem.partition(": ")[0].startswith(str(commands.etc)) for problem in problems] == [True] * 3
    assert count == "dsari-like: 3 problems in the configuration"


def test_where_there_is_no_configuration_the_way_to_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DSARI_LIKE_HOME", str(tmp_path))
    assert main(["jobs"]) == 2
    assert "1 problem in the configuration" in capsys.readouterr().err


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("daemon", "demo", "init", "completion")])
def test_no_command_shows_a_traceback_where_nothing_is_right(command: str, commands: Commands) -> None:
    said = commands(command, *({"config": ["dump"]}.get(command, [])), *_arguments(command))
    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_damaged_run_log_ends_with_5(commands: Commands) -> None:
    commands.configure()
    commands.var.mkdir()
    (commands.var / "dsari_like.sqlite3").write_bytes(b"no database " * 100)
    for command in ("runs", "status", "jobs"):
        said = commands(command)
        assert (said.code, said.err.count("\n")) == (5, 1)
        assert said.err.startswith("dsari-like: cannot use the run log ")


def test_a_run_log_of_a_newer_version_ends_with_5(commands: Commands) -> None:
    commands.begin()
    assert commands.runlog is not None
    commands.runlog._db.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    said = commands("runs")
    assert said.code == 5
    assert "written by a newer dsari_like" in said.err


def test_a_run_log_without_its_tables_ends_with_5(commands: Commands) -> None:
    commands.begin()
    assert commands.runlog is not None
    commands.runlog._db.execute("drop table runs")
    said = commands("runs")
    assert (said.code, said.err.count("\n")) == (5, 1)
    assert "no such table: runs; it was left as it is" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exits.NotFound("x"), 3),
        (exits.NoDaemon("x"), 4),
        (StoreError("x"), 5),
        (ConfigError(["x"]), 2),
        (TriggerError(["x"]), 2),
        (exits.UsageFault("x"), 2),
        (exits.No("x"), 1),
        (PlaygroundError("x"), 1),
    ],
)
def test_every_failure_has_its_number(error: UserError, code: int) -> None:
    assert exits.code_of(error) == code


def test_an_answer_that_cannot_be_written_is_one_line(commands: Commands) -> None:
    commands.configure()
    command = [sys.executable, "-m", "dsari_like", "jobs", "-c", str(commands.etc)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "dsari-like: cannot write the answer: No space left on device\n"
    assert done.returncode == 1


def test_an_interrupt_is_quiet(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    commands.configure()
    monkeypatch.setattr("dsari_like.cli.jobs.run", interrupted)
    assert commands("jobs") == (130, "", "")


def test_words_from_the_command_line_are_spelled_out_in_errors(commands: Commands) -> None:
    commands.configure()
    said = commands("show", "x\x1b[31m\nfine")
    assert said.code == 3
    assert said.err == "dsari-like: there is no run or job 'x\\x1b[31m\\nfine'\n"


def test_whoever_closes_the_pipe_is_not_answered_with_a_traceback(commands: Commands) -> None:
    commands.configure({f"job{n}": {"command": "true", "description": "x" * 500} for n in range(500)})
    command = [sys.executable, "-m", "dsari_like", "jobs", "-c", str(commands.etc)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.read(10)
    child.stdout.close()
    assert (child.stderr.read(), child.wait()) == (b"", 141)
    child.stderr.close()


@pytest.mark.parametrize("words", [["--help"], ["daemon", "--help"], ["nonsense"]])
def test_help_loads_nothing_that_it_does_not_need(words: list[str]) -> None:
    script = f"import sys; from dsari_like.cli import main; main({words!r}); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr.split()
    heavy = {"jinja2", "croniter", "dateutil", "watchdog", "sqlite3", "yaml"}
    assert heavy.isdisjoint(loaded)
    assert [name for name in loaded if name.startswith("dsari_like.cli.") and name.rpartition(".")[2] in COMMANDS] == (
        ["dsari_like.cli.daemon"] if words[0] == "daemon" else []
    )


def test_every_command_and_each_of_its_options_is_described() -> None:
    for name, parser in subcommands(build(COMMANDS)).items():
        assert parser.description, name
        for one in (parser, *subcommands(parser).values()):
            assert all(action.help for action in options(one)), name
            assert {"--help", "--version", "--config-dir", "-c"} <= _words(one)


def test_every_listing_has_both_formats() -> None:
    parsers = subcommands(build(COMMANDS))
    listings = {name for name, parser in parsers.items() if "--format" in _words(parser)}
    assert listings == {
        "status",
        "jobs",
        "runs",
        "show",
        "next",
        "prune",
        "plan",
        "callbacks",
        "chains",
        "orchestrations",
    }


def test_json_is_plain_ascii_whatever_a_name_holds(commands: Commands) -> None:
    commands.configure({"a": {"command": "true", "description": "größer \x9b"}})
    said = commands("jobs", "--format", "json")
    assert said.out.isascii()
    assert json.loads(said.out)[0]["description"] == "größer \x9b"


def _words(parser: argparse.ArgumentParser) -> set[str]:
    return {word for action in options(parser) for word in action.option_strings}


def _arguments(command: str) -> list[str]:
    named = ("trigger", "show", "output", "explain", "cancel", "tail", "pause", "unpause", "skip-next")
    return ["x"] if command in named else []
