"""`dsari-like runs`: what was run, newest first.

Owns the filters. Must not know how a run is stored.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from dsari_like.cli.exits import DONE, UsageFault
from dsari_like.cli.look import Look, looking
from dsari_like.cli.objects import run_object
from dsari_like.cli.parser import did_you_mean
from dsari_like.cli.printing import add_format, print_listing
from dsari_like.cli.table import Column, state_column
from dsari_like.cli.times import read_time, stamp
from dsari_like.core.lifecycle import FINAL, RunState
from dsari_like.report.moments import duration
from dsari_like.report.words import description_of, reason_words, state_word, trigger_word
from dsari_like.store.reader import RunRow

STATES = tuple(state.value for state in RunState)
#: Words for many states at once, as people ask for them.
KINDS = {
    "open": tuple(state.value for state in RunState if state not in FINAL),
    "final": tuple(state.value for state in FINAL),
}
#: As much of an id as tells runs apart that began within one millisecond.
SHORT_ID = 18
COLUMNS = (
    Column("run", least=SHORT_ID, mark=""),
    Column("job", least=8),
    state_column(),
    Column("exit", right=True),
    Column("started", least=19, mark=""),
    Column("took", right=True),
    Column("cause", least=5),
    Column("more", least=10),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "runs",
        description="Lists runs by the time they were queued, newest first. Times are given as a span before now"
        " (90s, 15m, 2h, 1d), as today or yesterday, as a date, or in epoch seconds.",
    )
    parser.add_argument("--job", action="append", metavar="NAME", help="only runs of this job; may be given again")
    parser.add_argument(
        "--status",
        action="append",
        metavar="STATE",
        help=f"only runs in this state, one of {', '.join(STATES)}; or open, or final; may be given again",
    )
    parser.add_argument("--items", action="store_true", help="also the items of array runs, each a row")
    parser.add_argument("--since", metavar="TIME", help="only runs that were queued at this time or later")
    parser.add_argument("--until", metavar="TIME", help="only runs that were queued before this time")
    parser.add_argument("--limit", type=int, default=25, metavar="N", help="at most so many; 0: all (default: 25)")
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """List them. No run is no failure: the answer is an empty list."""
    if args.limit < 0:
        raise UsageFault(f"--limit: expected 0 or more, found {args.limit}")
    with looking(args) as look:
        rows = list(islice(_found(args, look), args.limit or None))
        cells = [_cells(row, look) for row in rows]
    print_listing(args, [run_object(row) for row in rows], COLUMNS, cells, "no runs")
    return DONE


def _found(args: argparse.Namespace, look: Look) -> Iterator[RunRow]:
    since = None if args.since is None else read_time(args.since, look.zone, look.now, "--since")
    until = None if args.until is None else read_time(args.until, look.zone, look.now, "--until")
    status = None if args.status is None else _states(args.status)
    # A database does not mind a limit it does not reach, and stops reading at one that it does.
    limit = args.limit or -1
    jobs: Iterable[str | None] = dict.fromkeys(_known(name, look) for name in args.job or ()) or (None,)
    lists = [look.reader.runs(job, status, since, until, limit, items=args.items) for job in jobs]
    return heapq.merge(*lists, key=lambda row: (row.queue_time, row.run_id), reverse=True)


def _known(name: str, look: Look) -> str:
    """A job that has runs is known, configured or not."""
    if look.reader.last_of(name) is None:
        look.job(name)
    return name


def _states(words: Iterable[str]) -> list[str]:
    found: list[str] = []
    for word in (part for text in words for part in text.split(",")):
        state = word.strip().replace(" ", "_").replace("-", "_")
        if state not in STATES and state not in KINDS:
            raise UsageFault(f"--status: there is no state '{word}'{did_you_mean(state, (*STATES, *KINDS))}")
        found += KINDS.get(state, (state,))
    return found


def _cells(run: RunRow, look: Look) -> tuple[str, ...]:
    took = run.duration
    if took is None and run.start_time is not None and run.stop_time is None:
        took = max(0.0, look.now - run.start_time)
    return (
        run.run_id,
        run.job_name,
        state_word(run.status),
        "-" if run.exit_code is None else str(run.exit_code),
        stamp(run.start_time, look.zone),
        "-" if took is None else duration(took),
        trigger_word(run),
        _more(run),
    )


def _more(run: RunRow) -> str:
    """Why it ended badly, else what its producer said of it."""
    why = run.message or reason_words(run) if run.status in ("failed", "cancelled", "timed_out") else ""
    return why or description_of(run)
