"""What AND remembers: an operand that came true stays true until the whole has, and then all begin anew (Q-38, Q-39).

Owns the latches of one expression in one scope. The operands of an AND usually come true at different moments, days
apart, so what is here is kept in the run log: by the text of each operand, so that a changed expression keeps what it
still awaits. Must not know what an expression is for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from dsari_like.core.expression import AllOf, Expression, terms_of
from dsari_like.core.matching import View, awaits
from dsari_like.core.record import record
from dsari_like.core.terms import EventType, Term

if TYPE_CHECKING:
    from dsari_like.core.reactions import Event

AGES_AGO = -math.inf


class Closed(NamedTuple):
    """When an operand came true, and through which run."""

    time: float
    run_id: str


@record
class Terms:
    """How an expression stands: the operands that came true, and those that did not; for people to read."""

    closed: tuple[tuple[str, Closed], ...]
    open: tuple[str, ...]


class Latches:
    """One expression, and which of its operands came true."""

    __slots__ = ("_expression", "_terms", "closed", "fired_by")

    def __init__(self, expression: Expression, closed: Mapping[str, Closed] | None = None) -> None:
        self._expression = expression
        self._terms = {str(term): term for term in terms_of(expression)}
        self.closed = {text: Closed(*one) for text, one in (closed or {}).items() if text in self._terms}
        self.fired_by: Mapping[str, Closed] = {}  # the operands that made it true the last time

    def feed(self, event: Event, view: View, horizon: float = AGES_AGO) -> bool:
        """Take an event in. True when it has made the whole true: then everything begins anew. Operands that came
        true before `horizon` are too old to count."""
        matched = [text for text, term in self._terms.items() if awaits(term, event, view)]
        if not matched:
            return False
        self.closed |= dict.fromkeys(matched, Closed(event.time, event.run_id))
        return self.fire(horizon)

    def fire(self, horizon: float = AGES_AGO) -> bool:
        """Whether it is true as it stands; if so everything begins anew."""
        if not _is_true(self._expression, self.closed, horizon):
            return False
        self.fired_by, self.closed = self.closed, {}
        return True

    def standing(self, horizon: float = AGES_AGO) -> Terms:
        """What came true and what did not."""
        closed = tuple((text, one) for text, one in self.closed.items() if one.time >= horizon)
        known = {text for text, _ in closed}
        return Terms(closed, tuple(text for text in self._terms if text not in known))


def any_item(expression: Expression) -> bool:
    """Whether it is about each item of an array by itself."""
    return any(term.type is EventType.WORK and term.extra == "*" for term in terms_of(expression))


def of_item(expression: Expression, item: str) -> Expression:
    """The same expression for one item: where any item is meant, the one of this name is (Q-73)."""
    if isinstance(expression, Term):
        if expression.type is EventType.WORK and expression.extra == "*":
            return Term(expression.name, expression.type, expression.context, item, expression.column)
        return expression
    return type(expression)(tuple(of_item(part, item) for part in expression.parts))


def contexts_of(expression: Expression) -> Iterator[str]:
    """Whom its operands are about, each once."""
    return iter(dict.fromkeys(term.context for term in terms_of(expression)))


def _is_true(expression: Expression, closed: Mapping[str, Closed], horizon: float) -> bool:
    if isinstance(expression, Term):
        found = closed.get(str(expression))
        return found is not None and found.time >= horizon
    test = all if isinstance(expression, AllOf) else any
    return test(_is_true(part, closed, horizon) for part in expression.parts)
