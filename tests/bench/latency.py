"""From the rename of a trigger to the first instruction of its command."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from tests.bench.drops import Lane, take_turns
from tests.bench.figures import Figure, percentile
from tests.bench.history import fill
from tests.bench.site import Site
from tests.bench.workshop import JOB, Workshop, lane_of

BLOCK = 25


def latency(workshop: Workshop) -> list[Figure]:
    """Ours beside a program that only watches and starts, and beside one that also makes a line durable."""
    sites = {
        "keeper: false": workshop.site({"keeper": False}),
        "keeper: true": workshop.site({"keeper": True}),
        "keeper: false, render: auto": workshop.site({"keeper": False}, render="auto"),
    }
    with ExitStack() as stack:
        floor, durable = _floor(stack, workshop, durable=False), _floor(stack, workshop, durable=True)
        ours = _lanes(stack, sites)
        take_turns([floor, durable, *ours], _blocks(workshop), BLOCK)
        _check_recorded(sites, ours)
    figures = [figure for lane in ours for figure in _against(lane, floor)]
    return figures + _readings("a C program that records durably, then starts", durable, floor)


def growth(workshop: Workshop) -> list[Figure]:
    """The same beside many jobs, and on a long run log; the floor is ours with one job and none."""
    others, runs = workshop.few(10_000, 100), workshop.few(100_000, 1_000)
    plain, crowded, old = (workshop.site({"keeper": False}, others=count) for count in (0, others - 1, 0))
    fill(old.data / "dsari_like.sqlite3", JOB, runs)
    sites = {"one job, no runs": plain, f"{others} jobs": crowded, f"{runs} runs recorded": old}
    with ExitStack() as stack:
        lanes = _lanes(stack, sites)
        take_turns(lanes, _blocks(workshop), BLOCK)
    return [
        Figure(f"latency p{percent}, {lane.name}", "ms", _at(lane, percent), _at(lanes[0], percent), at_most=1.3)
        for lane in lanes[1:]
        for percent in (50, 99)
    ]


def _blocks(workshop: Workshop) -> int:
    return workshop.few(8, 1)


def _floor(stack: ExitStack, workshop: Workshop, durable: bool) -> Lane:
    top = workshop.directory()
    drops, log = top / "drops", top / "probes"
    drops.mkdir()
    stack.enter_context(workshop.programs.watch(drops, log, top / "journal" if durable else None))
    return Lane("floor", drops, log)


def _lanes(stack: ExitStack, sites: dict[str, Site]) -> list[Lane]:
    lanes = []
    for name, site in sites.items():
        lanes.append(lane_of(name, site))
        stack.enter_context(site.daemon())
    return lanes


def _check_recorded(sites: dict[str, Site], lanes: Sequence[Lane]) -> None:
    for site, lane in zip(sites.values(), lanes, strict=True):
        if site.count("completed") != len(lane.latencies):
            raise RuntimeError(f"{lane.name}: not every run is recorded as completed")


def _against(lane: Lane, floor: Lane) -> list[Figure]:
    """Half and one in a hundred. What rendering costs has no target of its own."""
    bounds = {"keeper: false": (3.0, 8.0), "keeper: true": (5.0, 12.0)}.get(lane.name, (None, None))
    return [
        Figure(f"latency p{percent}, {lane.name}", "ms", _at(lane, percent), _at(floor, percent), at_most=bound)
        for percent, bound in zip((50, 99), bounds, strict=True)
    ]


def _readings(name: str, lane: Lane, floor: Lane) -> list[Figure]:
    return [
        Figure(f"latency p{percent}, {name}", "ms", _at(lane, percent), _at(floor, percent)) for percent in (50, 99)
    ]


def _at(lane: Lane, percent: float) -> float:
    return percentile(lane.latencies, percent)
