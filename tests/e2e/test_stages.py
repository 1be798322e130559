"""Stages with real processes: in order, into one output, and over the death of the daemon at any of them."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from tests.e2e.lives import GATED, SH, begun, events, kill, open_gate, shown, until_state, witnessed
from tests.e2e.site import Site


def stage(name: str, command: object = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "command": command or GATED, **more}


def names(site: Site) -> list[str]:
    return [line[2] for line in witnessed(site) if line[0] == "+"]


def test_in_order_into_one_output_with_what_each_took(site: Site) -> None:
    told = [
        *SH,
        'echo "$STAGE $IDEMPOTENCY_KEY" | sed "s/$RUN_ID/ID/"; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done',
    ]
    lenient = stage("lint", [*SH, "echo lint; exit 3"], continue_on_failure=True)
    site.configure({"a": {"stages": [stage("fetch", told), lenient, stage("ship", told)]}})
    site.start()
    site.drop("a")
    (row,) = site.ended("a")
    assert (row["status"], row["exit_code"], row["message"]) == ("completed", 0, "failed and allowed to: lint")
    assert site.output(row) == "fetch ID:fetch\nlint\nship ID:ship\n"
    stages = json.loads(row["stages"])
    assert [(one["name"], one["exit_code"]) for one in stages] == [("fetch", 0), ("lint", 3), ("ship", 0)]
    text = site.output(row)
    parts = [text[one["output_start"] : one["output_end"]] for one in stages]
    assert parts == ["fetch ID:fetch\n", "lint\n", "ship ID:ship\n"]
    assert row["user_seconds"] > 0 and row["max_rss"] > 500_000
    assert [one["name"] for one in shown(site, row["run_id"])["stages"]] == ["fetch", "lint", "ship"]
    assert "lint" in site.command("show", row["run_id"]).stdout


def test_the_daemon_dies_while_each_of_them_runs(site: Site) -> None:
    site.configure({"a": {"stages": [stage("one"), stage("two"), stage("three")]}})
    site.start()
    site.drop("a")
    for count, name in enumerate(("one", "two", "three"), start=1):
        begun(site, count)
        kill(site)
        assert site.runs("a")[0]["stage"] == name
        open_gate(site, name)
    (row,) = site.ended("a")
    assert (row["status"], names(site)) == ("completed", ["one", "two", "three"])


def test_a_stage_that_ends_while_no_daemon_runs_leads_on(site: Site) -> None:
    site.configure({"a": {"stages": [stage("one"), stage("two")]}})
    site.start()
    site.drop("a")
    begun(site, 1)
    assert site.stop(signal.SIGKILL) < 0
    open_gate(site, "one")
    site.until("its end", lambda: [line for line in witnessed(site) if line[0] == "-"])
    (row,) = site.runs("a")
    site.until("its keeper's word", site.run_file(row, "exit_status").exists)
    site.start()
    begun(site, 2)
    open_gate(site)
    (row,) = site.ended("a")
    assert (row["status"], names(site)) == ("completed", ["one", "two"])


def test_a_stage_that_was_cut_off_is_repeated_where_it_may_be(site: Site) -> None:
    """J-18, J-31: timed out first, then the same stage with the same key."""
    site.configure({"a": {"stages": [stage("one"), stage("two", on_interrupt="repeat")]}})
    site.start()
    site.drop("a")
    begun(site, 1)
    open_gate(site, "one")
    begun(site, 2)
    (row,) = site.runs("a")
    site.until("its process", lambda: site.runs("a")[0]["pid"])
    assert site.stop(signal.SIGKILL) < 0
    os.killpg(site.runs("a")[0]["pid"], signal.SIGKILL)
    site.start()
    begun(site, 3)
    open_gate(site)
    (row,) = site.ended("a")
    assert (row["status"], names(site)) == ("completed", ["one", "two", "two"])
    assert events(site, row["run_id"])[-3:] == [
        ("running", "timed_out"), ("timed_out", "running"), ("running", "completed"),
    ]  # fmt: skip


def test_on_the_way_out_no_stage_begins_and_the_next_daemon_goes_on(site: Site) -> None:
    site.configure({"a": {"stages": [stage("one"), stage("two")]}}, on_shutdown="wait")
    site.start()
    site.drop("a")
    begun(site, 1)
    site.send(signal.SIGTERM)
    site.until("its word", lambda: "stopping when" in site.log_text())
    open_gate(site, "one")
    assert site.stop() == 0
    assert [(row["status"], row["stage"]) for row in site.runs("a")] == [("running", "two")]
    site.start()
    begun(site, 2)
    open_gate(site)
    (row,) = site.ended("a")
    assert (row["status"], names(site)) == ("completed", ["one", "two"])


def test_cancelled_in_the_middle(site: Site) -> None:
    site.configure({"a": {"stages": [stage("one"), stage("two")]}})
    site.start()
    site.drop("a")
    begun(site, 1)
    (row,) = until_state(site, "a", "running")
    assert site.command("cancel", row["run_id"], "--wait").returncode == 0
    (row,) = site.runs("a")
    assert (row["reason"], row["stage"], names(site)) == ("while_running", "one", ["one"])
