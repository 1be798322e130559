"""`dsari-like output`: what a run printed, and with `--follow` what it is still printing.

Owns what is said when there is nothing. Must not know how the bytes are made harmless.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from dsari_like.cli.exits import DONE, No
from dsari_like.cli.following import Followed, Patience, follow, is_final
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import say
from dsari_like.cli.standing import daemon_of
from dsari_like.cli.streams import Sink, Source, archived
from dsari_like.store.reader import RunRow


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "output",
        description="Prints the output of a run, which is named by its id, by enough of its beginning, or by its job,"
        " which stands for the job's last run. In a pipe the bytes pass untouched; on a terminal control characters"
        " are spelled out, colours excepted.",
    )
    parser.add_argument("run_id", metavar="RUN", help="the run")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")


def run(args: argparse.Namespace) -> int:
    """Print it; 1 when there is none."""
    with looking(args) as look:
        row = look.run(args.run_id)
        source = Source(look.run_directory(row))
        if args.follow and not is_final(row):
            _warn(look)
            follow(look.reader, [Followed(row.run_id, row.job_name, source)], Sink(), Patience())
        elif problem := source.problem():
            _print_archived(look, row, problem)
        else:
            _print(row, source.read())
            source.close()
    return DONE


def _print(row: RunRow, pieces: Iterable[bytes]) -> bool:
    sink, printed = Sink(), False
    for data in pieces:
        sink.write(row.job_name, data)
        printed = True
    sink.end(row.job_name)
    sink.flush()
    return printed


def _print_archived(look: Look, row: RunRow, problem: str) -> None:
    if not _print(row, archived(look.run_directory(row))):
        never = "" if row.start_time is not None else ", for it has never started"
        raise No(f"there is no output of run {row.run_id} of {row.job_name}: {problem}{never}")


def _warn(look: Look) -> None:
    if not daemon_of(look.configuration).alive:
        say("no daemon is running: the end of the run will not be seen before one is (Ctrl-C stops looking)")
