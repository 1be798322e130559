"""`dsari-like retry`: ask the daemon to repeat runs that have ended.

Owns what is asked and what is told of the answer. The request is a file, like all that is asked of the daemon.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import Request, add_reason, ask, is_left_lying, refuse_refused
from dsari_like.cli.exits import DONE, NO_DAEMON, OWN_FAILURE, No, NoDaemon
from dsari_like.cli.following import Patience, is_final
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import say
from dsari_like.cli.receipts import read_receipt
from dsari_like.cli.selecting import add_selection, named, names, selected, words
from dsari_like.core.flows import FlowKind
from dsari_like.report.words import outcome_sentence
from dsari_like.store.reader import RunRow
from dsari_like.system.lock import is_locked


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "retry",
        description="Asks the daemon to repeat runs that have ended: each becomes a new run, linked to the old one,"
        " with the trigger data of the old one and the job as it is configured now. Of an array run those items are"
        " repeated that did not complete, of an orchestration those tasks that did not go well or were not executed;"
        " its first run stands for all attempts since, so that what went well in any of them is kept. Of several runs"
        " those are left out that were repeated already. The exit status is 1 when a run has not ended, 4 when no"
        " daemon is running; the request then waits for the next one.",
    )
    add_selection(parser, "failed or cancelled")
    parser.add_argument(
        "--as-recorded", action="store_true", default=None, help="with the job as it was when the old run started"
    )
    parser.add_argument(
        "--tasks", action="append", metavar="TASK",
        help="of an orchestration, these, with commas between them, in place of all that did not go well",
    )  # fmt: skip
    follow = parser.add_mutually_exclusive_group()
    follow.add_argument(
        "--cascade", action="store_true", default=None,
        help="in a chain: run again what follows, too; without it nothing follows a run that had completed",
    )
    follow.add_argument(
        "--only", action="store_true", default=None,
        help="in a chain: nothing follows; without it the chain goes on behind a run that had failed",
    )  # fmt: skip
    add_reason(parser, "kept with the new run")
    parser.add_argument(
        "--wait", action="store_true", help="end when the new run has ended, with its exit code; 125 if that cannot be"
    )


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait the exit code of the new run."""
    with looking(args) as look:
        chosen = selected(args, look)
        if args.run_id is not None:
            chosen |= _meant(named(args.run_id, look), look)
        how = {name: getattr(args, name) for name in ("as_recorded", "cascade", "only")}
        how["tasks"] = names(args.tasks)
        request = ask(look, "retry", **chosen, **how, reason=args.reason)
        if is_left_lying(look, request):
            return OWN_FAILURE if args.wait else NO_DAEMON
        if args.wait:
            return _wait(look, request)
        say(f"asked for {words(chosen)} to be repeated")
    return DONE


def _meant(row: RunRow, look: Look) -> dict[str, object]:
    """The first run of an orchestration has the id of its flow, and means the flow: only the last attempt knows what
    all of them have come to. Raises No when what is meant has not ended."""
    flow = look.reader.flow(row.run_id) if row.run_id == row.flow_id else None
    is_flow = flow is not None and flow.kind is FlowKind.ORCHESTRATION
    if is_flow and is_final(row):
        attempts = [one for one in look.reader.runs_of_flow(row.run_id) if one.job_name == row.job_name]
        row = attempts[-1]
    if not is_final(row):
        raise No(f"run {row.run_id} has not ended yet: {outcome_sentence(row, look.zone)}")
    return {"run": None, "flow": row.flow_id} if is_flow else {}


def _wait(look: Look, request: Request) -> int:
    """Until the new run has ended, with what its job makes of a failure; the first of them, when there are several."""
    data_dir, patience, run_id = look.configuration.data_dir, Patience(), None
    while True:
        receipt = read_receipt(data_dir, request.id)
        try:
            refuse_refused(receipt)
        except No as refusal:
            say(str(refusal))
            return OWN_FAILURE
        run_id = run_id or (receipt.run_id if receipt is not None else None)
        row = look.reader.run(run_id) if run_id else None
        if row is not None and is_final(row) and (again := look.reader.retries_of(row.run_id)):
            run_id = again[-1].run_id
        elif row is not None and is_final(row):
            say(f"run {row.run_id}: {outcome_sentence(row, look.zone)}")
            return row.exit_code if row.exit_code is not None else OWN_FAILURE
        if not is_locked(data_dir):
            raise NoDaemon("the daemon has ended before the run did; the next one goes on with it")
        patience.rest(moved=False)
