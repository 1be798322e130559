"""The calls of callbacks, as processes and as dropped files.

Owns a directory for each call, which lives as long as the call does, its limits of time and output, and what stands in
its environment. The directory is not the run's own: by the time of most calls that belongs to the user of the run,
who could put a link in the place of anything there. Must not know when a callback fires, or what follows from its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from dsari_like.core import environment
from dsari_like.core.lifecycle import RunState
from dsari_like.core.messages import Now
from dsari_like.core.model import Configuration, Exit, Job, Run, Trigger
from dsari_like.core.reactions import Call, CallEnded, Language, StartCall
from dsari_like.core.verbs import VerbError, drops_of
from dsari_like.errors import UserError
from dsari_like.spool.drop import drop_control, drop_trigger
from dsari_like.system import identity, process
from dsari_like.system.forms import FORMS, OURS
from dsari_like.system.identity import Identity
from dsari_like.system.launcher import OUTPUT_FILE, SHORTAGE, CannotStart, Ended, Launcher, make_directory
from dsari_like.system.limits import OutputLimits

DIRECTORY = "callbacks"
EVENT_FILE = "event.json"

#: KILL follows on TERM after so many seconds.
GRACE = 10.0
#: What a call may say, in bytes: on the disk while it lasts, and in the run log for ever.
MOST_OUTPUT, KEPT_OUTPUT = 4 << 20, 64 << 10
#: The directory of calls that belong to no job.
_NO_JOB = "daemon"


@dataclass(slots=True)
class _Alive:
    """A call that has a process."""

    call: Call
    directory: str
    output: int  # a descriptor of ours: the file may be another one by the time it is read
    deadline: float  # monotonic clock: of its limit, then of its grace
    overdue: bool = False


class Calls:
    """All calls that are carried out just now."""

    def __init__(
        self, data_dir: str, launcher: Launcher, host_for: Callable[[Identity | None], environment.Host]
    ) -> None:
        self._data_dir = data_dir
        self._launcher = launcher
        self._host_for = host_for
        self._alive: dict[str, _Alive] = {}
        self._limits = OutputLimits()
        self._ended: list[CallEnded] = []

    def begin(self, callback_ids: Collection[str]) -> None:
        """At a start: what is left of the processes of calls that are to be made again is ended, so that none is made
        beside itself, and what is left of directories is removed. Raises OSError."""
        for members in process.families(callback_ids).values() if callback_ids else ():
            for member in members:
                process.send(member.identity, signal.SIGKILL)
        shutil.rmtree(os.path.join(self._data_dir, DIRECTORY), ignore_errors=True)

    def start(self, configuration: Configuration, message: StartCall, now: Now) -> None:
        """Carry out a call; `news` tells its end, also where it could not begin. Raises OSError when the machine is
        short of something, with nothing started."""
        call = message.call
        if call.language is Language.QUBE:
            self._ended.append(self._drop(call, now.wall))
            return
        try:
            self._launch(configuration, message, now)
        except (CannotStart, OSError, ValueError, KeyError) as error:
            self._clear(call)
            if isinstance(error, OSError) and error.errno in SHORTAGE:
                raise
            code = error.code if isinstance(error, CannotStart) else 126
            why = f"it could not be started: {error}"
            self._ended.append(CallEnded(call.callback_id, Exit(code), "", now.wall, why))

    def take(self, child: Ended, now: Now) -> bool:
        """Whether this child that has ended was a call."""
        alive = self._alive.pop(child.run_id, None)
        if alive is None:
            return False
        self._limits.ended(child.run_id, now.mono)
        self._limits.forget(child.run_id)
        reason = f"it ran longer than its timeout of {alive.call.timeout:g} s" if alive.overdue else ""
        exit_ = replace(child.exit, code=child.exit.code or 124) if alive.overdue else child.exit
        self._ended.append(CallEnded(child.run_id, exit_, _said(alive.output), now.wall, reason))
        os.close(alive.output)
        self._clear(alive.call)
        return True

    def news(self, now: Now) -> list[CallEnded]:
        """Those that have ended since the last call; and who is beyond a limit is told."""
        self._limits.look(now.mono)
        for callback_id, alive in self._alive.items():
            if now.mono >= alive.deadline:
                self._insist(callback_id, alive, now.mono)
        ended, self._ended = self._ended, []
        return ended

    def next_deadline(self) -> float | None:
        """When `news` has something to do or to tell, by the monotonic clock; None for never."""
        if self._ended:
            return 0.0
        moments = [self._limits.next_deadline(), *(alive.deadline for alive in self._alive.values())]
        return min((moment for moment in moments if moment is not None), default=None)

    def _insist(self, callback_id: str, alive: _Alive, mono: float) -> None:
        """TERM to its group when its time is up, KILL to all of its family when its grace is."""
        if not alive.overdue:
            self._launcher.signal(callback_id, signal.SIGTERM)
        else:
            self._launcher.signal(callback_id, signal.SIGKILL)
            with contextlib.suppress(OSError):
                for member in process.families([callback_id])[callback_id]:
                    process.send(member.identity, signal.SIGKILL)
        alive.overdue, alive.deadline = True, mono + GRACE

    def _launch(self, configuration: Configuration, message: StartCall, now: Now) -> None:
        call, callback_id = message.call, message.call.callback_id
        job = _rights(call, message.job)
        who = identity.identity_of(job)
        directory = self._directory(call)
        make_directory(directory)
        if who is not None:
            identity.take_back(directory)
        form = FORMS[call.language](call, directory, configuration)
        run = message.run if message.run is not None and call.language not in OURS else _nobody(call)
        variables = environment.build(configuration, job, run, self._host_for(who), {})
        variables |= _told(call, directory) | form.variables(variables)
        for name, text in (*form.files, (EVENT_FILE, json.dumps(dict(call.event), ensure_ascii=False))):
            _write(os.path.join(directory, name), text)
        output = _open(os.path.join(directory, OUTPUT_FILE))
        try:
            self._limits.watch(callback_id, os.path.join(directory, OUTPUT_FILE), MOST_OUTPUT, now.mono)
            self._launcher.start(callback_id, job, form.argv, variables, directory)
        except BaseException:
            self._limits.forget(callback_id)
            os.close(output)
            raise
        self._launcher.fresh.remove(callback_id)  # it is no run: nobody asks who it is
        self._alive[callback_id] = _Alive(call, directory, output, now.mono + call.timeout)

    def _drop(self, call: Call, now: float) -> CallEnded:
        """The verbs of a call as files. Each bears an id made of the call's, so that one that is dropped again, after
        a crash, starts nothing twice."""
        said = []
        try:
            for number, drop in enumerate(drops_of(call)):
                name = f"callback-{call.callback_id}-{number}"
                mapping = {**drop.mapping, "id": name}
                if drop.job_name:
                    said.append(drop_trigger(self._data_dir, drop.job_name, mapping, f"{name}.json"))
                else:
                    said.append(drop_control(self._data_dir, mapping, f"{name}.json"))
        except (VerbError, UserError) as error:
            return CallEnded(call.callback_id, Exit(1), _lines(said), now, str(error))
        return CallEnded(call.callback_id, Exit(0), _lines(said), now)

    def _directory(self, call: Call) -> str:
        return os.path.join(self._data_dir, DIRECTORY, call.job_name or _NO_JOB, call.callback_id)

    def _clear(self, call: Call) -> None:
        shutil.rmtree(self._directory(call), ignore_errors=True)


def _rights(call: Call, job: Job | None) -> Job:
    """Whom the process is to be: the owner; the daemon itself where the code is ours, because secrets of the site are
    read there, or where there is no owner."""
    if job is None and call.job_name and call.language not in OURS:
        raise ValueError(f"its job '{call.job_name}' is not configured any more")
    if job is None or call.language in OURS:
        return Job(call.job_name, (), keeper=False)
    return replace(job, stages=(), keeper=False)


def _nobody(call: Call) -> Run:
    """In place of a run where there is none."""
    run_id = call.run_id or call.callback_id
    return Run(run_id, call.job_name, Trigger("callback"), RunState.COMPLETED, call.time, call.time)


def _told(call: Call, directory: str) -> dict[str, str]:
    """What every call is told of its event (Q-51)."""
    event = call.event
    optional = {"EVENT_RUN_ID": "run_id", "EVENT_JOB_NAME": "job_name", "EVENT_ITEM": "item"}
    return {
        "PWD": directory,
        "EVENT_NAME": str(event["name"]),
        "EVENT_TYPE": str(event["type"]),
        "EVENT_TIME": repr(event["time"]),
        "EVENT_JSON": os.path.join(directory, EVENT_FILE),
        "CALLBACK_ID": call.callback_id,
        "CALLBACK_COUNT": str(call.count),
        **{name: str(event[key]) for name, key in optional.items() if event.get(key) is not None},
    }


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o640)


def _write(path: str, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o640), "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def _said(descriptor: int) -> str:
    """The beginning of what a call said."""
    try:
        text = os.pread(descriptor, KEPT_OUTPUT + 1, 0)
    except OSError as error:
        return f"[dsari_like: the output cannot be read: {error.strerror}]"
    cut = f"\n[dsari_like: output cut at {KEPT_OUTPUT} bytes]\n" if len(text) > KEPT_OUTPUT else ""
    return text[:KEPT_OUTPUT].decode("utf-8", "replace").replace("\0", "\ufffd") + cut


def _lines(paths: Iterable[str]) -> str:
    return "".join(f"dropped {path}\n" for path in paths)
