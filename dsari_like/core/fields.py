"""The grammar of one cron field, stricter than any library's: what it admits, and what to write instead.

Owns the admission and the value set of a field. Must not know calendars, clocks or job names.

Why our own grammar in front of croniter: croniter wraps `22-2`, reads `1/2` in its own way, takes seven fields and
loses the star of `10,*`; Debian cron takes `0 22-2 * * *` and never fires. Each of these is refused here with the
text to write instead (D1, D4, D8), and only then croniter turns lists, ranges and steps into values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from dsari_like.core.hashing import BIT, Hashed
from dsari_like.core.record import record
from dsari_like.core.rule import ScheduleError

LAST_DAY = BIT[0]
"""`L` in the day-of-month field: no month has a day 0, so that bit is free."""

# A step may exceed its field (D1: accepted with a warning), but a number nobody means is a slip of the hand or an
# attack on an integer; Debian's parser let the latter through.
_LARGEST_STEP = 9_999


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What distinguishes one of the six fields; `hash_high` is the end of the range that a bare `H` covers."""

    index: int
    name: str
    low: int
    high: int
    hash_high: int
    names: tuple[str, ...] = ()

    @property
    def all(self) -> int:
        """The value set of a bare `*`."""
        return sum(BIT[value] for value in range(self.low, self.high + 1)) & ~self._second_sunday

    def folded(self, mask: int) -> int:
        """Weekday 7 is Sunday, as 0 is."""
        return (mask | BIT[0]) & ~BIT[7] if mask & self._second_sunday else mask

    @property
    def _second_sunday(self) -> int:
        return BIT[7] if self.index == 4 else 0


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

MINUTE = Kind(0, "minute", 0, 59, 59)
HOUR = Kind(1, "hour", 0, 23, 23)
DAY_OF_MONTH = Kind(2, "day-of-month", 1, 31, 28)  # hashed over 1-28 so that no month is left out (B-34, D10)
MONTH = Kind(3, "month", 1, 12, 12, _MONTHS)
WEEKDAY = Kind(4, "day-of-week", 0, 7, 6, _WEEKDAYS)
SECOND = Kind(5, "second", 0, 59, 59)
KINDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, WEEKDAY, SECOND)


@record
class Field:
    """One parsed field: fixed values as bits, hashed items to be resolved by name, and weekdays with a number."""

    text: str
    star: bool
    mask: int
    hashed: tuple[Hashed, ...] = ()
    numbered: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = ()


@record
class _Span:
    """A plain item, `low-high/step`; a single number has equal ends."""

    low: int
    high: int
    step: int = 1


_VALUE = r"(\d+|[a-z]+)"
_PLAIN = re.compile(rf"{_VALUE}(?:-{_VALUE})?(?:/(\d+))?", re.ASCII)
_STAR = re.compile(r"\*(?:/(\d+))?", re.ASCII)
_HASHED = re.compile(rf"([hr])(?:\({_VALUE}-{_VALUE}\))?(?:/(\d+))?", re.ASCII)
_OTHER_CRONS = re.compile(r"\d*w|lw|wl|l-\d+|[^ju]*[#l][^y]*", re.ASCII)
_NUMBERED = re.compile(rf"{_VALUE}#(\d+)|(\d|[a-z]{{3}})l", re.ASCII)


@lru_cache(maxsize=4_096)
def parse_field(kind: Kind, text: str) -> Field:
    """The field's values, or a ScheduleError that says what to write instead. Thousands of expressions have a few
    dozen fields between them."""
    return _Reader(kind, text).field()


class _Reader:
    """Reads the items of one field into the parts of a `Field`."""

    def __init__(self, kind: Kind, text: str) -> None:
        self.kind = kind
        self.text = text
        self.mask = 0
        self.spans: list[_Span] = []
        self.hashed: list[Hashed] = []
        self.numbered: list[tuple[int, int]] = []
        self.warnings: list[str] = []

    def field(self) -> Field:
        """Every item read, and the plain ones handed to croniter together."""
        for item in self.text.lower().split(","):
            self._item(item)
        mask = self.kind.folded(self.mask | _values(self.kind, self.spans))
        # Rule 5 and the elapsed-time rule ask how the text *begins*: `*/2` and `*,5` are star fields, `10,*` is not.
        star = self.text.startswith("*")
        return Field(self.text, star, mask, tuple(self.hashed), tuple(self.numbered), tuple(self.warnings))

    def _item(self, item: str) -> None:
        if item == "l" and self.kind is DAY_OF_MONTH:
            self.mask |= LAST_DAY
        elif match := _STAR.fullmatch(item):
            self._starred(match[1])
        elif match := _HASHED.fullmatch(item):
            self.hashed.append(self._hashed(match))
        elif (match := _NUMBERED.fullmatch(item)) and self.kind is WEEKDAY:
            self.numbered.append(self._nth(match))
        elif match := _PLAIN.fullmatch(item):
            self._plain(item, match)
        else:
            self._refuse(_advice(self.kind, item))

    def _starred(self, step: str | None) -> None:
        if step is None:
            self.mask |= self.kind.all
        else:
            self._span(f"*/{step}", _Span(self.kind.low, self.kind.high, self._step(step)))

    def _plain(self, item: str, match: re.Match[str]) -> None:
        low = self._value(match[1])
        high = low if match[2] is None else self._value(match[2])
        if match[3] is not None and match[2] is None:
            self._refuse(f"a step needs a range; write {match[1]}-{self._last()}/{int(match[3])}")
        if high < low:
            self._refuse(self._unwrapped(match))
        self._span(item, _Span(low, high, 1 if match[3] is None else self._step(match[3])))

    def _span(self, item: str, span: _Span) -> None:
        self.spans.append(span)
        if span.step > 1 and span.low + span.step > span.high:
            field = f"{self.kind.name} field '{item}'"
            self.warnings.append(f"{field}: step {span.step} leaves only the first value, {span.low}")

    def _hashed(self, match: re.Match[str]) -> Hashed:
        low, high = self.kind.low, self.kind.hash_high
        if match[2] is not None:
            low, high = self._value(match[2]), self._value(match[3])
            if high < low:
                self._refuse(f"the range runs backwards; write {match[1].upper()}({match[3]}-{match[2]})")
        if (low, high) == (0, 7):
            high = 6  # otherwise Sunday, being both, would get twice its share
        step = 0 if match[4] is None else self._step(match[4])
        if step > high - low + 1:
            self._refuse(f"step {step} is larger than the {high - low + 1} values to choose from; write H alone")
        return Hashed(low, high, step, match[1] == "r")

    def _nth(self, match: re.Match[str]) -> tuple[int, int]:
        """`n#k` and `nL` (D8); the last one is number -1."""
        if match[3] is not None:
            return self._value(match[3]) % 7, -1
        if not 1 <= int(match[2]) <= 5:
            self._refuse(f"no month has a weekday number {int(match[2])}; # takes 1 to 5, and {match[1]}L is the last")
        return self._value(match[1]) % 7, int(match[2])

    def _value(self, text: str) -> int:
        kind = self.kind
        if not text.isdigit():
            if text not in kind.names:
                self._refuse(_unknown_name(kind, text))
            return kind.names.index(text) + kind.low
        if not kind.low <= int(text) <= kind.high:
            self._refuse(f"{text} is outside {kind.low}-{kind.high}")
        return int(text)

    def _step(self, text: str) -> int:
        if not 1 <= int(text) <= _LARGEST_STEP:
            self._refuse(f"a step of {text[:12]} cannot be meant; it is 1 or more and at most {_LARGEST_STEP}")
        return int(text)

    def _last(self) -> int:
        return 6 if self.kind is WEEKDAY else self.kind.high

    def _unwrapped(self, match: re.Match[str]) -> str:
        """D4: the two ranges that a wrapping one probably means; with a step, its values."""
        kind, top = self.kind, self._last()
        low, high, step = self._value(match[1]), self._value(match[2]), int(match[3] or 1)
        if step > 1:
            size = top - kind.low + 1
            walk = range(low, high + size + 1, max(step, 1))
            instead = ",".join(str((value - kind.low) % size + kind.low) for value in walk)
        else:
            instead = ",".join(_range(start, end) for start, end in ((low, top), (kind.low, high)))
        return f"the range runs past the end; write {instead}"

    def _refuse(self, reason: str) -> NoReturn:
        raise ScheduleError(f"{self.kind.name} field '{self.text}': {reason}")


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _values(kind: Kind, spans: Iterable[_Span]) -> int:
    """Plain items as bits: single numbers here, so that a start-up with simple jobs never loads croniter."""
    spans = tuple(spans)
    mask = sum({BIT[span.low] for span in spans if span.low == span.high})
    ranges = [f"{span.low}-{span.high}/{span.step}" for span in spans if span.low != span.high]
    return mask | _by_croniter(kind, ",".join(ranges)) if ranges else mask


def _by_croniter(kind: Kind, text: str) -> int:
    """croniter's value set of one admitted field.

    It gets ranges of two different ends only: croniter 7 reads `59-59/9` as `*/9` and weekday `7-7` as every day.
    """
    from croniter import croniter

    fields = ["*"] * 6
    fields[kind.index] = text
    values = croniter.expand(" ".join(fields))[0][kind.index]
    if "*" in values:
        return kind.all
    return sum(BIT[value] for value in values if isinstance(value, int))


def _unknown_name(kind: Kind, text: str) -> str:
    if text in ("h", "r"):
        return f"{text.upper()} cannot be one end of a range; write {text.upper()}(a-b) to choose between a and b"
    if text == "l":
        return "L alone is for the day of month; the last Friday is 5L"
    if _OTHER_CRONS.fullmatch(text):
        return f"{text.upper()} is not supported; L as day of month, n#k and nL as day of week are"
    for name in kind.names:
        if text.startswith(name):
            return f"'{text}' is not a name here; did you mean '{name}'?"
    known = f"; names are {', '.join(kind.names)}" if kind.names else ", and this field takes no names"
    return f"'{text}' is not a number{known}"


def _advice(kind: Kind, item: str) -> str:
    """Why an item outside the grammar is refused, as helpfully as its shape allows."""
    if not item:
        return "an item between commas is empty"
    if item.startswith("?"):
        return "'?' belongs to another cron; write *"
    if item[0] in "hr":
        return f"'{item}' is not a hash form; those are H, H(a-b), H/n and H(a-b)/n"
    if _OTHER_CRONS.fullmatch(item):
        return f"'{item.upper()}' is not supported; L as day of month, n#k and nL as day of week are"
    return f"cannot read '{item}'; an item is *, */n, a, a-b or a-b/n with numbers from {kind.low} to {kind.high}"
