"""Chains: which steps follow a run that has ended, and what becomes of a chain that steps were taken out of.

Owns both answers, from the configuration as it is now: a chain in progress follows it, too. Must not know how a run is
made, nor what a flow is beyond its runs.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping

from dsari_like.core.flows import Chains, Remembered, Repair
from dsari_like.core.lifecycle import WELL, RunState
from dsari_like.core.model import Run
from dsari_like.core.record import record

#: In the `origin` of a retry's trigger: nothing follows this run, however it ends.
ALONE = "alone"


@record
class Joined:
    """What the `after` of all jobs comes to. With `cycles` or `unknown` it is no topology to be used."""

    chains: Chains
    cycles: tuple[tuple[str, ...], ...] = ()  # each from a job round to itself
    unknown: tuple[tuple[str, str], ...] = ()  # steps, and the name each was to follow, which never was a job's


def join(after: Mapping[str, str], present: Container[str], remembered: Remembered) -> Joined:
    """The chains that the `after` of the jobs make. A step whose predecessor is no more follows, by what is remembered,
    the nearest one before that is there still (C-12)."""
    follows: dict[str, str] = {}
    steps: dict[str, list[str]] = {}
    repairs: list[Repair] = []
    unknown: list[tuple[str, str]] = []
    for step, target in after.items():
        if target not in present and target not in remembered:
            unknown.append((step, target))
            continue
        found, gone = _nearest(target, present, remembered)
        if found is not None:
            follows[step] = found
        if gone:
            repairs.append(Repair(step, gone, found))
        # Behind what is gone, too: a run of it may be going on still, and what it began is carried on.
        for name in (*gone, found) if found is not None else gone:
            steps.setdefault(name, []).append(step)
    chains = Chains(follows, {name: tuple(ones) for name, ones in steps.items()}, tuple(repairs))
    return Joined(chains, tuple(_cycles(follows)), tuple(unknown))


def memory(after: Mapping[str, str], present: Container[str], remembered: Remembered) -> dict[str, str | None]:
    """What is to be remembered from now on: each step and each head, and of what is gone as much as leads from a step
    to what is there."""
    kept: dict[str, str | None] = dict(after)
    for target in after.values():
        name: str | None = target
        while name is not None and name not in kept:
            kept[name] = None if name in present else remembered.get(name)
            name = kept[name]
    return kept


def _nearest(target: str, present: Container[str], remembered: Remembered) -> tuple[str | None, tuple[str, ...]]:
    gone: dict[str, None] = {}
    name: str | None = target
    while name is not None and name not in present and name not in gone:
        gone[name] = None
        name = remembered.get(name)
    return (name if name in present else None), tuple(gone)


def _cycles(follows: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Each job follows one at the most, so whoever comes back to where it has been has walked one cycle."""
    done: set[str] = set()
    for start in follows:
        walked: dict[str, None] = {}
        name: str | None = start
        while name is not None and name not in done and name not in walked:
            walked[name] = None
            name = follows.get(name)
        if name in walked:
            backwards = list(walked)[list(walked).index(str(name)) :]
            yield (str(name), *reversed(backwards))
        done.update(walked)


# --- what follows an end ------------------------------------------------------------------------------------------


@record
class Passed:
    """A step that is disabled, and those the chain goes on with in its place; none when it ends there."""

    step: str
    on: tuple[str, ...]

    def __str__(self) -> str:
        if not self.on:
            return "the step is disabled, and the chain ends with it"
        return f"the step is disabled; the chain goes on with {', '.join(self.on)}"


@record
class Onward:
    """What follows: steps to be run, each once, and those that are passed over without a run (C-11)."""

    steps: tuple[str, ...] = ()
    passed: tuple[Passed, ...] = ()


def onward(name: str, chains: Chains, is_enabled: Callable[[str], bool]) -> Onward:
    """The steps after a job."""
    steps: list[str] = []
    passed: list[Passed] = []
    for step in chains.steps.get(name, ()):
        if is_enabled(step):
            steps.append(step)
        else:
            below = onward(step, chains, is_enabled)
            passed += [Passed(step, below.steps), *below.passed]
            steps += below.steps
    return Onward(tuple(steps), tuple(passed))


def goes_on(run: Run) -> bool:
    """Whether a run that has ended lets the next steps begin: success does, and nothing else (C-17)."""
    return run.state in WELL and not run.trigger.origin.get(ALONE)


def retries_alone(state: RunState, cascade: bool, only: bool) -> bool:
    """Whether the retry of a run that ended in this state is to be followed by nothing. What went well had its
    successors, so they are run again on request only (`cascade`); what did not go well held them up, so they follow
    unless they are not to (`only`)."""
    return only or (state in WELL and not cascade)
