"""The named locks: who holds each, shared or exclusive, and who stands in line for it.

Owns the rule that each lock is served strictly in the order of arrival: nobody takes a lock for which somebody who
came earlier waits, unless both only share it. So a stream of runs that share can never starve one that wants it alone,
and a run that has a free lock but waits for a slot keeps its place in the line. Must not know jobs, groups or states.

No deadlock can come of it: all locks are taken at once or none (J-35), and of those in line the one that came first is
kept waiting by holders alone, which end.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dsari_like.core.choices import LockMode
from dsari_like.core.clauses import LockDemand


@dataclass(slots=True)
class _Lock:
    holders: dict[str, LockMode] = field(default_factory=dict)  # run ids in the order they came
    line: list[tuple[int, str]] = field(default_factory=list)  # (order of arrival, run id)
    alone: list[int] = field(default_factory=list)  # of those in line, the orders of who wants it exclusively

    def refuses(self, order: int, mode: LockMode) -> bool:
        """Whether somebody holds it, or came earlier, who cannot have it together with this one."""
        if mode is LockMode.EXCLUSIVE:
            return bool(self.holders) or bool(self.line and self.line[0][0] < order)
        return LockMode.EXCLUSIVE in self.holders.values() or bool(self.alone and self.alone[0] < order)

    def heads(self) -> Iterator[str]:
        """Who may be next: the first in line, or all at its head who share."""
        limit = self.alone[0] if self.alone else None
        for order, run_id in self.line:
            if limit is not None and order > limit:
                return
            if order != limit or order == self.line[0][0]:
                yield run_id

    def awaits(self, mode: LockMode) -> bool:
        """Whether somebody may have waited for one who is gone, and had or wanted it in this mode. Who shared it kept
        out nobody but the one who wants it alone, once that is first in line and the last holder has gone: ten thousand
        who share are not looked at whenever one of them ends."""
        if mode is LockMode.EXCLUSIVE:
            return bool(self.line)
        return not self.holders and bool(self.alone) and self.alone[0] == self.line[0][0]


class Locks:
    """All locks that somebody holds or waits for; a lock of which nobody has heard is free."""

    def __init__(self) -> None:
        self._locks: dict[str, _Lock] = {}
        self._demands: dict[str, tuple[int, tuple[LockDemand, ...]]] = {}  # of all who hold or wait

    def line_up(self, run_id: str, order: int, demands: tuple[LockDemand, ...]) -> None:
        """Stand in line for all of them. Who stands there already keeps its place."""
        if run_id in self._demands:
            return
        self._demands[run_id] = (order, demands)
        for demand in demands:
            lock = self._locks.setdefault(demand.name, _Lock())
            insort(lock.line, (order, run_id))
            if demand.mode is LockMode.EXCLUSIVE:
                insort(lock.alone, order)

    def line_up_again(self, waiting: Iterable[tuple[str, tuple[LockDemand, ...]]]) -> None:
        """They want other locks, or the same, in the place that they have by their arrival."""
        known = [(run_id, self._demands[run_id][0], demands) for run_id, demands in waiting if run_id in self._demands]
        for run_id, _, _ in known:
            self.leave(run_id)
        for run_id, order, demands in known:
            self.line_up(run_id, order, demands)

    def missing(self, run_id: str) -> tuple[str, ...]:
        """The locks that one in line cannot have yet."""
        order, demands = self._demands[run_id]
        return tuple(demand.name for demand in demands if self._locks[demand.name].refuses(order, demand.mode))

    def take(self, run_id: str) -> None:
        """All of them, by one whose turn it is, or who held them under an earlier daemon."""
        order, demands = self._demands[run_id]
        for demand in demands:
            self._leave_line(order, run_id, demand)
            self._locks[demand.name].holders[run_id] = demand.mode

    def leave(self, run_id: str) -> tuple[str, ...]:
        """Neither hold nor wait any more. Returns the locks that it may have kept from others."""
        order, demands = self._demands.pop(run_id, (0, ()))
        for demand in demands:
            self._locks[demand.name].holders.pop(run_id, None)
            self._leave_line(order, run_id, demand)
        freed = tuple(demand.name for demand in demands if self._locks[demand.name].awaits(demand.mode))
        for demand in demands:
            self._forget(demand.name)
        return freed

    def next_of(self, names: Iterable[str]) -> list[str]:
        """Whose turn it may be now, in the order they came."""
        heads = {run_id for name in names if name in self._locks for run_id in self._locks[name].heads()}
        return sorted(heads, key=lambda run_id: self._demands[run_id][0])

    def holders(self, names: Iterable[str]) -> tuple[str, ...]:
        """The runs that hold any of these."""
        return tuple(dict.fromkeys(holder for name in names for holder in self._lock(name).holders))

    def ahead(self, run_id: str) -> int:
        """How many stand in line before this one, for any of its locks."""
        order, demands = self._demands.get(run_id, (0, ()))
        if len(demands) == 1:
            return bisect_left(self._lock(demands[0].name).line, (order, ""))
        return len({other for demand in demands for came, other in self._lock(demand.name).line if came < order})

    def _lock(self, name: str) -> _Lock:
        return self._locks.get(name) or _Lock()

    def _leave_line(self, order: int, run_id: str, demand: LockDemand) -> None:
        lock = self._locks[demand.name]
        at = bisect_left(lock.line, (order, run_id))
        if at < len(lock.line) and lock.line[at] == (order, run_id):
            del lock.line[at]
            if demand.mode is LockMode.EXCLUSIVE:
                del lock.alone[bisect_left(lock.alone, order)]

    def _forget(self, name: str) -> None:
        lock = self._locks[name]
        if not lock.holders and not lock.line:
            del self._locks[name]
