"""One event of a trigger expression: `name-type-context[-extra]`, as text and as its four fields.

Owns the words an event may use and how it is split at its dashes (Q-06, Q-07): only as often as its type needs, so that
the last field may hold dashes; a dash in an earlier one has to be quoted. Must not know how events are combined, or
what a context stands for at a moment.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import NamedTuple

from dsari_like.core.record import record

SELF, PARENT, ANY = "self", "parent", "*"


class EventType(Enum):
    """What an event is about."""

    JOB = "job"  # a run, or the run of an orchestration
    WORK = "work"  # one item of an array run
    HOST = "host"  # the daemon itself
    CALLBACK = "callback"  # a callback that failed for good
    TIME = "time"
    REPEAT = "repeat"
    GLOBALTIME = "globaltime"
    GLOBALREPEAT = "globalrepeat"


#: What can happen to a run or an item.
RUN_NAMES = (
    *("submit", "blocked", "waiting", "assigned", "running", "complete", "warning", "done", "failed", "killed"),
    *("timeout", "timedout", "resumed", "retry", "removed", "modified", "progress"),
)
#: Other spellings of the same, as people and older documents have them.
SYNONYMS = {"submitted": "submit", "completed": "complete", "cancelled": "killed"}
#: Which names go with which type; those of time have none of their own, and `dummy` stands in its place (Q-19).
NAMES = {
    EventType.JOB: RUN_NAMES,
    EventType.WORK: RUN_NAMES,
    EventType.HOST: ("running", "done"),
    EventType.CALLBACK: ("failed",),
    EventType.TIME: ("dummy",),
    EventType.REPEAT: ("dummy",),
}
#: Types whose events exist without a job: they have neither name nor context (Q-28).
GLOBAL = {EventType.GLOBALTIME, EventType.GLOBALREPEAT}
#: Types that end in a fourth field.
_WITH_EXTRA = {EventType.WORK, EventType.HOST, EventType.TIME, EventType.REPEAT}
_TYPES = {kind.value: kind for kind in EventType}
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+:@*#/=~")


class ExpressionError(ValueError):
    """What is wrong with an expression; `column` counts from 1."""

    def __init__(self, column: int, text: str) -> None:
        super().__init__(f"column {column}: {text}")
        self.column, self.text = column, text


class Word(NamedTuple):
    """An event as it was written: its characters, where its unquoted dashes are, and the column it begins at."""

    text: str
    cuts: tuple[int, ...]
    column: int


@record
class Term:
    """One awaited event. `extra` is an item, a host or a time, where the type has one."""

    name: str
    type: EventType
    context: str = ""
    extra: str | None = None
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return written(self)


def read_term(word: Word) -> Term:
    """The event that a word means; raises ExpressionError."""
    name, kind = _name_and_type(word)
    if kind in GLOBAL:
        return Term("", kind, "", _filled(word, _field(word, 1, None), "a time"), word.column)
    first = 1 if name == "" else 2  # a time may be written without the `dummy`
    context = _filled(word, _field(word, first, first + 1 if kind in _WITH_EXTRA else None), "a context")
    extra = None
    if kind in _WITH_EXTRA:
        extra = _filled(word, _field(word, first + 1, None), _WANTED.get(kind, "a time"))
    return Term(_known_name(word, name, kind), kind, context, extra, word.column)


def written(term: Term) -> str:
    """The text of an event, quoted where that is needed to read it back."""
    if term.type in GLOBAL:
        return f"{term.type.value}-{_quoted(term.extra or '', '-')}"
    last = _quoted(term.context, "" if term.extra is not None else "-")
    head = f"{term.name}-{term.type.value}-{last}"
    return head if term.extra is None else f"{head}-{_quoted(term.extra, '-')}"


_WANTED = {EventType.WORK: "an item or *", EventType.HOST: "a host or *"}


def _name_and_type(word: Word) -> tuple[str, EventType]:
    first = _field(word, 0, 1)
    kind = _TYPES.get(first or "")
    if kind in GLOBAL:
        return "", kind
    if kind in (EventType.TIME, EventType.REPEAT):
        return "", kind
    written_type = _field(word, 1, 2)
    if written_type is None:
        raise ExpressionError(word.column, f"expected an event such as complete-job-self, found {_shown(word.text)}")
    found = _TYPES.get(written_type)
    if found is None or found in GLOBAL:
        raise ExpressionError(word.column + len(first or "") + 1, _no_type(written_type))
    return first or "", found


def _no_type(text: str) -> str:
    if text == "subjob":
        return "a run here has one process, so there is no type 'subjob'; write job, or work for the items of an array"
    return f"expected a type, one of {', '.join(_TYPES)}, found {_shown(text)}{_meant(text, tuple(_TYPES))}"


def _known_name(word: Word, name: str, kind: EventType) -> str:
    names = NAMES[kind]
    found = SYNONYMS.get(name or "dummy", name or "dummy")
    if found in names:
        return found
    if kind in (EventType.TIME, EventType.REPEAT):
        raise ExpressionError(word.column, f"an event of time has no name but 'dummy', found {_shown(name)}")
    text = f"{kind.value} events are {', '.join(names)}; found {_shown(name)}{_meant(name, names)}"
    raise ExpressionError(word.column, text)


def _field(word: Word, first: int, last: int | None) -> str | None:
    """The field between two dashes, or all from one on; None when there are not so many."""
    cuts = (-1, *word.cuts)
    if first >= len(cuts) or (last is not None and last >= len(cuts) and last > first + 1):
        return None
    end = cuts[last] if last is not None and last < len(cuts) else len(word.text)
    return word.text[cuts[first] + 1 : end]


def _filled(word: Word, value: str | None, what: str) -> str:
    if not value:
        raise ExpressionError(word.column, f"expected {what} at the end of {_shown(word.text)}")
    return value


def _quoted(text: str, safe: str) -> str:
    """The text bare where it can be, else in whichever quotes it does not hold; both kinds side by side if need be."""
    if text and _SAFE.union(safe).issuperset(text):
        return text
    if '"' not in text:
        return f'"{text}"'
    return "".join(f"'{part}'" if '"' in part else f'"{part}"' for part in _runs(text))


def _runs(text: str) -> list[str]:
    """The text cut into pieces of which none holds both kinds of quotes."""
    pieces = [""]
    for character in text:
        if {character} | set(pieces[-1]) >= {'"', "'"}:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def _meant(word: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # only ever needed for an error

    near = get_close_matches(word, known, 1) if len(word) <= 64 else []
    return f" (did you mean '{near[0]}'?)" if near else ""
