"""Retries, by themselves and by request: always a new run linked to the old (J-20 to J-22, Q-87, Q-88)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dsari_like.core import definitions
from dsari_like.core import messages as m
from dsari_like.core.choices import OnShutdown, Reason
from dsari_like.core.model import Job
from dsari_like.core.retrying import LONGEST_DELAY, delay
from tests.core.house import House, job


def trying(retries: int = 2, retry_delay: float = 60.0, **fields: Any) -> Job:
    return job(retries=retries, retry_delay=retry_delay, **fields)


def failed(one: Job | None = None, code: int = 1, **trigger: Any) -> House:
    house = House(one or trying())
    house.drop(**trigger)
    house.end("r1", code)
    return house


def refusal(house: House) -> str:
    return str(house.of(m.Quarantine)[-1].reason)


class TestByThemselves:
    def test_a_failed_run_is_followed_by_another_after_the_delay(self) -> None:
        house = failed(environment={"X": "1"}, description="for me")
        again = house.rows["r2"]
        assert (again.state.value, again.retry_of, again.attempt) == ("scheduled", "r1", 2)
        assert again.trigger.environment == {"X": "1"} and again.trigger.type == "retry"
        house.wait(59)
        assert house.running == []
        house.wait(1)
        assert house.running == ["r2"]

    def test_so_often_and_no_more(self) -> None:
        house = failed()
        for run_id in ("r2", "r3"):
            house.wait(60)
            house.end(run_id, 1)
        house.wait(86400)
        assert len(house.rows) == 3 and house.rows["r3"].attempt == 3

    def test_one_that_ends_well_is_the_last(self) -> None:
        house = failed()
        house.wait(60)
        house.end("r2")
        assert len(house.rows) == 2

    def test_the_delay_grows_by_the_factor(self) -> None:
        """Q-87."""
        one = trying(retry_delay=10.0, retry_backoff=3.0)
        assert [delay(one, attempt) for attempt in (1, 2, 3)] == [10.0, 30.0, 90.0]

    @pytest.mark.parametrize("attempt", [50, 5000])
    def test_it_does_not_grow_for_ever(self, attempt: int) -> None:
        assert delay(trying(retry_backoff=1000.0), attempt) == LONGEST_DELAY

    def test_after_these_exit_codes_only(self) -> None:
        one = trying(retry_exit_codes=(75, 99))
        assert "r2" in failed(one, 75).rows
        assert "r2" not in failed(one, 1).rows

    def test_not_after_it_was_cancelled(self) -> None:
        house = House(trying())
        house.drop()
        house.cancel("r1")
        house.end("r1", 143, 15)
        assert house.state("r1") == "cancelled" and "r2" not in house.rows

    def test_not_for_a_job_that_was_removed_or_switched_off_meanwhile(self) -> None:
        for left in ((), (replace(trying(), enabled=False),)):
            house = House(trying())
            house.drop()
            house.configure(*left, reload=True)
            house.end("r1", 1)
            assert house.state("r1") == "failed" and "r2" not in house.rows

    def test_a_pending_one_of_a_job_that_was_removed_ends(self) -> None:
        house = failed()
        house.configure(job("b"), reload=True)
        assert house.state("r2") == "cancelled"
        house.wait(60)
        assert house.running == []

    def test_one_that_could_not_be_started_is_tried_again_too(self) -> None:
        house = House(trying())
        house.drop()
        house.tell(m.StartFailed("r1", 127, "not found"))
        assert house.state("r2") == "scheduled"

    def test_a_decision_tells_of_it(self) -> None:
        house = failed()
        assert house.outcomes()[-1] == ("started", "r2")
        assert house.decisions()[-1].reason == "attempt 2 of 3, after run r1 failed; it starts in 60 s"

    def test_the_receipt_of_the_id_follows_the_attempts(self) -> None:
        """The last word of a turn counts: who waits for it is not told of a failure that is not the end."""
        house = failed(id="x")
        assert [(one.state, one.run_id) for one in house.of(m.WriteReceipt)][-2:] == [
            ("failed", "r1"),
            ("scheduled", "r2"),
        ]
        house.drop(id="x")
        assert house.outcomes()[-1] == ("dropped", "r2"), "the id belongs to the attempt that is under way"
        house.wait(60)
        house.end("r2")
        assert (house.of(m.WriteReceipt)[-1].state, house.of(m.WriteReceipt)[-1].run_id) == ("completed", "r2")

    def test_what_was_folded_into_it_goes_along(self) -> None:
        house = failed()
        house.rows["r1"].folded.append({"n": 1})
        house.retry("r1")
        assert refusal(house).endswith("run r2 repeats it already")
        house.wait(60)
        house.end("r2")
        house.retry("r1")
        assert house.rows["r3"].folded == [{"n": 1}]

    def test_it_takes_the_place_of_a_pending_slot_and_stands_behind_what_runs(self) -> None:
        house = failed(trying(schedule=("@every 50s",)))
        house.wait(50)
        assert house.running == ["r3"]
        house.wait(10)
        assert house.state("r2") == "queued"
        house.end("r3")
        assert house.running == ["r2"]


class TestRestart:
    def test_a_pending_one_keeps_its_time(self) -> None:
        house = failed()
        house.wait(20)
        house.restart(trying(), after=20)
        assert house.running == []
        house.wait(20)
        assert house.running == ["r2"]

    def test_one_whose_time_has_come_meanwhile_starts_at_once(self) -> None:
        house = failed()
        house.restart(trying(), after=3600)
        assert house.running == ["r2"]

    def test_one_that_is_lost_is_tried_again(self) -> None:
        house = House(trying())
        house.drop()
        house.restart(trying())
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert (house.rows["r1"].reason, house.state("r2")) == (Reason.LOST, "scheduled")

    def test_on_the_way_out_it_is_recorded_and_left_to_the_next_daemon(self) -> None:
        house = House(trying(retry_delay=0.0))
        house.drop()
        house.tell(m.ShutdownAsked(OnShutdown.WAIT))
        house.end("r1", 1)
        house.wait(10)
        assert (house.state("r2"), house.running) == ("scheduled", [])
        house.restart(trying(retry_delay=0.0))
        assert house.running == ["r2"]


class TestByRequest:
    def test_a_new_run_with_the_trigger_of_the_old_and_the_job_as_it_is_now(self) -> None:
        """J-20, J-22, Q-88."""
        house = failed(job(), environment={"X": "1"}, priority=4)
        house.configure(job(command_append_run=True), reload=True)
        house.retry("r1", reason="the disk is back", by="ada", request_id="q")
        again = house.rows["r2"]
        assert (again.state.value, again.retry_of, again.attempt, again.priority) == ("running", "r1", 2, 4)
        assert again.trigger.environment == {"X": "1"}
        assert house.of(m.Start)[-1].job.command_append_run
        assert house.decisions()[-1].reason == "retry of run r1 on request of ada: the disk is back"
        receipt = house.of(m.WriteReceipt)[-1]
        assert (receipt.id, receipt.run_id) == ("q", "r2")

    def test_also_of_one_that_ended_well_or_was_cancelled(self) -> None:
        house = House(job())
        house.drop()
        house.end("r1")
        house.retry("r1")
        house.cancel("r2")
        house.end("r2", 143, 15)
        house.retry("r2")
        assert (house.running, house.rows["r3"].retry_of) == (["r3"], "r2")

    def test_history_is_never_written_anew(self) -> None:
        house = failed(job())
        before = house.rows["r1"]
        house.retry("r1")
        assert house.rows["r1"] is before

    def test_it_waits_like_any_other(self) -> None:
        house = failed(job())
        house.drop()
        house.retry("r1")
        assert house.state("r3") == "queued"
        assert "it waits behind run r2" in house.decisions()[-1].reason

    def test_many_at_once(self) -> None:
        """J-21: those that cannot be are left out."""
        house = House(job(concurrent_runs=True), job("b"))
        for _ in range(3):
            house.drop()
        house.drop("b")
        for run_id in ("r1", "r2", "r3", "r4"):
            house.end(run_id, 1)
        house.retry("r2")
        house.configure(job(concurrent_runs=True), reload=True)
        house.retry("r1", "r2", "r3", "r4")
        assert [house.rows[run].retry_of for run in house.running] == ["r2", "r1", "r3"]

    def test_as_it_was_recorded(self) -> None:
        """J-22: a retry that does not depend on what the job has become."""
        house = failed(job(command_append_run=True))
        house.configure(job(), reload=True)
        recorded = definitions.restore(job(), house.definitions[house.rows["r1"].definition])
        house.retry("r1", recorded={"r1": recorded})
        assert house.of(m.Start)[-1].job.command_append_run and house.rows["r2"].as_recorded

    def test_as_it_was_recorded_over_a_restart(self) -> None:
        house = failed(job(command_append_run=True, concurrent_runs=True, concurrency_groups=("g",)))
        present = job(concurrent_runs=True)
        house.configure(present, job("b", concurrency_groups=("g",)), reload=True)
        house.drop("b")
        recorded = definitions.restore(present, house.definitions[house.rows["r1"].definition])
        house.retry("r1", recorded={"r1": recorded})
        assert house.state("r3") == "queued"
        house.configure(present, job("b", concurrency_groups=("g",)), reload=True)
        assert house.state("r3") == "queued", "it is weighed as what it is, also at a reload"
        house.restart(present, job("b", concurrency_groups=("g",)))
        house.end("r2")
        assert house.of(m.Start)[-1].job.command_append_run

    def test_as_it_was_recorded_it_tries_again_as_often_as_it_did_then(self) -> None:
        house = failed(trying(retries=0, command_append_run=True))
        recorded = replace(definitions.restore(job(), house.definitions[house.rows["r1"].definition]), retries=5)
        house.retry("r1", recorded={"r1": recorded})
        house.end("r2", 1)
        assert house.rows["r3"].as_recorded
        house.wait(60)
        assert house.of(m.Start)[-1].job.command_append_run

    @pytest.mark.parametrize(
        ("left", "words"),
        [((), "no longer configured"), ((job(enabled=False),), "switched off (enabled: false)")],
    )
    def test_refused_for_want_of_its_job(self, left: tuple[Job, ...], words: str) -> None:
        house = failed(job())
        house.configure(*left, reload=True)
        house.retry("r1", request_id="q")
        assert words in refusal(house)
        assert house.of(m.WriteReceipt)[-1].state == "refused"

    def test_refused_while_it_has_not_ended_or_is_repeated_already(self) -> None:
        house = House(job())
        house.drop()
        house.retry("r1")
        assert "it has not ended yet: it is running" in refusal(house)
        house.end("r1", 1)
        house.retry("r1")
        house.retry("r1")
        assert "run r2 repeats it already" in refusal(house)

    def test_an_id_belongs_to_the_newest_run(self) -> None:
        house = failed(job(), id="x")
        house.retry("r1")
        house.drop(id="x")
        assert house.outcomes()[-1] == ("dropped", "r2")
