"""A place to try everything in: a temporary directory, a real daemon in it, the real commands on it.

Owns the directory and the daemon's process, and takes both away at the end, whatever the end is. Must not know the
story that is told there: `demo.py` tells one, the demonstration in the source tree another.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from dsari_like.cli.exits import No
from dsari_like.cli.table import Column, in_colour, layout, screen_width, state_column
from dsari_like.report.moments import duration
from dsari_like.system.clock import Clock

#: Between two looks at something that is waited for.
PAUSE = 0.1


class PlaygroundError(No):
    """The story cannot go on: the daemon ended, a command failed, or something did not happen in time."""


class Playground:
    """`etc` is the configuration directory, `var` the data directory. Use it in a `with` statement."""

    def __init__(self, *, keep: bool = False, program: str = "", clock: Clock | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="dsari_like-demo-"))
        self.etc, self.var, self.log = self.root / "etc", self.root / "var", self.root / "daemon.log"
        self.etc.mkdir()
        self._keep = keep
        self._program = [program] if program else _program()
        self._clock = clock or Clock()
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Playground:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if not self._keep:
            shutil.rmtree(self.root, ignore_errors=True)

    def configure(self, jobs: Mapping[str, Mapping[str, Any]], title: str, **sections: Any) -> Path:
        """Write the configuration: the jobs, and other sections by name.

        JSON is YAML too, and quotes whatever a temporary path may contain.
        """
        settings = {"data_dir": str(self.var), "title": title, "on_shutdown": "kill", "shutdown_kill_grace": 2}
        path = self.etc / "dsari_like.yaml"
        path.write_text(json.dumps(settings | {"jobs": jobs} | sections, indent=2) + "\n", encoding="utf-8")
        return path

    def start(self) -> int:
        """Start the daemon and wait until it says that it is ready, as it does to a service manager. Its pid.

        A session of its own keeps it out of the way of a Ctrl-C, which is ours to handle.
        """
        with _notify_socket(self.root.name) as (listener, address), self.log.open("wb") as log:
            self._daemon = subprocess.Popen(
                self.invocation("daemon"),
                env=os.environ | {"NOTIFY_SOCKET": address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self.wait_until("the daemon to be ready", lambda: _says_ready(listener))
        return self._daemon.pid

    def stop(self) -> None:
        """End the daemon and, by its `on_shutdown`, what it runs. Does nothing when it is gone."""
        if self._daemon is None:
            return
        self._daemon.terminate()
        try:
            self._daemon.wait(10)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()

    def invocation(self, command: str, *arguments: str) -> Sequence[str]:
        """The command line that runs one of our commands here."""
        return [sys.executable, "-m", "dsari_like", command, "--config-dir", str(self.etc), *arguments]

    def spoken(self, command: str, *arguments: str) -> str:
        """The same as a person would type it."""
        return shlex.join([*self._program, command, "--config-dir", str(self.etc), *arguments])

    def command(self, command: str, *arguments: str, answers: Sequence[int] = (0,)) -> str:
        """What a command prints; an exit status that is none of `answers` ends the story."""
        done = subprocess.run(
            self.invocation(command, *arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        if done.returncode not in answers:
            raise PlaygroundError(
                f"'{self.spoken(command, *arguments)}' ended with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def runs(self, *arguments: str) -> list[dict[str, Any]]:
        """What `dsari-like runs` says, as data."""
        return list(json.loads(self.command("runs", "--format", "json", *arguments)))

    def drop(self, job: str, name: str, text: str) -> None:
        """Drop a file as any program may: made elsewhere, then renamed into place."""
        place = self.var / "trigger" / job
        place.mkdir(parents=True, exist_ok=True)
        partial = place / f".{name}.tmp"
        partial.write_text(text, encoding="utf-8")
        partial.rename(place / name)

    def refusals(self) -> list[Path]:
        """The reasons beside what was refused."""
        return sorted((self.var / "corrupt").rglob("*.reason"))

    def page(self, run: Mapping[str, Any]) -> Path:
        """Where the report shows a run."""
        return Path(self.var, "html", "jobs", run["job_name"], run["run_id"], "index.html")

    def farewell(self, *looks: Sequence[str]) -> list[str]:
        """The last lines of a story: where the report is, what becomes of it all, and how to look further."""
        fate = "stays" if self._keep else "is removed now; with --keep it stays"
        return [
            f"The report: file://{self.var / 'html' / 'index.html'}",
            f"The daemon is stopped, and the directory {fate}. To look further:",
            *(f"  {self.spoken(*look)}" for look in looks),
        ]

    def wait_until(self, what: str, happened: Callable[[], bool], seconds: float = 30) -> None:
        """Look until it has happened. The pause is a wait for the daemon, so its end is noticed at once."""
        deadline = self._clock.mono() + seconds
        while not happened():
            if self._daemon is not None and self._ended(self._daemon):
                raise PlaygroundError(f"the daemon ended while waiting for {what}; its log says:\n{self._last_words()}")
            if self._clock.mono() > deadline:
                raise PlaygroundError(f"waited {seconds:g} s for {what}, and it did not happen:\n{self._last_words()}")

    def _ended(self, daemon: subprocess.Popen[bytes]) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(PAUSE)
        return daemon.returncode is not None

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _program() -> list[str]:
    """What to type to get this program: its name, where the shell would find it."""
    return ["dsari-like"] if shutil.which("dsari-like") else [sys.executable, "-m", "dsari_like"]


@contextlib.contextmanager
def _notify_socket(name: str) -> Iterator[tuple[socket.socket, str]]:
    # In the abstract name space: the path of a temporary directory may be too long for a socket.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.setblocking(False)
        yield listener, f"@{name}"


def _says_ready(listener: socket.socket) -> bool:
    try:
        return b"READY=1" in listener.recv(4096).splitlines()
    except BlockingIOError:
        return False


def end_by_signal() -> None:
    """A TERM or a HUP takes the way of a Ctrl-C: through every `with`, so that nothing is left behind."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def run_table(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Runs as people read them, in lines: job, why it ran, how it ended, how long it took."""
    columns = [Column("job"), Column("because of"), state_column(), Column("exit", right=True), Column("took")]
    rows = [[run["job_name"], run["trigger_type"], run["status"], _exit(run), duration(_seconds(run))] for run in runs]
    return list(layout(columns, rows, screen_width(), in_colour()))


def _exit(run: Mapping[str, Any]) -> str:
    return "-" if run["exit_code"] is None else str(run["exit_code"])


def _seconds(run: Mapping[str, Any]) -> float | None:
    start, stop = run["start_time"], run["stop_time"]
    return None if start is None or stop is None else stop - start
