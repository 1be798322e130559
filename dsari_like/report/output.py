"""The output of a run for its page: the beginning and the end of a file nobody vouches for.

Owns the reading: no link is followed, nothing but a regular file is opened, and never more is read than is shown,
so a gigabyte costs as much as a page. Must not know templates, nor what is a secret; makes lines of inert markup.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from dsari_like.report.ansi import lines
from dsari_like.system.identity import is_borrowed

#: What a run prints is in this file of its directory.
OUTPUT = "output.txt"
#: Characters shown when the configuration sets no limit of its own: about 250 and 1,000 lines.
DEFAULT_START, DEFAULT_END = 16_384, 65_536
#: The part left out is read, to number the lines after it, up to this size: 16 MiB take 10 ms.
COUNTED = 16 * 2**20
_CHUNK = 2**20
#: Characters of the end in which the line is looked for that says what went wrong.
_LOOKED_AT = 4_096
_LOOKS_LIKE_ERROR = re.compile(r"\b(error|fatal|exception|traceback|panic|failed|failure|not found)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its anchor (`L12`, or `E12` counted from the end where the beginning is too far), number, markup."""

    anchor: str
    number: str
    markup: Markup


@dataclass(frozen=True, slots=True)
class OutputView:
    """What is shown. `skipped` bytes lie between `head` and `tail`; `problem` says why there is nothing."""

    size: int = 0
    head: tuple[Line, ...] = ()
    tail: tuple[Line, ...] = ()
    skipped: int = 0
    first_error: str = ""
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """True when the file is there and holds nothing."""
        return not self.problem and self.size == 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Characters to show of the beginning and of the end; both 0 for the whole file."""

    start: int = DEFAULT_START
    end: int = DEFAULT_END

    def times(self, factor: int) -> Limits:
        """The same limits, wider."""
        return Limits(self.start * factor, self.end * factor)


#: Makes text fit to be seen, with as many lines as before; of a piece that was cut out, which the second argument says,
#: both ends too.
Hide = Callable[[str, bool], str]


def _open(text: str, cut: bool) -> str:
    return text


def read(path: str, limits: Limits, hide: Hide = _open) -> OutputView:
    """The view of an output file. Never raises for what the file is or holds."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return OutputView(problem="There is no output.")
    except OSError as error:
        return OutputView(problem=f"The output cannot be shown: {error.strerror}.")
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or is_borrowed(descriptor, path):
            return OutputView(problem="The output cannot be shown: it is no regular file.")
        return _view(descriptor, os.fstat(descriptor).st_size, limits, hide)
    except OSError as error:
        return OutputView(problem=f"The output cannot be shown: {error.strerror}.")
    finally:
        os.close(descriptor)


def last_error(path: str, hide: Hide = _open) -> str:
    """The last line that looks like an error among the last of a file, or the last line there is; as plain text."""
    found = read(path, Limits(0, _LOOKED_AT), hide)
    texts = [line.markup.striptags() for line in reversed(found.tail or found.head)]
    texts = [text for text in texts if text.strip()]
    return next((text for text in texts if _LOOKS_LIKE_ERROR.search(text)), texts[0] if texts else "")


def line_number(path: str, offset: int) -> int | None:
    """The number of the line in which a byte of an output file is; None when it is too far, or cannot be told."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or is_borrowed(descriptor, path):
            return None
        before = _count_lines(descriptor, 0, offset)
        return None if before is None else before + 1
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _view(descriptor: int, size: int, limits: Limits, hide: Hide) -> OutputView:
    wanted = limits.start + limits.end
    if not wanted or size <= wanted:
        return _whole(descriptor, size, hide)
    start, end = _cut(descriptor, size, limits)
    if not start and not end:
        return OutputView(size, skipped=size)
    if len(start) + len(end) >= size:  # more bytes than characters: it fits after all
        return _whole(descriptor, size, hide)
    return _two_parts(descriptor, size, start, end, hide)


def _whole(descriptor: int, size: int, hide: Hide) -> OutputView:
    head = _lines(hide(_decoded(_read(descriptor, 0, size)), False), 1)
    return OutputView(size, head, first_error=_first_error(head))


def _two_parts(descriptor: int, size: int, start: bytes, end: bytes, hide: Hide) -> OutputView:
    skipped = size - len(start) - len(end)
    head = _lines(hide(_decoded(start), True), 1)
    before = _count_lines(descriptor, len(start), skipped)
    text = hide(_decoded(end), True)
    tail = _lines(text, None if before is None else start.count(b"\n") + before + 1)
    return OutputView(size, head, tail, skipped, _first_error(head) or _first_error(tail))


def _cut(descriptor: int, size: int, limits: Limits) -> tuple[bytes, bytes]:
    """The two ends, each cut to its characters and then to whole lines where it has more than one."""
    start = _first_characters(_read(descriptor, 0, min(size, 4 * limits.start)), limits.start)
    start = start[: start.rfind(b"\n") + 1] or start
    end = _last_characters(_read(descriptor, max(0, size - 4 * limits.end), 4 * limits.end), limits.end)
    newline = end.find(b"\n", 0, len(end) - 1)
    return start, end[newline + 1 :]


def _first_characters(data: bytes, count: int) -> bytes:
    return _encoded(_decoded(data)[:count])


def _last_characters(data: bytes, count: int) -> bytes:
    return _encoded(_decoded(data)[-count:]) if count else b""


def _decoded(data: bytes) -> str:
    """Bytes that are no UTF-8 become lone surrogates, which the page shows as numbers (B-53)."""
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _read(descriptor: int, offset: int, size: int) -> bytes:
    pieces, wanted = [], size
    while wanted > 0:
        piece = os.pread(descriptor, min(wanted, _CHUNK), offset)
        if not piece:
            break
        pieces.append(piece)
        offset, wanted = offset + len(piece), wanted - len(piece)
    return b"".join(pieces)


def _count_lines(descriptor: int, offset: int, size: int) -> int | None:
    """Newlines in a stretch; None when it is too long to be read for that."""
    if size > COUNTED:
        return None
    total, end = 0, offset + size
    while offset < end:
        piece = os.pread(descriptor, min(_CHUNK, end - offset), offset)
        if not piece:
            break
        total, offset = total + piece.count(b"\n"), offset + len(piece)
    return total


def _lines(text: str, first: int | None) -> tuple[Line, ...]:
    """Numbered from `first`, or backwards from the end when that is not known."""
    if not text:
        return ()
    texts = text.removesuffix("\n").split("\n")
    if first is not None:
        return tuple(Line(f"L{n}", str(n), markup) for n, markup in enumerate(lines(texts), first))
    return tuple(
        Line(f"E{n}", f"-{n}", markup) for n, markup in zip(range(len(texts), 0, -1), lines(texts), strict=True)
    )


def _first_error(shown: tuple[Line, ...]) -> str:
    return next((line.anchor for line in shown if _LOOKS_LIKE_ERROR.search(line.markup)), "")
