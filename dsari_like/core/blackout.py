"""Blackouts: the windows of time in which the slots of a job start nothing.

Owns when a window is open, and the joining of windows that overlap or touch into the one moment at which the last of
them closes. Must not know runs, or what is done about a slot that falls into a window; and reads no clock and no file.

A window is open from its start up to, and not including, its end: a slot at the very end is on time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from itertools import accumulate
from math import inf
from typing import NamedTuple, Protocol

from dsari_like.core.rule import Rule
from dsari_like.core.zones import DAY, ZoneView

#: Links of one chain. A night of one-minute windows has 600; more than this is a blackout that never ends.
MOST_LINKS = 10_000
#: The clock of a zone is never set by more than this: a day of the calendar has at most so much more than 24 hours.
_SLACK = DAY


class Window(NamedTuple):
    """One stretch of time, and the words for what opened it."""

    start: float
    end: float
    what: str


class Openings(Protocol):
    """Where windows come from."""

    what: str

    def covering(self, instant: float) -> Window | None:
        """A window that is open at `instant`; None when none is."""

    def following(self, after: float) -> Window | None:
        """The first window to open strictly later than `after`."""


class Fixed:
    """Windows that are written down one by one."""

    __slots__ = ("_reach", "_starts", "_windows", "what")

    def __init__(self, windows: Iterable[Window], what: str = "") -> None:
        self._windows = sorted(windows)
        self._starts = [window.start for window in self._windows]
        self._reach = list(accumulate((window.end for window in self._windows), max))
        self.what = what or ", ".join(dict.fromkeys(window.what for window in self._windows))

    def covering(self, instant: float) -> Window | None:
        """The one that closes last."""
        index = bisect_right(self._starts, instant) - 1
        if index < 0 or self._reach[index] <= instant:
            return None
        return next(one for one in reversed(self._windows[: index + 1]) if one.end == self._reach[index])

    def following(self, after: float) -> Window | None:
        """By the order of their starts."""
        index = bisect_right(self._starts, after)
        return self._windows[index] if index < len(self._windows) else None


class Series:
    """A window of one length at each slot of a schedule. With `calendar` the length is counted in whole days of that
    calendar, which are not always 24 hours."""

    __slots__ = ("_calendar", "_excluded", "_length", "_rule", "what")

    def __init__(
        self,
        rule: Rule,
        length: float,
        what: str,
        *,
        calendar: ZoneView | None = None,
        excluded: Collection[float] = (),
    ) -> None:
        self._rule = rule
        self._length = length
        self._calendar = calendar
        self._excluded = frozenset(excluded)
        self.what = what

    def covering(self, instant: float) -> Window | None:
        """One that opened in the later half of the longest stretch it can have been open for, else in the earlier.

        Not simply the first that is still open: where a window opens every minute for an hour, the chain would be
        followed minute by minute.
        """
        reach = self._length if self._calendar is None else self._length + _SLACK
        for share in (reach / 2, reach):
            window = self.following(instant - share)
            while window is not None and window.start <= instant:
                if window.end > instant:
                    return window
                window = self.following(window.start)
        return None

    def following(self, after: float) -> Window | None:
        """The next slot that is not taken out."""
        slot = self._rule.next_after(after)
        while slot is not None and slot.time in self._excluded:
            slot = self._rule.next_after(slot.time)
        return None if slot is None else Window(slot.time, self._end(slot.time), self.what)

    def _end(self, start: float) -> float:
        if self._calendar is None:
            return start + self._length
        return float(self._calendar.instant(self._calendar.local(int(start)) + int(self._length)))


class Windows:
    """The blackouts of one job. `defer`: what falls into a window is moved to its end, and not left out."""

    __slots__ = ("_chain", "_free", "_openings", "_zone", "defer")

    def __init__(self, openings: Sequence[Openings], zone: tzinfo, *, defer: bool = False) -> None:
        self._openings = tuple(openings)
        self._zone = zone
        # The last two answers: a week of slots in one window, or in none, is one search. A calendar may have hundreds
        # of yearly events, and each of them takes a tenth of a millisecond to ask.
        self._chain = self._free = (0.0, 0.0)
        self.defer = defer

    def at(self, instant: float) -> Window | None:
        """Of the windows open at `instant`, one that closes as late as any."""
        found = [window for openings in self._openings if (window := openings.covering(instant)) is not None]
        return max(found, key=lambda window: window.end) if found else None

    def end_of_window(self, instant: float) -> float | None:
        """When the blackout around `instant` is over, whatever windows it is made of; None outside of any.

        The search ends after `MOST_LINKS` windows. Its answer may then lie in a window too, so who waits for the end
        asks again when it comes.
        """
        if self._chain[0] <= instant < self._chain[1]:
            return self._chain[1]
        if self._free[0] <= instant < self._free[1]:
            return None
        end = instant
        for _ in range(MOST_LINKS):
            window = self.at(end)
            if window is None:
                break
            end = window.end
        if end == instant:
            self._free = (instant, min((window.start for window in self._following(instant)), default=inf))
            return None
        self._chain = (instant, end)
        return end

    def next_window(self, after: float) -> Window | None:
        """The first window to open strictly later than `after`, up to where the last one that follows on it closes."""
        first = min(self._following(after), default=None)
        if first is None:
            return None
        return first._replace(end=self.end_of_window(first.start) or first.end)

    def _following(self, after: float) -> list[Window]:
        return [window for openings in self._openings if (window := openings.following(after)) is not None]

    @property
    def is_endless(self) -> bool:
        """Whether some window opens and none closes for good after it: nothing would ever be due again."""
        starts = (openings.following(_LONG_AGO) for openings in self._openings)
        ends = (self.end_of_window(window.start) for window in starts if window is not None)
        return any(end is not None and self.at(end) is not None for end in ends)

    def describe(self) -> str:
        """What opens the windows, in words."""
        return "; ".join(openings.what for openings in self._openings)

    def tell(self, instant: float) -> str:
        """The window around `instant` and its end, as the middle of a sentence; empty outside of any."""
        window, end = self.at(instant), self.end_of_window(instant)
        return "" if window is None or end is None else f"the blackout {window.what}, until {self.clock(end)}"

    def clock(self, instant: float) -> str:
        """An instant as the job's own clock shows it, with the offset that makes it one instant only."""
        return datetime.fromtimestamp(instant, self._zone).isoformat(" ", "seconds")


#: 2000, the earliest that the search for an endless blackout looks at.
_LONG_AGO = 946_684_800.0
