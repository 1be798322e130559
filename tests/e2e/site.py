"""A build host in a directory: a tree of files, the real daemon, real commands.

Everything is waited for by looking, never by sleeping a fixed time; a story that does not happen fails within
seconds and shows the daemon's log.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.e2e import aftercheck

PATIENCE = 15.0


class Site:
    """One DSARI_LIKE_HOME. `configure`, `start`, drop files, look."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc, self.var = root / "etc", root / "var"
        self.etc.mkdir(parents=True)
        self.daemon: subprocess.Popen[bytes] | None = None
        self.log = root / "daemon.log"
        self.at_ready: Counter[str] | None = None  # the descriptors it had then
        self.excused: dict[str, str] = {}
        self.environ = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(root),
            "DSARI_LIKE_HOME": str(root),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "LANG": "C.UTF-8",
        }

    # --- files ----------------------------------------------------------------------------------------------------

    def configure(self, jobs: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Write the main configuration file."""
        self.write("etc/dsari_like.yaml", yaml.safe_dump({"jobs": dict(jobs or {}), **settings}, sort_keys=False))

    def write(self, path: str, content: str | bytes) -> Path:
        """A file below the root."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def drop(self, name: str, content: object = None, file_name: str = "trigger.json") -> Path:
        """A trigger, by rename, as a careful producer does it."""
        text = content if isinstance(content, str | bytes) else json.dumps({} if content is None else content)
        place = self.var / "trigger" / name
        place.mkdir(parents=True, exist_ok=True)
        partial = self.write(f"var/trigger/{name}/.{file_name}.part", text)
        partial.rename(place / file_name)
        return place / file_name

    # --- processes ------------------------------------------------------------------------------------------------

    def start(self, *options: str, wrapper: tuple[str, ...] = (), environ: Mapping[str, str] | None = None) -> None:
        """The real daemon; returns when it has told its service manager that it is ready."""
        address = str(self.root / "notify")
        Path(address).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, self.log.open("ab") as log:
            notify.bind(address)
            notify.settimeout(0.2)
            self.daemon = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "dsari_like", "daemon", "--debug", *options],
                env={**self.environ, "NOTIFY_SOCKET": address, **(environ or {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self.until("the daemon's word that it is ready", lambda: b"READY=1" in self._received(notify))
        self.at_ready = aftercheck.descriptors(self.daemon.pid) if self.daemon.poll() is None else None

    def _received(self, notify: socket.socket) -> bytes:
        try:
            return notify.recv(4096)
        except TimeoutError:
            assert self.daemon is not None and self.daemon.poll() is None, f"it ended:\n{self.log_text()}"
            return b""

    def send(self, number: int) -> None:
        assert self.daemon is not None
        self.daemon.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the daemon. Returns its exit status."""
        assert self.daemon is not None
        if self.daemon.poll() is None:
            self.daemon.send_signal(number)
        code = self.daemon.wait(PATIENCE)
        self.daemon = None
        return code

    def command(self, *argv: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        """A command of ours, as a person would give it."""
        return subprocess.run(
            [sys.executable, "-m", "dsari_like", *argv],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.root,
            **settings,
        )

    # --- looking --------------------------------------------------------------------------------------------------

    def until(self, what: str, look: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Look again and again until it is so; returns what was seen."""
        deadline = time.monotonic() + patience
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not happen:\n{self.log_text()}")
            time.sleep(0.01)

    def quiet(self) -> None:
        """Wait until the loop sleeps: nothing to do, nothing to render."""
        state = self.var / "daemon.json"
        self.until("the loop's sleep", lambda: time.time() - state.stat().st_mtime > 0.2)

    def rows(self, query: str = "select * from runs order by queue_time, run_id", *values: object) -> list[sqlite3.Row]:
        """What the run log says."""
        path = self.var / "dsari_like.sqlite3"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def runs(self, job: str | None = None, status: str | None = None) -> list[sqlite3.Row]:
        return [
            row
            for row in self.rows()
            if (job is None or row["job_name"] == job) and (status is None or row["status"] == status)
        ]

    def ended(self, job: str, count: int = 1) -> list[sqlite3.Row]:
        """Wait until so many runs of the job have ended."""

        def look() -> list[sqlite3.Row]:
            done = [row for row in self.runs(job) if row["status"] in ("completed", "failed", "cancelled")]
            return done if len(done) >= count else []

        return list(self.until(f"{count} ended runs of {job}", look))

    def decisions(self, job: str | None = None) -> list[sqlite3.Row]:
        found = self.rows("select * from decisions order by decision_id")
        return [row for row in found if job is None or row["job_name"] == job]

    def output(self, row: sqlite3.Row) -> str:
        path = self.run_file(row, "output.txt")
        return path.read_text(errors="replace") if path.exists() else ""

    def run_file(self, row: sqlite3.Row, name: str) -> Path:
        return self.var / "runs" / row["job_name"] / row["run_id"] / name

    def refused(self, name: str) -> dict[str, str]:
        """The refused files of a job, and the reason of each."""
        place = self.var / "corrupt" / name
        reasons = sorted(place.glob("*.reason")) if place.exists() else []
        return {path.name.removesuffix(".reason"): path.read_text() for path in reasons}

    def until_refused(self, name: str, count: int = 1) -> dict[str, str]:
        return dict(
            self.until(
                f"{count} refusals for {name}", lambda: len(found := self.refused(name)) >= count and found, PATIENCE
            )
        )

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def without(self, check: str, *, because: str) -> None:
        """This check does not apply after the story."""
        assert check in aftercheck.CHECKS and because
        self.excused[check] = because
