"""What one file says, with the lines it says it on: the common shape behind the YAML and the JSON reader.

Owns the two ways of reading. The quick one keeps the values and the lines of the entries two levels deep (a job must
know where it was written); the careful one, taken only when there is something to complain about, keeps every line
and every fault. Lines for everything would cost a third of the time and half of the memory of a load.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from dsari_like.config.checks import KeyPath

#: Deeper than any configuration, shallower than any recursion limit.
DEEPEST = 40


class Again(Exception):
    """The quick reading met something it cannot word; read carefully."""


@dataclass(slots=True)
class Source:
    """One file as read. `lines` is filled by the careful reading only, `entries` by both."""

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, array[int]] = field(default_factory=dict)  # of each top-level map: the lines of its keys, in order
    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[tuple[int, KeyPath, str]] = field(default_factory=list)
    broken: bool = False  # not all of it could be read

    def fault(self, line: int, text: str, path: KeyPath = ()) -> None:
        """Note something wrong with the file itself."""
        self.faults.append((line, path, text))

    def line_of(self, path: KeyPath) -> int:
        """The line of the deepest part of a path that this file has; 0 for none of it."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 0)


def utf8_fault(data: bytes) -> tuple[int, str] | None:
    """The line of the first byte that is not UTF-8, and what to say about it."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return line, f"expected UTF-8, found the byte 0x{data[error.start]:02x}; save the file as UTF-8"
    return None
