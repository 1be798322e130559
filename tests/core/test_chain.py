"""Chains: steps that follow one another, also where steps are disabled, deleted, run by hand or retried."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.chain import join, memory, retries_alone
from dsari_like.core.flows import Chains
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Job
from tests.core.flow_house import FlowHouse, job, parents


def four(**of: dict[str, Any]) -> list[Job]:
    """one <- two <- three <- four, with fields of their own."""
    before = {"one": None, "two": "one", "three": "two", "four": "three"}
    return [job(name, after=after, **of.get(name, {})) for name, after in before.items()]


def run_all(house: FlowHouse) -> None:
    """Every run that is begun ends well."""
    while house.open():
        house.end(house.open()[0])


# --- what the five examples of the seed state ---------------------------------------------------------------------


def test_c10_one_head_start_gives_one_run_a_step_until_the_end() -> None:
    house = FlowHouse(*four())
    house.start("one", "schedule")
    run_all(house)
    assert house.names() == ["one", "two", "three", "four"]
    assert house.flow() == "completed"


def test_c10_a_failure_ends_the_chain() -> None:
    house = FlowHouse(*four())
    house.start("one")
    house.end_of("one")
    house.end_of("two", ok=False)
    assert house.names() == ["one", "two"] and house.flow() == "failed"


def test_c11_a_disabled_step_is_passed_over_with_a_note_and_no_run() -> None:
    house = FlowHouse(*four(three={"enabled": False}))
    house.start("one")
    run_all(house)
    assert house.names() == ["one", "two", "four"]
    assert house.told == [("three", "the step is disabled; the chain goes on with four")]


def test_c11_a_disabled_step_at_the_end_is_the_end() -> None:
    house = FlowHouse(*four(four={"enabled": False}))
    house.start("one")
    run_all(house)
    assert house.names() == ["one", "two", "three"]
    assert house.told == [("four", "the step is disabled, and the chain ends with it")]


def test_c12_a_deleted_step_is_repaired_by_joining_its_neighbours() -> None:
    remembered = memory({"two": "one", "three": "two", "four": "three"}, {"one", "two", "three", "four"}, {})
    without = [one for one in four() if one.name != "three"]
    house = FlowHouse(*without, remembered=remembered)
    house.start("one")
    run_all(house)
    assert house.names() == ["one", "two", "four"]
    (repair,) = house.chains.repairs
    assert str(repair) == (
        "the step 'three' before it is gone, so it follows 'two' now; to keep it so, write   after: two"
    )


def test_c13_a_step_run_by_hand_goes_on_from_there() -> None:
    house = FlowHouse(*four())
    house.start("three")
    run_all(house)
    assert house.names() == ["three", "four"]


def test_c14_a_failed_step_that_is_retried_well_goes_on_in_the_same_flow() -> None:
    house = FlowHouse(*four())
    house.start("one")
    house.end_of("one")
    house.end_of("two", ok=False)
    house.end(house.retry("r2"))
    run_all(house)
    assert house.names() == ["one", "two", "two", "three", "four"]
    assert {run.flow_id for run in house.runs.values()} == {"r1"} and house.flow() == "completed"


# --- what follows from them ------------------------------------------------------------------------------------------


def test_c09_each_run_names_the_one_before_it() -> None:
    house = FlowHouse(*four())
    house.start("one")
    run_all(house)
    assert parents(house) == {"r1": None, "r2": "r1", "r3": "r2", "r4": "r3"}


def test_c04_several_steps_after_one_job_are_a_tree() -> None:
    house = FlowHouse(job("a"), job("b", after="a"), job("c", after="a"), job("d", after="b"))
    house.start("a")
    house.end_of("a")
    house.end_of("b", ok=False)
    house.end_of("c")
    assert house.names() == ["a", "b", "c"] and house.flow() == "failed"


def test_c11_below_a_disabled_step_every_branch_goes_on() -> None:
    house = FlowHouse(
        job("a"), job("b", after="a", enabled=False), job("c", after="b"), job("d", after="b"), job("e", after="d")
    )
    house.start("a")
    run_all(house)
    assert house.names() == ["a", "c", "d", "e"]


def test_c15_a_disabled_head_can_be_passed_by_running_the_next_step() -> None:
    house = FlowHouse(*four(one={"enabled": False}))
    house.start("two")
    run_all(house)
    assert house.names() == ["two", "three", "four"]


@pytest.mark.parametrize("how", ["cancelled", "lost"])
def test_c17_only_success_goes_on(how: str) -> None:
    house = FlowHouse(*four())
    house.start("one")
    if how == "cancelled":
        house.cancel("r1")
    else:
        house.end("r1", lost=True)
    assert house.names() == ["one"] and house.flow() == ("cancelled" if how == "cancelled" else "failed")


def test_c12_a_chain_in_progress_follows_the_present_configuration() -> None:
    house = FlowHouse(*four())
    house.start("one")
    house.configure(*four(two={"enabled": False}), job("five", after="four"))
    run_all(house)
    assert house.names() == ["one", "three", "four", "five"]


def test_c12_what_a_deleted_step_began_is_carried_on() -> None:
    house = FlowHouse(*four())
    house.start("one")
    house.end_of("one")
    remembered = memory({"two": "one", "three": "two", "four": "three"}, {"one", "two", "three", "four"}, {})
    house.configure(*[one for one in four() if one.name != "two"], remembered=remembered)
    house.end("r2")  # its job is gone, and it was running still
    run_all(house)
    assert house.names() == ["one", "two", "three", "four"]


def test_c12_a_step_that_waits_when_it_is_deleted_is_passed_over() -> None:
    house = FlowHouse(*four())
    house.start("one")
    house.end_of("one")
    remembered = memory({"two": "one", "three": "two", "four": "three"}, {"one", "two", "three", "four"}, {})
    house.configure(*[one for one in four() if one.name != "two"], remembered=remembered)
    house.take_out("r2")
    run_all(house)
    assert house.names() == ["one", "two", "three", "four"]


def test_a_job_that_gets_its_first_step_while_it_runs_begins_a_flow_with_its_end() -> None:
    house = FlowHouse(job("a"))
    house.start("a")
    house.configure(job("a"), job("b", after="a"))
    run_all(house)
    assert house.names() == ["a", "b"] and {run.flow_id for run in house.runs.values()} == {"r1"}


def test_a_run_that_is_of_no_chain_has_no_flow() -> None:
    house = FlowHouse(job("a"), job("b"))
    house.start("a")
    run_all(house)
    assert house.runs["r1"].flow_id is None and not house.flows


def test_an_automatic_retry_holds_the_chain_up_and_does_not_double_it() -> None:
    house = FlowHouse(*four())
    house.start("one")
    again = house.retry_itself("r1")
    assert house.names() == ["one", "one"] and house.flow() == "running"
    house.end(again)
    run_all(house)
    assert house.names() == ["one", "one", "two", "three", "four"] and house.flow() == "completed"


@pytest.mark.parametrize(
    ("state", "cascade", "only", "alone"),
    [
        (RunState.FAILED, False, False, False),  # it held its successors up: they follow
        (RunState.FAILED, False, True, True),
        (RunState.CANCELLED, True, False, False),
        (RunState.COMPLETED, False, False, True),  # they had their run: not again unless it is asked for
        (RunState.COMPLETED, True, False, False),
    ],
)
def test_the_retry_of_what_went_well_is_followed_on_request_only(
    state: RunState, cascade: bool, only: bool, alone: bool
) -> None:
    assert retries_alone(state, cascade, only) is alone


def test_a_retry_that_is_to_be_alone_is_followed_by_nothing() -> None:
    house = FlowHouse(*four())
    house.start("one")
    run_all(house)
    house.end(house.retry("r2", alone=True))
    assert house.names() == ["one", "two", "three", "four", "two"] and house.flow() == "completed"


def test_a_retry_counts_for_its_branch_and_the_other_branch_stays_failed() -> None:
    house = FlowHouse(job("a"), job("b", after="a"), job("c", after="a"))
    house.start("a")
    house.end_of("a")
    house.end_of("b", ok=False)
    house.end_of("c", ok=False)
    house.end(house.retry("r2"))
    assert house.flow() == "failed"
    house.end(house.retry("r3"))
    assert house.flow() == "completed"


# --- topology ---------------------------------------------------------------------------------------------------------


def test_a_cycle_is_told_as_it_runs() -> None:
    after = {"b": "a", "c": "b", "a": "c", "d": "a"}
    assert join(after, {"a", "b", "c", "d"}, {}).cycles in [
        (("a", "b", "c", "a"),),
        (("b", "c", "a", "b"),),
        (("c", "a", "b", "c"),),
    ]
    assert join({"a": "a"}, {"a"}, {}).cycles == (("a", "a"),)


def test_a_step_after_what_never_was_is_unknown() -> None:
    assert join({"b": "x"}, {"b"}, {}).unknown == (("b", "x"),)
    assert join({"b": "x"}, {"b"}, {"x": None}).unknown == ()


def test_where_everything_before_a_step_is_gone_it_heads_its_chain() -> None:
    found = join({"c": "b"}, {"c"}, {"b": "a", "a": None}).chains
    assert found.follows == {} and found.steps == {"b": ("c",), "a": ("c",)}
    assert str(found.repairs[0]) == (
        "the steps 'b', 'a' before it are gone, so nothing starts it but its own triggers; to keep it so, remove the"
        " line"
    )


def test_what_is_gone_is_remembered_as_long_as_a_step_is_written_to_follow_it() -> None:
    first = memory({"b": "a", "c": "b"}, {"a", "b", "c"}, {})
    assert first == {"a": None, "b": "a", "c": "b"}
    second = memory({"c": "b"}, {"a", "c"}, first)
    assert second == {"a": None, "b": "a", "c": "b"}
    assert memory({"c": "a"}, {"a", "c"}, second) == {"a": None, "c": "a"}


NAMES = [f"j{number}" for number in range(8)]


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """Each job follows one with a smaller number, or none."""
    return {
        name: NAMES[before] for number, name in enumerate(NAMES) if (before := draw(st.integers(-1, number - 1))) >= 0
    }


@settings(max_examples=200, deadline=None)
@given(after=trees(), failing=st.sets(st.sampled_from(NAMES)), disabled=st.sets(st.sampled_from(NAMES)), data=st.data())
def test_every_step_has_exactly_one_run_and_nothing_follows_a_failure(
    after: dict[str, str], failing: set[str], disabled: set[str], data: st.DataObject
) -> None:
    house = FlowHouse(*(job(name, after=after.get(name), enabled=name not in disabled) for name in NAMES))
    house.start("j0")
    while house.open():
        run_id = data.draw(st.sampled_from(house.open()))
        house.end(run_id, ok=house.runs[run_id].job_name not in failing)
        if data.draw(st.booleans()):
            house.restart()
    assert sorted(house.names()) == sorted(_expected("j0", after, failing, disabled))
    if house.chains.steps.get("j0"):
        assert house.flow() == ("failed" if failing & set(house.names()) else "completed")
    assert len({run.flow_id for run in house.runs.values()}) == 1


def _expected(name: str, after: dict[str, str], failing: set[str], disabled: set[str]) -> list[str]:
    found = [] if name in disabled and name != "j0" else [name]
    if found and name in failing:
        return found
    return found + [one for step in after if after[step] == name for one in _expected(step, after, failing, disabled)]


@settings(max_examples=200, deadline=None)
@given(after=trees(), gone=st.sets(st.sampled_from(NAMES[1:])))
def test_a_chain_without_some_steps_is_the_chain_with_them_less_their_runs(
    after: dict[str, str], gone: set[str]
) -> None:
    remembered = memory(after, set(NAMES), {})
    present = [name for name in NAMES if name not in gone]
    house = FlowHouse(*(job(name, after=after.get(name)) for name in present), remembered=remembered)
    house.start("j0")
    run_all(house)
    assert sorted(house.names()) == sorted(name for name in _expected("j0", after, set(), gone))


def test_no_jobs_are_no_chains() -> None:
    assert join({}, (), {}).chains == Chains({}, {}, ())
