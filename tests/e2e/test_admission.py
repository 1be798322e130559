"""Never more at once than allowed, best first, and what the merge rules make of triggers: with real processes, which
are counted by a witness file that each writes to when it begins and when it ends."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]
#: One short line by one `write` in append mode is never torn.
WITNESS = 'w() {{ echo "$1 $JOB_NAME ${{CONCURRENCY_GROUP:-none}}" >>"$DATA_DIR/witness"; }}; w +; {work}; w -'
SHORT = [*SH, WITNESS.format(work="sleep 0.05")]
#: Goes on until the test opens the gate.
GATED = [*SH, WITNESS.format(work='until [ -e "$DATA_DIR/open" ]; do sleep 0.02; done')]


def open_gate(site: Site) -> None:
    site.write("var/open", "")


def witnessed(site: Site) -> list[list[str]]:
    path = site.var / "witness"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def peaks(site: Site, field: int | None = None) -> Counter[str]:
    """The most runs at once: by job (field 1), by group (field 2), or of all together under "all"."""
    now: Counter[str] = Counter()
    peak: Counter[str] = Counter()
    for line in witnessed(site):
        key = "all" if field is None else line[field]
        now[key] += 1 if line[0] == "+" else -1
        peak[key] = max(peak[key], now[key])
    assert not +now
    return peak


def order(site: Site) -> list[str]:
    """The jobs in the order their runs began."""
    return [line[1] for line in witnessed(site) if line[0] == "+"]


def flood(site: Site, jobs: list[str], each: int) -> None:
    for number in range(each):
        for name in jobs:
            site.drop(name, {}, f"{number:03}.json")
    for name in jobs:
        site.ended(name, each)
    assert Counter(row["status"] for row in site.runs()) == {"completed": len(jobs) * each}


class TestLimits:
    def test_max_running_holds_over_all_jobs_and_is_used_up(self, site: Site) -> None:
        names = ["a", "b", "c", "d"]
        site.configure({name: {"command": SHORT, "concurrent_runs": True} for name in names}, max_running=3)
        site.start()
        flood(site, names, 6)
        assert peaks(site)["all"] == 3

    def test_a_group_is_a_number_of_slots_for_all_its_jobs_and_hinders_no_other(self, site: Site) -> None:
        job = {"command": SHORT, "concurrent_runs": True}
        in_group = {name: {**job, "concurrency_groups": ["disk"]} for name in ("a", "b")}
        site.configure({**in_group, "free": job}, concurrency_groups={"disk": {"max": 2}})
        site.start()
        flood(site, ["a", "b", "free"], 6)
        assert peaks(site, 2)["disk"] == 2
        assert peaks(site, 1)["free"] > 1

    def test_any_one_of_several_groups_will_do_and_an_undeclared_one_has_one_slot(self, site: Site) -> None:
        site.configure({"a": {"command": SHORT, "concurrent_runs": True, "concurrency_groups": ["left", "right"]}})
        site.start()
        flood(site, ["a"], 10)
        assert peaks(site, 2) == {"left": 1, "right": 1} and peaks(site)["all"] == 2
        assert {row["concurrency_group"] for row in site.runs("a")} == {"left", "right"}

    def test_a_job_never_runs_beside_itself_whatever_asks_for_it(self, site: Site) -> None:
        site.configure({"a": {"command": SHORT, "schedule": "* * * * * *"}})
        site.start()
        for number in range(10):
            site.drop("a", {}, f"{number}.json")
        rows = site.until("both kinds", lambda: (found := site.ended("a", 12)) if len(site.runs("a")) >= 12 else None)
        assert {row["trigger_type"] for row in rows} == {"schedule", "file"}
        site.configure({"a": {"command": SHORT}})
        site.send(signal.SIGHUP)
        site.until("rest", lambda: all(row["status"] in ("completed", "cancelled") for row in site.runs("a")))
        assert peaks(site, 1)["a"] == 1

    def test_several_runs_of_a_concurrent_job_are_there_at_once(self, site: Site) -> None:
        site.configure({"a": {"command": GATED, "concurrent_runs": True}})
        site.start()
        for number in range(5):
            site.drop("a", {}, f"{number}.json")
        site.until("all of them", lambda: len(witnessed(site)) == 5)
        open_gate(site)
        site.ended("a", 5)
        assert peaks(site)["all"] == 5

    def test_what_an_earlier_daemon_started_counts_for_the_next(self, site: Site) -> None:
        site.configure({"a": {"command": GATED}, "b": {"command": GATED}}, max_running=1)
        site.start()
        site.drop("a")
        site.until("the start", lambda: len(witnessed(site)) == 1)
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        site.start()
        site.drop("b")
        site.drop("a", {}, "again.json")
        site.until("their runs", lambda: len(site.runs()) == 3)
        assert [row["status"] for row in site.runs()] == ["running", "queued", "queued"]
        open_gate(site)
        site.ended("a", 2)
        site.ended("b")
        assert peaks(site)["all"] == 1

    def test_a_reload_that_widens_a_limit_lets_those_in_who_wait(self, site: Site) -> None:
        jobs = {"a": {"command": GATED, "concurrent_runs": True, "concurrency_groups": ["g"]}}
        site.configure(jobs, concurrency_groups={"g": {"max": 1}})
        site.start()
        for number in range(4):
            site.drop("a", {}, f"{number}.json")
        site.until("their runs", lambda: len(site.runs("a")) == 4)
        site.configure(jobs, concurrency_groups={"g": {"max": 3}})
        site.send(signal.SIGHUP)
        site.until("three of them", lambda: len(witnessed(site)) == 3)
        assert len(site.runs("a", "running")) == 3 and len(site.runs("a", "queued")) == 1
        open_gate(site)
        site.ended("a", 4)
        assert peaks(site)["all"] == 3


class TestOrder:
    def test_the_higher_priority_goes_first_and_then_who_came_first(self, site: Site) -> None:
        jobs = {"holder": {"command": GATED}, "low": {"command": SHORT, "priority": -1}, "first": {"command": SHORT}}
        more = {"second": {"command": SHORT}, "high": {"command": SHORT, "priority": 5}, "raised": {"command": SHORT}}
        site.configure({**jobs, **more}, max_running=1)
        site.start()
        site.drop("holder")
        site.until("the start", lambda: len(witnessed(site)) == 1)
        for name in ("low", "first", "second", "high", "raised"):
            site.drop(name, {"priority": 9} if name == "raised" else {})
            site.until("its run", lambda: site.runs(name))  # noqa: B023
        open_gate(site)
        site.ended("low")
        assert order(site) == ["holder", "raised", "high", "first", "second", "low"]

    def test_a_crowd_that_waits_for_one_group_does_not_hold_up_another(self, site: Site) -> None:
        crowd = {"command": GATED, "concurrent_runs": True, "concurrency_groups": ["busy"], "priority": 9}
        site.configure({"crowd": crowd, "other": {"command": SHORT}}, max_running=3)
        site.start()
        for number in range(20):
            site.drop("crowd", {}, f"{number}.json")
        site.until("the crowd", lambda: len(site.runs("crowd")) == 20)
        dropped = time.time()
        site.drop("other")
        assert site.ended("other")[0]["start_time"] - dropped < 1
        open_gate(site)
        site.ended("crowd", 20)


class TestMerge:
    """One run under way, then three triggers: 1, 2 and 3."""

    def story(self, site: Site, merge: str, **job: object) -> None:
        command = [*SH, f'{GATED[2]}; cat "$TRIGGER_DATA_FILE"']
        site.configure({"a": {"command": command, "merge": merge, **job}})
        site.start()
        for number in range(4):
            site.drop("a", {"id": f"t{number}", "n": number}, f"{number}.json")
            site.until("its decision", lambda: len(site.decisions("a")) == number + 1)  # noqa: B023

    def finish(self, site: Site) -> list[int]:
        """Let all of them end; returns the triggers whose runs were carried out."""
        open_gate(site)
        site.until("the end", lambda: all(row["stop_time"] is not None for row in site.runs("a")))
        done = [row for row in site.runs("a") if row["status"] == "completed"]
        assert peaks(site)["all"] == 1
        return [json.loads(row["trigger_data"])["n"] for row in done]

    def receipts(self, site: Site) -> list[str]:
        """The last word on each trigger."""
        paths = [site.var / f"receipts/t{number}.json" for number in range(4)]

        def states() -> list[str]:
            return [json.loads(path.read_text())["state"] for path in paths]

        site.until("last words", lambda: not {"queued", "running"} & set(states()))
        return states()

    def outcomes(self, site: Site) -> list[str]:
        return [one["outcome"] for one in site.decisions("a")]

    def test_queue_carries_out_all_in_order(self, site: Site) -> None:
        self.story(site, "queue")
        assert self.finish(site) == [0, 1, 2, 3]
        assert self.outcomes(site) == ["started"] * 4
        assert self.receipts(site) == ["completed"] * 4

    def test_fold_makes_one_run_that_lists_all(self, site: Site) -> None:
        self.story(site, "fold")
        assert self.finish(site) == [0, 1]
        assert self.outcomes(site) == ["started", "started", "folded", "folded"]
        assert {one["run_id"] for one in site.decisions("a")[1:]} == {site.runs("a")[1]["run_id"]}

    def test_replace_carries_out_the_newest_and_keeps_a_record_of_the_others(self, site: Site) -> None:
        self.story(site, "replace")
        assert self.finish(site) == [0, 3]
        assert [(row["status"], row["reason"]) for row in site.runs("a")[1:3]] == [("cancelled", "before_start")] * 2
        assert self.receipts(site) == ["completed", "cancelled", "cancelled", "completed"]

    def test_drop_keeps_the_one_that_waits_and_answers_the_others(self, site: Site) -> None:
        self.story(site, "drop")
        assert self.finish(site) == [0, 1]
        assert self.outcomes(site) == ["started", "started", "dropped", "dropped"]
        assert self.receipts(site) == ["completed", "completed", "dropped", "dropped"]
        assert len(site.runs("a")) == 2

    @pytest.mark.parametrize("merge", ["fold", "replace", "drop"])
    def test_a_concurrent_job_has_nothing_to_merge(self, site: Site, merge: str) -> None:
        self.story(site, merge, concurrent_runs=True, concurrency_groups=["g"])
        assert self.finish(site) == [0, 1, 2, 3]

    def test_a_trigger_takes_the_place_of_the_pending_scheduled_run_and_the_schedule_goes_on(self, site: Site) -> None:
        """D-40."""
        site.configure({"a": {"command": GATED, "schedule": "* * * * * *"}})
        site.start()
        site.until("a pending slot", lambda: site.runs("a", "running") and site.runs("a", "queued"))
        pending = site.runs("a", "queued")[0]["run_id"]
        site.drop("a")
        site.until("its place", lambda: pending in {row["run_id"] for row in site.runs("a", "cancelled")})
        open_gate(site)
        rows = site.until("the schedule", lambda: len(done := site.runs("a", "completed")) > 2 and done)
        assert [row["trigger_type"] for row in rows[:3]] == ["schedule", "file", "schedule"]
