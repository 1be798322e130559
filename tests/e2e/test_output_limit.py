"""P16 end to end: a job may talk as much as it likes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]


def cut(size: int) -> str:
    return f"[dsari_like: output cut at {size} bytes]\n"


@pytest.mark.parametrize("keep", [True, False])
def test_the_output_is_cut_and_the_job_is_not(site: Site, keep: bool) -> None:
    script = "seq 100000; echo done > \"$RUN_DIR/done\"; exit 4"
    site.configure(
        {
            "top": {"command": [*SH, script], "keeper": keep},
            "own": {"command": [*SH, script], "keeper": keep, "max_output": "2K"},
            "enough": {"command": [*SH, "printf 0123456789"], "keeper": keep, "max_output": 10},
        },
        max_output=1000,
    )
    site.start()
    whole = "".join(f"{number}\n" for number in range(1, 2000))
    for name, limit in (("top", 1000), ("own", 2048)):
        site.drop(name)
        (row,) = site.ended(name)
        assert (row["reason"], row["exit_code"]) == ("exit", 4)
        kept = whole[:limit]
        assert site.output(row) == kept + ("" if kept.endswith("\n") else "\n") + cut(limit)
        assert site.run_file(row, "done").exists()
    site.drop("enough")
    assert site.output(site.ended("enough")[0]) == "0123456789"


def flood_of_a_second(tmp_path: Path) -> int:
    """How many bytes `yes` puts into a file in a second on this machine, now."""
    with (tmp_path / "flood").open("wb") as file:
        subprocess.run(["timeout", "0.3", "yes"], stdout=file, check=False)
    written = (tmp_path / "flood").stat().st_size
    (tmp_path / "flood").unlink()
    return int(written / 0.3)


def test_one_who_never_stops_talking_fills_no_disk(site: Site, tmp_path: Path) -> None:
    """Measured by the blocks of the file over three seconds of `yes`, with a daemon killed and started meanwhile:
    never more than a second of talking, of however much there is."""
    bound = flood_of_a_second(tmp_path) + (64 << 20)
    site.configure({"loud": {"command": "yes", "max_output": "1M", "max_execution": 5, "max_execution_grace": 1}})
    site.start()
    site.drop("loud")
    row = site.until("the flood", lambda: [row for row in site.runs("loud", "running") if row["pid"]])[0]
    path = site.run_file(row, "output.txt")
    site.until("the output", path.exists)
    largest, deadline = 0, time.monotonic() + 3
    while time.monotonic() < deadline:
        largest = max(largest, path.stat().st_blocks * 512)
        time.sleep(0.01)
    assert largest < bound
    assert site.daemon is not None
    site.daemon.kill()
    site.daemon.wait()
    site.start()
    (row,) = site.ended("loud")
    assert row["reason"] == "max_execution"
    assert path.stat().st_size == (1 << 20) + len(cut(1 << 20))


def test_a_stray_that_talks_on_is_held_to_the_limit(site: Site, tmp_path: Path) -> None:
    site.without("descriptors", because="the output is watched as long as somebody holds it")
    site.without("strays", because="a run that ended by itself may leave somebody behind")
    bound = flood_of_a_second(tmp_path) + (64 << 20)
    site.configure({"stray": {"command": [*SH, "yes & echo $! > pid"], "max_output": 1000}})
    site.start()
    site.drop("stray")
    (row,) = site.ended("stray")
    pid = int(site.run_file(row, "pid").read_text())
    path = site.run_file(row, "output.txt")
    try:
        largest, deadline = 0, time.monotonic() + 3
        while time.monotonic() < deadline:
            largest = max(largest, path.stat().st_size)
            time.sleep(0.01)
        assert largest < bound
    finally:
        os.kill(pid, signal.SIGKILL)
    site.until("the last cut", lambda: path.stat().st_size == 1000 + len(cut(1000)))
