"""What one file says, with the lines it says it on: the common shape behind the YAML and the JSON reader.

Owns the two ways of reading. The quick one keeps the values and the lines of the entries two levels deep (a job must
know where it was written); the careful one, taken only when there is something to complain about, keeps every line
and every fault. Lines for everything would cost a third of the time and half of the memory of a load.
"""

from __future__ import annotations

from array import array
from typing import Any

from dsari_like.config.checks import MOST_FAULTS, KeyPath

#: Twice as deep as any configuration: a path is kept for every value, and each level is paid for.
DEEPEST = 16


class Again(Exception):
    """The quick reading met something it cannot word; read carefully."""


class Stop(Exception):
    """A fault after which the rest of the file cannot be understood, or need not be."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(line, text)
        self.line = line
        self.text = text


class Source:
    """One file as read. `lines` is filled by the careful reading only, `entries` by both."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: dict[str, Any] = {}
        self.entries: dict[str, array[int]] = {}  # of each top-level map: the lines of its keys, in their order
        self.lines: dict[KeyPath, int] = {}
        self.faults: list[tuple[int, KeyPath, str]] = []
        self.broken = False  # not all of it could be read

    def fault(self, line: int, text: str, path: KeyPath = ()) -> None:
        """Note something wrong with the file itself."""
        self.faults.append((line, path, text))
        if len(self.faults) >= MOST_FAULTS:
            raise Stop(line, "there are too many faults; the rest was not read")

    def stop(self, stop: Stop) -> None:
        """Note why the rest of the file was not read."""
        self.broken = True
        self.faults.append((stop.line, (), stop.text))


def require_utf8(data: bytes) -> None:
    """`Stop` at the first byte that is not UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"expected UTF-8, found the byte 0x{data[error.start]:02x}; save the file as UTF-8"
        raise Stop(line, text) from None
