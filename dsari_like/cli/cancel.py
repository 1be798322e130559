"""`dsari-like cancel`: ask the daemon to end runs, or to take them out of the queue.

Owns what is asked and what is told of the answer. The request is a file, like all that is asked of the daemon.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import Request, add_reason, answer, ask, is_left_lying, refuse_refused
from dsari_like.cli.exits import DONE, NO, NO_DAEMON, No
from dsari_like.cli.following import Patience, is_final
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import say
from dsari_like.cli.receipts import read_receipt
from dsari_like.cli.selecting import add_selection, named, selected, words
from dsari_like.report.words import outcome_sentence
from dsari_like.store.reader import RunRow


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "cancel",
        description="Asks the daemon to end running runs (a file cancel_requested in the run directory, TERM to all of"
        " its processes after the job's cancel_grace, then KILL) or to take waiting ones out of the queue. The exit"
        " status is 1 when a run has ended already, 4 when no daemon is running; the request then waits for the next"
        " one.",
    )
    add_selection(parser, "queued or running")
    add_reason(parser, "kept with the run")
    parser.add_argument(
        "--wait", action="store_true", help="end when the run has ended: 0 if it was cancelled, 1 if not"
    )


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        chosen = selected(args, look)
        row = named(args.run_id, look) if args.run_id is not None and args.item is None else None
        if row is not None and is_final(row):
            raise No(f"run {row.run_id} has ended already: {outcome_sentence(row, look.zone)}")
        request = ask(look, "cancel", **chosen, reason=args.reason)
        if is_left_lying(look, request):
            return NO_DAEMON
        if args.wait and row is not None:
            return _wait(look, row, request)
        if args.wait:
            answer(look, request)
        say(f"asked for {words(chosen)}{f' of {row.job_name}' if row else ''} to be cancelled")
    return DONE


def _wait(look: Look, row: RunRow, request: Request) -> int:
    patience, now = Patience(), row
    while not is_final(now):
        refuse_refused(read_receipt(look.configuration.data_dir, request.id))
        patience.rest(moved=False)
        now = look.reader.run(row.run_id) or row
    say(f"run {now.run_id}: {outcome_sentence(now, look.zone)}")
    return DONE if now.status == "cancelled" else NO
