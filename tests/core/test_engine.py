"""Stories of the engine: what happened, when, and what came of it."""

from __future__ import annotations

import signal

from dsari_like.core import messages as m
from dsari_like.core.choices import CatchUp, Merge, OnShutdown, Reason
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Claim, Run, Trigger
from dsari_like.core.selection import Selection
from tests.core.house import NOON, House, job

EVERY_MINUTE = ("* * * * *",)


class TestTriggers:
    def test_a_trigger_for_an_idle_job_starts_at_once(self) -> None:
        house = House(job())
        effects = house.drop()
        assert house.running == ["r1"]
        assert house.outcomes() == [("started", "r1")]
        kinds = [type(effect) for effect in effects]
        assert kinds[-1] is m.DropClaim and m.Start in kinds  # the daemon applies rows, claims, starts in that order

    def test_triggers_of_a_busy_job_run_one_after_the_other_none_is_lost(self) -> None:
        """B-16: dsari made two runs of three triggers."""
        house = House(job())
        for _ in range(3):
            house.drop()
        assert house.running == ["r1"]
        house.end("r1")
        house.end("r2")
        house.end("r3", 1)
        assert [house.state(run) for run in ("r1", "r2", "r3")] == ["completed", "completed", "failed"]

    def test_a_concurrent_job_runs_them_all_at_once(self) -> None:
        house = House(job(concurrent_runs=True))
        for _ in range(3):
            house.drop()
        assert house.running == ["r1", "r2", "r3"]

    def test_merge_fold_makes_one_run_of_what_is_pending(self) -> None:
        house = House(job(merge=Merge.FOLD))
        for _ in range(4):
            house.drop()
        assert house.outcomes() == [("started", "r1"), ("started", "r2"), ("folded", "r2"), ("folded", "r2")]
        assert house.rows["r2"].folded == [{"n": "t3"}, {"n": "t4"}]

    def test_merge_replace_keeps_the_newest_and_records_the_other(self) -> None:
        house = House(job(merge=Merge.REPLACE))
        for _ in range(3):
            house.drop()
        assert house.state("r2") == "cancelled"
        assert house.rows["r2"].reason is Reason.BEFORE_START
        house.end("r1")
        assert house.running == ["r3"]

    def test_merge_drop_refuses_the_new_one_and_says_so(self) -> None:
        house = House(job(merge=Merge.DROP))
        for number in range(3):
            house.drop(id=f"i{number}")
        assert house.outcomes() == [("started", "r1"), ("started", "r2"), ("dropped", None)]
        assert [receipt.state for receipt in house.of(m.WriteReceipt) if receipt.id == "i2"] == ["dropped"]
        assert len(house.of(m.DropClaim)) == 3

    def test_a_future_trigger_waits_for_its_time_and_the_schedule_goes_on(self) -> None:
        """B-22: in dsari a trigger for next week suspended the schedule until then."""
        house = House(job(schedule=("@every 1h",)))
        house.drop(schedule_time=NOON + 5 * 3600)
        assert house.state("r1") == "scheduled"
        house.wait(3 * 3600)
        assert [run for run in house.running if run != "r1"] == ["r2"]
        for _ in range(3):
            house.end(house.running[0])
            house.wait(3600)
        assert house.rows["r1"].start_time is not None and house.rows["r1"].start_time >= NOON + 5 * 3600

    def test_a_trigger_takes_the_place_of_the_pending_scheduled_run(self) -> None:
        """D-40."""
        house = House(job(schedule=EVERY_MINUTE))
        house.wait(60)
        house.wait(60)
        assert (house.running, house.state("r2")) == (["r1"], "queued")
        house.drop()
        assert house.state("r2") == "cancelled"
        house.end("r1")
        assert house.running == ["r3"]
        house.end("r3")
        house.wait(60)
        assert house.running == ["r4"]

    def test_a_second_trigger_with_the_same_id_starts_nothing(self) -> None:
        house = House(job(concurrent_runs=True))
        house.drop(id="push-1")
        house.drop(id="push-1")
        assert house.running == ["r1"]
        house.end("r1")
        house.drop(id="push-1", known=m.WriteReceipt("push-1", "completed", "a", NOON, "r1", exit_code=0))
        assert house.running == []
        assert [outcome for outcome, _ in house.outcomes()] == ["started", "dropped", "dropped"]

    def test_who_asks_again_is_answered_again(self) -> None:
        """The receipt may have been removed since."""
        house = House(job())
        house.drop(id="x")
        answers = [effect for effect in house.drop(id="x") if isinstance(effect, m.WriteReceipt)]
        assert [(one.id, one.state, one.run_id) for one in answers] == [("x", "running", "r1")]
        house.end("r1", 3)
        last = house.of(m.WriteReceipt)[-1]
        assert last in house.drop(id="x", known=last)

    def test_who_asks_again_for_a_folded_trigger_is_told_of_its_run(self) -> None:
        house = House(job(merge=Merge.FOLD))
        house.drop()
        house.drop(id="first")
        house.drop(id="second")
        answers = [effect for effect in house.drop(id="second") if isinstance(effect, m.WriteReceipt)]
        assert [(one.id, one.state, one.run_id) for one in answers] == [("second", "folded", "r2")]

    def test_the_end_of_a_run_is_not_followed_by_what_the_run_log_said_before(self) -> None:
        house = House(job())
        house.drop(id="x")
        before = house.of(m.WriteReceipt)[-1]
        house.end("r1")
        assert not any(isinstance(effect, m.WriteReceipt) for effect in house.drop(id="x", known=before))

    def test_the_receipt_follows_the_run(self) -> None:
        house = House(job())
        house.drop(id="x")
        house.end("r1", 3)
        assert [(one.state, one.exit_code) for one in house.of(m.WriteReceipt)] == [
            ("queued", None),
            ("running", None),
            ("failed", 3),
        ]

    def test_a_refused_file_is_a_decision_a_receipt_and_a_file_in_corrupt(self) -> None:
        house = House(job())
        claim = Claim("t9", "a", "x.json", "/claimed/t9", 1, NOON)
        house.tell(m.TriggerRefused(claim, "line 1: no", "x"))
        assert house.outcomes() == [("refused", None)]
        assert [one.reason for one in house.of(m.Quarantine)] == ["line 1: no"]
        assert [one.state for one in house.of(m.WriteReceipt)] == ["refused"]

    def test_a_refused_trigger_leaves_the_receipt_of_the_run_that_its_id_belongs_to(self) -> None:
        house = House(job())
        house.drop(id="x")
        effects = house.tell(m.TriggerRefused(house.claim("a"), "no such variable", "x"))
        assert not [effect for effect in effects if isinstance(effect, m.WriteReceipt)]

    def test_what_was_recorded_before_a_crash_only_loses_its_file(self) -> None:
        house = House(job())
        effects = house.tell(m.AlreadyRecorded(Claim("t9", "a", "x.json", "/claimed/t9", 2, NOON)))
        assert [type(effect) for effect in effects] == [m.DropClaim]


class TestSlots:
    def test_each_slot_is_decided_exactly_once(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        for _ in range(5):
            house.wait(60)
            house.end(house.running[0])
        assert [one.schedule_time for one in house.decisions()] == [NOON + 60 * n for n in range(1, 6)]

    def test_slots_of_an_overrunning_job_fold_into_the_one_that_is_pending(self) -> None:
        """SCH-195: no overlap, at most one pending run, each skipped fire recorded."""
        house = House(job(schedule=("0 * * * *",)))
        house.wait(3600)
        house.wait(3 * 3600)
        assert house.running == ["r1"]
        assert house.outcomes() == [("started", "r1"), ("started", "r2"), ("folded", "r2"), ("folded", "r2")]

    def test_a_slot_during_a_pending_trigger_folds_into_it(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        house.drop()
        house.drop()
        house.wait(60)
        assert house.outcomes()[-1] == ("folded", "r2")

    def test_the_next_slot_is_counted_from_the_slot_and_not_from_the_late_start(self) -> None:
        house = House(job(schedule=("@every 10s",), concurrent_runs=True))
        first = house.engine.next_slot("a") or 0
        house.jump(first - NOON + 9.5)
        assert house.engine.next_slot("a") == first + 10

    def test_a_clock_stepped_back_never_fires_a_slot_twice(self) -> None:
        """SCH-197."""
        house = House(job(schedule=("0 13 * * *",)))
        house.wait(3600)
        house.end("r1")
        house.jump(-1800)
        house.wait(2 * 3600)
        assert len(house.decisions()) == 1

    def test_missed_slots_are_recorded_and_skipped(self) -> None:
        """SCH-193, catch_up: skip."""
        house = House(job(schedule=("0 11 * * *",)), last={"a": NOON - 86400})
        house.wait(1)
        assert house.outcomes() == [("missed", None)]
        assert "catch_up: skip" in house.decisions()[0].reason

    def test_catch_up_last_starts_one_run_marked_late(self) -> None:
        house = House(job(schedule=("0 * * * *",), catch_up=CatchUp.LAST), last={"a": NOON - 3 * 3600}, at=NOON + 600)
        house.wait(1)
        assert house.outcomes() == [("missed", None), ("missed", None), ("started", "r1")]
        assert "600.0 s late" in house.decisions()[-1].reason

    def test_catch_up_all_queues_each_within_the_limit(self) -> None:
        hourly = job(schedule=("0 * * * *",), catch_up=CatchUp.ALL, catch_up_limit=2 * 3600 + 700)
        house = House(hourly, last={"a": NOON - 5 * 3600}, at=NOON + 600)
        house.wait(1)
        assert [outcome for outcome, _ in house.outcomes()] == ["missed"] * 2 + ["started"] * 3
        assert house.running == ["r1"]

    def test_a_suspended_machine_does_not_fire_every_slot_it_slept_through(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        house.jump(3600)
        assert house.running == ["r1"]
        assert [outcome for outcome, _ in house.outcomes()] == ["missed"] * 58 + ["started"] * 2

    def test_a_last_slot_from_a_wrong_clock_does_not_silence_the_job(self) -> None:
        house = House(job(schedule=EVERY_MINUTE), last={"a": NOON + 10 * 365 * 86400})
        house.wait(60)
        assert house.running == ["r1"]

    def test_reboot_fires_once_at_the_start_and_not_at_a_reload(self) -> None:
        house = House(job(schedule=("@reboot",)))
        assert house.running == ["r1"]
        house.end("r1")
        house.configure(job(schedule=("@reboot",)), reload=True)
        assert house.running == []


class TestAdmission:
    def test_a_group_with_one_slot_runs_one_and_the_next_starts_on_release(self) -> None:
        """B-36: dsari left a free place unused for up to a minute."""
        house = House(job("a", concurrency_groups=("db",)), job("b", concurrency_groups=("db",)))
        house.drop("a")
        house.drop("b")
        why = house.engine.why("r2")
        assert why is not None and (why.kind, why.names, why.holders) == ("group", ("db",), ("r1",))
        house.end("r1")
        assert house.running == ["r2"]

    def test_any_one_of_several_groups_will_do(self) -> None:
        house = House(job(concurrent_runs=True, concurrency_groups=("x", "y")), groups={"y": 2})
        for _ in range(4):
            house.drop()
        assert house.running == ["r1", "r2", "r3"]
        assert [house.rows[run].concurrency_group for run in house.running] == ["x", "y", "y"]
        house.end("r2")
        assert house.rows["r4"].concurrency_group == "y"

    def test_max_running_bounds_all_jobs_and_priority_goes_first(self) -> None:
        house = House(job("a"), job("b"), job("c", priority=5), max_running=1)
        for name in "abc":
            house.drop(name)
        house.end("r1")
        assert house.running == ["r3"]
        house.end("r3")
        assert house.running == ["r2"]

    def test_a_group_of_size_zero_holds_everything_and_says_why(self) -> None:
        house = House(job(concurrency_groups=("off",)), groups={"off": 0})
        house.drop()
        assert house.running == []
        why = house.engine.why("r1")
        assert why is not None and why.names == ("off",)
        house.configure(job(concurrency_groups=("off",)), reload=True, groups={"off": 1})
        assert house.running == ["r1"]


class TestLimits:
    def test_term_at_the_limit_and_kill_after_the_grace(self) -> None:
        house = House(job(max_execution=10.0, max_execution_grace=5.0))
        house.drop()
        house.tell(m.Started("r1", None))
        house.wait(10)
        assert [one.number for one in house.of(m.Signal)] == [signal.SIGTERM]
        house.wait(5)
        assert [one.number for one in house.of(m.Signal)] == [signal.SIGTERM, signal.SIGKILL]
        house.end("r1", 137, 9)
        assert (house.state("r1"), house.rows["r1"].reason) == ("failed", Reason.MAX_EXECUTION)

    def test_a_limit_does_not_hear_the_wall_clock(self) -> None:
        """B-71."""
        house = House(job(max_execution=10.0))
        house.drop()
        house.tell(m.Started("r1", None))
        house.jump(86400)
        assert house.of(m.Signal) == []

    def test_a_command_that_cannot_be_started_is_told_apart_from_one_that_exits_with_127(self) -> None:
        """B-38."""
        house = House(job("a"), job("b"))
        house.drop("a")
        house.drop("b")
        house.tell(m.StartFailed("r1", 127, "not found"))
        house.end("r2", 127)
        assert (house.rows["r1"].reason, house.rows["r2"].reason) == (Reason.START_FAILED, Reason.EXIT)

    def test_a_cancelled_run_ends_when_its_process_is_dead(self) -> None:
        house = House(job(max_execution_grace=5.0))
        house.drop()
        house.drop()
        claim = Claim("t9", "", "c.json", "/claimed/t9", 1, NOON)
        house.tell(m.CancelAsked(claim, Selection("r2"), "wrong branch"))
        house.tell(m.CancelAsked(claim, Selection("r1"), "wrong branch"))
        assert (house.state("r2"), house.rows["r2"].reason) == ("cancelled", Reason.BEFORE_START)
        assert house.state("r1") == "running"
        house.end("r1", 143, 15)
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.WHILE_RUNNING)
        assert "wrong branch" in house.rows["r1"].message

    def test_a_request_about_a_run_that_has_ended_is_refused(self) -> None:
        house = House(job())
        house.tell(m.CancelAsked(Claim("t9", "", "c.json", "/c", 1, NOON), Selection("r7"), ""))
        assert "r7" in house.of(m.Quarantine)[0].reason
        assert house.decisions() == []


class TestRestart:
    def test_waiting_and_future_runs_go_on_where_they_were(self) -> None:
        first = House(job())
        for time in (None, None, NOON + 600):
            first.drop(schedule_time=time)
        second = House()
        second.configure(job(), restored=tuple(first.rows.values()))
        assert second.running == []
        second.running.append("r1")
        second.end("r1")
        assert second.running == ["r2"]
        second.end("r2")
        second.wait(600)
        assert second.running == ["r3"]

    def test_nothing_is_started_beside_a_run_that_an_earlier_daemon_left_running(self) -> None:
        """B-21."""
        first = House(job(schedule=("@reboot",)))
        second = House()
        second.configure(job(schedule=("@reboot",)), restored=tuple(first.rows.values()))
        assert second.running == []

    def test_a_run_whose_process_is_gone_is_lost_and_never_started_again(self) -> None:
        """B-20."""
        first = House(job())
        first.drop()
        second = House()
        second.configure(job(), restored=tuple(first.rows.values()))
        second.tell(m.ChildExited("r1", None, NOON))
        assert (second.state("r1"), second.rows["r1"].reason) == ("failed", Reason.LOST)
        moves = [(one.from_state, one.run.state.value) for one in second.of(m.SaveRun) if one.cause]
        assert moves == [("running", "timed_out"), ("timed_out", "failed")]
        assert second.of(m.Start) == []

    def test_waiting_runs_of_a_removed_job_are_cancelled_with_the_reason(self) -> None:
        house = House(job("a"), job("b"))
        house.drop("a")
        house.drop("a")
        house.configure(job("b"), reload=True)
        assert (house.state("r1"), house.state("r2")) == ("running", "cancelled")
        assert "removed" in house.rows["r2"].message
        house.end("r1")
        assert house.state("r1") == "completed"

    def test_an_unchanged_job_keeps_its_slot_over_a_reload(self) -> None:
        house = House(job(schedule=("@every 1h",)))
        before = house.engine.next_slot("a")
        house.jump(60)
        house.configure(job(schedule=("@every 1h",)), reload=True)
        assert house.engine.next_slot("a") == before

    def test_shutdown_kill_ends_what_runs_and_starts_nothing_more(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        house.drop()
        house.drop()
        house.tell(m.ShutdownAsked(OnShutdown.KILL, 3.0))
        house.wait(120)
        assert [one.number for one in house.of(m.Signal)] == [signal.SIGTERM, signal.SIGKILL]
        house.end("r1", 143, 15)
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.SHUTDOWN)
        assert (house.running, house.state("r2")) == ([], "queued")


def test_a_story_told_twice_has_the_same_effects() -> None:
    def story() -> list[m.Effect]:
        house = House(job("a", schedule=EVERY_MINUTE), job("b", concurrency_groups=("g",)), max_running=2)
        for name in "abab":
            house.drop(name)
        house.wait(300)
        house.end("r1")
        return house.effects

    assert story() == story()


def test_a_restored_run_keeps_what_its_trigger_set() -> None:
    run = Run("r9", "a", Trigger("file", environment={"X": "1"}), RunState.QUEUED, NOON, NOON, 4)
    house = House()
    house.configure(job(), restored=(run,))
    assert house.of(m.Start)[0].run.trigger.environment == {"X": "1"}
