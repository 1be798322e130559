"""The command line: `main(argv) -> int`, and the one place that turns failures into exit codes.

stdout is data, stderr is talk. A person's mistake is told in one line; ours keeps its traceback. Must not know what
any command does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from dsari_like.cli import exits
from dsari_like.cli.parser import PROG, parse
from dsari_like.errors import ConfigError, UserError


def run() -> None:
    """The `dsari-like` command."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Carry out a command line. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        _make_tolerant(stream)
    os.umask(os.umask(0o077) | 0o002)  # nothing that we make is for everybody to write, whatever the shell says
    try:
        code = _carried_out(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        _stop_writing()
        return exits.BROKEN_PIPE
    except OSError as error:
        if error.filename is not None:
            raise  # about a file: whoever works with it knows what to say, so this is our mistake
        _stop_writing()
        print(f"{PROG}: cannot write the answer: {error.strerror}", file=sys.stderr)
        return exits.NO
    except UserError as error:
        _tell(error)
        return exits.OWN_FAILURE if _answers_for_a_run(argv) else exits.code_of(error)
    return code


def _carried_out(argv: Sequence[str]) -> int:
    try:
        args = parse(argv)
    except SystemExit as ended:  # --help and --version
        return int(ended.code or 0)
    return int(args.run(args))


def _answers_for_a_run(argv: Sequence[str]) -> bool:
    """True where 2 could be the exit code of the run that was waited for, so that ours has to be another."""
    return not {"trigger", "retry"}.isdisjoint(argv) and not {"--wait", "--follow"}.isdisjoint(argv)


def _tell(error: UserError) -> None:
    if not isinstance(error, ConfigError):
        print(f"{PROG}: {_one_line(str(error))}", file=sys.stderr)
        return
    for problem in error.problems:
        print(_one_line(problem), file=sys.stderr)
    count = len(error.problems)
    print(f"{PROG}: {count} problem{'s' * (count != 1)} in the configuration", file=sys.stderr)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _make_tolerant(stream: TextIO) -> None:
    """A name or a dash that the terminal's encoding lacks is shown by its number, not by a traceback."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _stop_writing() -> None:
    """Whoever read our output has gone; what is left in the buffer must not raise again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
