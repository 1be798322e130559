"""The command behind a cancelled run (J-26): once, with a record of its own, where there is something to clean up."""

from __future__ import annotations

from dsari_like.core import messages as m
from dsari_like.core.model import Exit, Job
from dsari_like.core.reactions import CallEnded, CallState, SaveCall, StartCall
from tests.core.house import House


def job(**fields: object) -> Job:
    return Job("a", ("sleep", "9"), on_cancelled=("tidy", "up"), **fields)  # type: ignore[arg-type]


def calls(effects: list[m.Effect]) -> list[StartCall]:
    return [effect for effect in effects if isinstance(effect, StartCall)]


def test_j26_it_is_called_once_when_the_cancelled_run_is_dead() -> None:
    house = House(job())
    house.drop()
    house.began("r1")
    assert calls(house.cancel("r1")) == []
    house.end("r1", 143)
    (call,) = calls(house.effects)
    assert (call.call.argv, call.call.run_id, call.call.triggers.partition(" ")[0]) == (
        ("tidy", "up"),
        "r1",
        "killed-job-self",
    )
    house.tell(CallEnded(call.call.callback_id, Exit(0), "tidied", house.now.wall))
    saved = [effect.call for effect in house.effects if isinstance(effect, SaveCall)]
    assert saved[-1].state is CallState.COMPLETED and len(calls(house.effects)) == 1


def test_j26_there_is_nothing_to_clean_up_behind_a_run_that_never_started() -> None:
    house = House(job())
    house.drop()
    house.drop()
    house.cancel("r2")
    assert house.state("r2") == "cancelled" and calls(house.effects) == []


def test_j26_a_run_that_failed_by_itself_is_left_as_it_is() -> None:
    house = House(job())
    house.drop()
    house.end("r1", 1)
    assert calls(house.effects) == []
