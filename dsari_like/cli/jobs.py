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
from dsari_like.report.rests import LEFT_OUT, pause_object
from dsari_like.report.watching import watching, watching_object
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
        description="Lists the configured jobs: whether each runs, is paused, waits, is idle or disabled, how its last"
        " run ended, and when it is due next by its schedule, also where that time will be left out.",
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
    """What is said of a job before anything else: that it runs, else that it is paused, else that it waits."""
    found = {run.job_name: "waiting" for run in look.reader.waiting()}
    jobs = look.configuration.jobs.items()
    found |= {name: "paused" for name, job in jobs if job.enabled and look.rests.pause(name, look.now)}
    return found | {run.job_name: "running" for run in look.reader.running()}


def _object(job: Job, look: Look, plans: Mapping[str, Sequence[Rule]], states: Mapping[str, str]) -> dict[str, Any]:
    last = look.reader.last_of(job.name)
    rules, pause = plans.get(job.name, ()), look.rests.pause(job.name, look.now)
    slot = next_of(rules, look.now)
    note = look.note(job.name, rules, slot) if slot else ""
    waits = watching(job, look.ready, look.now)
    return {
        "job_name": job.name,
        "state": states.get(job.name, "idle" if job.enabled else "disabled"),
        "description": job.description,
        "enabled": job.enabled,
        "schedule": list(job.schedule),
        "schedule_timezone": job.schedule_timezone or look.configuration.timezone or None,
        "next_time": slot.time if slot else None,
        "next_note": note,
        "paused": None if pause is None else pause_object(pause),
        "event_trigger": None if waits is None else watching_object(waits),
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
        stamp(found["next_time"], look.zone) + (" (left out)" if LEFT_OUT in found["next_note"] else ""),
        "; ".join(found["schedule"]) or "-",
        found["description"],
    )


def _when(last: Mapping[str, Any]) -> float:
    """The latest that is known of a run: its end, its start, or when it was queued."""
    found = (last[key] for key in ("stop_time", "start_time", "queue_time"))
    return float(next(time for time in found if time is not None))
