"""The names of items: range text, lists, and what a trigger may select of them (Q-81, Q-82)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.items import LONGEST_NAME, MOST, ItemError, parse, select, shown


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("1-5", "1 2 3 4 5"),
        ("1-9x2", "1 3 5 7 9"),
        ("1-10x4", "1 5 9"),
        ("10-7", "10 9 8 7"),
        ("9-1x4", "9 5 1"),
        ("-3--1", "-3 -2 -1"),
        ("-1-1", "-1 0 1"),
        ("2--2x2", "2 0 -2"),
        ("5-5", "5"),
        ("1,3,2", "1 3 2"),
        ("1-3,2-4", "1 2 3 4"),
        ("1-3,last", "1 2 3 last"),
        (" a , b ", "a b"),
        ("7", "7"),
        (7, "7"),
        (["1-3", "x"], "1-3 x"),
        ([3, "a"], "3 a"),
        (["a", "a", "b"], "a b"),
        ("1-3x", "1-3x"),
        ("a-b", "a-b"),
    ],
)
def test_what_is_written_and_what_it_names(written: object, names: str) -> None:
    assert parse(written) == tuple(names.split())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1-1000000000", "more than 100000 items"),
        ("1-999999999999999999", "more than 100000 items"),
        ("1-100000,200001-300000,x", "more than 100000 items"),
        ("1-9x0", "a step of 0 never arrives"),
        ("", "1 to 128 printable characters"),
        ("1,,2", "1 to 128 printable characters"),
        ([], "at least one item"),
        (["a", ""], "1 to 128 printable characters"),
        (["a\nb"], "1 to 128 printable characters"),
        (["x" * 129], "1 to 128 printable characters"),
        ([True], "1 to 128 printable characters"),
        ([1.5], "1 to 128 printable characters"),
        (True, "expected a list of names"),
        (None, "expected a list of names"),
        ({"a": 1}, "expected a list of names"),
    ],
)
def test_what_names_nothing_says_why(written: object, words: str) -> None:
    with pytest.raises(ItemError, match=words):
        parse(written)


def test_as_many_as_are_allowed_are() -> None:
    assert len(parse(f"1-{MOST}")) == MOST


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 50))
def test_a_range_is_what_counting_says(first: int, last: int, step: int) -> None:
    way = 1 if last >= first else -1
    assert parse(f"{first}-{last}x{step}") == tuple(map(str, range(first, last + way, way * step)))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=LONGEST_NAME + 1), max_size=8))
def test_a_list_comes_out_as_it_is_or_is_refused(names: list[str]) -> None:
    try:
        found = parse(names)
    except ItemError:
        return
    assert found == tuple(dict.fromkeys(names)) and all(name.isprintable() for name in found)


def test_a_selection_is_in_the_order_of_the_job() -> None:
    assert select("9-1x2,4", parse("1-10")) == ("1", "3", "4", "5", "7", "9")


def test_a_selection_of_what_is_not_there_names_what_is() -> None:
    with pytest.raises(ItemError) as error:
        select(["alpha", "betta"], ("alpha", "beta", "gamma"))
    assert str(error.value) == (
        "'betta' is none of the job's items (did you mean 'beta'?); they are alpha, beta, gamma"
    )


def test_many_names_are_told_by_some() -> None:
    assert shown(parse("1-10000")) == "1, 2, 3, 4, … 10000 (10000 in all)"
