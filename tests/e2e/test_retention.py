"""Retention with the real daemon: what goes, what stays, and that rows, run directories and pages agree."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.bench.history import fill
from tests.e2e.site import Site

COUNT = {"count": 3}


def directories(site: Site, job: str) -> set[str]:
    place = site.var / "runs" / job
    return set(os.listdir(place)) if place.exists() else set()


def pages(site: Site, job: str) -> set[str]:
    place = site.var / "html" / "jobs" / job
    return {path.parent.name for path in place.glob("*/index.html")} if place.exists() else set()


def linked(site: Site, job: str) -> set[str]:
    """The runs that the pages of a job's history link to."""
    place = site.var / "html" / "jobs" / job
    link = re.compile(r'href="[^"]*?([0-9a-f-]{36})/index.html')
    return {run_id for page in place.glob("*.html") for run_id in link.findall(page.read_text())}


def agree(site: Site, job: str) -> bool:
    rows = {row["run_id"] for row in site.runs(job)}
    no_leftovers = not (site.var / "pruned").exists() or not os.listdir(site.var / "pruned")
    return no_leftovers and rows == directories(site, job) == pages(site, job) and linked(site, job) == rows


def run_often(site: Site, job: str, count: int) -> list[str]:
    for number in range(count):
        site.drop(job, file_name=f"{number}.json")
        site.ended(job, number + 1)
    return [row["run_id"] for row in site.runs(job)]


def age(site: Site, seconds: float, job: str) -> None:
    """Everything about the job happened so much earlier."""
    with closing(sqlite3.connect(site.var / "dsari_like.sqlite3", timeout=10)) as log, log:
        for column in ("schedule_time", "queue_time", "start_time", "stop_time"):
            log.execute(f"update runs set {column} = {column} - ? where job_name = ?", (seconds, job))
        log.execute("update decisions set time = time - ? where job_name = ?", (seconds, job))


def test_a_reload_with_a_rule_removes_what_the_rule_takes_and_everything_agrees(site: Site) -> None:
    site.configure({"build": {"command": "true"}, "other": {"command": "true"}})
    site.start()
    ids = run_often(site, "build", 8)
    others = run_often(site, "other", 5)
    site.configure({"build": {"command": "true", "retention": COUNT}, "other": {"command": "true"}})
    site.send(signal.SIGHUP)
    site.until("the removal", lambda: {row["run_id"] for row in site.runs("build")} == set(ids[-3:]))
    site.until("agreement", lambda: agree(site, "build"))
    assert {row["run_id"] for row in site.runs("other")} == set(others) and agree(site, "other")
    assert "5 older runs removed" in (site.var / "html/jobs/build/index.html").read_text()
    run_ids = {row["run_id"] for row in site.rows("select distinct run_id from events")}
    assert not run_ids & set(ids[:-3])
    assert len(site.decisions("build")) == 8, "a decision tells what became of a trigger, and outlives its run"


def test_a_command_asks_the_daemon_and_tells_what_went(site: Site) -> None:
    site.configure({"build": {"command": "true"}})
    site.start()
    ids = run_often(site, "build", 6)
    site.stop()
    site.configure({"build": {"command": "true"}}, retention=COUNT)
    dry = site.command("prune", "--dry-run", "--format", "json")
    assert dry.returncode == 0
    taken = [one["run_id"] for one in json.loads(dry.stdout) if one["verdict"] == "taken"]
    assert sorted(taken) == ids[:3] and len(site.runs("build")) == 6
    site.start()
    said = site.command("prune", "--format", "json")
    assert said.returncode == 0, said.stderr
    assert {row["run_id"] for row in site.runs("build")} == set(ids[3:])
    assert agree(site, "build")


def test_without_a_daemon_the_command_does_it_itself_and_pages_follow(site: Site) -> None:
    site.configure({"build": {"command": "true"}})
    site.start()
    ids = run_often(site, "build", 6)
    site.stop()
    site.configure({"build": {"command": "true"}}, retention=COUNT)
    said = site.command("prune", "--format", "json")
    assert said.returncode == 0, said.stderr
    assert sorted(one["run_id"] for one in json.loads(said.stdout)) == ids[:3]
    assert agree(site, "build")
    site.start()


def test_old_runs_go_by_age_and_failed_ones_later(site: Site) -> None:
    jobs = {"good": {"command": "true"}, "bad": {"command": "false"}}
    site.configure(jobs)
    site.start()
    run_often(site, "good", 3)
    run_often(site, "bad", 3)
    site.stop()
    for job in jobs:
        age(site, 40 * 86_400.0, job)
    site.configure(jobs, retention={"age": "30d", "keep_failed": "60d"})
    site.start()
    site.until("the removal", lambda: len(site.runs("good")) == 1)
    site.until("agreement", lambda: agree(site, "good"))
    assert len(site.runs("bad")) == 3
    site.until("the end of old decisions", lambda: len(site.decisions("good")) <= 1)


def test_what_a_run_left_is_removed_and_no_link_is_followed(site: Site) -> None:
    precious = site.write("precious/file", "stays")
    script = (
        f"ln -s {precious.parent} link; ln {precious} hard; mkfifo pipe; mkdir -p a/b/c/d; touch a/b/c/d/f;"
        " mkdir shut; touch shut/in; chmod 000 shut; printf x > 'odd\nname'"
    )
    site.configure({"build": {"command": ["sh", "-c", script]}}, retention={"count": 1})
    site.start()
    ids = run_often(site, "build", 3)
    assert site.command("prune").returncode == 0
    assert {row["run_id"] for row in site.runs("build")} == {ids[-1]}
    assert agree(site, "build") and precious.read_text() == "stays"
    os.chmod(site.var / "runs/build" / ids[-1] / "shut", 0o700)


def test_a_link_in_the_place_of_a_jobs_directory_is_left_alone_and_told(site: Site) -> None:
    site.configure({"build": {"command": "true"}})
    site.start()
    run_often(site, "build", 3)
    site.stop()
    elsewhere = site.root / "elsewhere"
    (site.var / "runs/build").rename(elsewhere)
    (site.var / "runs/build").symlink_to(elsewhere)
    before = set(os.listdir(elsewhere))
    site.configure({"build": {"command": "true"}}, retention={"count": 1})
    site.start()
    site.until("the warning", lambda: "cannot remove runs of 'build'" in site.log_text())
    assert set(os.listdir(elsewhere)) == before and len(site.runs("build")) == 3


def test_a_running_run_and_a_waiting_one_are_never_touched(site: Site) -> None:
    jobs = {"long": {"command": "sleep 60", "max_execution": 60}, "quick": {"command": "true"}}
    site.configure(jobs, retention={"age": 0.01, "count": 1, "bytes": 1})
    site.start()
    site.drop("long", file_name="1.json")
    site.until("the first run", lambda: site.runs("long", "running"))
    site.drop("long", file_name="2.json")
    site.until("the second run", lambda: len(site.runs("long")) == 2)
    run_often(site, "quick", 2)
    assert site.command("prune").returncode == 0
    assert len(site.runs("long")) == 2 and directories(site, "long")
    for row in site.runs("long"):
        site.command("cancel", row["run_id"])
    site.until("the end", lambda: not site.runs("long", "running"))


def test_a_crash_in_the_middle_is_made_good_by_the_next_start(site: Site) -> None:
    site.configure({"build": {"command": "true"}})
    site.start()
    ids = run_often(site, "build", 4)
    site.stop()
    pruned = site.var / "pruned"
    pruned.mkdir(mode=0o700)
    runs = site.var / "runs/build"
    (runs / ids[0]).rename(pruned / ids[0])  # set aside, and then everything ended: the row is there
    (pruned / "0190-gone").mkdir()  # the row was taken out, and then everything ended
    (pruned / "0190-gone/output.txt").write_text("x")
    site.start()
    site.until("the end of what was left", lambda: not os.listdir(pruned))
    assert directories(site, "build") == set(ids) and agree(site, "build")


def _at_most(site: Site, left: int) -> bool:
    return len(site.runs("past")) <= left


@pytest.mark.slow
def test_a_daemon_that_is_killed_again_and_again_leaves_everything_in_agreement(site: Site) -> None:
    site.configure({"build": {"command": "true", "retention": {}}})
    site.start()
    run_often(site, "build", 1)
    site.stop()
    fill(site.var / "dsari_like.sqlite3", "past", 400)
    for row in site.runs("past"):
        site.write(f"var/runs/past/{row['run_id']}/inner/output.txt", "x" * 100)
    site.configure({"build": {"command": "true"}, "past": {"command": "true"}}, retention={"count": 10})
    for left in (350, 250, 120, 30):
        site.start()
        site.until("some removal", partial(_at_most, site, left), 60)
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        site.daemon = None
    site.start()
    site.until("the removal", lambda: len(site.runs("past")) <= 10, 60)
    site.until("agreement", lambda: agree(site, "past"), 60)


def test_a_leap_of_the_clock_takes_nothing_by_age(site: Site) -> None:
    site.configure({"build": {"command": "true"}})
    site.start()
    run_often(site, "build", 3)
    site.stop()
    with closing(sqlite3.connect(site.var / "dsari_like.sqlite3", timeout=10)) as log, log:
        # The machine remembers a time 100 days before the one its clock shows now.
        for column in ("schedule_time", "queue_time", "start_time", "stop_time"):
            log.execute(f"update runs set {column} = {column} - 100 * 86400")
        log.execute("update events set time = time - 100 * 86400")
        log.execute("update decisions set time = time - 100 * 86400")
    site.configure({"build": {"command": "true"}}, retention={"age": "30d"})
    site.start()
    site.until("the warning", lambda: "the wall clock is 100 days ahead" in site.log_text())
    said = site.command("prune", "--dry-run")
    assert "not believed yet" in said.stdout
    assert site.command("prune").returncode == 0
    assert len(site.runs("build")) == 3 and len(site.decisions("build")) == 3
    assert Path(site.var / "html/jobs/build").is_dir()
