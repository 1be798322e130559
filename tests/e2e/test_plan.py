"""`plan` before a reload and after it, and a forecast beside what then happens, with the real daemon."""

from __future__ import annotations

import json
import signal
from datetime import datetime
from typing import Any

from tests.e2e.site import Site

JOBS: dict[str, Any] = {"nightly": {"command": "true", "schedule": "30 2 * * *"}, "build": {"command": "true"}}


def plan(site: Site) -> tuple[int, list[tuple[str, str]]]:
    """The exit status, and which job is to what."""
    done = site.command("plan", "--format", "json")
    return done.returncode, [(one["job_name"], one["change"]) for one in json.loads(done.stdout)]


def test_a_plan_is_carried_out_by_a_reload_and_then_there_is_none(site: Site) -> None:
    site.configure(JOBS)
    assert plan(site) == (1, [("nightly", "added"), ("nightly", "appears"), ("build", "added")])
    site.start()
    assert plan(site) == (0, [])
    site.configure({**JOBS, "nightly": {"command": "true", "schedule": "45 3 * * *"}})
    expected = (1, [("nightly", "changed"), ("nightly", "moved")])
    assert plan(site) == expected
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: plan(site) == (0, []))
    assert site.stop() == 0
    assert plan(site) == (0, [])


def test_what_cannot_be_loaded_is_no_plan_and_changes_nothing_in_force(site: Site) -> None:
    site.configure(JOBS)
    site.start()
    site.configure({"nightly": {"command": "true", "schedule": "61 * * * *"}})
    site.send(signal.SIGHUP)
    site.until("the complaint", lambda: "stays in force" in site.log_text())
    assert site.command("plan").returncode == 2
    site.configure(JOBS)
    assert plan(site) == (0, [])


def test_what_is_foretold_happens(site: Site) -> None:
    """Two jobs for one slot, due together: each run starts when, and after whom, it was said to."""
    job = {"command": "sleep 0.6", "schedule": "* * * * * */3", "concurrency_groups": ["db"]}
    site.configure({"b": {**job, "priority": -1}, "a": job})
    site.start()
    site.ended("b")
    done = site.command("next", "--simulate", "5s", "--format", "json")
    foretold = {
        (one["job_name"], instant(one["due"])): instant(one["start"])
        for one in json.loads(done.stdout)
        if one["start"] and one["run_id"].startswith("expected-")
    }
    assert {name for name, _ in foretold} == {"a", "b"}
    due = max(time for _, time in foretold)
    site.until("the runs", lambda: site.rows("select 1 from runs where job_name = 'b' and schedule_time = ?", due))
    site.until("their starts", lambda: not [row for row in site.runs() if row["start_time"] is None])
    real = {(row["job_name"], row["schedule_time"]): row["start_time"] for row in site.runs()}
    assert all(abs(real[key] - start) < 0.9 for key, start in foretold.items())
    assert any(start - due > 0.3 for (_, due), start in foretold.items())


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
