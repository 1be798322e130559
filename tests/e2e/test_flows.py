"""Chains, orchestrations and events with the real daemon: the examples do as their comments say, also when it dies."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.site import Site

EXAMPLES = Path(__file__).parents[2] / "etc" / "examples"
ROUNDS = 10


def begin(site: Site, example: str) -> None:
    shutil.copy(EXAMPLES / example, site.etc / "dsari_like.yaml")
    site.start()


def ended(site: Site, *jobs: str) -> list[str]:
    """Wait for so many ended runs of these jobs, and for nothing else to follow; the jobs as they were run."""
    site.until(f"the end of {', '.join(jobs)}", lambda: _are_ended(site, jobs))
    return [row["job_name"] for row in site.rows("select * from runs order by queue_time, sequence")]


def _are_ended(site: Site, jobs: tuple[str, ...]) -> bool:
    rows = site.runs()
    final = [row["job_name"] for row in rows if row["stop_time"] is not None]
    return Counter(final) >= Counter(jobs) and len(final) == len(rows)


def flows(site: Site) -> list[tuple[str, str]]:
    return [(row["name"], row["status"]) for row in site.rows("select * from flows order by start_time")]


# --- the chain --------------------------------------------------------------------------------------------------------


def test_c10_c11_one_start_runs_the_chain_and_passes_the_disabled_step_over(site: Site) -> None:
    begin(site, "chain.yaml")
    site.drop("extract")
    assert ended(site, "extract", "transform", "publish") == ["extract", "transform", "publish"]
    assert flows(site) == [("extract", "completed")]
    skipped = site.rows("select job_name, reason from decisions where outcome = 'skipped'")
    assert [tuple(row) for row in skipped] == [("check", "the step is disabled; the chain goes on with transform")]
    output = next((site.var / "runs" / "publish").iterdir()) / "output.txt"
    assert output.read_text().startswith("transform was fine")


def test_c12_a_deleted_step_is_repaired_and_the_line_to_write_is_told(site: Site) -> None:
    begin(site, "chain.yaml")
    text = (site.etc / "dsari_like.yaml").read_text()
    gone = text[text.index("  transform:\n") : text.index("  publish:\n")]
    (site.etc / "dsari_like.yaml").write_text(text.replace(gone, ""))
    said = site.command("check")
    assert said.returncode == 0 and "so it follows 'check' now; to keep it so, write   after: check" in said.stderr
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: "configuration reloaded" in site.log_text())
    site.drop("extract")
    assert ended(site, "extract", "publish") == ["extract", "publish"]
    site.stop()
    site.without("descriptors", because="a run log that was not written to yet has its journal to open")
    site.start()  # the next daemon knows as much
    site.drop("extract")
    assert ended(site, "extract", "extract", "publish", "publish") == ["extract", "publish"] * 2


def test_c13_a_step_that_is_run_by_hand_goes_on_from_there(site: Site) -> None:
    begin(site, "chain.yaml")
    assert site.command("trigger", "transform").returncode == 0
    assert ended(site, "transform", "publish") == ["transform", "publish"]


def test_c14_a_retry_that_goes_well_goes_on_behind_the_step_that_failed(site: Site) -> None:
    fails = {"command": ["sh", "-c", "test -e $DATA_DIR/ok"]}
    after = {"one": None, "two": "one", "three": "two", "four": "three"}
    jobs = {name: {"command": "true", **({"after": before} if before else {})} for name, before in after.items()}
    site.configure({**jobs, "two": {**fails, "after": "one"}})
    site.start()
    site.drop("one")
    assert ended(site, "one", "two") == ["one", "two"]
    site.write("var/ok", "")
    assert site.command("retry", site.runs("two")[0]["run_id"]).returncode == 0
    assert ended(site, "one", "two", "two", "three", "four") == ["one", "two", "two", "three", "four"]
    assert len({row["flow_id"] for row in site.runs()}) == 1 and flows(site) == [("one", "completed")]


# --- the orchestration ------------------------------------------------------------------------------------------------


def test_k08_k12_a_flaky_source_is_a_warning_and_its_retry_alone_is_run_again(site: Site) -> None:
    begin(site, "orchestration.yaml")
    site.drop("nightly")
    first = ended(site, "nightly", "orders", "prices", "tables", "rebuild", "reindex", "tell")
    assert Counter(first) == Counter(["nightly", "orders", "prices", "tables", "rebuild", "reindex", "tell"])
    assert flows(site) == [("nightly", "warning")]
    site.write("var/prices-are-up", "")
    (run,) = site.runs("nightly")
    assert site.command("retry", run["run_id"]).returncode == 0
    again = ended(site, *first, "nightly", "prices")
    assert again[len(first) :] == ["nightly", "prices"]
    assert flows(site) == [("nightly", "completed")]
    said = site.command("orchestrations", "nightly")
    assert "read/prices completed" in said.stdout and "build/tables completed" in said.stdout


def test_k03_k04_a_choice_of_tasks_and_what_a_task_is_told(site: Site) -> None:
    begin(site, "orchestration.yaml")
    assert site.command("trigger", "nightly", "--tasks", "orders,tell").returncode == 0
    assert ended(site, "nightly", "orders", "tell") == ["nightly", "orders", "tell"]
    output = next((site.var / "runs" / "orders").iterdir()) / "output.txt"
    assert output.read_text() == "read the orders of today\n"


def test_k16_an_orchestration_never_overlaps_with_itself(site: Site) -> None:
    site.configure({"a": {"command": "sleep 0.5"}}, orchestrations={"o": {"phases": [{"name": "p", "tasks": ["a"]}]}})
    site.start()
    site.drop("o", file_name="1.json")
    site.drop("o", file_name="2.json")
    ended(site, "o", "o", "a", "a")
    first, second = sorted(site.runs("o"), key=lambda row: row["start_time"])
    assert second["start_time"] >= first["stop_time"]


def test_k41_cancelling_an_orchestration_ends_its_tasks(site: Site) -> None:
    site.configure({"a": {"command": "sleep 60"}}, orchestrations={"o": {"phases": [{"name": "p", "tasks": ["a"]}]}})
    site.start()
    site.drop("o")
    site.until("the task", lambda: site.runs("a", "running"))
    assert site.command("cancel", site.runs("o")[0]["run_id"]).returncode == 0
    ended(site, "o", "a")
    assert {row["status"] for row in site.runs()} == {"cancelled"} and flows(site) == [("o", "cancelled")]


# --- events -----------------------------------------------------------------------------------------------------------


def test_k25_k26_both_files_start_the_job_and_the_cool_down_holds_it_back(site: Site) -> None:
    (site.etc / "incoming").mkdir()
    begin(site, "event.yaml")
    site.write("etc/incoming/customers.csv", "1")
    site.until("that it is remembered", lambda: site.rows("select * from readiness where updated <> '{}'"))
    assert site.runs() == []
    site.stop()
    site.write("etc/incoming/usage-7.csv", "1")  # while nobody looks
    site.start()
    assert ended(site, "invoice") == ["invoice"]
    assert site.runs()[0]["trigger_type"] == "event"
    site.write("etc/incoming/customers.csv", "22")
    site.write("etc/incoming/usage-8.csv", "1")
    both = "select updated from readiness where updated like '%customers%' and updated like '%usage%'"
    site.until("that both are remembered", lambda: site.rows(both))
    site.quiet()
    assert len(site.runs()) == 1


# --- kill -9 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_daemon_that_is_killed_neither_drops_nor_doubles_a_step(site: Site, seed: int) -> None:
    """Killed a little later in each round, while steps and tasks are ending and beginning. A run whose start nobody saw
    is lost, and tried again: that is what `retries` are for. What completed, completed once."""
    after = {"b": "a", "c": "b", "d": "b"}
    jobs = {
        name: {"command": "true", "retries": 3, "retry_delay": 0, **({"after": after[name]} if name in after else {})}
        for name in "abcdef"
    }
    phases = [{"name": "p", "tasks": ["a", "e"]}, {"name": "q", "tasks": ["f"]}]
    site.configure(jobs, orchestrations={"o": {"phases": phases}})
    site.start()
    site.drop("o")
    site.until("some runs", lambda: len(site.rows("select * from runs")) > seed % 7)
    site.stop(signal.SIGKILL)
    site.start()
    ended(site, "o", *"abcdef")
    assert Counter(row["job_name"] for row in site.runs(status="completed")) == Counter("oabcdef")
    assert {row["reason"] for row in site.runs() if row["status"] != "completed"} <= {"lost"}
    assert flows(site) == [("o", "completed")]
