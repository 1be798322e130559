"""`dsari-like skip-next`: leave out the next time of a job's schedule.

Owns what is asked and what is told of it. Which slot it will be is foretold here and decided by the daemon.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import add_reason, ask, settle
from dsari_like.cli.exits import No
from dsari_like.cli.look import Look, looking
from dsari_like.cli.times import stamp
from dsari_like.core.model import SkipNext
from dsari_like.report.rests import Rests


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "skip-next",
        description="Asks the daemon to leave out the next time of a job's schedule, one only however often it is"
        " asked; a time that falls into a pause does not count. The wish outlives the daemon. The exit status is 1"
        " when the job has no schedule, 4 when no daemon is running; the request then waits for the next one.",
    )
    parser.add_argument("name", metavar="NAME", help="the job")
    add_reason(parser, "told with the slot that is left out")
    parser.add_argument("--wait", action="store_true", help="end when the daemon has taken note of it")


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when the daemon knows of it."""
    with looking(args) as look:
        job = look.job(args.name)
        if not job.schedule:
            raise No(f"job '{job.name}' has no schedule, so there is no slot to leave out")
        request = ask(look, "skip_next", job=job.name, reason=args.reason)
        slot = _foretold(look, job.name)
        done = f"the next slot of {job.name}{slot} is left out"
        return settle(look, request, args.wait, f"the next slot of {job.name}{slot} to be left out", lambda: done)


def _foretold(look: Look, name: str) -> str:
    """The slot as it stands now; nothing when the schedule, or a pause without an end, has none."""
    rests = Rests([*look.reader.rests(), SkipNext(name, look.now)])
    slot = rests.skipped(name, look.plans().get(name, ()), look.now)
    return "" if slot is None else f", {stamp(slot, look.zone_of(look.configuration.jobs[name]))},"
