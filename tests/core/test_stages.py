"""Stages: ordered commands inside one run (J-18, J-29 to J-31)."""

from __future__ import annotations

from typing import Any

from dsari_like.core import environment
from dsari_like.core import messages as m
from dsari_like.core.choices import LockMode, OnInterrupt, OnShutdown, Reason
from dsari_like.core.clauses import Heartbeat, Stage
from dsari_like.core.model import Configuration, Exit, Job, Run
from tests.core.house import House, job

REPEAT, FAIL = OnInterrupt.REPEAT, OnInterrupt.FAIL


def staged(*stages: Stage, **fields: Any) -> Job:
    stages = stages or (Stage("fetch", ("get",)), Stage("build", ("make",), REPEAT), Stage("ship", ("put",)))
    return Job("a", (), stages=stages, **fields)


def started(one: Job | None = None, **settings: Any) -> House:
    house = House(one or staged(), **settings)
    house.drop()
    return house


def command(house: House) -> tuple[str, ...]:
    """What was started last."""
    start = house.of(m.Start)[-1]
    return environment.command_line(Configuration(jobs={}), start.job, start.run)


def told(house: House) -> dict[str, str]:
    """The environment of what was started last."""
    start = house.of(m.Start)[-1]
    return environment.build(Configuration(jobs={}), start.job, start.run, environment.Host("", "", ""), {})


def ended(house: House, code: int = 0, size: int | None = None, **exit_: Any) -> None:
    """The process of the stage ends; so much has been put out by then."""
    house.running.remove("r1")
    house.tell(m.ChildExited("r1", Exit(code, **exit_), house.now.wall, output_size=size))


def row(house: House) -> Run:
    return house.rows["r1"]


class TestOrder:
    def test_one_after_the_other_in_one_run(self) -> None:
        house = started()
        for stage, argv in (("fetch", ("get",)), ("build", ("make",)), ("ship", ("put",))):
            assert (house.state("r1"), row(house).stage, command(house)) == ("running", stage, argv)
            ended(house)
        assert (house.state("r1"), house.running) == ("completed", [])
        assert [start.run.run_id for start in house.of(m.Start)] == ["r1"] * 3

    def test_each_has_its_time_its_end_and_its_part_of_the_output(self) -> None:
        house = started()
        for code, size in ((0, 10), (0, 30), (4, 35)):
            house.wait(2)
            ended(house, code, size)
        seen = [(one.name, one.exit_code, one.output_start, one.output_end) for one in row(house).stages]
        assert seen == [("fetch", 0, 0, 10), ("build", 0, 10, 30), ("ship", 4, 30, 35)]
        assert all(one.stop_time is not None and one.stop_time - one.start_time == 2 for one in row(house).stages)

    def test_the_first_that_fails_ends_the_run(self) -> None:
        house = started()
        ended(house)
        ended(house, 3)
        run = row(house)
        assert (run.state.value, run.reason, run.stage, run.exit.code) == (  # type: ignore[union-attr]
            "failed",
            Reason.EXIT,
            "build",
            3,
        )
        causes = [one.cause for one in house.of(m.SaveRun) if one.cause]
        assert causes[-1] == "stage build: exit 3"

    def test_one_that_may_fail_does_not(self) -> None:
        house = started(staged(Stage("lint", ("l",), continue_on_failure=True), Stage("test", ("t",))))
        ended(house, 3)
        assert row(house).stage == "test"
        ended(house)
        assert (house.state("r1"), row(house).message) == ("completed", "failed and allowed to: lint")

    def test_a_run_whose_last_stage_may_fail_ends_well(self) -> None:
        house = started(staged(Stage("test", ("t",)), Stage("clean", ("c",), continue_on_failure=True)))
        ended(house)
        ended(house, 9)
        run = row(house)
        assert (run.state.value, run.exit.code, run.stages[-1].exit_code) == ("completed", 0, 9)  # type: ignore[union-attr]

    def test_a_command_that_is_not_there_is_a_stage_that_failed(self) -> None:
        house = started(staged(Stage("lint", ("l",), continue_on_failure=True), Stage("test", ("t",))))
        house.running.remove("r1")
        house.tell(m.StartFailed("r1", 127, "not found"))
        assert row(house).stage == "test"
        house.running.remove("r1")
        house.tell(m.StartFailed("r1", 127, "not found"))
        assert (house.state("r1"), row(house).reason) == ("failed", Reason.START_FAILED)

    def test_the_use_of_all_of_them_is_the_use_of_the_run(self) -> None:
        house = started()
        for rss in (3, 9, 5):
            ended(house, user_seconds=1.0, system_seconds=0.5, max_rss=rss)
        used = row(house).exit
        assert used is not None and (used.user_seconds, used.system_seconds, used.max_rss) == (3.0, 1.5, 9)

    def test_locks_and_places_are_held_from_the_first_to_the_last(self) -> None:
        one = staged(locks={"db": LockMode.EXCLUSIVE})
        house = House(one, job("b", locks={"db": LockMode.EXCLUSIVE}))
        house.drop("a")
        house.drop("b")
        for _ in range(2):
            ended(house)
            assert house.state("r2") == "waiting_for_lock"
        ended(house)
        assert house.running == ["r2"]


class TestEnvironment:
    def test_the_stage_and_a_key_that_is_the_same_when_it_is_repeated(self) -> None:
        """J-31."""
        house = started()
        assert (told(house)["STAGE"], told(house)["IDEMPOTENCY_KEY"]) == ("fetch", "r1:fetch")
        ended(house)
        assert told(house)["IDEMPOTENCY_KEY"] == "r1:build"
        house.restart(staged())
        house.running.remove("r1")
        house.tell(m.ChildExited("r1", None, house.now.wall))
        again = told(house)
        assert (again["IDEMPOTENCY_KEY"], again["RESUME"], again["RESUME_REASON"]) == ("r1:build", "1", "lost")
        ended(house)
        assert "RESUME" not in told(house)


class TestInterrupted:
    def test_it_goes_on_with_the_stage_that_was_cut_off(self) -> None:
        """J-18: timed out first, then the same stage again, as a process of its own."""
        house = started()
        ended(house)
        house.restart(staged())
        house.running.remove("r1")
        house.tell(m.ChildExited("r1", None, house.now.wall))
        moves = [(one.from_state, one.run.state.value) for one in house.of(m.SaveRun) if one.from_state and one.cause]
        assert moves[-2:] == [("running", "timed_out"), ("timed_out", "running")]
        assert (row(house).stage, row(house).launch, command(house)) == ("build", 3, ("make",))
        assert [one.name for one in row(house).stages] == ["fetch", "build", "build"]

    def test_a_stage_that_must_not_be_repeated_fails_the_run(self) -> None:
        house = started()
        house.restart(staged())
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert (house.state("r1"), row(house).reason) == ("failed", Reason.LOST)

    def test_an_end_that_was_written_down_meanwhile_leads_on(self) -> None:
        house = started()
        house.restart(staged())
        ended(house)
        assert (row(house).stage, house.running) == ("build", ["r1"])

    def test_between_two_stages_the_next_daemon_begins_the_next(self) -> None:
        """The row said that it begins; then the daemon died. Nobody can say that it has not begun: it was cut off."""
        house = started()
        ended(house)
        house.running.remove("r1")
        house.restart(staged())
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert (row(house).stage, house.running) == ("build", ["r1"])

    def test_what_was_used_before_a_restart_is_not_forgotten(self) -> None:
        house = started()
        ended(house, user_seconds=2.0)
        house.restart(staged())
        ended(house)
        ended(house, user_seconds=1.0)
        assert row(house).exit.user_seconds == 3.0  # type: ignore[union-attr]


class TestStopping:
    def test_on_the_way_out_no_stage_begins_and_the_run_is_neither_completed_nor_lost(self) -> None:
        house = started()
        house.tell(m.ShutdownAsked(OnShutdown.WAIT))
        ended(house)
        assert (house.state("r1"), house.running, house.engine.active()) == ("running", [], [])
        assert row(house).put_off and row(house).stage == "build"
        house.restart(staged())
        assert (house.running, command(house)) == (["r1"], ("make",))
        assert "RESUME" not in told(house), "nothing of it had begun"
        ended(house)
        ended(house)
        assert house.state("r1") == "completed"

    def test_cancelled_between_two_stages_it_was_running(self) -> None:
        house = started()
        house.tell(m.ShutdownAsked(OnShutdown.WAIT))
        ended(house)
        house.cancel("r1")
        assert (house.state("r1"), row(house).reason) == ("cancelled", Reason.WHILE_RUNNING)

    def test_kill_ends_the_run_with_its_stage(self) -> None:
        house = started()
        house.tell(m.ShutdownAsked(OnShutdown.KILL, 1.0))
        ended(house, 143)
        assert (house.state("r1"), row(house).reason) == ("cancelled", Reason.SHUTDOWN)

    def test_cancel_ends_the_run_with_its_stage(self) -> None:
        house = started()
        house.cancel("r1")
        ended(house)
        assert (house.state("r1"), row(house).reason, row(house).stage) == ("cancelled", Reason.WHILE_RUNNING, "fetch")


class TestDeadlines:
    def test_a_stage_change_is_a_sign_of_life(self) -> None:
        """J-14."""
        house = started(staged(heartbeat=Heartbeat(10.0, 20.0)))
        house.began("r1")
        house.wait(9)
        ended(house)
        house.began("r1")
        house.wait(9)
        assert not house.of(m.LookForLife) and house.state("r1") == "running"

    def test_max_execution_is_for_all_stages_together_and_does_not_hear_the_wall_clock(self) -> None:
        """P11."""
        house = started(staged(max_execution=100.0))
        house.began("r1")
        house.wait(60)
        house.jump(86400)
        ended(house)
        house.began("r1")
        assert not house.of(m.Signal)
        house.wait(40)
        assert len(house.of(m.Signal)) == 1

    def test_a_stage_ends_what_was_timed_out(self) -> None:
        house = started(staged(heartbeat=Heartbeat(10.0, 99.0)))
        house.began("r1")
        house.wait(10)
        house.tell(m.LifeSeen("r1", None))
        assert house.state("r1") == "timed_out"
        ended(house)
        assert (house.state("r1"), row(house).stage) == ("running", "build")


def test_a_retry_begins_with_the_first_stage() -> None:
    house = started(staged(retries=1, retry_delay=1.0))
    ended(house)
    ended(house, 1)
    house.wait(1)
    assert (house.rows["r2"].stage, house.rows["r2"].launch, command(house)) == ("fetch", 1, ("get",))


class TestChanged:
    def test_a_job_whose_stages_were_changed_goes_on_as_it_began(self) -> None:
        house = started()
        house.configure(staged(Stage("other", ("o",))), reload=True)
        ended(house)
        assert command(house) == ("make",)

    def test_also_over_a_restart(self) -> None:
        house = started()
        house.restart(staged(Stage("other", ("o",))))
        ended(house)
        assert (row(house).stage, command(house)) == ("build", ("make",))

    def test_one_whose_job_was_removed_goes_on_as_it_began(self) -> None:
        house = started()
        house.configure(job("b"), reload=True)
        ended(house)
        assert command(house) == ("make",)

    def test_removed_while_no_daemon_ran_it_is_not_called_completed(self) -> None:
        house = started()
        house.restart(job("b"))
        ended(house)
        assert (house.state("r1"), row(house).reason) == ("failed", Reason.LOST)
        assert "other stages" in row(house).message
