"""What was made once and may be wanted again: lines of tables, lanes of charts.

Owns nothing but the bound. A finished run changes one line of fifty; the others come from here, as long as what they
were made from is equal. Must not be asked by a key that leaves out anything the answer depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")

#: Things kept of each of two generations; a line of a table is half a KiB.
MOST = 3_000


class Memo:
    """Answers by their questions. When the young generation is full it becomes the old one, and that is forgotten:
    what is in use has come back into the young by then."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._young: dict[Hashable, Any] = {}
        self._old: dict[Hashable, Any] = {}

    def of(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """The answer, made now if it is not known."""
        answer: Made
        if key in self._young:
            answer = self._young[key]
            return answer
        answer = self._old[key] if key in self._old else make()
        if len(self._young) >= self._most:
            self._old, self._young = self._young, {}
        self._young[key] = answer
        return answer

    def clear(self) -> None:
        """Forget."""
        self._young.clear()
        self._old.clear()
