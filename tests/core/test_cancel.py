"""Ends that somebody asks for: in every state, by every name, over restarts (J-23 to J-28)."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from dsari_like.core import messages as m
from dsari_like.core.choices import OnShutdown, Reason
from dsari_like.core.clauses import Stage
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Pause
from dsari_like.core.selection import Selection
from tests.core.house import House, job

TERM, KILL = signal.SIGTERM, signal.SIGKILL


def running(**fields: Any) -> House:
    house = House(job(**fields))
    house.drop()
    house.began("r1")
    return house


def signals(house: House) -> list[int]:
    return [one.number for one in house.of(m.Signal)]


def refusal(house: House) -> str:
    return str(house.of(m.Quarantine)[-1].reason)


class TestBeforeStart:
    def test_queued(self) -> None:
        """J-24."""
        house = running()
        house.drop()
        house.cancel("r2")
        run = house.rows["r2"]
        assert (run.state.value, run.reason) == ("cancelled", Reason.BEFORE_START)
        assert run.message == "cancelled on request of ada: no more"
        house.end("r1")
        assert house.running == []

    def test_not_due_yet(self) -> None:
        house = House(job())
        house.drop(schedule_time=house.now.wall + 60)
        house.cancel("r1")
        house.wait(120)
        assert house.state("r1") == "cancelled" and house.running == []

    def test_while_its_job_is_paused(self) -> None:
        house = House(job())
        house.tell(m.PauseAsked(house.claim(), Pause("a", house.now.wall)))
        house.drop()
        house.cancel("r1")
        house.tell(m.UnpauseAsked(house.claim(), "a"))
        assert house.state("r1") == "cancelled" and house.running == []

    def test_a_retry_that_is_pending(self) -> None:
        house = running(retries=1)
        house.end("r1", 1)
        house.cancel("r2")
        house.wait(60)
        assert (house.rows["r2"].reason, house.running) == (Reason.BEFORE_START, [])


class TestWhileRunning:
    def test_a_file_and_term_then_kill(self) -> None:
        """J-25, without a cancel_grace."""
        house = running(max_execution_grace=5.0)
        house.cancel("r1")
        assert [one.text for one in house.of(m.RequestCancel)] == ["cancelled on request of ada: no more"]
        assert signals(house) == [TERM]
        house.wait(5)
        assert signals(house) == [TERM, KILL]
        assert house.state("r1") == "running", "until it is dead"
        house.end("r1", 137, 9)
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.WHILE_RUNNING)

    def test_with_a_cancel_grace_the_file_comes_first(self) -> None:
        house = running(cancel_grace=10.0, max_execution_grace=5.0)
        house.cancel("r1")
        house.wait(9)
        assert len(house.of(m.RequestCancel)) == 1 and signals(house) == []
        house.wait(1)
        assert signals(house) == [TERM]
        house.wait(5)
        assert signals(house) == [TERM, KILL]

    def test_one_that_ends_by_itself_upon_the_file_is_cancelled(self) -> None:
        house = running(cancel_grace=10.0)
        house.cancel("r1")
        house.end("r1")
        assert (house.state("r1"), house.rows["r1"].reason, signals(house)) == ("cancelled", Reason.WHILE_RUNNING, [])

    def test_asked_twice_it_is_told_once(self) -> None:
        house = running()
        house.cancel("r1")
        house.cancel("r1")
        assert signals(house) == [TERM] and len(house.of(m.RequestCancel)) == 1

    def test_a_limit_that_comes_meanwhile_changes_nothing(self) -> None:
        house = running(cancel_grace=60.0, max_execution=10.0)
        house.cancel("r1")
        house.wait(20)
        assert signals(house) == []
        house.end("r1", 1)
        assert house.rows["r1"].reason is Reason.WHILE_RUNNING

    def test_the_wall_clock_has_no_say_in_it(self) -> None:
        """P11."""
        house = running(cancel_grace=10.0)
        house.cancel("r1")
        house.jump(86400)
        assert signals(house) == []

    def test_one_whose_start_was_put_off(self) -> None:
        house = running()
        house.tell(m.StartPutOff("r1", "no memory"))
        house.cancel("r1")
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.BEFORE_START)

    def test_the_next_one_starts_when_it_is_dead(self) -> None:
        house = running()
        house.drop()
        house.cancel("r1")
        assert house.running == ["r1"]
        house.end("r1", 143, 15)
        assert house.running == ["r2"]


class TestRestart:
    def test_a_recorded_request_survives(self) -> None:
        """J-28: it is told again, and has its graces anew."""
        house = running(cancel_grace=10.0, max_execution_grace=5.0)
        house.cancel("r1")
        house.restart(job(cancel_grace=10.0, max_execution_grace=5.0))
        house.began("r1")
        assert signals(house) == []
        house.wait(10)
        assert signals(house) == [TERM]
        house.wait(5)
        assert signals(house) == [TERM, KILL]
        house.end("r1", 137, 9)
        assert house.state("r1") == "cancelled"

    def test_one_that_is_gone_by_then_was_cancelled_and_not_lost(self) -> None:
        house = running()
        house.cancel("r1")
        house.restart(job())
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.WHILE_RUNNING)

    def test_the_reason_is_kept(self) -> None:
        house = running()
        house.cancel("r1")
        house.restart(job())
        house.began("r1")
        house.end("r1", 143, 15)
        assert house.rows["r1"].message == "cancelled on request of ada: no more"

    def test_told_apart_from_the_daemons_own_wish(self) -> None:
        house = running()
        house.tell(m.ShutdownAsked(OnShutdown.KILL, 1.0))
        house.end("r1", 143, 15)
        assert house.rows["r1"].reason is Reason.SHUTDOWN

    def test_a_shutdown_does_not_wait_for_the_cancel_grace(self) -> None:
        house = running(cancel_grace=600.0)
        house.cancel("r1")
        house.tell(m.ShutdownAsked(OnShutdown.KILL, 1.0))
        assert signals(house) == [TERM]
        house.wait(1)
        assert signals(house) == [TERM, KILL]
        house.end("r1", 137, 9)
        assert house.rows["r1"].reason is Reason.WHILE_RUNNING


class TestMany:
    def house(self) -> House:
        house = House(job("a", concurrent_runs=True), job("b"), job("c", stages=(Stage("one", ("x",)),)))
        for name in "aabbc":
            house.drop(name)
            house.wait(10)
        return house

    def meant(self, **selected: Any) -> list[str]:
        house = self.house()
        selection = Selection(**selected)
        return [run.run_id for run in selection.among(house.engine.runs.values())]

    def test_by_job(self) -> None:
        """J-21, J-23."""
        assert self.meant(job="a") == ["r1", "r2"]

    def test_by_state(self) -> None:
        assert self.meant(status="queued") == ["r4"]
        assert self.meant(status="running", job="b") == ["r3"]

    def test_by_the_time_they_were_asked_for(self) -> None:
        start = House(job()).now.wall
        assert self.meant(since=start + 10, until=start + 30) == ["r2", "r3"]

    def test_by_flow(self) -> None:
        house = self.house()
        for run_id in ("r1", "r5"):
            house.engine.runs[run_id].flow_id = "f"
        house.tell(m.CancelAsked(house.claim(), Selection(flow="f"), ""))
        assert {one.run_id for one in house.of(m.Signal)} == {"r1", "r5"}

    def test_nothing_said_means_nobody(self) -> None:
        assert self.meant() == []

    def test_nobody_meant_is_refused_with_what_was_asked_for(self) -> None:
        house = self.house()
        house.cancel(job="a", status="queued")
        assert refusal(house) == (
            "there is no waiting or running run with job a, status queued: it has ended, or never was"
        )

    def test_waiting_and_running_ones_in_one_request(self) -> None:
        house = self.house()
        house.cancel(job="b")
        assert (house.state("r4"), house.state("r3")) == ("cancelled", "running")
        house.end("r3", 143, 15)
        assert house.state("r3") == "cancelled" and len(house.running) == 3


@pytest.mark.parametrize("state", [state for state in RunState if state.value in ("completed", "failed", "cancelled")])
def test_one_that_has_ended_is_not_cancelled(state: RunState) -> None:
    house = running()
    if state is RunState.CANCELLED:
        house.cancel("r1")
    house.end("r1", {RunState.COMPLETED: 0}.get(state, 1))
    assert house.state("r1") == state.value
    house.cancel("r1")
    assert "r1" in refusal(house) and "it has ended" in refusal(house)
