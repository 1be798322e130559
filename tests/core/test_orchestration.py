"""Orchestrations: phases in sequence, tasks side by side, and what becomes of failures, choices and retries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.flows import Condition, Fact, Orchestration, Phase, Place, Task, Transition
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Job
from dsari_like.core.orchestration import Execution, Over, again, choose, chosen, lineage, results
from tests.core.flow_house import FlowHouse, job, orchestration, phase

JOBS = [job(name) for name in ("a", "b", "c", "d", "e")]


def house_of(*phases: Phase, jobs: list[Job] | None = None) -> FlowHouse:
    """An orchestration called `nightly` of the jobs a to e."""
    return FlowHouse(*(jobs or JOBS), orchestration("nightly", *phases))


def three() -> tuple[Phase, ...]:
    return phase("load", "a", "b"), phase("build", "c"), phase("tell", "d", "e")


def run_all(house: FlowHouse, *failing: str) -> None:
    while house.open():
        run_id = house.open()[0]
        house.end(run_id, ok=house.runs[run_id].job_name not in failing)


def test_k01_phases_follow_one_another_and_the_tasks_of_one_run_side_by_side() -> None:
    house = house_of(*three())
    house.start("nightly", "schedule")
    assert house.names() == ["nightly", "a", "b"]
    house.end_of("b")
    assert house.names() == ["nightly", "a", "b"]
    house.end_of("a")
    assert house.names() == ["nightly", "a", "b", "c"]
    run_all(house)
    assert house.names() == ["nightly", "a", "b", "c", "d", "e"]
    assert set(house.states().values()) == {"completed"} and house.flow() == "completed"


def test_k02_k03_a_failed_task_fails_its_phase_once_its_siblings_have_ended() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.end_of("a", ok=False)
    assert house.states()["nightly"] == "running"  # b goes on
    house.end_of("b")
    assert house.names() == ["nightly", "a", "b"]
    assert house.states()["nightly"] == house.flow() == "failed"
    assert house.runs["r1"].message == "phase load failed (a); build, tell were not executed"


def test_k05_k41_each_task_names_its_orchestration_and_its_place() -> None:
    house = house_of(*three())
    house.start("nightly")
    run = house.runs["r2"]
    assert (run.flow_id, run.previous_run_id, run.trigger.type) == ("r1", "r1", "orchestration")
    assert run.trigger.data == {"orchestration": "nightly", "phase": "load", "task": "a"}


def test_k07_a_task_that_is_not_active_is_as_if_it_were_absent() -> None:
    house = house_of(phase("load", Task("a", "a", active=False), "b"), phase("build", Task("c", "c", active=False)))
    house.start("nightly")
    run_all(house)
    assert house.names() == ["nightly", "b"] and house.flow() == "completed"


def test_k07_so_is_a_task_whose_job_is_disabled() -> None:
    house = house_of(*three(), jobs=[*JOBS[1:], job("a", enabled=False)])
    house.start("nightly")
    run_all(house)
    assert house.names() == ["nightly", "b", "c", "d", "e"] and house.flow() == "completed"


def test_k08_with_continue_on_failure_later_phases_run_and_the_flow_ends_with_a_warning() -> None:
    house = house_of(phase("load", Task("a", "a", continue_on_failure=True), "b"), phase("build", "c"))
    house.start("nightly")
    run_all(house, "a")
    assert house.names() == ["nightly", "a", "b", "c"]
    assert house.states()["nightly"] == house.flow() == "warning"


def test_k09_parameters_of_a_task_win_over_the_variables_of_the_trigger() -> None:
    house = house_of(phase("load", Task("a", "a", parameters={"DAY": "today"}), "b"))
    house.start("nightly")
    assert dict(house.runs["r2"].trigger.environment) == {"DAY": "today"}


def test_k12_an_orchestration_may_be_a_task_of_another_and_its_failure_is_that_tasks() -> None:
    outer = orchestration("outer", phase("first", "inner", "a"), phase("second", "b"))
    inner = orchestration("inner", phase("one", "c"), phase("two", "d"))
    house = FlowHouse(*JOBS, outer, inner)
    house.start("outer")
    house.end_of("a")
    house.end_of("c")
    house.end_of("d", ok=False)
    assert house.states()["inner"] == "failed" and house.states()["outer"] == "failed"
    assert house.runs["r1"].message == "phase first failed (inner); second was not executed"
    assert {run.flow_id for run in house.runs.values()} == {"r1"}


def test_k12_the_warning_of_one_within_is_a_warning_of_the_whole() -> None:
    outer = orchestration("outer", phase("first", "inner"), phase("second", "b"))
    inner = orchestration("inner", phase("one", Task("c", "c", continue_on_failure=True)))
    house = FlowHouse(*JOBS, outer, inner)
    house.start("outer")
    run_all(house, "c")
    assert house.states()["inner"] == "warning" and house.states()["outer"] == "warning"
    assert house.names() == ["outer", "inner", "c", "b"]


def test_k71_the_retries_of_a_task_go_before_those_of_its_job() -> None:
    house = house_of(phase("load", Task("a", "a", retries=3), "b"))
    house.start("nightly")
    assert house.flowing.job(house.runs["r2"], house.jobs["a"]).retries == 3
    assert house.flowing.job(house.runs["r3"], house.jobs["b"]).retries == 0


def test_k71_a_task_that_is_tried_again_keeps_its_phase_open() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.end_of("b")
    again_ = house.retry_itself("r2")
    assert house.states()["nightly"] == "running" and house.names() == ["nightly", "a", "b", "a"]
    house.end(again_)
    run_all(house)
    assert house.flow() == "completed"


def test_k72_a_delay_puts_a_task_off() -> None:
    house = house_of(phase("load", Task("a", "a", delay=90.0)))
    house.start("nightly")
    assert house.runs["r2"].schedule_time == house.now + 90.0


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_k04_tasks_can_be_left_out() -> None:
    house = house_of(*three())
    house.start("nightly", skip=["load/a", "d"])
    run_all(house)
    assert house.names() == ["nightly", "b", "c", "e"] and house.flow() == "completed"


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"tasks": ["a", "c"]}, ["a", "c"]),
        ({"tasks": ["tell/d"]}, ["d"]),
        ({"phase": "tell"}, ["d", "e"]),
        ({"phase": ["load", "build"], "skip": ["b"]}, ["a", "c"]),
    ],
)
def test_k74_k76_only_the_tasks_or_phases_that_were_asked_for(data: dict[str, Any], names: list[str]) -> None:
    house = house_of(*three())
    house.start("nightly", **data)
    run_all(house)
    assert house.names() == ["nightly", *names]


def test_what_cannot_be_chosen_is_told_with_what_was_meant() -> None:
    flow = Orchestration("n", (phase("load", "fetch", Task("old", "x", active=False)), phase("build", "make")))
    assert choose(flow, ["ftch", "old", "load/fetch"], phases=["biuld"]).faults == (
        "there is no task 'ftch' in n (did you mean 'fetch'?)",
        "the task 'old' of n is not active",
        "there is no phase 'biuld' in n (did you mean 'build'?)",
    )
    assert choose(flow, skip=["fetch", "make"]).faults == ("nothing of n would be run",)
    assert choose(flow, phases=["build"]).places == (Place("build", "make"),)
    assert chosen(flow, tasks=[]) == ()


# --- retry ------------------------------------------------------------------------------------------------------------


def test_k06_a_retry_runs_what_failed_and_what_was_never_executed_and_keeps_the_rest() -> None:
    house = house_of(*three())
    house.start("nightly")
    run_all(house, "b")
    house.retry("r1")
    assert house.names() == ["nightly", "a", "b", "nightly", "b"]
    run_all(house)
    assert house.names() == ["nightly", "a", "b", "nightly", "b", "c", "d", "e"]
    assert house.flow() == "completed" and len(house.flows) == 1
    assert house.runs["r5"].retry_of == "r3"


def test_k06_what_may_fail_is_tried_again_and_what_came_after_it_is_not() -> None:
    house = house_of(phase("load", Task("a", "a", continue_on_failure=True)), phase("build", "c"))
    house.start("nightly")
    run_all(house, "a")
    house.retry("r1")
    run_all(house)
    assert house.names() == ["nightly", "a", "c", "nightly", "a"] and house.flow() == "completed"


def test_k75_a_second_retry_keeps_what_any_attempt_before_it_did_well() -> None:
    house = house_of(*three())
    house.start("nightly")
    run_all(house, "b")
    house.retry("r1")
    run_all(house, "c")
    house.retry("r4")
    run_all(house)
    assert house.names()[6:] == ["nightly", "c", "d", "e"] and house.flow() == "completed"


def test_k06_the_choice_can_be_changed() -> None:
    house = house_of(*three())
    house.start("nightly")
    run_all(house, "b")
    house.retry("r1", again=["load/a", "build/c"])
    run_all(house)
    assert house.names()[3:] == ["nightly", "a", "c"]


def test_k12_a_retry_goes_into_the_orchestration_that_failed_within() -> None:
    outer = orchestration("outer", phase("first", "inner"), phase("second", "b"))
    inner = orchestration("inner", phase("one", "c", "d"), phase("two", "e"))
    house = FlowHouse(*JOBS, outer, inner)
    house.start("outer")
    run_all(house, "d")
    house.retry("r1")
    run_all(house)
    assert house.names() == ["outer", "inner", "c", "d", "outer", "inner", "d", "e", "b"]
    assert house.flow() == "completed"


# --- cancel, restart, reload ------------------------------------------------------------------------------------------


def test_k41_cancelling_an_orchestration_cancels_its_tasks() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.end_of("a")
    house.cancel("r1")
    assert house.states() == {"nightly": "cancelled", "a": "completed", "b": "cancelled"}
    assert house.flow() == "cancelled"


def test_a_cancel_reaches_the_tasks_of_one_within() -> None:
    outer = orchestration("outer", phase("first", "inner", "a"))
    house = FlowHouse(*JOBS, outer, orchestration("inner", phase("one", "c")))
    house.start("outer")
    house.cancel("r1")
    assert set(house.states().values()) == {"cancelled"}


def test_one_task_that_is_cancelled_fails_its_phase() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.end_of("b")
    house.cancel("r2")
    assert house.states()["nightly"] == "failed"


def test_the_runs_of_a_flow_are_told_with_tasks_before_their_orchestration() -> None:
    house = house_of(*three())
    house.start("nightly")
    assert house.flowing.open_runs("r1") == ("r2", "r3", "r1")


def test_a_running_flow_follows_the_present_configuration() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.end_of("a")
    house.configure(*JOBS, orchestration("nightly", phase("load", "b", "d"), phase("tell", "e")))
    run_all(house)
    assert house.names() == ["nightly", "a", "b", "d", "e"] and house.flow() == "completed"


def test_what_is_added_to_a_phase_that_is_over_comes_too_late() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.end_of("a")
    house.end_of("b")
    house.configure(*JOBS, orchestration("nightly", phase("load", "a", "b", "d"), phase("build", "c")))
    run_all(house)
    assert house.names() == ["nightly", "a", "b", "c"]


def test_an_orchestration_that_is_removed_ends_with_its_tasks() -> None:
    house = house_of(*three())
    house.start("nightly")
    house.configure(*JOBS)
    house.end_of("a")
    house.end_of("b")
    assert house.names() == ["nightly", "a", "b"] and house.states()["nightly"] == "cancelled"


def test_an_orchestration_of_nothing_is_completed_at_once() -> None:
    house = house_of(phase("load", Task("a", "a", active=False)))
    house.start("nightly")
    assert house.states() == {"nightly": "completed"}


def test_a_chain_may_begin_with_an_orchestration_and_with_a_task_of_one() -> None:
    house = FlowHouse(
        *JOBS, job("after", after="nightly"), job("behind", after="a"), orchestration("nightly", *three())
    )
    house.start("nightly")
    house.end_of("a")
    house.end_of("b")
    assert house.names() == ["nightly", "a", "b", "behind", "c"]
    run_all(house)
    assert house.names()[-1] == "after" and house.flow() == "completed"


# --- conditional transitions ------------------------------------------------------------------------------------------


def branches() -> tuple[Phase, ...]:
    return (
        phase("load", "a", "b", next=(
            Transition("repair", Condition(failed=("a",))),
            Transition("tell", Condition(variables={"DAY": ("sunday",)})),
            Transition("build"),
        )),
        phase("build", "c", next=(Transition("tell"),)),
        phase("repair", "d", next=(Transition("end"),)),
        phase("tell", "e"),
    )  # fmt: skip


def advance(own: dict[str, RunState], **fields: object) -> object:
    flow = Orchestration("n", branches())
    places = {place.task: place for place, _ in flow.places()}
    done = {places[name]: state for name, state in own.items()}
    step = Execution(flow, set(places.values()), done, **fields).advance()  # type: ignore[arg-type]
    return step if step is None or isinstance(step, Over) else [place.task for place, _ in step.tasks]


GOOD, BAD = RunState.COMPLETED, RunState.FAILED


def test_k60_the_first_transition_that_holds_is_taken() -> None:
    assert advance({"a": GOOD, "b": GOOD}) == ["c"]
    assert advance({"a": GOOD, "b": GOOD}, variables={"DAY": "sunday"}) == ["e"]
    assert advance({"a": BAD, "b": GOOD}, variables={"DAY": "sunday"}) == ["d"]


def test_k62_an_end_is_the_end_and_a_failure_that_was_handled_is_a_warning() -> None:
    over = advance({"a": BAD, "b": GOOD, "d": GOOD})
    assert isinstance(over, Over) and over.state is RunState.WARNING


def test_k64_a_failure_that_no_condition_asks_for_fails_the_flow() -> None:
    over = advance({"a": GOOD, "b": BAD})
    assert isinstance(over, Over) and over.state is RunState.FAILED


def test_k66_conditions_are_weighed_when_every_task_has_ended() -> None:
    assert advance({"a": BAD, "b": RunState.RUNNING}) is None


def test_k74_with_tasks_chosen_by_hand_phases_follow_in_their_order() -> None:
    assert advance({"a": GOOD, "b": GOOD, "c": GOOD}, in_order=True) == ["d"]


def test_k65_all_well_but_for_some() -> None:
    first = phase("p", "a", "b", next=(Transition("q", Condition(ok_except=("a",))), Transition("end")))
    flow = Orchestration("n", (first, phase("q", "c")))
    place = {at.task: at for at, _ in flow.places()}
    for states, state in (((BAD, GOOD), None), ((GOOD, BAD), RunState.FAILED)):
        own = dict(zip((place["a"], place["b"]), states, strict=True))
        step = Execution(flow, set(place.values()), own).advance()
        assert (step.state if isinstance(step, Over) else None) is state


# --- any order --------------------------------------------------------------------------------------------------------

MOST = 9


@st.composite
def flows(draw: st.DrawFn) -> tuple[Phase, ...]:
    """Up to five phases of one to three tasks, each of a job of its own."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    numbers = iter(range(15))
    return tuple(
        Phase(
            f"p{index}",
            tuple(
                Task(f"j{number}", f"j{number}", draw(st.booleans()) or number % 3 > 0, draw(st.booleans()))
                for number, _ in zip(numbers, range(size), strict=False)
            ),
        )
        for index, size in enumerate(sizes)
    )


@settings(max_examples=300, deadline=None)
@given(phases=flows(), failing=st.sets(st.integers(0, 14)), data=st.data())
def test_every_task_runs_once_in_its_phase_and_nothing_after_a_failed_phase_however_often_the_daemon_restarts(
    phases: tuple[Phase, ...], failing: set[int], data: st.DataObject
) -> None:
    bad = {f"j{number}" for number in failing}
    house = FlowHouse(*(job(f"j{number}") for number in range(15)), orchestration("nightly", *phases))
    house.start("nightly")
    expected: list[str] = []
    state = "completed"
    for one in phases:
        active = [task for task in one.tasks if task.active]
        assert (
            sorted(house.runs[run].job_name for run in house.open())
            == sorted(task.job for task in active if state != "failed")
            or not active
        )
        if state == "failed":
            break
        expected += [task.job for task in active]
        for run_id in data.draw(st.permutations(house.open())) if active else ():
            house.end(run_id, ok=house.runs[run_id].job_name not in bad)
            if data.draw(st.booleans()):
                house.restart()
        failed = [task for task in active if task.job in bad]
        state = "failed" if any(not task.continue_on_failure for task in failed) else "warning" if failed else state
    assert sorted(house.names()) == sorted(["nightly", *expected])
    assert house.states()["nightly"] == house.flow() == state
    house.restart()
    assert sorted(house.names()) == sorted(["nightly", *expected])
    _retry_until_well(house, phases)


def _retry_until_well(house: FlowHouse, phases: tuple[Phase, ...]) -> None:
    """One retry that goes well completes the flow, and by then every active task went well once, exactly."""
    (first,) = [run.run_id for run in house.runs.values() if run.job_name == "nightly"]
    if house.flow() != "completed":
        house.retry(first)
        run_all(house)
    well = [
        run.job_name for run in house.runs.values() if run.state is RunState.COMPLETED and run.job_name != "nightly"
    ]
    assert sorted(well) == sorted(task.job for one in phases for task in one.tasks if task.active)
    assert house.flow() == "completed"


def test_of_several_runs_in_a_place_the_last_counts_and_attempts_are_told_in_their_order() -> None:
    place = Place("p", "a")
    facts = [
        Fact("r1", "r1", "n", RunState.FAILED, 1),
        Fact("r3", "r1", "a", RunState.COMPLETED, 3, "r1", "r2", place),
        Fact("r2", "r1", "a", RunState.FAILED, 2, "r1", None, place),
        Fact("r4", "r1", "n", RunState.RUNNING, 4, None, "r1"),
    ]
    assert results(facts, "r1") == {place: RunState.COMPLETED}
    assert lineage(facts, "r4") == ("r1",)
    flow = Orchestration("n", (phase("p", "a", "b"),))
    assert again(flow, results(facts, "r1")) == (Place("p", "b"),)
