"""P6, P20: whatever the bytes are, they are a value or refused in a sentence, within two seconds, and nothing else.

300 documents for each door by default, 20,000 with DSARI_LIKE_NIGHTLY=1.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.doors import Door, Folder
from tests.fuzz.mutants import SEEDS, spoilt

NIGHTLY = os.environ.get("DSARI_LIKE_NIGHTLY") == "1"
many = settings(
    max_examples=20_000 if NIGHTLY else 300,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
NAMES = (
    "trigger.json", "trigger.yaml", "control.json", "control.yaml", "returned.json", "returned.yaml", "progress",
    "configuration.json", "configuration.yaml", "raw.json", "raw.yaml", "variables", "calendar",
)  # fmt: skip


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    yield Folder(tmp_path_factory.mktemp("doors")).doors()


def decided(door: Door, raw: bytes) -> str:
    """What the door says; the time that counts is ours, whatever else the machine does."""
    begun = time.process_time()
    said = door(raw)
    spent = time.process_time() - begun
    assert spent < 2.0, f"{spent:.1f} s for {len(raw)} bytes: {raw[:80]!r}"
    assert len(said) < 20_000, "a refusal is a sentence, not a copy of the file"
    return said


@pytest.mark.parametrize("name", NAMES)
@many
@given(data=st.data())
def test_P6_P20_what_is_nearly_right_is_decided(doors: dict[str, Door], name: str, data: st.DataObject) -> None:
    decided(doors[name], data.draw(spoilt(SEEDS[name.partition(".")[0]])))


@pytest.mark.parametrize("name", NAMES)
@many
@given(raw=st.binary(max_size=200))
def test_P6_P20_what_is_anything_at_all_is_decided(doors: dict[str, Door], name: str, raw: bytes) -> None:
    decided(doors[name], raw)


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_that_are_spoilt_are_mostly_right_before(doors: dict[str, Door], name: str) -> None:
    """Or the fuzzer would only ever see the first check."""
    taken = [seed for seed in SEEDS[name.partition(".")[0]] if doors[name](seed) == ""]
    assert taken, [doors[name](seed) for seed in SEEDS[name.partition(".")[0]]]


MEGABYTE = 1 << 20


def filled(head: str, line: str, tail: str = "") -> bytes:
    """A line again and again, up to a megabyte; `#` in it is counted."""
    lines, size, number = [head], len(head) + len(tail), 0
    while size + len(line) + 8 < MEGABYTE:
        lines.append(line.replace("#", str(number)))
        size, number = size + len(lines[-1]), number + 1
    return "".join([*lines, tail]).encode()


BOMB = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)])  # fmt: skip
MERGES = "m0: &m0 {k: 1}\n" + "\n".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}" for n in range(1, 2000))
MEGABYTES = {
    "brackets": b"[" * MEGABYTE,
    "braces": b'{"a":' * (MEGABYTE // 5),
    "closed brackets": b"[" * (MEGABYTE // 2) + b"]" * (MEGABYTE // 2),
    "block depth": b"".join(b" " * n + b"a:\n" for n in range(1400)),
    "dashes": b"- " * (MEGABYTE // 2),
    "questions": b"? " * (MEGABYTE // 2),
    "bomb of aliases": BOMB.encode(),
    "bomb of merges": MERGES.encode(),
    "anchors": filled("", "k#: &a# x\n"),
    "aliases": filled("a: &a {k: 1}\nb:\n", "- *a\n"),
    "digits": b'{"priority": ' + b"9" * (MEGABYTE - 20) + b"}",
    "exponent": b'{"priority": 1e' + b"9" * (MEGABYTE - 20) + b"}",
    "fraction": b'{"priority": 0.' + b"3" * (MEGABYTE - 20) + b"}",
    "sexagesimal": b"priority: " + b"1:" * (MEGABYTE // 2 - 10) + b"1",
    "one long key": b'{"' + b"k" * (MEGABYTE - 10) + b'": 1}',
    "one long text": b'{"description": "' + b"x" * (MEGABYTE - 30) + b'"}',
    "escapes": b'{"description": "' + b"\\u0041" * (MEGABYTE // 6 - 10) + b'"}',
    "surrogates": b'{"description": "' + b"\\ud800" * (MEGABYTE // 6 - 10) + b'"}',
    "many keys": filled('{"a": 1', ', "key#": 1', "}"),
    "one key again and again": filled('{"a": 1', ', "a": 1', "}"),
    "many unknown keys of a job": filled("jobs: {a: {command: x", ", comand#: 1", "}}"),
    "many variables": filled('{"environment": {"A": "1"', ', "A#": "1"', "}}"),
    "many wrong variables": filled('{"environment": {"A": "1"', ', "a b#": []', "}}"),
    "many documents": b"---\n" * (MEGABYTE // 4),
    "tags": filled("", "- !!t# x\n"),
    "directives": filled("", "%TAG !t#! x:\n"),
    "comments": filled("", "# note #\n"),
    "blanks": b" " * MEGABYTE,
    "tabs": b"\t" * MEGABYTE,
    "ends of lines": b"\n" * MEGABYTE,
    "carriage returns": b"\r" * MEGABYTE,
    "quotation marks": b'"' * MEGABYTE,
    "zeros": b"\0" * MEGABYTE,
    "no characters": b"\xff" * MEGABYTE,
    "marks of order": b"\xef\xbb\xbf" * (MEGABYTE // 3),
    "a date": b'{"schedule_time": "' + b"2026-11-20 " * (MEGABYTE // 11 - 10) + b'"}',
    "a date of digits": b'{"schedule_time": "' + b"1" * (MEGABYTE - 40) + b'"}',
    "a zone": b'{"schedule_timezone": "' + b"Europe/" * (MEGABYTE // 7 - 10) + b'", "schedule_time": "12:00"}',
    "an id": b'{"id": "' + b"a" * (MEGABYTE - 40) + b'"}',
    "a plain text": b"a: " + b"x " * (MEGABYTE // 2 - 10),
    "a folded text": b"a: >\n" + b" x\n\n" * (MEGABYTE // 4 - 10),
    "a schedule": b"jobs: {a: {command: x, schedule: '" + b"1," * (MEGABYTE // 2 - 40) + b"1 * * * *'}}",
    "many schedules": filled("jobs: {a: {command: x, schedule: [", "'# # * * *', ", "]}}"),
    "a rule": b"jobs: {a: {command: x, schedule: 'RRULE:FREQ=DAILY;BYSETPOS=" + b"1," * (MEGABYTE // 2 - 60) + b"1'}}",
    "a command": b'jobs: {a: {command: "' + b"a ' " * (MEGABYTE // 4 - 20) + b'"}}',
    "many jobs": filled("jobs:\n", "  j#: {command: x}\n"),
    "many wrong jobs": filled("jobs:\n", "  j#: {comand: x}\n"),
    "many groups": filled("jobs: {a: {command: x, concurrency_groups: [", "g#, ", "]}}"),
    "names of a group": filled("job_groups: {g: {command: x, job_names: [", "g#, ", "]}}"),
    "parameters": filled("jobs: {a: {command: x, parameters: {", "P#: {allowed: [a]}, ", "}}}"),
    "secret names": filled("secret_names: [", "'*a*a*a*a#*', ", "]\nenvironment: {" + "a" * 200 + ": '123456'}"),
    "secret values": filled("environment: {", "TOKEN#: secret#, ", "}"),
    "variables that never close": b"A='" + b"x=\n" * (MEGABYTE // 3 - 10),
    "backslashes": b'A="' + b"\\" * (MEGABYTE - 10),
    "folded lines": b"BEGIN:VCALENDAR\n" + b" x\n" * (MEGABYTE // 3 - 10),
    "events": filled("BEGIN:VCALENDAR\n", "BEGIN:VEVENT\nDTSTART:20260101T00000#Z\nEND:VEVENT\n", "END:VCALENDAR\n"),
}


@pytest.mark.parametrize("kind", MEGABYTES)
@pytest.mark.parametrize("name", NAMES)
def test_P6_P20_a_megabyte_is_decided_within_two_seconds(doors: dict[str, Door], name: str, kind: str) -> None:
    decided(doors[name], MEGABYTES[kind])
