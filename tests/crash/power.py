"""A power cut without cutting the power: the data directory is on ext4 in a file; the daemon is stopped in the middle
of its work, and the file is copied. What was synced is in the copy, what was not is not.

The copy is sound because nobody else writes to the image at that moment: the file system commits by itself only every
five minutes, dirty pages are older than half a minute before they are flushed, and a job writes elsewhere what it
syncs. Each copy is mounted in the place of the original, after the original and all of its processes are gone: in a
machine that lost its power no process is left either.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsari_like.spool.drop import drop_trigger
from tests.crash.kit import Drop, House, house
from tests.crash.verdict import faults

#: Small, and made in whole at once: the file system has nothing to do later.
_MKFS = ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-J", "size=4")


@dataclass(frozen=True, slots=True)
class Cut:
    """A copy of the disk, and what had been acknowledged before it was made."""

    image: Path
    drops: tuple[Drop, ...]
    witness: str
    receipts: dict[str, dict[str, Any]]
    ended: dict[str, tuple[Any, ...]]  # run id -> status, reason, exit code


def why_not(root: Path) -> str | None:
    """Why no image can be mounted here; None when it can."""
    try:
        _make(root / "try.img")
        with _mounted(root / "try.img", root / "try"):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"an ext4 image cannot be made and mounted here: {error}"


def remembers(root: Path) -> tuple[bool, bool]:
    """Whether a copy that is made at once holds a file that was synced, and one that was not."""
    image, at = root / "memory.img", root / "memory"
    _make(image)
    with _mounted(image, at):
        synced = os.open(at / "synced", os.O_CREAT | os.O_WRONLY)
        os.fsync(synced)
        os.close(synced)
        (at / "unsynced").touch()
        _run("cp", "--sparse=always", str(image), f"{image}.copy")
    with _mounted(root / "memory.img.copy", at):
        return (at / "synced").exists(), (at / "unsynced").exists()


def cut(root: Path, number: int, seed: int) -> int:
    """Load a daemon, cut the power so many times, and see what each of the disks remembers. Returns the drops."""
    chance = random.Random(seed)
    with house(root / f"power-{seed}", {"free": {"concurrent_runs": True}, "alone": {}}) as place:
        place.var.mkdir()
        image = place.root / "disk.img"
        _make(image)
        with _mounted(image, place.var):
            place.start()
            cuts = [_cut(place, image, chance, number) for number in range(number)]
            place.settle(faults)
            place.stop()
        for one in cuts:
            with _mounted(one.image, place.var):
                _look(place, one)
        return len(cuts[-1].drops)


def _cut(place: House, image: Path, chance: random.Random, number: int) -> Cut:
    for _ in range(chance.randint(2, 6)):
        _give_durably(place, chance.choice(("free", "free", "alone")))
        time.sleep(chance.uniform(0.0, 0.06))
    acknowledged = _acknowledged(place)
    assert place.daemon is not None
    place.send(signal.SIGSTOP)
    stat = Path(f"/proc/{place.daemon.pid}/stat")
    place.until("the standstill", lambda: ") T " in stat.read_text())
    copy = place.root / f"cut-{number}.img"
    _run("cp", "--sparse=always", str(image), str(copy))
    drops, witness = tuple(place.drops), place.witness.read_text()
    place.send(signal.SIGCONT)
    return Cut(copy, drops, witness, *acknowledged)


def _give_durably(place: House, job: str) -> None:
    """By the means that promise it."""
    drop = Drop(job, f"{len(place.drops):05}")
    drop_trigger(str(place.var), job, {"id": drop.name, "environment": {"DROP": drop.name}}, drop.file_name)
    place.drops.append(drop)


def _acknowledged(place: House) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[Any, ...]]]:
    receipts = {drop.name: receipt for drop in place.drops if (receipt := place.receipt(drop))}
    rows = place.rows("select * from runs where status in ('completed', 'failed', 'cancelled')")
    return receipts, {row["run_id"]: (row["status"], row["reason"], row["exit_code"]) for row in rows}


def _look(place: House, one: Cut) -> None:
    place.drops = list(one.drops)
    place.witness.write_text(one.witness)
    place.start()
    try:
        place.settle(lambda house: [*faults(house, power=True), *_forgotten(house, one)])
    finally:
        place.stop()


def _forgotten(place: House, one: Cut) -> Iterator[str]:
    rows = {row["run_id"]: row for row in place.rows("select * from runs")}
    for run_id, told in one.ended.items():
        row = rows.get(run_id)
        found = row and (row["status"], row["reason"], row["exit_code"])
        if found != told:
            yield f"run {run_id} had ended as {told} before the power was cut, and is {found} now"
    for name, receipt in one.receipts.items():
        if receipt["run_id"] not in rows:
            yield f"drop {name} had a receipt for run {receipt['run_id']}, which nobody knows any more"


def _make(image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(32 << 20)
    _run(*_MKFS, str(image))


@contextmanager
def _mounted(image: Path, at: Path) -> Iterator[None]:
    at.mkdir(exist_ok=True)
    _run("mount", "-o", "loop,commit=300", str(image), str(at))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(at))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
