"""`python -m tests.crash --full`: every position, hundreds of kills, two dozen power cuts, every kind of weather.

    python -m tests.crash --full                      all of it
    python -m tests.crash --sweep trigger slot        these plays, at every call of every kind
    python -m tests.crash --sweep recovery --kind fdatasync
    python -m tests.crash --sweep queue --step 7      a sample: every seventh call of each kind
    python -m tests.crash --storm 100 --seed 7
    python -m tests.crash --flows 100                 random kills of chains and orchestrations
    python -m tests.crash --cuts 25
    python -m tests.crash --weather 3

One line for each part; exit status 1 when a promise was broken, with the account of it. A house with a fault is left
standing, and its place is told.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.crash import power
from tests.crash.kit import KINDS, can_trace
from tests.crash.storm import storm, storm_of_flows
from tests.crash.sweep import PLAYS, sweep, sweep_recovery
from tests.crash.weather import SPELLS, Weather, endure

#: A starting daemon looks at every process of the machine and makes the newest pages again: hundreds of calls between
#: which nothing changes.
RECOVERY_STEPS = {"openat": 25, "close": 25, "write": 5}

Part = tuple[str, Callable[[], str]]


def main() -> int:
    options = _parser().parse_args()
    why = can_trace()
    if why is not None:
        print(f"cannot run: {why}", file=sys.stderr)
        return 2
    root = Path(tempfile.mkdtemp(prefix="crash-"))
    faults = sum(not _run(*part) for part in _parts(options, root))
    if faults:
        print(f"{faults} parts found a broken promise; their houses are below {root}")
        return 1
    shutil.rmtree(root)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description="Kill the daemon, and count.")
    parser.add_argument("--full", action="store_true", help="everything")
    parser.add_argument("--sweep", nargs="+", choices=(*PLAYS, "recovery"), default=[], help="at every call of a kind")
    parser.add_argument("--kind", nargs="+", default=KINDS, help="only these kinds of call")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="only every n-th call")
    parser.add_argument("--storm", type=int, default=0, metavar="ROUNDS", help="random kills under load")
    parser.add_argument("--flows", type=int, default=0, metavar="ROUNDS", help="random kills of flows")
    parser.add_argument("--cuts", type=int, default=0, metavar="NUMBER", help="power cuts")
    parser.add_argument("--weather", type=float, default=0.0, metavar="SECONDS", help="calls that fail for a while")
    parser.add_argument("--seed", type=int, default=1, help="of the storm and the power cuts")
    return parser


def _parts(options: argparse.Namespace, root: Path) -> Iterator[Part]:
    for play in (*PLAYS, "recovery") if options.full else options.sweep:
        for kind in options.kind:
            yield f"sweep {play} {kind.strip('?')}", partial(_sweep, root, play, kind, options.step)
    rounds = options.storm or 100 * options.full
    if rounds:
        yield f"storm {rounds}", partial(_storm, root, rounds, options.seed)
    rounds = options.flows or 100 * options.full
    if rounds:
        yield f"flows {rounds}", partial(_flows, root, rounds, options.seed)
    cuts = options.cuts or 25 * options.full
    if cuts:
        yield f"power cuts {cuts}", partial(_cuts, root, cuts, options.seed)
    seconds = options.weather or 3.0 * options.full
    for weather in SPELLS if seconds else ():
        yield f"weather {weather.name}", partial(_weather, root, weather, seconds)


def _run(name: str, part: Callable[[], str]) -> bool:
    began = time.monotonic()
    try:
        outcome, good = part(), True
    except AssertionError as error:
        outcome, good = f"FAULT\n{error}", False
    print(f"{name:40} {time.monotonic() - began:6.1f} s  {outcome}", flush=True)
    return good


def _sweep(root: Path, play: str, kind: str, step: int) -> str:
    if play == "recovery":
        return f"{sum(1 for _ in sweep_recovery(root, kind, max(step, RECOVERY_STEPS.get(kind, 1))))} kills"
    return f"{sum(1 for _ in sweep(root, PLAYS[play], kind, step))} kills"


def _storm(root: Path, rounds: int, seed: int) -> str:
    return ", ".join(f"{count} {what}" for what, count in storm(root, rounds, seed).items())


def _flows(root: Path, rounds: int, seed: int) -> str:
    return ", ".join(f"{count} {what}" for what, count in storm_of_flows(root, rounds, seed).items())


def _cuts(root: Path, number: int, seed: int) -> str:
    why = power.why_not(root)
    return f"left out: {why}" if why else f"{power.cut(root, number, seed)} drops, all remembered"


def _weather(root: Path, weather: Weather, seconds: float) -> str:
    climate = endure(root, weather, seconds)
    return (
        f"{climate.injected} calls failed, {len(climate.lines)} lines, {climate.cpu:.0%} of a core,"
        f" well again after {climate.recovery:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
