"""Stories of rest: paused jobs, slots left out, and what a restart remembers of both."""

from __future__ import annotations

from dsari_like.core import messages as m
from dsari_like.core.choices import CatchUp
from dsari_like.core.model import ALL_JOBS, Claim, Pause, SkipNext
from tests.core.house import NOON, House, job

CLAIM = Claim("c1", "", "p.json", "/claimed/c1", 1, NOON)
EVERY_MINUTE = ("* * * * *",)


def pause(house: House, name: str = "a", until: float | None = None, reason: str = "") -> None:
    house.tell(m.PauseAsked(CLAIM, Pause(name, house.now.wall, until, reason), "p1"))


def unpause(house: House, name: str = "a") -> None:
    house.tell(m.UnpauseAsked(CLAIM, name))


def skip(house: House, name: str = "a") -> None:
    house.tell(m.SkipNextAsked(CLAIM, SkipNext(name, house.now.wall, "holiday")))


class TestPause:
    def test_slots_are_skipped_and_say_why_triggers_wait_and_go_on_afterwards(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        pause(house, reason="migration")
        house.wait(120)
        house.drop()
        assert house.running == []
        assert [(one.outcome.value, one.reason) for one in house.decisions()][:2] == [
            ("skipped", "the job is paused: migration")
        ] * 2
        why = house.engine.why("r1")
        assert why is not None and (why.kind, why.names) == ("pause", ("a",))
        unpause(house)
        assert house.running == ["r1"]
        house.end("r1")
        house.wait(60)
        assert house.running == ["r2"]

    def test_what_runs_goes_on_and_what_waits_behind_it_rests(self) -> None:
        house = House(job())
        house.drop()
        house.drop()
        pause(house)
        house.end("r1")
        assert (house.state("r1"), house.running) == ("completed", [])
        unpause(house)
        assert house.running == ["r2"]

    def test_a_pause_with_an_end_ends_by_itself(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        pause(house, until=NOON + 90)
        house.drop()
        assert house.engine.next_deadline(house.now) == 60
        house.wait(89)
        assert house.running == []
        house.wait(1)
        assert house.running == ["r1"]
        assert [effect.job_name for effect in house.of(m.DropRest)] == ["a"]

    def test_all_jobs_and_one_job_are_paused_apart(self) -> None:
        house = House(job("a"), job("b"))
        pause(house, ALL_JOBS)
        pause(house, "b")
        house.drop("a")
        house.drop("b")
        unpause(house, ALL_JOBS)
        assert house.running == ["r1"]
        unpause(house, "b")
        assert house.running == ["r1", "r2"]

    def test_the_end_of_a_pause_that_is_not_is_refused(self) -> None:
        house = House(job())
        unpause(house)
        assert "not paused" in house.of(m.Quarantine)[0].reason

    def test_it_holds_over_a_restart_and_a_reload(self) -> None:
        first = House(job(schedule=EVERY_MINUTE))
        pause(first)
        first.drop()
        (saved,) = first.of(m.SaveRest)
        second = House()
        second.configure(job(schedule=EVERY_MINUTE), restored=tuple(first.rows.values()), rests=(saved.rest,))
        second.configure(job(schedule=EVERY_MINUTE), reload=True)
        second.wait(60)
        assert second.running == []
        assert second.outcomes() == [("skipped", None)]
        unpause(second)
        assert second.running == ["r1"]

    def test_slots_missed_during_a_pause_are_not_caught_up(self) -> None:
        rest = Pause("a", NOON - 7200, NOON - 1800, "")
        house = House(last={"a": NOON - 3 * 3600}, at=NOON + 600)
        house.configure(job(schedule=("0 * * * *",), catch_up=CatchUp.ALL), rests=(rest,))
        house.wait(1)
        assert [outcome for outcome, _ in house.outcomes()] == ["skipped", "skipped", "started"]

    def test_the_one_who_asked_is_answered(self) -> None:
        house = House(job())
        pause(house)
        assert [(one.id, one.state) for one in house.of(m.WriteReceipt)] == [("p1", "completed")]
        assert len(house.of(m.DropClaim)) == 1


class TestSkipNext:
    def test_one_slot_is_left_out_however_often_it_was_asked(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        skip(house)
        skip(house)
        house.wait(120)
        assert [outcome for outcome, _ in house.outcomes()] == ["skipped", "started"]
        assert "holiday" in house.decisions()[0].reason
        assert [effect.kind for effect in house.of(m.DropRest)] == [SkipNext]

    def test_a_wish_survives_a_restart(self) -> None:
        house = House()
        house.configure(job(schedule=EVERY_MINUTE), rests=(SkipNext("a", NOON),))
        house.wait(60)
        assert house.outcomes() == [("skipped", None)]

    def test_a_pause_does_not_use_up_the_wish(self) -> None:
        house = House(job(schedule=EVERY_MINUTE))
        skip(house)
        pause(house, until=NOON + 90)
        house.wait(180)
        assert [outcome for outcome, _ in house.outcomes()] == ["skipped", "skipped", "started"]
