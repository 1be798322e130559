"""`dsari-like completion`: what a shell needs to complete commands and options, made from the parsers themselves.

Owns the choice of words; the three dialects are in `shells.py`. Nothing can be completed that the command does not
take, for both come from one table.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli import shells
from dsari_like.cli.exits import DONE
from dsari_like.cli.look import looking
from dsari_like.cli.parser import COMMANDS, build, options, subcommands
from dsari_like.cli.runs import KINDS, STATES
from dsari_like.cli.shells import Command, Option

_SCRIPTS = {"bash": shells.bash, "zsh": shells.zsh, "fish": shells.fish}
_RUNS = 50


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "completion",
        description="Prints the completion script of a shell: for bash put 'eval \"$(dsari-like completion bash)\"'"
        " into ~/.bashrc; for zsh write it to a file _dsari-like in $fpath; for fish to"
        " ~/.config/fish/completions/dsari-like.fish. With jobs or runs it prints the names that these scripts offer.",
    )
    parser.add_argument("shell", metavar="SHELL", choices=(*_SCRIPTS, "jobs", "runs"), help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Print a script, or the names it asks for."""
    if args.shell in _SCRIPTS:
        print(_SCRIPTS[args.shell](_commands()), end="")
        return DONE
    with looking(args) as look:
        runs = (row.run_id for row in look.reader.runs(limit=_RUNS))
        print(*(look.configuration.jobs if args.shell == "jobs" else runs), sep="\n")
    return DONE


def _commands() -> list[Command]:
    parsers = subcommands(build(COMMANDS))
    return [_command(name, help_, parsers[name]) for name, help_ in COMMANDS.items()]


def _command(name: str, help_: str, parser: argparse.ArgumentParser) -> Command:
    below = subcommands(parser)
    found = {option.words: option for one in (parser, *below.values()) for option in map(_option, options(one))}
    positional = [action for action in parser._actions if not action.option_strings and action.metavar != "WHAT"]
    kinds = [_kind(action) for action in positional]
    return Command(name, help_, tuple(found.values()), kinds[0] if kinds else ("words", tuple(below)))


def _option(action: argparse.Action) -> Option:
    kind = None if action.nargs == 0 else _kind(action)
    return Option(tuple(action.option_strings), action.help or "", kind)


def _kind(action: argparse.Action) -> tuple[str, tuple[str, ...]]:
    """What can stand there: some words, the names of jobs or runs, a directory, or anything."""
    if action.choices:
        return "words", tuple(str(choice) for choice in action.choices)
    named = {"NAME": "jobs", "RUN": "runs", "NAME|RUN": "both", "DIR": "directory"}
    if action.metavar == "STATE":
        return "words", (*STATES, *KINDS)
    return named.get(str(action.metavar), "any"), ()
