"""YAML for files from outside: a map is built from the parser's events, by us.

Why not `safe_load`: it composes recursively (deep nesting takes the interpreter down), lets aliases multiply without
bound, keeps the last of two equal keys, and turns `12:30`, `0755` and dates into numbers and objects. Here a plain
scalar means what it means in JSON, plus YAML's words for true, false and null; all else stays the text it is.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from dsari_like.spool.parse import DEEPEST, Unreadable, check_text, shown

#: Enough for any trigger; an event costs a few microseconds, and the other jobs wait meanwhile.
MOST_NODES = 50_000
#: The C parser compares each %TAG line with all before it: a megabyte of them takes seven seconds.
_MOST_DIRECTIVES = 16
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {"": None, "~": None} | {
    spelled: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelled in (word, word.capitalize(), word.upper())
}
_WORDS |= {
    spelled: value
    for word, value in (("yes", True), ("no", False), ("on", True), ("off", False))
    for spelled in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,4000})")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,4000})(?:\.[0-9]{1,4000})?(?:[eE][-+]?[0-9]{1,3})?")
_VALUELESS = re.compile(r"[-+]?\.inf|\.nan", re.IGNORECASE)
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str")}


def read(text: str) -> Any:
    """The one document in the text; raises Unreadable and nothing else."""
    if (directives := text.count("%TAG")) > _MOST_DIRECTIVES:
        raise Unreadable(f"is not YAML as it is taken here: %TAG {directives} times, more than {_MOST_DIRECTIVES}")
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        _refuse(error.problem_mark, error.problem or error.context or "it ends too early")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable(f"is not YAML: {' '.join(str(error).split())}") from None
    return builder.document


def _refuse(mark: Any, why: str) -> NoReturn:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    raise Unreadable(f"is not YAML as it is taken here: {where}{why}")


@dataclass(slots=True)
class _Open:
    """A map or list whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    before: int
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Puts events together. `anchors` holds a finished value with the number of its nodes: an alias costs as much as
    writing it out again, so aliases of aliases run into the same limit as a long file."""

    document: Any = None
    documents: int = 0
    nodes: int = 0
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        """The next event of the parser."""
        if isinstance(event, yaml.ScalarEvent):
            self.count(event, 1)
            self.place(event, self.scalar(event), event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.open.pop()
            self.place(event, done.value, done.anchor, self.nodes - done.before)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                _refuse(event.start_mark, "a second document; one file is one map")

    def count(self, event: Any, nodes: int) -> None:
        """Add to what has been built."""
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            _refuse(event.start_mark, f"more than {MOST_NODES} values, aliases counted as often as they are used")

    def start(self, event: Any) -> None:
        """A map or a list begins."""
        self.count(event, 1)
        self.check_tag(event)
        if len(self.open) >= DEEPEST:
            _refuse(event.start_mark, f"nested more than {DEEPEST} levels deep")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.open.append(_Open(value, event.anchor, self.nodes - 1))

    def alias(self, event: Any) -> None:
        """`*name` stands for what `&name` marked, once that is finished."""
        if event.anchor not in self.anchors:
            _refuse(event.start_mark, f"the alias *{event.anchor} names nothing that is complete before it")
        value, nodes = self.anchors[event.anchor]
        self.count(event, nodes)
        self.place(event, value, None, nodes)

    def place(self, event: Any, value: Any, anchor: str | None, nodes: int) -> None:
        """A finished value goes where it belongs."""
        if anchor is not None:
            self.anchors[anchor] = (value, nodes)
        if not self.open:
            self.document = value
        elif isinstance(self.open[-1].value, list):
            self.open[-1].value.append(value)
        elif self.open[-1].key is None:
            self.open[-1].key = self.key(event, value, self.open[-1].value)
        else:
            self.open[-1].value[self.open[-1].key] = value
            self.open[-1].key = None

    def key(self, event: Any, value: Any, taken: dict[str, Any]) -> str:
        """A key is text, and new in its map."""
        if not isinstance(value, str):
            _refuse(event.start_mark, "a key that is not text; put it in quotes")
        if value in taken:
            _refuse(event.start_mark, f"the key {shown(value)} twice in one map")
        return value

    def awaits_key(self) -> bool:
        """Is the next value the key of a map?"""
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.open[-1].key is None

    def scalar(self, event: Any) -> Any:
        """What a scalar means: quoted or tagged as text it is text, plain it may be a word or a number. A key is text
        however it is written: a variable may well be called `NO`."""
        self.check_tag(event)
        text: str = check_text(event.value)
        if not event.implicit[0] or self.awaits_key():
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _VALUELESS.fullmatch(text):
            _refuse(event.start_mark, f"{text} is no number; leave the key out or give one")
        if _INTEGER.fullmatch(text):
            return int(text)
        return self.number(event, text) if _NUMBER.fullmatch(text) else text

    def number(self, event: Any, text: str) -> float:
        """A number with a fraction or an exponent."""
        number = float(text)
        if math.isinf(number):
            _refuse(event.start_mark, f"the number {text}, which is too large")
        return number

    def check_tag(self, event: Any) -> None:
        """`!!str` and its like say what a value is anyway; any other tag asks for an object we do not make."""
        if event.tag not in (None, "!") and event.tag not in _TAGS:
            _refuse(event.start_mark, f"the tag {shown(event.tag)}, which is not taken from outside")
