"""What it costs that a run outlives its daemon: the CPU of all who take part in it, with a keeper and without."""

from __future__ import annotations

from contextlib import ExitStack

from tests.bench.drops import take_turns
from tests.bench.figures import Figure
from tests.bench.workshop import Workshop, lane_of

BLOCK = 25


def adoption(workshop: Workshop) -> list[Figure]:
    """User and system time of the daemon and of all it has reaped (the keeper's shell, the command), a run, in pairs:
    both daemons are there all the time, and have their drops by turns."""
    sites = [workshop.site({"keeper": keeper}) for keeper in (False, True)]
    with ExitStack() as stack:
        lanes = [
            lane_of(f"keeper: {str(keeper).lower()}", site) for keeper, site in zip((False, True), sites, strict=True)
        ]
        daemons = [stack.enter_context(site.daemon()) for site in sites]
        take_turns(lanes, 1, BLOCK)  # what only the first runs cost
        before = [daemon.family_cpu_ms() for daemon in daemons]
        seen = [len(lane.latencies) for lane in lanes]
        take_turns(lanes, workshop.few(12, 1), BLOCK)
        spent = [daemon.family_cpu_ms() - was for daemon, was in zip(daemons, before, strict=True)]
    bare, kept = (cpu / (len(lane.latencies) - was) for cpu, lane, was in zip(spent, lanes, seen, strict=True))
    return [
        Figure("CPU a run, keeper: false", "ms", bare),
        Figure("CPU a run, keeper: true", "ms", kept),
        Figure("CPU a run that adoption adds", "ms", kept - bare, at_most=3.0),
    ]
