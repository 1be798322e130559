"""Two deadlines for a sign of life, resumption, and what a restart makes of both (J-12 to J-19)."""

from __future__ import annotations

from typing import Any

from dsari_like.core import environment
from dsari_like.core import messages as m
from dsari_like.core.choices import OnShutdown, Reason
from dsari_like.core.clauses import Heartbeat, Progress
from dsari_like.core.model import Configuration, Job
from tests.core.house import House, job

BEATS = Heartbeat(10.0, 30.0)
AGAIN = ("again",)


def beating(**fields: Any) -> Job:
    return job(heartbeat=BEATS, **fields)


def started(**fields: Any) -> House:
    house = House(beating(**fields))
    house.drop()
    house.began("r1")
    return house


def silent(house: House, seconds: float, sign: float | None = None) -> None:
    """Time passes, and whenever the run is looked at there is no newer sign of life than this."""
    end = house.now.wall + seconds
    while house.now.wall < end:
        nap = house.engine.next_deadline(house.now)
        step = end - house.now.wall if nap is None else min(nap, end - house.now.wall)
        house.now = m.Now(house.now.wall + step, house.now.mono + step)
        answer(house, house.tell(m.TimePassed()), sign)


def answer(house: House, effects: list[m.Effect], sign: float | None) -> None:
    for look in [effect for effect in effects if isinstance(effect, m.LookForLife)]:
        answer(house, house.tell(m.LifeSeen(look.run.run_id, sign)), sign)


def restarted(house: House, after: float = 0.0, sign: float | None = None, **fields: Any) -> None:
    """The next daemon finds the process alive."""
    house.restart(beating(**fields), after=after)
    answer(house, house.tell(m.Started("r1", house.rows["r1"].process)), sign)  # type: ignore[arg-type]
    answer(house, house.tell(m.TimePassed()), sign)


def states(house: House) -> list[tuple[str, str]]:
    saves = [one for one in house.of(m.SaveRun) if one.cause and one.from_state not in (None, one.run.state.value)]
    return [(one.from_state, one.run.state.value) for one in saves][-4:]


class TestDeadlines:
    def test_a_deadline_is_a_reason_to_look_and_no_verdict(self) -> None:
        house = started()
        silent(house, 10, sign=house.now.wall + 8)
        assert len(house.of(m.LookForLife)) == 1 and house.state("r1") == "running"
        silent(house, 7.9, sign=house.now.wall - 2)
        assert len(house.of(m.LookForLife)) == 1, "the next look is a deadline after that sign"

    def test_first_missed_it_is_timed_out_and_its_process_left_alone(self) -> None:
        """J-12, J-19."""
        house = started()
        silent(house, 10)
        assert house.state("r1") == "timed_out"
        assert house.of(m.Signal) == [] and len(house.of(m.Start)) == 1

    def test_second_missed_its_group_is_ended_and_it_fails(self) -> None:
        """J-12."""
        house = started()
        silent(house, 30)
        assert [signal.number for signal in house.of(m.Signal)] == [15]
        assert house.state("r1") == "timed_out", "until it is dead"
        house.end("r1", 143, 15)
        assert (house.state("r1"), house.rows["r1"].reason) == ("failed", Reason.DEADLINE)
        assert states(house)[-1] == ("timed_out", "failed")

    def test_a_late_sign_makes_it_running_again(self) -> None:
        house = started()
        silent(house, 12)
        silent(house, 5, sign=house.now.wall)
        assert house.state("r1") == "running"
        assert states(house)[-2:] == [("running", "timed_out"), ("timed_out", "running")]

    def test_late_progress_too(self) -> None:
        """J-14."""
        house = started()
        silent(house, 12)
        house.tell(m.Progressed("r1", (Progress(40.0, "half", house.now.wall),)))
        assert house.state("r1") == "running"

    def test_progress_moves_the_deadline_without_a_look(self) -> None:
        house = started()
        for _ in range(5):
            silent(house, 9)
            house.tell(m.Progressed("r1", (Progress(None, "still here", house.now.wall),)))
        assert house.of(m.LookForLife) == []

    def test_an_end_of_what_was_timed_out_is_an_end_like_any_other(self) -> None:
        for code, state in ((0, "completed"), (1, "failed")):
            house = started()
            silent(house, 12)
            house.end("r1", code)
            assert house.state("r1") == state

    def test_a_cancel_of_what_was_timed_out(self) -> None:
        house = started()
        silent(house, 12)
        house.cancel("r1")
        silent(house, 60)
        assert {signal.number for signal in house.of(m.Signal)} == {15, 9}
        house.end("r1", 137, 9)
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.WHILE_RUNNING)

    def test_without_a_heartbeat_nobody_looks(self) -> None:
        house = House(job())
        house.drop()
        house.began("r1")
        assert house.engine.next_deadline(house.now) is None

    def test_an_answer_about_a_run_that_has_ended_means_nothing(self) -> None:
        house = started()
        house.end("r1")
        assert house.tell(m.LifeSeen("r1", None)) == []
        assert house.engine.next_deadline(house.now) is None


class TestClocks:
    """P11: no step of the wall clock times anything out, or hides a silence."""

    def test_a_step_forward_times_out_nothing(self) -> None:
        house = started()
        house.jump(86400)
        assert house.of(m.LookForLife) == [] and house.state("r1") == "running"

    def test_a_sign_made_before_a_step_counts_by_the_time_since_the_last_look(self) -> None:
        house = started()
        silent(house, 9)
        house.jump(86400)
        silent(house, 1, sign=house.now.wall - 86400 - 1)
        assert house.state("r1") == "running", "its stamp is new, so it was made since the start, ten seconds ago"

    def test_a_sign_from_the_future_is_a_sign_of_now_and_counts_once(self) -> None:
        house = started()
        stamp = house.now.wall + 7200
        house.jump(-3600)
        silent(house, 10, sign=stamp)
        assert house.state("r1") == "running"
        silent(house, 10.5, sign=stamp)
        assert house.state("r1") == "timed_out"

    def test_a_step_back_gives_no_respite(self) -> None:
        house = started()
        house.jump(-86400)
        silent(house, 10)
        assert house.state("r1") == "timed_out"


class TestResume:
    def test_at_the_first_deadline_the_resume_command_is_started(self) -> None:
        """J-16: in the same run, which is running again."""
        house = started(resume_command=AGAIN)
        silent(house, 10)
        start = house.of(m.Start)[-1]
        line = environment.command_line(Configuration(jobs={}), start.job, start.run)
        told = environment.build(Configuration(jobs={}), start.job, start.run, environment.Host("", "", ""), {})
        assert (line, told["RESUME"], told["RESUME_REASON"], told["RUN_ID"]) == (AGAIN, "1", "deadline", "r1")
        assert (house.state("r1"), house.rows["r1"].launch) == ("running", 2)
        assert states(house)[-2:] == [("running", "timed_out"), ("timed_out", "running")]

    def test_the_new_process_has_both_deadlines_anew(self) -> None:
        house = started(resume_command=AGAIN)
        silent(house, 10)
        house.began("r1")
        silent(house, 9)
        assert house.rows["r1"].launch == 2
        silent(house, 1)
        assert house.rows["r1"].launch == 3

    def test_by_request(self) -> None:
        house = started()
        silent(house, 10)
        house.tell(m.ResumeAsked(house.claim(), "r1", "come on", "req"))
        assert "no resume_command" in house.of(m.Quarantine)[-1].reason
        house = started(resume_command=AGAIN)
        house.tell(m.ResumeAsked(house.claim(), "r1", "come on", "req"))
        assert "it is running, and only one that timed out" in house.of(m.Quarantine)[-1].reason
        house.tell(m.ResumeAsked(house.claim(), "r9"))
        assert "it has ended, or never was; use retry" in house.of(m.Quarantine)[-1].reason

    def test_by_request_of_one_that_was_not_resumed_by_itself(self) -> None:
        """On the way out nothing is begun by itself; a person may still insist when the next daemon is there."""
        house = started(resume_command=AGAIN)
        house.tell(m.ShutdownAsked(OnShutdown.WAIT))
        silent(house, 10)
        assert house.state("r1") == "timed_out" and len(house.of(m.Start)) == 1
        house.restart(beating(resume_command=AGAIN))
        house.tell(m.ResumeAsked(house.claim(), "r1", "", "req"))
        assert house.state("r1") == "running" and len(house.of(m.Start)) == 2
        assert house.of(m.WriteReceipt)[-1].state == "running"

    def test_a_resumption_that_cannot_be_started_fails_the_run(self) -> None:
        house = started(resume_command=AGAIN)
        silent(house, 10)
        house.tell(m.StartFailed("r1", 127, "not found"))
        assert (house.state("r1"), house.rows["r1"].reason) == ("failed", Reason.START_FAILED)


class TestRestart:
    def test_a_process_that_is_gone_is_timed_out_first_then_lost(self) -> None:
        """J-15, J-19."""
        house = started()
        house.restart(beating())
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert states(house)[-2:] == [("running", "timed_out"), ("timed_out", "failed")]
        assert house.rows["r1"].reason is Reason.LOST

    def test_or_resumed(self) -> None:
        """J-15, J-16."""
        house = started(resume_command=AGAIN)
        house.restart(beating(resume_command=AGAIN))
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert (house.state("r1"), house.rows["r1"].resume) == ("running", "lost")

    def test_or_tried_again(self) -> None:
        house = started(retries=1, retry_delay=5.0)
        house.restart(beating(retries=1, retry_delay=5.0))
        house.tell(m.ChildExited("r1", None, house.now.wall))
        assert (house.state("r1"), house.state("r2")) == ("failed", "scheduled")

    def test_one_that_was_timed_out_is_so_still(self) -> None:
        house = started()
        silent(house, 15)
        restarted(house)
        assert house.state("r1") == "timed_out"
        silent(house, 20)
        assert house.rows["r1"].ending is Reason.DEADLINE

    def test_how_long_it_was_silent_is_counted_over_the_restart(self) -> None:
        house = started()
        house.wait(5)
        restarted(house, after=4)
        silent(house, 1)
        assert house.state("r1") == "timed_out"

    def test_a_sign_that_is_old_stays_old(self) -> None:
        """Else a daemon that is restarted often would never notice a run that hangs."""
        house = started()
        sign = house.now.wall + 1
        restarted(house, after=8, sign=sign)
        silent(house, 3.5, sign=sign)
        assert house.state("r1") == "timed_out"

    def test_after_a_long_time_without_a_daemon_it_is_not_ended_at_the_first_look(self) -> None:
        """It has the time between the deadlines to give a sign, or somebody to look after it."""
        house = started()
        restarted(house, after=86400)
        assert house.state("r1") == "timed_out" and house.of(m.Signal) == []
        silent(house, 19)
        assert house.of(m.Signal) == []
        silent(house, 1)
        assert len(house.of(m.Signal)) == 1

    def test_progress_that_was_recorded_is_a_sign_of_its_time(self) -> None:
        house = started()
        house.wait(8)
        house.tell(m.Progressed("r1", (Progress(10.0, "", house.now.wall),)))
        restarted(house, after=9)
        assert house.state("r1") == "running"
        silent(house, 1)
        assert house.state("r1") == "timed_out"
