"""Events start jobs: each becomes a run or a part of one, and is remembered in the same turn."""

from __future__ import annotations

from dsari_like.core import messages as m
from dsari_like.core.flow_messages import SaveReady, WatchedUpdated
from dsari_like.core.flows import EventTrigger, Ready
from dsari_like.core.model import Configuration, Job
from tests.core.house import NOON, House, job


class Place(House):
    """A house whose jobs watch things."""

    def __init__(self, *jobs: Job, **triggers: EventTrigger) -> None:
        super().__init__(*jobs, *(job(name, event_trigger=trigger) for name, trigger in triggers.items()))

    def update(self, *things: str, after: float = 1.0) -> list[tuple[str, str | None]]:
        """Things are updated; what was decided for that."""
        self.now = m.Now(self.now.wall + after, self.now.mono + after)
        marks = dict.fromkeys(things, self.now.wall)
        effects = self.tell(WatchedUpdated(things, self.now.wall, marks))
        return [(one.decision.outcome.value, one.decision.run_id) for one in effects if isinstance(one, m.Decide)]

    def kept(self) -> Ready:
        """What the run log has by now."""
        return [one.ready for one in self.effects if isinstance(one, SaveReady)][-1]


def test_k25_the_last_of_the_updates_starts_the_job_and_every_one_is_remembered() -> None:
    place = Place(a=EventTrigger(("/x", "/y")))
    assert place.update("/x") == [] and place.kept().updated == {"/x": NOON + 1}
    assert place.update("/y") == [("started", "r1")]
    assert place.kept() == Ready("a", NOON + 2, {}, {"/x": NOON + 1, "/y": NOON + 2})
    assert place.rows["r1"].trigger.type == "event"


def test_k16_an_event_while_a_run_is_pending_is_folded_into_it() -> None:
    place = Place(a=EventTrigger(("/x",)))
    place.update("/x")  # this one runs
    place.update("/x")  # this one waits behind it
    assert place.update("/x") == [("folded", "r2")]


def test_k20_the_success_of_a_job_is_an_event_and_its_failure_is_none() -> None:
    place = Place(job("other"), a=EventTrigger(("job:other",)))
    place.drop("other")
    place.end("r1", code=1)
    assert place.running == []
    place.drop("other")
    place.end("r2")
    assert place.running == ["r3"] and place.rows["r3"].job_name == "a"


def test_k25_a_run_that_begins_by_other_means_has_seen_the_updates() -> None:
    place = Place(a=EventTrigger(("/x", "/y")))
    place.update("/x")
    place.drop("a")
    assert place.kept().updated == {}
    assert place.update("/y") == []


def test_k25_what_an_earlier_daemon_knew_counts() -> None:
    before = Place(a=EventTrigger(("/x", "/y")))
    before.update("/x")
    after = House()
    configuration = Configuration(jobs={"a": job("a", event_trigger=EventTrigger(("/x", "/y")))})
    after.tell(m.Configured(configuration, {}, ready=(before.kept(),)))
    after.tell(WatchedUpdated(("/y",), NOON + 5))
    assert after.outcomes() == [("started", "r1")]


def test_k26_the_end_of_a_cool_down_starts_what_is_to_start_then() -> None:
    place = Place(a=EventTrigger(("/x",), cool_down=60.0, at_end=True))
    place.update("/x")
    place.end("r1")
    place.update("/x")
    place.wait(58.5)
    assert place.running == []
    place.wait(0.5)
    assert place.running == ["r2"]


def test_an_event_is_no_reason_to_start_what_is_disabled() -> None:
    place = Place(job("a", event_trigger=EventTrigger(("/x",)), enabled=False))
    assert place.update("/x") == []
