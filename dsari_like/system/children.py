"""The processes of runs, whoever started them: how they begin, how they are told to end, what they leave.

Owns the joint of launcher, keeper and adopter, and the files a run finds in its directory. Must not know the run log
or what is decided about an end.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dsari_like.core import environment
from dsari_like.core import messages as m
from dsari_like.core.model import Configuration, EndedRun, Exit, Job, Run
from dsari_like.system import returned
from dsari_like.system.adopt import Adopter
from dsari_like.system.family import Families
from dsari_like.system.keeper import Kept
from dsari_like.system.launcher import SHORTAGE, CannotStart, Launcher, cannot_execute, make_directory
from dsari_like.system.wakeup import Wakeup

TRIGGER_DATA_FILE = "trigger_data.json"
NO_TRIGGER_DATA = "no_trigger_data.json"


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is remembered of a start, to tell a command that never began from one that exited with 127."""

    run_id: str
    run_dir: str
    argv: tuple[str, ...]
    path: str
    directory: str
    kept: bool


class Children:
    """All processes that belong to runs."""

    def __init__(self, data_dir: str, wakeup: Wakeup, environ: Mapping[str, str]) -> None:
        self._data_dir = data_dir
        self._launcher = Launcher()
        self._adopter = Adopter(wakeup, self._run_dir)
        self._families = Families(wakeup)
        self._held: dict[str, m.Input] = {}  # ends that are told when the whole family has ended
        self._host = host_of(environ)
        self._begun: dict[str, _Begun] = {}
        #: For triggers that held nothing: making a file for each is a tenth of the time until a command starts.
        self._nothing = os.path.join(data_dir, NO_TRIGGER_DATA)
        _write(self._nothing, "{}")

    def start(
        self, configuration: Configuration, job: Job, run: Run, previous: Mapping[str, EndedRun]
    ) -> m.StartFailed | None:
        """Start the run's command. Returns why that can never work, None when it did; raises OSError when the machine
        is short of something, with nothing started."""
        variables = environment.build(configuration, job, run, self._host, previous)
        argv = environment.command_line(configuration, job, run)
        run_dir = self._run_dir(run)
        variables["PWD"] = _directory(job, variables)
        try:
            self._prepare(run, run_dir, variables)
            self._launcher.start(run.run_id, job, argv, variables, run_dir)
        except CannotStart as error:
            return m.StartFailed(run.run_id, error.code, str(error))
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in SHORTAGE:
                raise
            return m.StartFailed(run.run_id, 126, f"it could not be prepared: {error}")
        self._begun[run.run_id] = _Begun(run.run_id, run_dir, argv, variables["PATH"], variables["PWD"], job.keeper)
        return None

    def _prepare(self, run: Run, run_dir: str, variables: dict[str, str]) -> None:
        make_directory(run_dir)
        if run.trigger.data:
            data_file = variables["TRIGGER_DATA_FILE"] = os.path.join(run_dir, TRIGGER_DATA_FILE)
            _write(data_file, json.dumps(dict(run.trigger.data), ensure_ascii=False))
        elif run.trigger.type != "schedule":
            variables["TRIGGER_DATA_FILE"] = self._nothing

    def next_deadline(self) -> float | None:
        """When `news` has something to do or to tell, by the monotonic clock; None for never."""
        return 0.0 if self._launcher.fresh else self._families.next_deadline()

    def signal(self, run_id: str, number: int) -> None:
        """Tell a run to end: its process group at once, those of its family who left that at the next `news`. From
        now on its end is that of the whole family. Nothing happens when it has no process."""
        group = self._launcher.signal(run_id, number)
        if group is None:
            group = self._adopter.signal(run_id, number)
        if group is not None or run_id in self._held or self._adopter.owns(run_id):
            self._families.tell(run_id, number, group)

    def adopt(self, configuration: Configuration, runs: Iterable[Run], now: m.Now) -> list[m.Input]:
        """Take over the processes an earlier daemon started. Returns one message for each run, but for those of which
        more than the command was told to end: `news` will have them."""
        runs, jobs = list(runs), configuration.jobs
        ended = self._adopter.adopt(runs, lambda run: run.job_name not in jobs or jobs[run.job_name].keeper)
        gone = {run.run_id: self._kept_end(run, kept, now) for run, kept in ended}
        alive = [m.Started(run.run_id, run.process) for run in runs if run.run_id not in gone and run.process]
        for run in runs:
            if run.ending is not None:  # it was told by the daemon that asked
                self._families.follow(run.run_id)
        return [*alive, *self._told(gone), *self._ended_families(now)]

    def news(self, now: m.Now) -> list[m.Input]:
        """Who ended since the last call, and who was started and still runs."""
        ends: dict[str, m.Input] = {}
        for child in self._launcher.reap():
            begun = self._begun.pop(child.run_id)
            ended = m.ChildExited(child.run_id, child.exit, now.wall)
            ends[child.run_id] = _never_began(begun, child.exit) or _with_return_data(ended, begun.run_dir)
        for run, kept in self._adopter.ended():
            ends[run.run_id] = self._kept_end(run, kept, now)
        messages = [*self._told(ends), *self._ended_families(now)]
        messages += [m.Started(run_id, identity) for run_id, identity in self._launcher.newcomers()]
        return messages

    def _told(self, ends: Mapping[str, m.Input]) -> list[m.Input]:
        """Those ends that can be told at once; the others are held until the whole family has ended: else the next
        run of the job would begin beside what is left of this one."""
        told = []
        for run_id, end in ends.items():
            if run_id in self._families:
                self._families.command_ended(run_id)
                self._held[run_id] = end
            else:
                told.append(end)
        return told

    def _ended_families(self, now: m.Now) -> list[m.Input]:
        return [self._held.pop(run_id) for run_id in self._families.look(now.mono)]

    def _kept_end(self, run: Run, kept: Kept | None, now: m.Now) -> m.Input:
        """The end of a process that was not our child, as its keeper recorded it."""
        exit_, time = (kept.exit, kept.time) if kept else (None, now.wall)
        return _with_return_data(m.ChildExited(run.run_id, exit_, time), self._run_dir(run))

    def _run_dir(self, run: Run) -> str:
        return os.path.join(self._data_dir, "runs", run.job_name, run.run_id)



def host_of(environ: Mapping[str, str]) -> environment.Host:
    """What every run is told of the machine: of the daemon's own environment only PATH is handed on (D-49)."""
    user = pwd.getpwuid(os.geteuid())
    return environment.Host(environ.get("PATH") or "/usr/bin:/bin", user.pw_dir, user.pw_name)


def _directory(job: Job, variables: Mapping[str, str]) -> str:
    """`working_directory` is taken as it is, and a run that cannot start there fails; `PWD` from the configuration
    counts if it is a directory, as in dsari (D-48); otherwise the run directory."""
    if job.working_directory is not None:
        return job.working_directory
    wanted = variables.get("PWD")
    return wanted if wanted and os.path.isdir(wanted) else variables["RUN_DIR"]


def _never_began(begun: _Begun, exit_: Exit) -> m.StartFailed | None:
    """A keeper's 126 or 127 may mean that its shell could not start the command (B-38)."""
    if not begun.kept or exit_.code not in (126, 127):
        return None
    why = cannot_execute(begun.argv, begun.path, begun.directory)
    return m.StartFailed(begun.run_id, *why) if why else None


def _with_return_data(message: m.ChildExited, run_dir: str) -> m.ChildExited:
    value, problem = returned.read(run_dir)
    return replace(message, run_data=value, message=problem or returned.message_of(value))


def _write(path: str, text: str) -> None:
    """Three system calls: this is on the way of every start, and a file object makes eight."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        os.write(descriptor, text.encode("utf-8", "surrogatepass"))
    finally:
        os.close(descriptor)
