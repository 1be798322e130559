"""A map with known keys: what may stand in a job, a runtime, or at the top level, and how it is read.

Owns the reading of such a map against its table, and the table's JSON Schema. Must not know which keys there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dsari_like.config.checks import MOST_FAULTS, Check, Fault, Schema, Unfit, unfit


class Key(NamedTuple):
    """One line of the table. `default` is as one would write it; None is "none", and may be written as null."""

    name: str
    check: Check
    default: Any
    help: str

    @property
    def nullable(self) -> bool:
        """True where nothing (`key:` and no more) says the same as leaving the key out."""
        return self.default is None or self.default == {} or self.default == []

    @property
    def default_words(self) -> str:
        """The default as the manual prints it."""
        if self.default is REQUIRED or self.default is None:
            return "none" if self.default is None else "required"
        return "empty" if self.default in ("", {}, []) else json.dumps(self.default).strip('"')


#: The default of a key that has none because it must be written.
REQUIRED: Any = ...


class Section:
    """A map with known keys: a job, a runtime, the top level."""

    def __init__(
        self, noun: str, *keys: Key, later: Sequence[str] = (), instead: Mapping[str, str] | None = None
    ) -> None:
        """`instead` names, for a key that must be written, the one that may be written in its place."""
        self.noun, self.keys, self._later, self._instead = noun, keys, later, instead or {}
        self.table: Mapping[str, Key] = {key.name: key for key in keys}
        self._takers: dict[str, Callable[[Any], Any]] = {key.name: key.check.take for key in keys}
        self._choices = tuple(self.table)
        self._required = [key.name for key in keys if key.default is REQUIRED]

    def read(self, value: Any) -> tuple[dict[str, Any], list[Fault]]:
        """What was written, key by key, and what is wrong with the rest; a key left out (or null) is in neither."""
        taken: dict[str, Any] = {}
        if value is None and not self._required:
            return taken, []
        if not isinstance(value, dict):
            return taken, list(unfit(f"a map ({self.noun})", value).faults)
        faults: list[Fault] = []
        for name, written in value.items():
            if len(faults) >= MOST_FAULTS:
                break
            take = self._takers.get(name)
            if take is None:
                faults.append(self._unknown(name))
                continue
            try:
                taken[name] = take(written)
            except Unfit as refusal:
                if written is not None or not self.table[name].nullable:
                    faults += refusal.below(name)
        for name in self._required:
            if name not in value and self._instead.get(name) not in value:
                faults.append(Fault((), f"'{name}' is missing; {self.noun} needs it", context=True))
        return taken, faults

    def _unknown(self, name: str) -> Fault:
        if name in self._later:
            return Fault((name,), f"key '{name}' is not supported by this version; remove it")
        return Fault((name,), "unknown key", name, self._choices)

    @property
    def schema(self) -> Schema:
        """The section as JSON Schema. Nothing is "required": a job may be written in parts, in several files."""
        properties = {key.name: _property(key) for key in self.keys}
        return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(key: Key) -> Schema:
    described: dict[str, Any] = {"description": key.help}
    if key.default is not None and key.default is not REQUIRED:
        described["default"] = key.default
    if key.nullable:
        return {**described, "anyOf": [key.check.schema, {"type": "null"}]}
    return {**described, **key.check.schema}
