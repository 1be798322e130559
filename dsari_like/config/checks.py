"""The checks a value of the configuration can be put to, each with its words and its JSON Schema.

Owns how one value is judged and turned into what the program uses. A check is data: the words of an error message,
the manual's and the schema's description and the judgement itself come from one object, so they cannot drift apart.
Must not know: which key a value belongs to, which file it stood in, or what other keys say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from dsari_like.config.words import split_words
from dsari_like.core.names import is_job_name, is_variable

KeyPath = tuple[str | int, ...]
Schema = Mapping[str, Any]

NAME_WORDS = "1 to 64 of the letters A-Z and a-z, digits, space and - _ + . : @, and neither '.' nor '..'"
NAME_SCHEMA: Schema = {"type": "string", "pattern": r"^(?!\.{1,2}$)[A-Za-z0-9 _+.:@-]{1,64}$"}

_DURATION = re.compile(r"\s*(?:\d+(?:\.\d+)?\s*[wdhms]\s*)+|\s*\d+(?:\.\d+)?\s*", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhms]?)")
_UNIT = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}
_SIZE = re.compile(r"\s*(\d+)\s*(?:([KMG])(?:i?B)?)?\s*", re.ASCII)
_SIZE_UNIT = {None: 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: A limit above any sense: sums of times and durations stay exact, and a calendar date can be made of them.
_LONGEST = 100 * 365 * 86400.0
_LARGEST = 2**53
_SHOWN = 60
#: Where the search for faults ends: nobody wants to know how many more there are in a file of another kind.
MOST_FAULTS = 1_000


class Odd:
    """A value that YAML makes and no key takes, such as a date; kept so that the refusal can name it."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what


class Fault(NamedTuple):
    """One thing wrong: where below the value that was judged, and what.

    `wrong` and `choices` are for "did you mean", which costs more than the judgement and is therefore worked out only
    for faults that are shown. `context` marks a fault that another, unreadable file might explain.
    """

    path: KeyPath
    text: str
    wrong: str = ""
    choices: tuple[str, ...] = ()
    context: bool = False

    def below(self, *outer: str | int) -> Fault:
        """The same fault as seen from further out."""
        return Fault((*outer, *self.path), self.text, self.wrong, self.choices, self.context)


class Unfit(Exception):
    """A value that cannot be used, with everything that is wrong with it."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults

    def below(self, *outer: str | int) -> list[Fault]:
        """Its faults as seen from further out."""
        return [fault.below(*outer) for fault in self.faults]


class Check(NamedTuple):
    """One kind of value: its words ("a whole number"), its JSON Schema, and how it is taken."""

    words: str
    schema: Schema
    take: Callable[[Any], Any]


def shown(text: str) -> str:
    """Text from outside, quoted, on one line and of bearable length."""
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return ascii(cut) if not cut.isprintable() else f"'{cut}'"


def found(value: Any) -> str:
    """What a value is, for the second half of "expected …, found …"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, str):
        return shown(value) if value else "empty text"
    if isinstance(value, (int, float)):
        return f"the number {value}" if isinstance(value, float) or abs(value) < 1e15 else "a number out of range"
    if isinstance(value, Odd):
        return value.what
    return "a list" if isinstance(value, list) else "a map"


def unfit(expected: str, value: Any, hint: str = "", path: KeyPath = ()) -> Unfit:
    """The usual refusal: what was expected, what was found, what to do."""
    return Unfit(Fault(path, f"expected {expected}, found {found(value)}{'; ' + hint if hint else ''}"))


def _quote_hint(value: Any) -> str:
    scalar = isinstance(value, (bool, int, float, Odd)) and "tag" not in found(value)
    return "put it in quotes if text is meant" if scalar else ""


def take_text(value: Any, expected: str = "text") -> str:
    """Text without NUL and without halves of characters, neither of which a process can be given."""
    if value.__class__ is not str:
        raise unfit(expected, value, _quote_hint(value))
    if "\0" in value:
        raise Unfit(Fault((), "text with a NUL character cannot be used; remove the character"))
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Unfit(Fault((), f"{shown(value)} holds half of a surrogate pair; write the whole character"))
    return value


def take_filled(value: Any, expected: str = "text that is not empty") -> str:
    """Text that says something."""
    if not take_text(value, expected):
        raise unfit(expected, value)
    return str(value)


def take_name(value: Any) -> str:
    """A name of the vocabulary: safe as a file name, in a URL and on a command line."""
    take_text(value, "a name")
    if not is_job_name(value):
        raise Unfit(Fault((), f"{shown(value)} is no legal name; a name is {NAME_WORDS}"))
    return str(value)


def each(values: Iterable[tuple[str | int, Any]], take: Callable[[Any], Any]) -> list[Any]:
    """Take every element and refuse them together, so that a list of ten faults is one round of repair."""
    taken: list[Any] = []
    faults: list[Fault] = []
    for index, value in values:
        try:
            taken.append(take(value))
        except Unfit as refusal:
            faults += refusal.below(index)
            if len(faults) >= MOST_FAULTS:
                break
    if faults:
        raise Unfit(*faults)
    return taken


def _take_boolean(value: Any) -> bool:
    if value.__class__ is not bool:
        raise unfit("true or false", value)
    return bool(value)


TEXT = Check("text", {"type": "string"}, take_text)
FILLED = Check("text", {"type": "string", "minLength": 1}, take_filled)
PATH = Check("a path", {"type": "string", "minLength": 1}, lambda value: take_filled(value, "a path"))
LEGAL_NAME = Check("a name", NAME_SCHEMA, take_name)
BOOLEAN = Check("true or false", {"type": "boolean"}, _take_boolean)


def whole_number(least: int | None = None, why: str = "") -> Check:
    """A whole number, not below `least`."""
    words = "a whole number" if least is None else f"a whole number of at least {least}"

    def _take(value: Any) -> int:
        if value.__class__ is not int or (least is not None and value < least) or abs(value) > _LARGEST:
            raise unfit(words, value, why if value == 0 and value is not False else "")
        return int(value)

    schema: dict[str, Any] = {"type": "integer"}
    return Check(words, schema if least is None else {**schema, "minimum": least}, _take)


def read_duration(value: Any) -> float | None:
    """Seconds of a number or of text such as `90s` or `1h30m`; None when it is neither."""
    if value.__class__ is int or value.__class__ is float:
        return float(value) if math.isfinite(value) and abs(value) <= _LONGEST else None
    if value.__class__ is not str or len(value) > _SHOWN or _DURATION.fullmatch(value) is None:
        return None
    return sum(float(number) * _UNIT[unit] for number, unit in _DURATION_PART.findall(value))


def duration(zero: str = "") -> Check:
    """A length of time; `zero` says why nought is refused, and nought is taken when there is no reason."""
    words = "a duration (seconds, or text such as 90s, 15m, 2h, 1d, 1h30m)" + (" greater than zero" if zero else "")

    def _take(value: Any) -> float:
        seconds = read_duration(value)
        if seconds is None or seconds < 0:
            raise unfit(words, value)
        if seconds == 0 and zero:
            raise unfit(words, value, zero)
        if seconds > _LONGEST:
            raise unfit("a duration of at most 100 years", value)
        return seconds

    number = {"type": "number", "exclusiveMinimum" if zero else "minimum": 0}
    return Check(words, {"anyOf": [number, {"type": "string", "pattern": r"^\s*[0-9]"}]}, _take)


def _take_size(value: Any) -> int:
    words = "a number of bytes greater than zero, or text such as 64K, 10M, 1G"
    if value.__class__ is int and 0 < value <= _LARGEST:
        return int(value)
    match = _SIZE.fullmatch(value) if value.__class__ is str and len(value) <= _SHOWN else None
    size = int(match[1]) * _SIZE_UNIT[match[2]] if match else 0
    if not 0 < size <= _LARGEST:
        raise unfit(words, value)
    return size


SIZE = Check(
    "a number of bytes, or text such as 64K, 10M, 1G",
    {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\s*[0-9]+\s*([KMG](i?B)?)?\s*$"}]},
    _take_size,
)


def one_of(*choices: str | Enum) -> Check:
    """One word of a few; members of an enumeration are taken by their value and returned as members."""
    table = {choice.value if isinstance(choice, Enum) else choice: choice for choice in choices}
    *most, last = table
    words = f"{', '.join(most)} or {last}" if most else last

    def _take(value: Any) -> Any:
        if value.__class__ is str and value in table:
            return table[value]
        wrong = value if isinstance(value, str) else ""
        raise Unfit(Fault((), f"expected {words}, found {found(value)}", wrong, tuple(table)))

    return Check(words, {"enum": list(table)}, _take)


def _take_texts(value: Any) -> tuple[str, ...]:
    if value.__class__ is str:
        return (take_filled(value),)
    if value.__class__ is not list:
        raise unfit("text or a list of text", value, _quote_hint(value))
    return tuple(each(enumerate(value), take_filled))


def _take_names(value: Any) -> tuple[str, ...]:
    # One text is one name and not a name for each of its characters (B-26).
    return tuple(dict.fromkeys(each(enumerate([value] if value.__class__ is str else value), take_name)))


def _names_or_list(value: Any) -> tuple[str, ...]:
    if value.__class__ not in (str, list):
        raise unfit("a name or a list of names", value, _quote_hint(value))
    return _take_names(value)


def _text_or_list(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item}]}


TEXTS = Check("text or a list of text", _text_or_list({"type": "string", "minLength": 1}), _take_texts)
NAMES = Check("a name or a list of names", _text_or_list(NAME_SCHEMA), _names_or_list)


def _words_of(value: Any) -> Sequence[str]:
    if value.__class__ is str:
        words, fault = split_words(take_text(value))
        if fault:
            raise Unfit(Fault((), f"the command {shown(value)} cannot be split into words: {fault}"))
        return words
    if value.__class__ is not list:
        raise unfit("a list of text, or text that is split as a shell would", value, _quote_hint(value))
    return each(enumerate(value), take_text)


def _take_command(value: Any) -> tuple[str, ...]:
    words = _words_of(value)
    if not words or not words[0]:
        raise Unfit(Fault((), "expected a command, found nothing to run"))
    return tuple(words)


COMMAND = Check(
    "a list of text, or text that is split as a shell would",
    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
    _take_command,
)


def take_variable_name(name: Any) -> str:
    """A name that a variable of a process may have."""
    take_text(name, "a variable name")
    if not is_variable(name):
        raise Unfit(Fault((), f"{shown(name)} is no variable name; it may hold neither '=' nor blanks nor be empty"))
    return str(name)


def take_value(value: Any) -> str:
    """The text of a variable: numbers become text, all else must be quoted by the author (D-06)."""
    kind = value.__class__
    if kind is int or (kind is float and math.isfinite(value)):
        return str(value)
    if kind is str:
        return take_text(value)
    hint = "" if kind in (dict, list) else "put it in quotes" if value is not None else 'write "" for empty text'
    raise unfit("text or a number", value, hint)


def _take_variable(pair: tuple[Any, Any]) -> tuple[str, str]:
    return take_variable_name(pair[0]), take_value(pair[1])


def _take_variables(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise unfit("a map of variables", value)
    return dict(each(((pair[0], pair) for pair in value.items()), _take_variable))


VARIABLE = Check("text or a number", {"type": ["string", "number"]}, take_value)
VARIABLES = Check(
    "a map of text or numbers", {"type": "object", "additionalProperties": VARIABLE.schema}, _take_variables
)


def _take_values(value: Any) -> tuple[str, ...]:
    if value.__class__ is not list or not value:
        raise unfit("a list of text or numbers", value)
    return tuple(each(enumerate(value), take_value))


VALUES = Check("a list of text or numbers", {"type": "array", "items": VARIABLE.schema, "minItems": 1}, _take_values)
