"""The table of keys: one place from which checks, defaults, the JSON Schema and the manual come, and agree."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.config import schema
from dsari_like.config.checks import COMMAND, SIZE, VARIABLES, Check, Unfit, duration, read_duration, take_name
from dsari_like.config.schema import JOB, TOP
from dsari_like.config.section import REQUIRED, Key
from dsari_like.config.words import split_words
from dsari_like.core.model import Configuration, Job

EVERY_KEY = [(path, key) for path, section in schema.KEYS for key in section.keys]


def refusal(check: Check, value: Any) -> str:
    """What a check says to a value it does not take."""
    with pytest.raises(Unfit) as refused:
        check.take(value)
    return "\n".join(fault.text for fault in refused.value.faults)


@pytest.mark.parametrize("key", JOB.keys, ids=lambda key: key.name)
def test_every_key_of_a_job_is_a_field_of_the_job(key: Key) -> None:
    assert key.name in {field.name for field in fields(Job)}


def test_every_field_of_a_job_is_a_key_but_for_what_the_load_itself_adds() -> None:
    written = {key.name for key in JOB.keys} | {"name", "where", "secret_names", "flow"}
    assert {field.name for field in fields(Job)} == written


@pytest.mark.parametrize(
    "key",
    [key for key in JOB.keys if not key.nullable and key.default is not REQUIRED],
    ids=lambda key: key.name,
)
def test_the_default_of_the_table_is_the_default_of_the_job(key: Key) -> None:
    assert key.check.take(key.default) == getattr(Job("a", ("true",)), key.name)


@pytest.mark.parametrize("name", [key.name for key in TOP.keys if key.name in {f.name for f in fields(Configuration)}])
def test_the_default_of_the_table_is_the_default_of_the_configuration(name: str) -> None:
    key = TOP.table[name]
    if key.default not in (None, {}, "auto"):
        assert key.check.take(key.default) == getattr(Configuration({}), name)


@pytest.mark.parametrize(("path", "key"), EVERY_KEY, ids=lambda value: getattr(value, "name", value))
def test_every_key_says_what_it_is_for_and_what_it_takes(path: str, key: Key) -> None:
    assert key.help and not key.help.endswith(".") and key.check.words


def test_no_key_is_both_supported_and_put_off() -> None:
    assert not set(schema.LATER) & set(TOP.table)
    assert not set(schema.LATER_OF_JOB) & set(JOB.table)


def test_the_manual_lists_every_key_with_its_default() -> None:
    lines = {(path, name): default for path, name, _, default, _ in schema.manual()}
    assert lines["jobs.NAME", "command"] == "required"
    assert lines["jobs.NAME", "priority"] == "0"
    assert lines["jobs.NAME", "enabled"] == "true"
    assert lines["jobs.NAME", "max_execution"] == "none"
    assert lines["jobs.NAME", "environment"] == "empty"
    assert len(lines) == len(EVERY_KEY)


def test_the_json_schema_knows_the_keys_and_no_others() -> None:
    whole = json.loads(json.dumps(schema.json_schema()))
    assert whole["$schema"].endswith("2020-12/schema")
    assert list(whole["properties"]) == [key.name for key in TOP.keys]
    assert list(whole["$defs"]["job"]["properties"]) == [key.name for key in JOB.keys]
    assert not whole["additionalProperties"] and not whole["$defs"]["job"]["additionalProperties"]
    assert whole["$defs"]["job"]["properties"]["merge"]["enum"] == ["queue", "fold", "replace", "drop"]


# --- durations and sizes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90.0),
        (1.5, 1.5),
        ("90", 90.0),
        ("90s", 90.0),
        ("15m", 900.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1w", 604800.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("0.5h", 1800.0),
    ],
)
def test_a_duration_is_seconds_or_text_with_units(written: Any, seconds: float) -> None:
    assert read_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "s", "1x", "1h30", "-1s", "1 2", "1e3", "٣s", float("nan"), float("inf"), True]
)
def test_what_is_no_duration_is_refused_with_examples(written: Any) -> None:
    assert "15m, 2h, 1d" in refusal(duration(), written)


def test_nought_is_refused_with_the_reason_where_it_would_mean_something_else() -> None:
    assert duration().take(0) == 0.0
    assert "greater than zero, found the number 0; all would end" in refusal(duration("all would end"), 0)


def test_a_duration_longer_than_a_century_is_refused() -> None:
    assert "100 years" in refusal(duration(), "99999w")


@pytest.mark.parametrize(("written", "size"), [(10, 10), ("64K", 65536), ("10M", 10 << 20), ("1 GiB", 1 << 30)])
def test_a_size_is_bytes_or_text_with_units(written: Any, size: int) -> None:
    assert SIZE.take(written) == size


@pytest.mark.parametrize("written", [0, -1, True, "0", "1T", 1.5, None, 2**60])
def test_what_is_no_size_is_refused(written: Any) -> None:
    assert "number of bytes" in refusal(SIZE, written)


# --- commands --------------------------------------------------------------------------------------------------------


@given(st.text(alphabet="ab '\"\\\n\t$é", max_size=30))
def test_text_is_split_as_the_standard_library_splits_it(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        assert split_words(text)[1]
    else:
        assert split_words(text) == (expected, "")


@pytest.mark.parametrize("written", ["", "   ", [], [""], "''"])
def test_a_command_with_nothing_to_run_is_refused(written: Any) -> None:
    assert "nothing to run" in refusal(COMMAND, written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["sleep", 5], "expected text, found the number 5; put it in quotes"),
        (["a", None], "expected text, found nothing"),
        (["a\0b"], "NUL"),
        ("echo 'a", "never closed"),
        ("echo \\", "backslash at the end"),
        (5, "expected a list of text, or text that is split"),
        (["\ud800"], "surrogate"),
    ],
)
def test_a_command_that_no_process_could_be_given_is_refused(written: Any, said: str) -> None:
    assert said in refusal(COMMAND, written)


# --- variables and names ---------------------------------------------------------------------------------------------


def test_numbers_of_an_environment_become_text() -> None:
    assert VARIABLES.take({"A": 1, "B": 1.5, "C": "x", "D": ""}) == {"A": "1", "B": "1.5", "C": "x", "D": ""}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (True, "the boolean true; put it in quotes"),
        (None, 'write ""'),
        ([], "a list"),
        (float("nan"), "the number nan; put it in quotes"),
        ("\0", "NUL"),
    ],
)
def test_other_values_of_an_environment_are_refused_with_a_hint(written: Any, said: str) -> None:
    assert said in refusal(VARIABLES, {"A": written})


def test_all_faults_of_an_environment_are_told_at_once() -> None:
    with pytest.raises(Unfit) as refused:
        VARIABLES.take({"A": True, "B=": "x", "C": "fine", "D": []})
    assert [fault.path for fault in refused.value.faults] == [("A",), ("B=",), ("D",)]


@pytest.mark.parametrize("name", ["a", "a b", "web+db@host:1_.-", "x" * 64])
def test_legal_names(name: str) -> None:
    assert take_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\n", "é", "٣", "x" * 65, 3, True])
def test_illegal_names(name: Any) -> None:
    with pytest.raises(Unfit):
        take_name(name)
