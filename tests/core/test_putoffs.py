"""A start that is put off has not happened: nobody calls such a run lost, or starts it twice (P14, P2)."""

from __future__ import annotations

from dsari_like.core import messages as m
from dsari_like.core.choices import OnShutdown, Reason
from dsari_like.core.model import Claim
from dsari_like.core.selection import Selection
from tests.core.house import House, job


def short(house: House, run_id: str = "r1") -> None:
    """The launcher could not start it."""
    house.running.remove(run_id)
    house.tell(m.StartPutOff(run_id, "Resource temporarily unavailable"))


def cancel(house: House, run_id: str) -> None:
    claim = Claim("t", "", "c.json", "/claimed/c", 1, house.now.wall)
    house.tell(m.CancelAsked(claim, Selection(run_id), "no more"))


def put_off_house() -> House:
    house = House(job())
    house.drop()
    short(house)
    return house


def test_it_is_recorded_before_it_is_tried_again_and_told_once() -> None:
    house = put_off_house()
    assert house.rows["r1"].put_off and "put off" in house.rows["r1"].message
    for _ in range(3):
        effects = house.tell(m.StartAgain("r1"))
        assert [type(effect) for effect in effects] == [m.SaveRun, m.Start]
        assert not house.rows["r1"].put_off
        short(house)
    notes = [save for save in house.of(m.SaveRun) if save.cause and "put off" in save.cause]
    assert len(notes) == 1
    house.tell(m.StartAgain("r1"))
    house.end("r1")
    assert (house.state("r1"), house.rows["r1"].message) == ("completed", "")


def test_it_keeps_its_place_meanwhile() -> None:
    house = put_off_house()
    house.drop()
    assert house.running == []
    house.tell(m.StartAgain("r1"))
    assert house.running == ["r1"]


def test_the_next_daemon_starts_it_once() -> None:
    house = put_off_house()
    house.restart(job())
    assert house.running == ["r1"] and not house.rows["r1"].put_off
    house.end("r1")
    assert house.state("r1") == "completed"


def test_one_that_may_have_begun_is_not_started_again() -> None:
    """P2: the daemon died after it had recorded the new try."""
    house = put_off_house()
    house.tell(m.StartAgain("r1"))
    house.running.clear()
    house.restart(job())
    assert house.running == []
    house.tell(m.ChildExited("r1", None, house.now.wall))
    assert house.rows["r1"].reason is Reason.LOST


def test_a_daemon_that_stops_neither_waits_for_it_nor_begins_it() -> None:
    for how in (OnShutdown.WAIT, OnShutdown.KILL):
        house = put_off_house()
        house.tell(m.ShutdownAsked(how, 1.0))
        assert house.engine.active() == []
        house.tell(m.StartAgain("r1"))
        assert house.running == [] and house.rows["r1"].put_off and house.rows["r1"].ending is None


def test_it_can_be_cancelled_and_gives_its_place_away() -> None:
    house = put_off_house()
    house.drop()
    cancel(house, "r1")
    assert house.state("r1") == "cancelled" and house.rows["r1"].reason is Reason.BEFORE_START
    assert house.running == ["r2"]
    house.tell(m.StartAgain("r1"))
    assert house.running == ["r2"]


def test_without_its_job_it_never_begins() -> None:
    house = put_off_house()
    house.configure(job("other"), reload=True)
    assert house.state("r1") == "cancelled" and "removed from" in house.rows["r1"].message
    house = put_off_house()
    house.restart(job("other"))
    assert house.state("r1") == "cancelled" and house.running == []
