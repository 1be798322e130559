"""`dsari-like status`: is the daemon alive, what runs, what waits and for what, who is paused, which events are
awaited, what comes next.

Owns the page. Must not know how any of it is found out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dsari_like.cli.coming import Coming, first_of_each
from dsari_like.cli.exits import DONE, NO_DAEMON
from dsari_like.cli.look import Look, looking
from dsari_like.cli.objects import run_object
from dsari_like.cli.printing import add_format, print_json
from dsari_like.cli.standing import Daemon, daemon_of, why_waiting
from dsari_like.cli.table import GAP, Column, in_colour, layout, painted, screen_width
from dsari_like.cli.times import iso, stamp
from dsari_like.core.model import Pause
from dsari_like.report.moments import duration
from dsari_like.report.rests import pause_object
from dsari_like.report.watching import Watching, all_watching, updated_words, watching_object
from dsari_like.report.words import progress_words, trigger_word
from dsari_like.store.reader import RunRow

_NEXT = 10
#: The loop looks around once a minute if nothing else happens; a turn this long ago is one that does not end.
_STUCK = 150.0
_RUNNING = (
    Column("run", least=18, mark=""),
    Column("job", least=8),
    Column("for", right=True),
    Column("pid", right=True),
    Column("cause", least=5),
)
_WAITING = (
    Column("run", least=18, mark=""),
    Column("job", least=8),
    Column("for", right=True),
    Column("why", least=20),
)
_PAUSED = (
    Column("job", least=8),
    Column("since"),
    Column("until"),
    Column("reason", least=20),
)
_EVENTS = (
    Column("job", least=8),
    Column("awaits", least=12),
    Column("ready", least=12),
    Column("cools down until"),
)
_COMING = (Column("at"), Column("in", right=True), Column("job", least=8), Column("note", least=10))


@dataclass(frozen=True, slots=True)
class _Status:
    daemon: Daemon
    running: tuple[RunRow, ...]
    waiting: tuple[RunRow, ...]
    paused: list[Pause]
    watching: list[Watching]
    coming: list[tuple[Coming, str]]  # with what will become of it


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "status",
        description="Tells whether a daemon is alive, what runs, what waits and for what, which jobs are paused, what"
        " of that which event triggers watch was updated and what is awaited, and which jobs are due next. The exit"
        " status is 0 when a daemon is alive, 4 when none is.",
    )
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """0 while a daemon holds the data directory, 4 while none does."""
    with looking(args) as look:
        daemon = daemon_of(look.configuration)
        plans = look.plans()
        slots = first_of_each(plans, look.now, _NEXT)
        coming = [(one, look.note(one.job_name, plans[one.job_name], one.slot)) for one in slots]
        paused, watching = look.rests.pauses(look.now), all_watching(look.configuration, look.ready, look.now)
        status = _Status(daemon, look.reader.running(), look.reader.waiting(), paused, watching, coming)
        if args.format == "json":
            print_json(_object(status, look))
        else:
            for line in _page(status, look):
                print(line)
    return DONE if daemon.alive else NO_DAEMON


def _object(status: _Status, look: Look) -> dict[str, Any]:
    return {
        "daemon": asdict(status.daemon) | {"data_dir": look.configuration.data_dir},
        "running": [run_object(run) | {"pid": run.pid} for run in status.running],
        "waiting": [_waiting_object(run, status.running, look) for run in status.waiting],
        "paused": [pause_object(pause) for pause in status.paused],
        "events": [watching_object(one) for one in status.watching],
        "next": [
            {"job_name": one.job_name, "schedule_time": one.time, "utc": iso(one.time), "note": note}
            for one, note in status.coming
        ],
    }


def _waiting_object(run: RunRow, running: Sequence[RunRow], look: Look) -> dict[str, Any]:
    why = why_waiting(run, running, look)
    return run_object(run) | {"wait_reason": why, "why": why}


def _page(status: _Status, look: Look) -> Iterator[str]:
    yield from _daemon_lines(status.daemon, look)
    down = "" if status.daemon.alive else ", as last recorded"
    yield from _section(f"Running{down}", _RUNNING, [_running(run, look) for run in status.running])
    waiting = [_waiting(run, status.running, look) for run in status.waiting]
    yield from _section(f"Waiting{down}", _WAITING, waiting)
    if status.paused:
        yield from _section("Paused", _PAUSED, [_pause(pause, look) for pause in status.paused])
    if status.watching:
        yield from _section("Events", _EVENTS, [_event(one, look) for one in status.watching])
    yield from _section("Next", _COMING, [_coming(one, note, look) for one, note in status.coming])


def _daemon_lines(daemon: Daemon, look: Look) -> Iterator[str]:
    colour = in_colour()
    if not daemon.alive:
        yield painted("No daemon is running.", "bad" if colour else "")
        yield f"Triggers wait in {look.configuration.data_dir}/trigger until one does."
        return
    who = "".join((
        f", pid {daemon.pid}" if daemon.pid else "",
        f", since {_moment(daemon.started, look)}" if daemon.started else "",
    ))  # fmt: skip
    yield painted(f"The daemon is alive{who}.", "good" if colour else "")
    if daemon.last_turn is not None and look.now - daemon.last_turn > _STUCK:
        ago = duration(look.now - daemon.last_turn)
        yield painted(f"But its last turn was {ago} ago: it hangs, or was stopped.", "bad" if colour else "")


def _moment(text: str, look: Look) -> str:
    """The daemon's own word on when it began, in the zone of the listings."""
    try:
        return stamp(datetime.fromisoformat(text).timestamp(), look.zone)
    except ValueError:
        return text


def _section(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    if not rows:
        yield f"{title}: nothing"
        return
    yield f"{title}:"
    width = screen_width()
    lines = layout(columns, rows, None if width is None else width - len(GAP))
    yield from (GAP + line for line in lines)


def _running(run: RunRow, look: Look) -> tuple[str, ...]:
    since = run.start_time if run.start_time is not None else run.queue_time
    word = f"{trigger_word(run)}{' (timed out)' if run.status == 'timed_out' else ''}"
    said = progress_words(run)
    word += f", {said}" if said else ""
    return (run.run_id, run.job_name, duration(look.now - since), str(run.pid or "-"), word)


def _waiting(run: RunRow, running: Sequence[RunRow], look: Look) -> tuple[str, ...]:
    return (run.run_id, run.job_name, duration(look.now - run.queue_time), why_waiting(run, running, look))


def _pause(pause: Pause, look: Look) -> tuple[str, ...]:
    until = "further notice" if pause.until is None else stamp(pause.until, look.zone)
    return (pause.job_name or "all jobs", stamp(pause.time, look.zone), until, pause.reason)


def _event(one: Watching, look: Look) -> tuple[str, ...]:
    until = "-" if one.cools_until is None else stamp(one.cools_until, look.zone)
    return (one.job_name, ", ".join(one.awaited) or "-", updated_words(one, look.zone) or "-", until)


def _coming(one: Coming, note: str, look: Look) -> tuple[str, ...]:
    return (stamp(one.time, look.zone), duration(one.time - look.now), one.job_name, note)
