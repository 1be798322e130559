"""A build host that is killed again and again, and the four lists that tell whether it kept its promises.

The lists: drops made, entries of `corrupt/`, rows of the run log, and lines of the witness, a file to which every job
appends at its first and at its last instruction. Who judges them is in `verdict.py`.

The executioner is strace, attached to the idle daemon without `-f`: only the daemon's own system calls count, so the
n-th `openat` after a drop is the same moment in every round. A signal that is injected at the entry of a call arrives
before the call has any effect; what lies between two calls is thereby swept too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.e2e.site import Site

#: Every kind of call by which the daemon changes the world, and the one by which it learns of an end. The question
#: mark: not every machine has each of them.
KINDS = (
    "?rename",
    "?renameat",
    "?renameat2",
    "?unlink",
    "?unlinkat",
    "?mkdir",
    "?mkdirat",
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "pipe2",
    "?vfork",
    "?fork",
    "?clone",
    "?clone3",
    "close",
    "wait4",
)

_JOB = """\
#!/bin/sh
say() {{ echo "$RUN_ID $1 $(date +%s%N) $$ ${{DROP:--}}" >>'{witness}' && sync '{witness}'; }}
say start
sleep "${{NAP:-0.05}}"
say end
"""


@dataclass(frozen=True, slots=True)
class Drop:
    """A file that was put into the spool."""

    job: str
    name: str  # of the file, without its ending; also the trigger's `id`
    good: bool = True

    @property
    def file_name(self) -> str:
        return f"{self.name}.json"


@dataclass(frozen=True, slots=True)
class Testimony:
    """One line of the witness."""

    run_id: str
    what: str  # "start" or "end"
    time: int
    pid: int
    drop: str


class House(Site):
    """A site that keeps the lists. Its jobs bear witness; `jobs` are their keys beside the command."""

    def __init__(self, root: Path, jobs: Mapping[str, Mapping[str, Any]], **settings: Any) -> None:
        super().__init__(root)
        self.witness = root / "witness"
        self.witness.touch()
        self.drops: list[Drop] = []
        script = self.write("job", _JOB.format(witness=self.witness))
        script.chmod(0o755)
        self.configure({name: {"command": str(script), **keys} for name, keys in jobs.items()}, **settings)

    # --- what is done to it ---

    def give(self, job: str, good: bool = True, **keys: Any) -> Drop:
        """Drop a trigger under a name of its own; one that is not good wants to forge an identity."""
        drop = Drop(job, f"{len(self.drops):05}", good)
        environment = {"DROP": drop.name, **keys.pop("environment", {})} if good else {"RUN_ID": "forged"}
        self.drops.append(drop)
        self.drop(job, {"id": drop.name, "environment": environment, **keys}, drop.file_name)
        return drop

    def start(self, *options: str, wrapper: tuple[str, ...] = (), environ: Mapping[str, str] | None = None) -> None:
        """Start a daemon and wait until it has begun to be told of drops, which is a moment after it is ready: from
        then on the calls after a drop are the same in every round."""
        super().start(*options, wrapper=wrapper, environ=environ)
        self.until("its watch", lambda: not self.lives or self._watches())

    def _watches(self) -> bool:
        assert self.daemon is not None
        descriptors = Path(f"/proc/{self.daemon.pid}/fd")
        with suppress(FileNotFoundError):
            return "anon_inode:inotify" in {os.readlink(entry) for entry in descriptors.iterdir()}
        return False

    def begin(self, *wrapper: str) -> None:
        """Start a daemon, and do not wait until it is ready: it may die before."""
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "dsari_like", "daemon", "--debug"],
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def lives(self) -> bool:
        return self.daemon is not None and self.daemon.poll() is None

    def kill(self) -> None:
        """kill -9, and nothing else: the runs go on."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()

    # --- how it is looked at ---

    def testimony(self) -> list[Testimony]:
        found = []
        for line in self.witness.read_text().splitlines():
            run_id, what, time, pid, drop = line.split()
            found.append(Testimony(run_id, what, int(time), int(pid), drop))
        return found

    def corrupt(self, job: str) -> list[str]:
        """The names of refused files, without their reasons."""
        return [path.name for path in self._files("corrupt", job) if not path.name.endswith(".reason")]

    def claimed(self) -> list[str]:
        """The names of the files in `claimed/`."""
        return [path.name for path in self._files("claimed")]

    def receipt(self, drop: Drop) -> dict[str, Any] | None:
        path = self.var / "receipts" / drop.file_name
        return dict(json.loads(path.read_text())) if path.exists() else None

    def _files(self, *place: str) -> list[Path]:
        directory = self.var.joinpath(*place)
        return sorted(path for path in directory.iterdir() if path.is_file()) if directory.is_dir() else []

    def settled(self) -> bool:
        """Nothing is on its way. Asked in the order in which a file travels, so that none is overlooked between two
        questions: drop place, `claimed/`, row."""
        if any(self._files("trigger", drop.job) for drop in {d.job: d for d in self.drops}.values()):
            return False
        return not self._files("claimed") and not self.open_runs()

    def open_runs(self) -> list[Any]:
        final = ("completed", "failed", "cancelled")
        return [row for row in self.rows("select * from runs") if row["status"] not in final]

    def settle(self, faults: Callable[[House], list[str]], patience: float = 20.0) -> None:
        """Wait until nothing is on its way, then until receipts and pages have followed; else tell what is wrong."""
        self.until("rest", lambda: not self.lives or self.settled(), patience)
        assert self.lives, f"the daemon has died:\n{self.log_text()[-4000:]}"
        found, deadline = faults(self), time.monotonic() + 5
        while found and time.monotonic() < deadline:
            time.sleep(0.02)
            found = faults(self)
        assert not found, "\n".join([*found, self.log_text()[-3000:]])

    def sweep_out(self) -> None:
        """End the daemon and every run of this site, and remove the site: rounds are many."""
        self.kill()
        self.daemon = None
        marker = f"DATA_DIR={self.var}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and marker in _environ(entry):
                _end(int(entry.name))
        shutil.rmtree(self.root, ignore_errors=True)


def _environ(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Tracer:
    """strace upon a daemon that runs: from `with` to the end of the block its calls are tampered with."""

    def __init__(self, house: House, *injections: str) -> None:
        assert house.daemon is not None
        self.pid = house.daemon.pid
        self.trace = house.root / "trace"
        calls = ",".join(injection.partition(":")[0] for injection in injections)
        self._command = ["strace", "-p", str(self.pid), "-o", str(self.trace), "-e", f"trace={calls}"]
        for injection in injections:
            self._command += ["-e", f"inject={injection}"]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Tracer:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, start_new_session=True)
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        assert b"attached" in line, line.decode()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None and self._process.stderr is not None
        self._process.terminate()
        self._process.wait()
        self._process.stderr.close()

    @property
    def length(self) -> int:
        """How much was traced: it stands still when the daemon has nothing to do."""
        return self.trace.stat().st_size

    def injected(self) -> int:
        """How many calls were tampered with."""
        return self.trace.read_text(errors="replace").count("(INJECTED)")


@contextmanager
def house(root: Path, jobs: Mapping[str, Mapping[str, Any]], **settings: Any) -> Iterator[House]:
    """A house for the length of a block; it is left standing when the block fails."""
    place = House(root, jobs, **settings)
    try:
        yield place
    finally:
        place.kill()
    place.sweep_out()


def can_trace() -> str | None:
    """Why no process can be traced here; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with subprocess.Popen(["sleep", "5"]) as child:
        try:
            seen = subprocess.run(
                ["timeout", "1", "strace", "-p", str(child.pid), "-e", "trace=none"], capture_output=True, text=True
            )
        finally:
            child.kill()
    return None if "attached" in seen.stderr else f"strace may not attach: {seen.stderr.strip()}"
