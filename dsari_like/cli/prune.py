"""`dsari-like prune`: apply retention now, or tell what it would do.

Owns the two ways: a daemon that runs is asked, for there is one writer; where none runs, this command takes its place
for the moment, lock and all. Must not know the rules.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from dsari_like.cli.asking import answer, ask
from dsari_like.cli.exits import DONE
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import add_format, print_listing, say
from dsari_like.cli.standing import daemon_of
from dsari_like.cli.table import Column
from dsari_like.core.retention import Finished, Moment, Rule, Verdict, amount, span
from dsari_like.errors import StoreError
from dsari_like.store.attic import Attic
from dsari_like.store.pruning import Judged, Pruner, Selection, look_at_clock
from dsari_like.store.runlog import RunLog
from dsari_like.store.shelf import Shelf
from dsari_like.system.lock import DirectoryLock

COLUMNS = (
    Column("run", least=18, mark=""),
    Column("job", least=8),
    Column("age", right=True),
    Column("size", right=True),
    Column("verdict"),
    Column("rule"),
    Column("because", least=20),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "prune",
        description="Removes the finished runs that the rules of retention take: their rows, directories and pages. The"
        " daemon does so by itself, soon after its start and then once an hour. One that runs is asked to do it now and"
        " waited for; without one, the command does it. It prints what was removed.",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="remove nothing; tell of every run which rule takes or spares it"
    )
    parser.add_argument("--job", metavar="NAME", help="only runs of this job")
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """Prune, or tell."""
    with looking(args) as look:
        if args.job is not None and look.reader.last_of(args.job) is None:
            look.job(args.job)
        judged = _judged(look, args.job)
        if args.dry_run:
            _print(args, judged, look, "no runs")
            return DONE
        before = [one for one in judged if one.verdict.taken]
        if daemon_of(look.configuration).alive:
            _ask(look, args.job)
        elif before:
            _prune(look, args.job)
        gone = [one for one in before if look.reader.run(one.run.run_id) is None]
        _print(args, gone, look, "no run was removed")
    if gone:
        say(f"{len(gone)} run{'s' * (len(gone) != 1)} removed, {amount(sum(one.run.size for one in gone))}")
    return DONE


def _judged(look: Look, job: str | None) -> list[Judged]:
    """Every run with its verdict, by jobs, the newest first."""
    if not os.path.isdir(look.configuration.data_dir):
        return []
    shelf = Shelf(look.reader.connection)
    moment = _moment(shelf, look)
    try:
        with closing(Attic(look.configuration.data_dir)) as attic:
            selection = Selection(look.configuration, shelf, attic, moment, measure_all=True)
            found = {one.run.run_id: one for one in selection.judged(shelf.jobs()) if one is not None}
    except OSError as error:
        raise StoreError(f"cannot read the data directory: {error.strerror}; nothing was removed") from None
    verdict = Verdict(False, Rule.OPEN, "it has not ended")
    open_ = [
        Judged(Finished(row.run_id, row.job_name, row.status, look.now), verdict) for row in look.reader.open_runs()
    ]
    return [one for one in (*open_, *found.values()) if job in (None, one.run.job_name)]


def _moment(shelf: Shelf, look: Look) -> Moment:
    return Moment(look.now, look_at_clock(shelf, None, look.now, 0.0).is_whole)


def _print(args: argparse.Namespace, judged: Sequence[Judged], look: Look, nothing: str) -> None:
    objects = [_object(one, look.now) for one in judged]
    print_listing(args, objects, COLUMNS, [_cells(one, look.now) for one in judged], nothing)


def _object(one: Judged, now: float) -> dict[str, Any]:
    return {
        "run_id": one.run.run_id,
        "job_name": one.run.job_name,
        "status": one.run.status,
        "age": max(0.0, now - one.run.stop_time),
        "bytes": one.run.size,
        "verdict": "taken" if one.verdict.taken else "spared",
        "rule": one.verdict.rule.value,
        "reason": one.verdict.words,
    }


def _cells(one: Judged, now: float) -> tuple[str, ...]:
    has_ended = one.verdict.rule is not Rule.OPEN
    return (
        one.run.run_id,
        one.run.job_name,
        span(now - one.run.stop_time) if has_ended else "-",
        amount(one.run.size) if has_ended else "-",
        "taken" if one.verdict.taken else "spared",
        one.verdict.rule.value,
        one.verdict.words,
    )


def _ask(look: Look, job: str | None) -> None:
    """Let the daemon do it, and wait until it has."""
    answer(look, ask(look, "prune", job=job))


def _prune(look: Look, job: str | None) -> None:
    """Do what the daemon would."""
    configuration = look.configuration
    try:
        with closing(DirectoryLock(configuration.data_dir)), closing(RunLog(configuration.database_file)) as runlog:
            shelf = Shelf(runlog.connection)
            with closing(Attic(configuration.data_dir)) as attic:
                for _ in Pruner(shelf, attic, say).work(configuration, _moment(shelf, look), job):
                    pass
            if configuration.render:
                _render(look)
    except OSError as error:
        raise StoreError(f"cannot remove runs: {error.strerror}; what was begun is finished by the next try") from None
    except sqlite3.Error as error:
        raise StoreError(f"cannot remove runs: {error}; what was begun is finished by the next try") from None


def _render(look: Look) -> None:
    """The pages, which a daemon would bring up to date as well."""
    from dsari_like.report.renderer import Renderer

    data_dir = look.configuration.data_dir
    html_dir, runs_dir = os.path.join(data_dir, "html"), os.path.join(data_dir, "runs")
    Renderer(look.configuration, look.plans(), look.reader, html_dir, runs_dir, windows=look.windows).all(look.now)
