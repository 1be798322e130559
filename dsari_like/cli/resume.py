"""`dsari-like resume`: ask the daemon to go on with a run that timed out.

Owns what is asked and what is told of the answer.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import add_reason, ask, settle
from dsari_like.cli.exits import No
from dsari_like.cli.look import looking
from dsari_like.cli.selecting import named
from dsari_like.report.words import outcome_sentence


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "resume",
        description="Asks the daemon to resume a run that timed out: its job's resume_command is started in the run"
        " directory, or the stage that was cut off. The exit status is 1 when the run is not timed out or cannot be"
        " resumed, 4 when no daemon is running; the request then waits for the next one.",
    )
    parser.add_argument("run_id", metavar="RUN", help="the run, by its id or enough of its beginning")
    add_reason(parser, "kept with the run")
    parser.add_argument("--wait", action="store_true", help="end when it was resumed, or refused")


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        row = named(args.run_id, look)
        if row.status != "timed_out":
            raise No(f"run {row.run_id} is not timed out: {outcome_sentence(row, look.zone)}")
        request = ask(look, "resume", run=row.run_id, reason=args.reason)
        what = f"run {row.run_id}"
        return settle(look, request, args.wait, f"{what} to be resumed", lambda: f"{what} was resumed")
