"""The daemon's log: one event, one line, on standard error, as text or as JSON.

Owns the formats. Text from outside is shown with its control characters visible, so that a file name can neither
start a second line nor colour a terminal, and secrets are hidden (P18). Must not know what is logged, nor what is a
secret.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable

#: Where the daemon's events go.
LOG = logging.getLogger("dsari_like")


def visible(text: str) -> str:
    """The text with everything that is not printable escaped."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


class _Form(logging.Formatter):
    """`hide` makes text fit to be seen."""

    hide: Callable[[str], str] = staticmethod(str)

    def message(self, record: logging.LogRecord) -> str:
        """What is told."""
        return self.hide(record.getMessage())

    def trace(self, record: logging.LogRecord) -> list[str]:
        """The lines of a traceback, where there is one."""
        return self.hide(self.formatException(record.exc_info)).splitlines() if record.exc_info else []


class _Text(_Form):
    """`2026-03-29 02:30:00 warning: …`; under systemd the journal adds the time, so it is left out there."""

    def __init__(self, timed: bool) -> None:
        super().__init__()
        self._timed = timed

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(record.created)) if self._timed else ""
        trace = "".join(f"\n  {visible(line)}" for line in self.trace(record))
        return f"{stamp}{record.levelname.lower()}: {visible(self.message(record))}{trace}"


class _Json(_Form):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": round(record.created, 3), "level": record.levelname.lower(), "message": self.message(record)}
        if record.exc_info:
            line["traceback"] = self.trace(record)
        return json.dumps(line, ensure_ascii=True)


def set_up(debug: bool, form: str, timed: bool = True) -> None:
    """Send the log to standard error in one of the two forms."""
    make: dict[str, Callable[[], logging.Formatter]] = {"text": lambda: _Text(timed), "json": _Json}
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(make[form]())
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.DEBUG if debug else logging.INFO)
    LOG.propagate = False


def hide_with(hide: Callable[[str], str]) -> None:
    """From now on every line is put through this before it is written."""
    for handler in LOG.handlers:
        if isinstance(handler.formatter, _Form):
            handler.formatter.hide = hide
