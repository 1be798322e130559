"""Whatever happens in whatever order, and wherever the daemon dies: no lock is violated, none is leaked, who came first
is served first, and an array run ends with its last item."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.world import World, is_free_again, live_on


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_locks_groups_and_items_whatever_happens(seed: int) -> None:
    """J-32 to J-35, Q-83, Q-87: some 6,000 runs, of which several hundred live through the death of the daemon."""
    world, random = World(), Random(seed)
    for _ in range(60):
        live_on(world, random)
        world.settle()
        world.check()
    is_free_again(world)
