"""`dsari-like demo`: a tour in a temporary directory, with the real daemon and the real commands.

Owns the story. Must not know how the daemon is started or found; that is `playground.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from dsari_like.cli.playground import Playground, end_by_signal, run_table

JOBS: dict[str, dict[str, Any]] = {
    "clock": {"command": ["date"], "schedule": "@every 1s", "description": "Fires by itself"},
    "greet": {
        "command": ["sh", "-c", 'echo "Hello, $WHO"'],
        "parameters": {"WHO": {"default": "world", "description": "Whom to greet"}},
        "description": "Runs when somebody drops a file",
    },
    "stumble": {"command": ["sh", "-c", "echo 'no luck today' >&2; exit 3"], "description": "Fails, and says so"},
    "fetch": {"command": ["echo", "fetched"], "description": "Begins a chain of three steps"},
    "unpack": {"command": ["echo", "unpacked"], "after": "fetch", "enabled": False, "description": "Is switched off"},
    "publish": {
        "command": ["sh", "-c", 'echo "published, after $PREVIOUS_STEP_JOB_NAME"'],
        "after": "unpack",
        "description": "Follows all the same",
    },
    "orders": {"command": ["echo", "orders read"], "description": "A source of the nightly orchestration"},
    "rates": {"command": ["sh", "-c", "exit 1"], "description": "A flaky source: the others go on without it"},
    "totals": {
        "command": ["sh", "-c", 'echo "phase $PHASE of $ORCHESTRATION"'],
        "description": "Runs when both sources are done",
    },
}

ORCHESTRATIONS = {
    "nightly": {
        "phases": [
            {"name": "read", "tasks": [{"job": "orders"}, {"job": "rates", "continue_on_failure": True}]},
            {"name": "count", "tasks": [{"job": "totals"}]},
        ]
    }
}

#: The jobs that the tour tells apart from those of the chain and the orchestration.
_PLAIN = ("clock", "greet", "stumble")

#: Somebody's script wrote half a file.
BROKEN = '{"environment": {"WHO": '


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "demo",
        help="a tour in a temporary directory: daemon, schedule, triggers, report",
        description="A self-contained tour: starts a daemon in a temporary directory, lets a schedule fire, drops"
        " triggers, one of them broken, and shows what came of each. Nothing outside of the directory is touched.",
    )
    parser.add_argument("--keep", action="store_true", help="leave the directory behind, to look around in it")


def run(args: argparse.Namespace) -> int:
    """Tell the story; the playground is taken away again unless `--keep`."""
    end_by_signal()
    with Playground(keep=args.keep) as place:
        _begin(place)
        _drop_some(place)
        _wait_for_all(place)
        place.command("render")
        _show(place)
        last = place.runs()[0]["run_id"]
        _say("", *place.farewell(("runs",), ("jobs",), ("show", last), ("explain", "stumble"), ("next", "clock")))
    return 0


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _begin(place: Playground) -> None:
    path = place.configure(JOBS, "dsari_like, a tour", orchestrations=ORCHESTRATIONS)
    _say(f"Some jobs, a chain and an orchestration are configured in {path}:")
    _say(*(f"  {name:8} {job['description']}" for name, job in JOBS.items()))
    _say(f"The daemon runs, with pid {place.start()}.", "")


def _drop_some(place: Playground) -> None:
    _say("A file is dropped into trigger/greet/, as any program can do it ...")
    place.drop("greet", "hello.json", '{"environment": {"WHO": "you who dropped a file"}}')
    _say("... another by the command that does it for you, and its run is waited for ...")
    place.command("trigger", "greet", "-e", "WHO=you at the terminal", "--wait")
    _say("... one for a job that fails, ...")
    place.command("trigger", "stumble", "--wait", answers=(3,))
    _say("... and one that is broken: a program wrote half of it and went away.")
    place.drop("greet", "half.json", BROKEN)
    _say("A chain is started by its first step, an orchestration by its name.", "")
    place.command("trigger", "fetch")
    place.command("trigger", "nightly", "--wait")


def _wait_for_all(place: Playground) -> None:
    place.wait_until("the broken file to be refused", lambda: bool(place.refusals()))
    place.wait_until("all runs to end", lambda: all(run["stop_time"] for run in place.runs("--job", "greet")))
    place.wait_until("the chain to end", lambda: any(run["stop_time"] for run in place.runs("--job", "publish")))
    place.wait_until("the schedule to fire", lambda: any(run["stop_time"] for run in place.runs("--job", "clock")))


def _show(place: Playground) -> None:
    runs = [run for run in place.runs() if run["start_time"]]
    plain = [run for run in runs if run["job_name"] in _PLAIN]
    _say("What happened, as the run log tells it:", "", _indented(run_table(plain)), "")
    _say("The chain and the orchestration:", "", _indented(run_table([run for run in runs if run not in plain])), "")
    for run in runs:
        if run["job_name"] == "greet":
            _say(f"  a run of greet said: {place.command('output', run['run_id']).strip()}")
    for reason in place.refusals():
        _say(f"  refused: {reason.with_suffix('').name}: {reason.read_text(encoding='utf-8').strip()}")
    _say("", "And why, as 'dsari-like explain greet' tells it:", "")
    _say(_indented(place.command("explain", "greet").splitlines()))


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
