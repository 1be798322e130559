"""The merge rule, row by row."""

from __future__ import annotations

import pytest

from dsari_like.core.choices import Merge
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Job, Run, Trigger
from dsari_like.core.pending import Pending, Verdict


def waiting(run_id: str, kind: str) -> Run:
    return Run(run_id, "a", Trigger(kind), RunState.QUEUED, 0.0, 0.0)


SLOT, FIRST, SECOND = waiting("slot", "schedule"), waiting("first", "file"), waiting("second", "manual")


def weighed(pending: list[Run], merge: Merge = Merge.QUEUE, concurrent: bool = False) -> Verdict:
    book = Pending()
    for run in pending:
        book.add(run)
    return book.weigh_trigger(Job("a", ("true",), merge=merge, concurrent_runs=concurrent))


@pytest.mark.parametrize("merge", list(Merge))
def test_with_nothing_pending_a_trigger_is_a_run_of_its_own(merge: Merge) -> None:
    assert weighed([], merge) == Verdict()


@pytest.mark.parametrize("merge", list(Merge))
def test_the_place_of_a_pending_scheduled_run_is_taken_whatever_the_rule(merge: Merge) -> None:
    assert weighed([SLOT], merge) == Verdict(replaced=(SLOT,))


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        (Merge.QUEUE, Verdict()),
        (Merge.FOLD, Verdict(into=SECOND)),
        (Merge.REPLACE, Verdict(replaced=(FIRST, SECOND))),
        (Merge.DROP, Verdict(drop=True)),
    ],
)
def test_the_rule_applies_to_pending_triggered_runs(merge: Merge, expected: Verdict) -> None:
    assert weighed([FIRST, SECOND], merge) == expected


STEP, AGAIN = waiting("step", "chain"), waiting("again", "retry")
STEP.previous_run_id = "before"
AGAIN.flow_id, AGAIN.retry_of = "flow", "flow"


@pytest.mark.parametrize("merge", list(Merge))
def test_what_a_flow_counts_on_is_spared_whatever_the_rule(merge: Merge) -> None:
    assert weighed([STEP, AGAIN], merge) == Verdict()


def test_the_rule_applies_to_the_others_beside_what_a_flow_counts_on() -> None:
    assert weighed([FIRST, STEP], Merge.REPLACE) == Verdict(replaced=(FIRST,))
    assert weighed([FIRST, STEP], Merge.FOLD) == Verdict(into=FIRST)
    assert weighed([SLOT, STEP], Merge.DROP) == Verdict(replaced=(SLOT,))


def test_concurrent_jobs_merge_nothing() -> None:
    assert weighed([SLOT, FIRST], Merge.DROP, concurrent=True) == Verdict()


@pytest.mark.parametrize(
    ("pending", "concurrent", "into"),
    [
        ([], False, None),
        ([SLOT], False, SLOT),
        ([FIRST], False, FIRST),
        ([FIRST], True, None),
        ([FIRST, SLOT], True, SLOT),
    ],
)
def test_a_slot_folds_into_what_stands_for_it(pending: list[Run], concurrent: bool, into: Run | None) -> None:
    book = Pending()
    for run in pending:
        book.add(run)
    assert book.weigh_slot(Job("a", ("true",), concurrent_runs=concurrent)).into is into


def test_a_run_that_started_is_pending_no_more() -> None:
    book = Pending()
    book.add(FIRST)
    book.remove(FIRST)
    book.remove(FIRST)
    assert book.of("a") == ()
