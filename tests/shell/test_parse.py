"""Bytes from outside become a map or one sentence, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dsari_like.spool.parse import DEEPEST, LARGEST, Unreadable, parse


def why_not(raw: bytes, is_yaml: bool = False) -> str:
    with pytest.raises(Unreadable) as caught:
        parse(raw, is_yaml)
    return str(caught.value)


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"{}", {}),
        (b" {}\n", {}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a": [1, 2.5, true, null, "\\u00fc"]}', {"a": [1, 2.5, True, None, "ü"]}),
        ('{"ü": "😀"}'.encode(), {"ü": "😀"}),
        (b'{"smile": "\\ud83d\\ude00"}', {"smile": "😀"}),
        (b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST, None),
    ],
)
def test_json_that_is_taken(raw: bytes, data: object) -> None:
    assert parse(raw, False) == (data if data is not None else json.loads(raw))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{nope", "line 1, column 2"),
        (b'{\n  "a": 1,\n}', "line 3"),
        (b"{} {}", "Extra data"),
        (b"[]", "holds a list"),
        (b'"text"', "holds text"),
        (b"null", "holds nothing"),
        (b"true", "holds true or false"),
        (b'{"a": 1, "a": 1}', "the key 'a' twice"),
        (b'{"x": {"a": 1, "b": 2, "a": 3}}', "the key 'a' twice"),
        (b'{"a": NaN}', "holds NaN"),
        (b'{"a": -Infinity}', "holds -Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "more than 4300 digits"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\udfff": 1}', "half a character"),
        (b"\xff\xfe{\0}\0", "byte 0xff"),
        (b'{"a":\n"\xe4"}', "line 2 holds byte 0xe4"),
        (b"[" * 200_000, "nested more than 100"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested more than 100"),
        (b'{"a":"' + b"x" * LARGEST + b'"}', "larger than 1048576 bytes"),
    ],
)
def test_json_that_is_refused_says_what_is_wrong(raw: bytes, words: str) -> None:
    assert words in why_not(raw)


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"{}", {}),
        (b"a: 1\nb: [x, 'y', \"z\"]\n", {"a": 1, "b": ["x", "y", "z"]}),
        (b"a: 2.50", {"a": 2.5}),
        (b"when: 2027-01-01 10:00", {"when": "2027-01-01 10:00"}),
        (b"when: 12:30", {"when": "12:30"}),
        (b"mode: 0755\nhex: 0x1f\nbig: 1_000", {"mode": "0755", "hex": "0x1f", "big": "1_000"}),
        (b"a: yes\nb: Off\nc: true\nd: ~\ne:", {"a": True, "b": False, "c": True, "d": None, "e": None}),
        (b"a: 'yes'\nb: \"1\"\nc: !!str 5", {"a": "yes", "b": "1", "c": "5"}),
        (b"NO: x\n1: y\n", {"NO": "x", "1": "y"}),
        (b"a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        (b"a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        (b"<<: {a: 1}", {"<<": {"a": 1}}),
        (b"--- # start\na: 1\n...\n", {"a": 1}),
        (b"a: " + b"9" * 5000, {"a": "9" * 5000}),
    ],
)
def test_yaml_that_is_taken(raw: bytes, data: object) -> None:
    assert parse(raw, True) == data


def multiplied() -> bytes:
    levels = [b"a: &a [x, x, x, x, x, x, x, x, x, x]"]
    levels += [b"%c: &%c [%s]" % (c + 1, c + 1, b", ".join([b"*%c" % c] * 10)) for c in range(97, 106)]
    return b"\n".join(levels)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"# nothing", "holds nothing"),
        (b"- a", "holds a list"),
        (b"a: 1\na: 2", "line 2, column 1: the key 'a' twice"),
        (b"a: [", "line 2, column 1"),
        (b"a: *b", "names nothing that is complete"),
        (b"a: &a [*a]", "names nothing that is complete"),
        (b"? [x]\n: y", "a key that is not text"),
        (b"a: .nan", ".nan is no number"),
        (b"a: -.inf", "-.inf is no number"),
        (b"a: 1e999", "too large"),
        (b"a: !!python/object/apply:os.system [id]", "the tag"),
        (b"a: !!binary aGk=", "the tag"),
        (b"a: !custom x", "the tag"),
        (b"--- {}\n--- {}", "a second document"),
        (b"a: \x01", "control characters"),
        (b'a: "\\uD800"', "invalid Unicode"),
        (b"[" * 200_000, "nested more than 100"),
        (b"- " * 200_000, "nested more than 100"),
        (b"a:\n" + b"- x\n" * 60_000, "more than 50000 values"),
        (multiplied(), "more than 50000 values"),
    ],
)
def test_yaml_that_is_refused_says_where(raw: bytes, words: str) -> None:
    assert words in why_not(raw, is_yaml=True)


def test_a_reason_is_one_line_of_printable_text() -> None:
    for raw in (b'{"\\u001b[31m": 1, "\\u001b[31m": 2}', b'{"a\\nb": 1, "a\\nb": 2}', b"\x1b[31m"):
        assert why_not(raw).isprintable()


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.booleans())
@example(b'{"a": "\\ud800"}', False)
def test_any_bytes_are_a_map_or_unreadable(raw: bytes, is_yaml: bool) -> None:
    try:
        data = parse(raw, is_yaml)
    except Unreadable as error:
        assert str(error).isprintable()
    else:
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()


_FRAGMENTS = st.lists(
    st.sampled_from(
        [*"{}[]:,-?*&!|>'\"%@`#~ \n\t1ax", "- ", ": ", "&a ", "*a", "---\n", "!!str ", "<<: ", "1e9", ".inf"]
    )
)


@settings(max_examples=500, deadline=None)
@given(_FRAGMENTS.map("".join))
def test_anything_that_looks_like_yaml_is_a_map_or_unreadable(text: str) -> None:
    for is_yaml in (True, False):
        try:
            data = parse(text.encode(), is_yaml)
        except Unreadable as error:
            assert str(error).isprintable()
        else:
            json.dumps(data, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
)
def test_what_json_can_write_is_read_back(data: object) -> None:
    try:
        raw = json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse(raw, False) == data
