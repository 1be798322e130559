"""Blocked runs: stories of what releases which of them, and when (the six cases of rows Q-71 to Q-80)."""

from __future__ import annotations

from dsari_like.core.expression import parse
from dsari_like.core.latches import Closed
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Run, Trigger
from dsari_like.core.past import Past
from dsari_like.core.reactions import Blocking, Event, Freshness
from dsari_like.core.releases import Releases
from dsari_like.core.terms import Term

NOON = 1_789_300_800.0


def happened(text: str, time: float = NOON, run: str = "", flow: str = "") -> Event:
    """`complete-job-A` as something that happened, to a run of that name."""
    term = parse(text)
    assert isinstance(term, Term)
    return Event(term.name, term.type, time, run or f"run-{term.context}", term.context, flow, term.extra)


class Gate:
    """Blocked runs, and what was let through."""

    def __init__(self) -> None:
        self.past = Past()
        self.past.configure({"*"}, {"B", "C", "D"})
        self.releases = Releases(self.past)

    def block(self, name: str, until: str, flow: str = "", item: str | None = None, **more: object) -> bool:
        """Whether the run of this name has to wait."""
        freshness = Freshness(**more)  # type: ignore[arg-type]
        run = Run(name + (item or ""), name, Trigger("file"), RunState.BLOCKED, NOON, NOON, flow_id=flow, item=item)
        run.previous_run_id = "run-parent"
        return not self.releases.block(run, Blocking(until, parse(until), freshness), NOON)[0]

    def event(self, text: str, time: float = NOON, run: str = "", flow: str = "") -> list[str]:
        """Who is released by it."""
        event = happened(text, time, run, flow)
        self.past.remember(event)
        told = list(self.releases.feed(event))
        return [run_id for run_id, _ in told if not self.releases.is_blocked(run_id)]


def test_q_71_b_waits_for_a() -> None:
    gate = Gate()
    assert gate.block("B", "complete-job-A")
    assert gate.event("running-job-A") == [] and gate.event("failed-job-A") == []
    assert gate.event("complete-job-A") == ["B"] and gate.event("complete-job-A") == []


def test_q_73_item_by_item_in_any_order() -> None:
    gate = Gate()
    for item in "123":
        assert gate.block("B", "complete-work-A-*", item=item)
    assert gate.event("complete-work-A-2") == ["B2"]
    assert gate.event("complete-work-A-1") == ["B1"]
    assert gate.event("complete-work-X-3") == []


def test_q_74_an_item_waits_for_that_item_of_all_upstreams() -> None:
    gate = Gate()
    gate.block("C", "complete-work-A-*, complete-work-B-*", item="1")
    assert gate.event("complete-work-A-1") == [] and gate.event("complete-work-B-2") == []
    assert gate.event("complete-work-B-1") == ["C1"]


def test_q_75_c_waits_for_a_and_b_and_d_for_both_or_c() -> None:
    gate = Gate()
    gate.block("C", "complete-job-A && complete-job-B")
    gate.block("D", "(complete-job-A && complete-job-B) || complete-job-X")
    assert gate.event("complete-job-A") == []
    assert gate.event("complete-job-X") == ["D"]
    assert gate.event("complete-job-B") == ["C"]


def test_q_80_a_delayed_start() -> None:
    gate = Gate()
    gate.block("B", f"time-self-{NOON + 60:.0f}")
    assert gate.releases.next_deadline() == NOON + 60
    assert list(gate.releases.time_passed(NOON + 59)) == []
    assert [run_id for run_id, _ in gate.releases.time_passed(NOON + 60)] == ["B"]
    assert gate.releases.next_deadline() is None
    assert not gate.block("B", f"time-self-{NOON - 1:.0f}")


def test_q_80_an_hour_after_the_run_was_made_and_when_another_has_ended() -> None:
    gate = Gate()
    gate.block("B", "time-self-+3600 && complete-job-A")
    assert [gate.releases.is_blocked(run_id) for run_id, _ in gate.releases.time_passed(NOON + 3600)] == [True]
    assert gate.event("complete-job-A", NOON + 9000) == ["B"]


def test_q_78_a_failed_upstream_keeps_it_blocked_until_a_retry_completes() -> None:
    gate = Gate()
    gate.block("B", "complete-job-A", flow="f")
    assert gate.event("failed-job-A", flow="f") == []
    why = gate.releases.why("B", NOON)
    assert why is not None and why.open == ("complete-job-A",)
    assert gate.event("complete-job-A", run="retry", flow="f") == ["B"]


def test_q_79_a_failure_can_be_what_is_awaited() -> None:
    gate = Gate()
    gate.block("B", "failed-job-A or killed-job-A")
    assert gate.event("killed-job-A") == ["B"]


def test_r_09_what_happened_earlier_in_the_flow_counts() -> None:
    gate = Gate()
    gate.event("running-job-A", flow="f")
    assert not gate.block("B", "running-job-A", flow="f")
    assert gate.block("C", "running-job-A", flow="g")


def test_r_09_of_other_flows_the_newest_end_since_this_job_began_last_counts() -> None:
    gate = Gate()
    gate.event("complete-job-A", NOON - 100)
    assert not gate.block("B", "complete-job-A")
    gate.event("running-job-B", NOON - 50)
    assert gate.block("B", "complete-job-A")  # that one was used up
    gate.event("failed-job-A", NOON - 10, run="later")
    assert gate.block("D", "complete-job-A")  # its newest end is another


def test_r_09_other_flows_do_not_release_a_run_whose_flow_has_that_job_too() -> None:
    gate = Gate()
    gate.event("submit-job-A", flow="f")
    gate.block("B", "complete-job-A", flow="f")
    assert gate.event("complete-job-A", run="other", flow="g") == []
    gate.block("C", "complete-job-X", flow="f")
    assert gate.event("complete-job-X", flow="g") == ["C"]
    assert gate.event("complete-job-A", flow="f") == ["B"]


def test_q_73_items_that_are_made_late_find_what_was_done_before_their_array_began() -> None:
    gate = Gate()
    assert gate.block("B", "complete-work-A-*")
    assert gate.event("complete-work-A-2") == ["B"]
    gate.event("complete-work-A-3", NOON + 1)
    gate.event("running-job-B", NOON + 2)
    run = {item: Run(f"B{item}", "B", Trigger("file"), RunState.BLOCKED, NOON, NOON, item=item) for item in "123"}
    for one in run.values():
        one.previous_run_id = "B"
    until = Blocking("complete-work-A-*", parse("complete-work-A-*"))
    assert [item for item, one in run.items() if gate.releases.block(one, until, NOON + 3)[0]] == ["2", "3"]
    assert gate.event("complete-work-A-1", NOON + 4) == ["B1"]


def test_operands_within_a_time_of_each_other() -> None:
    gate = Gate()
    gate.block("C", "complete-job-A && complete-job-B", within=3600.0)
    gate.event("complete-job-A", NOON)
    assert gate.event("complete-job-B", NOON + 7200, flow="g") == []
    assert gate.event("complete-job-A", NOON + 7300, flow="h") == ["C"]


def test_q_31_the_parent_may_be_awaited() -> None:
    gate = Gate()
    gate.block("B", "complete-job-parent")
    assert gate.event("complete-job-A") == []
    assert gate.event("complete-job-A", run="run-parent") == ["B"]


def test_latches_are_told_to_be_kept_and_taken_back() -> None:
    gate = Gate()
    gate.block("C", "complete-job-A && complete-job-B")
    told = list(gate.releases.feed(happened("complete-job-A")))
    assert [row.latches for _, row in told] == [{"complete-job-A": Closed(NOON, "run-A")}]
    after = Gate()
    run = Run("C", "C", Trigger("file"), RunState.BLOCKED, NOON, NOON)
    text = "complete-job-A && complete-job-B"
    after.releases.block(run, Blocking(text, parse(text)), NOON, told[0][1].latches)  # type: ignore[arg-type]
    assert after.event("complete-job-B") == ["C"]


def test_who_is_cancelled_waits_no_more() -> None:
    gate = Gate()
    gate.block("B", "complete-job-A && time-self-+60")
    row = gate.releases.forget("B")
    assert row is not None and (row.owner, row.latches) == ("B", {})
    assert gate.event("complete-job-A") == [] and list(gate.releases.time_passed(NOON + 100)) == []
    assert gate.releases.forget("B") is None
