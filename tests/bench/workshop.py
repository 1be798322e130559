"""Where a benchmark works: the compiled floors, fresh directories, sites of the usual shapes.

Owns the temporary directory. Must not know what is measured in it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.drops import Lane
from tests.bench.programs import Programs
from tests.bench.site import Site

JOB = "probe"


class Workshop:
    """`quick` asks for counts that show that a benchmark works, and nothing else."""

    def __init__(self, top: Path, quick: bool) -> None:
        self.quick = quick
        self.programs = Programs(top / "programs")
        self._top = top
        self._numbers = itertools.count(1)

    def directory(self) -> Path:
        """A new directory."""
        path = self._top / f"{next(self._numbers):03}"
        path.mkdir()
        return path

    def site(self, job: Mapping[str, object], others: int = 0, **settings: object) -> Site:
        """A site whose job `probe` runs the probe, beside so many daily jobs that are not due for hours."""
        top = self.directory() / "site"
        command = [self.programs.probe, str(top / "probes")]
        return Site(top, {JOB: {"command": command, **job}, **daily_jobs(others)}, **settings)

    def few(self, full: int, quick: int) -> int:
        """The one count or the other."""
        return quick if self.quick else full


def lane_of(name: str, site: Site) -> Lane:
    """The lane of a site's job `probe`."""
    return Lane(name, site.drops(JOB), site.log)


def daily_jobs(count: int) -> dict[str, object]:
    """So many jobs, at 1,200 different times of day, none of them within the next two hours."""
    hour = time.localtime().tm_hour + 3
    return {
        f"job{number:06}": {
            "command": ["/bin/true"],
            "schedule": f"{number % 60} {(hour + number // 60 % 20) % 24} * * *",
        }
        for number in range(count)
    }
