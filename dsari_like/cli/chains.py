"""`dsari-like chains`: the chains as trees, with the last state of each step; the executions of one.

Owns the drawing of the trees. Must not know how a chain goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from dsari_like.cli.executions import add_limit, print_executions
from dsari_like.cli.exits import DONE, NotFound
from dsari_like.cli.look import Look, looking
from dsari_like.cli.objects import run_object
from dsari_like.cli.printing import add_format, print_listing
from dsari_like.cli.table import Column, state_column
from dsari_like.cli.times import stamp
from dsari_like.core.flows import Chains
from dsari_like.report.words import state_word

_COLUMNS = (
    Column("step", least=8),
    state_column("last run"),
    Column("at", least=19, mark=""),
    Column("run", least=18, mark=""),
    Column("note", least=10),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "chains",
        description="Shows each chain as a tree, every step with its last run; with a NAME, any job of a chain,"
        " the executions of that chain, newest first, with the state of each step. Steps that followed the task of an"
        " orchestration are listed with it, by dsari-like orchestrations.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="a job of the chain whose executions are listed")
    add_limit(parser)
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """The trees, or the executions of one."""
    with looking(args) as look:
        if args.name is not None:
            print_executions(args, look, _head(look, args.name))
            return DONE
        found = [_object(name, depth, look) for name, depth in _steps(look.configuration.chains, look)]
        cells = [_cells(one, look) for one in found]
    print_listing(args, found, _COLUMNS, cells, "no job is a step after another")
    return DONE


def _head(look: Look, name: str) -> str:
    chains, job = look.configuration.chains, look.job(name)
    if job.name not in chains.steps and job.name not in chains.follows:
        raise NotFound(f"job '{job.name}' is of no chain: it follows none, and none follows it")
    return chains.head(job.name)


def _steps(chains: Chains, look: Look) -> Iterator[tuple[str, int]]:
    """Every job of a chain with how deep it is in its tree, heads first, in the order of the configuration."""

    def below(name: str, depth: int) -> Iterator[tuple[str, int]]:
        yield name, depth
        for step in chains.steps.get(name, ()):
            yield from below(step, depth + 1)

    for name in look.configuration.jobs:
        if name not in chains.follows and name in {**chains.steps, **_orphans(chains)}:
            yield from below(name, 0)


def _orphans(chains: Chains) -> dict[str, None]:
    """Steps of which all that came before is gone."""
    return {repair.step: None for repair in chains.repairs if repair.follows is None}


def _object(name: str, depth: int, look: Look) -> dict[str, Any]:
    job, chains, last = look.configuration.jobs[name], look.configuration.chains, look.reader.last_of(name)
    return {
        "job_name": name,
        "head": chains.head(name),
        "depth": depth,
        "after": job.after,
        "follows": chains.follows.get(name),
        "enabled": job.enabled,
        "last_run": None if last is None else run_object(last),
        "note": _note(name, look),
    }


def _note(name: str, look: Look) -> str:
    notes = [] if look.configuration.jobs[name].enabled else ["disabled: it is passed over"]
    return "; ".join([*notes, *(str(one) for one in look.configuration.chains.repairs if one.step == name)])


def _cells(found: Mapping[str, Any], look: Look) -> tuple[str, ...]:
    last, depth = found["last_run"], found["depth"]
    return (
        ("   " * (depth - 1) + "\N{BOX DRAWINGS LIGHT UP AND RIGHT}\N{BOX DRAWINGS LIGHT HORIZONTAL} " if depth else "")
        + found["job_name"],
        state_word(last["status"]) if last else "-",
        stamp(last["start_time"] or last["queue_time"], look.zone) if last else "-",
        last["run_id"] if last else "-",
        found["note"],
    )
