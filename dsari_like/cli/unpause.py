"""`dsari-like unpause`: end the pause of a job, or that of all jobs.

Owns what is told of the pauses that go on. The pause of all jobs and that of one of them are two.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import ask, settle
from dsari_like.cli.look import Look, looking
from dsari_like.cli.pause import add_target, target, whom
from dsari_like.core.model import ALL_JOBS
from dsari_like.report.rests import Rests

_TOLD = 5


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "unpause",
        description="Asks the daemon to end the pause of a job, or with --all that of all jobs, which leaves jobs that"
        " were paused by name as they are. What waited starts; times of the schedule that were left out are not made"
        " up. The exit status is 1 when there was no such pause (told with --wait only), 4 when no daemon is running;"
        " the request then waits for the next one.",
    )
    add_target(parser)
    parser.add_argument("--wait", action="store_true", help="end when the pause is over")


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        name = target(args)
        if name is not None and look.rests.of(name) is None:  # of a job that was removed since: it may be ended too
            look.job(name)
        request = ask(look, "unpause", job=name)
        pause = f"the pause of {whom(name)}"
        return settle(look, request, args.wait, f"{pause} to end", lambda: f"{pause} is over{_others(look, name)}")


def _others(look: Look, name: str | None) -> str:
    """What keeps jobs from starting still: whoever ended one pause may not think of another."""
    names = [pause.job_name for pause in Rests(look.reader.rests()).pauses(look.now)]
    if name is not None:
        return "; all jobs are paused still" if ALL_JOBS in names else ""
    more = ", …" if len(names) > _TOLD else ""
    return f"; still paused by name: {', '.join(names[:_TOLD])}{more}" if names else ""
