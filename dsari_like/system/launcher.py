"""The one launcher of children: makes the run directory, starts the command, and knows which pid is which run.

Owns every child of the daemon, so that reaping "any child" can never take somebody else's. Output goes straight from
the child into `output.txt`: there is no pipe to drain and the loop does no work per line. Must not know states or
schedules.

No `preexec_fn`, no `user=`, no `os.fork`: they lose vfork, which is seventeen times slower in a large daemon. Nor
`posix_spawn`, though it costs less than `Popen`: the C library leaves two of its own signals ignored in such a child.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from dsari_like.core.model import Exit, Job, ProcessIdentity
from dsari_like.system import identity, keeper, process

#: The machine is short of something; the start is to be tried again, the run has not begun.
SHORTAGE = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}

OUTPUT_FILE = "output.txt"

#: From a command, the umask it is to have and what is to be run before, to the command line that is executed.
Wrap = Callable[[tuple[str, ...], int | None, str], list[str]]


class CannotStart(Exception):
    """The command is missing or not executable, as `code` 127 or 126 tells; trying again would not help."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that is no more."""

    run_id: str
    exit: Exit


@dataclass(slots=True)
class _Child:
    run_id: str
    process: subprocess.Popen[bytes]
    kept: bool
    superseded: bool = False  # the run has another process by now, which it was resumed with


class Launcher:
    """Starts, signals and reaps."""

    def __init__(self) -> None:
        self._children: dict[int, _Child] = {}
        self._pids: dict[str, int] = {}
        self.fresh: list[str] = []  # runs started since the last turn
        self.unseen: list[str] = []  # runs started before that, of which /proc could not be asked for want of something
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def start(
        self,
        run_id: str,
        job: Job,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        run_dir: str,
        launch: int = 1,
    ) -> None:
        """Start the child; its directory is `PWD`. Who it is can be asked of `newcomers` a moment later. `launch`
        counts the run's processes; one that it has already is the run's no longer.

        Raises CannotStart when the command cannot be executed, OSError when the machine is short of something.
        """
        output = _open_output(run_dir, launch)
        try:
            if not os.path.isdir(environment["PWD"]):
                raise CannotStart(127, f"its working directory {environment['PWD']} is not there")
            with process.marked(run_id):
                child = self._spawn(job, keeper_of(job, launch), argv, environment, run_dir, output)
        except OSError as error:
            if error.errno in SHORTAGE:
                raise
            raise CannotStart(*_why_not(argv, error)) from None
        finally:
            os.close(output)
        if run_id in self._pids:
            self._children[self._pids[run_id]].superseded = True
        self._children[child.pid] = _Child(run_id, child, job.keeper)
        self._pids[run_id] = child.pid
        self.fresh.append(run_id)

    def newcomers(self) -> Iterator[tuple[str, ProcessIdentity]]:
        """Who was started since the last call and has not been reaped.

        Not asked at the start itself: /proc does not answer for a process that is executing its command just then,
        and that half a millisecond would be waited for with every other run behind it.
        """
        fresh, self.fresh, self.unseen = [*self.unseen, *self.fresh], [], []
        for run_id in (run_id for run_id in fresh if run_id in self._pids):
            try:
                identity = process.identify(self._pids[run_id])
            except OSError:
                identity = None
            if identity is not None:
                yield run_id, identity
            elif _has_not_ended(self._pids[run_id]):
                self.unseen.append(run_id)

    def _spawn(
        self, job: Job, wrap: Wrap, argv: tuple[str, ...], environment: Mapping[str, str], run_dir: str, output: int
    ) -> subprocess.Popen[bytes]:
        who, before, passed = identity.identity_of(job), "", environment
        if who is not None:
            identity.hand_over(who, run_dir)
            passed, before = identity.hold_back(environment)
        return subprocess.Popen(
            [*identity.prefix(job, who), *wrap(argv, job.umask, before)],
            stdin=self._null,
            stdout=output,
            stderr=output,
            cwd=environment["PWD"],
            env={**passed, "KEEPER_DIR": run_dir} if job.keeper else passed,
            start_new_session=True,
        )

    def reap(self) -> Iterator[Ended]:
        """Every child that has ended since the last call. A pid that is not a run's was left behind by one, and came
        to us when its parent died: it is let go without a word."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                child.process.returncode = os.waitstatus_to_exitcode(status)  # else Popen would wait for it again
                if child.superseded:
                    continue
                self._pids.pop(child.run_id, None)
                yield Ended(child.run_id, _exit(status, usage, child.kept))

    def has(self, run_id: str) -> bool:
        """True while a child of ours is the run's process."""
        return run_id in self._pids

    def signal(self, run_id: str, number: int) -> int | None:
        """Signal the whole process group. A child that is not reaped yet keeps its pid, so it is the right one.
        Returns the group; None when the run is no child of ours."""
        pid = self._pids.get(run_id)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
        return pid


def _has_not_ended(pid: int) -> bool:
    """Asked of the kernel without a descriptor, and without reaping the child."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def keeper_of(job: Job, launch: int) -> Wrap:
    """What puts a keeper, or none, around the command line of this process of a run."""
    return partial(keeper.wrap if job.keeper else keeper.unkept, launch=launch)


def make_directory(run_dir: str) -> None:
    """A run directory of its own. One that is there already is a start tried again: the machine was short then."""
    try:
        os.mkdir(run_dir, 0o750)
    except FileNotFoundError:  # the job's first run
        os.makedirs(run_dir, 0o750)
    except FileExistsError:
        pass


def _open_output(run_dir: str, launch: int) -> int:
    """The file both output streams go to. What an earlier process of the run may have put in its place is not waited
    for: a FIFO would hold up the daemon until somebody reads from it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    path = os.path.join(run_dir, OUTPUT_FILE)
    if launch == 1:
        return os.open(path, flags, 0o640)
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o640)
    except OSError as error:
        if error.errno in SHORTAGE:
            raise
        raise CannotStart(126, f"its output cannot be continued: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CannotStart(126, "its output cannot be continued: it has put something else in the place of the file")
    os.set_blocking(descriptor, True)
    return descriptor


def _exit(status: int, usage: resource.struct_rusage, kept: bool) -> Exit:
    """Decoded by the system's own macros: dsari took the core flag for a part of the signal's number (B-37)."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        plain = Exit(128 + number, number, os.WCOREDUMP(status))
    else:
        code = os.WEXITSTATUS(status)
        plain = keeper.decode(code) if kept else Exit(code)
    memory = usage.ru_maxrss * 1024
    return Exit(plain.code, plain.signal, plain.core_dumped, usage.ru_utime, usage.ru_stime, memory)


def _why_not(argv: tuple[str, ...], error: OSError) -> tuple[int, str]:
    code = 127 if isinstance(error, FileNotFoundError) else 126
    return code, f"the command '{argv[0]}' cannot be executed: {error.strerror}"


def cannot_execute(argv: tuple[str, ...], path: str, directory: str) -> tuple[int, str] | None:
    """Why a command line can never have begun, as (127 or 126, sentence); None when nothing speaks against it.

    Asked when a keeper ends with 126 or 127: its shell uses these for a command it could not start, but a command may
    exit with them of its own accord, and the two must be told apart (B-38).
    """
    found = _lookup(argv[0], path, directory)
    if found is None:
        return 127, f"the command '{argv[0]}' was not found (PATH is {path})"
    if not stat.S_ISREG(os.stat(found).st_mode) or not os.access(found, os.X_OK):
        return 126, f"the command '{argv[0]}' is not an executable file"
    interpreter = _interpreter(found)
    if interpreter is not None and not os.path.exists(interpreter):
        return 127, f"the command '{argv[0]}' wants the interpreter {interpreter}, which is not there"
    return None


def _lookup(name: str, path: str, directory: str) -> str | None:
    if "/" in name:
        found = os.path.join(directory, name)
        return found if os.path.exists(found) else None
    candidates = [os.path.join(directory, part, name) for part in path.split(":")]
    existing = [found for found in candidates if os.path.exists(found)]
    runnable = (found for found in existing if os.path.isfile(found) and os.access(found, os.X_OK))
    return next(runnable, existing[0] if existing else None)


def _interpreter(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            line = file.readline(256)
    except OSError:
        return None
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None

