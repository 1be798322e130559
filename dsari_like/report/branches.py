"""The pages beside those of jobs: flows, callbacks, and the runs that other runs lead to. Which of them are stale.

Owns what is remembered to know that: calls and latches have no revision of their own. Must not know what is on a page.

A run that changed makes these pages again: those of its flow, of the run before it and of the run it repeats (each
links to what came after it, which it could not know before), and of the runs that wait in line, which say what for.
Pages that say the same as before are not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from dsari_like.core.flows import Flow, FlowKind, Ready
from dsari_like.report import names
from dsari_like.report.files import Site
from dsari_like.store.linked import CallMark, Linked
from dsari_like.store.reader import Reader
from dsari_like.store.rows import RunRow

if TYPE_CHECKING:
    from dsari_like.report.press import Press

#: Calls looked at in one turn.
BATCH = 200


class Branches:
    """Makes them. Every method that makes pages rests after each."""

    def __init__(self, reader: Reader, site: Site) -> None:
        self._reader, self._site = reader, site
        self._linked = Linked(reader.connection)
        self._state: object = None  # of all calls
        self._newest = -1  # the last call that was looked at
        self._open: dict[int, CallMark] = {}  # those that may change
        self._latches: dict[str, int] | None = None
        self._ready: dict[str, Ready] | None = None

    @property
    def settled(self) -> int:
        """The last call up to which none can change any more: what a later start goes on from."""
        return min([self._newest, *(row - 1 for row in self._open)])

    def begin(self, settled: int) -> None:
        """Pages know the calls up to this one; of the others, and of what is remembered, nothing is known."""
        self._state, self._latches, self._ready = None, None, None
        self._newest, self._open = settled, {}

    def take(self) -> None:
        """All pages are about to be made: calls that are there by now will be on them."""
        self._newest = self._linked.newest_call()
        self._open = {mark.row: mark for mark in self._linked.open_calls()}

    # --- flows ----------------------------------------------------------------------------------------------------

    def whole(self, press: Press) -> Iterator[None]:
        """Every page of flows and callbacks."""
        known: dict[str, set[str]] = {"chains": set(), "orchestrations": set()}
        for kind, name in _sides().all_flows(press.scene):
            known[f"{kind.value}s"].add(names.directory_of(name))
            count = self._linked.flow_count(kind, name)
            for number in range(1, names.last_history_number(count) + 1):
                yield from self._executions(press, kind, name, number)
            _sides().whole_flow(press, kind, name)
            yield
        for place, directories in known.items():
            for found in self._site.names(place):
                if found not in directories:
                    self._site.remove(f"{place}/{found}")
        yield from self._callbacks(press, _sides().all_callbacks(press.scene))

    def changed(self, press: Press, runs: Iterable[RunRow]) -> Iterator[None]:
        """What shows these runs, or links to them, beside their own pages."""
        scene, done = press.scene, {run.run_id for run in runs}
        touched: dict[str, Flow] = {}
        for run in runs:
            found = self._reader.flow(run.flow_id) if run.flow_id and run.flow_id not in touched else None
            if found is not None and run.item is None and scene.shows(found.name):
                touched[found.flow_id] = found
            for other in (run.previous_run_id, run.retry_of):
                if other and other not in done:
                    done.add(other)
                    yield from self._again(press, other)
        for run in _sides().in_line(scene):
            if run.run_id not in done and scene.shows(run.job_name):
                press.run_page(run)
                yield
        for found in touched.values():
            yield from self._execution(press, found)
        for kind, name in sorted({(found.kind.value, found.name) for found in touched.values()}):
            _sides().whole_flow(press, FlowKind(kind), name)
            yield
        if touched:
            yield from _sides().lists(press)

    def gone(self, press: Press, flow_ids: Iterable[str]) -> Iterator[None]:
        """Runs of these flows were removed by retention."""
        for flow_id in flow_ids:
            found = self._reader.flow(flow_id)
            for run in self._reader.runs_of_flow(flow_id) if found is not None else ():
                yield from self._again(press, run.run_id)
            if found is not None and press.scene.shows(found.name):
                yield from self._execution(press, found)
                _sides().whole_flow(press, found.kind, found.name)
                yield

    def _again(self, press: Press, run_id: str) -> Iterator[None]:
        run = self._reader.run(run_id)
        if run is not None and press.scene.shows(run.job_name):
            press.run_page(run)
            yield

    def _executions(self, press: Press, kind: FlowKind, name: str, number: int) -> Iterator[None]:
        """A page of a history, and the executions on it."""
        first = (number - 1) * names.PAGE_SIZE + 1
        for flow_id in self._linked.flow_ids(kind, name, first, first + names.PAGE_SIZE - 1):
            found = self._reader.flow(flow_id)
            if found is not None:
                _sides().execution(press, found)
                yield
        _sides().history(press, kind, name, number)
        yield

    def _execution(self, press: Press, found: Flow) -> Iterator[None]:
        """One execution, the page of the history it is on, and the execution before it, which links to it."""
        kind, name, number = found.kind, found.name, self._linked.flow_number(found)
        before = [self._reader.flow(one) for one in self._linked.flow_ids(kind, name, number - 1, number - 1)]
        for one in (found, *(before if number > 1 else ())):
            if one is not None:
                _sides().execution(press, one)
                yield
        for page in {names.history_number(number), names.last_history_number(number)}:
            _sides().history(press, kind, name, page)
        yield

    # --- callbacks ------------------------------------------------------------------------------------------------

    def stale(self) -> bool:
        """Whether a call was made or has changed, or something was updated that events wait for; three look-ups."""
        return self._state != self._linked.call_state() or self._ready != self._reader.ready()

    def reacted(self, press_of: Callable[[], Press], ran: bool) -> Iterator[None]:
        """The calls that are new or have changed: their callbacks' pages, and those of their runs. Latches change with
        runs, so they are looked at when any `ran`. Nothing is asked of the press when there is nothing to be shown."""
        yield from self._updated(press_of)
        state = self._linked.call_state()
        if not ran and state == self._state:
            return
        keys: set[str] = set()
        runs: dict[str, None] = {}
        for mark in self._moved() if state != self._state else ():
            keys.add(mark.callback)
            if mark.run_id:
                runs[mark.run_id] = None
        self._state = state
        keys |= self._remembered()
        if keys or runs:
            press = press_of()
            for run_id in runs:
                yield from self._again(press, run_id)
            shown = set(_sides().all_callbacks(press.scene))
            yield from self._callbacks(press, sorted(key for key in keys if key in shown))

    def _updated(self, press_of: Callable[[], Press]) -> Iterator[None]:
        """Event triggers that have come further: the pages of their jobs."""
        ready, before = self._reader.ready(), self._ready or {}
        if ready == self._ready:
            return
        self._ready = ready
        for name in sorted(name for name in ready.keys() | before.keys() if ready.get(name) != before.get(name)):
            press = press_of()
            if press.scene.shows(name):
                press.job_page(name, press.now)
                yield from _sides().lists(press)

    def _callbacks(self, press: Press, keys: Iterable[str]) -> Iterator[None]:
        for key in keys:
            _sides().callback(press, key)
            yield
        yield from _sides().lists(press)

    def _moved(self) -> Iterator[CallMark]:
        for row, mark in list(self._open.items()):
            now = self._linked.call_mark(row)
            if now is None or not now.is_open:
                del self._open[row]
            if now is not None and now != mark:
                self._open |= {row: now} if now.is_open else {}
                yield now
        while found := self._linked.calls_after(self._newest, BATCH):
            for mark in found:
                self._newest = mark.row
                if mark.is_open:
                    self._open[mark.row] = mark
                yield mark

    def _remembered(self) -> set[str]:
        """The callbacks whose latches are not what they were."""
        marks, before = self._linked.latch_marks(), self._latches
        self._latches = marks
        if before is None:
            return set(marks)
        return {owner for owner in marks.keys() | before.keys() if marks.get(owner) != before.get(owner)}


def _sides() -> ModuleType:
    """What makes these pages: imported at the first of them, for a daemon with nothing to show need not wait for it."""
    from dsari_like.report import sides

    return sides
