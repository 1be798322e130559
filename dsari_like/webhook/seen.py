"""What was taken lately: so that what comes again is known, and what was recorded and is sent again becomes nothing.

Owns that memory, which is bounded and ends with the process. What outlives it is the id of the trigger, by which the
daemon knows a delivery for good. Must not know what a request is.
"""

from __future__ import annotations

from collections import OrderedDict

_MOST = 20_000


class Seen:
    """Pairs of a delivery's id and the digest of what was signed, each for a while."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._by_digest: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def digest_of(self, delivery: str, mono: float) -> str | None:
        """What was signed under this id."""
        return _look(self._by_id, delivery, mono)

    def id_of(self, digest: str, mono: float) -> str | None:
        """Under which id this was taken."""
        return _look(self._by_digest, digest, mono)

    def remember(self, delivery: str, digest: str, until: float) -> None:
        """It was taken, and is safely on the disk."""
        for table, key, value in ((self._by_id, delivery, digest), (self._by_digest, digest, delivery)):
            table[key] = (value, until)
            table.move_to_end(key)
            while len(table) > _MOST:
                table.popitem(last=False)


def _look(table: OrderedDict[str, tuple[str, float]], key: str, mono: float) -> str | None:
    found = table.get(key)
    return found[0] if found is not None and mono < found[1] else None
