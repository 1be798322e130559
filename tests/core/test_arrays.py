"""Array runs: one run whose work is done by its items (Q-81 to Q-89)."""

from __future__ import annotations

import tracemalloc
from typing import Any

from dsari_like.core import messages as m
from dsari_like.core.choices import LockMode, OnShutdown, Reason
from dsari_like.core.clauses import ItemCounts
from dsari_like.core.model import Job, Pause
from tests.core.house import House, job


def array(*names: str, items_parallel: int = 2, **fields: Any) -> Job:
    return job(items=names or ("1", "2", "3"), items_parallel=items_parallel, **fields)


def started(*jobs: Job, **settings: Any) -> House:
    house = House(*(jobs or (array(),)), **settings)
    house.drop(jobs[0].name if jobs else "a")
    house.wait(0)
    return house


def items(house: House) -> dict[str, str]:
    """The newest run of each item, by its name."""
    return {run.item: run.run_id for run in house.rows.values() if run.item is not None}


def counts(house: House, run_id: str = "r1") -> ItemCounts:
    found = house.rows[run_id].items
    assert found is not None
    return found


def finish(house: House, code: int = 0) -> None:
    while house.running:
        house.end(house.running[0], code)


class TestItems:
    def test_each_item_is_a_run_and_so_many_run_at_once(self) -> None:
        """Q-81, Q-83: parallel slots draw from the list, in its order."""
        house = started()
        assert items(house) == {"1": "r2", "2": "r3", "3": "r4"}
        assert house.running == ["r2", "r3"]
        why = house.engine.why("r4")
        assert why is not None and (why.kind, why.holders) == ("items", ("r2", "r3"))
        house.end("r3")
        assert house.running == ["r2", "r4"]

    def test_an_item_knows_its_array_run_and_shares_its_flow(self) -> None:
        """Interface section 6."""
        house = started()
        item = house.rows["r2"]
        assert (item.item, item.previous_run_id, item.flow_id) == ("1", "r1", "r1")
        assert house.rows["r1"].item is None and house.rows["r1"].flow_id == "r1"

    def test_more_places_than_items_are_no_more_than_items(self) -> None:
        """Q-83."""
        house = started(array(items_parallel=50))
        assert house.running == ["r2", "r3", "r4"]

    def test_the_array_run_itself_starts_nothing(self) -> None:
        house = started()
        assert "r1" not in [effect.run.run_id for effect in house.of(m.Start)]
        assert [run.run_id for run in house.engine.active()] == ["r2", "r3"]

    def test_it_ends_with_its_last_item(self) -> None:
        """Q-86."""
        house = started()
        for run_id in ("r2", "r3"):
            house.end(run_id)
        assert house.state("r1") == "running"
        house.end("r4")
        assert (house.state("r1"), house.rows["r1"].exit.code) == ("completed", 0)  # type: ignore[union-attr]
        assert house.rows["r1"].progress.percent == 100.0  # type: ignore[union-attr]

    def test_partial_counts_are_shown_while_it_runs(self) -> None:
        house = started()
        house.end("r2", 1)
        assert counts(house) == ItemCounts(3, 3, failed=1, failed_names=("1",))
        progress = house.rows["r1"].progress
        assert progress is not None
        assert (round(progress.percent or 0), progress.message) == (33, "1 of 3 items done, 1 failed")

    def test_one_failed_item_fails_the_whole_and_is_named(self) -> None:
        """Q-86: and the others are done all the same."""
        house = started()
        house.end("r2", 3)
        finish(house)
        run = house.rows["r1"]
        assert (run.state.value, run.reason, run.exit.code) == ("failed", Reason.EXIT, 1)  # type: ignore[union-attr]
        assert run.message == "1 of 3 items failed: 1"
        assert counts(house).completed == 2

    def test_many_failed_items_are_counted_and_some_are_named(self) -> None:
        house = started(array(*map(str, range(30)), items_parallel=30))
        finish(house, 1)
        assert house.rows["r1"].message == "30 of 30 items failed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"

    def test_the_next_run_of_the_job_waits_for_all_items(self) -> None:
        house = started()
        house.drop()
        house.end("r2")
        assert house.engine.why("r5").holders == ("r1",)  # type: ignore[union-attr]
        finish(house)
        assert house.state("r5") == "running"

    def test_items_are_no_runs_that_a_trigger_could_be_folded_into(self) -> None:
        house = started()
        house.drop()
        assert house.state("r5") == "queued"


class TestSelection:
    def test_a_trigger_selects_items_in_the_order_of_the_job(self) -> None:
        house = House(array())
        house.drop(items=("3", "1"), data={"items": ["3", "1"], "why": "x"})
        house.wait(0)
        assert list(items(house)) == ["1", "3"]
        assert counts(house).total == 2

    def test_what_was_selected_is_said_once(self) -> None:
        """Not in the row of each item: ten thousand times ten thousand names."""
        house = House(array())
        house.drop(items=("3", "1"), data={"items": ["3", "1"], "why": "x"})
        house.wait(0)
        assert house.rows["r2"].trigger.items is None and house.rows["r2"].trigger.data == {"why": "x"}
        assert house.rows["r1"].trigger.data["items"] == ["3", "1"]

    def test_items_that_the_job_has_no_more_are_left_out(self) -> None:
        house = House(array(), job("b"), max_running=0)
        house.tell(m.PauseAsked(house.claim(), Pause("a", house.now.wall)))
        house.drop(items=("1", "3"))
        house.configure(array("3", "4"), reload=True)
        house.tell(m.UnpauseAsked(house.claim(), "a"))
        house.wait(0)
        assert list(items(house)) == ["3"]

    def test_a_run_of_which_nothing_is_left_fails_and_does_not_stay(self) -> None:
        house = House(array())
        house.tell(m.PauseAsked(house.claim(), Pause("a", house.now.wall)))
        house.drop(items=("1",))
        house.configure(array("3", "4"), reload=True)
        house.tell(m.UnpauseAsked(house.claim(), "a"))
        house.wait(0)
        assert (house.state("r1"), house.rows["r1"].reason) == ("failed", Reason.START_FAILED)
        assert "none of its items" in house.rows["r1"].message


class TestLimits:
    def test_items_hold_locks_slots_and_places_and_the_array_run_none(self) -> None:
        one = array(locks={"db": LockMode.EXCLUSIVE}, concurrency_groups=("g",), items_parallel=3)
        house = started(one, job("b", concurrent_runs=True, concurrency_groups=("g",)), max_running=1)
        assert house.running == ["r2"]
        assert [house.state(run_id) for run_id in ("r3", "r4")] == ["waiting_for_lock"] * 2
        assert house.rows["r1"].locks == () and house.rows["r1"].concurrency_group is None
        finish(house)
        assert house.state("r1") == "completed"

    def test_a_lock_for_each_item(self) -> None:
        """J-33: the name of the lock holds the item."""
        one = array(locks={"machine ${ITEM}": LockMode.EXCLUSIVE}, items_parallel=3)
        house = started(one, job("b", locks={"machine 2": LockMode.EXCLUSIVE}))
        assert house.running == ["r2", "r3", "r4"]
        house.drop("b")
        assert house.state("r5") == "waiting_for_lock"
        house.end("r3")
        assert "r5" in house.running

    def test_priority_is_that_of_the_array_run(self) -> None:
        house = House(array(items_parallel=1), job("b", priority=5), max_running=1)
        house.drop(priority=7)
        house.wait(0)
        house.drop("b")
        house.end("r2")
        assert house.running == ["r3"]

    def test_a_pause_holds_items_too(self) -> None:
        house = started()
        house.tell(m.PauseAsked(house.claim(), Pause("a", house.now.wall)))
        house.end("r2")
        assert house.running == ["r3"]
        house.tell(m.UnpauseAsked(house.claim(), "a"))
        assert house.running == ["r3", "r4"]

    def test_max_execution_is_that_of_an_item(self) -> None:
        """Q-89."""
        house = started(array(max_execution=5.0))
        house.began("r2")
        house.wait(5)
        assert [signal.run_id for signal in house.of(m.Signal)] == ["r2"]
        house.end("r2", 143, 15)
        assert house.rows["r2"].reason is Reason.MAX_EXECUTION


class TestRetries:
    def test_a_failed_item_is_tried_again_alone(self) -> None:
        """Q-87."""
        house = started(array(retries=1, retry_delay=10.0))
        house.end("r2", 1)
        assert house.state("r5") == "scheduled"
        assert counts(house).failed == 0, "it counts when it has ended for good"
        house.end("r3")
        house.end("r4")
        assert house.state("r1") == "running"
        house.wait(10)
        assert house.running == ["r5"]
        house.end("r5")
        assert house.state("r1") == "completed"
        assert counts(house).completed == 3

    def test_it_fails_when_the_last_attempt_does(self) -> None:
        house = started(array(retries=1, retry_delay=0.0))
        house.end("r2", 1)
        house.wait(0)
        for run_id in ("r3", "r4"):
            house.end(run_id)
        house.end("r5", 1)
        assert (house.state("r1"), house.rows["r1"].message) == ("failed", "1 of 3 items failed: 1")
        assert house.rows["r1"].attempt == 1, "an array run is not tried again as a whole"

    def test_by_request_an_item_is_tried_again_while_the_others_run(self) -> None:
        house = started()
        house.end("r2", 1)
        assert counts(house).failed_names == ("1",)
        house.retry("r2")
        assert counts(house).failed == 0 and counts(house).failed_names == ()
        finish(house)
        assert house.state("r1") == "completed"

    def test_an_item_of_an_array_run_that_has_ended_is_not_tried_again_by_itself(self) -> None:
        house = started()
        house.end("r2", 1)
        finish(house)
        house.retry("r2")
        assert "retry that run, with item: 1" in house.of(m.Quarantine)[-1].reason

    def test_of_the_array_run_the_items_that_failed_are_repeated(self) -> None:
        """Retry: a new array run, of these alone."""
        house = started()
        house.end("r2", 1)
        finish(house)
        house.retry("r1", items={"r1": ("1",)})
        house.wait(0)
        again = house.rows["r5"]
        assert (again.retry_of, again.attempt, again.items) == ("r1", 2, ItemCounts(1, 1))
        assert house.rows["r6"].item == "1" and house.rows["r6"].previous_run_id == "r5"
        assert house.rows["r6"].attempt == 2
        finish(house)
        assert house.state("r5") == "completed"


class TestCancel:
    def test_one_item(self) -> None:
        house = started()
        house.cancel("r1", item="3")
        assert house.state("r4") == "cancelled"
        house.cancel("r1", item="1")
        assert house.state("r2") == "running" and [one.run_id for one in house.of(m.Signal)] == ["r2"]
        house.end("r2", 143, 15)
        house.end("r3")
        run = house.rows["r1"]
        assert (run.state.value, run.reason, run.message) == (
            "cancelled",
            Reason.WHILE_RUNNING,
            "2 of 3 items were cancelled",
        )

    def test_the_whole_of_it(self) -> None:
        """J-23: what waits ends at once, what runs is told; nothing of it is started to be told to end."""
        house = started(array(*map(str, range(6)), locks={"db": LockMode.EXCLUSIVE}))
        before = len(house.of(m.Start))
        house.cancel("r1")
        assert len(house.of(m.Start)) == before
        assert [one.run_id for one in house.of(m.Signal)] == ["r2"]
        assert house.state("r1") == "running", "until the last of its items is dead"
        house.end("r2", 143, 15)
        assert (house.state("r1"), house.rows["r1"].reason) == ("cancelled", Reason.WHILE_RUNNING)
        assert counts(house).cancelled == 6

    def test_while_it_is_still_unfolding_no_more_items_are_made(self) -> None:
        house = House(array(*map(str, range(1000))))
        house.drop()
        house.tell(m.TimePassed())
        made = counts(house).made
        assert 0 < made < 1000
        house.cancel("r1")
        for run_id in list(house.running):
            house.end(run_id, 143, 15)
        assert house.state("r1") == "cancelled"
        assert (counts(house).made, counts(house).total) == (made, made)
        assert house.engine.next_deadline(house.now) is None

    def test_before_a_single_item_was_made(self) -> None:
        house = House(array())
        house.drop()
        house.cancel("r1")
        assert (house.state("r1"), items(house)) == ("cancelled", {})
        house.drop()
        house.wait(0)
        assert house.running == ["r3", "r4"]

    def test_before_its_start(self) -> None:
        house = started()
        house.drop()
        house.cancel("r5")
        assert (house.state("r5"), house.rows["r5"].reason) == ("cancelled", Reason.BEFORE_START)

    def test_an_item_whose_retry_is_pending(self) -> None:
        house = started(array(retries=2, retry_delay=60.0))
        house.end("r2", 1)
        house.cancel("r1", item="1")
        finish(house)
        assert (house.state("r5"), house.state("r1")) == ("cancelled", "cancelled")

    def test_all_runs_of_a_job_are_its_array_runs_with_their_items(self) -> None:
        house = started()
        house.cancel(job="a")
        finish(house, 143)
        assert {run.state.value for run in house.rows.values()} == {"cancelled"}


class TestConfiguration:
    def test_an_array_run_is_carried_out_as_it_was_when_it_began(self) -> None:
        house = started(array(retries=1, retry_delay=0.0))
        house.configure(array("8", "9", command_append_run=True), reload=True)
        house.end("r2", 1)
        house.wait(0)
        finish(house)
        assert list(items(house)) == ["1", "2", "3"]
        assert {effect.job.command_append_run for effect in house.of(m.Start)} == {False}
        assert house.state("r1") == "completed"

    def test_also_over_a_restart(self) -> None:
        house = House(array(*map(str, range(300)), items_parallel=1))
        house.drop()
        house.tell(m.TimePassed())
        assert counts(house).made == 256
        house.restart(array("8", "9"))
        house.wait(0)
        assert counts(house).made == 300 and list(items(house)) == list(map(str, range(300)))

    def test_when_its_job_is_gone_what_runs_goes_on_and_nothing_more_begins(self) -> None:
        house = House(array(*map(str, range(1000))))
        house.drop()
        house.tell(m.TimePassed())
        house.configure(job("b"), reload=True)
        assert house.engine.next_deadline(house.now) is None, "nothing is left to be made"
        assert len(house.running) == 2
        finish(house)
        run = house.rows["r1"]
        assert (run.state.value, run.message) == ("cancelled", "its job was removed from the configuration")
        assert counts(house).completed == 2

    def test_the_same_for_a_job_that_is_gone_at_the_next_start(self) -> None:
        house = started()
        house.restart(job("b"))
        house.wait(0)
        finish(house)
        assert house.state("r1") == "cancelled"

    def test_a_failed_item_of_a_job_that_is_gone_is_not_tried_again(self) -> None:
        house = started(array(retries=5))
        house.configure(job("b"), reload=True)
        finish(house, 1)
        assert house.state("r1") == "cancelled"
        assert not [run for run in house.rows.values() if run.retry_of]


class TestRestart:
    def test_in_the_middle(self) -> None:
        house = started()
        house.end("r2", 1)
        house.restart(array())
        assert house.running == ["r3", "r4"]
        finish(house)
        assert (house.state("r1"), house.rows["r1"].message) == ("failed", "1 of 3 items failed: 1")

    def test_after_the_last_item_and_before_its_end_was_told(self) -> None:
        house = started()
        house.restart(array())
        for run_id in ("r2", "r3"):
            house.tell(m.ChildExited(run_id, None, house.now.wall))
        assert house.rows["r2"].reason is Reason.LOST
        house.running.remove("r2")
        house.running.remove("r3")
        finish(house)
        assert (house.state("r1"), counts(house).failed) == ("failed", 2)

    def test_with_a_retry_of_an_item_pending(self) -> None:
        house = started(array(retries=1, retry_delay=60.0))
        house.end("r2", 1)
        finish(house)
        house.restart(array(retries=1, retry_delay=60.0), after=120)
        assert house.running == ["r5"]
        finish(house)
        assert house.state("r1") == "completed"

    def test_with_a_recorded_cancel(self) -> None:
        """J-28."""
        house = started()
        house.cancel("r1")
        house.restart(array())
        assert house.state("r4") == "cancelled"
        assert house.running == ["r2", "r3"]
        for run_id in ("r2", "r3"):
            house.began(run_id)
        assert {one.run_id for one in house.of(m.Signal)} == {"r2", "r3"}
        finish(house, 143)
        assert house.state("r1") == "cancelled"


class TestShutdown:
    def test_wait_lets_what_runs_end_and_the_next_daemon_do_the_rest(self) -> None:
        house = started()
        house.tell(m.ShutdownAsked(OnShutdown.WAIT))
        finish(house)
        assert house.state("r1") == "running" and not house.engine.active()
        house.restart(array())
        assert house.running == ["r4"]
        finish(house)
        assert house.state("r1") == "completed"

    def test_kill_ends_the_whole_run(self) -> None:
        house = started()
        house.tell(m.ShutdownAsked(OnShutdown.KILL, 5.0))
        assert house.state("r4") == "cancelled"
        finish(house, 143)
        run = house.rows["r1"]
        assert (run.state.value, run.reason) == ("cancelled", Reason.SHUTDOWN)
        assert {house.rows[run_id].reason for run_id in ("r2", "r3")} == {Reason.SHUTDOWN}


class TestTenThousand:
    def test_they_are_made_in_batches_and_hold_up_nobody(self) -> None:
        house = House(array(*map(str, range(10_000)), items_parallel=4), job("b"))
        house.drop()
        turns = 0
        while house.engine.next_deadline(house.now) == 0.0:
            house.tell(m.TimePassed())
            turns += 1
            if turns == 3:
                house.drop("b")
                assert any(house.rows[run_id].job_name == "b" for run_id in house.running)
        assert 30 < turns < 60
        assert counts(house).made == 10_000

    def test_they_take_little_memory(self) -> None:
        tracemalloc.start()
        try:
            house = House(array(*map(str, range(10_000))))
            house.rows = _Nothing()
            house.drop(data={"items": "all", "text": "x" * 1000})
            while house.engine.next_deadline(house.now) == 0.0:
                house.tell(m.TimePassed())
                house.effects.clear()
            used = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert used < 20_000_000


class _Nothing(dict):  # type: ignore[type-arg]
    """Rows that are on a disk."""

    def __setitem__(self, key: object, value: object) -> None:
        pass
