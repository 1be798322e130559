"""`dsari-like unblock`: ask the daemon to release a blocked run.

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
        "unblock",
        description="Asks the daemon to release a run that is blocked, whatever it waits for: it is queued, and starts"
        " when it is its turn. The exit status is 1 when the run is not blocked, 4 when no daemon is running; the"
        " request then waits for the next one.",
    )
    parser.add_argument("run_id", metavar="RUN", help="the run, by its id or enough of its beginning")
    add_reason(parser, "kept with the run")
    parser.add_argument("--wait", action="store_true", help="end when it was released, or refused")


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        row = named(args.run_id, look)
        if row.status != "blocked":
            raise No(f"run {row.run_id} is not blocked: {outcome_sentence(row, look.zone)}")
        request = ask(look, "unblock", run=row.run_id, reason=args.reason)
        what = f"run {row.run_id}"
        return settle(look, request, args.wait, f"{what} to be released", lambda: f"{what} was released")
