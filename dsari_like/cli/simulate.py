"""`dsari-like next --simulate`: when runs will start and end, who waits for whom, and which slots start nothing.

Owns the durations that a forecast assumes, and how it is told. What happens when is for the engine to say. A daemon
that is there is foretold as it goes on; without one, as if one started now.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from typing import Any, NamedTuple

from dsari_like.cli.exits import DONE, UsageFault
from dsari_like.cli.look import Look
from dsari_like.cli.printing import print_listing, say
from dsari_like.cli.standing import daemon_of
from dsari_like.cli.table import Column
from dsari_like.cli.times import iso, stamp
from dsari_like.config.checks import read_duration
from dsari_like.core.admission import WaitReason
from dsari_like.core.forecast import MOST, Foreseen, forecast
from dsari_like.core.messages import Configured, Planned
from dsari_like.core.model import Decision
from dsari_like.report.moments import duration
from dsari_like.store import resuming
from dsari_like.transition import Comparison

#: How many runs a usual duration is the median of, and what is assumed where nothing ever ran.
_LATEST, _UNKNOWN = 20, 60.0
_SHOWN = 3
_COLUMNS = (
    Column("job", least=8),
    Column("due"),
    Column("start"),
    Column("end"),
    Column("outcome"),
    Column("run", least=12, mark=""),
    Column("note", least=20),
)


class Durations:
    """How long the runs of each job usually take: the median of its latest completed ones, else of all jobs'."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._known: dict[str, float] = {}
        self._overall: float | None = None
        self.assumed: dict[str, float] = {}  # jobs that never completed, and what was taken instead

    def of(self, name: str) -> float:
        """Seconds."""
        if name not in self._known:
            own = self._look.reader.durations(name, _LATEST)
            self._known[name] = statistics.median(own) if own else self._instead(name)
        return self._known[name]

    def _instead(self, name: str) -> float:
        if self._overall is None:
            runs = self._look.reader.runs(status=["completed"], limit=_LATEST)
            took = [run.duration for run in runs if run.duration is not None]
            self._overall = statistics.median(took) if took else _UNKNOWN
        self.assumed[name] = self._overall
        return self._overall


def simulate(args: argparse.Namespace, look: Look) -> int:
    """List what will be within the span."""
    span = read_duration(args.simulate)
    if not span:
        raise UsageFault(f"--simulate: expected a span such as 90s, 15m, 24h or 7d, found '{args.simulate}'")
    if args.name is not None:
        look.job(args.name)
    alive, usual = daemon_of(look.configuration).alive, Durations(look)
    found = forecast(_state(look, alive), look.now, look.now + span, usual.of)
    lines = [*map(_of_run, found.runs), *map(_of_decision, found.decisions)]
    shown = sorted((one for one in lines if args.name in (None, one.job_name)), key=lambda one: one.due)[: args.number]
    _tell_assumptions(usual, alive)
    if found.stopped:
        say(f"only the first {MOST} runs and decisions were looked at, up to {stamp(found.until, look.zone)}")
    rows = [_cells(one, look) for one in shown]
    print_listing(args, [_object(one) for one in shown], _COLUMNS, rows, "nothing runs in this time")
    return DONE


def _state(look: Look, alive: bool) -> Configured:
    """What the engine would be told now: by a daemon that is there and reads this configuration, or by one that
    starts."""
    made = Comparison(look.configuration, look.in_force, look.reader.anchors(), look.now, reload=alive).made
    last, nothing = resuming.last_slots(look.connection), frozenset[str]()
    planned = {
        name: Planned(rules, last.get(name), look.windows.get(name), made.get(name, nothing))
        for name, rules in look.plans().items()
    }
    runs = tuple(resuming.open_runs(look.connection))
    return Configured(look.configuration, planned, runs, resuming.rests(look.connection), reload=alive)


def _tell_assumptions(usual: Durations, alive: bool) -> None:
    if not alive:
        say("no daemon is running: this is what would be if one started now")
    for name in list(usual.assumed)[:_SHOWN]:
        say(f"job '{name}' has completed no run yet; {duration(usual.assumed[name])} is assumed")
    more = len(usual.assumed) - _SHOWN
    if more > 0:
        say(f"so it is for {more} more job{'s' * (more != 1)}")


# --- one line -------------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """A run, or a slot that starts none."""

    job_name: str
    outcome: str
    run_id: str | None
    due: float
    start: float | None
    end: float | None
    waits: WaitReason | None
    note: str


def _of_run(one: Foreseen) -> _Line:
    outcome = "started" if one.start is not None else "cancelled" if one.cause else "waiting"
    return _Line(one.job_name, outcome, one.run_id, one.due, one.start, one.end, one.waits, "; ".join(_words(one)))


def _of_decision(one: Decision) -> _Line:
    due = one.time if one.schedule_time is None else one.schedule_time
    return _Line(one.job_name, one.outcome.value, one.run_id, due, None, None, None, one.reason)


def _words(one: Foreseen) -> Iterator[str]:
    if one.waits is not None and one.start is not None:
        yield f"waits {duration(one.waited)} for {_what(one.waits)}"
    elif one.waits is not None:
        yield f"still waits at the end for {_what(one.waits)}"
    if one.cause:
        yield one.cause


def _what(reason: WaitReason) -> str:
    what = {
        "job": "the run before it",
        "group": f"a slot of {' or '.join(reason.names)}",
        "max_running": "its turn under max_running",
        "pause": "the end of a pause",
    }.get(reason.kind, reason.kind)
    if not reason.holders:
        return what
    more = f" and {len(reason.holders) - _SHOWN} more" if len(reason.holders) > _SHOWN else ""
    return f"{what}, held by {', '.join(reason.holders[:_SHOWN])}{more}"


def _object(one: _Line) -> dict[str, Any]:
    due, start, end = (None if time is None else iso(time) for time in (one.due, one.start, one.end))
    found = {"job_name": one.job_name, "outcome": one.outcome, "run_id": one.run_id}
    waits = one.waits and {"kind": one.waits.kind, "names": one.waits.names, "runs": one.waits.holders}
    return {**found, "due": due, "start": start, "end": end, "waits_for": waits, "note": one.note}


def _cells(one: _Line, look: Look) -> tuple[str, ...]:
    job = look.configuration.jobs.get(one.job_name)
    zone = look.zone_of(job) if job else look.zone
    run = one.run_id if one.run_id is not None else "-"
    times = [stamp(time, zone) for time in (one.due, one.start, one.end)]
    return (one.job_name, *times, one.outcome, run, one.note)
