"""Naming runs on the command line: one by its id, or all that fit what is said of them.

Owns these options, and what they come to in a request. Must not know what is asked for the runs.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dsari_like.cli.exits import NotFound, UsageFault
from dsari_like.cli.look import Look
from dsari_like.cli.times import read_time
from dsari_like.store.reader import RunRow


def add_selection(parser: argparse.ArgumentParser, states: str) -> None:
    """RUN, or the options that select several; `states` are words a help line gives as examples."""
    parser.add_argument("run_id", metavar="RUN", nargs="?", help="the run, by its id or enough of its beginning")
    parser.add_argument("--item", metavar="ITEM", help="of an array run, this item only")
    several = parser.add_argument_group("several runs, in place of RUN")
    several.add_argument("--flow", metavar="ID", help="the runs of this flow")
    several.add_argument("--job", metavar="NAME", help="the runs of this job")
    several.add_argument("--status", metavar="STATE", help=f"the runs in this state, such as {states}")
    several.add_argument("--since", metavar="TIME", help="the runs that were queued at this time or later")
    several.add_argument("--until", metavar="TIME", help="the runs that were queued before this time")


def selected(args: argparse.Namespace, look: Look) -> dict[str, object]:
    """What a request says of the runs it is about. Raises UsageFault when nothing was selected, or one run twice."""
    several = {name: getattr(args, name) for name in ("flow", "job", "status")}
    for name in ("since", "until"):
        text = getattr(args, name)
        several[name] = None if text is None else read_time(text, look.zone, look.now, f"--{name}")
    said = {name: value for name, value in several.items() if value is not None}
    if args.run_id is None and not said:
        raise UsageFault("name a run, or select several with --flow, --job, --status, --since, --until")
    if args.run_id is not None and said:
        raise UsageFault(f"a run is named, so --{next(iter(said))} has nothing to select; leave out one of the two")
    if args.run_id is not None:
        said["run"] = named(args.run_id, look).run_id
    return {**said, "item": args.item}


def named(text: str, look: Look) -> RunRow:
    """By id only: the last run of a job may be another one than a person had in mind."""
    if look.reader.run_by_prefix(text):
        return look.run(text)
    open_ = [run.run_id for run in look.reader.open_runs() if run.job_name == text]
    if open_:
        raise NotFound(f"'{text}' is a job; name the run that is meant: {', '.join(open_[:5])}")
    if text in look.configuration.jobs:
        raise NotFound(f"'{text}' is a job; name the run that is meant, or select its runs with --job {text}")
    raise NotFound(f"there is no run '{text}'")


def among(chosen: Mapping[str, Any], rows: Iterable[RunRow]) -> Iterator[RunRow]:
    """The rows that are meant, as the daemon understands it."""
    said = {name: value for name, value in chosen.items() if value is not None}
    run, item = said.get("run"), said.get("item")
    for row in rows:
        by_name = (
            row.item == item and run in (None, row.previous_run_id, row.run_id) if item else run in (None, row.run_id)
        )
        facts = {"flow": row.flow_id, "job": row.job_name, "status": row.status}
        in_time = said.get("since", row.queue_time) <= row.queue_time < said.get("until", math.inf)
        is_part = row.item is not None and item is None and run is None
        if by_name and in_time and not is_part and all(said.get(key, fact) == fact for key, fact in facts.items()):
            yield row


def names(texts: list[str] | None) -> list[str] | None:
    """One option may hold several names, and be given several times."""
    return None if texts is None else [name.strip() for text in texts for name in text.split(",") if name.strip()]


def words(chosen: dict[str, Any]) -> str:
    """What was selected, as a sentence names it."""
    if chosen.get("run"):
        item = f" (item {chosen['item']})" if chosen.get("item") else ""
        return f"run {chosen['run']}{item}"
    if {name for name, value in chosen.items() if value is not None} == {"flow"}:
        return f"flow {chosen['flow']}"
    return "the runs with " + ", ".join(f"{name} {value}" for name, value in chosen.items() if value is not None)
