"""The coming slots of jobs, one after the other, and what the next year's clock changes do to them.

Owns the merging of several jobs' slots into one line of time. Must not know how they are shown.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

from dsari_like.core.schedule import Rule, Slot, next_of, transitions

_YEAR = 366 * 86_400.0
#: Slots looked at around one clock change; a job with more of them runs all the time and does not mind.
_MANY = 30


class Coming(NamedTuple):
    """One slot of one job."""

    time: float
    job_name: str
    slot: Slot


def coming(plans: Mapping[str, Sequence[Rule]], after: float) -> Iterator[Coming]:
    """The slots of all these jobs strictly later than `after`, in order, without an end."""
    heap = [found for name, rules in plans.items() if (found := _following(name, rules, after))]
    heapq.heapify(heap)
    while heap:
        found = heap[0]
        yield found
        following = _following(found.job_name, plans[found.job_name], found.time)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, following)


def first_of_each(plans: Mapping[str, Sequence[Rule]], after: float, count: int) -> list[Coming]:
    """The jobs that are due next, each once."""
    found = (_following(name, rules, after) for name, rules in plans.items())
    return heapq.nsmallest(count, (one for one in found if one is not None))


def changes(rules: Sequence[Rule], zone: tzinfo, now: float) -> Iterator[tuple[float, str]]:
    """Clock changes of the next year that skip or repeat a slot: the instant, and what becomes of it."""
    for change in transitions(zone, now, now + _YEAR):
        reach = abs(change.after - change.before)
        noted = [slot for slot in _between(rules, change.time - reach - 1, change.time + reach) if slot.note]
        if any(slot.skipped for slot in noted) or len(noted) == 1:
            yield noted[0].time, noted[0].note
    for rule in rules:
        for lost in rule.lost_between(now, now + _YEAR):
            yield lost.time, lost.note


def _between(rules: Sequence[Rule], after: float, until: float) -> list[Slot]:
    """The slots of a short stretch; none when they are many, for such a job has no time that it could miss."""
    found: list[Slot] = []
    slot = next_of(rules, after)
    while slot is not None and slot.time <= until:
        found.append(slot)
        if len(found) > _MANY:
            return []
        slot = next_of(rules, slot.time)
    return found


def _following(name: str, rules: Sequence[Rule], after: float) -> Coming | None:
    slot = next_of(rules, after)
    return None if slot is None else Coming(slot.time, name, slot)
