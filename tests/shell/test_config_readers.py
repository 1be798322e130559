"""The readers against the libraries: the same values, and a line for everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsari_like.config.json_reader import read_json
from dsari_like.config.source import Again, Source
from dsari_like.config.variables import read_variables
from dsari_like.config.yaml_reader import read_yaml

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
NUMBERS = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
MAPS = st.dictionaries(TEXT, VALUES, max_size=5)


def yaml_source(text: str, *, careful: bool = True) -> Source:
    """What is read of one text."""
    return read_yaml("f", text.encode(), careful=careful, keys={})


def every_path(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """The paths of all that is inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {found for key, below in inner for found in {(*path, key)} | every_path(below, (*path, key))}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(MAPS, st.booleans())
def test_yaml_means_what_the_library_says(value: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    source = yaml_source(text)
    assert source.data == yaml.safe_load(text)
    assert set(source.lines) == every_path(source.data)


@given(MAPS, st.sampled_from([None, 2]))
def test_json_means_what_the_library_says(value: dict[str, Any], indent: int | None) -> None:
    source = read_json("f", json.dumps(value, indent=indent).encode(), careful=True)
    assert source.data == value
    assert set(source.lines) == every_path(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "No",
        "on",
        "~",
        "",
        "null",
        "0777",
        "0x1f",
        "1_000",
        "12:30",
        "1.5",
        ".inf",
        "1e3",
        "=",
        "!!str 5",
        "! 5",
        "'5'",
        "!!int '5'",
        "!!float 1",
        "[a, b]",
        "!!seq [a]",
        "!!map {a: b}",
        "|\n  x\n  y",
        ">\n  x\n  y",
        '"\\x41\\u00e9"',
    ],
)
def test_a_value_means_what_the_library_says(text: str) -> None:
    expected = text if text == "=" else yaml.safe_load(f"a: {text}\n")["a"]
    assert yaml_source(f"a: {text}\n").data == {"a": expected}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)),
)
def test_merge_keys_mean_what_the_library_says(shared: dict[str, int], own: dict[str, int]) -> None:
    text = f"x: &x {json.dumps(shared)}\ny: {{<<: [*x, {{e: 1}}], {json.dumps(own)[1:-1]}}}\n"
    assert yaml_source(text).data == yaml.safe_load(text)


@given(st.binary(max_size=40) | st.text("[]{}:,-?&*!|>'\"%@#\n\t ab<", max_size=40).map(str.encode))
def test_no_bytes_whatever_surprise_the_readers(data: bytes) -> None:
    for source in (read_yaml("f", data, careful=True, keys={}), read_json("f", data, careful=True)):
        assert source.faults or isinstance(source.data, dict)


@given(st.text("[]{}:,-?&*!'\"\n ab<", max_size=40))
def test_the_quick_reading_gives_up_exactly_where_the_careful_one_finds_fault(text: str) -> None:
    careful = yaml_source(text)
    if careful.faults:
        with pytest.raises(Again):
            yaml_source(text, careful=False)
    else:
        assert yaml_source(text, careful=False).data == careful.data


def test_both_readings_know_the_lines_of_entries_two_levels_deep() -> None:
    text = '{"jobs": {"a": {},\n"b": {}}, "jobs_too": {"x": {"y": {}}}}'
    for source in (yaml_source(text, careful=False), read_json("f", text.encode(), careful=False)):
        assert {section: list(lines) for section, lines in source.entries.items()} == {"jobs": [1, 2], "jobs_too": [2]}
        assert not source.lines


# --- environment files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=x", "x"),
        ("A=", ""),
        ("  A =  x y  ", "x y"),
        ("A=x # not a comment", "x # not a comment"),
        ("A='x  $Y\\'", "x  $Y\\"),
        ('A="x \\"y\\" \\$z \\n"', 'x "y" $z \\n'),
        ('A="two\nlines"', "two\nlines"),
        ('A="joined \\\nlines"', "joined lines"),
        ("A=x\r\n", "x"),
        ("A=a=b", "a=b"),
        ("# c\n; c\n\n   \nA=x\n", "x"),
        ("A=1\nA=2", "2"),
    ],
)
def test_a_line_of_an_environment_file(text: str, value: str) -> None:
    assert read_variables(text) == ({"A": value}, [])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("A=1\nnonsense", 2, "without '='"),
        ("export A=1", 1, "remove the word"),
        ("A B=1", 1, "variable name"),
        ("=1", 1, "variable name"),
        ("A='x\nB=1", 1, "never closed"),
        ('A="x" y', 1, "text after it"),
        ("\n\nA=\0", 3, "NUL"),
    ],
)
def test_a_line_that_is_refused(text: str, line: int, said: str) -> None:
    [(number, fault)] = read_variables(text)[1]
    assert number == line and said in fault


@given(st.text(max_size=60))
def test_no_text_surprises_the_reader_of_environment_files(text: str) -> None:
    read_variables(text)
