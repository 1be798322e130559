"""The list of promises in tests/README.rst names tests that there are, and leaves no promise out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROMISES = [f"P{number}" for number in range(1, 28)]
_ENTRY = re.compile(r"^(P\d+): .+\n((?: {4}.+\n)+)", re.MULTILINE)
ENTRIES = {
    promise: re.findall(r"``([^`]+)``", named)
    for promise, named in _ENTRY.findall((TESTS / "README.rst").read_text(encoding="utf-8"))
}


def names_in(path: Path) -> set[str]:
    """Every test and class of a module."""
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_promise_has_its_entry_in_order() -> None:
    assert list(ENTRIES) == PROMISES


@pytest.mark.parametrize("promise", PROMISES)
def test_what_holds_a_promise_is_there(promise: str) -> None:
    assert ENTRIES[promise]
    for named in ENTRIES[promise]:
        file, _, name = named.partition("::")
        assert (TESTS / file).is_file(), named
        assert not name or name in names_in(TESTS / file), named
