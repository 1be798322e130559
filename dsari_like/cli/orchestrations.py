"""`dsari-like orchestrations`: the configured orchestrations and how each stands; the executions of one.

Owns what is said of an orchestration in one line. Must not know how one is run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from dsari_like.cli.executions import add_limit, print_executions
from dsari_like.cli.exits import DONE, NotFound
from dsari_like.cli.look import Look, looking
from dsari_like.cli.parser import did_you_mean
from dsari_like.cli.printing import add_format, print_listing
from dsari_like.cli.table import Column, state_column
from dsari_like.cli.times import stamp
from dsari_like.core.flows import Orchestration
from dsari_like.core.model import Job
from dsari_like.core.schedule import Rule, next_of
from dsari_like.report.words import state_word

_COLUMNS = (
    Column("orchestration", least=8),
    state_column("last"),
    Column("at", least=19, mark=""),
    Column("next", least=19, mark=""),
    Column("phases", least=20),
    Column("description", least=10),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "orchestrations",
        description="Lists the configured orchestrations with their phases, how each ended last and when it is due"
        " next; with a NAME its executions, newest first, with the state of each task.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the orchestration whose executions are listed")
    add_limit(parser)
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """The orchestrations, or the executions of one."""
    with looking(args) as look:
        configured = {name: job.flow for name, job in look.configuration.jobs.items() if job.flow is not None}
        if args.name is not None:
            if args.name not in configured:
                known = did_you_mean(args.name, configured)
                raise NotFound(f"there is no orchestration '{args.name}'{known}")
            print_executions(args, look, args.name)
            return DONE
        plans = look.plans()
        found = [_object(look.configuration.jobs[name], flow, look, plans) for name, flow in configured.items()]
        cells = [_cells(one, look) for one in found]
    print_listing(args, found, _COLUMNS, cells, "no orchestrations are configured")
    return DONE


def _object(job: Job, flow: Orchestration, look: Look, plans: Mapping[str, Sequence[Rule]]) -> dict[str, Any]:
    last = next(iter(look.reader.executions(job.name, 1)), None)
    slot = next_of(plans.get(job.name, ()), look.now)
    return {
        "name": job.name,
        "description": job.description,
        "enabled": job.enabled,
        "schedule": list(job.schedule),
        "schedule_timezone": job.schedule_timezone,
        "next_time": slot.time if slot else None,
        "phases": [{"name": phase.name, "tasks": [task.name for task in phase.tasks]} for phase in flow.phases],
        "last_flow_id": last.flow_id if last else None,
        "last_status": last.state.value if last else None,
        "last_start_time": last.start_time if last else None,
        "where": str(job.where),
    }


def _cells(found: Mapping[str, Any], look: Look) -> tuple[str, ...]:
    state = state_word(found["last_status"] or "-")
    return (
        found["name"],
        state if found["enabled"] else "disabled",
        stamp(found["last_start_time"], look.zone),
        stamp(found["next_time"], look.zone),
        "; ".join(f"{phase['name']}: {', '.join(phase['tasks'])}" for phase in found["phases"]),
        found["description"],
    )
