"""What all dropped files have in common: their id, and the words for what is wrong with them.

Must not know which keys such a file may have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dsari_like.core.names import is_trigger_id
from dsari_like.core.when import kind_of


def read_id(data: Mapping[str, Any], faults: list[str]) -> str | None:
    """The id that a producer gave, or none; what is wrong with it is appended to `faults`."""
    if "id" not in data:
        return None
    value = data["id"]
    if isinstance(value, str) and is_trigger_id(value):
        return value
    faults.append(f"id: expected 1 to 128 of A-Z a-z 0-9 . _ -, found {found(value)}")
    return None


def found(value: object) -> str:
    """What stands where something else was expected."""
    return shown(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else kind_of(value)


def shown(value: object) -> str:
    """A value in a sentence: short, and with control characters spelled out."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(words: Iterable[str], last: str = "and") -> str:
    """Some words as a sentence lists them; a long list is cut, since it stands in a log line."""
    known = list(words)
    told = known[:12] + ([f"{len(known) - 12} more"] if len(known) > 12 else [])
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} {last} {told[-1]}"


def meant(word: object, known: Iterable[str]) -> str:
    """What could have been meant, as the end of a sentence; empty when nothing comes near."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), 1) if isinstance(word, str) and len(word) <= 64 else []
    return f" (did you mean '{close[0]}'?)" if close else ""
