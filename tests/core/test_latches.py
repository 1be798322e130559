"""AND remembers: stories of latches, of what an event matches, and of which events a run raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.choices import Reason
from dsari_like.core.expression import parse
from dsari_like.core.happenings import events_of
from dsari_like.core.instants import QUBE_EPOCH, Reading, next_instant, settled
from dsari_like.core.latches import Closed, Latches, any_item, of_item
from dsari_like.core.lifecycle import RunState
from dsari_like.core.matching import View, awaits
from dsari_like.core.model import Run, Trigger
from dsari_like.core.reactions import Event
from dsari_like.core.terms import EventType, ExpressionError, Term

NOON = 1_789_300_800.0
NOBODY = View(is_self=lambda event: False, is_parent=lambda event: False)


def event(text: str, time: float = NOON, run: str = "r1", flow: str = "") -> Event:
    """`complete-job-A` as something that happened."""
    term = parse(text)
    assert isinstance(term, Term)
    return Event(term.name, term.type, time, run, term.context, flow, term.extra)


def of(owner: str) -> View:
    """The eyes of a job."""
    return View(lambda event: event.job_name == owner, lambda event: event.run_id == "parent", f"{owner}/1")


def latches(text: str) -> Latches:
    return Latches(parse(text))


def test_q_38_and_waits_for_its_operands_at_different_moments() -> None:
    both = latches("complete-job-A && complete-job-B")
    assert not both.feed(event("complete-job-A"), NOBODY)
    assert not both.feed(event("complete-job-A", NOON + 1), NOBODY)
    assert both.feed(event("complete-job-B", NOON + 2, "r2"), NOBODY)
    assert both.fired_by == {"complete-job-A": Closed(NOON + 1, "r1"), "complete-job-B": Closed(NOON + 2, "r2")}


def test_q_39_after_firing_all_operands_are_awaited_anew() -> None:
    both = latches("complete-job-A && complete-job-B")
    fired = [both.feed(event(f"complete-job-{name}"), NOBODY) for name in "ABBAB"]
    assert fired == [False, True, False, True, False]


def test_q_75_either_side_of_or_fires_and_rearms_the_whole() -> None:
    mixed = latches("(complete-job-A && complete-job-B) || complete-job-C")
    assert [mixed.feed(event(f"complete-job-{name}"), NOBODY) for name in "ACBA"] == [False, True, False, True]


def test_q_37_what_is_not_awaited_changes_nothing() -> None:
    one = latches("complete-job-A")
    assert not one.feed(event("failed-job-A"), NOBODY) and not one.feed(event("complete-work-A-1"), NOBODY)
    assert one.closed == {}


def test_operands_that_are_too_old_do_not_count() -> None:
    both = latches("complete-job-A && complete-job-B")
    both.feed(event("complete-job-A"), NOBODY)
    assert not both.feed(event("complete-job-B", NOON + 100), NOBODY, horizon=NOON + 40)
    assert both.standing(NOON + 40).open == ("complete-job-A",)
    assert both.feed(event("complete-job-A", NOON + 120), NOBODY, horizon=NOON + 60)


def test_latches_outlive_the_daemon_as_json() -> None:
    first = latches("complete-job-A && complete-job-B")
    first.feed(event("complete-job-A"), NOBODY)
    kept = json.loads(json.dumps(first.closed))
    second = Latches(parse("complete-job-B && complete-job-A && complete-job-C"), kept)  # it was changed meanwhile
    assert not second.feed(event("complete-job-B"), NOBODY)
    assert second.standing().open == ("complete-job-C",)
    assert second.feed(event("complete-job-C"), NOBODY)


@given(st.lists(st.sampled_from("ABC"), max_size=30))
def test_and_fires_as_often_as_the_rarest_operand_allows(names: list[str]) -> None:
    all_three = latches("done-job-A && done-job-B && done-job-C")
    fired = sum(all_three.feed(event(f"done-job-{name}"), NOBODY) for name in names)
    assert fired <= min(names.count(name) for name in "ABC")
    assert (len(set(names)) == 3) <= (fired >= 1)


@pytest.mark.parametrize(
    ("text", "happened", "matches"),
    [
        ("complete-job-self", "complete-job-C", True),
        ("complete-job-self", "complete-job-A", False),
        ("complete-job-A", "complete-job-A", True),
        ("complete-job-r1", "complete-job-A", True),
        ("complete-job-*", "complete-job-A", True),
        ("complete-work-A-*", "complete-work-A-7", True),
        ("complete-work-A-8", "complete-work-A-7", False),
        ("complete-job-A", "complete-work-A-7", False),
        ("running-host-*-*", "running-host-x-anvil", True),
        ("running-host-self-forge", "running-host-x-anvil", False),
        ("failed-callback-mail", "failed-callback-A/mail", True),
        ("failed-callback-*", "failed-callback-C/1", False),  # not its own
    ],
)
def test_which_event_a_term_awaits(text: str, happened: str, matches: bool) -> None:
    term = parse(text)
    assert isinstance(term, Term)
    assert awaits(term, event(happened), of("C")) is matches


def test_q_31_the_parent_is_the_run_that_started_this_one() -> None:
    term = parse("complete-job-parent")
    assert isinstance(term, Term)
    assert awaits(term, event("complete-job-A", run="parent"), of("C"))
    assert not awaits(term, event("complete-job-A", run="r1"), of("C"))


def test_q_73_an_expression_for_each_item() -> None:
    text = "complete-work-A-* && complete-job-B"
    assert any_item(parse(text)) and of_item(parse(text), "7") == parse("complete-work-A-7 && complete-job-B")
    assert not any_item(parse("complete-work-A-7"))


# --- the events of a run ----------------------------------------------------------------------------------------


def names_of(*states: RunState, reason: Reason | None = None, item: str | None = None) -> list[str]:
    """The events of a run that goes through these states."""
    run = Run("r1", "a", Trigger("file"), states[0], NOON, NOON, item=item)
    run.reason = reason
    changes: list[tuple[Run, str | None, float]] = []
    for before, state in zip((None, *states), states, strict=False):
        run.state = state
        changes.append((run.snapshot(), before.value if before else None, NOON))
    return [f"{one.name}-{one.type.value}" for one in events_of(changes)]


S = RunState


def test_q_08_to_q_16_the_events_of_a_good_run() -> None:
    found = names_of(S.QUEUED, S.WAITING_FOR_LOCK, S.RUNNING, S.COMPLETED)
    assert found == [f"{name}-job" for name in "submit waiting assigned running complete done".split()]


def test_q_15_a_run_that_stays_queued_waits() -> None:
    assert names_of(S.QUEUED) == ["submit-job", "waiting-job"]
    assert names_of(S.QUEUED, S.RUNNING) == ["submit-job", "assigned-job", "running-job"]


def test_q_13_blocked_and_killed() -> None:
    assert names_of(S.BLOCKED, S.CANCELLED) == ["submit-job", "blocked-job", "killed-job", "done-job"]


def test_q_20_and_q_21_a_limit_is_an_event() -> None:
    assert names_of(S.QUEUED, S.RUNNING, S.FAILED, reason=Reason.MAX_EXECUTION)[-3:] == [
        "timeout-job", "failed-job", "done-job",
    ]  # fmt: skip
    assert names_of(S.QUEUED, S.RUNNING, S.TIMED_OUT, S.RUNNING)[-3:] == ["timeout-job", "timedout-job", "resumed-job"]


def test_q_24_an_item_raises_events_of_its_own_type() -> None:
    assert names_of(S.QUEUED, S.RUNNING, S.COMPLETED, item="7")[-1] == "done-work"


def test_a_warning_is_complete_too() -> None:
    assert names_of(S.RUNNING, S.WARNING)[-3:] == ["warning-job", "complete-job", "done-job"]


# --- times ------------------------------------------------------------------------------------------------------


def _moment(text: str) -> float:
    if text != "2026-12-24T18:00":
        raise ValueError("expected a date and time")
    return 1_798_135_200.0


READING = Reading(_moment, lambda text: float(text.removesuffix("m")) * (60 if text.endswith("m") else 1))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("time-self-1800000000", "1800000000"),
        ("time-self-@1800000000.5", "1800000000.5"),
        ("time-self-2026-12-24T18:00", "1798135200"),
        ("time-self-qube:0", f"{QUBE_EPOCH:.0f}"),
        ("time-self-+90m", "+5400"),
        ("repeat-self-2026-12-24T18:00-10m", "1798135200-600"),
        ("globalrepeat-0-3600", "0-3600"),
    ],
)
def test_q_26_times_are_kept_in_one_form(text: str, kept: str) -> None:
    found = settled(parse(text), READING)
    assert isinstance(found, Term) and found.extra == kept
    assert settled(found, READING) == found


@pytest.mark.parametrize("text", ["time-self-soon", "repeat-self-1800000000", "globaltime-+5", "globalrepeat-0-0"])
def test_a_time_that_is_none_is_refused_at_its_column(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        settled(parse(f"done-job-A && {text}"), READING)
    assert caught.value.column == 15


def test_q_29_bare_numbers_may_be_qube_time() -> None:
    found = settled(parse("globaltime-1000"), Reading(_moment, float, qube=True))
    assert isinstance(found, Term) and float(found.extra or 0) == QUBE_EPOCH + 1000


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(0, 2 * 10**9))
def test_q_27_a_repeat_keeps_its_phase(first: int, step: int, after: int) -> None:
    term = Term("dummy", EventType.REPEAT, "self", f"{first}-{step}")
    found = next_instant(term, 0.0, float(after))
    assert found is not None and found > after and (found - first) % step == 0
    assert found == first or found - step <= after
