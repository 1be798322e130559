"""What became of a trigger that was dropped: its receipt, looked at until it says the last word.

Owns the reading of receipts and the exit code they amount to. Must not know how a trigger is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

from dsari_like.cli.exits import NO
from dsari_like.cli.following import Patience
from dsari_like.errors import StoreError

#: Words of a receipt that no run stands behind.
TURNED_AWAY = frozenset({"refused", "dropped"})
_FINAL = frozenset({"completed", "warning", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far a trigger has come."""

    state: str
    run_id: str | None
    exit_code: int | None
    reason: str
    time: float

    @property
    def is_final(self) -> bool:
        """True when nothing more will be written to it."""
        return self.state in TURNED_AWAY or self.state in _FINAL or self.state == "folded"


def read_receipt(data_dir: str, trigger_id: str) -> Receipt | None:
    """The receipt as it is now; None while there is none. Raises StoreError where it must not be read."""
    path = os.path.join(data_dir, "receipts", f"{trigger_id}.json")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error.strerror if isinstance(error, OSError) else str(error)) from None
    if not isinstance(found, dict):
        raise _unreadable(path, "it is no receipt")
    code, run_id = found.get("exit_code"), found.get("run_id")
    return Receipt(
        str(found.get("state")),
        str(run_id) if run_id else None,
        code if isinstance(code, int) else None,
        str(found.get("reason") or ""),
        float(found.get("time") or 0.0),
    )


def _unreadable(path: str, why: str | None) -> StoreError:
    return StoreError(f"cannot read the receipt {path}: {why}; without it the run cannot be waited for")


def wait_for(
    data_dir: str,
    trigger_id: str,
    before: Receipt | None,
    enough: Callable[[Receipt], bool],
    patience: Patience,
    meanwhile: Callable[[], None],
) -> Receipt:
    """The first receipt that is enough. One that was there before the drop and turned an earlier trigger away is no
    answer to this one; any other is, because an `id` names one run for ever."""
    last = before
    while True:
        found = read_receipt(data_dir, trigger_id)
        stale = found is not None and found == before and found.state in TURNED_AWAY
        if found is not None and not stale and enough(found):
            return found
        patience.rest(moved=found != last)
        last = found
        meanwhile()


def code_of_run(status: str, exit_code: int | None) -> int:
    """The exit code of a command that waited for a run: the run's own, but never 0 for one that did not succeed."""
    if status in ("completed", "warning"):
        return exit_code or 0
    return exit_code or NO
