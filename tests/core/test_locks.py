"""Locks: all or nothing, in the order of arrival, shared or alone (J-32 to J-36)."""

from __future__ import annotations

import pytest

from dsari_like.core import messages as m
from dsari_like.core.choices import LockMode, OnShutdown, Reason
from dsari_like.core.clauses import LockDemand
from dsari_like.core.locks import Locks
from dsari_like.core.model import Job, Pause, Trigger
from tests.core.house import House, job

SHARED, EXCLUSIVE = LockMode.SHARED, LockMode.EXCLUSIVE


def reader(name: str = "reader", **fields: object) -> Job:
    return job(name, concurrent_runs=True, locks={"db": SHARED}, **fields)


def writer(name: str = "writer", **fields: object) -> Job:
    return job(name, concurrent_runs=True, locks={"db": EXCLUSIVE}, **fields)


def house_of(*jobs: Job, **settings: object) -> House:
    return House(*(jobs or (reader(), writer())), **settings)  # type: ignore[arg-type]


def drop(house: House, *names: str) -> None:
    for name in names:
        house.drop(name)


class TestModes:
    def test_shared_together_exclusive_alone(self) -> None:
        """J-32."""
        house = house_of()
        drop(house, "reader", "reader", "writer")
        assert house.running == ["r1", "r2"]
        assert house.state("r3") == "waiting_for_lock"
        house.end("r1")
        assert house.running == ["r2"]
        house.end("r2")
        assert house.running == ["r3"]

    def test_none_is_the_default(self) -> None:
        house = house_of(writer(), job())
        drop(house, "writer", "a")
        assert house.running == ["r1", "r2"]

    def test_what_is_waited_for_is_named(self) -> None:
        """J-34: holders and position, in the reason and in the row's event."""
        house = house_of()
        drop(house, "writer", "writer", "reader")
        why = house.engine.why("r3")
        assert why is not None
        assert (why.kind, why.names, why.holders, why.ahead) == ("lock", ("db",), ("r1",), 1)
        causes = [one.cause for one in house.of(m.SaveRun) if one.run.run_id == "r3"]
        assert causes[-1] == "it waits for the lock db, held by r1; 1 before it in the line"

    def test_it_goes_on_without_anybodys_help_when_the_lock_is_free(self) -> None:
        """J-34."""
        house = house_of()
        drop(house, "writer", "reader")
        house.end("r1", 1)
        assert house.running == ["r2"]

    def test_a_lock_is_released_in_the_turn_in_which_its_holder_ends(self) -> None:
        house = house_of()
        drop(house, "writer", "writer")
        house.running.remove("r1")
        effects = house.tell(m.StartFailed("r1", 127, "not found"))
        assert [effect.run.run_id for effect in effects if isinstance(effect, m.Start)] == ["r2"]


class TestOrder:
    def test_a_stream_of_sharers_does_not_starve_who_wants_it_alone(self) -> None:
        """J-35."""
        house = house_of()
        drop(house, "reader", "writer", "reader", "reader")
        house.end("r1")
        assert house.running == ["r2"]
        house.end("r2")
        assert house.running == ["r3", "r4"]

    def test_priority_does_not_pass_in_the_line_of_a_lock(self) -> None:
        house = house_of(writer(), writer("urgent", priority=9))
        drop(house, "writer", "writer", "urgent")
        house.end("r1")
        assert house.running == ["r2"]

    def test_who_waits_for_a_slot_keeps_its_place_in_the_line(self) -> None:
        house = house_of(writer(concurrency_groups=("g",)), job("other", concurrency_groups=("g",)), reader())
        drop(house, "other", "writer", "reader")
        why = house.engine.why("r2")
        assert why is not None and why.kind == "group"
        assert house.state("r3") == "waiting_for_lock"
        house.end("r1")
        assert house.running == ["r2"]

    def test_who_leaves_the_line_lets_the_next_in(self) -> None:
        house = house_of()
        drop(house, "reader", "writer", "reader")
        house.cancel("r2")
        assert house.running == ["r1", "r3"]

    def test_a_paused_job_holds_up_nobody(self) -> None:
        house = house_of()
        drop(house, "reader", "writer", "reader")
        house.tell(m.PauseAsked(house.claim(), Pause("writer", house.now.wall)))
        assert house.running == ["r1", "r3"]
        house.tell(m.UnpauseAsked(house.claim(), "writer"))
        drop(house, "reader")
        for run_id in ("r1", "r3"):
            house.end(run_id)
        assert house.running == ["r2"]

    def test_who_waits_for_its_own_job_comes_before_who_came_later_to_the_lock(self) -> None:
        house = house_of(job(locks={"db": EXCLUSIVE}), reader())
        drop(house, "a", "a", "reader")
        assert house.engine.why("r2").kind == "job"  # type: ignore[union-attr]
        house.end("r1")
        assert house.running == ["r2"]
        assert house.state("r3") == "waiting_for_lock"


class TestSeveral:
    def two(self) -> House:
        both = job("both", concurrent_runs=True, locks={"db": EXCLUSIVE, "disk": EXCLUSIVE})
        disk = job("disk", concurrent_runs=True, locks={"disk": EXCLUSIVE})
        return house_of(both, writer(), disk)

    def test_all_or_nothing(self) -> None:
        """J-35: while one is missing none is taken, and the whole set is tried when it comes free."""
        house = self.two()
        drop(house, "writer", "both")
        why = house.engine.why("r2")
        assert why is not None and why.names == ("db",)
        house.end("r1")
        assert house.running == ["r2"]

    def test_who_came_first_keeps_the_free_one_for_itself(self) -> None:
        house = self.two()
        drop(house, "writer", "both", "disk")
        assert house.running == ["r1"]
        assert house.engine.why("r3").holders == ()  # type: ignore[union-attr]
        house.end("r1")
        house.end("r2")
        assert house.running == ["r3"]

    def test_no_two_can_wait_for_each_other(self) -> None:
        """Wanted crosswise, taken at once: what ends lets the next one in, for ever."""
        cross = [
            job(name, concurrent_runs=True, locks=dict.fromkeys(names, EXCLUSIVE))
            for name, names in (("ab", "ab"), ("bc", "bc"), ("ca", "ca"))
        ]
        house = house_of(*cross)
        drop(house, *("ab", "bc", "ca") * 3)
        order = []
        while house.running:
            order.append(house.running[0])
            house.end(house.running[0])
        assert order == [f"r{number}" for number in range(1, 10)]


class TestNames:
    def house(self) -> House:
        one = job(concurrent_runs=True, locks={"asset ${ASSET}": EXCLUSIVE})
        return house_of(one, reader())

    def test_a_lock_for_each_asset(self) -> None:
        """J-33."""
        house = self.house()
        for asset in ("x", "y", "x"):
            house.drop("a", environment={"ASSET": asset})
        assert house.running == ["r1", "r2"]
        assert house.rows["r3"].locks == (LockDemand("asset x", EXCLUSIVE),)

    @pytest.mark.parametrize(
        ("environment", "words"), [({}, "has no variable ASSET"), ({"ASSET": "a/b"}, "is no name of a lock")]
    )
    def test_a_name_that_comes_to_nothing_fails_the_run_and_nobody_else(
        self, environment: dict[str, str], words: str
    ) -> None:
        house = self.house()
        house.drop("a", environment=environment)
        assert (house.state("r1"), house.rows["r1"].reason) == ("failed", Reason.START_FAILED)
        assert words in house.rows["r1"].message
        house.drop("a", environment={"ASSET": "x"})
        assert house.running == ["r2"]

    def test_two_ways_to_one_lock_are_one_and_the_stricter_counts(self) -> None:
        house = house_of(job(locks={"${ONE}": EXCLUSIVE, "db": SHARED}), reader())
        house.drop("a", environment={"ONE": "db"})
        house.drop("reader")
        assert house.running == ["r1"]


class TestWithOthers:
    def test_lock_slot_and_place_are_taken_together(self) -> None:
        jobs = (writer(concurrency_groups=("g",)), job("other", concurrency_groups=("g",)), reader())
        house = house_of(*jobs, max_running=1)
        drop(house, "other", "writer")
        house.end("r1")
        assert house.running == ["r2"]
        drop(house, "reader", "other")
        assert {house.state("r3"), house.state("r4")} == {"waiting_for_lock", "queued"}

    def test_cancelling_many_starts_none_of_them(self) -> None:
        """Else the end of each would let in the next one, to be told to end at once."""
        house = house_of()
        drop(house, "writer", "writer", "writer")
        effects = house.cancel(job="writer")
        assert not [effect for effect in effects if isinstance(effect, m.Start)]
        assert [house.state(run_id) for run_id in ("r1", "r2", "r3")] == ["running", "cancelled", "cancelled"]

    def test_many_that_wait_for_a_job_that_is_gone_end_together(self) -> None:
        house = house_of()
        drop(house, "reader", "writer", "writer", "reader")
        house.configure(reader(), reload=True)
        assert [house.state(run_id) for run_id in ("r2", "r3")] == ["cancelled", "cancelled"]
        assert house.running == ["r1", "r4"]

    def test_a_run_that_waits_takes_the_locks_that_its_job_has_now(self) -> None:
        house = house_of(writer(), job("b", concurrency_groups=("g",)), job("c", concurrency_groups=("g",)))
        drop(house, "c", "b", "writer")
        locked = job("b", concurrency_groups=("g",), locks={"db": EXCLUSIVE})
        house.configure(writer(), locked, job("c", concurrency_groups=("g",)), reload=True)
        house.end("r1")
        assert house.running == ["r3"]
        house.end("r3")
        assert house.running == ["r2"]

    def test_a_run_that_waits_needs_no_lock_that_its_job_has_no_more(self) -> None:
        house = house_of()
        drop(house, "reader", "writer")
        house.configure(reader(), job("writer", concurrent_runs=True), reload=True)
        assert house.running == ["r1", "r2"]

    def test_nobody_is_let_in_by_a_reload_on_the_way_out(self) -> None:
        house = house_of(writer(), job("b", concurrency_groups=("off",)), groups={"off": 0})
        drop(house, "b")
        house.tell(m.ShutdownAsked(OnShutdown.WAIT))
        house.configure(writer(), job("b", concurrency_groups=("off",)), groups={"off": 1}, reload=True)
        assert house.running == []


class TestRestart:
    def test_locks_are_held_over_a_restart_and_the_line_is_kept(self) -> None:
        house = house_of()
        drop(house, "reader", "writer", "reader")
        house.restart(reader(), writer())
        assert house.running == ["r1"]
        assert house.engine.why("r3").ahead == 1  # type: ignore[union-attr]
        house.end("r1")
        house.end("r2")
        assert house.running == ["r3"]

    def test_a_lock_held_under_another_configuration_is_held(self) -> None:
        """What a run took when it started is its own until it ends."""
        house = house_of()
        drop(house, "writer")
        house.restart(reader(), job("writer", concurrent_runs=True))
        drop(house, "reader")
        assert house.state("r2") == "waiting_for_lock"
        house.end("r1")
        assert house.running == ["r2"]

    def test_two_who_hold_together_what_only_one_may_are_believed(self) -> None:
        """After a crash the rows say who runs. Nobody else is let in before both have ended."""
        house = house_of()
        drop(house, "reader", "reader")
        house.restart(job("reader", concurrent_runs=True, locks={"db": EXCLUSIVE}), writer())
        drop(house, "writer")
        house.end("r1")
        assert house.running == ["r2"]
        house.end("r2")
        assert house.running == ["r3"]


def test_ten_thousand_who_share_are_not_looked_at_whenever_one_ends() -> None:
    locks = Locks()
    for order in range(10_000):
        locks.line_up(f"r{order}", order, (LockDemand("db", SHARED),))
    locks.take("r0")
    assert locks.leave("r0") == ()
    assert locks.ahead("r9999") == 9998


def test_a_lock_nobody_has_heard_of_is_free_and_forgotten_again() -> None:
    locks = Locks()
    locks.line_up("r1", 1, (LockDemand("db", EXCLUSIVE),))
    assert locks.missing("r1") == ()
    locks.take("r1")
    locks.leave("r1")
    assert (locks.holders(["db"]), locks.next_of(["db"]), locks.ahead("r1")) == ((), [], 0)


def test_a_retry_of_a_run_has_the_lock_of_its_own_variables() -> None:
    house = House(job(locks={"${ASSET}": EXCLUSIVE}, retries=1, retry_delay=1.0))
    house.tell(m.TriggerArrived(house.claim("a"), Trigger("file", environment={"ASSET": "pump"})))
    house.end("r1", 1)
    house.wait(1)
    assert house.rows["r2"].locks == (LockDemand("pump", EXCLUSIVE),)
