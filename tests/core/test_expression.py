"""Trigger expressions: what they mean, what is refused and where, and that text and tree are two forms of one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.expression import (
    DEEPEST,
    LONGEST,
    MOST_TERMS,
    AllOf,
    AnyOf,
    Expression,
    all_of,
    parse,
    terms_of,
    unparse,
)
from dsari_like.core.terms import NAMES, RUN_NAMES, EventType, ExpressionError, Term

JOB, WORK = EventType.JOB, EventType.WORK
A, B, C = (Term("complete", JOB, name) for name in "ABC")


def refused(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return caught.value


def test_q_06_an_event_is_name_type_context_and_an_extra_where_the_type_has_one() -> None:
    assert parse("complete-job-self") == Term("complete", JOB, "self")
    assert parse("failed-work-self-42") == Term("failed", WORK, "self", "42")
    assert parse("running-host-self-render01") == Term("running", EventType.HOST, "self", "render01")


def test_q_07_only_as_many_dashes_divide_as_the_type_needs() -> None:
    assert parse("done-work-self-Segment:1-100") == Term("done", WORK, "self", "Segment:1-100")
    assert parse("done-job-nightly-load") == Term("done", JOB, "nightly-load")
    assert parse("done-job-018f3c1e-7d1c-7abc-8def-0123456789ab").context.count("-") == 4  # type: ignore[union-attr]


def test_q_07_a_name_with_dashes_before_an_item_is_quoted() -> None:
    assert parse('complete-work-"nightly-load"-*') == Term("complete", WORK, "nightly-load", "*")
    assert parse("complete-work-'nightly load'-7") == Term("complete", WORK, "nightly load", "7")


@pytest.mark.parametrize("name", RUN_NAMES)
def test_q_08_to_q_21_every_name_of_an_event_is_known(name: str) -> None:
    assert parse(f"{name}-job-self") == Term(name, JOB, "self")
    assert parse(f"{name}-work-self-*") == Term(name, WORK, "self", "*")


def test_q_10_submitted_is_another_word_for_submit() -> None:
    assert parse("submitted-job-A") == parse("submit-job-A")


def test_q_19_a_time_is_called_dummy_or_nothing() -> None:
    assert parse("dummy-time-self-1800000000") == parse("time-self-1800000000")
    assert "no name but 'dummy'" in refused("done-time-self-1800000000").text


def test_q_26_to_q_28_times() -> None:
    assert parse("time-self-2026-12-24T18:00") == Term("dummy", EventType.TIME, "self", "2026-12-24T18:00")
    assert parse("time-self-'2026-12-24 18:00'").extra == "2026-12-24 18:00"  # type: ignore[union-attr]
    assert parse("dummy-repeat-self-1800000000-60").extra == "1800000000-60"  # type: ignore[union-attr]
    assert parse("globaltime-1800000000") == Term("", EventType.GLOBALTIME, "", "1800000000")
    assert parse("globalrepeat-1800000000-3600") == Term("", EventType.GLOBALREPEAT, "", "1800000000-3600")


@pytest.mark.parametrize("text", ["{a} && {b}", "{a} and {b}", "{a} AND {b}", "{a}&&{b}", "{a}, {b}", "({a}) aNd {b}"])
def test_and_in_all_its_spellings(text: str) -> None:
    assert parse(text.format(a="complete-job-A", b="complete-job-B")) == AllOf((A, B))


@pytest.mark.parametrize("text", ["{a} || {b}", "{a} or {b}", "{a} OR {b}", "{a}||{b}", "(({a}) oR {b})"])
def test_or_in_all_its_spellings(text: str) -> None:
    assert parse(text.format(a="complete-job-A", b="complete-job-B")) == AnyOf((A, B))


def test_q_75_and_binds_tighter_than_or() -> None:
    plain = parse("complete-job-A && complete-job-B || complete-job-C")
    assert plain == AnyOf((AllOf((A, B)), C)) == parse("(complete-job-A and complete-job-B) or complete-job-C")
    assert parse("complete-job-A && (complete-job-B || complete-job-C)") == AllOf((A, AnyOf((B, C))))


def test_q_05_a_list_is_all_of_its_members() -> None:
    assert all_of((A, AllOf((B, C)))) == AllOf((A, B, C))
    assert all_of((A,)) == A


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected an event"),
        ("complete-job-A &&", 18, "found the end"),
        ("complete-job-A && not done-job-B", 19, "there is no 'not'"),
        ("!done-job-B", 1, "there is no 'not'"),
        ("complete-job-A done-job-B", 16, "expected 'and' or 'or'"),
        ("(complete-job-A", 1, "never closed"),
        ("complete-job-A)", 15, "closes none"),
        ("complete-job-A & done-job-B", 16, "write &&"),
        ('complete-job-"A', 14, "not closed"),
        ("compleet-job-A", 1, "did you mean 'complete'?"),
        ("complete-jop-A", 10, "did you mean 'job'?"),
        ("complete-subjob-self-1", 10, "one process"),
        ("complete-job-A || complete", 19, "expected an event such as"),
        ("complete-job-", 1, "expected a context"),
        ("complete-work-A", 1, "expected an item"),
        ("complete-job-A, done-job-B or done-job-C", 15, "use parentheses"),
        ("complete-job-A && running-callback-x", 19, "callback events are failed"),
    ],
)
def test_an_error_says_what_and_at_which_column(text: str, column: int, words: str) -> None:
    error = refused(text)
    assert (error.column, words in error.text) == (column, True), str(error)


def test_depth_length_and_number_are_limited() -> None:
    assert parse("(" * DEEPEST + "done-job-A" + ")" * DEEPEST)
    assert refused("(" * 5000 + "done-job-A").column == DEEPEST + 1
    assert "longer than" in refused("done-job-A " * LONGEST).text
    assert "more than" in refused(" && ".join(["done-job-A"] * (MOST_TERMS + 1))).text


@given(st.text(alphabet=st.sampled_from("completdnjbsf-AB*&|()!,'\" \tandor18:"), max_size=60) | st.text(max_size=200))
def test_any_text_gives_a_tree_or_an_error_with_a_column(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        assert parse(unparse(tree)) == tree


CONTEXTS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=12).filter(
    str.isprintable
)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    kind = draw(st.sampled_from([*NAMES, EventType.GLOBALTIME, EventType.GLOBALREPEAT]))
    if kind not in NAMES:
        return Term("", kind, "", draw(CONTEXTS))
    name = draw(st.sampled_from(NAMES[kind]))
    return Term(name, kind, draw(CONTEXTS), None if kind in (JOB, EventType.CALLBACK) else draw(CONTEXTS))


def wrapped(inner: st.SearchStrategy[Expression], outer: type[AllOf | AnyOf]) -> st.SearchStrategy[Expression]:
    """Two or more parts, none of which is of the same kind: the tree as the parser makes it."""
    return st.lists(inner.filter(lambda part: not isinstance(part, outer)), min_size=2, max_size=4).map(
        lambda parts: outer(tuple(parts))
    )


TREES: st.SearchStrategy[Expression] = st.recursive(
    terms(), lambda inner: wrapped(inner, AllOf) | wrapped(inner, AnyOf), max_leaves=12
)


@given(TREES)
def test_what_is_written_is_read_back_as_it_was(tree: Expression) -> None:
    assert parse(unparse(tree)) == tree
    assert list(terms_of(parse(unparse(tree)))) == list(terms_of(tree))
