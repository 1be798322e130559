"""The table of states: what it lists happens, what it does not list raises and changes nothing."""

from __future__ import annotations

from itertools import product

import pytest

from dsari_like.core.lifecycle import ACTIVE, FINAL, TRANSITIONS, WAITING, RunEvent, RunState, step
from dsari_like.errors import IllegalTransition


@pytest.mark.parametrize(("state", "event"), list(product(RunState, RunEvent)))
def test_every_pair_is_listed_or_raises(state: RunState, event: RunEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition, match=state.value):
            step(state, event)


def test_a_final_state_never_changes() -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] in FINAL]


def test_every_state_is_waiting_active_or_final() -> None:
    assert set(RunState) == WAITING | ACTIVE | FINAL
    assert not (WAITING & ACTIVE or ACTIVE & FINAL or WAITING & FINAL)


def test_every_state_but_a_flows_warning_can_be_reached() -> None:
    reached = set(TRANSITIONS.values()) | {RunState.SCHEDULED, RunState.BLOCKED}
    assert reached | {RunState.WARNING} == set(RunState)
