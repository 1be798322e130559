"""JSON into plain maps, lists and values, with lines that the standard library does not give.

Owns duplicate keys, NaN and infinities, depth and lines. Must not know: which keys there are.
"""

from __future__ import annotations

import json
import re
from array import array
from typing import Any

from dsari_like.config.checks import KeyPath, found
from dsari_like.config.source import DEEPEST, Again, Source, Stop, require_utf8

_TOO_DEEP = f"expected at most {DEEPEST} levels, found more; nothing here is that deep"
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]++|\\.)*+") | (?P<mark>[\[\]{},]) | (?P<line>\n) | (?P<scalar>[^\s"\[\]{},:]+)""",
    re.VERBOSE | re.DOTALL,
)


class _Constant(ValueError):
    """NaN or an infinity, which the standard library takes for numbers and JSON does not."""


def read_json(file: str, data: bytes, *, careful: bool) -> Source:
    """One file. Raises `Again` when there is a fault and the reading is not careful."""
    source = Source(file)
    try:
        require_utf8(data)
        text = data.decode("utf-8-sig")
        source.data = _decode(text)
        _Lines(source, text, careful).walk()
    except Stop as stop:
        source.stop(stop)
    if source.faults and not careful:
        raise Again
    return source


def _decode(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse) if text.strip() else {}
    except json.JSONDecodeError as error:
        text = f"this is not JSON: {error.msg[0].lower()}{error.msg[1:]} (column {error.colno})"
        raise Stop(error.lineno, text) from None
    except RecursionError:
        raise Stop(1, _TOO_DEEP) from None
    except _Constant as error:
        line = text.count("\n", 0, max(text.find(str(error)), 0)) + 1
        raise Stop(line, f"expected a number, found {error}; JSON has no such value") from None
    except ValueError:
        raise Stop(1, "expected numbers within reason, found one of thousands of digits; put it in quotes") from None
    if not isinstance(value, dict):
        raise Stop(1, f"expected a map of keys, found {found(value)}")
    return value


def _refuse(name: str) -> Any:
    raise _Constant(name)


class _Lines:
    """A second walk over text that is JSON already, for what the decoder does not tell: lines and duplicates.

    In place of a scanner of our own for the whole language: only the nesting matters here, so tokens do.
    """

    def __init__(self, source: Source, text: str, careful: bool) -> None:
        self._source = source
        self._text = text
        self._careful = careful
        self._line = 1
        self._path: list[str | int] = []
        self._frames: list[set[str] | None] = []  # the keys of each open map; None for a list
        self._key = False  # the next text is a key

    def walk(self) -> None:
        """Note the line of every entry."""
        for match in _TOKEN.finditer(self._text):
            kind = match.lastgroup
            if kind == "line":
                self._line += 1
            elif kind == "mark":
                self._mark(match[0])
            elif self._key:
                self._enter(json.loads(match[0]))
            else:
                self._element()
            if len(self._path) > DEEPEST:
                raise Stop(self._line, _TOO_DEEP)

    def _mark(self, mark: str) -> None:
        if mark in "[{":
            self._element()
            self._frames.append(set() if mark == "{" else None)
            self._path.append("" if mark == "{" else -1)
            self._key = mark == "{"
        elif mark == ",":
            self._key = self._frames[-1] is not None
        else:
            self._frames.pop()
            self._path.pop()
            self._key = False

    def _enter(self, key: str) -> None:
        keys = self._frames[-1]
        assert keys is not None
        self._key = False
        self._path[-1] = key
        path: KeyPath = tuple(self._path)
        if key in keys:
            first = self._source.lines.get(path, 0)
            self._source.fault(self._line, f"this key was given before, at line {first}; keep one of the two", path)
            return
        keys.add(key)
        if len(path) == 2:
            self._source.entries.setdefault(str(path[0]), array("L")).append(self._line)
        if self._careful:
            self._source.lines.setdefault(path, self._line)

    def _element(self) -> None:
        if not self._frames or self._frames[-1] is not None:
            return
        self._path[-1] = int(self._path[-1]) + 1
        if self._careful:
            self._source.lines.setdefault(tuple(self._path), self._line)
