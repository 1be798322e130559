"""From the configuration that was in force to the one that is from now on: what is recorded, and what must be told to
the engine of the old one.

Owns both: the entries are compared and written before the engine takes the new rules, for a crash in between must not
let a calendar time be run twice. Must not know how a slot is decided.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from dsari_like.config import plans
from dsari_like.config.checks import Unfit
from dsari_like.core.due import MISSED_AFTER
from dsari_like.core.inforce import OVERALL, Entry, entries, entry, overall
from dsari_like.core.model import Configuration, Outcome
from dsari_like.core.rezone import REACH, times_of
from dsari_like.core.rule import Rule, next_of
from dsari_like.core.schedule import ScheduleError
from dsari_like.store.inforce import InForce
from dsari_like.system.logs import LOG

#: What made a run, of its own or a part of one.
_RAN = {Outcome.STARTED.value, Outcome.FOLDED.value}


def take(
    configuration: Configuration, kept: InForce, anchors: Mapping[str, float], now: float, *, reload: bool = False
) -> dict[str, frozenset[str]]:
    """Record what is in force from `now` on. Returns, by job, the calendar times that are not owed again.

    A run log that cannot be written is weather: the daemon goes on, and what it could not record is recorded by the
    next one.
    """
    compared = _Compared(configuration, kept, anchors, now, reload)
    try:
        changed, gone = compared.all()
        if compared.nothing_yet:
            kept.remember(entries(configuration, partial(plans.zone_name, configuration)), ())
        elif changed or gone:
            kept.remember(changed, gone)
    except sqlite3.Error as error:
        LOG.warning("cannot record the configuration in force: %s; plan compares with an older one until then", error)
    return compared.made


class _Compared:
    """The configuration beside what is recorded, job by job."""

    def __init__(
        self, configuration: Configuration, kept: InForce, anchors: Mapping[str, float], now: float, reload: bool
    ) -> None:
        self._configuration, self._kept, self._anchors = configuration, kept, anchors
        self._now, self._reload = now, reload
        self._zone_of = partial(plans.zone_name, configuration)
        self.made: dict[str, frozenset[str]] = {}
        self.nothing_yet = False

    def all(self) -> tuple[list[Entry], list[str]]:
        """The entries that are not what is recorded, and the jobs that are there no more."""
        jobs, seen, changed, gone = self._configuration.jobs, set(), [], []
        for before in self._kept.entries():
            name = before.job_name
            seen.add(name)
            if name != OVERALL and name not in jobs:
                gone.append(name)
                continue
            after = self._after(before)
            if after != before:
                changed.append(after)
        self.nothing_yet = not seen
        missing = () if self.nothing_yet else (job for name, job in jobs.items() if name not in seen)
        return [*changed, *(entry(job, self._zone_of(job)) for job in missing)], gone

    def _after(self, before: Entry) -> Entry:
        if before.job_name == OVERALL:
            return overall(self._configuration)
        job = self._configuration.jobs[before.job_name]
        after = entry(job, self._zone_of(job))
        if after.times == before.times and before.made is None:
            return after
        made = _fresh(before.made_times, self._now)
        if after.times != before.times:
            made |= self._ran(before)
        if made:
            self.made[before.job_name] = made
        return after.with_made(made)

    def _ran(self, before: Entry) -> frozenset[str]:
        """The calendar times that had their run under the earlier times of a job."""
        try:
            job = replace(before.job(), enabled=True)
            rules = plans.bind_all(Configuration(jobs={job.name: job}), self._anchors, self._now).get(job.name, ())
        except (ScheduleError, Unfit):  # of an older version, or a zone that the machine has no more
            return frozenset()
        decided = self._kept.decided(before.job_name, self._now - REACH)
        ran = [slot for slot, outcome in decided.items() if outcome in _RAN]
        return times_of(rules, [*ran, *(slot for slot in self._at_once(rules) if slot not in decided)])

    def _at_once(self, rules: tuple[Rule, ...]) -> Iterator[float]:
        """The slots that have just come: at a reload the engine decides them first, under the old rules."""
        slot = next_of(rules, self._now - MISSED_AFTER) if self._reload else None
        while slot is not None and slot.time <= self._now:
            yield slot.time
            slot = next_of(rules, slot.time)


def _fresh(times: frozenset[str], now: float) -> frozenset[str]:
    """Without those that no zone can bring round again."""
    oldest = datetime.fromtimestamp(now - REACH, UTC).isoformat(" ", "minutes")
    return frozenset(time for time in times if time >= oldest)
