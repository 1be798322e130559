"""Kill at the first, second, third, … call of each kind, until what is played is over before the blow falls.

A round: a daemon at rest, a play (files are dropped, or a slot comes), the blow, a plain daemon, rest, the verdict.
The daemon that has recovered is the victim of the next round, so the history behind it grows, as it does in life.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash import flowing
from tests.crash.kit import House, Tracer, house
from tests.crash.verdict import faults

QUIET = 0.15  # seconds without a traced call that count as rest

Over = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Play:
    """What is done to a daemon that is to die of it. `perform` returns the question whether all of it has happened."""

    name: str
    jobs: Mapping[str, Mapping[str, Any]]
    perform: Callable[[House], Over]
    settings: Mapping[str, Any] = field(default_factory=dict)


def _trigger(place: House) -> Over:
    place.give("free", description="a life from the drop to the page")
    return place.settled


def _refusal(place: House) -> Over:
    place.give("free", good=False)
    return place.settled


def _queue(place: House) -> Over:
    """Two for a job that runs alone: the end of the one is the start of the other. And one for later."""
    place.give("alone")
    place.give("alone")
    place.give("free", schedule_time=time.time() + 0.3)
    return place.settled


def _slot(place: House) -> Over:
    """Nobody drops anything: the clock does it, once a second."""
    before = len(place.runs("tick"))
    return lambda: len(place.runs("tick")) > before and place.settled()


def _chain(place: House) -> Over:
    """Each end is the start of the next."""
    place.give("one")
    return place.settled


def _night(place: House) -> Over:
    """Each end of the last task of a phase is the start of all tasks of the next."""
    place.give("night")
    return place.settled


_FREE: Mapping[str, Any] = {"concurrent_runs": True}
PLAYS = {
    play.name: play
    for play in (
        Play("trigger", {"free": _FREE}, _trigger),
        Play("refusal", {"free": _FREE}, _refusal),
        Play("queue", {"free": _FREE, "alone": {}}, _queue),
        Play("slot", {"tick": {"schedule": "* * * * * *"}}, _slot),
        Play("chain", flowing.JOBS, _chain),
        Play("night", flowing.JOBS, _night, {"orchestrations": flowing.ORCHESTRATIONS}),
    )
}


def blow(place: House, play: Play, kind: str, n: int) -> bool:
    """One round; False when the play was over before the n-th call. Raises AssertionError with what was found."""
    with Tracer(place, f"{kind}:signal=SIGKILL:when={n}") as tracer:
        fell = falls(place, play.perform(place), tracer.trace)
    try:
        if fell or not place.lives:  # it may die of a late call, when the play seemed over
            place.kill()
            place.start()
        place.settle(faults)
    except AssertionError as error:
        raise AssertionError(f"{play.name}, killed at {kind} {n}: {error}") from None
    return fell


def falls(place: House, over: Over, trace: Path) -> bool:
    """Wait until the daemon is dead (True), or the play is over and it rests (False)."""
    length, since, deadline = -1, time.monotonic(), time.monotonic() + 20
    while place.lives:
        now, seen = time.monotonic(), trace.stat().st_size if trace.exists() else 0
        assert now < deadline, f"neither dead nor at rest:\n{place.log_text()[-3000:]}"
        if seen != length:
            length, since = seen, now
        elif now - since > QUIET and over():
            return False
        time.sleep(0.005)
    return True


def sweep(root: Path, play: Play, kind: str, step: int = 1) -> Iterator[int]:
    """All rounds of one kind, in a house of their own; yields each n at which the daemon was killed."""
    with house(root / f"{play.name}-{kind.strip('?')}", play.jobs, **play.settings) as place:
        place.start()
        place.settle(faults)
        n = 1
        while blow(place, play, kind, n):
            yield n
            n += step


def chosen(root: Path, play: Play, blows: Iterable[tuple[str, int]]) -> int:
    """Some rounds in one house; returns how many of them killed."""
    with house(root / play.name, play.jobs, **play.settings) as place:
        place.start()
        place.settle(faults)
        return sum(blow(place, play, kind, n) for kind, n in blows)


# --- killed again while it recovers -----------------------------------------------------------------------------------

RECOVERY_JOBS: Mapping[str, Mapping[str, Any]] = {"free": _FREE, "alone": {}}


def second_blow(place: House, kind: str, n: int) -> bool:
    """A daemon that died with a run alive, a claim unread, one recorded and a file waiting is killed a second time,
    while it takes them up. `n` counts from its first instruction."""
    leave_a_mess(place)
    fell = start_doomed(place, kind, n)
    place.kill()  # one that came through is traced still, and would die of a call that comes later
    try:
        place.start()
        place.settle(faults)
    except AssertionError as error:
        raise AssertionError(f"recovery, killed at {kind} {n}: {error}") from None
    return fell


def leave_a_mess(place: House) -> None:
    place.give("alone", environment={"NAP": "0.6"})
    place.until("a run", lambda: any(row["pid"] for row in place.open_runs()))
    with Tracer(place, "?vfork:signal=SIGKILL:when=1", "?clone:signal=SIGKILL:when=1"):
        place.give("free")
        place.until("its death", lambda: not place.lives)
    place.kill()
    place.give("free", good=False)
    place.give("alone")


def start_doomed(place: House, kind: str, n: int) -> bool:
    """A daemon traced from its first instruction; False when it came through."""
    trace = place.root / "trace"
    trace.unlink(missing_ok=True)
    tampering = ("-e", f"trace={kind}", "-e", f"inject={kind}:signal=SIGKILL:when={n}")
    place.begin("strace", "-D", "-o", str(trace), *tampering)
    return falls(place, place.settled, trace)


def before_the_lock(place: House, kind: str) -> int:
    """How many calls of a kind a starting daemon makes before it owns the data directory: none of them matters."""
    trace = place.root / "trace"
    place.start(wrapper=("strace", "-D", "-o", str(trace), "-e", f"trace={kind},flock"))
    place.stop()
    return trace.read_text(errors="replace").partition("flock(")[0].count("\n")


def sweep_recovery(root: Path, kind: str, step: int = 1) -> Iterator[int]:
    """As `sweep`, for the second blow."""
    with house(root / f"recovery-{kind.strip('?')}", RECOVERY_JOBS) as place:
        place.start()
        place.stop()
        n = before_the_lock(place, kind) + 1
        place.start()
        while second_blow(place, kind, n):
            yield n
            n += step
