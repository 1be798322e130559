"""Flows through the whole engine: chains, orchestrations and events, with everything else that makes runs wait."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dsari_like.core import messages as m
from dsari_like.core.choices import LockMode, Merge
from dsari_like.core.flows import EventTrigger, Task
from dsari_like.core.model import Exit, Job
from dsari_like.core.selection import Selection
from tests.core.flow_engine import Flows
from tests.core.flow_house import orchestration, phase
from tests.core.house import NOON, job

CHAIN = (job("1"), job("2", after="1"), job("3", after="2"), job("4", after="3"))
MINUTE = 60.0


def chain_without(*disabled: str) -> tuple[Job, ...]:
    return tuple(job(one.name, after=one.after, enabled=one.name not in disabled) for one in CHAIN)


# --- chains -------------------------------------------------------------------------------------------------------


def test_c10_one_head_start_gives_one_run_a_step_linked_in_one_flow() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_all()
    assert house.names() == ["1", "2", "3", "4"]
    assert [run.previous_run_id for run in house.made()] == [None, "r1", "r2", "r3"]
    assert {run.flow_id for run in house.made()} == {"r1"}
    assert [run.trigger.type for run in house.made()] == ["file", "chain", "chain", "chain"]
    assert (house.flow(), house.flows["r1"].name) == ("completed", "1")


def test_c10_the_next_step_is_made_in_the_turn_of_the_end_that_causes_it() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.running.remove("r1")
    effects = house.tell(m.ChildExited("r1", Exit(0), house.now.wall))
    saved = [(effect.run.run_id, effect.run.state.value) for effect in effects if isinstance(effect, m.SaveRun)]
    assert saved == [("r1", "completed"), ("r2", "queued"), ("r2", "running")]
    assert [outcome for outcome, _ in house.told("2")] == ["started"]


def test_c03_c10_a_chain_begins_with_a_slot_too_and_each_slot_is_a_flow_of_its_own() -> None:
    house = Flows(job("1", schedule=("0 * * * *",)), *CHAIN[1:])
    for _ in range(2):
        house.wait(3600)
        house.end_all()
    assert house.names() == ["1", "2", "3", "4"] * 2
    assert len(house.flows) == 2


@pytest.mark.parametrize("code", [1, 3, 143])
def test_c10_a_failure_ends_the_chain(code: int) -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1")
    house.end_of("2", code)
    assert (house.names(), house.running, house.flow()) == (["1", "2"], [], "failed")


def test_c11_a_disabled_step_is_passed_over_with_a_decision_and_no_run() -> None:
    house = Flows(*chain_without("2", "3"))
    house.drop("1")
    house.end_all()
    assert house.names() == ["1", "4"]
    assert house.told("2") == [("skipped", "the step is disabled; the chain goes on with 4")]
    assert house.told("3") == [("skipped", "the step is disabled; the chain goes on with 4")]


def test_c12_a_deleted_step_is_closed_over_its_neighbours() -> None:
    house = Flows(*(one for one in CHAIN if one.name != "2"), remembered={"2": "1"})
    house.drop("1")
    house.end_all()
    assert house.names() == ["1", "3", "4"]
    assert house.last_of("3").previous_run_id == "r1"


def test_c13_a_step_that_is_started_by_hand_goes_on_to_the_end() -> None:
    house = Flows(*CHAIN)
    house.drop("3", type="manual")
    house.end_all()
    assert house.names() == ["3", "4"]
    assert house.flows["r1"].name == "1"


def test_c14_a_retry_of_the_second_of_four_yields_2_3_4_in_the_same_flow() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1")
    house.end_of("2", 1)
    house.retry("r2")
    assert house.flow() == "running"
    house.end_all()
    assert house.names() == ["1", "2", "2", "3", "4"]
    assert {run.flow_id for run in house.made()} == {"r1"}
    assert (house.rows["r3"].retry_of, house.rows["r3"].previous_run_id, house.flow()) == ("r2", "r1", "completed")


def test_c14_a_retry_that_fails_too_leaves_the_chain_where_it_was() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1")
    house.end_of("2", 1)
    house.retry("r2")
    house.end_of("2", 1)
    assert (house.names(), house.flow()) == (["1", "2", "2"], "failed")
    house.retry("r3")
    house.end_all()
    assert (house.names()[3:], house.flow()) == (["2", "3", "4"], "completed")


def test_c14_retries_of_its_own_hold_the_chain_up_and_do_not_end_it() -> None:
    house = Flows(CHAIN[0], job("2", after="1", retries=1, retry_delay=30.0), *CHAIN[2:])
    house.drop("1")
    house.end_of("1")
    house.end_of("2", 1)
    assert (house.states()["2"], house.flow()) == ("scheduled", "running")
    house.wait(30)
    house.end_all()
    assert (house.names(), house.flow()) == (["1", "2", "2", "3", "4"], "completed")


def test_a_retry_of_what_went_well_is_alone_and_with_cascade_it_is_not() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_all()
    house.retry("r2")
    house.end_all()
    assert house.names()[4:] == ["2"]
    house.retry("r2", cascade=True)
    house.end_all()
    assert house.names()[5:] == ["2", "3", "4"]


def test_a_retry_that_is_to_be_alone_ends_where_it_is() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1")
    house.end_of("2", 1)
    house.retry("r2", only=True)
    house.end_all()
    assert house.names() == ["1", "2", "2"]


def test_c17_a_step_that_is_cancelled_or_lost_ends_its_chain() -> None:
    for how in ("waits", "runs", "lost"):
        house = Flows(*CHAIN)
        house.drop("2") if how == "waits" else None
        house.drop("1")
        house.end_of("1")
        step = next(run for run in house.made() if run.job_name == "2" and run.trigger.type == "chain")
        if how == "lost":
            house.running.remove(step.run_id)
            house.tell(m.ChildExited(step.run_id, None, house.now.wall))
        else:
            house.cancel(step.run_id)
            if how == "runs":
                house.end_of("2", 143)
        assert house.rows[step.run_id].is_final
        assert "3" not in house.names(), how
        assert house.flows[step.flow_id or ""].state.value in ("failed", "cancelled")


def test_c12_a_chain_in_progress_follows_a_reload() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1")
    house.reload(CHAIN[0], CHAIN[1], job("4", after="2"), job("5", after="2"))
    house.end_all()
    assert house.names() == ["1", "2", "4", "5"]


def test_c12_a_step_that_is_deleted_while_it_waits_is_passed_over() -> None:
    house = Flows(*CHAIN, job("holder", locks={}), max_running=1)
    house.drop("holder")
    house.drop("1")
    house.end_of("holder")
    house.drop("holder")
    house.end_of("1")
    assert (house.working(), house.states()["2"]) == (["holder"], "queued")
    house.remembered = {"2": "1"}
    house.reload(CHAIN[0], *CHAIN[2:], job("holder"))
    house.end_all()
    assert house.names()[3:] == ["2", "3", "4"]
    assert house.states()["2"] == "cancelled"


def test_a_chain_goes_on_over_any_restart() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    for name in "1234":
        house.restart()
        house.end_of(name)
        house.restart(after=5)
    assert (house.names(), house.flow()) == (["1", "2", "3", "4"], "completed")


def test_variables_of_the_flow_travel_down_a_chain_over_a_restart() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1", run_data={"workflow_variables": {"day": "monday"}})
    house.restart()
    house.end_of("2", run_data={"workflow_variables": {"rows": 7}})
    house.restart()
    house.end_of("3")
    assert house.last_of("2").workflow_variables["day"] == "monday"
    assert dict(house.last_of("4").workflow_variables) == {"day": "monday", "rows": 7}
    assert dict(house.flows["r1"].variables) == {"day": "monday", "rows": 7}


def test_a_step_takes_the_place_of_a_pending_slot_and_is_never_folded_or_dropped() -> None:
    house = Flows(CHAIN[0], job("2", after="1", schedule=("* * * * *",), merge=Merge.DROP))
    house.drop("2")
    house.wait(MINUTE)
    for _ in range(2):
        house.drop("1")
        house.end_of("1")
    assert house.of_job("2") == ["running", "cancelled", "queued", "queued"]


@pytest.mark.parametrize("merge", list(Merge))
def test_no_trigger_takes_the_place_of_a_step_that_waits_whatever_merge_says(merge: Merge) -> None:
    house = Flows(CHAIN[0], job("2", after="1", merge=merge), job("3", after="2"))
    house.drop("2")
    house.drop("1")
    house.end_of("1")
    house.drop("2")  # behind the step, which waits for the run before it
    house.end_all()
    assert house.of_job("2") == ["completed"] * 3 and house.of_job("3") == ["completed"] * 3
    assert house.flows["r2"].state.value == "completed"


@pytest.mark.parametrize("merge", list(Merge))
def test_no_trigger_takes_the_place_of_a_task_that_waits_whatever_merge_says(merge: Merge) -> None:
    house = Flows(orchestration("night", phase("only", "a")), job("a", merge=merge))
    house.drop("a")
    house.drop("night")
    house.drop("a")
    house.end_all()
    assert house.of_job("a") == ["completed"] * 3 and house.of_job("night") == ["completed"]


# --- orchestrations -----------------------------------------------------------------------------------------------

NIGHT = (
    orchestration("night", phase("load", "a", "b"), phase("build", "c"), phase("tell", "d")),
    job("a"),
    job("b"),
    job("c"),
    job("d"),
)


def test_k01_phases_follow_one_another_and_the_tasks_of_one_run_side_by_side() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    assert sorted(house.working()) == ["a", "b"]
    house.end_of("b")
    assert house.working() == ["a"]
    house.end_of("a")
    assert house.working() == ["c"]
    house.end_of("c")
    house.end_of("d")
    assert (house.flow(), house.states()["night"], house.rows["r1"].exit) == ("completed", "completed", Exit(0))


def test_k02_k03_a_failed_task_fails_its_phase_once_its_siblings_have_ended() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", 1)
    assert (house.working(), house.states()["night"]) == (["b"], "running")
    house.end_of("b")
    assert house.names() == ["night", "a", "b"]
    row = house.rows["r1"]
    assert (row.state.value, row.exit, house.flow()) == ("failed", Exit(1), "failed")
    assert row.message == "phase load failed (a); build, tell were not executed"


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"skip": ["a", "tell/d"]}, ["b", "c"]),
        ({"tasks": ["a", "d"]}, ["a", "d"]),
        ({"phase": "build"}, ["c"]),
    ],
)
def test_k04_k74_k76_a_start_by_hand_may_choose(data: dict[str, object], names: list[str]) -> None:
    house = Flows(*NIGHT)
    house.drop("night", data=data)
    house.end_all()
    assert (house.names(), house.flow()) == (["night", *names], "completed")
    assert dict(house.rows["r1"].trigger.data) == data


def test_k05_every_run_of_an_execution_tells_its_place_and_its_orchestration() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_all()
    places = [(run.trigger.data["phase"], run.trigger.data["task"]) for run in house.made()[1:]]
    assert places == [("load", "a"), ("load", "b"), ("build", "c"), ("tell", "d")]
    assert {run.previous_run_id for run in house.made()[1:]} == {"r1"}
    assert {run.trigger.type for run in house.made()[1:]} == {"orchestration"}
    assert all(one == ("started", "task load/a of night, run r1") for one in house.told("a"))


def test_k06_a_retry_runs_what_failed_and_what_was_never_executed_and_keeps_the_rest() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", 1)
    house.end_of("b")
    house.retry("r1")
    assert (house.working(), house.flow()) == (["a"], "running")
    house.end_all()
    assert house.names()[3:] == ["night", "a", "c", "d"]
    assert (house.flow(), len(house.flows)) == ("completed", 1)
    again = house.rows["r4"]
    assert (again.retry_of, again.attempt, again.flow_id, house.rows["r5"].retry_of) == ("r1", 2, "r1", "r2")


def test_k06_the_tasks_of_a_retry_can_be_named() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", 1)
    house.end_of("b")
    house.retry("r1", tasks=("load/a", "load/b"))
    house.end_all()
    assert house.names()[3:] == ["night", "a", "b"]


def refusal(effects: list[m.Effect]) -> str:
    (refused,) = [effect for effect in effects if isinstance(effect, m.Quarantine)]
    return refused.reason


def test_the_task_of_an_orchestration_that_goes_on_can_be_retried_alone_and_is_waited_for() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", 1)
    house.retry("r2")  # while its sibling runs still
    house.end_of("b")
    assert (house.working(), house.states()["night"]) == (["a"], "running")
    house.end_all()
    assert (house.names(), house.flow()) == (["night", "a", "b", "a", "c", "d"], "completed")


def test_the_task_of_an_orchestration_that_has_ended_is_refused_with_what_to_retry_instead() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", 1)
    house.end_of("b")
    for _ in range(2):  # a restart later, too
        why = refusal(house.retry("r2"))
        assert "it is the task load/a of run r1, which has ended" in why and "retry flow r1 with tasks: load/a" in why
        house.restart()
    house.retry("r1", tasks=("load/a",))
    house.end_all()
    assert house.names() == ["night", "a", "b", "night", "a"]


def test_the_task_of_a_nested_orchestration_that_has_ended_names_that_one() -> None:
    house = Flows(orchestration("outer", phase("p", "inner", "b")), orchestration("inner", phase("q", "a")), *NIGHT[1:])
    house.drop("outer")
    house.end_of("a", 1)
    (inner, a) = (house.last_of("inner").run_id, house.last_of("a").run_id)
    assert f"retry run {inner} with tasks: q/a" in refusal(house.retry(a))
    house.retry(inner)  # the outer one goes on still
    house.end_all()
    assert house.states() == dict.fromkeys(("outer", "inner", "a", "b"), "completed")


def test_k75_k06_a_retry_after_a_restart_knows_what_went_well() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", 1)
    house.end_of("b")
    house.restart(after=100)
    house.retry("r1")
    house.restart()
    house.end_of("a")
    house.restart()
    house.end_of("c", 1)
    house.restart()
    house.retry("r4")
    house.end_all()
    assert house.names()[3:] == ["night", "a", "c", "night", "c", "d"]
    assert house.flow() == "completed"


def test_k06_what_went_well_is_not_repeated_for_nothing() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_all()
    effects = house.retry("r1")
    (refused,) = [effect for effect in effects if isinstance(effect, m.Quarantine)]
    assert "every task of night went well" in refused.reason


def test_k07_what_is_not_active_is_as_if_it_were_absent() -> None:
    tasks = phase("load", "a", Task("b", "b", active=False))
    house = Flows(orchestration("night", tasks, phase("build", "c")), job("a"), job("b"), job("c", enabled=False))
    house.drop("night")
    house.end_all()
    assert (house.names(), house.flow()) == (["night", "a"], "completed")


def test_k08_with_continue_on_failure_later_phases_run_and_the_flow_ends_with_a_warning() -> None:
    tasks = phase("load", "a", Task("b", "b", continue_on_failure=True))
    house = Flows(orchestration("night", tasks, phase("build", "c")), job("a"), job("b"), job("c"))
    house.drop("night")
    house.end_of("b", 1)
    house.end_all()
    assert house.names() == ["night", "a", "b", "c"]
    assert (house.flow(), house.states()["night"], house.rows["r1"].exit) == ("warning", "warning", Exit(0))


def test_k09_parameters_of_a_task_win_over_the_variables_of_the_trigger() -> None:
    task = Task("a", "a", parameters={"SINCE": "monday"})
    house = Flows(orchestration("night", phase("load", task, "b")), job("a"), job("b"))
    house.drop("night", environment={"SINCE": "ever", "WHO": "ada"})
    assert dict(house.last_of("a").trigger.environment) == {"SINCE": "monday", "WHO": "ada"}
    assert dict(house.last_of("b").trigger.environment) == {"SINCE": "ever", "WHO": "ada"}


NESTED = (
    orchestration("outer", phase("first", "inner", "x"), phase("second", "y")),
    orchestration("inner", phase("in", "a"), phase("out", "b")),
    *(job(name) for name in "abxy"),
)


def test_k12_an_orchestration_within_is_a_task_like_any_other() -> None:
    house = Flows(*NESTED)
    house.drop("outer")
    assert sorted(house.working()) == ["a", "x"]
    house.end_of("x")
    house.end_of("a")
    assert house.working() == ["b"]
    house.end_of("b")
    assert house.working() == ["y"]
    house.end_of("y")
    assert (house.flow(), set(house.states().values())) == ("completed", {"completed"})


def test_k12_the_retry_of_the_outer_goes_into_the_inner() -> None:
    house = Flows(*NESTED)
    house.drop("outer")
    house.end_of("x")
    house.end_of("a")
    house.end_of("b", 1)
    assert house.flow() == "failed"
    house.retry("r1")
    assert house.working() == ["b"]
    house.end_all()
    assert house.names()[-3:] == ["inner", "b", "y"]
    assert house.flow() == "completed"


def test_k12_k17_the_inner_waits_for_another_execution_of_it() -> None:
    house = Flows(*NESTED)
    house.drop("inner")
    house.drop("outer")
    assert sorted(house.working()) == ["a", "x"]
    assert house.of_job("inner") == ["running", "queued"]
    house.end_all()
    assert house.names().count("a") == 2
    assert set(house.states().values()) == {"completed"}


def test_k16_an_orchestration_never_overlaps_itself_and_later_triggers_wait() -> None:
    house = Flows(*NIGHT)
    for _ in range(3):
        house.drop("night")
    assert house.of_job("night") == ["running", "queued", "queued"]
    assert house.told("night")[1] == ("started", "it waits behind run r1")
    house.end_all()
    assert house.of_job("night") == ["completed"] * 3
    assert house.names().count("d") == 3


def test_k16_a_schedule_faster_than_its_runs_folds_into_one_waiting_run_and_each_slot_is_a_decision() -> None:
    night = orchestration("night", phase("load", "a"), schedule=("* * * * *",))
    house = Flows(night, job("a"))
    house.wait(5 * MINUTE)
    assert house.of_job("night") == ["running", "queued"]
    outcomes = [(one.outcome.value, one.schedule_time) for one in house.decisions() if one.job_name == "night"]
    slots = [NOON + minute * MINUTE for minute in range(1, 6)]
    assert [time for _, time in outcomes] == slots
    assert [outcome for outcome, _ in outcomes] == ["started", "started", "folded", "folded", "folded"]
    assert "was pending already" in house.told("night")[-1][1]
    house.end_all()
    assert house.of_job("night") == ["completed"] * 2


def test_k17_runs_of_one_job_never_overlap_however_they_are_started() -> None:
    x = job("x", after="head", schedule=("* * * * *",), retries=1, retry_delay=10.0)
    house = Flows(orchestration("night", phase("load", "x")), job("head"), x)
    house.drop("x")
    house.end_of("x", 1)  # a retry is to come
    house.drop("night")  # a task
    assert house.working() == ["x"]
    house.drop("head")
    house.end_of("head")  # a step
    house.drop("x")  # a trigger
    house.wait(2 * MINUTE)  # two slots, and the retry
    assert house.working() == ["x"]
    house.end_all()
    kinds = sorted(run.trigger.type for run in house.made() if run.job_name == "x" and run.start_time)
    assert kinds == ["chain", "file", "file", "orchestration", "retry"]
    order = [run.run_id for run in sorted(house.made(), key=lambda run: house.at.get(run.run_id, 0.0))]
    assert len(set(order)) == len(order)


def test_k17_but_with_concurrent_runs_they_do() -> None:
    house = Flows(orchestration("night", phase("load", "x")), job("x", concurrent_runs=True))
    house.drop("x")
    house.drop("night")
    assert house.working() == ["x", "x"]


def test_k18_tasks_wait_for_a_place_and_their_orchestration_takes_none() -> None:
    house = Flows(*NIGHT, max_running=1)
    house.drop("night")
    assert (house.working(), house.states()["b"]) == (["a"], "queued")
    house.end_all()
    assert house.flow() == "completed"


def test_tasks_of_one_group_follow_one_another() -> None:
    jobs = tuple(job(name, concurrency_groups=("db",)) for name in "abcd")
    house = Flows(NIGHT[0], *jobs, groups={"db": 1})
    house.drop("night")
    assert house.working() == ["a"]
    house.end_all()
    assert house.flow() == "completed"


def test_k20_k71_a_task_is_tried_again_within_its_phase() -> None:
    night = orchestration("night", phase("load", Task("a", "a", retries=1), "b"), phase("build", "c"))
    house = Flows(night, job("a", retry_delay=30.0), job("b"), job("c"))
    house.drop("night")
    house.end_of("a", 1)
    house.end_of("b")
    assert (house.running, house.states()["night"]) == ([], "running")
    house.restart()
    house.wait(30)
    house.end_all()
    assert (house.names(), house.flow()) == (["night", "a", "b", "a", "c"], "completed")


def test_k72_a_delay_puts_a_task_off() -> None:
    night = orchestration("night", phase("load", Task("a", "a", delay=300.0), "b"), phase("build", "c"))
    house = Flows(night, job("a"), job("b"), job("c"))
    house.drop("night")
    house.end_of("b")
    assert house.states()["a"] == "scheduled"
    house.restart()
    house.wait(300)
    house.end_all()
    assert house.at[house.last_of("a").run_id] == NOON + 300
    assert house.flow() == "completed"


def test_variables_of_the_flow_travel_from_phase_to_phase() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a", run_data={"workflow_variables": {"day": "monday"}})
    house.restart()
    house.end_of("b")
    assert dict(house.last_of("c").workflow_variables) == {"day": "monday"}


def test_an_orchestration_that_starts_a_chain_goes_on_when_its_task_ends_and_the_chain_goes_on_beside_it() -> None:
    house = Flows(*NIGHT[:-1], job("d", after="a"), job("e", after="night"))
    house.drop("night")
    house.end_of("a")
    assert sorted(house.working()) == ["b", "d"]
    house.end_of("d")
    house.end_all()
    assert house.names().count("d") == 2  # once as a step, once as a task
    assert house.names()[-1] == "e"


# --- cancelling and reloading -------------------------------------------------------------------------------------


def test_cancelling_a_flow_ends_what_waits_and_what_runs_and_begins_nothing() -> None:
    house = Flows(*NESTED, max_running=1)
    house.drop("outer")
    assert len(house.working()) == 1
    house.tell(m.CancelAsked(house.claim(), Selection(flow="r1"), "no more"))
    house.end(house.running[0], 143)
    assert set(house.states().values()) == {"cancelled"}
    assert (house.flow(), house.running, house.engine.runs) == ("cancelled", [], {})


def test_cancelling_the_run_of_an_orchestration_cancels_its_tasks() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a")
    house.cancel("r1")
    assert [effect.run.run_id for effect in house.effects if isinstance(effect, m.RequestCancel)] == ["r3"]
    house.restart()
    house.end_of("b", 143)
    assert house.states() == {"night": "cancelled", "a": "completed", "b": "cancelled"}
    assert house.flow() == "cancelled"


def test_cancelling_an_orchestration_that_waits_leaves_the_one_that_runs() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.drop("night")
    house.cancel(house.last_of("night").run_id)
    house.end_all()
    assert house.of_job("night") == ["completed", "cancelled"]
    assert house.names().count("a") == 1


def test_cancelling_a_flow_of_a_chain_ends_it() -> None:
    house = Flows(*CHAIN)
    house.drop("1")
    house.end_of("1")
    house.tell(m.CancelAsked(house.claim(), Selection(flow="r1"), "no more"))
    house.end_of("2", 143)
    assert (house.names(), house.flow()) == (["1", "2"], "cancelled")


def test_an_orchestration_that_is_removed_while_it_runs_ends_with_its_tasks() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.reload(*NIGHT[1:])
    house.end_all()
    assert house.states() == {"night": "cancelled", "a": "completed", "b": "completed"}
    assert not house.engine.runs


def test_a_reload_changes_the_phases_that_are_to_come() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.reload(orchestration("night", phase("load", "a", "b"), phase("other", "d")), *NIGHT[1:])
    house.end_all()
    assert house.names() == ["night", "a", "b", "d"]


def test_a_task_whose_job_is_disabled_while_it_waits_fails_its_phase() -> None:
    house = Flows(*NIGHT, max_running=1)
    house.drop("night")
    house.reload(NIGHT[0], job("a"), job("b", enabled=False), job("c"), job("d"))
    house.end_all()
    assert (house.states()["b"], house.flow()) == ("cancelled", "failed")


def test_a_task_that_cannot_even_be_started_fails_its_phase_and_its_siblings_are_made_once() -> None:
    jobs = (job("a", locks={"${ASSET}": LockMode.EXCLUSIVE}), job("b"), job("c"), job("d"))
    house = Flows(NIGHT[0], *jobs)
    house.drop("night")
    house.end_all()
    assert (house.names(), house.flow()) == (["night", "a", "b"], "failed")
    assert house.states() == {"night": "failed", "a": "failed", "b": "completed"}


def test_a_daemon_that_starts_with_another_configuration_goes_on_by_that() -> None:
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a")
    house.end_of("b")
    house.restart(orchestration("night", phase("load", "a", "b"), phase("tell", "d")), *NIGHT[1:])
    house.end_of("c")
    house.end_all()
    assert (house.names(), house.states()["night"]) == (["night", "a", "b", "c", "d"], "completed")
    house = Flows(*NIGHT)
    house.drop("night")
    house.end_of("a")
    house.restart(*NIGHT[1:])
    house.end_of("b")
    assert (house.states()["night"], house.engine.runs) == ("cancelled", {})
    house = Flows(*NIGHT)
    house.drop("night")
    house.restart(job("night"), *NIGHT[1:])
    house.end_all()
    assert (house.states()["night"], house.engine.runs) == ("cancelled", {})


# --- events -------------------------------------------------------------------------------------------------------


def test_k25_all_that_is_watched_must_have_been_updated_since_the_last_start() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x", "/y"))))
    house.update("/x")
    house.update("/x")
    assert house.running == []
    house.update("/y")
    assert house.working() == ["a"]
    assert house.last_of("a").trigger.type == "event"
    house.end_of("a")
    house.update("/y")
    assert house.running == []
    house.update("/x")
    assert house.working() == ["a"]


def test_k25_readiness_is_remembered_over_a_restart() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x", "/y"))))
    house.update("/x")
    house.restart(after=3600)
    house.update("/y")
    assert house.working() == ["a"]


def test_k26_what_becomes_ready_in_the_cool_down_fires_with_the_next_update_after_it() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x", "/y"), cool_down=600.0)))
    house.update("/x", "/y")
    house.end_of("a")
    house.wait(300)
    house.update("/x", "/y")
    house.wait(600)
    assert house.names() == ["a"]
    house.restart()
    house.update("/x")
    assert house.names() == ["a", "a"]


def test_k26_or_at_its_end_where_the_trigger_says_so() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x", "/y"), cool_down=600.0, at_end=True)))
    house.update("/x", "/y")
    house.end_of("a")
    house.wait(300)
    house.update("/x", "/y")
    house.restart()
    house.wait(299)
    assert house.names() == ["a"]
    house.wait(1)
    assert house.names() == ["a", "a"]


@pytest.mark.parametrize("lasts", [0.0, 25 * MINUTE])
def test_k27_with_updates_every_10_minutes_and_a_cool_down_of_50_runs_happen_every_50_to_60(lasts: float) -> None:
    night = orchestration("night", phase("load", "a"), event_trigger=EventTrigger(("/x", "/y"), cool_down=50 * MINUTE))
    house = Flows(night, job("a"))
    for minute in range(0, 24 * 60, 5):
        if minute % 10 == 0:
            house.update("/x" if minute % 20 else "/y")
        for run_id in [one for one in house.running if house.now.wall - house.at[one] >= lasts]:
            house.end(run_id)
        if minute % 35 == 0:
            house.restart()
        house.wait(5 * MINUTE)
    times = [house.at[run.run_id] for run in house.made() if run.job_name == "night"]
    gaps = {later - earlier for earlier, later in pairwise(times)}
    assert len(times) >= 23
    assert all(50 * MINUTE <= gap <= 60 * MINUTE for gap in gaps), gaps


def test_k30_a_reset_forgets_what_was_updated() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x", "/y"), cool_down=600.0)), job("b"))
    house.update("/x")
    house.reset("a")
    house.update("/y")
    assert house.names() == []
    assert any(isinstance(effect, m.Quarantine) for effect in house.reset("b"))


def test_a_start_by_other_means_has_seen_what_was_updated() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x", "/y"))))
    house.update("/x")
    house.drop("a")
    house.end_of("a")
    house.update("/y")
    assert house.names() == ["a"]


def test_an_event_while_a_run_is_pending_becomes_part_of_it() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("/x",))))
    house.drop("a")
    house.update("/x")
    house.update("/x")
    assert house.of_job("a") == ["running", "queued"]
    assert house.told("a")[-1][0] == "folded"
    house.end_all()
    assert house.of_job("a") == ["completed"] * 2


def test_the_success_of_a_job_is_an_event_and_its_failure_none() -> None:
    house = Flows(job("a"), job("b"), job("c", event_trigger=EventTrigger(("job:a", "job:b"))))
    house.drop("a")
    house.drop("b")
    house.end_of("a", 1)
    house.end_of("b")
    assert house.running == []
    house.drop("a")
    house.end_of("a")
    assert house.working() == ["c"]


def test_the_success_of_an_orchestration_is_an_event_too_even_with_a_warning() -> None:
    tasks = phase("load", Task("a", "a", continue_on_failure=True))
    house = Flows(orchestration("night", tasks), job("a"), job("c", event_trigger=EventTrigger(("job:night",))))
    house.drop("night")
    house.end_of("a", 1)
    assert (house.states()["night"], house.working()) == ("warning", ["c"])


def test_jobs_that_start_one_another_by_their_success_end_with_a_reason() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("job:b",))), job("b", event_trigger=EventTrigger(("job:a",))))
    house.drop("a")
    house.end_all(limit=300)
    assert len(house.names()) <= 102
    outcome, why = [one for name in "ab" for one in house.told(name)][-1]
    loops = [one for name in "ab" for one in house.told(name) if "which is a loop" in one[1]]
    assert [outcome for outcome, _ in loops] == ["skipped"], (outcome, why)
    assert any(isinstance(effect, m.Notice) and "loop" in effect.text for effect in house.effects)


def test_a_loop_through_a_chain_ends_too() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("job:b",))), job("b", after="a"))
    house.drop("a")
    house.end_all(limit=500)
    assert any("which is a loop" in why for _, why in house.told("a"))


def test_a_loop_through_an_orchestration_ends_too() -> None:
    night = orchestration("night", phase("load", "a"), event_trigger=EventTrigger(("job:a",)))
    house = Flows(night, job("a"))
    house.drop("night")
    house.end_all(limit=500)
    assert any("which is a loop" in why for _, why in house.told("night"))


def test_a_job_that_waits_for_its_own_success_ends_too() -> None:
    house = Flows(job("a", event_trigger=EventTrigger(("job:a",))))
    house.drop("a")
    house.end_all(limit=300)
    assert any("which is a loop" in why for _, why in house.told("a"))


def test_a_loop_through_retries_ends_too() -> None:
    """A run that is repeated keeps its depth."""
    house = Flows(job("a", event_trigger=EventTrigger(("job:a",)), retries=1, retry_delay=0.0))
    house.drop("a")
    for number in range(600):
        if not house.running:
            house.wait(1)
        if not house.running:
            break
        house.end(house.running[0], number % 2 == 0)
    assert any("which is a loop" in why for _, why in house.told("a"))


def test_a_loop_that_a_cool_down_slows_ends_too() -> None:
    trigger = EventTrigger(("job:a",), cool_down=60.0, at_end=True)
    house = Flows(job("a", event_trigger=trigger))
    house.drop("a")
    for _ in range(250):
        house.end_all()
        house.wait(MINUTE)
    assert len(house.names()) <= 102
    assert any("which is a loop" in why for _, why in house.told("a"))


def test_a_loop_through_an_event_and_a_callback_ends_with_the_callbacks() -> None:
    """What a callback started is known by its origin, which goes on to all that follows."""
    house = Flows(job("a"), job("b", after="a"), job("c", event_trigger=EventTrigger(("job:b",))))
    house.drop("a", origin={"callback_id": "one", "depth": 7})
    house.end_all()
    assert [run.trigger.origin.get("depth") for run in house.made()] == [7, 7, 7]
