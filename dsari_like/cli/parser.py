"""The commands, and how a command line is read: one table of names, from which the help and the completions are made.

Owns the options every command takes. A command's module is imported only when that command was asked for, so `--help`
costs no template engine and the daemon none of the commands. Must not know what any command does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from dsari_like import __version__
from dsari_like.cli.exits import UsageFault

PROG = "dsari-like"

#: Every command is a module of this package of the same name (`skip_next` is that of `skip-next`), with
#: `add_parser(subparsers)` and `run(args) -> int`.
COMMANDS: Mapping[str, str] = {
    "daemon": "run the daemon in the foreground",
    "check": "validate the configuration; every error at once",
    "init": "write a commented starter configuration",
    "demo": "a tour in a temporary directory: daemon, schedule, triggers, report",
    "trigger": "run a job: drop a trigger for it, and wait for the run if asked to",
    "status": "is the daemon alive, what runs, what waits and for what, what comes next",
    "jobs": "the configured jobs and how each stands",
    "chains": "which job follows which, and how each step went; the executions of one chain",
    "orchestrations": "phases of tasks, and how they went; the executions of one",
    "runs": "what was run, newest first",
    "show": "everything that is recorded of one run",
    "output": "what a run printed",
    "tail": "follow what running runs print",
    "next": "coming times of the schedules, across changes of the clock",
    "callbacks": "what callbacks did, and which there are",
    "notify": "send one message, to see whether it arrives",
    "plan": "what a reload would change: jobs, and the coming times that move, appear or vanish",
    "explain": "why a job ran, waits, was skipped, folded or refused",
    "render": "bring the reports up to date",
    "metrics": "numbers for a monitoring system, in the text format of Prometheus",
    "prune": "remove old runs as the rules of retention say, or tell what they would do",
    "cancel": "end runs, or take them out of the queue",
    "retry": "repeat runs that have ended",
    "resume": "go on with a run that timed out",
    "unblock": "release a blocked run",
    "pause": "let a job rest, or all of them, until a time or until further notice",
    "unpause": "end a pause",
    "skip-next": "leave out the next time of a schedule",
    "reset-event": "forget what was updated for an event trigger",
    "webhook": "receive webhooks, and drop triggers for those that prove their sender",
    "progress": "say how far a run has come, from within the run",
    "config": "the configuration in effect, and the schema of its files",
    "completion": "completion of commands and options for a shell",
}


class Parser(argparse.ArgumentParser):
    """No abbreviated options: what a script abbreviates today, a new option makes ambiguous tomorrow."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """One line, as every other error."""
        raise UsageFault(f"{message}; see {self.prog} --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command that was asked for, which is imported by then; its `run` is among them."""
    command = _command_in(argv)
    if command is not None and command not in COMMANDS:
        raise UsageFault(f"there is no command '{command}'{did_you_mean(command, COMMANDS)}; see {PROG} --help")
    parser = build([] if command is None else [command])
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        known = [word for action in options(args.parser) for word in action.option_strings]
        args.parser.error(f"unknown argument {unknown[0]}{did_you_mean(unknown[0], known)}")
    if command is None:
        raise UsageFault(f"a command is needed, one of {', '.join(COMMANDS)}; see {PROG} --help")
    return args


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about a word that is not known; empty when nothing known is near."""
    from difflib import get_close_matches  # 3 ms, and only ever needed for an error

    near = get_close_matches(word, list(known), 1) if len(word) <= 64 else []
    return f" (did you mean '{near[0]}'?)" if near else ""


def build(commands: Iterable[str]) -> Parser:
    """A parser of these commands; of none of them, but with the help on all, when there are none."""
    parser = Parser(
        prog=PROG,
        description="Drop a file, it runs, anyone can see what happened.",
        epilog=f"'{PROG} COMMAND --help' tells more of a command.",
    )
    _add_common(parser, default=None)
    parser.set_defaults(parser=parser)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands = tuple(commands)
    for name in commands:
        module = import_module(f"dsari_like.cli.{name.replace('-', '_')}")
        module.add_parser(subparsers)
        _finish(subparsers.choices[name], module.run)
    for name in () if commands else COMMANDS:
        subparsers.add_parser(name, help=COMMANDS[name])
    return parser


def _finish(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    # Given before the command or after it: the absent one must not hide the other's value.
    _add_common(parser, default=argparse.SUPPRESS)
    parser.set_defaults(run=run, parser=parser)
    for below in subcommands(parser).values():
        _finish(below, run)


def subcommands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The commands below a command, as `dump` and `schema` are below `config`."""
    found = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return next(found, {})


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options of a parser, for completions and suggestions: argparse has no public way to ask."""
    return [action for action in parser._actions if action.option_strings]


def _add_common(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("-c", "--config-dir", metavar="DIR", default=default, help="the directory of the configuration")
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}", help="show the version")


def _command_in(argv: Sequence[str]) -> str | None:
    """The first word that is no option and no option's value."""
    words = iter(argv)
    for word in words:
        if word in ("-c", "--config-dir"):
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None
