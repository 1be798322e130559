"""A rule that breaks its word is our mistake, and must be a visible fault: never a loop, never other jobs' trouble."""

from __future__ import annotations

from dataclasses import dataclass

from dsari_like.core import messages as m
from dsari_like.core.model import Configuration
from dsari_like.core.rule import Lost, Slot
from tests.core.house import NOON, House, job, plans_of


@dataclass(frozen=True)
class Stuck:
    """Answers with the instant it was asked about, once the first slot has come."""

    text: str = "stuck"
    needs_anchor: bool = False
    is_reboot: bool = False

    def next_after(self, after: float) -> Slot | None:
        return Slot(max(after, NOON + 60))

    def describe(self) -> str:
        return "never moves on"

    def warnings(self) -> tuple[str, ...]:
        return ()

    def lost_between(self, after: float, until: float) -> tuple[Lost, ...]:
        return ()

    def intended(self, slot: Slot) -> tuple[str, ...]:
        return ()


def test_its_job_is_parked_with_a_decision_and_the_others_go_on() -> None:
    house = House()
    good = job("good", schedule=("* * * * *",))
    plans = {**plans_of({"good": good}), "bad": m.Planned((Stuck(),))}
    configuration = Configuration(jobs={"good": good, "bad": job("bad", schedule=("stuck",))})
    house.tell(m.Configured(configuration, plans, reload=True))
    for _ in range(3):
        house.wait(60)
        for run_id in list(house.running):
            house.end(run_id)
    parked = [one for one in house.decisions() if one.job_name == "bad" and "parked" in one.reason]
    assert len(parked) == 1 and parked[0].run_id is None
    assert [notice.level for notice in house.of(m.Notice)] == ["error"]
    assert len([one for one in house.decisions() if one.job_name == "good"]) == 3
