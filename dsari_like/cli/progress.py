"""`dsari-like progress`: say how far a run has come, from within the run.

Owns what is written, and the checks. It is called from loops of scripts, so it loads as little as it can, and looks
neither for a configuration nor for a daemon: the file is all it needs.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import stat
from typing import Any

from dsari_like.cli.exits import DONE, No, UsageFault
from dsari_like.core.progress import LONGEST_MESSAGE


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "progress",
        description="Says how far a run has come: appends a line to the file that PROGRESS_FILE names in every run. The"
        " last number and message are shown wherever the run is shown, and each line is a sign of life. The exit status"
        " is 2 outside a run.",
    )
    parser.add_argument("percent", metavar="N", help="a number from 0 to 100")
    parser.add_argument("message", metavar="MESSAGE", nargs="?", help="what is being done; the last one stays without")


def run(args: argparse.Namespace) -> int:
    """0 when it is written."""
    line: dict[str, object] = {"progress": _percent(args.percent)}
    if args.message is not None:
        text = args.message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        line["message"] = text[: LONGEST_MESSAGE + 1]  # one more, so that its reader sees that it was longer
    path = os.environ.get("PROGRESS_FILE")
    if not path:
        raise UsageFault("cannot say how far the run has come: PROGRESS_FILE is not set, so this is no run")
    try:
        _append(path, json.dumps(line).encode() + b"\n")
    except OSError as error:
        raise No(f"cannot say how far the run has come: {path}: {error.strerror}") from None
    return DONE


def _percent(text: str) -> float | int:
    """As it was given: a whole number stays one. What Python takes besides (`1_0`, NaN) is no percentage to anybody."""
    try:
        number = float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise UsageFault(f"'{text}' is no number from 0 to 100; nothing was written")
    return int(number) if number.is_integer() else number


def _append(path: str, line: bytes) -> None:
    """In one write, so that lines of several processes do not mix; never into what only looks like the file."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no regular file")
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
