"""Which finished runs may go: every run gets a verdict, with the rule that takes or spares it, as data and in words.

Owns the meaning of `retention`. Runs are judged newest first, one at a time, so that a history of any length costs
nothing but a few sums, and the work can rest after any run. Must not know where runs are kept or how one is removed.

A rule counts from the newest run: the 100 newest are never taken by `count: 100`, whatever else is spared. What is
spared is not made up for by taking a younger one: nobody could tell from the rules which that would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dsari_like.core.model import Retention
from dsari_like.core.record import record

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


class Rule(Enum):
    """What takes or spares a run; the keys of the configuration go by their names."""

    AGE = "age"
    COUNT = "count"
    BYTES = "bytes"
    ALL_BYTES = "bytes of all"
    KEEP_FAILED = "keep_failed"
    NEEDED = "needed"  # by a later run, or by those who look
    CLOCK = "clock"  # which is not believed just now
    OPEN = "not ended"
    NONE = "none"


@record
class Finished:
    """A run that has ended, as far as retention minds. `size` is what its directory holds."""

    run_id: str
    job_name: str
    status: str
    stop_time: float
    size: int = 0
    is_item: bool = False  # a part of an array run, which goes with it


@record
class Verdict:
    """Whether the run goes, by which rule, and that in a sentence's words."""

    taken: bool
    rule: Rule
    words: str


@record
class Moment:
    """The wall clock, and whether it is believed (`trust`): where it is not, nothing goes because of it (P27)."""

    wall: float
    believed: bool = True


_NO_WISH = Verdict(False, Rule.NONE, "no rule takes it")


class JobJudge:
    """Judges the runs of one job, newest first, by the job's own rules. `needed` are those that are spared whatever
    the rules say, and why."""

    def __init__(self, rules: Retention, needed: Mapping[str, str], moment: Moment) -> None:
        self._rules, self._needed, self._moment = rules, needed, moment
        self._rank = 0
        self._held = 0

    def verdict(self, run: Finished) -> Verdict:
        """The verdict on the next older run."""
        self._rank += 1
        self._held += run.size
        wish = self._wish(run)
        return settled(run, wish, self._rules, self._needed, self._moment)

    def _wish(self, run: Finished) -> Verdict:
        """What the rules that take would do. Age comes last: where another rule takes the run anyway, it does not
        matter whether the clock is believed."""
        rules, age = self._rules, self._moment.wall - run.stop_time
        if rules.count is not None and self._rank > rules.count:
            words = f"{self._rank - 1} finished runs of its job are newer, and count is {rules.count}"
            return Verdict(True, Rule.COUNT, words)
        if rules.bytes is not None and self._held > rules.bytes:
            with_it = f"with it the runs of its job hold {amount(self._held)}"
            return Verdict(True, Rule.BYTES, f"{with_it}, and bytes is {amount(rules.bytes)}")
        if rules.age is not None and age > rules.age:
            return Verdict(True, Rule.AGE, f"it ended {span(age)} ago, and age is {span(rules.age)}")
        return _NO_WISH


class Sum:
    """Judges the runs of all jobs together, newest first, by the one limit on what they hold."""

    def __init__(self, limit: int, moment: Moment) -> None:
        self._limit, self._moment = limit, moment
        self._held = 0

    def add(self, size: int) -> None:
        """The next older run holds so much."""
        self._held += size

    @property
    def exceeded(self) -> bool:
        """True when the limit has been passed: from here on runs go unless they are spared."""
        return self._held > self._limit

    def verdict(self, run: Finished, rules: Retention, needed: Mapping[str, str]) -> Verdict:
        """The verdict on the run that was added last; rules and needs are those of its job."""
        with_it = f"with it the runs of all jobs hold {amount(self._held)}"
        wish = Verdict(True, Rule.ALL_BYTES, f"{with_it}, and bytes is {amount(self._limit)}")
        return settled(run, wish if self.exceeded else _NO_WISH, rules, needed, self._moment)


def settled(run: Finished, wish: Verdict, rules: Retention, needed: Mapping[str, str], moment: Moment) -> Verdict:
    """The wish of the rules that take, unless something spares the run."""
    if not wish.taken:
        return wish
    if run.run_id in needed:
        return Verdict(False, Rule.NEEDED, needed[run.run_id])
    if run.status == "failed" and rules.keep_failed is not None:
        age = moment.wall - run.stop_time
        if age < rules.keep_failed or not moment.believed:
            return Verdict(False, Rule.KEEP_FAILED, f"it failed, and keep_failed is {span(rules.keep_failed)}")
    if wish.rule is Rule.AGE and not moment.believed:
        return Verdict(False, Rule.CLOCK, f"{wish.words}; but the clock jumped and is not believed yet")
    return wish


def rule_words(rules: Retention) -> str:
    """The rules as a list of a few words."""
    limits = [
        f"age {span(rules.age)}" if rules.age is not None else "",
        f"count {rules.count}" if rules.count is not None else "",
        f"bytes {amount(rules.bytes)}" if rules.bytes is not None else "",
        f"keep_failed {span(rules.keep_failed)}" if rules.keep_failed is not None else "",
    ]
    return ", ".join(filter(None, limits)) or "every run is kept"


def span(seconds: float) -> str:
    """A length of time in its largest unit, rounded down: `90 days`."""
    size, unit = next((entry for entry in _UNITS if seconds >= entry[0]), _UNITS[-1])
    count = int(max(seconds, 0.0) // size)
    return f"{count} {unit}{'s' * (count != 1)}"


def amount(size: int) -> str:
    """A number of bytes: `1.5 GiB`."""
    unit, word = next((entry for entry in _SIZES if size >= entry[0]), (1, "B"))
    return f"{size / unit:.1f}".removesuffix(".0") + f" {word}"
