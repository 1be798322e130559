"""man/: each option, key, variable and exit status is in the manual, and nothing else is."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from dsari_like import __version__
from dsari_like.cli import exits
from dsari_like.cli.parser import COMMANDS, build
from dsari_like.config import schema
from dsari_like.core import environment
from dsari_like.core.choices import Reason
from dsari_like.core.flows import CHAIN, ORCHESTRATION
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Configuration, Job, Run, Trigger
from dsari_like.core.orchestration import SELECTING

TREE = Path(__file__).parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((TREE / "man").glob("*.[1-8]"))}


def generator() -> ModuleType:
    """contrib/manual.py, which is a script and no part of the package."""
    spec = spec_from_file_location("manual", TREE / "contrib/manual.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(page: str, name: str) -> str:
    """The text of one section of a page."""
    found = re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", PAGES[page], re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {name}"
    return found[1]


def heads(text: str) -> Iterator[str]:
    """The head of each tagged paragraph, without roff."""
    for line in re.findall(r"^\.T[PQ]\n(.+)$", text, re.MULTILINE):
        plain = re.sub(r'^\.(?:BR|RB|BI|IB|[BI]) |\\f.|\\&|"', "", line)
        yield re.sub(r"\s*,\s*", ", ", plain.replace(r"\-", "-"))


def words(text: str) -> set[str]:
    """Every word that stands at the head of a paragraph."""
    return {word for head in heads(text) for word in head.split(", ")}


@pytest.mark.parametrize("name", PAGES)
def test_what_is_generated_is_what_the_code_says_now(name: str) -> None:
    assert PAGES[name] == generator().renewed(PAGES[name]), "run: .venv/bin/python contrib/manual.py"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_the_version_it_describes(name: str) -> None:
    assert f'"dsari_like {__version__}"' in PAGES[name]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_refers_to_pages_that_are_there(name: str) -> None:
    references = re.findall(r"(dsari[\w\\.-]+?)(?:\\fR)? ?\((\d)\)", PAGES[name].replace(r"\-", "-"))
    assert references
    assert {f"{page}.{number}" for page, number in references} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("linter", [("mandoc", "-Tlint", "-Wwarning"), ("groff", "-t", "-man", "-ww", "-z", "-Tutf8")])
def test_formatters_have_nothing_to_say(name: str, linter: tuple[str, ...]) -> None:
    if not shutil.which(linter[0]):
        pytest.skip(f"{linter[0]} is not installed")
    result = subprocess.run([*linter, TREE / "man" / name], capture_output=True, text=True)
    assert result.stdout + result.stderr == ""


def test_every_command_has_a_section_and_no_other_has() -> None:
    sections = re.findall(r"^\.SS (.+)$", section("dsari-like.1", "COMMANDS"), re.MULTILINE)
    assert {line.replace("\\", "").split()[0] for line in sections} == set(COMMANDS)


def test_options_of_all_commands_are_those_the_parser_takes() -> None:
    top = {option for action in build([])._actions for option in action.option_strings}
    assert {word.split()[0] for word in words(section("dsari-like.1", "OPTIONS"))} == top


def test_the_page_of_the_daemon_has_its_options() -> None:
    parser = build(["daemon"])
    (subparsers,) = [action for action in parser._actions if action.dest == "command"]
    assert isinstance(subparsers.choices, dict)
    options = {option for action in subparsers.choices["daemon"]._actions for option in action.option_strings}
    shown = {word.split()[0] for word in words(section("dsari-like-daemon.8", "OPTIONS"))}
    assert shown == options - {"-h", "--help", "--version"}


def test_every_option_a_page_speaks_of_exists() -> None:
    known = {"--append", "--groups", "--now", "--all"}  # of other programs, in examples
    known |= {option for parser in parsers(build(COMMANDS)) for one in parser._actions for option in one.option_strings}
    for name, page in PAGES.items():
        mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.replace(r"\-", "-")))
        assert mentioned <= known, name


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser, those of its commands, and those of theirs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


def test_every_exit_status_is_told_and_no_other() -> None:
    codes = {str(value) for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert words(section("dsari-like.1", "EXIT STATUS")) == codes
    assert words(section("dsari-like-daemon.8", "EXIT STATUS")) <= codes


def test_every_key_is_told_and_no_other() -> None:
    keys = {key.name for _, part in schema.KEYS for key in part.keys}
    assert words(section("dsari-like.yaml.5", "KEYS")) == keys


def test_every_variable_of_a_run_is_told_and_no_other() -> None:
    job = Job("j", ("true",), jenkins_environment=True, job_group="g")
    trigger = Trigger("file", origin={"uid": 0, "user": "root"})
    run = Run("id", "j", trigger, RunState.RUNNING, 0.0, 0.0, concurrency_group="g", retry_of="r", item="i")
    run.stage, run.resume, run.workflow_variables = "s", "lost", {"name": 1}
    run.flow_id, run.previous_run_id = "f", "p"
    earlier = dict.fromkeys(("PREVIOUS_", "PREVIOUS_GOOD_", "PREVIOUS_BAD_"), _Ended())
    host = environment.Host("/bin", "/", "x")
    variables: set[str] = set()
    task = {"orchestration": "o", "phase": "p", "task": "t"}
    for run.trigger in (trigger, Trigger(CHAIN, data={"after": "h"}), Trigger(ORCHESTRATION, data=task)):
        variables |= set(environment.build(Configuration(jobs={"j": job}), job, run, host, earlier))
    by_the_launcher = {"PWD", "TRIGGER_DATA_FILE", "VARIABLES_FILE"}
    assert words(section("dsari-like.yaml.5", "ENVIRONMENT OF A RUN")) == variables | by_the_launcher


def test_every_variable_the_program_reads_is_told_and_no_other() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (TREE / "dsari_like").rglob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', source)) | set(
        re.findall(r'"([A-Z_]+)" (?:not )?in os\.environ', source)
    )
    told = {word for page in PAGES if page[-1] in "18" for word in words(section(page, "ENVIRONMENT"))}
    assert told == read


class _Ended:
    run_id, schedule_time, start_time, stop_time, exit_code = "id", 0.0, 0.0, 0.0, 0


def test_every_state_and_reason_is_told() -> None:
    text = section("dsari-like-daemon.8", "RUNS")
    assert [word.value for word in (*RunState, *Reason) if word.value not in text] == []


def test_every_key_of_a_trigger_is_told_and_no_other() -> None:
    told = words(section("dsari-like-trigger.5", "KEYS"))
    plain = {"type", "description", "environment", "schedule_time", "schedule_timezone", "id", "priority"}
    assert told == plain | {"items", *SELECTING, "notify"}


def test_the_promise_that_cannot_be_made_is_told() -> None:
    caveats = " ".join(section("dsari-like-daemon.8", "CAVEATS").split())
    assert "Exactly once cannot be had" in caveats
    assert "started at most once" in caveats and "fully, partly or not at all" in caveats
    assert "unless its job sets .BR retries" in caveats and "may safely run twice" in caveats
    for what in (
        "one trigger: use distinct names", "acknowledges writes that it did not make",
        "one job is protected from another", "hidden from a process of the same user", "while the machine is off",
        "a network file system",
        "given to another parent",
    ):  # fmt: skip
        assert what in caveats, what


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_sections_a_reader_looks_for(name: str) -> None:
    needed = {"NAME", "SYNOPSIS", "DESCRIPTION", "FILES", "SEE ALSO"}
    needed |= {"EXIT STATUS", "ENVIRONMENT"} if name[-1] in "18" else {"CAVEATS"}
    needed |= {"SIGNALS", "ASSUMPTIONS", "CAVEATS"} if name[-1] == "8" else set()
    assert needed <= set(re.findall(r"^\.SH (.+)$", PAGES[name], re.MULTILINE))


def test_the_generator_says_what_is_out_of_date_and_changes_nothing_when_asked_to_check() -> None:
    own = os.environ | {"PYTHONPATH": str(TREE)}
    command = [sys.executable, "contrib/manual.py", "--check"]
    result = subprocess.run(command, cwd=TREE, env=own, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
