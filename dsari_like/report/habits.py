"""What is usual for a job, and what is not: broken lately, mended, on and off, slower than it used to be.

Owns the arithmetic. There is nothing to set: what counts as slow is measured by how much the job's own durations are
spread (the median of their distances from the median, which a single bad night does not move). Pure: from rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from dsari_like.store.reader import VerdictRow

#: Verdicts looked at, and the fewest durations from which anything is said to be usual.
LOOKED_AT, ENOUGH = 20, 6
#: With the first, a spread is a standard deviation where durations are distributed as usual. What lies within two is
#: called usual, what lies beyond three is worth a word.
_NORMAL, _USUAL, _WORTH_A_WORD = 1.4826, 2.0, 3.0
_LATEST = 5  # runs that make a habit of being slower

REGRESSED, RECOVERED, FLAKY, SLOWER = "regressed", "recovered", "flaky", "slower"


@dataclass(frozen=True, slots=True)
class Range:
    """Usual durations: the middle, and how far from it a run may be before it is worth a word."""

    middle: float
    spread: float

    @property
    def low(self) -> float:
        """The lower end of what is usual."""
        return max(0.0, self.middle - _USUAL * self.spread)

    @property
    def high(self) -> float:
        """The upper end of what is usual."""
        return self.middle + _USUAL * self.spread

    def is_beyond(self, seconds: float) -> bool:
        """Whether it is so much that somebody should know."""
        return seconds > self.middle + _WORTH_A_WORD * self.spread


@dataclass(frozen=True, slots=True)
class Habit:
    """How a job has been doing lately."""

    looked_at: int = 0
    failed: int = 0
    turns: int = 0  # how many separate times it failed
    is_failing: bool = False
    turned: VerdictRow | None = None  # the run with which it became as it is now, if it has been otherwise
    before: VerdictRow | None = None  # the one before that
    usual: Range | None = None  # of the runs before the latest
    latest: float | None = None  # how long the latest completed run took
    lately: float | None = None  # the middle of the latest runs, when it lies beyond what was usual before them
    earlier: float | None = None  # and the middle of those before them

    @property
    def is_slow(self) -> bool:
        """The latest run took longer than is usual."""
        return self.usual is not None and self.latest is not None and self.usual.is_beyond(self.latest)

    @property
    def marks(self) -> frozenset[str]:
        """The lists it belongs on."""
        found = set()
        if self.turns > 1:
            found.add(FLAKY)
        elif self.turned is not None:
            found.add(REGRESSED if self.is_failing else RECOVERED)
        if self.is_failing and self.turned is not None:
            found.add(REGRESSED)
        if self.is_slow or self.lately is not None:
            found.add(SLOWER)
        return frozenset(found)


NONE = Habit()


def habit(verdicts: Sequence[VerdictRow], durations: Sequence[float]) -> Habit:
    """From the latest verdicts and the durations of the latest completed runs, both newest first."""
    if not verdicts:
        return NONE
    spells = [list(rows) for _, rows in groupby(verdicts, key=lambda row: row.status)]
    lately, earlier = _lately(durations)
    return Habit(
        looked_at=len(verdicts),
        failed=sum(row.status == "failed" for row in verdicts),
        turns=sum(spell[0].status == "failed" for spell in spells),
        is_failing=verdicts[0].status == "failed",
        turned=spells[0][-1] if len(spells) > 1 else None,
        before=spells[1][0] if len(spells) > 1 else None,
        usual=usual(durations[1:]),
        latest=durations[0] if durations else None,
        lately=lately,
        earlier=earlier,
    )


def usual(durations: Sequence[float]) -> Range | None:
    """What is usual among these; None when there are too few to tell."""
    if len(durations) < ENOUGH:
        return None
    middle = median(durations)
    spread = _NORMAL * median(abs(seconds - middle) for seconds in durations)
    return Range(middle, max(spread, 0.03 * middle, 0.1))  # clockwork has no spread, and still nobody minds an instant


def _lately(durations: Sequence[float]) -> tuple[float | None, float | None]:
    """Whether the latest few were slower than those before, and not only one of them."""
    before = usual(durations[_LATEST:])
    if before is None:
        return None, None
    middle = median(durations[:_LATEST])
    return (middle, before.middle) if middle > before.high else (None, None)
