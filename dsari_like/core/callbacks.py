"""When a callback fires: for each event the callbacks that await it, their latches, and the calls that come of it.

Owns the scope in which operands are put together: the flow of the event; one run, where an expression is about
`self` and `parent` alone; one item, where it is about any item; everything, where a freshness was given. Events find
their callbacks by name, so a site with many pays for those concerned. Must not know how a call is carried out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from dsari_like.core.expression import terms_of
from dsari_like.core.facts import mapping_of
from dsari_like.core.latches import AGES_AGO, Closed, Latches, any_item, contexts_of
from dsari_like.core.matching import View, awaits
from dsari_like.core.owners import Owners
from dsari_like.core.reactions import UNIVERSAL, Call, Callback, CallState, Event, Language, SaveLatches
from dsari_like.core.terms import ANY, PARENT, SELF, EventType

#: A chain of callbacks that start runs whose callbacks start runs ends here.
DEEPEST = 16
#: So many scopes are remembered of one callback, the newest.
MOST_SCOPES = 1_000

_ENDLESS = f"callbacks have started runs whose callbacks started runs, {DEEPEST} deep; it was not called"


@dataclass(slots=True)
class _Scope:
    """What one callback remembers in one scope."""

    latches: Latches
    count: int = 0


@dataclass(slots=True)
class _Kept:
    """One configured callback, and its scopes by flow, run and item."""

    callback: Callback
    view: View
    scopes: OrderedDict[str, _Scope] = field(default_factory=OrderedDict)
    names: frozenset[str] = frozenset()
    any_item: bool = False
    own: bool = False  # about self and parent alone


#: Between the parts of a scope; no id and no item of an array holds it.
_AND = "\n"


class Callbacks:
    """All configured callbacks."""

    def __init__(self, new_id: Callable[[], str], owners: Owners) -> None:
        self._new_id = new_id
        self._owners = owners
        self._kept: dict[str, _Kept] = {}
        self._listeners: dict[str, list[_Kept]] = {}  # by whom their expressions are about
        self._excluded: frozenset[str] = frozenset()
        self._since_last_run: Callable[[str], float | None] = lambda job_name: None

    def configure(
        self,
        callbacks: Iterable[Callback],
        excluded: Iterable[str],
        last_start: Callable[[str], float | None],
    ) -> None:
        """From now on these; what is remembered of those that stay is kept. Jobs in `excluded` want none of the
        universal ones."""
        before, self._kept, self._listeners = self._kept, {}, {}
        self._excluded, self._since_last_run = frozenset(excluded), last_start
        for callback in callbacks:
            kept = self._kept[callback.key] = self._keep(callback)
            for key, scope in before[callback.key].scopes.items() if callback.key in before else ():
                kept.scopes[key] = _Scope(Latches(callback.expression, scope.latches.closed), scope.count)
            for whom in self._whom(callback):
                self._listeners.setdefault(whom, []).append(kept)

    def restore(self, rows: Iterable[SaveLatches]) -> None:
        """What an earlier daemon recorded."""
        for row in rows:
            kept = self._kept.get(row.owner)
            if kept is not None:
                closed = {text: Closed(*one) for text, one in row.latches.items()}
                kept.scopes[row.scope] = _Scope(Latches(kept.callback.expression, closed), row.count)

    def all(self) -> Iterator[Callback]:
        """The callbacks that are configured."""
        return (kept.callback for kept in self._kept.values())

    def feed(self, event: Event) -> Iterator[Call | SaveLatches]:
        """The calls that this event gives rise to, and what is to be recorded of latches."""
        for kept in self._concerned(event):
            if kept.callback.owner == UNIVERSAL and event.job_name in self._excluded:
                continue
            if event.name in kept.names and not _is_spared(kept.callback, event):
                yield from self._fed(kept, event)
        if event.name == "done" and not event.flow_id:
            yield from self._forget(event)

    def _fed(self, kept: _Kept, event: Event) -> Iterator[Call | SaveLatches]:
        if not any(awaits(term, event, kept.view) for term in terms_of(kept.callback.expression)):
            return
        base = _scope_of(kept, event)
        for key in self._scopes(kept, base, event):
            scope = self._scope(kept, key, base)
            before = dict(scope.latches.closed)
            if scope.latches.feed(event, kept.view, self._horizon(kept.callback, event)):
                yield from self._fire(kept, key, scope, event)
            elif scope.latches.closed != before:
                yield _row(kept, key, scope)
        yield from _newest(kept)

    def _scopes(self, kept: _Kept, base: str, event: Event) -> list[str]:
        """An item has a scope of its own where any item is meant; what is no item counts for each of them."""
        if not kept.any_item:
            return [base]
        if event.type is EventType.WORK:
            return [f"{base}{_AND}{event.item}"]
        return [base, *(key for key in kept.scopes if key.startswith(base + _AND))]

    def _scope(self, kept: _Kept, key: str, base: str) -> _Scope:
        found = kept.scopes.get(key)
        if found is None:
            shared = kept.scopes.get(base)
            closed = None if shared is None else shared.latches.closed
            found = kept.scopes[key] = _Scope(Latches(kept.callback.expression, closed))
        kept.scopes.move_to_end(key)
        return found

    def _fire(self, kept: _Kept, key: str, scope: _Scope, event: Event) -> Iterator[Call | SaveLatches]:
        callback = kept.callback
        if callback.maximum is None or scope.count < callback.maximum:
            scope.count += 1
            yield self._call(callback, scope, event)
        yield _row(kept, key, scope)

    def _call(self, callback: Callback, scope: _Scope, event: Event) -> Call:
        owner = self._owners.run_for(callback.owner, event)
        who = owner or event.run
        callback_id = self._new_id()
        call = Call(
            callback_id=callback_id,
            callback=callback.key,
            run_id=who.run_id if who else event.run_id,
            job_name=callback.owner if callback.owner != UNIVERSAL else who.job_name if who else "",
            triggers=callback.triggers,
            event=mapping_of(event, owner, callback, callback_id, scope.count),
            language=callback.language,
            code=callback.code,
            time=event.time,
            argv=callback.argv,
            flow_id=event.flow_id,
            count=scope.count,
            timeout=callback.timeout,
            retries=callback.retries,
            retry_delay=callback.retry_delay,
            depth=event.depth + 1,
            latches={text: tuple(one) for text, one in scope.latches.fired_by.items()},
        )
        return call if event.depth < DEEPEST else replace(call, state=CallState.REFUSED, reason=_ENDLESS)

    def _horizon(self, callback: Callback, event: Event) -> float:
        freshness = callback.freshness
        limits = [] if freshness.within is None else [event.time - freshness.within]
        if freshness.since_last_run:
            limits.append(self._since_last_run(callback.owner) or AGES_AGO)
        return max(limits, default=AGES_AGO)

    def _forget(self, event: Event) -> Iterator[SaveLatches]:
        """A run without a flow has ended: expressions about itself alone can remember nothing of it any more."""
        for kept in self._concerned(event):
            if kept.own:
                for key in [key for key in kept.scopes if key.partition(_AND)[0] == event.run_id]:
                    del kept.scopes[key]
                    yield SaveLatches(kept.callback.key, key, {})

    def _concerned(self, event: Event) -> list[_Kept]:
        if not self._listeners:
            return []
        found: dict[str, _Kept] = {}
        for whom in dict.fromkeys((event.job_name, event.label, event.run_id, ANY)):
            for kept in self._listeners.get(whom, ()) if whom else ():
                found[kept.callback.key] = kept
        return list(found.values())

    def _whom(self, callback: Callback) -> Iterator[str]:
        terms = list(terms_of(callback.expression))
        wide = any(term.context == PARENT or term.type in _ANYBODYS for term in terms)
        named = {context for context in contexts_of(callback.expression) if context not in (SELF, PARENT, "")}
        if any(term.context == SELF for term in terms):
            named.add(ANY if callback.owner == UNIVERSAL else callback.owner)
        yield from {ANY} if wide or ANY in named else named

    def _keep(self, callback: Callback) -> _Kept:
        owner = callback.owner
        view = View(
            is_self=lambda event: owner in (UNIVERSAL, event.job_name),
            is_parent=lambda event: self._owners.is_parent(owner, event.run_id),
            key=callback.key,
        )
        kept = _Kept(callback, view, names=frozenset(term.name for term in terms_of(callback.expression)))
        kept.any_item = any_item(callback.expression)
        kept.own = all(context in (SELF, PARENT) for context in contexts_of(callback.expression))
        return kept


#: Events that are about nobody who could be named.
_ANYBODYS = {EventType.HOST, EventType.CALLBACK, EventType.GLOBALTIME, EventType.GLOBALREPEAT}


def _is_spared(callback: Callback, event: Event) -> bool:
    """There is nothing to clean up behind a run that never started."""
    return callback.language is Language.COMMAND and event.run is not None and event.run.start_time is None


def _scope_of(kept: _Kept, event: Event) -> str:
    if kept.callback.freshness.across_flows:
        return ""
    return event.flow_id or (event.run_id if kept.own else "")


def _row(kept: _Kept, key: str, scope: _Scope) -> SaveLatches:
    return SaveLatches(kept.callback.key, key, dict(scope.latches.closed), scope.count)


def _newest(kept: _Kept) -> Iterator[SaveLatches]:
    """What is remembered in more scopes than anybody can still mean is forgotten, the oldest first."""
    while len(kept.scopes) > MOST_SCOPES:
        key, _ = kept.scopes.popitem(last=False)
        yield SaveLatches(kept.callback.key, key, {})
