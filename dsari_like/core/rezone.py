"""A schedule that is moved to another zone, and the runs its calendar has had already: what is not owed twice.

Owns that one rule. Must not know where it is kept that a run was made, nor what is recorded about a slot left out.

The rule: what a fixed schedule owes is calendar times, a date and a time of day each. One that has had its run is not
owed again when another zone, `dst` or text brings it round a second time: 02:30 of 10 March was run in Berlin, the
zone becomes New York, and six hours later 02:30 of 10 March comes there.

It is the time of day that counts together with the date, not the date alone: who moves a job from 02:30 to 14:00 at
noon wants it at 14:00. Schedules that follow elapsed time (`*/15`, `@every`, hourly recurrences) owe nothing to a
date, so they go on from now in whatever zone. And it must have been a run: a time that was missed, or fell into a
blackout, may come again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from dsari_like.core.rule import Rule, Slot

#: No two local clocks are further apart than 26 hours, and no correction is longer than three: what was run before
#: this cannot come round again.
REACH = 2 * 86_400.0

_JUST_BEFORE = 0.001


def times_of(rules: Sequence[Rule], instants: Iterable[float]) -> frozenset[str]:
    """The calendar times that runs at these instants were made for. Takes the rules that made them due."""
    found = (rule.intended(slot) for instant in instants for rule, slot in _at(rules, instant))
    return frozenset(time for times in found for time in times)


def repeated(rules: Sequence[Rule], instant: float, made: Collection[str]) -> tuple[str, ...]:
    """The calendar times due at a slot, when all of them have had their run; none when anything else is due then."""
    if not made:
        return ()
    intended = [rule.intended(slot) for rule, slot in _at(rules, instant)]
    times = tuple(dict.fromkeys(time for times in intended for time in times))
    return times if times and all(intended) and all(time in made for time in times) else ()


def _at(rules: Sequence[Rule], instant: float) -> Iterable[tuple[Rule, Slot]]:
    for rule in rules:
        slot = rule.next_after(instant - _JUST_BEFORE)
        if slot is not None and slot.time == instant:
            yield rule, slot
