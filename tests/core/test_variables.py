"""What a run returns of variables, and what becomes of it: taken, refused with a reason, told, and never too much."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.secrets import MASK, Secrets
from dsari_like.core.variables import (
    DEEPEST,
    LARGEST,
    MOST_NOTES,
    Exchange,
    document,
    exchange,
    workflow_environment,
)


def job_after(given: object, **kept: Any) -> Exchange:
    """A run had these variables of its job and returned that."""
    return exchange({"job_variables": given}, kept, {})


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_only_what_differs_is_written_back() -> None:
    found = exchange(
        {"message": "done", "job_variables": {"a": 1, "b": 2, "c": None}, "workflow_variables": {"asset": "x"}},
        {"a": 1, "b": 1, "c": "old", "d": True},
        {},
    )
    assert found.job == {"a": 1, "b": 2, "d": True} and found.workflow == {"asset": "x"}
    assert found.changes == (
        "job_variables: b: 1 -> 2",
        'job_variables: c: "old" -> removed',
        'workflow_variables: asset: set to "x"',
    )
    assert found.notes == ()


@pytest.mark.parametrize(
    "data", [None, 4, "text", [], {}, {"other": 1}, {"job_variables": None}, {"job_variables": {}}]
)
def test_who_returns_nothing_changes_nothing(data: object) -> None:
    kept = {"a": 1}
    found = exchange(data, kept, kept)
    assert found.job is kept and found.workflow is kept and found.changes == found.notes == ()


def test_what_comes_back_as_it_was_is_no_change() -> None:
    kept = {"a": {"y": [1, 2], "x": None}, "b": "t"}
    found = exchange({"job_variables": {"a": {"x": None, "y": [1, 2]}, "b": "t", "none": None}}, kept, {})
    assert found.job is kept and found.changes == found.notes == ()


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0), (True, 1.0)])
def test_what_python_takes_for_the_same_is_a_change_all_the_same(old: object, new: object) -> None:
    found = job_after({"a": new}, a=old)
    assert found.job["a"] is new and len(found.changes) == 1


def test_what_is_no_map_is_told() -> None:
    found = job_after(["a"], a=1)
    assert found.job == {"a": 1} and found.notes == ("its job_variables are no map; nothing of them was taken",)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("", 1, "a name is 1 to 128 printable characters"),
        ("x" * 129, 1, "a name is 1 to 128 printable characters"),
        ("a\nb", 1, "a name is 1 to 128 printable characters"),
        (7, 1, "a name is 1 to 128 printable characters"),
        ("n", float("nan"), "a number must have a value"),
        ("n", [float("inf")], "a number must have a value"),
        pytest.param("n", 16**50_000, "it is a number of too many digits", id="digits"),
        ("n", nested(DEEPEST + 1), "it is nested more than 8 levels deep"),
        ("n", nested(500), "it is nested more than 8 levels deep"),
        ("n", {"k": object()}, "it is nothing that JSON knows"),
        ("n", {1: 2}, "a key in it is no text"),
        ("n", "half \ud800", "it holds half a character"),
        ("n", {"\udfff": 1}, "it holds half a character"),
        ("n", "x" * LARGEST, "with it they would hold more than 65536 bytes"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_itself(name: Any, value: object, why: str) -> None:
    found = job_after({name: value, "good": 1}, old=2)
    assert found.job == {"old": 2, "good": 1}
    assert len(found.notes) == 1 and found.notes[0].endswith(f" of its job_variables was not taken: {why}")


def test_eight_levels_are_deep_enough() -> None:
    assert job_after({"n": nested(DEEPEST)}).notes == ()


def test_of_many_refusals_a_few_are_told() -> None:
    found = job_after({"x" * 200 + str(number): 1 for number in range(50)})
    assert len(found.notes) == MOST_NOTES + 1 and found.notes[-1].startswith("40 more of its variables")


def test_what_is_removed_makes_room() -> None:
    full = {"a": "x" * (LARGEST - 100)}
    assert job_after({"b": "y" * 200}, **full).job == full
    assert job_after({"a": None, "b": "y" * 200}, **full).job == {"b": "y" * 200}


def test_secrets_are_told_of_but_not_told() -> None:
    given = {"DB": "hunter2", "api_token": "hunter2", "deep": [{"password": "hunter2"}], "known": "is hunter22"}
    secrets = Secrets(["DB"], {"": ["hunter22"]})
    found = exchange({"job_variables": given}, {"DB": "hunter1"}, {}, secrets)
    assert found.job == given and "hunter" not in str(found.changes)
    assert found.changes[0] == f'job_variables: DB: "{MASK}" -> "{MASK}"'


def test_a_change_is_told_in_a_line() -> None:
    (change,) = job_after({"a": "x\n" * 500}).changes
    assert len(change) < 120 and "\n" not in change


def test_the_next_run_of_the_flow_finds_them_in_its_environment() -> None:
    variables = {"asset": "b 7", "count": 3, "ok": True, "list": ["ä"], "not-a-name": 1, "nul": "\0", "2nd": 1.5}
    assert workflow_environment(variables) == {
        "WORKFLOW_asset": "b 7",
        "WORKFLOW_count": "3",
        "WORKFLOW_ok": "true",
        "WORKFLOW_list": '["ä"]',
        "WORKFLOW_2nd": "1.5",
    }


def test_what_no_environment_can_hold_is_told_once() -> None:
    first = exchange({"workflow_variables": {"not-a-name": 1, "nul": "\0", "fine": 1}}, {}, {})
    assert [note.split(" ")[0] for note in first.notes] == ["'not-a-name'", "'nul'"]
    assert first.workflow == {"not-a-name": 1, "nul": "\0", "fine": 1}
    assert exchange({"workflow_variables": {"not-a-name": 2}}, {}, first.workflow).notes == ()
    assert exchange({"job_variables": {"not-a-name": 2}}, {}, {}).notes == ()


def test_the_file_holds_both_maps() -> None:
    assert json.loads(document({"a": 1}, {"b": [None]})) == {"job": {"a": 1}, "workflow": {"b": [None]}}
    assert json.loads(document({}, {})) == {"job": {}, "workflow": {}}


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)
MAPS = st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), VALUES, max_size=6)


@given(st.lists(st.one_of(VALUES, MAPS), max_size=5))
def test_whatever_runs_return_the_maps_can_be_kept_and_handed_on(returns: list[object]) -> None:
    job: Any = {}
    workflow: Any = {}
    for value in returns:
        before = (dict(job), dict(workflow))
        found = exchange({"job_variables": value, "workflow_variables": value}, job, workflow)
        assert (dict(job), dict(workflow)) == before, "the maps that were given are not changed"
        job, workflow = found.job, found.workflow
        assert json.loads(document(job, workflow)) == {"job": job, "workflow": workflow}
        assert len(json.dumps(job).encode("utf-8")) <= LARGEST * 6
        assert None not in job.values()
        for name, text in workflow_environment(workflow).items():
            assert "\0" not in name + text and "=" not in name
            text.encode()
        again = exchange({"job_variables": value, "workflow_variables": value}, job, workflow)
        assert again.changes == (), "the same return once more changes nothing"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30_000)), max_size=30))
def test_they_never_hold_more_than_they_may(steps: list[tuple[str, int]]) -> None:
    kept: Any = {}
    for name, size in steps:
        kept = exchange({"job_variables": {name: "ö" * size}}, kept, {}).job
        assert len(json.dumps(kept, ensure_ascii=False).encode()) <= LARGEST
