"""Retention: which rule takes a run, which spares it, and that no order of runs makes it take what it must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.model import Retention
from dsari_like.core.retention import Finished, JobJudge, Moment, Rule, Sum, Verdict, amount, rule_words, span

NOW = 1_795_176_000.0
DAY = 86_400.0
MIB = 1 << 20


def runs(*days: float, status: str = "completed", size: int = 0) -> list[Finished]:
    """Finished runs, newest first, by how many days ago they ended."""
    return [Finished(f"run-{n}", "build", status, NOW - ago * DAY, size) for n, ago in enumerate(days)]


def judged(
    history: list[Finished], rules: Retention, needed: dict[str, str] | None = None, believed: bool = True
) -> list[Verdict]:
    judge = JobJudge(rules, needed or {}, Moment(NOW, believed))
    return [judge.verdict(run) for run in history]


def taken(verdicts: list[Verdict]) -> list[bool]:
    return [verdict.taken for verdict in verdicts]


# --- one rule at a time -------------------------------------------------------------------------------------------


def test_age_takes_what_ended_longer_ago() -> None:
    verdicts = judged(runs(1, 89, 91), Retention(age=90 * DAY))
    assert taken(verdicts) == [False, False, True]
    assert verdicts[2].rule is Rule.AGE and verdicts[2].words == "it ended 91 days ago, and age is 90 days"


def test_count_takes_what_is_older_than_so_many() -> None:
    verdicts = judged(runs(1, 2, 3), Retention(count=2))
    assert taken(verdicts) == [False, False, True]
    assert verdicts[2].words == "2 finished runs of its job are newer, and count is 2"


def test_bytes_takes_what_no_longer_fits() -> None:
    verdicts = judged(runs(1, 2, 3, size=MIB), Retention(bytes=2 * MIB))
    assert taken(verdicts) == [False, False, True]
    assert verdicts[2].words == "with it the runs of its job hold 3 MiB, and bytes is 2 MiB"


def test_the_sum_of_all_jobs_takes_the_oldest_of_all() -> None:
    total = Sum(2 * MIB, Moment(NOW))
    verdicts = []
    for run in runs(1, 2, 3, size=MIB):
        total.add(run.size)
        verdicts.append(total.verdict(run, Retention(), {}))
    assert taken(verdicts) == [False, False, True] and verdicts[2].rule is Rule.ALL_BYTES


def test_a_failed_run_is_spared_for_a_time_of_its_own() -> None:
    rules = Retention(count=1, keep_failed=30 * DAY)
    verdicts = judged(runs(1, 20, 40, status="failed"), rules)
    assert [verdict.rule for verdict in verdicts] == [Rule.NONE, Rule.KEEP_FAILED, Rule.COUNT]


def test_what_is_needed_is_spared_and_says_by_whom() -> None:
    verdicts = judged(runs(1, 2), Retention(count=1), {"run-1": "it is the last good run of its job"})
    assert verdicts[1] == Verdict(False, Rule.NEEDED, "it is the last good run of its job")


def test_a_clock_that_is_not_believed_takes_nothing_but_other_rules_go_on() -> None:
    verdicts = judged(runs(1, 200, 300), Retention(age=90 * DAY, count=2), believed=False)
    assert [verdict.rule for verdict in verdicts] == [Rule.NONE, Rule.CLOCK, Rule.COUNT]
    spared = judged(runs(1, 900, status="failed"), Retention(count=1, keep_failed=DAY), believed=False)
    assert spared[1].rule is Rule.KEEP_FAILED, "the clock must not end the time for which a failure is kept either"


def test_a_run_that_ended_in_the_future_is_young() -> None:
    assert taken(judged(runs(-400), Retention(age=DAY))) == [False]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Retention(), "every run is kept"),
        (Retention(90 * DAY, 1000, 10 << 30, DAY), "age 90 days, count 1000, bytes 10 GiB, keep_failed 1 day"),
    ],
)
def test_rules_are_told_in_a_few_words(rules: Retention, words: str) -> None:
    assert rule_words(rules) == words


def test_spans_and_amounts_are_rounded_for_reading() -> None:
    assert [span(s) for s in (-1, 0, 1, 119, 7200, 1.9 * DAY)] == [
        *("0 seconds", "0 seconds", "1 second", "1 minute", "2 hours", "1 day")
    ]
    assert [amount(size) for size in (0, 1023, 1536, MIB)] == ["0 B", "1023 B", "1.5 KiB", "1 MiB"]


# --- whatever the history -----------------------------------------------------------------------------------------

HISTORIES = st.lists(
    st.tuples(
        st.floats(-10, 400),  # days ago, in no order: concurrent runs end as they like
        st.sampled_from(["completed", "failed", "cancelled"]),
        st.integers(0, 3 * MIB),
        st.booleans(),  # needed
    ),
    max_size=25,
)
RULES = st.builds(
    Retention,
    age=st.none() | st.floats(1, 300 * DAY),
    count=st.none() | st.integers(1, 20),
    bytes=st.none() | st.integers(1, 10 * MIB),
    keep_failed=st.none() | st.floats(0, 300 * DAY),
)


@given(HISTORIES, RULES, st.booleans())
def test_every_run_gets_the_verdict_that_the_rules_read_one_by_one_would_give(
    told: list[tuple[float, str, int, bool]], rules: Retention, believed: bool
) -> None:
    history = [Finished(f"{n}", "a", status, NOW - days * DAY, size) for n, (days, status, size, _) in enumerate(told)]
    needed = {f"{n}": "because" for n, entry in enumerate(told) if entry[3]}
    for place, (run, verdict) in enumerate(zip(history, judged(history, rules, needed, believed), strict=True)):
        age = NOW - run.stop_time
        by_count = rules.count is not None and place >= rules.count
        by_bytes = rules.bytes is not None and sum(one.size for one in history[: place + 1]) > rules.bytes
        by_age = rules.age is not None and age > rules.age and believed
        kept = run.status == "failed" and rules.keep_failed is not None and (age < rules.keep_failed or not believed)
        assert verdict.taken == ((by_count or by_bytes or by_age) and run.run_id not in needed and not kept)
        assert verdict.words and (verdict.rule is not Rule.NONE or not verdict.taken)


@given(HISTORIES, RULES)
def test_what_is_judged_again_after_the_taken_are_gone_is_judged_no_worse(
    told: list[tuple[float, str, int, bool]], rules: Retention
) -> None:
    history = [Finished(f"{n}", "a", status, NOW - days * DAY, size) for n, (days, status, size, _) in enumerate(told)]
    left = [run for run, verdict in zip(history, judged(history, rules), strict=True) if not verdict.taken]
    assert not any(verdict.taken for verdict in judged(left, rules)), "a second sweep finds nothing to do"
