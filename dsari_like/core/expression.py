"""Trigger expressions: `(complete-job-A && complete-job-B) || failed-job-C` as text and as a tree.

Owns the grammar: tokens, precedence (AND binds tighter than OR), the tree, and the way back to text. How one event is
split is `terms`. Any text gives a tree or an `ExpressionError` that names a column. Must not know when an event
happens, or which jobs there are.

There is no NOT: an event that has not happened yet may happen in a moment, so `not` would be true of nearly everything
and false a second later. It is refused with that sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from dsari_like.core.record import record
from dsari_like.core.terms import ExpressionError, Term, Word, read_term, written

#: Limits for text from outside: beyond any sense, and far from what a recursion or a page could not bear.
LONGEST = 10_000
DEEPEST = 32
MOST_TERMS = 200

#: Words of the grammar, in any case, with the symbols that say the same.
_WORDS = {"and": "and", "&&": "and", "or": "or", "||": "or", "not": "not", "!": "not", ",": ",", "(": "(", ")": ")"}
_TOKEN = re.compile(r"""\s*(?:(&&|\|\||[(),!])|((?:[^\s()&|,!"']|"[^"]*"|'[^']*')(?:[^\s()&|,"']|"[^"]*"|'[^']*')*))""")
_PIECE = re.compile(r""""([^"]*)"|'([^']*)'|([^"']+)""")


@record
class AllOf:
    """Every part has to come true."""

    parts: tuple[Expression, ...]


@record
class AnyOf:
    """One part is enough."""

    parts: tuple[Expression, ...]


Expression = Term | AllOf | AnyOf


class _Token(NamedTuple):
    kind: str  # one of the words of the grammar, "event", or "end"
    column: int
    word: Word | None = None


def parse(text: str) -> Expression:
    """The tree of an expression; raises ExpressionError with the column of what is wrong."""
    if len(text) > LONGEST:
        raise ExpressionError(LONGEST + 1, f"the expression is longer than {LONGEST} characters")
    parser = _Parser(list(_tokens(text)))
    found = parser.any_of(0)
    parser.expect_end()
    return found


def all_of(parts: tuple[Expression, ...]) -> Expression:
    """Several expressions of which each has to come true: what a list of them means (Q-05)."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, AllOf) else (part,)))
    return flat[0] if len(flat) == 1 else AllOf(flat)


def terms_of(expression: Expression) -> Iterator[Term]:
    """The events of an expression, in the order they stand there."""
    if isinstance(expression, Term):
        yield expression
    else:
        for part in expression.parts:
            yield from terms_of(part)


def unparse(expression: Expression) -> str:
    """The text of a tree; `parse` makes the same tree of it again."""
    if isinstance(expression, Term):
        return written(expression)
    if isinstance(expression, AnyOf):
        return " || ".join(unparse(part) for part in expression.parts)
    return " && ".join(f"({unparse(part)})" if isinstance(part, AnyOf) else unparse(part) for part in expression.parts)


def _tokens(text: str) -> Iterator[_Token]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _no_token(text, position)
        column = match.start(match.lastindex or 0) + 1
        kind = _WORDS.get(match[match.lastindex or 0].lower(), "event")
        yield _Token(kind, column, _word(match[2], column) if kind == "event" else None)
        position = match.end()
    yield _Token("end", end + 1)


def _no_token(text: str, position: int) -> ExpressionError:
    while text[position].isspace():
        position += 1
    found, column = text[position], position + 1
    if found in "\"'":
        return ExpressionError(column, "the quote is not closed")
    return ExpressionError(column, f"a single '{found}' means nothing; write {found}{found}")


def _word(text: str, column: int) -> Word:
    """The characters of an event without their quotes, and which of its dashes divide it: none that was quoted."""
    plain, cuts = "", []
    for piece in _PIECE.finditer(text):
        if piece[3] is not None:
            cuts += [len(plain) + found.start() for found in re.finditer("-", piece[3])]
        plain += piece[1] or piece[2] or piece[3] or ""
    if not plain.isprintable():
        raise ExpressionError(column, "an event holds a character that cannot be printed")
    return Word(plain, tuple(cuts), column)


class _Parser:
    """One reading, by recursive descent; each method takes one level of precedence."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._terms = 0

    def any_of(self, depth: int) -> Expression:
        """`a or b`; and beside a comma, no OR without parentheses: two readers would read it in two ways."""
        parts: list[Expression] = []
        comma = first_or = 0
        while True:
            part, found = self._all_of(depth)
            parts += part.parts if isinstance(part, AnyOf) else (part,)
            comma = comma or found
            if self._peek().kind != "or":
                break
            token = self._take()
            first_or = first_or or token.column
        if comma and first_or:
            text = "a comma means 'and'; beside 'or', use parentheses to say what belongs together"
            raise ExpressionError(comma, text)
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def expect_end(self) -> None:
        """Nothing may follow."""
        token = self._peek()
        if token.kind == ")":
            raise ExpressionError(token.column, "this parenthesis closes none that was opened")
        if token.kind != "end":
            raise ExpressionError(token.column, "expected 'and' or 'or' between two events")

    def _all_of(self, depth: int) -> tuple[Expression, int]:
        """`a and b`, and the column of its first comma, which means the same; 0 when there is none."""
        parts, comma = [self._primary(depth)], 0
        while self._peek().kind in ("and", ","):
            token = self._take()
            comma = comma or (token.column if token.kind == "," else 0)
            parts.append(self._primary(depth))
        return all_of(tuple(parts)), comma

    def _primary(self, depth: int) -> Expression:
        token = self._take()
        if token.word is not None:
            return self._term(token.word)
        if token.kind == "(":
            return self._inside(token, depth + 1)
        if token.kind == "not":
            text = "there is no 'not': what has not happened yet may happen in a moment; name the event that is awaited"
            raise ExpressionError(token.column, text)
        found = "the end" if token.kind == "end" else f"'{token.kind}'"
        raise ExpressionError(token.column, f"expected an event such as complete-job-self, found {found}")

    def _term(self, word: Word) -> Term:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise ExpressionError(word.column, f"there are more than {MOST_TERMS} events in one expression")
        return read_term(word)

    def _inside(self, opening: _Token, depth: int) -> Expression:
        if depth > DEEPEST:
            raise ExpressionError(opening.column, f"there are more than {DEEPEST} parentheses inside one another")
        found = self.any_of(depth)
        if self._peek().kind == "end":
            raise ExpressionError(opening.column, "this parenthesis is never closed")
        if self._take().kind != ")":
            raise ExpressionError(self._tokens[self._next - 1].column, "expected 'and' or 'or' between two events")
        return found

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token
