"""What a run says of itself while it runs: bytes of its progress file become percent and message.

Owns what a line may hold, how much is kept of one that is not finished, and how many complaints one run can cause.
The bytes are handed in as they were found; whoever reads the file also says when a part of it was left out. Must not
know files, or what becomes of progress.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from dsari_like.core.clauses import Progress

LONGEST_LINE = 65_536
LONGEST_MESSAGE = 1000

#: So many of the lines of one reading are handed on, the newest: each says all that was known by then.
MOST_LINES = 100

#: So many complaints are told of one run; after the last of them there is silence.
MOST_NOTES = 3

#: What makes a map of the bytes of a line, or says in a few words what they are instead.
Decode = Callable[[bytes], Mapping[str, Any] | str]

_ELSEWHERE = ("job_variables", "workflow_variables")


class ProgressReader:
    """The progress of one run, as far as it was read."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._begun = b""  # of a line that has no end yet
        self._passing = False  # what comes up to the next end of line belongs to a line that is not wanted
        self._line: int | None = 0  # how many were read; None once nobody knows any more
        self._percent: float | None = None
        self._message = ""
        self._complaints = 0
        self._notes: list[str] = []

    def feed(self, data: bytes, time: float) -> tuple[Progress, ...]:
        """The lines that are complete now. What was not understood is in `take_notes`."""
        *ends, rest = data.split(b"\n")
        found: deque[Progress] = deque(maxlen=MOST_LINES)
        for end in ends:
            if self._line is not None:
                self._line += 1
            if self._passing:
                self._passing = False
            else:
                self._understand(self._begun + end, time, found)
            self._begun = b""
        self._keep(rest)
        return tuple(found)

    def finish(self, time: float) -> tuple[Progress, ...]:
        """The run has ended: what has no end of line has one now."""
        return self.feed(b"\n", time) if self._begun else ()

    def leave_out(self) -> None:
        """What comes next is not what follows: a part was left out, and the rest begins somewhere in a line."""
        self._begun, self._passing, self._line = b"", True, None

    def begin_again(self) -> None:
        """The file was written anew: what comes next is its beginning."""
        self._begun, self._passing, self._line = b"", False, 0

    def note(self, text: str) -> None:
        """A complaint, unless there were enough of them."""
        self._complaints += 1
        if self._complaints <= MOST_NOTES:
            self._notes.append(text)
        if self._complaints == MOST_NOTES:
            self._notes.append("what else is wrong with its signs of life is not told")

    def take_notes(self) -> tuple[str, ...]:
        """The complaints since the last call."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def _keep(self, rest: bytes) -> None:
        """The beginning of a line, unless it is longer than any may be: then it is passed over up to its end."""
        if self._passing:
            return
        self._begun += rest
        if len(self._begun) > LONGEST_LINE:
            self.note(f"{self._place(1)} is longer than {LONGEST_LINE} bytes, and is passed over")
            self._begun, self._passing = b"", True

    def _understand(self, raw: bytes, time: float, found: deque[Progress]) -> None:
        if not raw.strip():
            return
        if len(raw) > LONGEST_LINE:
            self.note(f"{self._place()} is longer than {LONGEST_LINE} bytes, and is passed over")
            return
        data = self._decode(raw)
        if isinstance(data, str):
            self.note(f"{self._place()} {data}, and is passed over")
            return
        if self._take(data):
            found.append(Progress(self._percent, self._message, time))

    def _take(self, data: Mapping[str, Any]) -> bool:
        """Whether the line says anything. What it does not mention stays as it was: a step may give a message once,
        and only numbers after that. Other keys are its writer's business, unless they were meant for somebody."""
        percent, message = data.get("progress"), data.get("message")
        if percent is not None and _is_percent(percent):
            self._percent = float(percent)
        elif percent is not None:
            self.note(f"{self._place()} gives a progress that is no number from 0 to 100")
            percent = None
        if isinstance(message, str):
            self._message = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
        elif message is not None:
            self.note(f"{self._place()} gives a message that is no text")
            message = None
        for key in _ELSEWHERE:
            if key in data:
                self.note(f"{self._place()} gives {key}, which are taken from what a run returns at its end")
        return percent is not None or message is not None

    def _place(self, ahead: int = 0) -> str:
        which = "a line" if self._line is None else f"line {self._line + ahead}"
        return f"{which} of its progress file"


def _is_percent(value: object) -> bool:
    """NaN is not, as it is not at least 0; nor is `true`, though Python takes it for 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
