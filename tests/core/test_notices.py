"""Notices: stories of who is told of what, how often, and when."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.model import Decision
from dsari_like.core.notify import Kind, Rule
from dsari_like.core.reactions import Call, Kept, SaveCall
from tests.core.house import House, job

ME, YOU = "me@x.example", "you@x.example"


def rule(*kinds: Kind, to: str = ME, **more: Any) -> Rule:
    """Tell one address; failed and recovered unless it says otherwise."""
    return Rule(kinds or (Kind.FAILED, Kind.RECOVERED), (to,), **more)


def told(house: House) -> list[str]:
    """What was told to whom, in order."""
    calls: dict[str, Call] = {}
    for effect in house.of(SaveCall):
        calls[effect.call.callback_id] = effect.call
    return [f"{call.triggers} {call.job_name} {call.code.partition('@')[0]}" for call in calls.values()]


def go(house: House, code: int, name: str = "a", **fields: Any) -> None:
    """A run from its trigger to its end."""
    house.drop(name, **fields)
    house.end(house.running[-1], code)


def test_k_52_a_streak_is_told_once_and_its_end_too() -> None:
    house = House(job(), notify=(rule(),), zone=UTC)
    for code in (0, 1, 1, 0, 0, 1):
        go(house, code)
    assert told(house) == ["failed a me", "recovered a me", "failed a me"]


def test_after_so_many_in_a_row_and_recovered_only_if_told() -> None:
    house = House(job(notify=(rule(after=2),)))
    go(house, 1)
    go(house, 0)
    assert told(house) == []
    go(house, 1)
    go(house, 1)
    assert told(house) == ["failed a me"]


def test_only_after_the_last_automatic_retry() -> None:
    house = House(job(retries=1, retry_delay=10.0, notify=(rule(),)))
    go(house, 1)
    assert told(house) == []
    house.wait(10)
    house.end(house.running[-1], 1)
    assert told(house) == ["failed a me"]


def test_k_58_levels_add_up_and_replace() -> None:
    top = rule()
    house = House(job("a", notify=(rule(to=YOU),)), job("b", notify=(rule(to=YOU, replace=True),)), notify=(top,))
    go(house, 1, "a")
    go(house, 1, "b")
    assert told(house) == ["failed a me", "failed a you", "failed b you"]


def test_k_51_started_by_hand_only_who_asked_is_told() -> None:
    house = House(job(), notify=(rule(),))
    go(house, 1, type="manual")
    go(house, 1, type="manual", data={"notify": [YOU]})
    assert told(house) == ["failed a you"]
    go(house, 1, type="manual", data={"notify": "configured"})
    assert told(house) == ["failed a you", "failed a me"]


def test_k_53_and_k_54_late_is_told_once_when_three_good_ones_are_known() -> None:
    house = House(job(), notify=(rule(Kind.LATE, over=20.0),))
    for _ in range(3):
        house.drop()
        house.wait(100)
        house.end(house.running[-1])
    house.drop()
    house.wait(119)
    assert told(house) == []
    house.wait(500)
    assert told(house) == ["late a me"]


def test_missed_times_are_told() -> None:
    house = House(job(), notify=(rule(Kind.MISSED),))
    reactions = house.engine._consequences._reactions
    decision = Decision("a", Outcome.MISSED, house.now.wall, house.now.wall - 60, None, "no daemon ran")
    found = reactions.missed([decision, Decision("a", Outcome.SKIPPED, house.now.wall)])
    assert [effect.call.triggers for effect in found.effects if isinstance(effect, SaveCall)] == ["missed"]


def test_a_digest_is_one_message_a_day() -> None:
    house = House(job("a"), job("b"), notify=(rule(digest=13 * 60),))
    go(house, 1, "a")
    go(house, 1, "b")
    (call,) = {effect.call.callback_id: effect.call for effect in house.of(SaveCall)}.values()
    assert [one["job_name"] for one in call.event["notices"]] == ["a", "b"] and call.attempt == 0
    assert call.due == house.now.wall + 3600


def test_quiet_hours_hold_until_their_end() -> None:
    assert rule(quiet_hours=(11 * 60, 14 * 60)).held_until(1789300800.0, UTC) == 1789300800.0 + 2 * 3600
    assert rule(quiet_hours=(22 * 60, 7 * 60)).held_until(1789300800.0, UTC) is None


def test_one_message_for_a_broken_chain_says_what_it_holds_back() -> None:
    from dsari_like.core.flows import Chains

    chains = Chains({"b": "a", "c": "b"}, {"a": ("b",), "b": ("c",)})
    house = House(job("a"), job("b", after="a"), job("c", after="b"), notify=(rule(),), chains=chains)
    go(house, 1, "a")
    (call,) = {effect.call.callback_id: effect.call for effect in house.of(SaveCall)}.values()
    assert call.event["notice"]["holds_back"] == ["b", "c"]


def test_a_restart_neither_repeats_nor_forgets() -> None:
    from dsari_like.core.reactions import SaveLatches

    house = House(job(), notify=(rule(),))
    go(house, 1)
    rows = {(row.owner, row.scope): row for row in house.of(SaveLatches)}
    after = House(job())
    configuration = house.engine._lives.configuration
    after.tell(m.Configured(configuration, {}, kept=Kept(latches=tuple(rows.values()))))
    go(after, 1)
    assert told(after) == []
    go(after, 0)
    assert told(after) == ["recovered a me"]
