"""The tiny programs that set the floors: compiled once for each run of the benchmarks, started beside ours.

Owns the compiler's command line and the running of floors. Must not know the daemon.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).parent

#: Commands at once in the floor of a burst: on two cores four, sixteen and sixty-four are equally fast.
LIMIT = 16


class Programs:
    """The compiled programs, by name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for source in SOURCES.glob("*.c"):
            command = [os.environ.get("CC", "cc"), "-O2", "-static", "-o", str(directory / source.stem), str(source)]
            subprocess.run(command, check=True)

    def path(self, name: str) -> str:
        """Where a program is."""
        return str(self._directory / name)

    @property
    def probe(self) -> str:
        """The command of every benchmark."""
        return self.path("probe")

    @contextmanager
    def watch(self, drops: Path, log: Path, journal: Path | None = None) -> Iterator[None]:
        """The floor of latency, watching `drops` until the block ends."""
        extra = [str(journal)] if journal else []
        command = [self.path("watch"), str(drops), self.probe, str(log), *extra]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as floor:
            assert floor.stdout is not None
            if floor.stdout.readline() != b"ready\n":
                raise RuntimeError("the floor of latency did not start")
            try:
                yield
            finally:
                floor.kill()

    def spawn(self, count: int, log: Path) -> float:
        """Seconds that `count` bare commands take."""
        return self._seconds([self.path("spawn"), str(count), str(LIMIT), self.probe, str(log)])

    def spawn_by_python(self, count: int, log: Path) -> float:
        """The same by an interpreter that does nothing else."""
        program = str(SOURCES / "popen_loop.py")
        return self._seconds([sys.executable, "-I", "-S", program, str(count), str(LIMIT), self.probe, str(log)])

    def timer(self, count: int, seconds: int, log: Path) -> None:
        """The floor of punctuality: `count` commands at each full second."""
        subprocess.run([self.path("timer"), str(count), str(seconds), self.probe, str(log)], check=True)

    def _seconds(self, command: list[str]) -> float:
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
