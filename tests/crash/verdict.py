"""The comparison of the lists: what a house that was killed must still be able to account for.

A fault is a sentence. Nothing here waits: what has to follow by itself (receipts, pages) is asked for again by
`House.settle` until it is there.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.crash.flowing import faults_of_flows
from tests.crash.kit import Drop, House, Testimony

FINAL = ("completed", "failed", "cancelled")


def faults(house: House, power: bool = False) -> list[str]:
    """Everything that is wrong with the house at this moment. Where the power failed, how a command ended may be
    unknown although it ran: its keeper's note was not on the disk yet."""
    rows, testimony = house.rows("select * from runs"), house.testimony()
    found = [*_of_drops(house, rows, testimony), *_of_decisions(house), *_of_slots(house)]
    said_of, happened_to = defaultdict(list), defaultdict(list)
    for line in testimony:
        said_of[line.run_id].append(line)
    for event in house.rows("select * from events order by event_id"):
        happened_to[event["run_id"]].append(event)
    for row in rows:
        said, happened = said_of[row["run_id"]], happened_to[row["run_id"]]
        name = f"run {row['run_id']} ({row['job_name']}, {row['status']} {row['reason']})"
        for fault in (*_of_run(row, said, power), *_of_events(row, happened), *_of_page(house, row)):
            found.append(f"{name}: {fault}")
    known = {row["run_id"] for row in rows}
    found += [f"a command ran for {line.run_id}, which no row knows" for line in testimony if line.run_id not in known]
    found += faults_of_flows(rows, house.rows("select * from flows"), testimony)
    return [*found, *_of_house(house)]


def _of_drops(house: House, rows: list[Any], testimony: list[Testimony]) -> Iterator[str]:
    runs: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        if "file" in (origin := json.loads(row["origin"])):
            runs.setdefault((row["job_name"], origin["file"]), []).append(row)
    job_of = {row["run_id"]: row["job_name"] for row in rows}  # tasks have the variables of their orchestration
    starts = Counter((line.drop, job_of.get(line.run_id)) for line in testimony if line.what == "start")
    jobs = {drop.job for drop in house.drops}
    corrupt, files = {job: house.refused(job) for job in jobs}, {job: house.corrupt(job) for job in jobs}
    for drop in house.drops:
        mine, refused = runs.get((drop.job, drop.file_name), []), drop.file_name in corrupt[drop.job]
        count = len(mine) + (drop.file_name in files[drop.job])
        if count != 1:
            yield f"drop {drop.name} of {drop.job} is {len(mine)} runs and {count - len(mine)} corrupt entries"
        if refused == drop.good:
            yield f"drop {drop.name} of {drop.job} was {'' if refused else 'not '}refused: {corrupt[drop.job]}"
        if starts[drop.name, drop.job] > 1:
            yield f"drop {drop.name} of {drop.job} was started {starts[drop.name, drop.job]} times"
        yield from _of_receipt(house, drop, mine)


def _of_receipt(house: House, drop: Drop, runs: list[Any]) -> Iterator[str]:
    receipt = house.receipt(drop)
    told = receipt and (receipt["state"], receipt["run_id"], receipt["exit_code"])
    due = [(row["status"], row["run_id"], row["exit_code"]) for row in runs] if drop.good else [("refused", None, None)]
    if told not in due:
        yield f"the receipt of drop {drop.name} tells {told}, the truth is {due}"


def _of_decisions(house: House) -> Iterator[str]:
    decided = Counter(row["job_name"] for row in house.decisions() if row["token"] is not None)
    for job, count in Counter(drop.job for drop in house.drops).items():
        if decided[job] != count:
            yield f"{count} drops of {job}, but {decided[job]} decisions"


def _of_slots(house: House) -> Iterator[str]:
    """Jobs that are due each second have one decision for each second between their first and their last."""
    slots: dict[str, list[float]] = {}
    for row in house.decisions():
        if row["token"] is None and row["schedule_time"] is not None:
            slots.setdefault(row["job_name"], []).append(row["schedule_time"])
    for job, times in slots.items():
        missing = sorted(set(range(int(min(times)), int(max(times)))) - {int(time) for time in times})
        if missing or len(set(times)) != len(times):
            yield f"slots of {job}: {len(times)} decisions, {len(set(times))} instants, none for {missing}"


def _of_run(row: Any, said: list[Testimony], power: bool) -> Iterator[str]:
    starts, ends = (sum(line.what == what for line in said) for what in ("start", "end"))
    if row["status"] not in FINAL:
        yield "is not over"
    if starts > 1 or ends > 1:
        yield f"was started {starts} times and ended {ends} times"
    has_process = row["launch"] > 0  # else it is an orchestration
    if row["status"] == "completed" and has_process and (starts, ends, row["exit_code"]) != (1, 1, 0):
        yield f"claims to be completed with {row['exit_code']}, but was started {starts} times and ended {ends} times"
    if row["reason"] == "lost" and starts and not power:
        yield "is called lost, but its command ran and its keeper knows how it ended"
    if row["status"] == "failed" and row["reason"] != "lost":
        yield f"failed: {row['message']}"


def _of_events(row: Any, events: list[Any]) -> Iterator[str]:
    states = [events[0]["from_state"], *(event["to_state"] for event in events)] if events else []
    if not states or states[0] is not None or states[-1] != row["status"]:
        yield f"its events tell another story: {states}"
    if any(after["from_state"] != before["to_state"] for before, after in pairwise(events)):
        yield f"its events have a gap: {states}"


def _of_page(house: House, row: Any) -> Iterator[str]:
    page = house.var / "html" / "jobs" / row["job_name"] / row["run_id"]
    try:
        told = json.loads((page / "index.json").read_text())["status"]
    except (OSError, ValueError) as error:
        told = str(error)
    if told != row["status"] or not (page / "index.html").exists():
        yield f"its page tells {told}"


def _of_house(house: House) -> Iterator[str]:
    for place in ("claimed", "receipts", "corrupt"):
        for path in sorted((house.var / place).rglob("*")):
            if path.is_file() and (place == "claimed" or path.name.startswith(".")):
                yield f"{path.relative_to(house.var)} was left behind"
            if path.name.endswith(".reason") and not path.with_suffix("").exists():
                yield f"{path.relative_to(house.var)} has lost its file"
    check = house.rows("pragma integrity_check")[0][0]
    if check != "ok":
        yield f"the run log is damaged: {check}"
    for sign in ("Traceback", "could not handle"):
        if sign in house.log_text():
            yield f"the log holds a {sign}"
