"""What a command looks at: the configuration, the run log and the clock, opened once and closed again.

Owns the opening, and what is said when something cannot be opened. A data directory that no daemon has used yet is
looked at as an empty run log, so that no command has to ask whether there is one. Never writes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from functools import cached_property

from dsari_like.cli.exits import NotFound, UsageFault
from dsari_like.cli.parser import did_you_mean
from dsari_like.config import files, plans
from dsari_like.config.places import locate
from dsari_like.core.blackout import Windows
from dsari_like.core.flows import Ready
from dsari_like.core.model import Configuration, Job
from dsari_like.core.rezone import repeated
from dsari_like.core.schedule import Rule, Slot
from dsari_like.errors import StoreError
from dsari_like.report.rests import LEFT_OUT, Rests, slot_note
from dsari_like.store.db import open_reader
from dsari_like.store.inforce import InForce
from dsari_like.store.migrations import migrate
from dsari_like.store.reader import Reader, RunRow
from dsari_like.system.clock import Clock
from dsari_like.system.lock import is_locked


class Look:
    """One look at everything. `now` is the wall clock when it began.

    The run log is opened when it is first asked: who may drop a trigger need not be allowed to read what was run.
    """

    def __init__(self, configuration: Configuration, now: float) -> None:
        self.configuration = configuration
        self.now = now
        self.zone = plans.zone(configuration.timezone)
        self._connection: sqlite3.Connection | None = None

    @cached_property
    def reader(self) -> Reader:
        """Questions to the run log."""
        return Reader(self.connection, self.configuration.secrets)

    @cached_property
    def in_force(self) -> InForce:
        """What the daemon recorded of the configuration that it uses, or used last."""
        return InForce(self.connection)

    @cached_property
    def connection(self) -> sqlite3.Connection:
        """The run log, opened for reading."""
        self._connection = _connected(self.configuration.database_file)
        return self._connection

    @cached_property
    def rests(self) -> Rests:
        """Who is paused, and whose next slot is to be left out."""
        found = self.reader.rests()
        return Rests(found, watched=bool(found) and is_locked(self.configuration.data_dir))

    @cached_property
    def ready(self) -> dict[str, Ready]:
        """How far the event triggers have come, where there are any."""
        has_any = any(job.event_trigger for job in self.configuration.jobs.values())
        return self.reader.ready() if has_any else {}

    @cached_property
    def windows(self) -> dict[str, Windows]:
        """The blackouts of all jobs that have any."""
        return plans.windows_all(self.configuration)

    def note(self, name: str, rules: Sequence[Rule], slot: Slot, zone: tzinfo | None = None) -> str:
        """What is to be said of a coming slot: why it is when it is, and why it will start nothing."""
        again = repeated(rules, slot.time, self._made.get(name, ()))
        rest = f"{LEFT_OUT}: it had its run before the schedule was changed" if again else ""
        rest = rest or self.rests.note(name, rules, slot.time, self.now, zone or self.zone)
        return slot_note(slot, rest, self.windows.get(name))

    @cached_property
    def _made(self) -> dict[str, frozenset[str]]:
        return self.in_force.made()

    def close(self) -> None:
        """Let the run log go."""
        if self._connection is not None:
            self._connection.close()

    def job(self, name: str) -> Job:
        """The configured job of this name."""
        job = self.configuration.jobs.get(name)
        if job is None:
            raise NotFound(f"there is no job '{name}'{did_you_mean(name, self.configuration.jobs)}")
        return job

    def run(self, text: str) -> RunRow:
        """The run that a person means: an id, the beginning of one, or a job, which stands for its last run."""
        found = self.reader.run_by_prefix(text) if text else ()
        last = self.reader.last_of(text)
        if len(found) + (last is not None) > 1 and not any(run.run_id == text for run in found):
            raise UsageFault(f"'{text}' may be {_choices(found, last)}; give more of the id")
        if found:
            return found[0]
        if last is None:
            raise NotFound(self._no_run(text))
        return last

    def _no_run(self, text: str) -> str:
        if text in self.configuration.jobs:
            return f"there is no run of job '{text}' yet"
        return f"there is no run or job '{text}'{did_you_mean(text, self.configuration.jobs)}"

    def plans(self) -> dict[str, tuple[Rule, ...]]:
        """The schedules of all enabled jobs, with the anchors that the run log keeps."""
        return plans.bind_all(self.configuration, self.reader.anchors(), self.now)

    def zone_of(self, job: Job) -> tzinfo:
        """The zone of a job's schedule."""
        return plans.zone(job.schedule_timezone or self.configuration.timezone)

    def run_directory(self, run: RunRow) -> str:
        """Where the run leaves what it leaves."""
        return os.path.join(self.configuration.data_dir, "runs", run.job_name, run.run_id)


def configuration_of(args: argparse.Namespace) -> Configuration:
    """The configuration that the command line points at; ConfigError has every fault of it."""
    return files.load(locate(args.config_dir, os.environ))


@contextlib.contextmanager
def looking(args: argparse.Namespace) -> Iterator[Look]:
    """A look, for the length of a block; what SQLite has to say against the run log is told as a StoreError."""
    configuration = configuration_of(args)
    look = Look(configuration, Clock().now().wall)
    try:
        yield look
    except sqlite3.Error as error:
        path = configuration.database_file
        raise StoreError(f"cannot read the run log {path}: {error}; it was left as it is") from None
    finally:
        look.close()


def _connected(path: str) -> sqlite3.Connection:
    try:
        os.stat(path)
    except FileNotFoundError:
        empty = sqlite3.connect(":memory:", isolation_level=None)
        migrate(empty, ":memory:")
        return empty
    except OSError as error:
        raise StoreError(f"cannot read the run log {path}: {error.strerror}") from None
    return open_reader(path)


def _choices(found: tuple[RunRow, ...], last: RunRow | None) -> str:
    words = [f"run {run.run_id} of {run.job_name}" for run in found[:4]] + ["more"] * (len(found) > 4)
    return " or ".join([*([f"the job {last.job_name}"] if last else []), *words])
