"""The narrow places between two steps, each with its own story: what the daemon finds when it comes back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.crash.kit import Drop, House, Tracer, house
from tests.crash.sweep import before_the_lock, start_doomed
from tests.crash.verdict import faults

pytestmark = pytest.mark.usefixtures("strace")

SPAWN = ("?vfork", "?clone", "?clone3")


def killed_at(place: House, *calls: str, n: int = 1, **keys: Any) -> Drop:
    """Drop a trigger for `free`; the daemon dies before the n-th of these calls."""
    with Tracer(place, *(f"{call}:signal=SIGKILL:when={n}" for call in calls)):
        drop = place.give("free", **keys)
        place.until("its death", lambda: not place.lives)
    place.kill()
    return drop


def row_of(place: House, drop: Drop) -> Any:
    (row,) = place.rows("select * from runs where trigger_id = ?", drop.name)
    return row


def test_a_run_that_was_recorded_but_not_started_is_lost_and_not_started_again(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        drop = killed_at(place, *SPAWN)
        assert row_of(place, drop)["status"] == "running"
        place.start()
        place.settle(faults)
        row = row_of(place, drop)
        assert (row["status"], row["reason"], place.testimony()) == ("failed", "lost", [])
        place.give("free")
        place.settle(faults)


def test_a_run_whose_pid_was_not_recorded_yet_is_found_by_its_environment(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        drop = killed_at(place, "fsync", environment={"NAP": "1.5"})
        row = row_of(place, drop)
        assert (row["status"], row["pid"]) == ("running", None)
        place.start()
        second = place.give("free")
        found = place.until("the pid", lambda: row_of(place, drop)["pid"])
        assert f"RUN_ID={row['run_id']}".encode() in Path(f"/proc/{found}/environ").read_bytes().split(b"\0")
        place.settle(faults)
        assert row_of(place, drop)["status"] == "completed"
        times = {line.drop: line.time for line in place.testimony() if line.what == "start"}
        ends = {line.drop: line.time for line in place.testimony() if line.what == "end"}
        assert times[second.name] > ends[drop.name], "the second run of the job began beside the first"


def test_a_run_that_ended_while_no_daemon_was_there_has_its_true_end(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        drop = place.give("free", environment={"NAP": "0.3"})
        place.until("the start", place.testimony)
        place.kill()
        place.until("the end", lambda: len(place.testimony()) == 2)
        ended = place.testimony()[1].time / 1e9
        time.sleep(0.5)  # so that the time of its end and that of the next daemon can be told apart
        place.start()
        place.settle(faults)
        assert row_of(place, drop)["stop_time"] == pytest.approx(ended, abs=0.25)


def test_a_recorded_trigger_that_outlived_many_daemons_is_not_refused_as_well(tmp_path: Path) -> None:
    """A file that kills the daemon is given up after three attempts; one that is recorded already is none."""
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        killed_at(place, "?unlinkat", "?unlink")
        (claim,) = (place.var / "claimed").iterdir()
        claim.rename(claim.with_name(claim.name.replace(".1.t.", ".9.t.")))
        place.start()
        place.settle(faults)


def test_a_file_that_killed_three_daemons_is_put_aside(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        killed_at(place, "pwrite64")
        (claim,) = (place.var / "claimed").iterdir()
        claim.rename(claim.with_name(claim.name.replace(".1.t.", ".9.t.")))
        place.start()
        reasons = place.until_refused("free")
        assert "given up after 3 attempts" in reasons["00000.json"]
        assert place.rows("select * from runs") == []


def test_a_keeper_that_is_killed_with_its_command_is_lost(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        drop = place.give("free", environment={"NAP": "20"})
        place.until("the start", place.testimony)
        place.until("the pid", lambda: row_of(place, drop)["pid"])
        place.kill()
        os.killpg(row_of(place, drop)["pid"], signal.SIGKILL)
        place.start()
        row = row_of(place, drop)
        assert (row["status"], row["reason"]) == ("failed", "lost"), "it is told before the daemon is ready"


def test_a_limit_holds_although_nobody_could_see_who_was_started(tmp_path: Path) -> None:
    """For want of descriptors /proc cannot be read for a while after the start: that must not lift the limit."""
    with house(tmp_path / "house", {"free": {"max_execution": 1, "max_execution_grace": 1}}) as place:
        place.start()
        place.give("free")
        place.settle(faults)
        time.sleep(1.0)  # the last of the pages is written, and all is loaded: else their files are counted too
        with Tracer(place, "openat:error=EMFILE:when=6+"):  # the place, the file, those of the run: good
            drop = place.give("free", environment={"NAP": "30"})
            place.until("the start", lambda: len(place.testimony()) == 3)
            time.sleep(0.3)
        place.until("its end", lambda: row_of(place, drop)["reason"] == "max_execution", 8)


def test_a_daemon_that_dies_while_it_recovers_changes_nothing(tmp_path: Path) -> None:
    """Five starts that die early, at different places, and one that lives."""
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        killed_at(place, "pwrite64", n=3)
        for delay in (0.1, 0.15, 0.2, 0.22, 0.25):
            place.begin()
            time.sleep(delay)
            place.kill()
        place.start()
        place.until("rest", place.settled)
        assert len(place.rows("select * from runs")) + len(place.corrupt("free")) == 1
        assert sum(line.what == "start" for line in place.testimony()) <= 1


def test_a_run_that_is_cancelled_before_it_could_be_started_does_not_begin(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}) as place:
        place.start()
        with Tracer(place, f"{','.join(SPAWN)}:error=EAGAIN"):
            drop = place.give("free")
            place.until("the attempt", lambda: "cannot start a run" in place.log_text())
            assert place.command("cancel", row_of(place, drop)["run_id"]).returncode == 0
            place.until("its end", lambda: row_of(place, drop)["status"] == "cancelled", 5)
        place.give("free")
        place.settle(faults)
        assert row_of(place, drop)["exit_code"] is None
        assert drop.name not in {line.drop for line in place.testimony()}


def test_a_claim_that_kills_the_daemon_at_each_reading_is_put_aside_after_three(tmp_path: Path) -> None:
    """Each daemon dies at the same call: the claim is open, and nothing about it is recorded."""
    with house(tmp_path / "house", {"free": {}}, render="never") as place:
        drop, n = claimed_and_killed(place)
        for attempt in (2, 3):
            assert [name.split(".")[1] for name in place.claimed()] == [str(attempt - 1)]
            assert start_doomed(place, "ioctl", n), f"attempt {attempt} did not kill"
            place.kill()
        place.start()
        place.until("its end", place.settled)
        assert len(place.testimony()) == 2 and len(place.rows("select * from runs")) == 1, "those of the first"
        assert "given up after 3 attempts" in place.refused("free")[drop.file_name]
        place.give("free")
        place.until("a plain run", lambda: len(place.testimony()) == 4)


def test_a_claim_that_killed_the_daemon_twice_has_its_run(tmp_path: Path) -> None:
    with house(tmp_path / "house", {"free": {}}, render="never") as place:
        drop, n = claimed_and_killed(place)
        assert start_doomed(place, "ioctl", n)
        place.kill()
        place.start()
        place.until("its run", lambda: [line.drop for line in place.testimony()][2:] == [drop.name] * 2)
        place.until("rest", place.settled)
        assert row_of(place, drop)["status"] == "completed" and place.corrupt("free") == []


def claimed_and_killed(place: House) -> tuple[Drop, int]:
    """A daemon that has done its first run, and all its loading, dies while it reads a claim; and which call of that
    kind is the same for the daemons to come."""
    place.start()
    place.stop()
    n = before_the_lock(place, "ioctl") + 1
    place.start()
    place.give("free")
    place.until("rest", lambda: len(place.testimony()) == 2 and place.settled())
    time.sleep(0.3)
    return killed_at(place, "ioctl"), n
