"""Events that are no change of a run's state: progress, a modified job, the daemon's own start and end (Q-18, Q-25)."""

from __future__ import annotations

import pytest

from dsari_like.core import messages as m
from dsari_like.core.choices import OnShutdown
from dsari_like.core.clauses import Progress
from dsari_like.core.expression import parse
from dsari_like.core.model import Job
from dsari_like.core.reactions import Callback, Language, SaveCall
from tests.core.house import House


def told(house: House) -> list[str]:
    """The callbacks that were called, by what made them true."""
    return [effect.call.event["text"] for effect in house.effects if isinstance(effect, SaveCall)][:1]


def job(triggers: str, **fields: object) -> Job:
    callback = Callback("0", "a", triggers, parse(triggers), Language.SHELL, "true")
    return Job("a", ("true",), callbacks=(callback,), **fields)  # type: ignore[arg-type]


def test_progress_is_an_event() -> None:
    house = House(job("progress-job-self"))
    house.drop()
    house.began("r1")
    house.tell(m.Progressed("r1", (Progress(40.0, "half way", house.now.wall),)))
    assert told(house) == ["progress-job-a"]


def test_q18_a_waiting_run_whose_job_is_another_now_was_modified() -> None:
    house = House(job("modified-job-self"))
    house.drop()
    house.drop()
    house.configure(job("modified-job-self", description="another"), reload=True)
    assert told(house) == ["modified-job-a"]


def test_q18_one_whose_job_is_the_same_was_not() -> None:
    house = House(job("modified-job-self"))
    house.drop()
    house.drop()
    house.configure(job("modified-job-self"), reload=True)
    assert told(house) == []


@pytest.mark.parametrize("how", [OnShutdown.LEAVE, OnShutdown.WAIT])
def test_the_end_of_the_daemon_is_an_event(how: OnShutdown) -> None:
    house = House(job("done-host-*-*"))
    house.tell(m.ShutdownAsked(how))
    assert len(told(house)) == 1
