"""`dsari-like cancel`: ask the daemon to end a run, or to take it out of the queue.

Owns what is asked and what is told of the answer. The request is a file, like all that is asked of the daemon.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import Request, add_reason, ask, is_left_lying, refuse_refused
from dsari_like.cli.exits import DONE, NO, NO_DAEMON, No, NotFound
from dsari_like.cli.following import Patience, is_final
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import say
from dsari_like.cli.receipts import read_receipt
from dsari_like.report.words import outcome_sentence
from dsari_like.store.reader import RunRow


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "cancel",
        description="Asks the daemon to end a running run (TERM to all of its processes, then KILL) or to take a"
        " waiting one out of the queue. The run is named by its id or by enough of its beginning. The exit status is 1"
        " when the run has ended already, 4 when no daemon is running; the request then waits for the next one.",
    )
    parser.add_argument("run_id", metavar="RUN", help="the run")
    add_reason(parser, "kept with the run")
    parser.add_argument(
        "--wait", action="store_true", help="end when the run has ended: 0 if it was cancelled, 1 if not"
    )


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        row = _run(args.run_id, look)
        if is_final(row):
            raise No(f"run {row.run_id} has ended already: {outcome_sentence(row, look.zone)}")
        request = ask(look, "cancel", run=row.run_id, reason=args.reason)
        if is_left_lying(look, request):
            return NO_DAEMON
        if args.wait:
            return _wait(look, row, request)
        say(f"asked for run {row.run_id} of {row.job_name} to be cancelled")
    return DONE


def _run(text: str, look: Look) -> RunRow:
    """By id only: the last run of a job may be another one than a person had in mind."""
    if look.reader.run_by_prefix(text):
        return look.run(text)
    open_ = [run.run_id for run in look.reader.open_runs() if run.job_name == text]
    if open_:
        raise NotFound(f"'{text}' is a job; name the run that is meant: {', '.join(open_[:5])}")
    raise NotFound(f"there is no run '{text}'")


def _wait(look: Look, row: RunRow, request: Request) -> int:
    patience, now = Patience(), row
    while not is_final(now):
        refuse_refused(read_receipt(look.configuration.data_dir, request.id))
        patience.rest(moved=False)
        now = look.reader.run(row.run_id) or row
    say(f"run {now.run_id}: {outcome_sentence(now, look.zone)}")
    return DONE if now.status == "cancelled" else NO
