"""Ends that somebody asks for, with real processes and over the death of the daemon (J-23 to J-28)."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.lives import GATED, SAY, SH, begun, kill, open_gate, settled, until_state, wholes, witnessed
from tests.e2e.site import Site

#: Looks for the request and ends by itself, tidily; deaf to TERM.
TIDY = [
    *SH,
    f"{SAY}trap '' TERM; say +; until [ -e \"$RUN_DIR/cancel_requested\" ]; do sleep 0.02; done; say -; exit 0",
]
DEAF = [*SH, f"trap '' TERM; {SAY}say +; while :; do sleep 0.05; done"]


def running(site: Site, command: object = None, **more: Any) -> str:
    site.configure({"a": {"command": command or GATED, **more}})
    site.start()
    site.drop("a")
    begun(site, 1)
    (row,) = wholes(site, "a")
    site.until("its process", lambda: any(one["pid"] for one in site.runs("a")))
    return str(row["run_id"])


def test_a_run_that_looks_ends_by_itself_within_its_grace(site: Site) -> None:
    """J-25: the file tells who asked and why."""
    run_id = running(site, TIDY, cancel_grace="60s")
    assert site.command("cancel", run_id, "--reason", "wrong branch", "--wait").returncode == 0
    (row,) = site.runs("a")
    assert (row["status"], row["reason"]) == ("cancelled", "while_running") and "wrong branch" in row["message"]
    assert "wrong branch" in site.run_file(row, "cancel_requested").read_text()
    assert [line[0] for line in witnessed(site)] == ["+", "-"]
    assert "wrong branch" in site.command("show", run_id).stdout


def test_a_deaf_one_is_killed_after_both_graces(site: Site) -> None:
    run_id = running(site, DEAF, cancel_grace="0.3s", max_execution_grace="0.3s")
    assert site.command("cancel", run_id, "--wait").returncode == 0
    (row,) = site.runs("a")
    assert (row["status"], row["exit_code"]) == ("cancelled", 137)


def test_a_recorded_request_survives_the_daemon(site: Site) -> None:
    """J-28."""
    run_id = running(site, DEAF, cancel_grace="1s", max_execution_grace="0.5s")
    assert site.command("cancel", run_id, "--reason", "enough").returncode == 0
    site.until("the record of it", lambda: site.runs("a")[0]["ending"])
    kill(site)
    (row,) = site.ended("a")
    assert (row["status"], row["reason"]) == ("cancelled", "while_running") and "enough" in row["message"]


def test_before_the_start_and_while_running_are_told_apart(site: Site) -> None:
    """J-24."""
    running(site)
    site.drop("a", file_name="again.json")
    (waits,) = until_state(site, "a", "queued")
    assert site.command("cancel", waits["run_id"], "--wait").returncode == 0
    assert site.command("cancel", "--job", "a", "--wait").returncode == 0
    assert sorted(row["reason"] for row in site.runs("a")) == ["before_start", "while_running"]


def test_a_line_before_a_lock_is_cancelled_as_one(site: Site) -> None:
    """None of those that wait is let in by the end of another, to be told to end at once."""
    one = {"command": GATED, "concurrent_runs": True, "locks": {"db": "exclusive"}}
    site.configure({"a": one, "b": one})
    site.start()
    site.drop("b")
    begun(site, 1)
    for number in range(5):
        site.drop("a", file_name=f"{number}.json")
    until_state(site, "a", "waiting_for_lock", 5)
    assert site.command("cancel", "--job", "a", "--status", "waiting_for_lock", "--wait").returncode == 0
    assert {row["reason"] for row in site.runs("a")} == {"before_start"}
    assert len(witnessed(site)) == 1
    open_gate(site)
    settled(site)


def test_an_array_run_ends_with_all_its_items(site: Site) -> None:
    running(site, items="1-50", items_parallel=3)
    begun(site, 3)
    (row,) = wholes(site, "a")
    assert site.command("cancel", row["run_id"], "--wait").returncode == 0
    settled(site)
    (row,) = wholes(site, "a")
    counts = json.loads(row["items"])
    assert (row["status"], row["reason"], counts["cancelled"]) == ("cancelled", "while_running", 50)
    reasons = [one["reason"] for one in site.runs("a") if one["item"]]
    assert (reasons.count("while_running"), reasons.count("before_start")) == (3, 47)


def test_a_request_about_nobody_is_refused_by_name(site: Site) -> None:
    site.configure({"a": {"command": "true"}})
    site.start()
    site.drop("a")
    (row,) = site.ended("a")
    said = site.command("cancel", row["run_id"])
    assert said.returncode == 1 and "has ended already" in said.stderr
    said = site.command("cancel", "--job", "a", "--wait")
    assert said.returncode == 1 and "no waiting or running run with job a" in said.stderr
    assert site.command("cancel", "nobody").returncode == 3
