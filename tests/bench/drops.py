"""Dropping files and reading what the probes wrote.

Owns lanes: a place to drop, a log of probes, and the times of both. Must not know who looks at the place.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Seconds until a drop without a probe counts as lost.
PATIENCE = 30.0

_numbers = itertools.count(1)


@dataclass(slots=True)
class Lane:
    """One competitor: files are staged on the same file system, renamed into `drops`, and seen by a probe in `log`."""

    name: str
    drops: Path
    log: Path
    dropped: dict[str, int] = field(default_factory=dict)  # file name, the probe's label -> monotonic nanoseconds
    latencies: list[float] = field(default_factory=list)

    def stage(self, count: int) -> list[Path]:
        """So many triggers, written and on the disk, ready to be renamed."""
        staging = self.log.parent / f"staging-{self.name}"
        staging.mkdir(exist_ok=True)
        staged = [_write(staging, f"{next(_numbers):07}.json") for _ in range(count)]
        os.sync()  # else the first commit of whoever records first would pay for our writing
        return staged

    def drop(self, staged: Path) -> None:
        """Rename one file into place; the clock is read right before."""
        target = self.drops / staged.name
        self.dropped[staged.name] = time.monotonic_ns()
        os.rename(staged, target)

    def collect(self) -> None:
        """Wait until each drop had its probe, then turn both into latencies."""
        found = read_log(self.log, len(self.dropped))
        self.latencies += [(found[label][0] - dropped) / 1e6 for label, dropped in self.dropped.items()]
        self.dropped.clear()
        self.log.unlink()


def take_turns(lanes: Sequence[Lane], blocks: int, drops: int, gaps: tuple[float, float] = (0.02, 0.05)) -> None:
    """`blocks` times `drops` drops in each lane, the lanes by turns, so that the machine's drift falls on all alike."""
    for _ in range(blocks):
        for lane in lanes:
            staged = lane.stage(drops)
            time.sleep(0.3)
            for path in staged:
                time.sleep(random.uniform(*gaps))
                lane.drop(path)
            lane.collect()
            time.sleep(0.2)


def read_log(log: Path, wanted: int) -> dict[str, tuple[int, int]]:
    """Label -> monotonic and real nanoseconds, once there are as many lines as wanted; raises RuntimeError when
    there are not in time, or a label comes twice: a lost drop is no latency."""
    lines = wait_for_lines(log, wanted)
    found = {label: (int(mono), int(real)) for label, mono, real in (line.split() for line in lines)}
    if len(found) != len(lines) or len(lines) != wanted:
        raise RuntimeError(f"{log}: {len(lines)} probes with {len(found)} labels for {wanted} drops")
    return found


def wait_for_lines(log: Path, wanted: int) -> list[str]:
    """The lines of the log, once there are so many, or after PATIENCE without one more."""
    lines: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while len(lines) < wanted and time.monotonic() < deadline:
        time.sleep(0.02)
        now = lines_of(log)
        if len(now) > len(lines):
            lines, deadline = now, time.monotonic() + PATIENCE
    return lines


def lines_of(log: Path) -> list[str]:
    """What the probes have written by now."""
    return log.read_text().splitlines() if log.exists() else []


def _write(staging: Path, name: str) -> Path:
    path = staging / name
    path.write_text(json.dumps({"environment": {"PROBE_LABEL": name}}))
    return path
