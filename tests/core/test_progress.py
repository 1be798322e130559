"""What a run writes into its progress file, and what is understood of it. Whatever the bytes are, nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.clauses import Progress
from dsari_like.core.progress import LONGEST_LINE, LONGEST_MESSAGE, MOST_LINES, MOST_NOTES, ProgressReader


def decode(raw: bytes) -> Mapping[str, Any] | str:
    """Stands for the careful reader of the spool: here the words of a fault do not matter."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return "is not JSON"
    return data if isinstance(data, dict) else "holds no map"


@pytest.fixture
def reader() -> ProgressReader:
    return ProgressReader(decode)


def test_a_line_is_percent_message_and_when_it_was_read(reader: ProgressReader) -> None:
    assert reader.feed(b'{"progress": 40, "message": "copying"}\n', 7.0) == (Progress(40.0, "copying", 7.0),)
    assert reader.take_notes() == ()


def test_what_a_line_does_not_mention_stays(reader: ProgressReader) -> None:
    found = reader.feed(b'{"message": "copying"}\n{"progress": 1}\n{"progress": 2.5}\n{"message": ""}\n', 0.0)
    said = [(one.percent, one.message) for one in found]
    assert said == [(None, "copying"), (1, "copying"), (2.5, "copying"), (2.5, "")]


def test_a_line_counts_when_it_is_complete(reader: ProgressReader) -> None:
    assert reader.feed(b'{"progr', 1.0) == ()
    assert reader.feed(b'ess": 3}', 2.0) == ()
    assert reader.feed(b"\n{", 3.0) == (Progress(3.0, "", 3.0),)


def test_the_last_line_counts_without_an_end_once_the_run_has_ended(reader: ProgressReader) -> None:
    assert reader.feed(b'{"progress": 100}', 1.0) == ()
    assert reader.finish(2.0) == (Progress(100.0, "", 2.0),)
    assert reader.finish(3.0) == ()


def test_other_keys_and_empty_lines_are_nobodys_business(reader: ProgressReader) -> None:
    assert reader.feed(b'\n  \r\n{}\n{"time": "noon", "progress": 5}\r\n', 0.0) == (Progress(5.0, "", 0.0),)
    assert reader.take_notes() == ()


def test_variables_are_pointed_to_where_they_belong(reader: ProgressReader) -> None:
    assert len(reader.feed(b'{"progress": 5, "job_variables": {"a": 1}}\n', 0.0)) == 1
    assert reader.take_notes() == (
        "line 1 of its progress file gives job_variables, which are taken from what a run returns at its end",
    )


@pytest.mark.parametrize("value", ["-1", "100.5", "1e9", '"40"', "true", "[4]", "{}", "NaN", "Infinity"])
def test_a_number_that_is_no_percentage_is_told_and_the_message_taken(reader: ProgressReader, value: str) -> None:
    line = f'{{"progress": {value}, "message": "on"}}\n'
    assert reader.feed(line.encode(), 0.0) == (Progress(None, "on", 0.0),)
    assert reader.take_notes() == ("line 1 of its progress file gives a progress that is no number from 0 to 100",)


def test_a_message_that_is_no_text_is_told_and_the_number_taken(reader: ProgressReader) -> None:
    assert reader.feed(b'{"progress": 4, "message": ["on"]}\n', 0.0) == (Progress(4.0, "", 0.0),)
    assert reader.take_notes() == ("line 1 of its progress file gives a message that is no text",)


def test_a_message_is_data_and_has_a_length(reader: ProgressReader) -> None:
    text = "\x1b[2J<b>" + "x" * 5000
    (found,) = reader.feed(json.dumps({"message": text}).encode() + b"\n", 0.0)
    assert len(found.message) == LONGEST_MESSAGE and found.message.startswith("\x1b[2J<b>xx")


def test_a_line_that_is_nothing_is_told_with_its_number(reader: ProgressReader) -> None:
    assert reader.feed(b'{"progress": 1}\nhalf\n{"progress": 2}\n[]\n', 0.0)[-1].percent == 2
    assert reader.take_notes() == (
        "line 2 of its progress file is not JSON, and is passed over",
        "line 4 of its progress file holds no map, and is passed over",
    )


def test_a_few_complaints_are_told_and_no_more(reader: ProgressReader) -> None:
    for _ in range(50):
        reader.feed(b"x\n" * 50, 0.0)
    assert len(reader.take_notes()) == MOST_NOTES + 1
    assert reader.feed(b"x\n" * 50, 0.0) == () and reader.take_notes() == ()


@pytest.mark.parametrize("piece", [LONGEST_LINE * 3, 1000])
def test_a_line_without_an_end_is_not_kept(reader: ProgressReader, piece: int) -> None:
    long = b"x" * (LONGEST_LINE * 3)
    for at in range(0, len(long), piece):
        reader.feed(long[at : at + piece], 0.0)
        assert len(reader._begun) <= LONGEST_LINE
    assert reader.feed(b'tail\n{"progress": 2}\n', 1.0) == (Progress(2.0, "", 1.0),)
    assert reader.take_notes() == ("line 1 of its progress file is longer than 65536 bytes, and is passed over",)


def test_after_a_gap_the_rest_of_a_line_is_no_line(reader: ProgressReader) -> None:
    reader.feed(b'{"progress": 1', 0.0)
    reader.leave_out()
    assert reader.feed(b'0}\n{"progress": 2}\nx\n', 1.0) == (Progress(2.0, "", 1.0),)
    assert reader.take_notes() == ("a line of its progress file is not JSON, and is passed over",)


def test_a_file_that_is_written_anew_begins_with_its_first_line(reader: ProgressReader) -> None:
    reader.feed(b'{"progress": 1}\n{"pro', 0.0)
    reader.begin_again()
    assert reader.feed(b'{"progress": 2}\n', 1.0) == (Progress(2.0, "", 1.0),)


def test_of_a_flood_the_newest_lines_are_handed_on(reader: ProgressReader) -> None:
    found = reader.feed(b"".join(b'{"progress": %d}\n' % (n % 101) for n in range(1000)), 0.0)
    assert len(found) == MOST_LINES and found[-1].percent == 999 % 101


LINES = st.one_of(
    st.binary(max_size=80),
    st.fixed_dictionaries(
        {}, optional={"progress": st.one_of(st.integers(), st.floats()), "message": st.text(max_size=20)}
    ).map(lambda line: json.dumps(line).encode()),
)


@given(st.lists(LINES, max_size=12), st.lists(st.integers(1, 40), max_size=40))
def test_however_the_bytes_come_in_pieces_the_same_is_understood(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"\n".join(lines)
    once, pieces = ProgressReader(decode), ProgressReader(decode)
    expected = [*once.feed(whole, 1.0), *once.finish(1.0)]
    found, rest = [], whole
    for cut in cuts:
        found += pieces.feed(rest[:cut], 1.0)
        rest = rest[cut:]
    found += [*pieces.feed(rest, 1.0), *pieces.finish(1.0)]
    assert found == expected and pieces.take_notes() == once.take_notes()
    assert all(one.percent is None or 0 <= one.percent <= 100 for one in found)
    assert all(len(one.message) <= LONGEST_MESSAGE for one in found)


@given(st.lists(st.one_of(st.binary(max_size=200), st.just("gap"), st.just("anew")), max_size=20))
def test_no_bytes_and_no_gap_break_it(steps: list[bytes | str]) -> None:
    reader = ProgressReader(decode)
    for step in steps:
        if isinstance(step, bytes):
            reader.feed(step, 0.0)
        elif step == "gap":
            reader.leave_out()
        else:
            reader.begin_again()
    reader.finish(0.0)
    assert len(reader.take_notes()) <= MOST_NOTES + 1
