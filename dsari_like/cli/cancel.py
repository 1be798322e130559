"""`dsari-like cancel`: ask the daemon to end runs, or to take them out of the queue.

Owns what is asked and what is told of the answer. The request is a file, like all that is asked of the daemon.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import Request, add_reason, ask, is_left_lying, refuse_refused
from dsari_like.cli.exits import DONE, NO, NO_DAEMON, No, NoDaemon
from dsari_like.cli.following import Patience, is_final
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import say
from dsari_like.cli.receipts import read_receipt
from dsari_like.cli.selecting import add_selection, among, named, selected, words
from dsari_like.report.words import outcome_sentence
from dsari_like.store.reader import RunRow
from dsari_like.system.lock import is_locked


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
        "--wait", action="store_true", help="end when the run, or all of them, have ended: 0 if cancelled, 1 if not"
    )


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        chosen = selected(args, look)
        row = named(args.run_id, look) if args.run_id is not None and args.item is None else None
        if row is not None and is_final(row):
            raise No(f"run {row.run_id} has ended already: {outcome_sentence(row, look.zone)}")
        meant = list(among(chosen, look.reader.open_runs())) if args.wait else []
        request = ask(look, "cancel", **chosen, reason=args.reason)
        if is_left_lying(look, request):
            return NO_DAEMON
        if args.wait:
            return _wait(look, meant, request)
        say(f"asked for {words(chosen)}{f' of {row.job_name}' if row else ''} to be cancelled")
    return DONE


def _wait(look: Look, meant: list[RunRow], request: Request) -> int:
    """Until all runs that were open when it was asked for have ended: the receipt tells of the first only."""
    data_dir, patience = look.configuration.data_dir, Patience()
    receipt = None
    while receipt is None or not all(map(is_final, meant)):
        receipt = receipt or read_receipt(data_dir, request.id)
        refuse_refused(receipt)
        if receipt is None and not is_locked(data_dir) and read_receipt(data_dir, request.id) is None:
            raise NoDaemon(
                f"the daemon has ended before it was done; the request {request.path} waits for the next one"
            )
        patience.rest(moved=False)
        meant = [look.reader.run(row.run_id) or row for row in meant]
    for row in meant:
        say(f"run {row.run_id} of {row.job_name}: {outcome_sentence(row, look.zone)}")
    return DONE if all(row.status == "cancelled" for row in meant) else NO
