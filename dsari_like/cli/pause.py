"""`dsari-like pause`: let a job rest, or all of them.

Owns what is asked, and which job is meant, for `unpause` too. What a pause holds back is for the daemon.
"""

from __future__ import annotations

import argparse
from typing import Any

from dsari_like.cli.asking import add_reason, ask, settle
from dsari_like.cli.exits import UsageFault
from dsari_like.cli.look import looking
from dsari_like.cli.times import read_time, stamp


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "pause",
        description="Asks the daemon to let a job rest, or all jobs. Times of the schedule that come meanwhile are left"
        " out, triggers wait, and what runs goes on. A pause outlives the daemon; a second one of the same job takes"
        " the place of the first. The pause of all jobs and that of a job are ended apart. The exit status is 1 when"
        " the daemon refused, 4 when none is running; the request then waits for the next one.",
    )
    add_target(parser)
    parser.add_argument(
        "--until", metavar="TIME", help="when it ends by itself: a span such as 2h, a date, or epoch seconds"
    )
    add_reason(parser, "told with every slot that is left out")
    parser.add_argument("--wait", action="store_true", help="end when the pause is in force")


def run(args: argparse.Namespace) -> int:
    """0 when it was asked for; with --wait, when it was done."""
    with looking(args) as look:
        name = target(args)
        zone = look.zone if name is None else look.zone_of(look.job(name))
        until = None if args.until is None else read_time(args.until, zone, look.now, "--until", direction=1)
        if until is not None and until <= look.now:
            raise UsageFault(f"--until: expected a time to come, found {stamp(until, zone)}")
        request = ask(look, "pause", job=name, until=until, reason=args.reason)
        end = "until further notice" if until is None else f"until {stamp(until, zone)}"
        done = f"{whom(name)} {'are' if name is None else 'is'} paused {end}"
        return settle(look, request, args.wait, f"{whom(name)} to be paused {end}", lambda: done)


def add_target(parser: argparse.ArgumentParser) -> None:
    """A job, or all of them."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="the job")
    parser.add_argument("--all", action="store_true", help="all jobs, and those that are configured later")


def target(args: argparse.Namespace) -> str | None:
    """The name of the job that is meant; None for all. Nobody means all by saying nothing."""
    if args.all and args.name is not None:
        raise UsageFault(f"either '{args.name}' or --all, not both")
    if not args.all and args.name is None:
        raise UsageFault(f"name a job, or say --all; see {args.parser.prog} --help")
    return None if args.name is None else str(args.name)


def whom(name: str | None) -> str:
    """Of whom is spoken."""
    return "all jobs" if name is None else f"job {name}"
