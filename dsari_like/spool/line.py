"""Which place has its turn, and what waits until when.

Owns the line of places with work, the pauses, and the clock times to come back at. Must not know files.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterator

from dsari_like.spool.claims import Held
from dsari_like.spool.place import Place, Waiting

#: A place that is paused; a file left in place, by name; a claimed file that may still become whole.
Reason = None | tuple[str, Waiting] | Held


class Line:
    """Places stand in it at most once. Each is given a few files before the next has its turn, so a flood in one
    directory costs the others a fraction of a millisecond."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}
        self._line: deque[Place] = deque()
        self._timers: list[tuple[float, int, Place, Reason]] = []
        self._numbers = itertools.count()  # decides among equal times, so that places are never compared
        self.unsettled: dict[str, Held] = {}  # by their name below claimed/

    def __bool__(self) -> bool:
        return bool(self._line)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def place(self, kind: str, name: str) -> Place:
        """The place, remembered for as long as anything is to be done there."""
        place = self._places.get((kind, name))
        if place is None:
            place = self._places[kind, name] = Place(kind, name)
        return place

    def join(self, place: Place) -> None:
        """There is work; whoever stands in line or is paused already stays where it is."""
        if not (place.queued or place.paused):
            place.queued = True
            self._line.append(place)

    def ask_for_listing(self, kind: str, name: str) -> None:
        """Have the whole directory looked at."""
        place = self.place(kind, name)
        place.wanted = True
        self.join(place)

    def next(self) -> Place:
        """Whose turn it is; `rejoin` it afterwards."""
        place = self._line.popleft()
        place.queued = False
        return place

    def rejoin(self, place: Place) -> None:
        """To the end of the line, or out of memory when nothing is left to do."""
        if place.has_work():
            self.join(place)
        elif place.is_idle():
            self._places.pop((place.kind, place.name), None)

    # --- time ---

    def pause(self, place: Place, until: float) -> None:
        """Leave it alone for a while."""
        place.paused = True
        self._set(until, place, None)

    def leave(self, place: Place, file_name: str, waiting: Waiting, until: float) -> None:
        """A file stays in its drop place until then, or until an event says more."""
        place.waiting[file_name] = waiting
        self._set(until, place, (file_name, waiting))

    def let_settle(self, place: Place, held: Held, until: float) -> None:
        """A claimed file is read again then, or when its writer closes it."""
        self.unsettled[held.where] = held
        place.settling += 1
        self._set(until, place, held)

    def settle(self, where: str) -> None:
        """Read it again now; a name that nobody waits for means nothing."""
        held = self.unsettled.pop(where, None)
        if held is not None:
            place = self.place(held.kind, held.name)
            place.settling -= 1
            place.held.append(held)
            self.join(place)

    def next_deadline(self) -> float | None:
        """The earliest time that still means something: what it was for may have been settled by an event since."""
        while self._timers and not self._is_live(*self._timers[0][2:]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def ring(self, mono: float) -> None:
        """Bring back everything whose time has come."""
        while (due := self.next_deadline()) is not None and due <= mono:
            _, _, place, reason = heapq.heappop(self._timers)
            if reason is None:
                place.paused = False
            elif isinstance(reason, Held):
                self.settle(reason.where)
            else:
                place.look_at(reason[0], False)
            if place.has_work():
                self.join(place)

    def _set(self, when: float, place: Place, reason: Reason) -> None:
        heapq.heappush(self._timers, (when, next(self._numbers), place, reason))

    def _is_live(self, place: Place, reason: Reason) -> bool:
        if reason is None:
            return place.paused
        if isinstance(reason, Held):
            return self.unsettled.get(reason.where) is reason
        return place.waiting.get(reason[0]) is reason[1]
