"""A chain that branches and an orchestration with another within, for daemons that are killed: what one start of each
must come to, whatever happened.

A run that was recorded and not started is lost, and its chain would end there: so what follows a head is tried again,
and what counts is that of all attempts of a step exactly one bears witness. A head is not tried again: of a flow whose
head was lost nothing else must ever have happened.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crash.kit import Testimony

_AGAIN: Mapping[str, Any] = {"retries": 5, "retry_delay": 0}

JOBS: Mapping[str, Mapping[str, Any]] = {
    "one": {},
    "two": {**_AGAIN, "after": "one"},
    "off": {"after": "two", "enabled": False},
    "three": {**_AGAIN, "after": "off"},
    "side": {**_AGAIN, "after": "two"},
    **{name: _AGAIN for name in "abcde"},
}
ORCHESTRATIONS: Mapping[str, Any] = {
    "night": {
        "phases": [
            {"name": "read", "tasks": ["a", "b"]},
            {"name": "build", "tasks": ["inner"]},
            {"name": "tell", "tasks": ["c"]},
        ]
    },
    "inner": {"phases": [{"name": "first", "tasks": ["d"]}, {"name": "then", "tasks": ["e"]}]},
}
#: What completes, each once, when a flow of this name has its head.
COMES_TO: Mapping[str, tuple[str, ...]] = {
    "one": ("one", "two", "three", "side"),
    "night": ("night", "inner", *"abcde"),
}
#: What must be over before the other may begin.
BEFORE: tuple[tuple[str, str], ...] = (
    ("one", "two"), ("two", "three"), ("two", "side"), ("a", "d"), ("b", "d"), ("d", "e"), ("e", "c"),
)  # fmt: skip


def faults_of_flows(rows: Iterable[Any], flows: Iterable[Any], testimony: Iterable[Testimony]) -> Iterator[str]:
    """Steps that were dropped or doubled, in the rows or by the word of the jobs themselves."""
    runs, said = defaultdict(list), defaultdict(list)
    for line in testimony:
        said[line.run_id].append(line)
    for row in rows:
        runs[row["flow_id"]].append(row)
    for flow in flows:
        mine = runs[flow["flow_id"]]
        for fault in _of_flow(flow, mine, [line for row in mine for line in said[row["run_id"]]]):
            yield f"flow {flow['flow_id']} ({flow['name']}, {flow['status']}): {fault}"


def _of_flow(flow: Any, rows: list[Any], said: list[Testimony]) -> Iterator[str]:
    head = next((row for row in rows if row["run_id"] == flow["flow_id"]), None)
    if head is None or head["status"] != "completed":
        if len(rows) != 1 or head is None or flow["status"] not in ("failed", "cancelled"):
            yield f"its head did not complete, but it has the runs {[row['job_name'] for row in rows]}"
        return
    job_of = {row["run_id"]: row["job_name"] for row in rows}
    due = Counter(COMES_TO[flow["name"]])
    done = Counter(row["job_name"] for row in rows if row["status"] == "completed")
    if done != due or flow["status"] != "completed":
        yield f"completed are {dict(done)}"
    for what in ("start", "end"):
        told = Counter(job_of[line.run_id] for line in said if line.what == what)
        if told != Counter(name for name in due if name not in ORCHESTRATIONS):
            yield f"the word for {what} was said by {dict(told)}"
    times = {(job_of[line.run_id], line.what): line.time for line in said}
    for first, then in BEFORE:
        if times.get((first, "end"), 0) > times.get((then, "start"), 1 << 80):
            yield f"{then} began before {first} had ended"
