"""From one configuration in force to the next, over reloads and restarts: SCH-199 with a real run log."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dsari_like import transition
from dsari_like.config import plans
from dsari_like.core import messages as m
from dsari_like.core.engine import Engine
from dsari_like.core.model import Configuration, Exit, Job
from dsari_like.store.runlog import RunLog

BERLIN = Job("a", ("true",), schedule=("30 2 * * *",), schedule_timezone="Europe/Berlin")
NEW_YORK = replace(BERLIN, schedule_timezone="America/New_York")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Daemons:
    """One run log, and one daemon after the other on it."""

    def __init__(self, path: Path) -> None:
        self.runlog = RunLog(str(path))
        self._ids = (f"r{number}" for number in itertools.count(1))
        self.engine = Engine(lambda: next(self._ids))
        self.now = 0.0

    def start(self, time: str, *jobs: Job) -> None:
        self.engine = Engine(lambda: next(self._ids))
        self._configure(at(time), jobs, reload=False)
        self.tell(m.TimePassed())

    def reload(self, time: str, *jobs: Job) -> None:
        self._configure(at(time), jobs, reload=True)

    def _configure(self, now: float, jobs: tuple[Job, ...], reload: bool) -> None:
        self.now = now
        configuration = Configuration(jobs={job.name: job for job in jobs})
        made = transition.take(configuration, self.runlog.in_force, {}, now, reload=reload)
        last = self.runlog.last_slots()
        planned = {
            name: m.Planned(rules, last.get(name), None, made.get(name, frozenset()))
            for name, rules in plans.bind_all(configuration, {}, now).items()
        }
        restored = () if reload else tuple(self.runlog.open_runs())
        self.tell(m.Configured(configuration, planned, restored, reload=reload))

    def tell(self, message: m.Input) -> None:
        effects = self.engine.handle(message, m.Now(self.now, self.now))
        self.runlog.write(effects)
        for effect in effects:
            if isinstance(effect, m.Start):
                self.tell(m.ChildExited(effect.run.run_id, Exit(0), self.now))

    def wait(self, time: str) -> None:
        while (nap := self.engine.next_deadline(m.Now(self.now, self.now))) is not None and self.now + nap <= at(time):
            self.now += nap
            self.tell(m.TimePassed())
        self.now = at(time)

    def told(self) -> list[tuple[str, str]]:
        rows = self._query("select schedule_time, outcome from decisions order by decision_id")
        return [(datetime.fromtimestamp(time, UTC).isoformat("T", "minutes")[:16], word) for time, word in rows]

    def entries(self) -> dict[str, Any]:
        return {one.job_name: one for one in self.runlog.in_force.entries()}

    def _query(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.runlog.path) as connection:
            found = connection.execute(query).fetchall()
        connection.close()
        return found


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    found = Daemons(tmp_path / "log.sqlite3")
    yield found
    found.runlog.close()


ONCE = [("2026-03-10T01:30", "started"), ("2026-03-10T06:30", "skipped"), ("2026-03-11T06:30", "started")]


def test_a_zone_that_is_changed_by_a_reload_brings_no_second_run_of_the_date(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    daemons.wait("2026-03-10T04:00")
    daemons.reload("2026-03-10T04:00", NEW_YORK)
    daemons.wait("2026-03-11T12:00")
    assert daemons.told() == ONCE


def test_nor_does_a_restart_with_another_zone(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    daemons.wait("2026-03-10T03:00")
    daemons.start("2026-03-10T04:00", NEW_YORK)
    daemons.wait("2026-03-11T12:00")
    assert daemons.told() == ONCE


def test_what_had_its_run_is_known_after_reloads_and_restarts_that_follow(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    daemons.wait("2026-03-10T04:00")
    daemons.reload("2026-03-10T04:00", NEW_YORK)
    daemons.reload("2026-03-10T04:30", replace(NEW_YORK, command=("false",)))
    daemons.start("2026-03-10T05:00", NEW_YORK)
    daemons.wait("2026-03-11T12:00")
    assert daemons.told() == ONCE


def test_a_run_in_the_very_second_of_the_reload_counts(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    daemons.reload("2026-03-10T01:30", NEW_YORK)
    daemons.wait("2026-03-11T12:00")
    assert daemons.told() == ONCE


def test_a_time_that_was_missed_may_come_again(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    daemons.start("2026-03-10T03:00", BERLIN)
    daemons.reload("2026-03-10T04:00", NEW_YORK)
    daemons.wait("2026-03-10T12:00")
    assert daemons.told() == [("2026-03-10T01:30", "missed"), ("2026-03-10T06:30", "started")]


def test_a_job_that_was_not_there_at_that_time_has_its_run(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00")
    daemons.reload("2026-03-10T03:00", BERLIN)
    daemons.reload("2026-03-10T04:00", NEW_YORK)
    daemons.wait("2026-03-10T12:00")
    assert daemons.told() == [("2026-03-10T06:30", "started")]


def test_what_had_its_run_is_forgotten_when_no_zone_can_bring_it_round_again(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    daemons.wait("2026-03-10T04:00")
    daemons.reload("2026-03-10T04:00", NEW_YORK)
    assert daemons.entries()["a"].made == '["2026-03-10 02:30"]'
    daemons.reload("2026-03-13T04:00", NEW_YORK)
    assert daemons.entries()["a"].made is None


def test_only_differences_are_written(daemons: Daemons) -> None:
    writes: list[str] = []
    many = [replace(BERLIN, name=f"j{number}") for number in range(50)]
    daemons.start("2026-03-10T00:00", *many)
    assert set(daemons.entries()) == {"", *(job.name for job in many)}
    daemons.runlog._db.set_trace_callback(lambda sql: writes.append(sql) if "plans" in sql else None)
    configuration = Configuration(jobs={job.name: job for job in many})
    assert transition.take(configuration, daemons.runlog.in_force, {}, daemons.now) == {}
    assert len(writes) == 1  # the one that reads
    fewer = [replace(many[0], command=("false",)), *many[2:]]
    daemons.reload("2026-03-10T00:10", *fewer)
    assert sum(sql.startswith(("insert", "delete")) for sql in writes) == 2
    assert "j1" not in daemons.entries()


def test_a_zone_or_a_text_that_is_not_known_any_more_stops_nothing(daemons: Daemons) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    for column, value in (("timezone", "Mars/Olympus"), ("schedule", '["61 * * * *"]')):
        daemons.runlog._db.execute(f"update plans set {column} = ? where job_name = 'a'", (value,))
        daemons.reload("2026-03-10T00:05", BERLIN)
        assert daemons.entries()["a"].timezone == "Europe/Berlin"


def test_a_run_log_that_cannot_be_written_stops_nothing(daemons: Daemons, caplog: pytest.LogCaptureFixture) -> None:
    daemons.start("2026-03-10T00:00", BERLIN)
    with sqlite3.connect(daemons.runlog.path, isolation_level=None) as other:
        other.execute("begin immediate")
        configuration = Configuration(jobs={"a": NEW_YORK})
        transition.take(configuration, daemons.runlog.in_force, {}, daemons.now)
        other.execute("rollback")
    other.close()
    assert "cannot record the configuration in force: database is locked" in caplog.text
    assert daemons.entries()["a"].timezone == "Europe/Berlin"
