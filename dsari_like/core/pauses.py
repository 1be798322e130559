"""Jobs that are told to rest: paused, until a time or until further notice, or to leave out their next slot.

Owns who rests and until when. A pause holds back everything: slots that come are skipped, triggers wait. Must not
know runs or who asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsari_like.core.model import ALL_JOBS, Pause, SkipNext
from dsari_like.core.timetable import Timetable


class Pauses:
    """All pauses that hold, and all slots to be left out."""

    def __init__(self) -> None:
        self._pauses: dict[str, Pause] = {}
        self._until = Timetable()
        self._skips: dict[str, SkipNext] = {}

    def restore(self, rests: Iterable[Pause | SkipNext]) -> None:
        """What was asked of an earlier daemon holds still."""
        for rest in rests:
            if isinstance(rest, Pause):
                self.pause(rest)
            else:
                self.skip_next(rest)

    def pause(self, pause: Pause) -> None:
        """From now on; a pause of the same job is replaced."""
        self._pauses[pause.job_name] = pause
        self._until.remove(pause.job_name)
        if pause.until is not None:
            self._until.set(pause.job_name, pause.until)

    def lift(self, name: str) -> bool:
        """The pause is over. False when there was none of that very name."""
        self._until.remove(name)
        return self._pauses.pop(name, None) is not None

    def expired(self, now: float) -> list[str]:
        """Whose pause ends by itself now; it is lifted."""
        names = [name for name, _ in self._until.pop_due(now)]
        for name in names:
            del self._pauses[name]
        return names

    def next_deadline(self) -> float | None:
        """When the next pause ends by itself, by the wall clock."""
        return self._until.next_deadline()

    def names(self) -> list[str]:
        """Who is paused."""
        return list(self._pauses)

    def skip_next(self, skip: SkipNext) -> None:
        """Asking twice leaves out one slot, not two: a request that is repeated must do no more."""
        self._skips[skip.job_name] = skip

    def skip_of(self, name: str) -> SkipNext | None:
        """The wish to leave out the job's next slot, for those who only look."""
        return self._skips.get(name)

    def take_skip(self, name: str) -> SkipNext | None:
        """The wish to leave out this slot, which is fulfilled by it."""
        return self._skips.pop(name, None)

    def of(self, name: str, instant: float) -> Pause | None:
        """The pause that a slot of the job at this instant falls into; the job's own is told before that of all."""
        for key in (name, ALL_JOBS):
            pause = self._pauses.get(key)
            if pause is not None and pause.covers(instant):
                return pause
        return None
