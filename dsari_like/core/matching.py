"""Whether an event is the one that a term of an expression awaits.

Owns the meaning of contexts. What is compared is text: nothing here looks anything up. Must not know latches, or what
follows when an event is the awaited one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsari_like.core.record import record
from dsari_like.core.terms import ANY, PARENT, SELF, EventType, Term

if TYPE_CHECKING:
    from dsari_like.core.reactions import Event

_TIMES = {EventType.TIME, EventType.REPEAT, EventType.GLOBALTIME, EventType.GLOBALREPEAT}


@record
class View:
    """Who looks: what `self` and `parent` are."""

    is_self: Callable[[Event], bool]
    is_parent: Callable[[Event], bool]
    key: str = ""  # of the callback that looks: what failed in it is no event for itself


def awaits(term: Term, event: Event, view: View) -> bool:
    """Whether this event makes the term true."""
    if term.type is not event.type or (term.name and term.name != event.name):
        return False
    if term.type is EventType.CALLBACK:
        return event.job_name != view.key and _is_callback(term.context, event.job_name)
    if term.type in _TIMES:
        return term.extra == event.item and (term.context != SELF or view.is_self(event))
    if term.type is EventType.HOST:
        return term.extra in (ANY, event.item)
    return (term.extra in (None, ANY, event.item)) and _is_context(term.context, event, view)


def _is_context(context: str, event: Event, view: View) -> bool:
    if context == SELF:
        return view.is_self(event)
    if context == PARENT:
        return view.is_parent(event)
    return context in (ANY, event.job_name, event.run_id) or bool(event.label and context == event.label)


def _is_callback(context: str, key: str) -> bool:
    return context in (ANY, key, key.partition("/")[2])
