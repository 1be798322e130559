"""What is foretold is what the engine then does; and nothing is foretold that a limit forbids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core import messages as m
from dsari_like.core.blackout import Fixed, Window, Windows
from dsari_like.core.choices import CatchUp, LockMode
from dsari_like.core.clauses import Stage
from dsari_like.core.forecast import Forecast, Foreseen, forecast
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Configuration, Job, Pause, ProcessIdentity, Run, Trigger
from tests.core.house import NOON, House, job, plans_of

HOUR = 3600.0
EVERY_TEN = ("*/10 * * * *",)


def foretell(
    *jobs: Job,
    hours: float = 1.0,
    takes: Mapping[str, float] | float = 60.0,
    restored: tuple[Run, ...] = (),
    rests: tuple[Pause, ...] = (),
    windows: Mapping[str, Windows] | None = None,
    last: Mapping[str, float] | None = None,
    reload: bool = True,
    most: int = 10_000,
    **settings: Any,
) -> Forecast:
    named = {one.name: one for one in jobs}
    configuration = Configuration(jobs=named, **settings)
    told = m.Configured(configuration, plans_of(named, last, windows), restored, rests, reload)
    durations = takes if isinstance(takes, Mapping) else dict.fromkeys(named, takes)
    return forecast(told, NOON, NOON + hours * HOUR, lambda name: durations.get(name, 60.0), most)


def minutes(found: Forecast, name: str = "a") -> list[tuple[float, float | None, float | None]]:
    """Due, start and end of each run, in minutes from noon."""
    return [
        tuple(None if time is None else (time - NOON) / 60 for time in (one.due, one.start, one.end))  # type: ignore[misc]
        for one in found.runs
        if one.job_name == name
    ]


def test_each_run_starts_when_it_is_due_and_ends_when_it_usually_does() -> None:
    found = foretell(job(schedule=EVERY_TEN), takes=90.0, hours=0.5)
    assert minutes(found) == [(10, 10, 11.5), (20, 20, 21.5), (30, 30, 31.5)]
    assert not found.stopped and found.until == NOON + HOUR / 2 and found.decisions == ()
    assert [one.run_id for one in found.runs] == ["expected-1", "expected-2", "expected-3"]


def test_who_waits_for_whom_and_which_slots_are_folded() -> None:
    found = foretell(job(schedule=EVERY_TEN), takes=25 * 60.0)
    first, second, third = found.runs[:3]
    assert minutes(found)[:3] == [(10, 10, 35), (20, 35, 60), (40, 60, 85)]
    assert second.waits is not None and second.waits.kind == "job" and second.waits.holders == (first.run_id,)
    assert (second.after, second.waited) == (first.run_id, 15 * 60)
    assert [(one.outcome.value, one.schedule_time, one.run_id) for one in found.decisions] == [
        ("folded", NOON + 30 * 60, second.run_id),
        ("folded", NOON + 50 * 60, third.run_id),
    ]


def test_a_group_serves_the_more_important_first() -> None:
    low, high = (job(name, schedule=("10 12 * * *",), concurrency_groups=("db",), priority=rank)
                 for name, rank in (("low", 0), ("high", 5)))  # fmt: skip
    holder = job("holder", schedule=("5 12 * * *",), concurrency_groups=("db",))
    found = foretell(low, high, holder, takes=600.0, groups={"db": 1})
    assert minutes(found, "high") == [(10, 15, 25)] and minutes(found, "low") == [(10, 25, 35)]
    waiting = next(one for one in found.runs if one.job_name == "low")
    assert waiting.waits is not None and (waiting.waits.kind, waiting.waits.names) == ("group", ("db",))


def test_what_runs_and_waits_now_is_where_it_begins() -> None:
    running = Run("r1", "a", Trigger("file"), RunState.RUNNING, NOON - 60, NOON - 60, 1, start_time=NOON - 60)
    waiting = Run("r2", "a", Trigger("manual"), RunState.QUEUED, NOON - 30, NOON - 30, 2)
    later = Run("r3", "a", Trigger("manual"), RunState.SCHEDULED, NOON + 600, NOON - 30, 3)
    next_week = Run("r4", "a", Trigger("manual"), RunState.SCHEDULED, NOON + 7 * 86_400, NOON - 30, 4)
    found = foretell(job(), takes=300.0, restored=(running, waiting, later, next_week))
    assert minutes(found) == [(-1, -1, 4), (-0.5, 4, 9), (10, 10, 15)]
    assert found.runs[1].waits is not None and found.runs[1].waits.holders == ("r1",)


def test_a_run_that_takes_longer_than_ever_is_taken_to_end_now() -> None:
    running = Run("r1", "a", Trigger("file"), RunState.RUNNING, NOON - 900, NOON - 900, 1, start_time=NOON - 900)
    found = foretell(job(), takes=300.0, restored=(running,))
    assert minutes(found) == [(-15, -15, 0)]


def test_a_limit_ends_what_usually_takes_longer() -> None:
    found = foretell(job(schedule=("10 12 * * *",), max_execution=120.0), takes=300.0)
    assert minutes(found) == [(10, 10, 12)]
    assert found.runs[0].cause == "it ran longer than its max_execution of 120 s"


def test_blackouts_and_pauses_hold() -> None:
    windows = Windows([Fixed([Window(NOON + 900, NOON + 1500, "maintenance")])], UTC)
    found = foretell(job(schedule=EVERY_TEN), hours=0.5, windows={"a": windows})
    assert minutes(found) == [(10, 10, 11), (30, 30, 31)]
    assert [one.outcome.value for one in found.decisions] == ["skipped"]
    paused = foretell(job(schedule=EVERY_TEN), hours=0.5, rests=(Pause("a", NOON, NOON + 1500),))
    assert minutes(paused) == [(30, 30, 31)]
    assert [one.outcome.value for one in paused.decisions] == ["skipped", "skipped"]


def test_a_daemon_that_would_start_now_makes_up_what_it_missed_and_fires_what_waits_for_its_start() -> None:
    jobs = (job("a", schedule=("0 * * * *",), catch_up=CatchUp.LAST), job("boot", schedule=("@reboot",)))
    last = {"a": NOON - 3.5 * HOUR, "boot": NOON - 4 * HOUR}
    found = foretell(*jobs, last=last, hours=0.5, reload=False)
    assert sorted((one.job_name, one.start) for one in found.runs) == [("a", NOON), ("boot", NOON)]
    assert [one.outcome.value for one in found.decisions] == ["missed", "missed", "missed"]
    assert [one.job_name for one in foretell(*jobs, last=last, hours=0.5).runs] == ["a"]


def test_it_stops_where_there_is_too_much_of_it() -> None:
    found = foretell(job(schedule=("@every 1s",)), takes=0.5, most=50)
    assert found.stopped and len(found.runs) == 50 and found.until < NOON + 60
    nothing = foretell(job(schedule=("@every 1s",)), takes=0.5, most=50, max_running=0)
    assert nothing.stopped and len(nothing.runs) == 1


# --- the same as what then happens --------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "d")
SCHEDULES = st.sampled_from(("*/5 * * * *", "*/7 * * * *", "3,4,30 * * * *", "@every 150s", "0 13 * * *"))
SITES = st.lists(
    st.builds(
        lambda name, schedule, groups, concurrent, priority, limit: job(
            name,
            schedule=(schedule,),
            concurrency_groups=groups,
            concurrent_runs=concurrent,
            priority=priority,
            max_execution=limit,
        ),
        st.sampled_from(NAMES),
        SCHEDULES,
        st.sampled_from(((), ("one",), ("two",), ("one", "two"))),
        st.booleans(),
        st.integers(-1, 1),
        st.sampled_from((None, 300.0)),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.name,
)
DURATIONS = st.fixed_dictionaries({name: st.integers(1, 900).map(float) for name in NAMES})
LIMITS = st.sampled_from((None, 1, 2))
GROUPS = {"two": 2}


def lived(jobs: list[Job], takes: Mapping[str, float], limit: int | None, hours: float) -> House:
    """The house lives through it second by second, in the order of the daemon's loop: ends, then what is due."""
    house, watched = House(*jobs, groups=GROUPS, max_running=limit), set[str]()
    for second in range(1, int(hours * HOUR) + 1):
        house.now = m.Now(NOON + second, NOON + second)
        for run_id in list(house.running):
            run = house.rows[run_id]
            if run.start_time is not None and run.start_time + takes[run.job_name] <= house.now.wall:
                house.end(run_id)
        for effect in house.tell(m.TimePassed()):
            if isinstance(effect, m.Signal):
                house.end(effect.run_id, 143, 15)
        for run_id in set(house.running) - watched:
            house.tell(m.Started(run_id, ProcessIdentity(4711, 1, "boot")))
            watched.add(run_id)
    return house


@settings(max_examples=25, deadline=None)
@given(SITES, DURATIONS, LIMITS)
def test_it_is_what_then_happens(jobs: list[Job], takes: dict[str, float], limit: int | None) -> None:
    found = foretell(*jobs, takes=takes, groups=GROUPS, max_running=limit)
    house = lived(jobs, takes, limit, 1.0)
    real = sorted((run.job_name, run.schedule_time, run.start_time) for run in house.rows.values())
    assert sorted((one.job_name, one.due, one.start) for one in found.runs) == real
    ends = {(run.job_name, run.start_time): run.stop_time for run in house.rows.values() if run.stop_time is not None}
    foretold = {(one.job_name, one.start): one.end for one in found.runs}
    assert ends.items() <= foretold.items()
    decided = sorted((one.job_name, one.outcome.value, one.schedule_time or 0.0) for one in house.decisions()
                     if one.outcome.value != "started")  # fmt: skip
    assert sorted((one.job_name, one.outcome.value, one.schedule_time or 0.0) for one in found.decisions) == decided


@settings(max_examples=60, deadline=None)
@given(SITES, DURATIONS, LIMITS)
def test_no_forecast_passes_a_limit_and_each_is_the_same_again(
    jobs: list[Job], takes: dict[str, float], limit: int | None
) -> None:
    found = foretell(*jobs, hours=3, takes=takes, groups=GROUPS, max_running=limit)
    assert found == foretell(*jobs, hours=3, takes=takes, groups=GROUPS, max_running=limit)
    begun = [one for one in found.runs if one.start is not None]
    assert all(one.end is not None and one.due <= (one.start or 0) <= one.end for one in begun)
    for one in begun:
        beside = [other for other in begun if _overlaps(other, one.start or 0.0)]
        assert len(beside) <= (limit or len(begun))
        same = [other for other in beside if other.job_name == one.job_name]
        assert len(same) == 1 or next(j for j in jobs if j.name == one.job_name).concurrent_runs
        in_groups = {j.name for j in jobs if j.concurrency_groups and set(j.concurrency_groups) <= {"one", "two"}}
        assert sum(other.job_name in in_groups for other in beside) <= 3
        only_one = {j.name for j in jobs if j.concurrency_groups == ("one",)}
        assert sum(other.job_name in only_one for other in beside) <= 1


def _overlaps(one: Foreseen, time: float) -> bool:
    return one.start is not None and one.end is not None and one.start <= time < one.end


class TestRunsOfSeveralProcesses:
    """What is known is how long a whole run takes."""

    def test_an_array_run_is_one_run_that_takes_as_long_as_its_runs_take(self) -> None:
        one = job(schedule=("0 13 * * *",), items=tuple(map(str, range(10))), items_parallel=4)
        (run,) = foretell(one, takes={"a": 300.0}, hours=3).runs
        assert (run.start, run.end) == (NOON + 3600, NOON + 3900)

    def test_one_that_is_half_done_ends_when_its_items_have(self) -> None:
        one = job(items=("1", "2"), items_parallel=1)
        house = House(one)
        house.drop()
        house.wait(0)
        restored = tuple(sorted((run.snapshot() for run in house.rows.values()), key=lambda run: run.sequence))
        found = foretell(one, takes={"a": 100.0}, hours=1, restored=restored)
        (run,) = found.runs
        assert run.end == NOON + 100

    def test_stages_share_the_time_of_the_run(self) -> None:
        stages = (Stage("one", ("x",)), Stage("two", ("y",)), Stage("three", ("z",)))
        (run,) = foretell(Job("a", (), stages=stages, schedule=("0 13 * * *",)), takes={"a": 300.0}, hours=3).runs
        assert (run.start, run.end) == (NOON + 3600, NOON + 3900)

    def test_a_lock_puts_the_second_behind_the_first(self) -> None:
        both = [job(name, schedule=("0 13 * * *",), locks={"db": LockMode.EXCLUSIVE}) for name in "ab"]
        first, second = foretell(*both, takes={"a": 300.0, "b": 60.0}, hours=3).runs
        assert second.start == first.end == NOON + 3900
        assert second.waits is not None and (second.waits.kind, second.after) == ("lock", first.run_id)

    def test_ten_thousand_items_do_not_end_the_forecast(self) -> None:
        one = job(schedule=("0 13 * * *",), items=tuple(map(str, range(2_000))), items_parallel=50)
        found = foretell(one, job("b", schedule=("0 * * * *",)), takes={"a": 300.0}, hours=10)
        assert not found.stopped and len(found.runs) == 11
