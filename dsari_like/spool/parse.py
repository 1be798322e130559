"""The bytes of a dropped file become a map, or one sentence that says what is wrong and where.

Owns the limits: size, depth, encoding, duplicate keys, numbers without a value. Whatever the bytes are, the only
exception is `Unreadable`. Must not know which keys mean what: that is `core/request.py`.
"""

from __future__ import annotations

import codecs
import json
import math
import sys
from typing import Any

LARGEST = 1 << 20
DEEPEST = 100


class Unreadable(Exception):
    """This is no trigger and no request; the text says why. `final`: waiting for more of it cannot help."""

    def __init__(self, why: str, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


def parse(raw: bytes, is_yaml: bool) -> dict[str, Any]:
    """The map that the file holds; raises Unreadable and nothing else."""
    data = parse_value(raw, is_yaml)
    if not isinstance(data, dict):
        raise Unreadable(f"holds {_KINDS.get(type(data), 'no map')}, where a map such as {{}} is expected")
    return data


def parse_value(raw: bytes, is_yaml: bool) -> Any:
    """Whatever the file holds, for those where any value will do; raises Unreadable and nothing else."""
    if len(raw) > LARGEST:
        raise Unreadable(f"is larger than {LARGEST} bytes")
    text = _decoded(raw)
    if not text or text.isspace():
        raise Unreadable("is empty; {} is the smallest file that means something")
    return _yaml(text) if is_yaml else _json(text)


_KINDS = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false", type(None): "nothing"}


def _decoded(raw: bytes) -> str:
    """UTF-8 and nothing else; a byte order mark is what some editors leave and means nothing."""
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x}"
        raise Unreadable(f"is not UTF-8: line {line} holds {found}, which belongs to no character") from None


def _json(text: str) -> Any:
    try:
        data = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise Unreadable(f"is nested more than {DEEPEST} levels deep") from None
    except ValueError:
        raise Unreadable(f"holds a number of more than {sys.get_int_max_str_digits()} digits") from None
    # The walk costs more than the parsing, and the usual file cannot fail it: it has few brackets and no escapes.
    if text.count("{") + text.count("[") > DEEPEST or "\\u" in text:
        _walk(data)
    return data


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A map from its pairs; of two values under one key nobody knows which was meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Unreadable(f"has the key {shown(twice)} twice in one map")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable(f"holds the number {shown(text)}, which is too large")
    return number


def _constant(text: str) -> float:
    raise Unreadable(f"holds {text}, which is not JSON; leave the key out or give a number")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_finite, parse_constant=_constant)


def _walk(data: Any) -> None:
    """Depth and text of everything inside, without recursion: what is checked here is what recursion dies of."""
    level = [data]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str):
                check_text(value)
        if not inner:
            return
        level = inner
    raise Unreadable(f"is nested more than {DEEPEST} levels deep")


def check_text(text: str) -> str:
    """The text itself; raises Unreadable when it holds half a character, which no file and no database can keep."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable(f"holds half a character (a lone surrogate) in {shown(text)}") from None
    return text


def shown(text: str) -> str:
    """Text in a sentence: short, ASCII, control characters spelled out."""
    return ascii(text) if len(text) <= 60 else ascii(text[:57]) + "..."


def _yaml(text: str) -> Any:
    from dsari_like.spool import yaml_events  # here and not above: few triggers are YAML

    return yaml_events.read(text)
