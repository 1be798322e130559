"""What every kind of schedule gives: a slot (one due instant), or a reason why its text is refused.

Owns the vocabulary that cron expressions, recurrence rules and intervals share. Must not know any of them.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from dsari_like.core.record import record
from dsari_like.errors import UserError


class ScheduleError(UserError):
    """A schedule text that cannot be used; the message says which part, why, and what to write instead."""


class ScheduleFault(Exception):
    """Our mistake: a rule answered with an instant that is not later. The job is parked; it must never loop."""


class DstPolicy(enum.Enum):
    """What fixed times do where the zone skips or repeats them. Elapsed-time schedules know no such places."""

    ONCE = "once"
    SKIP = "skip"
    BOTH = "both"


@record
class Slot:
    """One due instant: the `count` instances it stands for (D3), and the skipped local times among them."""

    time: float
    count: int = 1
    note: str = ""
    skipped: tuple[str, ...] = ()


@record
class Lost:
    """Local times that nothing makes up: `dst: skip`, or a jump of more than three hours (D6)."""

    time: float
    skipped: tuple[str, ...]
    note: str


class Rule(ABC):
    """One schedule text bound to a job name, a zone and a policy.

    No instance dictionary: a hundred thousand of these live for ever, so subclasses declare `__slots__` too.
    """

    __slots__ = ()

    is_reboot: bool = False

    @property
    @abstractmethod
    def text(self) -> str:
        """The schedule as it was written."""

    @property
    def needs_anchor(self) -> bool:
        """Whether the phase depends on an instant that the caller must keep (D-61, B-31)."""
        return False

    @abstractmethod
    def next_after(self, after: float) -> Slot | None:
        """The first slot strictly later than `after`; None means never again. Bounded in time."""

    @abstractmethod
    def describe(self) -> str:
        """The rule in words, with hashed times made concrete (D5)."""

    def intended(self, slot: Slot) -> tuple[str, ...]:
        """The calendar times, in the zone of the rule, that one of its slots stands for; none when the rule follows
        elapsed time, to which no date owes anything."""
        return ()

    def warnings(self) -> tuple[str, ...]:
        """What `check` should tell although the text is accepted."""
        return ()

    def lost_between(self, after: float, until: float) -> tuple[Lost, ...]:
        """Intended local times in (after, until] that will never fire, each at the instant of the jump."""
        return ()


def next_of(rules: Sequence[Rule], after: float) -> Slot | None:
    """The earliest slot of a job's whole list of schedules.

    The one guard against a start loop stands here, in front of whatever calculates: an answer in the past would
    start the job again as soon as it ends (B-70).
    """
    found = [slot for rule in rules if (slot := rule.next_after(after)) is not None]
    if not found:
        return None
    time = min(slot.time for slot in found)
    if time <= after:
        texts = ", ".join(repr(rule.text) for rule in rules)
        raise ScheduleFault(f"{texts}: the next slot after {after:.3f} came out as {time:.3f}, which is not later")
    return _merged([slot for slot in found if slot.time == time])


def _merged(slots: Sequence[Slot]) -> Slot:
    """Two texts that name the same instant mean one run, so equal instances are counted once, not twice."""
    if len(slots) == 1:
        return slots[0]
    skipped = _distinct(local for slot in slots for local in slot.skipped)
    on_time = max(slot.count - len(slot.skipped) for slot in slots)
    note = "; ".join(_distinct(slot.note for slot in slots if slot.note))
    return Slot(slots[0].time, len(skipped) + on_time, note, tuple(sorted(skipped)))


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
