"""Several files into one map, and back from a path in that map to the line it came from.

Owns the rule of D-02: maps are merged, anything else is replaced by what comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


def first_places(sources: Sequence[Source], section: str) -> dict[str, Where]:
    """Where each entry of a section was written first."""
    places: dict[str, Where] = {}
    for source in sources:
        entries = source.data.get(section)
        if isinstance(entries, dict):
            for name, line in zip(entries, source.entries.get(section, ()), strict=False):
                if name not in places:
                    places[name] = Where(source.file, line)
    return places


Places = Mapping[KeyPath, tuple[int, int]]


def last_places(sources: Sequence[Source], paths: Iterable[KeyPath]) -> Places:
    """The source (by number) and the line that had the last word on each of the paths and on what is above them."""
    asked = {path[:end] for path in paths for end in range(1, len(path) + 1)}
    return {
        path: (number, line)
        for number, source in enumerate(sources)
        for path, line in source.lines.items()
        if path in asked
    }


def nearest(places: Places, path: KeyPath) -> tuple[int, int]:
    """The place of a path, or of the deepest part of it that was written anywhere."""
    return next((places[path[:end]] for end in range(len(path), 0, -1) if path[:end] in places), (0, 0))
