"""The storm breaker: a loop is held, visibly and without loss; a flood, a schedule and an array are no loop (promises,
section 6, number 3)."""

from __future__ import annotations

from dsari_like.core import messages as m
from dsari_like.core.model import ALL_JOBS, Claim, Pause, Storm
from dsari_like.core.storm import HELD
from tests.core.house import House, job

LIMIT = Storm(5, 600.0)


def loop(house: House, rounds: int, name: str = "a", apart: float = 0.01) -> None:
    """Each run drops the trigger of the next one, while it runs."""
    house.drop(name)
    for _ in range(rounds):
        if not house.running:
            return
        house.jump(apart, apart)
        house.drop(name)
        house.end(house.running[0])
        house.jump(apart, apart)


def is_held(house: House) -> bool:
    return any(isinstance(save.rest, Pause) and save.rest.reason.startswith(HELD) for save in house.of(m.SaveRest))


def unpause(house: House, name: str = "a") -> None:
    house.tell(m.UnpauseAsked(claim(house), name))


def claim(house: House) -> Claim:
    token = f"c{next(house.tokens)}"
    return Claim(token, "", f"{token}.json", f"/claimed/{token}", 1, house.now.wall)


def test_a_job_that_triggers_itself_is_held_and_nothing_is_lost() -> None:
    house = House(job(), job("b"), storm=LIMIT)
    loop(house, 20)
    assert is_held(house) and house.running == []
    started = [name for name, run in house.rows.items() if run.start_time is not None]
    assert len(started) == 6
    assert [run.state.value for run in house.rows.values() if not run.is_final] == ["queued"]
    (notice,) = house.of(m.Notice)
    assert notice.level == "error" and "dsari-like unpause 'a'" in notice.text
    assert [one.run_id for one in house.decisions() if HELD in one.reason] == [None]
    house.drop("b")
    assert len(house.running) == 1


def test_it_goes_on_when_it_is_let_go_and_is_held_again_if_the_storm_goes_on() -> None:
    house = House(job(), storm=LIMIT)
    loop(house, 20)
    unpause(house)
    assert len(house.running) == 1
    house.effects.clear()
    loop(house, 20)
    assert is_held(house)


def test_it_is_held_over_a_restart() -> None:
    house = House(job(), storm=LIMIT)
    loop(house, 20)
    (save,) = house.of(m.SaveRest)
    house.restart(job(), rests=(save.rest,), storm=LIMIT)
    assert house.running == []
    unpause(house)
    assert len(house.running) == 1


def test_a_flood_is_no_storm_whether_its_runs_follow_one_another_or_not() -> None:
    """P13: ten thousand drops at once are all recorded and run."""
    house = House(job(), job("wide", concurrent_runs=True), storm=LIMIT)
    for _ in range(4):  # what several turns take of it
        for _ in range(250):
            house.drop("a")
            house.drop("wide")
        house.jump(0.01, 0.01)
    while house.running:
        house.jump(0.01, 0.01)
        house.end(house.running[0])
    assert not is_held(house)
    assert {run.state.value for run in house.rows.values()} == {"completed"} and len(house.rows) == 2000


def test_a_schedule_is_none_up_to_the_limit_and_windows_begin_anew() -> None:
    house = House(job(schedule=("* * * * *",)), storm=Storm(11, 600.0))
    for _ in range(60):
        house.wait(60)
        house.end(house.running[0])
    assert not is_held(house)


def test_a_schedule_beyond_the_limit_is_held_and_its_slots_are_decided() -> None:
    house = House(job(schedule=("* * * * *",)), storm=LIMIT)
    for _ in range(12):
        house.wait(60)
        for run_id in list(house.running):
            house.end(run_id)
    outcomes = [one.outcome.value for one in house.decisions() if HELD not in one.reason or "paused" in one.reason]
    assert outcomes.count("started") == 6 and outcomes.count("skipped") == 6


def test_jobs_are_counted_each_by_itself_and_all_are_let_go_at_once() -> None:
    house = House(job(), job("b"), storm=LIMIT)
    for _ in range(4):
        for name in ("a", "b"):
            house.drop(name)
            house.jump(0.01, 0.01)
            house.end(house.running[0])
    assert not is_held(house)
    house.tell(m.PauseAsked(claim(house), Pause(ALL_JOBS, house.now.wall)))
    unpause(house, ALL_JOBS)
    loop(house, 4)
    assert not is_held(house)
