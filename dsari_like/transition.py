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

from dsari_like.config import plans
from dsari_like.config.checks import Unfit
from dsari_like.core import chain
from dsari_like.core.choices import Outcome
from dsari_like.core.due import MISSED_AFTER
from dsari_like.core.inforce import OVERALL, Entry, entry, overall
from dsari_like.core.messages import Planned
from dsari_like.core.model import Configuration, Job
from dsari_like.core.rezone import REACH, times_of
from dsari_like.core.rule import Rule, next_of
from dsari_like.core.schedule import ScheduleError
from dsari_like.store import flowlog
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
    found = Comparison(configuration, kept, anchors, now, reload=reload)
    try:
        if not found.is_empty:
            kept.remember(found.entries(), (before.job_name for before in found.gone))
    except sqlite3.Error as error:
        LOG.warning("cannot record the configuration in force: %s; plan compares with an older one until then", error)
    return found.made


def remember_chains(configuration: Configuration, connection: sqlite3.Connection) -> None:
    """The chains as they are now are what a later configuration is repaired by, where steps are taken out of it."""
    chains, jobs = configuration.chains, configuration.jobs
    steps = {*chains.follows, *(repair.step for repair in chains.repairs)}
    after = {name: target for name in steps if (target := jobs[name].after) is not None}
    try:
        flowlog.remember(connection, chain.memory(after, jobs, flowlog.remembered(connection)))
    except sqlite3.Error as error:
        LOG.warning("cannot record the chains in force: %s; a step that is removed now cannot be told from one that"
                    " never was", error)  # fmt: skip


class Comparison:
    """A configuration beside what is recorded of the one in force, job by job."""

    def __init__(
        self,
        configuration: Configuration,
        kept: InForce,
        anchors: Mapping[str, float],
        now: float,
        *,
        reload: bool = False,
    ) -> None:
        self._configuration, self._kept, self._anchors = configuration, kept, anchors
        self._now, self._reload = now, reload
        self.changed: list[tuple[Entry, Entry]] = []  # what is recorded, and what is to be
        self.gone: list[Entry] = []
        self.made: dict[str, frozenset[str]] = {}  # calendar times that had their run under earlier times of the job
        seen = {self._compared(before) for before in kept.entries()}
        self.added: list[Job] = [job for name, job in configuration.jobs.items() if name not in seen]
        self.is_first = not seen

    @property
    def is_empty(self) -> bool:
        """Whether what is recorded may stay as it is."""
        return not (self.changed or self.gone or self.added or self.is_first)

    def entries(self) -> Iterator[Entry]:
        """What is to be recorded in the place of what is."""
        if self.is_first:
            yield overall(self._configuration)
        yield from (after for _, after in self.changed)
        yield from (entry(job, plans.zone_name(self._configuration, job)) for job in self.added)

    def before(self, one: Entry) -> Planned | None:
        """The times a job had; None where they cannot be told any more, as by an older version of the schedules, or
        for a zone or a calendar that is no more."""
        job = replace(one.job(), enabled=True)
        alone = Configuration(jobs={job.name: job}, calendars=self._configuration.calendars)
        try:
            rules = plans.bind_all(alone, self._anchors, self._now).get(job.name, ())
            return Planned(rules, None, plans.windows_all(alone).get(job.name), one.made_times)
        except (ScheduleError, Unfit, LookupError):
            return None

    def _compared(self, before: Entry) -> str:
        name = before.job_name
        if name != OVERALL and name not in self._configuration.jobs:
            self.gone.append(before)
        elif (after := self._after(before)) != before:
            self.changed.append((before, after))
        return name

    def _after(self, before: Entry) -> Entry:
        if before.job_name == OVERALL:
            return overall(self._configuration)
        job = self._configuration.jobs[before.job_name]
        after = entry(job, plans.zone_name(self._configuration, job))
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
        planned = self.before(before)
        if planned is None:
            return frozenset()
        decided = self._kept.decided(before.job_name, self._now - REACH)
        ran = [slot for slot, outcome in decided.items() if outcome in _RAN]
        at_once = [slot for slot in self._at_once(planned.rules) if slot not in decided]
        return times_of(planned.rules, [*ran, *at_once])

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
