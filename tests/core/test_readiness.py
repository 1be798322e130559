"""Event triggers: all that is watched must have been updated, and a cool-down holds back without forgetting."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.flows import EventTrigger, Ready
from dsari_like.core.readiness import Readiness

MINUTE = 60.0


def waiting(*watch: str, **fields: object) -> Readiness:
    found = Readiness()
    found.configure({"j": EventTrigger(watch, **fields)})  # type: ignore[arg-type]
    return found


def tell(readiness: Readiness, thing: str, time: float) -> bool:
    """One update; whether it starts the job."""
    return readiness.updated([thing], time, {})[0] == ["j"]


def restarted(readiness: Readiness, *watch: str, **fields: object) -> Readiness:
    """Another daemon, which knows what was kept."""
    found = Readiness()
    found.configure({"j": EventTrigger(watch, **fields)}, [readiness.state("j")])  # type: ignore[arg-type]
    return found


def test_k25_all_watched_things_must_have_been_updated_since_the_last_start() -> None:
    two = waiting("/a", "/b")
    assert not tell(two, "/a", 1.0) and not tell(two, "/a", 2.0)
    assert tell(two, "/b", 3.0)
    assert not tell(two, "/b", 4.0)
    assert tell(two, "/a", 5.0)


def test_k25_readiness_is_remembered_over_a_restart() -> None:
    two = waiting("/a", "/b")
    tell(two, "/a", 1.0)
    assert tell(restarted(two, "/a", "/b"), "/b", 2.0)


def test_k25_a_start_by_other_means_has_seen_what_was_updated() -> None:
    two = waiting("/a", "/b")
    tell(two, "/a", 1.0)
    assert two.started("j", 2.0) and not two.started("j", 2.5)
    assert not tell(two, "/b", 3.0)
    assert tell(two, "/a", 4.0)


def test_k26_what_becomes_ready_in_the_cool_down_fires_with_the_next_update_after_it() -> None:
    one = waiting("/a", cool_down=100.0)
    assert tell(one, "/a", 0.0)
    assert not tell(one, "/a", 50.0) and one.next_deadline() is None
    assert one.time_passed(100.0) == []
    assert tell(one, "/a", 101.0)


def test_k26_or_at_its_end_where_the_trigger_says_so() -> None:
    one = waiting("/a", cool_down=100.0, at_end=True)
    assert tell(one, "/a", 0.0)
    assert not tell(one, "/a", 50.0)
    assert one.next_deadline() == 100.0
    again = restarted(one, "/a", cool_down=100.0, at_end=True)
    assert again.next_deadline() == 100.0
    assert again.time_passed(100.0) == ["j"] and again.next_deadline() is None


def test_k26_updates_of_all_in_the_cool_down_are_remembered() -> None:
    two = waiting("/a", "/b", cool_down=100.0)
    tell(two, "/a", 0.0)
    assert tell(two, "/b", 1.0)
    tell(two, "/a", 10.0)
    tell(two, "/b", 20.0)
    assert tell(two, "/b", 110.0)


def test_k27_with_updates_every_10_minutes_and_a_cool_down_of_50_runs_happen_every_50_to_60_minutes() -> None:
    two = waiting("/a", "/b", cool_down=50 * MINUTE)
    starts = [
        minute
        for minute in range(24 * 60)
        for thing, offset in (("/a", 0), ("/b", 3))
        if minute % 10 == offset and tell(two, thing, minute * MINUTE)
    ]
    gaps = {later - earlier for earlier, later in itertools.pairwise(starts)}
    assert len(starts) > 20 and all(50 <= gap <= 60 for gap in gaps)


def test_k30_a_reset_forgets_updates_and_the_cool_down() -> None:
    two = waiting("/a", "/b", cool_down=100.0)
    tell(two, "/a", 0.0)
    assert tell(two, "/b", 1.0)
    tell(two, "/a", 2.0)
    assert two.reset("j") and not two.reset("nobody")
    assert two.state("j") == Ready("j")
    assert not tell(two, "/b", 3.0)
    assert tell(two, "/a", 4.0)


def test_what_is_awaited_and_until_when_it_cools_can_be_told_from_what_is_kept() -> None:
    trigger = EventTrigger(("/a", "/b"), cool_down=100.0)
    kept = Ready("j", fired=10.0, updated={"/a": 20.0})
    assert kept.awaited(trigger) == ("/b",)
    assert kept.cools_until(trigger, 50.0) == 110.0
    assert kept.cools_until(trigger, 110.0) is None and Ready("j").cools_until(trigger, 50.0) is None


def test_a_reload_keeps_what_was_updated_of_what_is_watched_still() -> None:
    two = waiting("/a", "/b")
    tell(two, "/a", 1.0)
    two.configure({"j": EventTrigger(("/a", "/c"))})
    assert not tell(two, "/b", 2.0)
    assert tell(two, "/c", 3.0)


def test_one_update_may_start_several_jobs_and_the_success_of_a_job_is_a_thing_too() -> None:
    both = Readiness()
    both.configure({"x": EventTrigger(("job:a",)), "y": EventTrigger(("job:a", "/f")), "z": EventTrigger(("/f",))})
    assert both.watches("job:a") and not both.watches("job:b")
    assert both.updated(["job:a"], 1.0, {}) == (["x"], ["x", "y"])
    assert both.updated(["/f"], 2.0, {"/f": 7.0}) == (["y", "z"], ["y", "z"])
    assert both.state("z").marks == both.state("y").marks == {"/f": 7.0}


def test_a_clock_that_is_set_back_does_not_hold_a_start_back_for_longer_than_the_cool_down() -> None:
    one = waiting("/a", cool_down=100.0)
    assert tell(one, "/a", 100_000.0)
    assert not tell(one, "/a", 1_000.0)
    assert tell(one, "/a", 1_100.0)


@settings(max_examples=200, deadline=None)
@given(
    updates=st.lists(st.tuples(st.sampled_from(["/a", "/b", "/c"]), st.integers(1, 40)), max_size=60),
    cool_down=st.integers(0, 100),
    restarts=st.sets(st.integers(0, 59)),
)
def test_no_start_before_all_were_updated_or_within_the_cool_down_however_often_the_daemon_restarts(
    updates: list[tuple[str, int]], cool_down: int, restarts: set[int]
) -> None:
    three = waiting("/a", "/b", "/c", cool_down=float(cool_down))
    now, last, seen = 0, None, set[str]()
    for number, (thing, gap) in enumerate(updates):
        now += gap
        seen.add(thing)
        ready = len(seen) == 3 and (last is None or now >= last + cool_down)
        assert tell(three, thing, float(now)) == ready
        if ready:
            last, seen = now, set()
        if number in restarts:
            three = restarted(three, "/a", "/b", "/c", cool_down=float(cool_down))
