"""Event triggers: which of the watched things were updated since the last start, and when that starts something.

Owns that memory, and the cool-down. Must not know how an update is noticed, nor what a start leads to. Times are those
of the wall clock: the memory outlives the daemon.

A cool-down holds starts back, and forgets nothing (K-26): what is updated meanwhile counts, and the next update after
it fires, or its end does where the trigger says `at_end`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dsari_like.core.flows import EventTrigger, Ready
from dsari_like.core.timetable import Timetable


@dataclass(slots=True)
class _Waiting:
    trigger: EventTrigger
    fired: float | None = None
    updated: dict[str, float] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)


class Readiness:
    """The event triggers of all jobs. Whatever changes one is to be followed by a row: `state`."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._watchers: dict[str, list[str]] = {}  # thing -> the jobs that watch it
        self._ends = Timetable()  # of cool-downs that fire at their end

    def configure(self, triggers: Mapping[str, EventTrigger], kept: Iterable[Ready] = ()) -> None:
        """These are in force from now on. What a job watches no more is forgotten; what is new waits for its first
        update. `kept` is what an earlier daemon knew."""
        before = {one.job_name: one for one in kept} | {name: self.state(name) for name in self._waiting}
        self._waiting, self._watchers, self._ends = {}, {}, Timetable()
        for name, trigger in triggers.items():
            known = before.get(name, Ready(name))
            watched = set(trigger.watch)
            updated = {thing: time for thing, time in known.updated.items() if thing in watched}
            marks = {thing: mark for thing, mark in known.marks.items() if thing in watched}
            self._waiting[name] = _Waiting(trigger, known.fired, updated, marks)
            for thing in trigger.watch:
                self._watchers.setdefault(thing, []).append(name)
            self._set_end(name)

    def watches(self, thing: str) -> bool:
        """Whether any job waits for this thing."""
        return thing in self._watchers

    def updated(self, things: Iterable[str], time: float, marks: Mapping[str, float]) -> tuple[list[str], list[str]]:
        """These things were updated. Returns the jobs that start now, and all whose state is to be kept."""
        touched: dict[str, None] = {}
        for thing, mark in marks.items():
            for name in self._watchers.get(thing, ()):
                self._waiting[name].marks[thing] = mark
                touched[name] = None
        news: dict[str, None] = {}
        for thing in things:
            for name in self._watchers.get(thing, ()):
                self._waiting[name].updated[thing] = time
                news[name] = None
        firing = [name for name in news if self._fires(name, time)]
        return firing, list(touched | news)

    def next_deadline(self) -> float | None:
        """When the next cool-down ends that fires by itself, by the wall clock."""
        return self._ends.next_deadline()

    def time_passed(self, now: float) -> list[str]:
        """The jobs that start because their cool-down is over."""
        return [name for name, _ in list(self._ends.pop_due(now)) if self._fires(name, now)]

    def started(self, job_name: str, time: float) -> bool:
        """A run of the job begins, for whatever reason: it sees what was updated until now. True when that changed
        anything."""
        waiting = self._waiting.get(job_name)
        if waiting is None or not waiting.updated:
            return False
        waiting.updated = {thing: when for thing, when in waiting.updated.items() if when > time}
        self._set_end(job_name)
        return True

    def reset(self, job_name: str) -> bool:
        """Forget what was updated, and the cool-down. False when the job waits for nothing."""
        waiting = self._waiting.get(job_name)
        if waiting is None:
            return False
        waiting.updated, waiting.fired = {}, None
        self._set_end(job_name)
        return True

    def state(self, job_name: str) -> Ready:
        """What is to be kept of the job."""
        waiting = self._waiting[job_name]
        return Ready(job_name, waiting.fired, dict(waiting.updated), dict(waiting.marks))

    def _fires(self, name: str, now: float) -> bool:
        waiting = self._waiting[name]
        if len(waiting.updated) < len(waiting.trigger.watch):
            return False
        if waiting.fired is not None and waiting.fired > now:
            waiting.fired = now  # the clock was set back: the cool-down is no longer for that
        if waiting.fired is not None and now < waiting.fired + waiting.trigger.cool_down:
            self._set_end(name)
            return False
        waiting.fired, waiting.updated = now, {}
        self._set_end(name)
        return True

    def _set_end(self, name: str) -> None:
        waiting = self._waiting[name]
        self._ends.remove(name)
        if waiting.trigger.at_end and waiting.fired is not None and len(waiting.updated) == len(waiting.trigger.watch):
            self._ends.set(name, waiting.fired + waiting.trigger.cool_down)
