"""`dsari-like callbacks`: what callbacks did, newest first; or, with `--configured`, which there are.

Owns the filters and the columns. Must not know how a callback is called.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from dsari_like.cli.exits import DONE, UsageFault
from dsari_like.cli.look import Look, looking
from dsari_like.cli.objects import call_object
from dsari_like.cli.parser import did_you_mean
from dsari_like.cli.printing import add_format, print_listing
from dsari_like.cli.table import Column, state_column
from dsari_like.cli.times import read_time, stamp
from dsari_like.core.latches import Latches
from dsari_like.core.reactions import Callback, CallState
from dsari_like.report.moments import duration
from dsari_like.store.called import Called, CallRow

STATES = tuple(state.value for state in CallState)
_HISTORY = (
    Column("call", least=18, mark=""),
    Column("callback", least=8),
    state_column(),
    Column("exit", right=True),
    Column("at", least=19, mark=""),
    Column("took", right=True),
    Column("event", least=12),
    Column("more", least=10),
)
_CONFIGURED = (
    Column("callback", least=8),
    Column("language"),
    Column("triggers", least=16),
    Column("calls", right=True),
    Column("waits for", least=10),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "callbacks",
        description="Lists the calls of callbacks by the time of their event, newest first: which event, how it went,"
        " what it said. With --configured it lists the callbacks there are, how often each was called, and what those"
        " that wait for several events have and still wait for.",
    )
    parser.add_argument("--configured", action="store_true", help="the callbacks that are configured")
    parser.add_argument("--job", metavar="NAME", help="only those in the name of this job")
    parser.add_argument("--callback", metavar="NAME", help="only this one, given as JOB/NAME, or */NAME of the site")
    parser.add_argument("--run", dest="of_run", metavar="RUN", help="only calls in the name of this run")
    parser.add_argument("--status", action="append", metavar="STATE", help=f"only calls that are {', '.join(STATES)}")
    parser.add_argument("--since", metavar="TIME", help="only events of this time or later")
    parser.add_argument("--until", metavar="TIME", help="only events before this time")
    parser.add_argument("--limit", type=int, default=25, metavar="N", help="at most so many; 0: all (default: 25)")
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """List them. None at all is no failure."""
    if args.limit < 0:
        raise UsageFault(f"--limit: expected 0 or more, found {args.limit}")
    with looking(args) as look:
        if args.configured:
            found = [_configured_object(one, look) for one in _configured(args, look)]
            print_listing(args, found, _CONFIGURED, [_configured_cells(one) for one in found], "no callbacks")
        else:
            rows = list(_rows(args, look))
            cells = [_cells(row, look) for row in rows]
            print_listing(args, [call_object(row) for row in rows], _HISTORY, cells, "no calls of callbacks")
    return DONE


def _rows(args: argparse.Namespace, look: Look) -> Iterator[CallRow]:
    for state in args.status or ():
        if state not in STATES:
            raise UsageFault(f"--status: there is no state '{state}'{did_you_mean(state, STATES)}")
    return Called(look.connection, look.configuration.secrets).calls(
        job=args.job,
        callback=args.callback,
        run=look.run(args.of_run).run_id if args.of_run else None,
        states=args.status or (),
        since=None if args.since is None else read_time(args.since, look.zone, look.now, "--since"),
        until=None if args.until is None else read_time(args.until, look.zone, look.now, "--until"),
        limit=args.limit or -1,
    )


def _cells(row: CallRow, look: Look) -> tuple[str, ...]:
    said = (row.output or "").strip().splitlines()
    return (
        row.callback_id,
        row.callback,
        row.state,
        "-" if row.exit_code is None else str(row.exit_code),
        stamp(row.time, look.zone),
        "-" if row.duration is None else duration(row.duration),
        row.event_text,
        row.reason or (said[0] if said else ""),
    )


def _configured(args: argparse.Namespace, look: Look) -> Iterator[Callback]:
    configuration = look.configuration
    jobs = [look.job(args.job)] if args.job else configuration.jobs.values()
    if not args.job:
        yield from (one for one in configuration.callbacks if args.callback in (None, one.key))
    yield from (one for job in jobs for one in job.callbacks if args.callback in (None, one.key))


def _configured_object(callback: Callback, look: Look) -> dict[str, Any]:
    kept = Called(look.connection).latches(callback.key)
    scopes = [_scope(callback, scope, closed) for scope, (closed, _) in kept.items() if closed]
    return {
        "callback": callback.key,
        "job_name": callback.owner if callback.owner != "*" else None,
        "triggers": callback.triggers,
        "language": callback.language.value,
        "code": callback.code,
        "maximum": callback.maximum,
        "timeout": callback.timeout,
        "calls": sum(count for _, count in kept.values()),
        "latches": scopes,
    }


def _scope(callback: Callback, scope: str, closed: Mapping[str, Any]) -> dict[str, Any]:
    """What came true in a flow (or a run), and what has not."""
    standing = Latches(callback.expression, closed).standing()
    flow, _, item = scope.partition("\n")
    return {
        "flow_id": flow or None,
        "item": item or None,
        "closed": {name: {"time": one.time, "run_id": one.run_id or None} for name, one in standing.closed},
        "open": list(standing.open),
    }


def _configured_cells(found: Mapping[str, Any]) -> tuple[str, ...]:
    waits = [", ".join(scope["open"]) for scope in found["latches"]]
    return (
        found["callback"],
        found["language"],
        found["triggers"],
        str(found["calls"]),
        "; ".join(waits[:3]) + (f" and {len(waits) - 3} more" if len(waits) > 3 else "") or "-",
    )
