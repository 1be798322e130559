"""Events start jobs: each becomes a run or a part of one, and is remembered in the same turn."""

from __future__ import annotations

import itertools
from typing import Any

from dsari_like.core import messages as m
from dsari_like.core.firing import Firing
from dsari_like.core.flow_messages import EventResetAsked, SaveReady, WatchedUpdated
from dsari_like.core.flows import EventTrigger, Ready
from dsari_like.core.lifecycle import RunState
from dsari_like.core.lives import Lives
from dsari_like.core.model import Claim, Configuration, Run, Trigger
from tests.core.house import NOON, job


class Place:
    """Firing and the lives it acts on."""

    def __init__(self, ready: tuple[Ready, ...] = (), **triggers: EventTrigger) -> None:
        numbers = itertools.count(1)
        self.lives = Lives(lambda: f"r{next(numbers)}")
        self.firing = Firing(self.lives)
        jobs = {name: job(name, event_trigger=trigger) for name, trigger in triggers.items()} | {"other": job("other")}
        self.now = NOON
        self.open()
        message = m.Configured(Configuration(jobs=jobs), {}, ready=ready)
        self.lives.configuration = message.configuration
        self.firing.configure(message)

    def open(self) -> list[m.Effect]:
        return self.lives.ledger.open(m.Now(self.now, self.now))

    def update(self, *things: str, after: float = 1.0) -> list[m.Effect]:
        self.now += after
        effects = self.open()
        self.firing.updated(WatchedUpdated(things, self.now, dict.fromkeys(things, self.now)))
        return effects

    def ended_well(self, name: str) -> list[m.Effect]:
        effects = self.open()
        run = Run("x", name, Trigger("manual"), RunState.COMPLETED, self.now, self.now)
        self.firing.followed(run, "running")
        return effects


def decisions(effects: list[m.Effect]) -> list[tuple[str, str | None]]:
    return [(one.decision.outcome.value, one.decision.run_id) for one in effects if isinstance(one, m.Decide)]


def kept(effects: list[m.Effect]) -> list[Ready]:
    return [one.ready for one in effects if isinstance(one, SaveReady)]


def test_k25_the_last_of_the_updates_starts_the_job_and_every_one_is_remembered() -> None:
    place = Place(a=EventTrigger(("/x", "/y")))
    first = place.update("/x")
    assert decisions(first) == [] and kept(first)[0].updated == {"/x": NOON + 1}
    second = place.update("/y")
    assert decisions(second) == [("started", "r1")]
    assert kept(second)[-1] == Ready("a", NOON + 2, {}, {"/x": NOON + 1, "/y": NOON + 2})
    assert place.lives.ledger.runs["r1"].trigger.type == "event"


def test_an_event_while_a_run_is_pending_is_folded_into_it() -> None:
    place = Place(a=EventTrigger(("/x",)))
    place.update("/x")  # this one runs
    place.update("/x")  # this one waits behind it
    assert decisions(place.update("/x")) == [("folded", "r2")]


def test_k20_the_success_of_a_job_is_an_event_and_its_failure_is_none() -> None:
    place = Place(a=EventTrigger(("job:other",)))
    place.open()
    failed = Run("x", "other", Trigger("manual"), RunState.FAILED, NOON, NOON)
    place.firing.followed(failed, "running")
    assert place.lives.ledger.runs == {}
    assert decisions(place.ended_well("other")) == [("started", "r1")]


def test_a_run_that_begins_by_other_means_has_seen_the_updates() -> None:
    place = Place(a=EventTrigger(("/x", "/y")))
    place.update("/x")
    effects = place.open()
    run = Run("m", "a", Trigger("manual"), RunState.RUNNING, place.now, place.now)
    place.firing.followed(run, "queued")
    assert kept(effects)[0].updated == {}
    assert decisions(place.update("/y")) == []


def test_what_an_earlier_daemon_knew_counts() -> None:
    place = Place((Ready("a", None, {"/x": NOON - 100}),), a=EventTrigger(("/x", "/y")))
    assert decisions(place.update("/y")) == [("started", "r1")]


def test_k26_the_end_of_a_cool_down_starts_what_is_to_start_then() -> None:
    place = Place(a=EventTrigger(("/x",), cool_down=60.0, at_end=True))
    place.update("/x")
    place.update("/x")
    assert place.firing.next_deadline() == NOON + 61
    place.now = NOON + 61
    effects = place.open()
    place.firing.time_passed()
    assert decisions(effects) == [("started", "r2")]


def test_k30_a_reset_is_answered_and_that_of_a_job_without_events_is_refused() -> None:
    place = Place(a=EventTrigger(("/x", "/y")))
    place.update("/x")
    effects = place.open()
    claim: Any = Claim("t", "", "t.json", "/t", 1, NOON)
    assert place.firing.reset(EventResetAsked(claim, "a", "id"))
    assert kept(effects) == [Ready("a", None, {}, {"/x": NOON + 1})]
    assert [type(one).__name__ for one in effects] == ["SaveReady", "DropClaim", "WriteReceipt"]
    assert not place.firing.reset(EventResetAsked(claim, "other"))
