"""`dsari-like jobs`: the configured jobs, how each stands and when it is due next.

Owns what is said of a job in one line. Must not know how a job is run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from dsari_like.cli.exits import DONE
from dsari_like.cli.look import Look, looking
from dsari_like.cli.objects import run_object
from dsari_like.cli.printing import add_format, print_listing
from dsari_like.cli.table import Column, state_column
from dsari_like.cli.times import stamp
from dsari_like.core.model import Job
from dsari_like.core.schedule import Rule, next_of
from dsari_like.report.words import state_word

_COLUMNS = (
    Column("job", least=8),
    state_column(),
    state_column("last run"),
    Column("at", least=19, mark=""),
    Column("next", least=19, mark=""),
    Column("schedule", least=10),
    Column("description", least=10),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "jobs",
        description="Lists the configured jobs: whether each runs, waits, is idle or disabled, how its last run"
        " ended, and when it is due next by its schedule.",
    )
    parser.add_argument("--job", action="append", metavar="NAME", help="only this job; may be given again")
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """List them, in the order of the configuration."""
    with looking(args) as look:
        configured = look.configuration.jobs
        jobs = [look.job(name) for name in args.job] if args.job else list(configured.values())
        plans, states = look.plans(), _open_states(look)
        found = [_object(job, look, plans, states) for job in jobs]
    cells = [_cells(one, look) for one in found]
    print_listing(args, found, _COLUMNS, cells, "no jobs are configured")
    return DONE


def _open_states(look: Look) -> dict[str, str]:
    """Running or waiting, for each job that does; a job that does both runs."""
    found = {run.job_name: "waiting" for run in look.reader.waiting()}
    return found | {run.job_name: "running" for run in look.reader.running()}


def _object(job: Job, look: Look, plans: Mapping[str, Sequence[Rule]], states: Mapping[str, str]) -> dict[str, Any]:
    last = look.reader.last_of(job.name)
    slot = next_of(plans.get(job.name, ()), look.now)
    return {
        "job_name": job.name,
        "state": states.get(job.name, "idle" if job.enabled else "disabled"),
        "description": job.description,
        "enabled": job.enabled,
        "schedule": list(job.schedule),
        "schedule_timezone": job.schedule_timezone or look.configuration.timezone or None,
        "next_time": slot.time if slot else None,
        "command": list(job.command),
        "concurrency_groups": list(job.concurrency_groups),
        "last_run": None if last is None else run_object(last),
        "where": str(job.where),
    }


def _cells(found: Mapping[str, Any], look: Look) -> tuple[str, ...]:
    last = found["last_run"]
    return (
        found["job_name"],
        found["state"],
        state_word(last["status"]) if last else "-",
        stamp(_when(last), look.zone) if last else "-",
        stamp(found["next_time"], look.zone),
        "; ".join(found["schedule"]) or "-",
        found["description"],
    )


def _when(last: Mapping[str, Any]) -> float:
    """The latest that is known of a run: its end, its start, or when it was queued."""
    found = (last[key] for key in ("stop_time", "start_time", "queue_time"))
    return float(next(time for time in found if time is not None))
