"""Executions of chains and orchestrations, as `chains NAME` and `orchestrations NAME` list them.

Owns what is said of a flow in one line, and as an object. Must not know what a flow is a flow of.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from dsari_like.cli.look import Look
from dsari_like.cli.objects import run_object
from dsari_like.cli.printing import print_listing
from dsari_like.cli.table import Column, state_column
from dsari_like.cli.times import stamp
from dsari_like.core.flows import Flow, place_of
from dsari_like.report.moments import duration
from dsari_like.report.words import state_word
from dsari_like.store.reader import RunRow

LIMIT = 25

_COLUMNS = (
    Column("flow", least=18, mark=""),
    state_column(),
    Column("started", least=19, mark=""),
    Column("took", right=True),
    Column("runs", least=20),
)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """The option of both listings."""
    parser.add_argument(
        "--limit", type=int, default=LIMIT, metavar="N", help=f"at most so many executions; 0: all (default: {LIMIT})"
    )


def print_executions(args: argparse.Namespace, look: Look, name: str) -> None:
    """The executions of what has this name, newest first."""
    flows = look.reader.executions(name, args.limit or -1)
    found = [(flow, look.reader.runs_of_flow(flow.flow_id)) for flow in flows]
    objects = [flow_object(flow, runs) for flow, runs in found]
    rows = [_cells(flow, runs, look) for flow, runs in found]
    print_listing(args, objects, _COLUMNS, rows, f"there is no execution of {name} yet")


def flow_object(flow: Flow, runs: Sequence[RunRow]) -> dict[str, Any]:
    """A flow as scripts get it: the columns of its row, and its runs in the order they were made."""
    return {
        "flow_id": flow.flow_id,
        "kind": flow.kind.value,
        "name": flow.name,
        "status": flow.state.value,
        "start_time": flow.start_time,
        "stop_time": flow.stop_time,
        "variables": dict(flow.variables),
        "runs": [run_object(run) for run in runs],
    }


def _cells(flow: Flow, runs: Sequence[RunRow], look: Look) -> tuple[str, ...]:
    until = look.now if flow.stop_time is None else flow.stop_time
    return (
        flow.flow_id,
        state_word(flow.state.value),
        stamp(flow.start_time, look.zone),
        duration(max(0.0, until - flow.start_time)),
        ", ".join(_told(flow, runs)) or "-",
    )


def _told(flow: Flow, runs: Sequence[RunRow]) -> Iterator[str]:
    """Each step or task with the state of its last run; that of the orchestration itself is the state of the flow."""
    newest: dict[str, RunRow] = {}
    for run in runs:
        place = place_of(run.trigger_type, run.trigger)
        newest[str(place) if place else run.job_name] = run
    for name, run in newest.items():
        if name != flow.name or flow.kind.value == "chain":
            again = f" (attempt {run.attempt})" if run.attempt > 1 else ""
            yield f"{name} {state_word(run.status)}{again}"
