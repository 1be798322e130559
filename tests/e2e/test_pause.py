"""A paused job rests, whatever is dropped and whoever restarts the daemon; a slot is left out once."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from tests.e2e.site import Site


def control(site: Site, **request: object) -> None:
    """A request of a program that does not use the command."""
    site.drop("../control", request, f"{request['id']}.json")


def receipt(site: Site, name: str) -> dict[str, object]:
    path = site.var / "receipts" / f"{name}.json"
    found: dict[str, object] = json.loads(site.until(f"the receipt {name}", lambda: path.exists() and path.read_text()))
    return found


def page(site: Site, path: str) -> str:
    file = site.var / "html" / path
    return re.sub(r"\s+", " ", file.read_text()) if file.exists() else ""


def test_a_paused_job_rests_over_a_restart_until_it_is_unpaused(site: Site) -> None:
    site.configure({"a": {"command": "true"}, "b": {"command": "true"}})
    site.start()
    said = site.command("pause", "a", "--reason", "migration", "--wait")
    assert (said.returncode, said.stderr) == (0, "job a is paused until further notice\n")
    site.drop("a")
    site.drop("b")
    site.ended("b")
    site.until("the run that waits", lambda: site.runs("a", "queued"))
    why = "It waits because its job is paused until further notice: migration."
    assert why in site.command("explain", "a").stdout
    site.until("the pages that say so", lambda: why in page(site, "index.html"))
    assert "The job is paused, from " in page(site, "jobs/a/index.html")
    assert site.stop(signal.SIGKILL) == -signal.SIGKILL
    site.start()
    site.drop("b", file_name="again.json")
    site.ended("b", 2)
    assert [row["status"] for row in site.runs("a")] == ["queued"]
    assert json.loads(site.command("status", "--format", "json").stdout)["paused"][0]["job_name"] == "a"
    assert site.command("unpause", "a", "--wait").returncode == 0
    site.ended("a")
    site.until("the pages that say no more of it", lambda: "is paused" not in page(site, "jobs/a/index.html"))
    again = site.command("unpause", "a", "--wait")
    assert (again.returncode, again.stderr) == (
        1, "dsari-like: the request was refused: job a is not paused by itself\n",
    )  # fmt: skip


def test_a_slot_that_is_to_be_left_out_is_left_out_by_the_next_daemon_and_the_one_after_it_runs(site: Site) -> None:
    site.configure({"tick": {"command": "true", "schedule": "@every 2s"}, "plain": {"command": "true"}})
    site.start()
    assert site.command("pause", "--all", "--wait").returncode == 0
    said = site.command("skip-next", "tick", "--reason", "holiday", "--wait")
    assert said.returncode == 0
    assert site.command("skip-next", "plain").returncode == 1
    site.stop()
    site.start()
    before = len(site.runs("tick"))
    assert site.command("unpause", "--all", "--wait").returncode == 0
    site.until("a run of a slot", lambda: len(site.runs("tick")) > before)
    asked = [row for row in site.decisions("tick") if "as asked" in row["reason"]]
    assert [(row["outcome"], row["reason"]) for row in asked] == [
        ("skipped", "it was to be left out, as asked: holiday")
    ]
    (first,) = [row for row in site.decisions("tick") if row["run_id"] == site.runs("tick")[before]["run_id"]]
    assert first["schedule_time"] > asked[0]["schedule_time"]


def test_a_pause_ends_by_itself_and_the_pages_hear_of_it(site: Site) -> None:
    site.configure({"a": {"command": "true"}})
    site.start()
    assert site.command("pause", "a", "--until", "3s", "--wait").returncode == 0
    site.drop("a")
    site.until("the page of a job that rests", lambda: "is paused" in page(site, "jobs/a/index.html"))
    site.ended("a")
    site.until("the page of a job that does not", lambda: "is paused" not in page(site, "jobs/a/index.html"))


def test_the_pause_of_a_job_that_was_removed_can_be_ended(site: Site) -> None:
    site.configure({"a": {"command": "true"}, "b": {"command": "true"}})
    site.start()
    assert site.command("pause", "a", "--wait").returncode == 0
    site.configure({"b": {"command": "true"}})
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: "configuration reloaded: 1 jobs" in site.log_text())
    assert site.command("unpause", "a", "--wait").returncode == 0
    assert site.rows("select * from rests") == []
    control(site, action="unpause", id="typo", job="bb")
    assert receipt(site, "typo")["state"] == "refused"


def test_a_producer_that_waits_by_an_id_is_answered_although_the_receipt_is_gone(site: Site) -> None:
    site.configure({"a": {"command": "exit 3"}, "b": {"command": ["sh", "-c", "exit 3"]}})
    site.start()
    assert site.command("trigger", "b", "--id", "once", "--wait").returncode == 3
    file = Path(site.var, "receipts", "once.json")
    file.unlink()
    assert site.command("trigger", "b", "--id", "once", "--wait").returncode == 3
    assert json.loads(file.read_text())["state"] == "failed"
    assert len(site.runs("b")) == 1
