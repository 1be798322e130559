"""A site: a configuration, a data directory and a real daemon on it.

Owns starting, stopping and watching the process from outside. Must not know what is being measured.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[2]

#: Seconds until a daemon that is not ready counts as failed.
PATIENCE = 300.0


class Site:
    """One directory with everything in it."""

    def __init__(self, top: Path, jobs: Mapping[str, object], **settings: object) -> None:
        self.top = top
        self.config, self.data = top / "etc", top / "var"
        self.log = top / "probes"
        self.config.mkdir(parents=True)
        self.data.mkdir(mode=0o750)
        self.configuration = self.config / "dsari_like.yaml"
        content = {"data_dir": str(self.data), "render": "never", **settings, "jobs": dict(jobs)}
        with self.configuration.open("w") as file:
            yaml.dump(content, file, yaml.CSafeDumper, sort_keys=False)

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """A daemon that is ready; it is told to leave when the block ends."""
        daemon = Daemon(self)
        try:
            daemon.wait_until_ready()
            yield daemon
        finally:
            daemon.stop()

    def clear(self) -> None:
        """Forget everything but the configuration."""
        shutil.rmtree(self.data)
        self.data.mkdir(mode=0o750)

    def drops(self, job: str) -> Path:
        """Where triggers for a job are dropped."""
        directory = self.data / "trigger" / job
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def count(self, status: str) -> int:
        """How many runs the run log has in this state."""
        with closing(sqlite3.connect(f"file:{self.data}/dsari_like.sqlite3?mode=ro", uri=True, timeout=10)) as log:
            return int(log.execute("select count(*) from runs where status = ?", (status,)).fetchone()[0])


class Daemon:
    """The process, with the socket it reports to."""

    def __init__(self, site: Site) -> None:
        address = str(site.top / "notify")
        if os.path.exists(address):
            os.unlink(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._words = site.top / "daemon.log"
        command = [sys.executable, "-m", "dsari_like", "daemon", "--config-dir", str(site.config)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(site.top), "NOTIFY_SOCKET": address}
        with self._words.open("ab") as words:
            self._begin = time.monotonic()
            self._process = subprocess.Popen(
                command, cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=words, stderr=words
            )
        self.pid = self._process.pid
        self.start_seconds = 0.0

    def wait_until_ready(self) -> None:
        """Return when it says so; raises RuntimeError with its last words when it ends instead."""
        self._socket.settimeout(0.5)
        while b"READY=1" not in self._receive().split(b"\n"):
            if self._process.poll() is not None or time.monotonic() > self._begin + PATIENCE:
                raise RuntimeError("the daemon did not become ready: " + self._words.read_text()[-2000:])
        self.start_seconds = time.monotonic() - self._begin

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(4096)
        except TimeoutError:
            return b""

    def stop(self) -> None:
        """TERM, and wait. Raises RuntimeError when it was gone already: what was measured then was no daemon."""
        gone = self._process.poll() is not None
        if not gone:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._socket.close()
        if gone:
            raise RuntimeError("the daemon has ended under the benchmark: " + self._words.read_text()[-2000:])

    def resident_mib(self) -> float:
        """VmRSS."""
        return int(_field(Path(f"/proc/{self.pid}/status"), "VmRSS").split()[0]) / 1024

    def peak_mib(self) -> float:
        """VmHWM."""
        return int(_field(Path(f"/proc/{self.pid}/status"), "VmHWM").split()[0]) / 1024

    def family_cpu_ms(self) -> float:
        """CPU time of the process and of all that it has waited for, and those in turn; in steps of 10 ms."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) * 1000 / os.sysconf("SC_CLK_TCK")

    def cpu_ms(self) -> float:
        """CPU time of all its threads: the scheduler's own sum, because /proc/PID/stat counts in steps of 10 ms."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6

    def pauses(self) -> int:
        """How often the main thread went to sleep; a turn that has nothing to do does so once."""
        return int(_field(Path(f"/proc/{self.pid}/task/{self.pid}/status"), "voluntary_ctxt_switches"))


def _field(path: Path, name: str) -> str:
    lines = path.read_text().splitlines()
    return next(line for line in lines if line.startswith(name + ":")).partition(":")[2].strip()
