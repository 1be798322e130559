"""The names of the items of an array run: how they are written, and which of them a trigger selects.

Owns the grammar of range text (Q-82): a comma list of `n`, `a-b`, `a-bxSTEP`, ascending or descending, negative numbers
allowed, and of plain names; what comes twice counts once. Must not know jobs or runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: More items than this are a slip of the keyboard; each is a run with a row and a directory.
MOST = 100_000
LONGEST_NAME = 128

_RANGE = re.compile(r"(-?\d{1,18})-(-?\d{1,18})(?:x(\d{1,18}))?")


class ItemError(ValueError):
    """Text, or a list, that names no items; says why."""


def parse(value: object) -> tuple[str, ...]:
    """The names, in the order they are written. A list names each item; text may hold ranges. Raises ItemError."""
    if isinstance(value, bool) or not isinstance(value, str | int | list | tuple):
        raise ItemError("expected a list of names, or text such as 1-100 or 1-9x2,last")
    words = value if isinstance(value, list | tuple) else [word.strip() for word in str(value).split(",")]
    names: dict[str, None] = {}
    for word in words:
        found = (_name(word),) if isinstance(value, list | tuple) else _expand(word)
        names |= dict.fromkeys(found)
        if len(names) > MOST:
            raise ItemError(f"more than {MOST} items; each would be a run of its own")
    if not names:
        raise ItemError("expected at least one item, found none")
    return tuple(names)


def select(value: object, known: Sequence[str]) -> tuple[str, ...]:
    """Those of the known items that `value` names, in the order of the job. Raises ItemError for any other."""
    wanted, names = parse(value), set(known)
    strange = [name for name in wanted if name not in names]
    if strange:
        from difflib import get_close_matches

        close = get_close_matches(strange[0], list(known[:1000]), 1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise ItemError(f"'{strange[0]}' is none of the job's items{hint}; they are {shown(known)}")
    chosen = set(wanted)
    return tuple(name for name in known if name in chosen)


def shown(names: Sequence[str], most: int = 5) -> str:
    """Some names as a sentence lists them."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])}, … {names[-1]} ({len(names)} in all)"


def _expand(word: str) -> Sequence[str]:
    """One word of range text."""
    found = _RANGE.fullmatch(word)
    if found is None:
        return (_name(word),)
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if step == 0:
        raise ItemError(f"'{word}': a step of 0 never arrives")
    if abs(last - first) // step >= MOST:
        raise ItemError(f"'{word}': more than {MOST} items; each would be a run of its own")
    numbers = range(first, last + 1, step) if last >= first else range(first, last - 1, -step)
    return [str(number) for number in numbers]


def _name(word: object) -> str:
    text = str(word) if isinstance(word, int) and not isinstance(word, bool) else word
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        raise ItemError(f"expected names of 1 to {LONGEST_NAME} printable characters, found {str(text)[:40]!a}")
    return text
