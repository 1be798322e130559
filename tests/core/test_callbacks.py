"""Callbacks: stories of which fires when, how often, in whose name, and what becomes of its call."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from dsari_like.core.callbacks import DEEPEST, MOST_SCOPES
from dsari_like.core.calling import AT_ONCE
from dsari_like.core.expression import parse
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Configuration, Exit, Job, Run, Trigger
from dsari_like.core.reacting import Kept, Reaction, Reactions
from dsari_like.core.reactions import (
    UNIVERSAL,
    Call,
    Callback,
    CallEnded,
    CallState,
    Event,
    Freshness,
    Language,
    SaveCall,
    SaveLatches,
    StartCall,
)

NOON = 1_789_300_800.0
S = RunState


def callback(triggers: str, owner: str = "C", name: str = "1", **more: Any) -> Callback:
    """Some shell code on a trigger expression."""
    return Callback(name, owner, triggers, parse(triggers), more.pop("language", Language.SHELL), "true", **more)


class Site:
    """Jobs A, B, C, … with callbacks, and what came of their runs."""

    def __init__(self, *callbacks: Callback, kept: Kept | None = None, open_runs: tuple[Run, ...] = ()) -> None:
        numbers = itertools.count(1)
        self.reactions = Reactions(lambda: f"c{next(numbers)}")
        self.saved: dict[str, Call] = {}
        self.rows: dict[tuple[str, str], SaveLatches] = {}
        self.started: list[Call] = []
        self.kept = kept or Kept()
        self.configure(*callbacks, open_runs=open_runs)

    def configure(self, *callbacks: Callback, excluded: str = "", open_runs: tuple[Run, ...] = ()) -> None:
        """These are configured now."""
        owned = {name: tuple(one for one in callbacks if one.owner == name) for name in "ABCD"}
        jobs = {
            name: Job(name, ("true",), callbacks=owned[name], universal_callbacks=name != excluded) for name in "ABCD"
        }
        universal = tuple(one for one in callbacks if one.owner == UNIVERSAL)
        configuration = Configuration(jobs=jobs, callbacks=universal)
        self.take(self.reactions.configure(configuration, open_runs, NOON, self.kept))

    def take(self, reaction: Reaction) -> list[Call]:
        """Keep what was to be recorded. Returns the calls that were begun."""
        begun = []
        for effect in reaction.effects:
            match effect:
                case SaveCall():
                    self.saved[effect.call.callback_id] = effect.call
                case StartCall():
                    assert self.saved[effect.call.callback_id] == effect.call  # its row comes first
                    begun.append(effect.call)
                case SaveLatches():
                    self.rows[effect.owner, effect.scope] = effect
        self.started += begun
        return begun

    def run(self, name: str, *states: RunState, time: float = NOON, run_id: str = "", **more: Any) -> list[str]:
        """A run goes through these states. Returns the callbacks that were called."""
        one = run_of(name, run_id or f"run-{name}", **more)
        changes: list[tuple[Run, str | None, float]] = []
        before = None
        for state in states:
            one.state = state
            changes.append((one.snapshot(), before, time))
            before = state.value
        return [call.callback for call in self.take(self.reactions.follow(changes))]

    def end(self, call_id: str, code: int = 0, time: float = NOON) -> list[str]:
        """A call ends. Returns the callbacks that were called thereupon."""
        ended = CallEnded(call_id, Exit(code), "said", time)
        return [call.callback for call in self.take(self.reactions.ended(ended))]


def run_of(name: str, run_id: str, **more: Any) -> Run:
    origin = {"depth": more.pop("depth")} if "depth" in more else {}
    return Run(run_id, name, Trigger("file", origin=origin), S.QUEUED, NOON, NOON, **more)


GOOD = (S.QUEUED, S.RUNNING, S.COMPLETED)
BAD = (S.QUEUED, S.RUNNING, S.FAILED)


def test_q_02_a_callback_is_called_each_time_its_condition_is_met() -> None:
    site = Site(callback("complete-job-self", owner="A"))
    assert site.run("A", *GOOD, run_id="r1") == ["A/1"] == site.run("A", *GOOD, run_id="r2")
    assert site.run("A", *BAD) == [] == site.run("B", *GOOD)


def test_q_04_the_call_holds_all_there_is_to_know() -> None:
    site = Site(callback("failed-job-self", owner="A", name="tell", retries=2))
    site.run("A", *BAD)
    (call,) = site.started
    assert (call.callback, call.run_id, call.job_name, call.count, call.retries) == ("A/tell", "run-A", "A", 1, 2)
    assert call.event["text"] == "failed-job-A" and call.event["run"]["status"] == "failed"
    assert call.event["callback"] == {"id": "c1", "name": "A/tell", "triggers": "failed-job-self", "count": 1}
    assert call.state is CallState.RUNNING and call.attempt == 1
    assert call.latches == {"failed-job-self": (NOON, "run-A")}


def test_q_54_universal_callbacks_hear_every_job_but_those_that_want_none() -> None:
    site = Site(callback("failed-job-self", owner=UNIVERSAL))
    assert site.run("A", *BAD) == ["*/1"] and site.started[0].job_name == "A"
    site.configure(callback("failed-job-self", owner=UNIVERSAL), excluded="A")
    assert site.run("A", *BAD) == [] and site.run("B", *BAD) == ["*/1"]


def test_q_38_two_jobs_of_one_flow_and_not_of_two() -> None:
    site = Site(callback("complete-job-A && complete-job-B"))
    assert site.run("A", *GOOD, flow_id="f") == []
    assert site.run("B", *GOOD, flow_id="g") == []
    assert site.run("B", *GOOD, flow_id="f") == ["C/1"]


def test_runs_outside_flows_are_put_together() -> None:
    site = Site(callback("complete-job-A && complete-job-B"))
    assert site.run("A", *GOOD) == [] and site.run("B", *GOOD) == ["C/1"]


def test_expressions_across_flows_have_a_freshness() -> None:
    site = Site(callback("complete-job-A && complete-job-B", freshness=Freshness(within=3600.0)))
    site.run("A", *GOOD, flow_id="f", time=NOON)
    assert site.run("B", *GOOD, flow_id="g", time=NOON + 4000) == []
    assert site.run("A", *GOOD, flow_id="h", time=NOON + 5000) == ["C/1"]


def test_since_last_run_forgets_what_came_before_the_owner_began() -> None:
    site = Site(callback("complete-job-A && complete-job-B", freshness=Freshness(since_last_run=True)))
    site.run("A", *GOOD, time=NOON)
    site.run("C", *GOOD, time=NOON + 10)
    assert site.run("B", *GOOD, time=NOON + 20) == []
    assert site.run("A", *GOOD, time=NOON + 30) == ["C/1"]


def test_self_alone_is_about_one_run_at_a_time() -> None:
    site = Site(callback("timedout-job-self && complete-job-self", owner="A"))
    site.run("A", S.QUEUED, S.RUNNING, S.TIMED_OUT, run_id="r1")
    assert site.run("A", *GOOD, run_id="r2") == []
    one = run_of("A", "r1")
    one.state = S.COMPLETED
    assert [call.callback for call in site.take(site.reactions.follow([(one, "timed_out", NOON)]))] == ["A/1"]
    assert site.rows["A/1", "r1"].latches == {} and site.rows["A/1", "r1"].count == 0  # and nothing is left of it


def test_q_40_maximum_counts_for_each_run_or_flow() -> None:
    site = Site(callback("complete-work-A-*", maximum=1, owner="C"))
    assert site.run("A", *GOOD, flow_id="f", item="1", run_id="i1") == ["C/1"]
    assert site.run("A", *GOOD, flow_id="f", item="1", run_id="i1b") == []
    assert site.run("A", *GOOD, flow_id="g", item="1", run_id="i2") == ["C/1"]


def test_q_41_a_wildcard_calls_for_each_item_and_the_item_is_told() -> None:
    site = Site(callback("complete-work-self-*", owner="A"))
    for item in ("1", "Segment:1-100"):
        site.run("A", *GOOD, flow_id="f", item=item, run_id=f"i{item}")
    assert [call.event["item"] for call in site.started] == ["1", "Segment:1-100"]


def test_q_74_an_item_of_all_upstreams() -> None:
    site = Site(callback("complete-work-A-* && complete-work-B-* && complete-job-D"))
    site.run("A", *GOOD, flow_id="f", item="1", run_id="a1")
    site.run("B", *GOOD, flow_id="f", item="2", run_id="b2")
    assert site.run("D", *GOOD, flow_id="f") == []
    assert site.run("B", *GOOD, flow_id="f", item="1", run_id="b1") == ["C/1"]
    assert site.run("A", *GOOD, flow_id="f", item="2", run_id="a2") == ["C/1"]


def test_the_owners_run_in_the_flow_is_self() -> None:
    site = Site(callback("complete-job-A"))
    site.run("C", S.BLOCKED, flow_id="f", run_id="waiting-f", previous_run_id="p")
    site.run("C", S.BLOCKED, flow_id="g", run_id="waiting-g")
    site.run("A", *GOOD, flow_id="f")
    assert site.started[0].run_id == "waiting-f" and site.started[0].event["self"]["run_id"] == "waiting-f"
    assert site.started[0].event["parent"] == {"run_id": "p"}
    assert site.started[0].event["run"]["run_id"] == "run-A"


def test_q_31_the_parent_of_an_open_run() -> None:
    site = Site(callback("complete-job-parent", owner="B"))
    site.run("B", S.QUEUED, S.RUNNING, run_id="child", previous_run_id="run-A")
    assert site.run("A", *GOOD, run_id="other") == []
    assert site.run("A", *GOOD, run_id="run-A") == ["B/1"]
    assert site.started[0].run_id == "child"


def test_latches_survive_a_restart() -> None:
    site = Site(callback("complete-job-A && complete-job-B"))
    site.run("A", *GOOD, flow_id="f")
    after = Site(callback("complete-job-A && complete-job-B"), kept=Kept(latches=tuple(site.rows.values())))
    assert after.run("B", *GOOD, flow_id="g") == []
    assert after.run("B", *GOOD, flow_id="f") == ["C/1"]


def test_a_reload_forgets_nothing_of_what_stays() -> None:
    both = callback("complete-job-A && complete-job-B")
    site = Site(both)
    site.run("A", *GOOD)
    site.configure(both, callback("done-job-D", name="2"))
    assert site.run("B", *GOOD) == ["C/1"] and site.run("D", *GOOD) == ["C/2"]
    site.configure()
    assert site.run("D", *GOOD) == []


def test_scopes_are_limited() -> None:
    site = Site(callback("complete-job-A && complete-job-B"))
    for number in range(MOST_SCOPES + 1):
        site.run("A", *GOOD, flow_id=f"f{number}")
    assert site.run("B", *GOOD, flow_id="f0") == []
    assert site.run("B", *GOOD, flow_id=f"f{MOST_SCOPES}") == ["C/1"]


def test_r_12_a_chain_of_callbacks_ends() -> None:
    site = Site(callback("complete-job-self", owner="A"))
    assert site.run("A", *GOOD, depth=DEEPEST - 1) == ["A/1"]
    assert site.started[0].depth == DEEPEST
    assert site.run("A", *GOOD, depth=DEEPEST) == []
    refused = site.saved["c2"]
    assert refused.state is CallState.REFUSED and f"{DEEPEST} deep" in refused.reason


def test_r_11_a_callback_that_fails_raises_an_event_but_not_for_itself() -> None:
    site = Site(callback("complete-job-A or failed-callback-*"), callback("failed-callback-1", owner="B", name="told"))
    site.run("A", *GOOD)
    assert site.end("c1", code=3) == ["B/told"]
    assert (site.saved["c1"].state, site.saved["c1"].exit_code) == (CallState.FAILED, 3)
    assert site.end("c2") == []


def test_a_failing_call_is_tried_again_where_that_is_wanted() -> None:
    site = Site(callback("complete-job-A", retries=1, retry_delay=30.0), callback("failed-callback-*", owner="B"))
    site.run("A", *GOOD)
    assert site.end("c1", code=1, time=NOON + 5) == []
    assert site.saved["c1"].state is CallState.WAITING and site.reactions.next_deadline() == NOON + 35
    (again,) = site.take(site.reactions.time_passed(NOON + 35))
    assert (again.callback_id, again.attempt) == ("c1", 2)
    assert site.end("c1", code=1) == ["B/1"]


def test_q_44_a_few_at_once_and_the_others_in_order() -> None:
    site = Site(callback("complete-job-self", owner="A"))
    for number in range(AT_ONCE + 3):
        site.run("A", *GOOD, run_id=f"r{number}")
    assert len(site.started) == AT_ONCE and len(site.saved) == AT_ONCE + 3
    site.end("c2")
    site.end("c1")
    assert [call.callback_id for call in site.started[AT_ONCE:]] == ["c5", "c6"]


def test_calls_that_an_earlier_daemon_did_not_see_end_are_made_again() -> None:
    site = Site(callback("complete-job-self", owner="A"))
    site.run("A", *GOOD)
    after = Site(kept=Kept(calls=((site.saved["c1"], None),)))
    assert [(call.callback_id, call.attempt) for call in after.started] == [("c1", 2)]
    assert after.reactions.call("c1") is not None
    after.end("c1")
    assert after.reactions.call("c1") is None
    assert after.end("c1") == []  # its end is told twice


def test_q_26_and_q_27_times_of_runs_and_of_the_site() -> None:
    site = Site(callback("time-self-+60", owner="A"), callback(f"globalrepeat-{NOON:.0f}-100", owner=UNIVERSAL))
    site.run("A", S.QUEUED, S.RUNNING, run_id="r1")
    site.run("A", S.QUEUED, S.RUNNING, run_id="r2", time=NOON)
    assert site.reactions.next_deadline() == NOON + 60
    done = run_of("A", "r2")
    done.state = S.COMPLETED
    site.take(site.reactions.follow([(done, "running", NOON + 1)]))
    assert [call.run_id for call in site.take(site.reactions.time_passed(NOON + 60))] == ["r1"]
    assert [call.callback for call in site.take(site.reactions.time_passed(NOON + 350))] == ["*/1"]
    assert site.reactions.next_deadline() == NOON + 400


def test_a_time_that_passed_while_nobody_watched_comes_late() -> None:
    times = callback(f"globaltime-{NOON - 50:.0f}", owner=UNIVERSAL)
    assert Site(times).reactions.next_deadline() is None
    late = Site(times, kept=Kept(since=NOON - 100))
    assert [call.callback for call in late.take(late.reactions.time_passed(NOON))] == ["*/1"]


def test_q_25_the_start_of_the_daemon_is_an_event() -> None:
    site = Site(callback("running-host-*-*", owner=UNIVERSAL), callback("done-host-*-forge", owner=UNIVERSAL, name="2"))
    assert [call.callback for call in site.take(site.reactions.host("running", "anvil", NOON))] == ["*/1"]
    assert site.take(site.reactions.host("done", "anvil", NOON)) == []


@pytest.mark.parametrize("count", [1, 7])
def test_the_same_story_has_the_same_end(count: int) -> None:
    def story() -> list[Call]:
        site = Site(callback("complete-job-A && complete-job-B"), callback("done-job-*", owner=UNIVERSAL))
        for number in range(count):
            site.run("A", *GOOD, run_id=f"a{number}")
            site.run("B", *BAD, run_id=f"b{number}")
        return list(site.saved.values())

    assert story() == story()


def test_nobody_listens_and_nothing_is_done() -> None:
    site = Site()
    assert site.run("A", *GOOD) == [] and site.reactions.next_deadline() is None
    assert site.reactions.happened(Event("progress", parse("progress-job-A").type, NOON)) == Reaction()  # type: ignore[union-attr]
