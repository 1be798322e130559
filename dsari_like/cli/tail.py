"""`dsari-like tail`: follow what running runs print, all of them or those that are named.

Owns the choice of runs. Must not know how a file is followed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from dsari_like.cli.exits import DONE, UsageFault
from dsari_like.cli.following import Followed, Patience, follow
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import say
from dsari_like.cli.streams import Sink, Source
from dsari_like.store.reader import RunRow


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "tail",
        description="Follows the output of the named runs until they have ended, or without a name that of all"
        " running runs, those that start meanwhile included, until it is interrupted. A run is named by its id, by"
        " enough of its beginning, or by its job. With several runs each line begins with the name of its job.",
    )
    parser.add_argument("runs", metavar="RUN", nargs="*", help="a run to follow (default: all that run)")
    parser.add_argument(
        "-n", "--lines", type=int, default=10, metavar="N", help="begin with the last N lines (default: 10)"
    )


def run(args: argparse.Namespace) -> int:
    """Follow. Ends with the last of the named runs, or when interrupted."""
    if args.lines < 0:
        raise UsageFault(f"--lines: expected 0 or more, found {args.lines}")
    with looking(args) as look:
        if args.runs:
            rows = {row.run_id: row for row in map(look.run, args.runs)}
            followed = _followed(look, rows.values(), args.lines)
            follow(look.reader, followed, Sink(several=len(followed) > 1), Patience())
        else:
            running = look.reader.running()
            if not running:
                say("nothing runs; waiting for the next run to start (Ctrl-C stops)")
            more = _newcomers(look, {row.run_id for row in running})
            follow(look.reader, _followed(look, running, args.lines), Sink(several=True), Patience(), more)
    return DONE


def _followed(look: Look, rows: Iterable[RunRow], lines: int) -> list[Followed]:
    found = []
    for row in rows:
        source = Source(look.run_directory(row))
        source.skip_to_last_lines(lines)
        found.append(Followed(row.run_id, row.job_name, source))
    return found


def _newcomers(look: Look, seen: set[str]) -> Callable[[], list[Followed]]:
    """Runs that began since the last time; they are followed from their first byte.

    One that began and ended between two looks is among the newest runs of the log.
    """

    def fresh() -> list[Followed]:
        latest = [*look.reader.running(), *look.reader.runs(since=look.now, limit=50)]
        rows = [row for row in latest if row.start_time is not None and row.run_id not in seen]
        rows = list({row.run_id: row for row in rows}.values())
        seen.update(row.run_id for row in rows)
        return [Followed(row.run_id, row.job_name, Source(look.run_directory(row))) for row in rows]

    return fresh
