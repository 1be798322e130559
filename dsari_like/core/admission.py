"""Who may run now: the job itself (one run at a time unless it says otherwise), all of its locks, one slot of any of
its concurrency groups, and `max_running` over all. Higher priority first, then first come, first served; for locks the
order of arrival alone counts (`locks`).

Owns who holds what and who waits for what. Must not know states, times or processes: a run is here from the moment
it is due until it has ended.

A waiting run is parked with what it waits for, and only a release of that looks at it again: work is assigned when
something is queued and when something ends, never by a sweep (dsari re-examined everything, in random order: B-36).
Who passed the door of the job but found no slot is parked with *all* groups it could use; the first release serves.

An item of an array run stands at a door of that array run, as wide as `items_parallel`, in place of the job's own; the
array run itself holds the job and nothing else, for it has no process, nor has the run of an orchestration.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dsari_like.core.locks import Locks
from dsari_like.core.model import Job, Run
from dsari_like.core.record import record

#: The key under which runs wait for a place below `max_running`; no job or group can have this name (a slash).
OVERALL = "/"


@record
class WaitReason:
    """What a run waits for, and the runs that hold it."""

    kind: str  # `pause`, `job`, `items`, `lock`, `group`, `max_running`
    names: tuple[str, ...]
    holders: tuple[str, ...]
    ahead: int = 0  # how many stand in line before it, for locks


@dataclass(slots=True)
class _Waiter:
    run: Run
    job: Job
    parked: tuple[str, ...] = ()


@dataclass(slots=True)
class _Door:
    """Something of which a number of runs can have a part at once."""

    size: int
    holders: dict[str, None] = field(default_factory=dict)  # run ids in the order they came
    queue: list[tuple[int, int, str]] = field(default_factory=list)  # (-priority, sequence, run id)

    @property
    def is_open(self) -> bool:
        """Whether one more has room."""
        return len(self.holders) < self.size


class Admission:
    """Holders and waiters. What lets runs in returns those that may start now, in order.

    `lock_waits` collects the runs that began to wait for a lock, for whoever keeps their states to take.
    """

    def __init__(self) -> None:
        self.lock_waits: list[Run] = []
        self._doors: dict[str, _Door] = {}
        self._locks = Locks()
        self._waiting: dict[str, _Waiter] = {}
        self._held: dict[str, tuple[str, ...]] = {}
        self._groups: Mapping[str, int] = {}
        self._widths: dict[str, int] = {}  # of the doors of array runs
        self._max_running: int | None = None
        self._paused: set[str] = set()  # names of jobs, or the empty name for all of them

    def configure(self, groups: Mapping[str, int], max_running: int | None, jobs: Callable[[Run], Job]) -> list[Run]:
        """Take new sizes and definitions; whoever waits is weighed again, in the lines of the locks that it needs now.
        Returns the runs that may start.

        The one place that looks at every waiting run: a reload is rare, and any size may have changed.
        """
        self._groups, self._max_running = dict(groups), max_running
        waiting = sorted(self._waiting.values(), key=_rank)
        self._waiting.clear()
        for key, door in self._doors.items():
            door.queue.clear()
            door.size = self._size(key)
        self._locks.line_up_again((waiter.run.run_id, waiter.run.locks) for waiter in waiting)
        return [run for waiter in waiting for run in self.admit(waiter.run, jobs(waiter.run))]

    def admit(self, run: Run, job: Job) -> list[Run]:
        """Let the run in, or park it. Returns [run] when it may start now."""
        waiter = _Waiter(run, job)
        return [run] if self._try(waiter) else []

    def pause(self, name: str) -> list[Run]:
        """No run of the job (of any job, for the empty name) is let in any more; who is in stays in. Who waits for it
        keeps no place in a line, so that a paused job holds up nobody. Returns the runs that may start for that."""
        self._paused.add(name)
        self._door(f"pause:{name}").size = 0
        freed: list[str] = []
        for waiter in [waiter for waiter in self._waiting.values() if name in ("", waiter.job.name)]:
            freed += self._locks.leave(waiter.run.run_id)
            self._park(waiter, (f"pause:{name}",))
        return list(self._serve((), freed))

    def lift(self, name: str) -> list[Run]:
        """The pause is over. Returns the runs that may start now."""
        self._paused.discard(name)
        key = f"pause:{name}"
        self._door(key).size = self._size(key)
        started = list(self._serve((key,)))
        self._forget(key)
        return started

    def adopt(self, run: Run, job: Job) -> None:
        """The run is running already (a daemon before us started it): it holds what it holds, full or not."""
        self._locks.line_up(run.run_id, run.sequence, run.locks)
        self._hold(run, job, run.concurrency_group)

    def withdraw(self, runs: Iterable[Run], serve: bool = True) -> list[Run]:
        """These waiting runs are no more. Returns the runs that may start now: places in lines are free. They all leave
        before anybody is served, for else one of them might be."""
        freed: list[str] = []
        for run in runs:
            self._waiting.pop(run.run_id, None)
            freed += self._locks.leave(run.run_id)
        return list(self._serve((), freed)) if serve else []

    def release(self, run_id: str, serve: bool = True) -> list[Run]:
        """A run has ended. Returns the runs that may start now, best first; none when nobody is to be served."""
        keys, names = self._held.pop(run_id, ()), self._locks.leave(run_id)
        for key in keys:
            self._doors[key].holders.pop(run_id, None)
        started = list(self._serve(keys, names)) if serve else []
        for key in keys:
            self._forget(key)
        self._drop(f"items:{run_id}")
        return started

    def why(self, run_id: str) -> WaitReason | None:
        """What the run waits for; None when it does not wait here."""
        waiter = self._waiting.get(run_id)
        if waiter is None:
            return None
        kind = waiter.parked[0].split(":", 1)[0] if waiter.parked[0] != OVERALL else "max_running"
        names = tuple(key.split(":", 1)[1] for key in waiter.parked if key != OVERALL)
        if kind == "lock":
            return WaitReason(kind, names, self._locks.holders(names), self._locks.ahead(run_id))
        holders = tuple(holder for key in waiter.parked for holder in self._doors[key].holders)
        return WaitReason(kind, names, holders)

    def waiting(self) -> list[Run]:
        """All runs that wait here, in the order they would be served."""
        return [waiter.run for waiter in sorted(self._waiting.values(), key=_rank)]

    def holders(self, kind: str, name: str) -> tuple[str, ...]:
        """The runs that hold a job or a group, oldest first."""
        door = self._doors.get(f"{kind}:{name}")
        return tuple(door.holders) if door else ()

    def _try(self, waiter: _Waiter) -> bool:
        run, job = waiter.run, waiter.job
        paused = next((name for name in (job.name, "") if name in self._paused), None)
        if paused is not None:
            return self._park(waiter, (f"pause:{paused}",))
        own = self._own_door(run, job)
        if own is not None and not self._door(own).is_open:
            return self._park(waiter, (own,))
        if run.locks and not self._can_lock(waiter):
            return False
        groups = () if is_whole(run, job) else tuple(f"group:{name}" for name in job.concurrency_groups)
        free = next((key for key in groups if self._door(key).is_open), None)
        if groups and free is None:
            return self._park(waiter, groups)
        if not is_whole(run, job) and not self._door(OVERALL).is_open:
            return self._park(waiter, (OVERALL,))
        self._waiting.pop(run.run_id, None)
        self._hold(run, job, free.split(":", 1)[1] if free else None)
        return True

    def _own_door(self, run: Run, job: Job) -> str | None:
        """Where a run waits for its likes, if it does."""
        if run.item is not None:
            key = f"items:{run.previous_run_id}"  # made here, for its size is known nowhere else
            self._widths[key] = self._door(key).size = job.items_parallel
            return key
        return None if job.concurrent_runs else f"job:{job.name}"

    def _can_lock(self, waiter: _Waiter) -> bool:
        """Whether all its locks are free for it; else it is parked with those that are not."""
        run = waiter.run
        self._locks.line_up(run.run_id, run.sequence, run.locks)
        missing = tuple(f"lock:{name}" for name in self._locks.missing(run.run_id))
        if missing and not is_lock_wait(waiter.parked):
            self.lock_waits.append(run)
        return not missing or self._park(waiter, missing)

    def _park(self, waiter: _Waiter, keys: tuple[str, ...]) -> bool:
        waiter.parked = keys
        self._waiting[waiter.run.run_id] = waiter
        if not is_lock_wait(keys):
            for key in keys:
                heapq.heappush(self._door(key).queue, (*_rank(waiter), waiter.run.run_id))
        return False

    def _hold(self, run: Run, job: Job, group: str | None) -> None:
        run.concurrency_group = group
        own = self._own_door(run, job) or f"job:{job.name}"
        keys = (own,) if is_whole(run, job) else (own, OVERALL) + ((f"group:{group}",) if group else ())
        self._held[run.run_id] = keys
        for key in keys:
            self._door(key).holders[run.run_id] = None
        if run.locks:
            self._locks.take(run.run_id)

    def _serve(self, keys: tuple[str, ...], names: Iterable[str] = ()) -> Iterator[Run]:
        """Offer what came free to the best of those parked with it, until all of it is taken or nobody wants it."""
        line = deque(self._locks.next_of(names))
        while True:
            heads = [head for key in keys if (head := self._head(key)) is not None]
            head = min(heads) if heads else None
            waiter = self._waiting.get(line[0]) if line else None
            if line and (waiter is None or not is_lock_wait(waiter.parked)):
                line.popleft()  # it waits for something else now, and only keeps its place
                continue
            if waiter is not None and (head is None or _rank(waiter) < head[0][:2]):
                line.popleft()
            elif head is not None:
                heapq.heappop(self._doors[head[1]].queue)
                waiter = self._waiting[head[0][2]]
            else:
                return
            if waiter is not None and self._try(waiter):
                yield waiter.run

    def _head(self, key: str) -> tuple[tuple[int, int, str], str] | None:
        """The best of those parked at an open door; entries of runs that left or moved on are dropped on the way.

        A job that allows concurrent runs is parked at its own door never, so `is_open` needs no exception for it.
        """
        door = self._doors.get(key)
        if door is None or not door.is_open:
            return None
        while door.queue:
            waiter = self._waiting.get(door.queue[0][2])
            if waiter is not None and key in waiter.parked:
                return door.queue[0], key
            heapq.heappop(door.queue)
        return None

    def _door(self, key: str) -> _Door:
        door = self._doors.get(key)
        if door is None:
            door = self._doors[key] = _Door(self._size(key))
        return door

    def _size(self, key: str) -> int:
        if key == OVERALL:
            return self._max_running if self._max_running is not None else 1 << 30
        kind, _, name = key.partition(":")
        if kind == "items":
            return self._widths.get(key, 1)
        if kind == "pause":
            return 0 if name in self._paused else 1 << 30
        return self._groups.get(name, 1) if kind == "group" else 1

    def _forget(self, key: str) -> None:
        """A door that nobody holds and nobody waits at needs no memory."""
        door = self._doors.get(key)
        if door is not None and not door.holders and not door.queue:
            self._drop(key)

    def _drop(self, key: str) -> None:
        self._doors.pop(key, None)
        self._widths.pop(key, None)


def is_whole(run: Run, job: Job) -> bool:
    """True for a run that is made of others, items or tasks, and has no process; not for these others."""
    return (bool(job.items) and run.item is None) or job.flow is not None


def is_lock_wait(parked: tuple[str, ...]) -> bool:
    """Whether these are locks; they have lines of their own."""
    return bool(parked) and parked[0].startswith("lock:")


def _rank(waiter: _Waiter) -> tuple[int, int]:
    return (-waiter.run.priority, waiter.run.sequence)
