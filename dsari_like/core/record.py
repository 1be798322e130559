"""Frozen, slotted dataclasses that cost less to define, and the empty map that is their default.

Owns `record`. The standard decorator writes and compiles an `__eq__`, a `__hash__` and a `__repr__` for every class, a
third of what a definition costs; with two hundred of them everybody waits for that at each start. Here they are three
functions that all records share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")

#: An empty map that every job without one shares: with 100,000 jobs a dict each is 6 MiB of nothing.
NOTHING: Mapping[str, Any] = MappingProxyType({})


def no_map() -> Mapping[str, Any]:
    """The shared empty map as a default: dataclasses take a proxy for something mutable."""
    return NOTHING


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A frozen dataclass with slots: equal to one of its own class with equal fields, and to nothing else."""
    made: Any = dataclass(frozen=True, slots=True, eq=False, repr=False)(cls)
    made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _shown
    found: type[T] = made
    return found


def _equal(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _values(self: Any) -> tuple[object, ...]:
    """What it is told apart by: a field may be left out with `compare=False`."""
    return tuple(getattr(self, one.name) for one in fields(self) if one.compare)


def _shown(self: Any) -> str:
    told = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{self.__class__.__name__}({told})"
