"""Several files into one map, and back from a path in that map to the line it came from.

Owns the rule of D-02: maps are merged, anything else is replaced by what comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dsari_like.config.checks import KeyPath
from dsari_like.config.source import Source
from dsari_like.core.model import Where


class _Own(dict[str, Any]):
    """A map made by the merge. Others may be shared by anchors, and are copied before the first change."""


def merged(sources: Sequence[Source]) -> dict[str, Any]:
    """All sources as one map; the first of them may be used as it is."""
    result = _Own()
    for source in sources:
        _merge(result, source.data)
    return result


def _merge(into: _Own, later: dict[str, Any]) -> None:
    for key, value in later.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            if not isinstance(present, _Own):
                present = into[key] = _Own(present)
            _merge(present, value)
        else:
            into[key] = value


def first_places(sources: Sequence[Source], sections: Sequence[str]) -> dict[KeyPath, Where]:
    """Where each entry of the sections was written first."""
    places: dict[KeyPath, Where] = {}
    for source in sources:
        for section in sections:
            entries = source.data.get(section)
            if isinstance(entries, dict):
                for name, line in zip(entries, source.entries.get(section, ()), strict=False):
                    if (section, name) not in places:
                        places[section, name] = Where(source.file, line)
    return places


def last_place(sources: Sequence[Source], path: KeyPath) -> tuple[int, int]:
    """The source (by number) and line that had the last word on a path, or on the deepest part of it that is there."""
    for end in range(len(path), 0, -1):
        for number in range(len(sources) - 1, -1, -1):
            line = sources[number].lines.get(path[:end])
            if line is not None:
                return number, line
    return 0, 0
