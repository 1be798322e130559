"""Who rests, for those who look: which pause holds at a time, which coming slot is to be left out, and the words.

Owns the sentences about it, for pages and commands alike. What a daemon does about a pause is in `core/pauses` and
`core/due`; their order is kept here, so that what is foretold is what comes: a slot inside a pause does not use up
the wish to leave out the next one. Must not know where the rests are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from dsari_like.core.blackout import Windows
from dsari_like.core.model import ALL_JOBS, Pause, SkipNext
from dsari_like.core.pauses import Pauses
from dsari_like.core.schedule import Rule, Slot, next_of
from dsari_like.report.moments import moment

#: The words in the note of every slot that will start nothing.
LEFT_OUT = "left out"
_JUST_BEFORE = 0.001
#: A job can be in two pauses, its own and that of all, and each can end inside the other.
_MOST_PAUSES = 4


class Rests:
    """All pauses and wishes that are recorded. `watched` is False while no daemon decides about slots: a slot that
    has passed meanwhile is then the next one."""

    def __init__(self, rests: Iterable[Pause | SkipNext] = (), *, watched: bool = True) -> None:
        self._rests = tuple(rests)
        self._pauses = Pauses()
        self._pauses.restore(self._rests)
        self._watched = watched

    @property
    def marks(self) -> Mapping[str, str]:
        """Something for each name (the empty one stands for all jobs) that is another when its rest is another."""
        found: dict[str, str] = {}
        for rest in self._rests:
            found[rest.job_name] = f"{found.get(rest.job_name, '')}{type(rest).__name__} {rest.time!r};"
        return found

    def pauses(self, now: float) -> list[Pause]:
        """The pauses that hold now, that of all jobs first. One that ran out while no daemon ran is over too."""
        found = [rest for rest in self._rests if isinstance(rest, Pause) and _holds(rest, now)]
        return sorted(found, key=lambda pause: pause.job_name)

    def of(self, name: str) -> Pause | None:
        """The pause of that very name, whether it has run out or not."""
        return next((rest for rest in self._rests if isinstance(rest, Pause) and rest.job_name == name), None)

    def pause(self, name: str, instant: float) -> Pause | None:
        """The pause a job is in; its own is told before that of all."""
        return self._pauses.of(name, instant)

    def why(self, name: str, instant: float, zone: tzinfo) -> str:
        """What keeps a run of the job from starting, as half a sentence; empty when it does not rest."""
        pause = self.pause(name, instant)
        return "" if pause is None else pause_words(pause, zone, "its job")

    def skipped(self, name: str, rules: Sequence[Rule], now: float) -> float | None:
        """The slot that is to be left out, as was asked; None when nothing was, or none comes."""
        skip = self._pauses.skip_of(name)
        if skip is None:
            return None
        slot = next_of(rules, now if self._watched else min(now, skip.time))
        for _ in range(_MOST_PAUSES):
            pause = self.pause(name, slot.time) if slot else None
            if slot is None or pause is None:
                break
            slot = None if pause.until is None else next_of(rules, pause.until - _JUST_BEFORE)
        return None if slot is None else slot.time

    def note(self, name: str, rules: Sequence[Rule], slot: float, now: float, zone: tzinfo) -> str:
        """Why a coming slot will be left out; empty when it will not, as far as rests go."""
        pause, skip = self.pause(name, slot), self._pauses.skip_of(name)
        if pause is not None:
            return f"{LEFT_OUT}: {pause_words(pause, zone)}"
        if skip is None or slot != self.skipped(name, rules, now):
            return ""
        return f"{LEFT_OUT}, as asked" + _because(skip.reason)


def slot_note(slot: Slot, rest: str, windows: Windows | None) -> str:
    """All there is to say of a coming slot: what the clock does to it, then what keeps it from starting a run. Who
    rests is asked before any blackout, as the daemon does."""
    return "; ".join(filter(None, (slot.note, rest or _blackout(slot, windows))))


def _blackout(slot: Slot, windows: Windows | None) -> str:
    told = "" if windows is None else windows.tell(slot.time)
    if windows is None or not told:
        return ""
    return f"moved to the end of {told}" if windows.defer else f"{LEFT_OUT}: it falls into {told}"


def pause_words(pause: Pause, zone: tzinfo, whom: str = "the job") -> str:
    """`the job is paused until Fri 20 Nov 2026, 16:23:08 CET: migration`."""
    who = f"{whom} is" if pause.job_name != ALL_JOBS else "all jobs are"
    return f"{who} paused {end_words(pause, zone)}{_because(pause.reason)}"


def pause_sentence(pause: Pause, zone: tzinfo) -> str:
    """The same as a whole sentence, which tells since when."""
    who = "The job is" if pause.job_name != ALL_JOBS else "All jobs are"
    return f"{who} paused, from {moment(pause.time, zone)} {end_words(pause, zone)}{_because(pause.reason)}."


def end_words(pause: Pause, zone: tzinfo) -> str:
    """Until when."""
    return "until further notice" if pause.until is None else f"until {moment(pause.until, zone)}"


def pause_object(pause: Pause) -> dict[str, Any]:
    """For programs; `job_name` is null where all jobs are paused."""
    return {
        "job_name": pause.job_name or None,
        "since": pause.time,
        "until": pause.until,
        "reason": pause.reason,
    }


def _holds(pause: Pause, now: float) -> bool:
    return pause.until is None or now < pause.until


def _because(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""
