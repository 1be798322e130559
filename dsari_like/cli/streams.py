"""What a run printed, byte by byte as it grows, and how it reaches whoever looks.

Owns the opening of output files nobody vouches for: no link is followed and nothing but a regular file is opened. In
a pipe every byte passes untouched; on a terminal all is shown but nothing is obeyed, colours excepted. Must not know
runs.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator

from dsari_like.system.identity import is_borrowed

OUTPUT = "output.txt"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 16
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
#: What a colour may still become: an escape that the next bytes decide about.
_UNDECIDED = re.compile(r"(?:\r|\x1b(?:\[[0-9;:]{0,40})?)$")


class Source:
    """A file that may not be there yet, and may still grow."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, OUTPUT)
        self._descriptor: int | None = None

    def close(self) -> None:
        """Let the file go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def problem(self) -> str:
        """Why there is nothing to read, as the end of a sentence; empty when there is."""
        try:
            self._open()
        except FileNotFoundError:
            return "it has no output file"
        except OSError as error:
            return f"its output cannot be read: {error.strerror}"
        return ""

    def read(self) -> Iterator[bytes]:
        """What there is by now and was not given yet. What is added meanwhile is left for the next time: somebody who
        prints faster than we read must not keep us here for ever."""
        try:
            descriptor = self._open()
        except OSError:
            return
        left = os.fstat(descriptor).st_size - os.lseek(descriptor, 0, os.SEEK_CUR)
        while left > 0 and (data := os.read(descriptor, min(left, _CHUNK))):
            left -= len(data)
            yield data

    def skip_to_last_lines(self, count: int) -> None:
        """Go near the end, as `tail` does: to the beginning of the last lines."""
        try:
            descriptor = self._open()
        except OSError:
            return
        position, data = os.fstat(descriptor).st_size, b""
        while position > 0 and data.count(b"\n") <= count and len(data) < 64 * _CHUNK:
            step = min(_CHUNK, position)
            position -= step
            data = os.pread(descriptor, step, position) + data
        lines = data.splitlines(keepends=True)
        os.lseek(descriptor, position + len(data) - sum(map(len, lines[-count:] if count else ())), os.SEEK_SET)

    def _open(self) -> int:
        if self._descriptor is None:
            descriptor = os.open(self._path, _FLAGS)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) or is_borrowed(descriptor, self._path):
                os.close(descriptor)
                raise OSError(0, "it is no regular file")
            self._descriptor = descriptor
        return self._descriptor


def archived(directory: str) -> Iterator[bytes]:
    """The output that an earlier dsari kept compressed (D-77), as far as it can be read; nothing when there is none."""
    import gzip
    import lzma

    for ending, opener in ((".gz", gzip.open), (".xz", lzma.open)):
        with contextlib.suppress(OSError, EOFError, lzma.LZMAError):
            descriptor = os.open(os.path.join(directory, OUTPUT + ending), _FLAGS)
            with open(descriptor, "rb") as raw, opener(raw, "rb") as file:
                while data := file.read(_CHUNK):
                    yield data


class Sink:
    """Standard output, for the bytes of one or of several runs at once."""

    def __init__(self, several: bool = False) -> None:
        self._several = several
        self._begun: dict[str, bytes] = {}  # unfinished lines: two runs must not meet in one
        self._filters: dict[str, Callable[[bytes, bool], bytes]] = {}
        self._terminal = sys.stdout.isatty()

    def write(self, label: str, data: bytes) -> None:
        """Pass on what a run printed; with several runs whole lines, each behind the name of its run."""
        if not self._several:
            self._put(label, data)
            return
        *lines, rest = (self._begun.pop(label, b"") + data).split(b"\n")
        for line in lines:
            self._put(label, line + b"\n")
        if rest:
            self._begun[label] = rest

    def end(self, label: str) -> None:
        """The run prints no more."""
        rest = self._begun.pop(label, b"")
        if rest:
            self._put(label, rest + b"\n")
        if label in self._filters:
            _write(self._filters.pop(label)(b"", True))

    def flush(self) -> None:
        """Show it now."""
        sys.stdout.buffer.flush()

    def _put(self, label: str, data: bytes) -> None:
        if self._terminal:
            data = self._filters.setdefault(label, harmless())(data, False)
        _write(f"{label}: ".encode() + data if self._several else data)


def harmless() -> Callable[[bytes, bool], bytes]:
    """A filter for terminals: text and colours pass, everything else a terminal would obey is spelled out. What is
    cut in the middle of a character or a colour waits for the rest."""
    decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
    waiting, coloured = "", False

    def clean(data: bytes, last: bool) -> bytes:
        nonlocal waiting, coloured
        text, waiting = waiting + decode(data, last), ""
        undecided = None if last else _UNDECIDED.search(text)
        if undecided:
            waiting, text = text[undecided.start() :], text[: undecided.start()]
        coloured = coloured or "\x1b[" in text
        reset = "\x1b[0m" if last and coloured else ""
        return (_spelled(text) + reset).encode("utf-8", "backslashreplace")

    return clean


def _spelled(text: str) -> str:
    pieces, start = [], 0
    text = text.replace("\r\n", "\n")
    for match in _COLOUR.finditer(text):
        pieces += [_plain(text[start : match.start()]), match[0]]
        start = match.end()
    return "".join([*pieces, _plain(text[start:])])


def _plain(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
