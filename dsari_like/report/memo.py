"""What was made once and may be wanted again: lines of tables, lanes of charts.

Owns nothing but the bound. A finished run changes one line of fifty; the others come from here, as long as what they
were made from is equal. Must not be asked by a key that leaves out anything the answer depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")

#: Things kept; a line of a table is half a KiB.
MOST = 6_000


class Memo:
    """Answers by their questions. When it is full it forgets everything: what is in use comes back at once."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[Hashable, Any] = {}

    def of(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """The answer, made now if it is not known."""
        known = self._known
        if key not in known:
            if len(known) >= self._most:
                known.clear()
            known[key] = make()
        answer: Made = known[key]
        return answer

    def clear(self) -> None:
        """Forget."""
        self._known.clear()
