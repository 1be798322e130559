"""YAML into plain maps, lists and values, without ever holding the tree of nodes the library would build.

Owns the walk over the parser's events: duplicate keys, tags, anchors, depth. The library's own constructor takes five
times as long as its C parser and keeps two position marks for every node; a job of three lines would cost 2.5 KiB.
YAML 1.1, as dsari reads it: `yes` is a boolean, `0o17` is text. Must not know: which keys there are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from yaml.resolver import Resolver

from dsari_like.config.checks import KeyPath, Odd, found, shown
from dsari_like.config.source import DEEPEST, Again, Source, Stop, require_utf8

#: Values that aliases and merge keys may add to those that are written, and how many more for each four bytes of the
#: file: enough for `<<: *defaults` in every job, too few for ten lists of ten aliases each inside one another.
MOST_ALIASED = 100_000
#: The C parser compares each %TAG line with all before it.
_MOST_DIRECTIVES = 16
_LONGEST = 100  # characters of a number

_Event = Any
_TAG = "tag:yaml.org,2002:"
_DATE = _TAG + "timestamp"
_BROKEN = Odd("what is refused above")
_IMPLICIT = Resolver.yaml_implicit_resolvers
_construct = SafeConstructor()
_SCALARS: dict[str, Callable[[Any], Any]] = {
    _TAG + "null": lambda node: None,
    _TAG + "bool": _construct.construct_yaml_bool,
    _TAG + "int": _construct.construct_yaml_int,
    _TAG + "float": _construct.construct_yaml_float,
    _TAG + "str": lambda node: node.value,
    _DATE: lambda node: Odd(f"the date {node.value}"),
    _TAG + "merge": lambda node: node.value,
    _TAG + "value": lambda node: node.value,
}


def read_yaml(file: str, data: bytes, *, careful: bool, keys: dict[str, str]) -> Source:
    """One file. Raises `Again` when there is a fault and the reading is not careful.

    `keys` holds the words that are stored once however often they are written.
    """
    source = Source(file)
    try:
        _read(source, data, careful, keys)
    except Stop as stop:
        if not careful:
            raise Again from None
        source.stop(stop)
    return source


def _read(source: Source, data: bytes, careful: bool, keys: dict[str, str]) -> None:
    require_utf8(data)
    if data.count(b"%TAG") > _MOST_DIRECTIVES:
        raise Stop(1, f"expected at most {_MOST_DIRECTIVES} %TAG directives, found {data.count(b'%TAG')}; remove them")
    try:
        _Walk(source, data, careful, keys).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from None
    except yaml.reader.ReaderError as error:
        line = data.count(b"\n", 0, error.position) + 1
        text = f"expected text, found the character {error.character:#04x}; remove it or write an escape"
        raise Stop(line, text) from None


def _syntax(error: yaml.MarkedYAMLError) -> Stop:
    mark = error.problem_mark or error.context_mark
    context = f"{error.context}: " if error.context else ""
    hint = ""
    if "cannot start any token" in str(error.problem):
        hint = "; indent with spaces, not tabs, and put text that begins with @, ` or % in quotes"
    return Stop(mark.line + 1 if mark else 1, f"this is not YAML: {context}{error.problem}{hint}")


class _Walk:
    """One pass over the events of one file."""

    def __init__(self, source: Source, data: bytes, careful: bool, keys: dict[str, str]) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._next: Callable[[], _Event] = loader(data).get_event
        self._source = source
        self._careful = careful
        self._keys = keys
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0  # values made so far, those behind aliases included
        self._aliased = 0
        self._most_aliased = MOST_ALIASED + len(data) // 4

    def document(self) -> None:
        """The one document of the file; an empty file is an empty map."""
        self._next()
        if self._next().__class__ is yaml.StreamEndEvent:
            return
        event = self._next()
        value = self._value(event, ())
        if value.__class__ is dict:
            self._source.data = value
        elif value is not None:
            self._fault(event, (), f"expected a map of keys, found {found(value)}")
        assert self._next().__class__ is DocumentEndEvent
        following = self._next()
        if following.__class__ is not yaml.StreamEndEvent:
            raise Stop(_line(following), "expected one document, found a second; put it into a file of its own")

    def _value(self, event: _Event, path: KeyPath) -> Any:
        kind = event.__class__
        self._count += 1
        if kind is AliasEvent:
            return self._alias(event, path)
        before = self._count
        if kind is ScalarEvent:
            value = self._scalar(event, path)
        elif kind is MappingStartEvent:
            value = self._collection(event, path, "map", self._map)
        else:
            value = self._collection(event, path, "seq", self._list)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _alias(self, event: _Event, path: KeyPath) -> Any:
        if event.anchor not in self._anchors:
            self._fault(event, path, f"the alias {shown('*' + event.anchor)} names nothing that is complete before it")
            return _BROKEN
        value, size = self._anchors[event.anchor]
        self._weigh(event, size)
        return value

    def _weigh(self, event: _Event, size: int) -> None:
        self._count += size
        self._aliased += size
        if self._aliased > self._most_aliased:
            raise Stop(_line(event), f"aliases repeat more than {self._most_aliased} values; write fewer")

    def _collection(self, event: _Event, path: KeyPath, tag: str, read: Callable[[KeyPath], Any]) -> Any:
        if len(path) >= DEEPEST:
            raise Stop(_line(event), f"expected at most {DEEPEST} levels, found more; nothing here is that deep")
        if event.tag is not None and event.tag not in (_TAG + tag, "!"):
            self._fault(event, path, _unknown_tag(event.tag))
        return read(path)

    def _scalar(self, event: _Event, path: KeyPath) -> Any:
        text = event.value
        if event.tag is None or event.tag == "!":
            if not event.implicit[0] or text[:1] not in _IMPLICIT:
                return text
            tag = next((tag for tag, pattern in _IMPLICIT[text[:1]] if pattern.match(text)), None)
            if tag is None:
                return text
        else:
            tag = event.tag
        return self._constructed(event, tag, path)

    def _constructed(self, event: _Event, tag: str, path: KeyPath) -> Any:
        construct = _SCALARS.get(tag)
        if construct is None:
            self._fault(event, path, _unknown_tag(tag))
            return _BROKEN
        try:
            if len(event.value) > _LONGEST and tag != _TAG + "str":
                raise ValueError  # `1:1:1:…` is a number to YAML, and one of quadratic cost
            return construct(yaml.ScalarNode(tag, event.value))
        except (ValueError, KeyError, IndexError, OverflowError, yaml.YAMLError):
            kind = tag.removeprefix(_TAG)
            self._fault(event, path, f"{shown(event.value)} cannot be read as {kind}; put it in quotes")
            return _BROKEN

    def _list(self, path: KeyPath) -> list[Any]:
        values: list[Any] = []
        while (event := self._next()).__class__ is not SequenceEndEvent:
            below = (*path, len(values))
            if self._careful:
                self._source.lines.setdefault(below, _line(event))
            values.append(self._value(event, below))
        return values

    def _map(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: list[tuple[_Event, Any]] = []
        entries = self._source.entries.setdefault(str(path[0]), array("L")) if len(path) == 1 else None
        for event, key in self._map_keys(path):
            below = (*path, key)
            if key == "<<" and event.implicit[0]:
                merged.append((event, self._value(self._next(), below)))
                continue
            twice = key in values
            if twice:
                first = self._source.lines.get(below, 0)
                self._fault(event, below, f"this key was given before, at line {first}; keep one of the two")
            elif self._careful:
                self._source.lines.setdefault(below, _line(event))
            value = self._value(self._next(), below)
            if not twice:
                values[key] = value
                if entries is not None:
                    entries.append(_line(event))
        for event, value in merged:
            self._merge(event, path, values, value, entries)
        return values

    def _map_keys(self, path: KeyPath) -> Iterator[tuple[_Event, Any]]:
        while (event := self._next()).__class__ is not MappingEndEvent:
            key = self._value(event, (*path, "?"))
            if key is True and getattr(event, "value", "") == "on":  # a key of `notify`, that YAML takes for true
                key = "on"
            if key.__class__ is str:
                yield event, self._keys.get(key, key)
            else:
                self._fault(event, path, f"expected text as a key, found {found(key)}; put it in quotes")
                self._value(self._next(), path)

    def _merge(
        self, event: _Event, path: KeyPath, values: dict[str, Any], given: Any, entries: array[int] | None
    ) -> None:
        # What is written beside `<<` wins over what it brings, and of several maps the one named first.
        for one in given if given.__class__ is list else [given]:
            if one.__class__ is not dict:
                self._fault(event, path, f"expected a map or a list of maps after '<<', found {found(one)}")
                continue
            self._weigh(event, len(one))
            for key, value in one.items():
                if key not in values:
                    values[key] = value
                    if entries is not None:
                        entries.append(_line(event))

    def _fault(self, event: _Event, path: KeyPath, text: str) -> None:
        if not self._careful:
            raise Again
        self._source.fault(_line(event), text, path)


def _line(event: _Event) -> int:
    return int(event.start_mark.line) + 1


def _unknown_tag(tag: str) -> str:
    return f"the tag {shown(tag.replace(_TAG, '!!'))} is not known; remove it"
