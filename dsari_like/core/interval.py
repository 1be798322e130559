"""`@every 90s` and `@reboot`: the schedules that know no calendar.

Owns their grammar and their instants. Must not know zones: an interval is elapsed time, whatever the clock shows.
"""

from __future__ import annotations

import re
from math import floor

from dsari_like.core import phrases
from dsari_like.core.record import record
from dsari_like.core.rule import Rule, ScheduleError, Slot

_SIZES = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?", re.ASCII)
_LONGEST = 3_660 * 86_400


@record
class EveryText:
    """A parsed interval."""

    text: str
    seconds: int

    @property
    def needs_anchor(self) -> bool:
        """The phase comes from the name, so there is nothing to keep."""
        return False


@record
class RebootText:
    """`@reboot`."""

    text: str

    @property
    def needs_anchor(self) -> bool:
        """It has no phase."""
        return False


def parse_every(text: str) -> EveryText:
    """`@every` and a duration of days, hours, minutes and seconds, largest first."""
    words = text[len("@every") :].strip()
    match = _DURATION.fullmatch(words.lower())
    if not words or match is None or match.lastindex is None:
        raise ScheduleError(f"cannot read the interval '{words}'; write 90s, 15m, 2h, 1d or 1h30m{_unit_hint(words)}")
    seconds = sum(int(count) * size for count, size in zip(match.groups("0"), _SIZES.values(), strict=True))
    if not 1 <= seconds <= _LONGEST:
        raise ScheduleError(f"the interval '{words}' is outside one second to ten years")
    return EveryText(text, seconds)


def _unit_hint(words: str) -> str:
    return f" (did you mean {words}s?)" if words.isdigit() else ""


class EveryRule(Rule):
    """Instants congruent to the CRC of the job's name, modulo the interval.

    Not counted from the daemon's start or the last run: that phase would need keeping and would drift; this one
    survives restarts without any state, and spreads the jobs that share an interval.
    """

    __slots__ = ("_parsed", "_phase")

    def __init__(self, parsed: EveryText, name_number: int) -> None:
        self._parsed = parsed
        self._phase = name_number % parsed.seconds

    @property
    def text(self) -> str:
        """The schedule as it was written."""
        return self._parsed.text

    def next_after(self, after: float) -> Slot | None:
        """The first instant of the phase strictly later than `after`."""
        last = floor(after)
        every = self._parsed.seconds
        return Slot(float(last + every - (last - self._phase) % every))

    def describe(self) -> str:
        """In words."""
        return f"every {phrases.duration(self._parsed.seconds)}"


class RebootRule(Rule):
    """Due when the daemon starts, which is not an instant that a calendar could tell."""

    __slots__ = ("_parsed",)

    is_reboot = True

    def __init__(self, parsed: RebootText) -> None:
        self._parsed = parsed

    @property
    def text(self) -> str:
        """The schedule as it was written."""
        return self._parsed.text

    def next_after(self, after: float) -> Slot | None:
        """Never: the daemon's start is told by the daemon."""
        return None

    def describe(self) -> str:
        """In words."""
        return "when the daemon starts"
