"""The processes of runs, whoever started them: how they begin, how they are told to end, what they leave.

Owns the joint of launcher, keeper, adopter and signs of life. Must not know the run log or what is decided about an
end.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from dsari_like.core import environment
from dsari_like.core import messages as m
from dsari_like.core.model import Configuration, EndedRun, Exit, Job, Run
from dsari_like.system import identity, returned
from dsari_like.system.adopt import Adopter
from dsari_like.system.calls import Calls
from dsari_like.system.family import Families
from dsari_like.system.identity import Identity
from dsari_like.system.keeper import Kept, read_status
from dsari_like.system.launcher import (
    OUTPUT_FILE,
    SHORTAGE,
    CannotStart,
    Launcher,
    cannot_execute,
)
from dsari_like.system.limits import OutputLimits
from dsari_like.system.logs import LOG
from dsari_like.system.rundir import RunDirectories
from dsari_like.system.signs import Signs
from dsari_like.system.wakeup import Wakeup

#: Seconds until /proc is asked once more who a new child is. Its limits count from the answer.
ASK_AGAIN = 0.5


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is remembered of a start, to tell a command that never began from one that exited with 127."""

    run_id: str
    run_dir: str
    argv: tuple[str, ...]
    path: str
    directory: str
    job: Job
    who: Identity | None
    launch: int


class Children:
    """All processes that belong to runs."""

    def __init__(self, data_dir: str, wakeup: Wakeup, environ: Mapping[str, str]) -> None:
        self._directories = RunDirectories(data_dir)
        self._run_dir = self._directories.of
        self._launcher = Launcher()
        self._adopter = Adopter(wakeup, self._run_dir)
        self._families = Families(wakeup)
        self._limits = OutputLimits()
        self._signs = Signs(wakeup)
        self._unread: dict[str, Callable[[], m.Input]] = {}  # ends of which not all is known that the run left
        self._held: dict[str, m.Input] = {}  # ends that are told when the whole family has ended
        self._beside: set[str] = set()  # runs that were resumed beside a process that lived on
        self._host = host_of(environ)
        self.calls = Calls(data_dir, self._launcher, self._host_for)
        self._ask_again: float | None = None  # who was started and could not be seen
        self._begun: dict[str, _Begun] = {}

    def start(
        self, configuration: Configuration, job: Job, run: Run, previous: Mapping[str, EndedRun], mono: float
    ) -> m.StartFailed | None:
        """Start the run's command. Returns why that can never work, None when it did; raises OSError when the machine
        is short of something, with nothing started."""
        try:
            who = identity.identity_of(job)
        except KeyError as error:  # it was there when the configuration was read
            return m.StartFailed(run.run_id, 126, f"it cannot be run as another user: {error.args[0]}")
        variables = environment.build(configuration, job, run, self._host_for(who), previous)
        argv = environment.command_line(configuration, job, run)
        run_dir = self._run_dir(run)
        variables["PWD"] = _directory(job, variables)
        try:
            self._directories.prepare(run, variables, who)
            self._watch_output(configuration, run, job, mono)
            if run.launch > 1 and (self._launcher.has(run.run_id) or self._adopter.let_go(run.run_id)):
                self._beside.add(run.run_id)
            self._launcher.start(run.run_id, job, argv, variables, run_dir, run.launch)
        except (CannotStart, OSError, ValueError) as error:
            self._limits.forget(run.run_id)
            if isinstance(error, OSError) and error.errno in SHORTAGE:
                raise
            if isinstance(error, CannotStart):
                return m.StartFailed(run.run_id, error.code, str(error))
            return m.StartFailed(run.run_id, 126, f"it could not be prepared: {error}")
        path, directory = variables["PATH"], variables["PWD"]
        self._begun[run.run_id] = _Begun(run.run_id, run_dir, argv, path, directory, job, who, run.launch)
        return None

    def _watch_output(self, configuration: Configuration, run: Run, job: Job | None, mono: float) -> None:
        limit = (job.max_output if job is not None else None) or configuration.max_output
        if limit is not None:
            self._limits.watch(run.run_id, os.path.join(self._run_dir(run), OUTPUT_FILE), limit, mono)

    def _host_for(self, who: Identity | None) -> environment.Host:
        """What a run is told of the machine: another user has another home."""
        if who is None or who.name is None:
            return self._host
        return replace(self._host, home=who.home or "/", logname=who.name)

    def stock_up(self) -> bool:
        """Prepare a start to come, when there is nothing else to do; False when there is no more to prepare."""
        return self._directories.stock.fill()

    def next_deadline(self) -> float | None:
        """When `news` has something to do or to tell, by the monotonic clock; None for never."""
        if self._launcher.fresh:
            return 0.0
        others = (self._adopter, self._families, self._limits, self._signs, self.calls)
        moments = (self._ask_again, *(other.next_deadline() for other in others))
        return min((moment for moment in moments if moment is not None), default=None)

    def signal(self, run_id: str, number: int) -> None:
        """Tell a run to end: its process group at once, those of its family who left that at the next `news`. From
        now on its end is that of the whole family. Nothing happens when it has no process."""
        group = self._launcher.signal(run_id, number)
        if group is None:
            group = self._adopter.signal(run_id, number)
        if group is not None or run_id in self._held or self._adopter.owns(run_id):
            self._families.tell(run_id, number, group)

    def request_cancel(self, run: Run, text: str) -> None:
        """Put `cancel_requested`, with this text, before a run that looks for it. Raises OSError when the machine is
        short of something; a run that has made that impossible is told by signals alone."""
        try:
            self._directories.request_cancel(run, text)
        except OSError as error:
            if error.errno in SHORTAGE:
                raise
            LOG.warning("cannot ask run %s to end by a file in its directory: %s", run.run_id, error)

    def look_for_life(self, run: Run, on_output: bool, now: m.Now) -> list[m.Input]:
        """When the run gave a sign of life last, after what it has said meanwhile."""
        return self._signs.life(run.run_id, self._run_dir(run), OUTPUT_FILE if on_output else None, now)

    def close(self) -> None:
        """Watch nothing any more, and leave nothing behind but the runs and what is theirs."""
        self._signs.close()
        self._directories.stock.close()

    def adopt(self, configuration: Configuration, runs: Iterable[Run], now: m.Now) -> list[m.Input]:
        """Take over the processes an earlier daemon started. Returns one message for each run, but for those of which
        more than the command was told to end: `news` will have them."""
        runs, jobs = list(runs), configuration.jobs
        ended = self._adopter.adopt(runs, lambda run: run.job_name not in jobs or jobs[run.job_name].keeper, now.mono)
        gone = {run.run_id for run, _ in ended}
        alive = [m.Started(run.run_id, run.process) for run in runs if run.run_id not in gone and run.process]
        self._unread |= {run.run_id: partial(self._kept_end, run, left, now) for run, left in ended}
        for run in runs:
            self._signs.begin(run.run_id, self._run_dir(run), now.mono)
            if run.ending is not None:  # it was told by the daemon that asked
                self._families.follow(run.run_id)
            with contextlib.suppress(OSError):  # it removed its output, or has put something else there
                self._watch_output(configuration, run, jobs.get(run.job_name), now.mono)
        return [*alive, *self._ended(self._read(now), now)]

    def news(self, now: m.Now) -> list[m.Input]:
        """Who ended since the last call, who was started and still runs, and what runs have said."""
        for run_id in self._launcher.fresh:
            self._signs.begin(run_id, self._begun[run_id].run_dir, now.mono)
        for child in self._launcher.reap():
            if self.calls.take(child, now):
                continue
            begun = self._begun.pop(child.run_id)
            self._end_others(child.run_id)
            self._unread[child.run_id] = partial(_end_of, begun, child.exit, now.wall)
        for run, kept in self._adopter.ended(now.mono):
            self._unread[run.run_id] = partial(self._kept_end, run, kept, now)
        self._limits.look(now.mono)
        late, self._adopter.late = self._adopter.late, []
        newcomers = [*self._launcher.newcomers(), *((run.run_id, run.process) for run in late if run.process)]
        self._ask_again = now.mono + ASK_AGAIN if self._launcher.unseen else None
        messages = self._ended(self._read(now), now)
        messages += [m.Started(run_id, identity) for run_id, identity in newcomers]
        return [*messages, *self._signs.news(now), *self.calls.news(now)]

    def _end_others(self, run_id: str) -> None:
        """A run that was resumed beside a process has ended: what that process still is must not live on beside the
        job's next run."""
        if run_id in self._beside:
            self._beside.discard(run_id)
            self._families.tell(run_id, signal.SIGKILL, None)

    def _read(self, now: m.Now) -> dict[str, m.Input]:
        """The ends that are known with all that the run left; what cannot be read for want of a descriptor is read
        a moment later, and the run has not ended until then."""
        ends = {}
        for run_id, read in list(self._unread.items()):
            try:
                ends[run_id] = read()
            except OSError:
                self._ask_again = now.mono + ASK_AGAIN
                continue
            del self._unread[run_id]
        return ends

    def _ended(self, ends: Mapping[str, m.Input], now: m.Now) -> list[m.Input]:
        """Those ends that can be told now. One whose family was told to end is held until all of it has: else the
        next run of the job would begin beside what is left of this one."""
        told = {run_id: end for run_id, end in ends.items() if run_id not in self._families}
        for run_id in ends.keys() - told.keys():
            self._families.command_ended(run_id)
            self._held[run_id] = ends[run_id]
        told |= {run_id: self._held.pop(run_id) for run_id in self._families.look(now.mono)}
        messages: list[m.Input] = []
        for run_id, end in told.items():
            self._limits.ended(run_id, now.mono)
            messages += [*self._signs.end(run_id, now), end]
        return messages

    def _kept_end(self, run: Run, kept: Kept | None, now: m.Now) -> m.Input:
        """The end of a process that was not our child, as its keeper recorded it."""
        exit_, time = (kept.exit, kept.time) if kept else (None, now.wall)
        return _with_return_data(m.ChildExited(run.run_id, exit_, time), self._run_dir(run), bool(run.stages))


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


def _end_of(begun: _Begun, exit_: Exit, time: float) -> m.Input:
    """The end of a child, with what it left."""
    ended = m.ChildExited(begun.run_id, exit_, time)
    return _never_began(begun, exit_) or _with_return_data(ended, begun.run_dir, bool(begun.job.stages))


def _never_began(begun: _Begun, exit_: Exit) -> m.StartFailed | None:
    """A 126 or 127 of what stands before the command may mean that it could not start the command (B-38), or, when it
    was to change the identity, that it was not allowed to."""
    job, who = begun.job, begun.who
    if who is not None and not (job.keeper and read_status(begun.run_dir, begun.launch)):
        refused = identity.why_not_changed(who, exit_.code, os.path.join(begun.run_dir, OUTPUT_FILE))
        if refused is not None:
            return m.StartFailed(begun.run_id, 126, refused)
    wrapped = job.keeper or who is not None or job.umask is not None or job.nice is not None
    if not wrapped or exit_.code not in (126, 127):
        return None
    why = cannot_execute(begun.argv, begun.path, begun.directory)
    return m.StartFailed(begun.run_id, *why) if why else None


def _with_return_data(message: m.ChildExited, run_dir: str, staged: bool) -> m.ChildExited:
    value, problem = returned.read(run_dir)
    message = replace(message, run_data=value, message=problem or returned.message_of(value))
    return replace(message, output_size=_size(os.path.join(run_dir, OUTPUT_FILE))) if staged else message


def _size(path: str) -> int | None:
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except FileNotFoundError:  # it is the job's own to remove
        return None
