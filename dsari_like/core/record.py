"""Frozen, slotted dataclasses that cost less to define.

Owns `record`. The standard decorator writes and compiles an `__eq__`, a `__hash__` and a `__repr__` for every class, a
third of what a definition costs; with two hundred of them everybody waits for that at each start. Here they are three
functions that all records share.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


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
