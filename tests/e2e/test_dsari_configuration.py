"""An existing dsari configuration, as it is: the same files in the same places of a directory mean the same."""

from __future__ import annotations

import gzip
import json
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]
MAIN = """\
# dsari.yaml of a small build host
environment:
  SITE: here
  LEVEL: 1
  LIMIT: 2.5
concurrency_groups:
  builders: {max: 2}
jobs:
  compile:
    command: sh -c 'echo compiled $0 $1 in $SITE $LEVEL $LIMIT; env | sort'
    command_append_run: true
    schedule: H H(0-2) * * *
    schedule_timezone: America/New_York
    concurrency_groups: [builders]
    environment: {LEVEL: 3}
    jenkins_environment: true
    max_execution: 3600
    max_execution_grace: 30
  hidden-job:
    command: [echo, not shown]
    render_reports: false
  "odd name: a+b@c_d.e":
    command: "true"
    concurrent_runs: true
job_groups:
  nightly:
    job_names: [backup, verify]
    command: [sh, -c, 'echo $JOB_GROUP $JOB_NAME; echo $CONCURRENCY_GROUP']
    schedule: "@daily"
    concurrency_groups: [undeclared]
shutdown_kill_runs: true
shutdown_kill_grace: 1
report_run_output_start: 100
report_run_output_end: 50
"""
JOBS = {"compile", "hidden-job", "odd name: a+b@c_d.e", "backup", "verify"}


def existing(site: Site, main: str = MAIN) -> None:
    site.write("etc/dsari.yaml", main)


def environment_of(site: Site, job: str) -> dict[str, str]:
    lines = site.output(site.ended(job)[0]).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


class TestFiles:
    def test_d01_an_explicit_directory_wins_and_a_home_is_found(self, site: Site) -> None:
        existing(site)
        site.write("other/dsari.yaml", "jobs: {there: {command: x}}\n")
        assert {job["job_name"] for job in jobs(site)} == JOBS
        assert [job["job_name"] for job in jobs(site, "--config-dir", str(site.root / "other"))] == ["there"]

    def test_d02_yaml_then_json_then_the_drop_ins_and_the_later_wins_within_maps(self, site: Site) -> None:
        site.write("etc/dsari.yaml", "jobs: {a: {command: one, environment: {A: yaml, B: yaml, C: yaml, D: yaml}}}\n")
        site.write("etc/dsari.json", '{"jobs": {"a": {"environment": {"B": "json", "C": "json", "D": "json"}}}}')
        site.write("etc/config.d/20-later.yaml", "jobs: {a: {environment: {D: '20'}}, b: {command: two}}\n")
        site.write("etc/config.d/10-first.yaml", "jobs: {a: {environment: {C: '10', D: '10'}}}\n")
        site.write("etc/config.d/05.json", '{"jobs": {"a": {"command": ["printenv", "A", "B", "C", "D"]}}}')
        site.start()
        site.drop("a")
        assert site.output(site.ended("a")[0]).split() == ["yaml", "json", "10", "20"]
        assert {job["job_name"] for job in jobs(site)} == {"a", "b"}

    def test_d03_d07_the_folder_has_a_key_and_only_regular_files_count(self, site: Site) -> None:
        existing(site, "config_d: more\njobs: {a: {command: x}}\n")
        site.write("etc/more/b.yaml", "jobs: {b: {command: x}}\n")
        site.write("etc/config.d/c.yaml", "jobs: {c: {command: x}}\n")
        (site.etc / "more/d.yaml").mkdir()
        assert {job["job_name"] for job in jobs(site)} == {"a", "b"}

    def test_d04_names_and_d06_values_that_dsari_takes_are_taken_and_the_others_refused(self, site: Site) -> None:
        existing(site)
        assert site.command("check").returncode == 0
        for text in ("jobs: {a/b: {command: x}}", "jobs: {'..': {command: x}}", "jobs: {ä: {command: x}}"):
            existing(site, text)
            assert "no legal name" in site.command("check").stderr
        for value in ("true", "null", "[]"):
            existing(site, f"environment: {{A: {value}}}\njobs: {{}}\n")
            assert "environment.A" in site.command("check").stderr

    def test_d08_data_dir_and_d15_the_database_are_where_they_are_said_to_be(self, site: Site) -> None:
        site.without("descriptors", because="the run log has a name of its own, by which its files are not told apart")
        site.var = site.root / "data"
        database = "database: {type: sqlite3, file: log/dsari.db}"
        existing(site, f"data_dir: {site.var}\n{database}\njobs: {{a: {{command: 'true'}}}}\n")
        site.start()
        (site.var / "trigger/a/trigger.json").write_text("{}")
        site.until("its page", lambda: list((site.var / "html/jobs/a").glob("*/index.html")))
        assert (site.etc / "log/dsari.db").exists() and not (site.root / "var").exists()
        (site.var / "dsari_like.sqlite3").symlink_to(site.etc / "log/dsari.db")  # where the checks look
        assert site.ended("a")[0]["status"] == "completed"

    def test_d15_another_database_is_refused_by_its_name(self, site: Site) -> None:
        existing(site, "database: {type: postgresql, dsn: x}\njobs: {}\n")
        told = site.command("check")
        assert told.returncode == 2 and "'postgresql' is not supported" in told.stderr and "dsari.yaml:1" in told.stderr


class TestJobs:
    def test_d14_d19_d20_d23_commands_and_variables(self, site: Site) -> None:
        existing(site)
        site.start()
        site.drop("compile")
        (row,) = site.ended("compile")
        assert site.output(row).splitlines()[0] == f"compiled compile {row['run_id']} in here 3 2.5"

    def test_d28_d50_d52_what_dsari_and_jenkins_tell_a_run(self, site: Site) -> None:
        existing(site)
        site.start()
        site.drop("compile")
        told, (row,) = environment_of(site, "compile"), site.runs("compile")
        run_dir = f"{site.var}/runs/compile/{row['run_id']}"
        expected = {
            "CI": "true",
            "DSARI": "true",
            "JOB_NAME": "compile",
            "RUN_ID": row["run_id"],
            "RUN_DIR": run_dir,
            "PWD": run_dir,
            "TRIGGER_TYPE": "file",
            "CONCURRENCY_GROUP": "builders",
            "BUILD_NUMBER": row["run_id"],
            "BUILD_TAG": f"dsari-compile-{row['run_id']}",
            "EXECUTOR_NUMBER": "0",
            "NODE_NAME": "master",
            "WORKSPACE": run_dir,
        }
        assert {name: told.get(name) for name in expected} == expected
        assert told["BUILD_URL"].startswith("file://") and told["JENKINS_URL"].startswith("file://")

    def test_d17_d18_d29_groups_of_jobs_and_of_slots(self, site: Site) -> None:
        existing(site)
        site.start()
        for name in ("backup", "verify"):
            site.drop(name)
            assert site.output(site.ended(name)[0]).splitlines() == [f"nightly {name}", "undeclared"]
        told = {job["job_name"]: job for job in jobs(site)}
        assert told["backup"]["schedule"] == ["@daily"] and told["backup"]["next_time"] != told["verify"]["next_time"]

    def test_d17_a_group_does_not_silently_replace_a_job(self, site: Site) -> None:
        existing(site, "jobs: {a: {command: x}}\njob_groups: {g: {job_names: [a], command: x}}\n")
        told = site.command("check")
        assert told.returncode == 2 and "'a'" in told.stderr

    def test_d21_d22_the_hash_falls_where_dsari_has_it_in_the_zone_of_the_job(self, site: Site) -> None:
        existing(site)
        told = {job["job_name"]: job for job in jobs(site)}["compile"]
        assert told["schedule_timezone"] == "America/New_York"
        fire, crc = datetime.fromtimestamp(told["next_time"], ZoneInfo("America/New_York")), crc32(b"compile")
        assert (fire.minute, fire.hour, fire.second) == (crc % 60, (crc >> 1) % 3, (crc >> 5) % 60)

    def test_d24_d25_the_limits_of_a_run(self, site: Site) -> None:
        limits = "max_execution: 0.3, max_execution_grace: 0.3"
        existing(site, f"jobs: {{a: {{command: [sh, -c, 'trap \"\" TERM; sleep 9; sleep 9'], {limits}}}}}\n")
        site.start()
        site.drop("a")
        (row,) = site.ended("a")
        assert (row["reason"], row["exit_code"]) == ("max_execution", 137) and row["stop_time"] - row["start_time"] < 3

    def test_d26_d62_a_list_of_groups_is_a_choice(self, site: Site) -> None:
        existing(site, "jobs: {a: {command: [sleep, '0.3'], concurrent_runs: true, concurrency_groups: [l, r]}}\n")
        site.start()
        for number in range(4):
            site.drop("a", {}, f"{number}.json")
        rows = site.ended("a", 4)
        assert sorted(row["concurrency_group"] for row in rows) == ["l", "l", "r", "r"]

    def test_d30_runs_at_once_only_where_it_is_said(self, site: Site) -> None:
        job = "{command: [sleep, '0.3']"
        existing(site, f"jobs:\n  one: {job}}}\n  many: {job}, concurrent_runs: true}}\n")
        site.start()
        for number in range(2):
            for name in ("one", "many"):
                site.drop(name, {}, f"{number}.json")
        first, second = sorted(site.ended("many", 2), key=lambda row: row["start_time"])
        assert second["start_time"] < first["stop_time"]
        first, second = sorted(site.ended("one", 2), key=lambda row: row["start_time"])
        assert second["start_time"] >= first["stop_time"]

    def test_d31_the_classic_file_names_of_triggers(self, site: Site) -> None:
        existing(site)
        site.start()
        site.drop("backup", {"type": "push", "description": "who", "environment": {"A": 1}}, "trigger.json")
        site.drop("verify", "type: push\nenvironment: {A: 1}\n", "trigger.yaml")
        for name in ("backup", "verify"):
            (row,) = site.ended(name)
            assert row["trigger_type"] == "file" and json.loads(row["trigger_data"])["type"] == "push"


class TestShutdown:
    @pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; echo on; sleep 60; sleep 60"])
    def test_d12_d13_running_runs_are_told_to_end_and_then_made_to(self, site: Site, script: str) -> None:
        existing(site, MAIN.replace("[echo, not shown]", json.dumps([*SH, f"echo on; {script}"])))
        site.start()
        site.drop("hidden-job")
        site.until("the start", lambda: (runs := site.runs("hidden-job", "running")) and site.output(runs[0]))
        begun = time.monotonic()
        assert site.stop(signal.SIGTERM) == 0 and time.monotonic() - begun < 4
        (row,) = site.runs("hidden-job")
        assert (row["status"], row["reason"]) == ("cancelled", "shutdown")

    def test_d12_without_it_runs_are_left_alone(self, site: Site) -> None:
        existing(site, "shutdown_kill_runs: false\njobs: {a: {command: [sleep, '0.5']}}\n")
        site.start()
        site.drop("a")
        site.until("the start", lambda: site.runs("a", "running"))
        assert site.stop() == 0
        site.start()
        assert site.ended("a")[0]["status"] == "completed"


class TestReports:
    def test_d27_a_hidden_job_is_in_no_page(self, site: Site) -> None:
        existing(site)
        site.start()
        for name in ("hidden-job", "backup"):
            site.drop(name)
            site.ended(name)
        assert _page(site, "backup").exists()
        pages = [page for page in (site.var / "html").rglob("*") if page.is_file()]
        assert pages and not [page for page in pages if b"hidden-job" in page.read_bytes()]

    def test_d11_a_long_output_is_shown_by_its_ends(self, site: Site) -> None:
        text = "jobs: {a: {command: [sh, -c, 'echo first; seq 1000; echo last']}}\n"
        existing(site, f"report_run_output_start: 100\nreport_run_output_end: 50\n{text}")
        site.start()
        site.drop("a")
        site.ended("a")
        shown = _page(site, "a").read_text()
        assert "first" in shown and "last" in shown and ">500<" not in shown

    def test_d10_pages_are_compressed(self, site: Site) -> None:
        existing(site, "report_html_gz: true\njobs: {a: {command: 'true'}}\n")
        site.start()
        site.drop("a")
        site.ended("a")
        found = site.until("the page", lambda: list((site.var / "html/jobs/a").glob("*/index.html.gz")))
        assert b"</html>" in gzip.decompress(found[0].read_bytes())

    def test_d09_a_template_of_the_site_is_taken_before_ours(self, site: Site) -> None:
        site.write("etc/templates/run.html", "<html>our own page of {{ view.__class__.__name__ }}</html>\n")
        existing(site, "template_dir: templates\njobs: {a: {command: 'true'}}\n")
        site.start()
        site.drop("a")
        site.ended("a")
        assert "our own page of" in _page(site, "a").read_text()


def jobs(site: Site, *options: str) -> list[dict[str, Any]]:
    """What `jobs` tells of them."""
    told = site.command(*options, "jobs", "--format", "json")
    assert told.returncode == 0, told.stderr
    return list(json.loads(told.stdout))


def _page(site: Site, job: str) -> Path:
    """The page of the job's only run, when there is nothing more to be told of it."""
    site.until("the page", lambda: list((site.var / "html/jobs" / job).glob("*/index.html")))
    site.quiet()
    (page,) = (site.var / "html/jobs" / job).glob("*/index.html")
    return page
