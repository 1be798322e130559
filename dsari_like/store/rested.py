"""Who rests, for those who ask the run log: pauses, and the wishes to leave out a slot.

Must not know which of them hold at a time: one that ran out while no daemon ran is still here.
"""

from __future__ import annotations

import sqlite3

from dsari_like.core.model import Pause, SkipNext
from dsari_like.store import resuming
from dsari_like.store.hiding import Hiding


class Rested:
    """The part of the reader that asks it."""

    _connection: sqlite3.Connection
    _hiding: Hiding

    def rests(self) -> tuple[Pause | SkipNext, ...]:
        """All that were asked for and are not over."""
        return tuple(map(self._hiding.rest, resuming.rests(self._connection)))

    def rest_mark(self) -> str:
        """Another one whenever a rest came or went. Looks at all of them: there are as many as people asked for."""
        count, times = self._connection.execute("select count(*), total(time) from rests").fetchone()
        return f"{count} {times!r}"
