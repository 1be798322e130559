"""`dsari-like reset-event`: forget what was updated for an event trigger.

Owns what is asked and what is told of it.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import add_reason, ask, settle
from dsari_like.cli.exits import No
from dsari_like.cli.look import looking


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "reset-event",
        description="Asks the daemon to forget which of the things were updated that the event trigger of a job, or of"
        " an orchestration, waits for, and its cool_down too: it then starts when all of them were updated anew. The"
        " exit status is 1 when it has no event trigger, 4 when no daemon is running; the request then waits for the"
        " next one.",
    )
    parser.add_argument("name", metavar="NAME", help="the job or orchestration")
    add_reason(parser, "told in the log")
    parser.add_argument("--wait", action="store_true", help="end when it is forgotten")


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        job = look.job(args.name)
        if job.event_trigger is None:
            raise No(f"job '{job.name}' has no event_trigger, so there is nothing to forget")
        request = ask(look, "reset_event", job=job.name, reason=args.reason)
        what = f"what was updated for {job.name}"
        return settle(look, request, args.wait, f"{what} to be forgotten", lambda: f"{what} is forgotten")
