"""Questions about the slots of a schedule around one instant: is there one, which are the neighbours, and did the
clock leave one out?

Owns the looking backwards, which schedules cannot do by themselves. Must not know what was decided about any slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from dsari_like.core.schedule import Rule, Slot, next_of, transitions

_FIRST_STEP, _LAST_STEP = 3_600.0, 8 * 366 * 86_400.0
_MOST = 100_000


def slot_near(rules: Sequence[Rule], time: float, reach: float) -> Slot | None:
    """The first slot from `time` on, less than `reach` later."""
    slot = next_of(rules, time - 0.001)
    return slot if slot is not None and slot.time < time + reach else None


def around(rules: Sequence[Rule], time: float) -> tuple[float | None, float | None]:
    """The last slot before an instant, and the first after it."""
    after = next_of(rules, time)
    return _before(rules, time), None if after is None else after.time


def lost_at(rules: Sequence[Rule], time: float) -> str:
    """What the clock left out at that very instant, for good; empty when nothing."""
    found = [lost.note for rule in rules for lost in rule.lost_between(time - 1, time + 60)]
    return "; ".join(dict.fromkeys(found))


def jump_at(zone: tzinfo, time: float) -> str:
    """The change of the clock at that instant, in words; empty when there is none. A local time that does not exist
    is read as the end of the jump, so this tells why the answer is about another time than the question."""
    for change in transitions(zone, time - 1, time):
        there = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=change.time)
        before, after = ((there + timedelta(seconds=offset)).strftime("%H:%M") for offset in change[1:])
        return f"from {before} to {after}" + (", so the times between did not exist" if after > before else "")
    return ""


def second_pass(zone: tzinfo, time: float) -> float | None:
    """The later of two instants at which the clock shows the same; None where it shows that time once."""
    there = datetime.fromtimestamp(time, zone)
    again = there.replace(fold=1).timestamp()
    return again if there.fold == 0 and again > time and datetime.fromtimestamp(again, zone).fold else None


def _before(rules: Sequence[Rule], time: float) -> float | None:
    """Looked for in ever longer stretches back from the instant: a schedule only knows what comes next."""
    step = _FIRST_STEP
    while step < _LAST_STEP:
        slot = next_of(rules, time - step)
        if slot is not None and slot.time < time:
            return _last(rules, slot.time, time)
        step *= 2
    return None


def _last(rules: Sequence[Rule], first: float, time: float) -> float:
    last = first
    for _ in range(_MOST):
        slot = next_of(rules, last)
        if slot is None or slot.time >= time:
            break
        last = slot.time
    return last
