"""Receipts that a crash kept from being written: the row was there, and the daemon died before it told the producer.

Owns the comparison of what the run log says with what the files say. A producer that waits for a last word would
otherwise wait for ever, for only what is still open is told of again. Must not know where the answers come from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from dsari_like.core.messages import WriteReceipt
from dsari_like.spool.files import directory, open_file

_LARGEST = 1 << 20


def overdue(data_dir: str, answers: Iterable[WriteReceipt], since: float) -> list[WriteReceipt]:
    """The answers whose file tells something older. One that is missing counts only when it would be younger than
    `since`: producers may remove what they have read, and it must not come back at each start. Raises OSError."""
    with directory(data_dir, follow=True) as root, directory("receipts", root) as place:
        return [answer for answer in answers if _is_overdue(answer, place, since)]


def _is_overdue(answer: WriteReceipt, place: int, since: float) -> bool:
    try:
        descriptor = open_file(f"{answer.id}.json", place)
    except FileNotFoundError:
        return answer.time >= since
    try:
        told = json.loads(os.read(descriptor, _LARGEST))
        return (told["state"], told["run_id"]) != (answer.state, answer.run_id)
    except (ValueError, LookupError, TypeError):  # somebody else's writing
        return True
    finally:
        os.close(descriptor)
