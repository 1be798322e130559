"""What dsari did badly, one story a row: the real daemon and the real commands do better.

The names carry the row of the list of its defects. How ours behaves in full is told elsewhere; here is the shortest
story that would have gone wrong.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]
TRUE = {"command": "true"}
#: A run that goes on until `open_gate`.
GATE = 'until [ -e "$DATA_DIR/open" ]; do sleep 0.02; done'
#: A run that does not end when it is asked to.
STUBBORN = "trap '' TERM; echo on; sleep 60; sleep 60"


def open_gate(site: Site) -> None:
    site.write("var/open", "")


def begin(site: Site, **jobs: object) -> None:
    site.configure(jobs or {"a": TRUE})
    site.start()


def refusals(site: Site, files: dict[str, object]) -> dict[str, str]:
    """Drop these for job `a`; a plain trigger runs meanwhile, and each of them ends in `corrupt/` with its reason."""
    for name, content in files.items():
        site.drop("a", content, name)
    dropped = time.time()
    site.drop("a", {"id": "plain"}, "plain.json")
    receipt = site.var / "receipts/plain.json"
    site.until("the plain run", lambda: receipt.exists() and json.loads(receipt.read_text())["state"] == "completed")
    assert time.time() - dropped < 2
    found = site.until_refused("a", len(files))
    assert found.keys() == files.keys()
    return found


def page_of(site: Site, run: sqlite3.Row) -> Path:
    return Path(site.var / "html/jobs" / run["job_name"] / run["run_id"] / "index.html")


class TestWhatIsDropped:
    def test_b01_b03_malformed_json_and_yaml_do_not_stop_the_daemon(self, site: Site) -> None:
        begin(site)
        found = refusals(site, {"b01.json": '{"environment": {]', "b03.yaml": "environment: [a\nb: }"})
        assert "line 1" in found["b01.json"] and "line 2" in found["b03.yaml"]

    def test_b02_plain_shell_redirections_are_read_when_they_are_whole(self, site: Site) -> None:
        begin(site, a={"command": "true", "concurrent_runs": True})
        place = site.var / "trigger/a"
        script = f"for n in $(seq 30); do echo '{{}}' >{place}/$n.json; done; : >{place}/late.json; sleep 0.3"
        subprocess.run([*SH, f"{script}; echo '{{}}' >{place}/late.json"], check=True)
        site.ended("a", 31)
        assert site.refused("a") == {} and len(site.runs("a")) == 31

    def test_b04_a_zone_in_a_trigger_is_where_its_time_is_meant(self, site: Site) -> None:
        begin(site)
        day = datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(days=2)
        noon = day.replace(hour=12, minute=0, second=0, microsecond=0)
        when = {"schedule_time": noon.strftime("%Y-%m-%d %H:%M"), "schedule_timezone": "Asia/Tokyo"}
        site.drop("a", when, "future.json")
        (row,) = site.until("the run to be recorded", lambda: site.runs("a", "scheduled"))
        assert row["schedule_time"] == noon.timestamp()
        found = refusals(site, {"b04.json": {**when, "schedule_timezone": "Asia/Tokio"}})
        assert "schedule_timezone" in found["b04.json"] and "Asia/Tokio" in found["b04.json"]

    def test_b05_times_that_are_none_are_refused(self, site: Site) -> None:
        begin(site)
        wrong = ("[1]", "true", "1e308", "-1e308", "NaN", "1e999", "9" * 400, '"soon"', "{}", "null")
        found = refusals(site, {f"{n}.json": f'{{"schedule_time": {text}}}' for n, text in enumerate(wrong)})
        assert len(found) == len(wrong)

    @pytest.mark.parametrize("name", ["deep.json", "deep.yaml"])
    def test_b06_nesting_that_has_no_end_is_refused(self, site: Site, name: str) -> None:
        begin(site)
        found = refusals(site, {name: '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"})
        assert "nested" in found[name] or "deep" in found[name]

    def test_b14_a_named_pipe_does_not_hang_the_daemon(self, site: Site) -> None:
        begin(site)
        os.mkfifo(site.var / "trigger/a/trigger.json")
        site.drop("a", {}, "plain.json")
        site.ended("a")
        assert "FIFO" in site.until_refused("a")["trigger.json"]
        begun = time.monotonic()
        assert site.stop() == 0 and time.monotonic() - begun < 2

    def test_b16_three_triggers_during_a_run_are_three_more_runs(self, site: Site) -> None:
        begin(site, a={"command": [*SH, f'{GATE}; echo "$N" >>"$JOB_DIR/ran"']})
        for number in range(4):
            site.drop("a", {"environment": {"N": number}})
            site.until("the claim", lambda: len(site.runs("a")) == number + 1)  # noqa: B023
        open_gate(site)
        site.ended("a", 4)
        assert (site.var / "runs/a/ran").read_text().split() == ["0", "1", "2", "3"]

    def test_b17_producers_with_names_of_their_own_do_not_overwrite_each_other(self, site: Site) -> None:
        begin(site)
        site.send(signal.SIGSTOP)  # the worst case: nobody looks between the two
        site.drop("a", {"environment": {"WHO": "one"}}, "one.json")
        site.drop("a", {"environment": {"WHO": "two"}}, "two.json")
        site.send(signal.SIGCONT)
        site.ended("a", 2)
        assert {json.loads(row["trigger_data"])["environment"]["WHO"] for row in site.runs("a")} == {"one", "two"}

    def test_b18_what_is_refused_is_kept_with_the_reason(self, site: Site) -> None:
        begin(site)
        wrong = {"map": "[1]", "variables": '{"environment": {"A": [1]}}', "time": '{"schedule_time": []}'}
        files = {f"{name}.json": text for name, text in wrong.items()}
        found = refusals(site, dict(files))
        assert {name: (site.var / "corrupt/a" / name).read_text() for name in files} == files
        assert "map" in found["map.json"] and "'A'" in found["variables.json"] and "schedule_time" in found["time.json"]
        assert sorted(one["outcome"] for one in site.decisions("a")) == ["refused"] * 3 + ["started"]
        assert all(f"refused {name} of a" in site.log_text() for name in files)

    def test_b19_a_trigger_for_no_job_is_answered_and_not_ignored(self, site: Site) -> None:
        begin(site, build=TRUE)
        site.drop("biuld")
        reason = site.until_refused("biuld")["trigger.json"]
        assert "no job 'biuld'" in reason and "did you mean 'build'" in reason
        assert "refused trigger.json of biuld" in site.log_text()

    def test_b46_a_trigger_cannot_choose_the_program(self, site: Site) -> None:
        site.write("evil/true", "#!/bin/sh\ntouch owned\n").chmod(0o755)
        begin(site)
        wrong = {"PATH": str(site.root / "evil"), "LD_PRELOAD": "/x.so", "PWD": "/", "RUN_ID": "x", "BASH_ENV": "/x"}
        found = refusals(site, {f"{name}.json": {"environment": {name: value}} for name, value in wrong.items()})
        assert all(name in found[f"{name}.json"] for name in wrong)

    def test_b47_links_are_not_followed_and_their_targets_told_to_nobody(self, site: Site) -> None:
        begin(site)
        secret = site.write("secret.json", '{"description": "s3cr3t", "environment": {"S": "s3cr3t"}}')
        (site.var / "trigger/a/link.json").symlink_to(secret)
        assert "symbolic link" in site.until_refused("a")["link.json"]
        (row,) = site.decisions("a")
        assert row["outcome"] == "refused" and not site.runs("a")
        site.quiet()
        kept = [path for path in site.var.rglob("*") if path.is_file() and not path.is_symlink()]
        assert not [path for path in kept if b"s3cr3t" in path.read_bytes()]


class TestConfiguration:
    def test_b07_a_bad_reload_leaves_everything_as_it_was(self, site: Site) -> None:
        site.without("trigger", because="its configuration stays bad, so no job can be added")
        begin(site, a=TRUE, long={"command": [*SH, f"{GATE}; exit 4"]})
        site.drop("long")
        site.until("the start", lambda: site.runs("long", "running"))
        site.write("etc/dsari_like.yaml", "jobs: {a: {command: [sleep, 5]}, long: [\n")
        site.send(signal.SIGHUP)
        site.until("the refusal", lambda: "stays in force" in site.log_text())
        site.drop("a")
        site.ended("a")
        open_gate(site)
        assert site.ended("long")[0]["exit_code"] == 4

    def test_b08_a_number_in_a_command_is_found_before_anything_runs(self, site: Site) -> None:
        site.write("etc/dsari_like.yaml", "jobs:\n  a:\n    command:\n      - sleep\n      - 5\n")
        for command in ("check", "daemon"):
            told = site.command(command)
            assert told.returncode == 2 and "Traceback" not in told.stderr
            assert "dsari_like.yaml:5: jobs.a.command[1]" in told.stderr and "quotes" in told.stderr

    def test_b25_a_misspelt_key_is_an_error_with_a_suggestion(self, site: Site) -> None:
        site.write("etc/dsari_like.yaml", "jobs:\n  a:\n    command: x\n    max_executon: 5\nenviroment: {}\n")
        told = site.command("check")
        assert told.returncode == 2
        assert "dsari_like.yaml:4" in told.stderr and "did you mean 'max_execution'" in told.stderr
        assert "dsari_like.yaml:5" in told.stderr and "did you mean 'environment'" in told.stderr

    def test_b26_one_text_is_one_concurrency_group(self, site: Site) -> None:
        begin(site, a={"command": "printenv CONCURRENCY_GROUP", "concurrency_groups": "heavy"})
        site.drop("a")
        (row,) = site.ended("a")
        assert (row["concurrency_group"], site.output(row)) == ("heavy", "heavy\n")

    def test_b33_blanks_between_the_fields_do_not_count(self, site: Site) -> None:
        told = []
        for text in ("H 3 1 1 *", "H  3   1 1 *", " H 3\t1 1  * "):
            site.configure({"a": {"command": "true", "schedule": text}})
            (job,) = json.loads(site.command("jobs", "--format", "json").stdout)
            told.append(job["next_time"])
        assert told[0] is not None and len(set(told)) == 1

    def test_b41_zero_is_zero_or_refused_and_never_means_for_ever(self, site: Site) -> None:
        site.configure({"a": {"command": "true", "max_execution": 0}})
        told = site.command("check")
        assert told.returncode == 2 and "max_execution" in told.stderr and "greater than zero" in told.stderr
        site.configure({"a": {"command": [*SH, STUBBORN]}}, on_shutdown="kill", shutdown_kill_grace=0)
        site.start()
        site.drop("a")
        site.until("the trap", lambda: (runs := site.runs("a", "running")) and "on" in site.output(runs[0]))
        begun = time.monotonic()
        assert site.stop() == 0 and time.monotonic() - begun < 2
        (row,) = site.runs("a")
        assert (row["status"], row["reason"], row["exit_code"]) == ("cancelled", "shutdown", 137)


class TestProcesses:
    def test_b36_a_place_that_comes_free_goes_to_the_best_at_once(self, site: Site) -> None:
        group = {"command": "true", "concurrency_groups": ["g"]}
        begin(site, holder={**group, "command": [*SH, GATE]}, low=group, high={**group, "priority": 5})
        for name in ("holder", "low", "high"):
            site.drop(name)
            site.until("its run", lambda: site.runs(name))  # noqa: B023
        open_gate(site)
        (low,), (high,), (holder,) = site.ended("low"), site.ended("high"), site.ended("holder")
        assert holder["stop_time"] <= high["start_time"] <= high["stop_time"] <= low["start_time"]
        assert low["start_time"] - holder["stop_time"] < 1

    def test_b36_a_paused_group_is_told(self, site: Site) -> None:
        site.configure({"a": {"command": "true", "concurrency_groups": ["g"]}}, concurrency_groups={"g": {"max": 0}})
        site.start()
        site.drop("a")
        site.until("the wait", lambda: site.runs("a", "queued"))
        assert "concurrency_groups.g.max" in site.log_text() and "paused" in site.log_text()
        (waiting,) = json.loads(site.command("status", "--format", "json").stdout)["waiting"]
        assert "g" in waiting["why"] and "max: 0" in waiting["why"]

    @pytest.mark.parametrize("keeper", [True, False])
    def test_b37_a_core_dump_is_128_and_the_signal(self, site: Site, keeper: bool) -> None:
        begin(site, a={"command": [*SH, "ulimit -c unlimited; kill -SEGV $$"], "keeper": keeper})
        site.drop("a")
        (row,) = site.ended("a")
        assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "signal", 128 + signal.SIGSEGV)

    @pytest.mark.parametrize("keeper", [True, False])
    def test_b38_a_command_that_is_not_there_is_no_failing_program(self, site: Site, keeper: bool) -> None:
        site.write("etc/plain", "no program\n")
        jobs: dict[str, dict[str, object]] = {
            "missing": {"command": "no-such-program"},
            "forbidden": {"command": [str(site.etc / "plain")]},
            "failing": {"command": [*SH, "exit 127"]},
        }
        begin(site, **{name: dict(job, keeper=keeper) for name, job in jobs.items()})
        for name in jobs:
            site.drop(name)
        found = {name: site.ended(name)[0] for name in jobs}
        assert {name: (row["reason"], row["exit_code"]) for name, row in found.items()} == {
            "missing": ("start_failed", 127),
            "forbidden": ("start_failed", 126),
            "failing": ("exit", 127),
        }
        assert "no-such-program" in found["missing"]["message"] and "Traceback" not in site.output(found["missing"])

    @pytest.mark.parametrize("end", ["limit", "shutdown"])
    def test_b39_descendants_end_with_their_leader(self, site: Site, end: str) -> None:
        limit = {"max_execution": 0.5} if end == "limit" else {}
        script = "sleep 60 & echo $!; (sleep 60 & echo $!; wait) & wait"
        site.configure({"a": {"command": [*SH, script], **limit}}, on_shutdown="kill", shutdown_kill_grace=5)
        site.start()
        site.drop("a")
        row = site.until("the start", lambda: site.runs("a", "running"))[0]
        pids = site.until("its children", lambda: len(found := site.output(row).split()) == 2 and found)
        if end == "limit":
            site.ended("a")
        else:
            assert site.stop() == 0
        site.until("the end of all", lambda: not any(_is_alive(pid) for pid in pids))

    def test_b40_one_more_signal_means_now_and_the_first_grace_is_kept(self, site: Site) -> None:
        for grace, signals in ((30, 2), (1, 1)):
            job = {"command": [*SH, STUBBORN], "concurrent_runs": True}
            site.configure({"a": job}, on_shutdown="kill", shutdown_kill_grace=grace)
            site.start()
            site.drop("a")
            site.until("the trap", lambda: (runs := site.runs("a", "running")) and "on" in site.output(runs[-1]))
            begun = time.monotonic()
            for number in range(signals):
                site.send(signal.SIGTERM)
                site.until("the answer", lambda: site.log_text().count("stopping") > number)  # noqa: B023
            assert _wait(site) == 0
            assert time.monotonic() - begun < 3

    def test_b42_b60_nothing_happens_while_nothing_happens(self, site: Site) -> None:
        """dsari looked 20 times a second while anything ran, and at two files of every job each time."""
        begin(site, a={"command": "sleep 60"}, **{f"job{number}": TRUE for number in range(200)})
        site.drop("a")
        site.until("the start", lambda: site.runs("a", "running"))
        site.quiet()
        assert site.daemon is not None
        before = _effort(site.daemon.pid)
        time.sleep(1)  # the story is that nothing happens
        assert _effort(site.daemon.pid) == before

    def test_b43_fork_detaches_and_its_exit_status_tells(self, site: Site) -> None:
        site.configure({"a": {"command": "true", "schedule": "61 * * * *"}})
        told = site.command("daemon", "--fork")
        assert told.returncode == 2 and "jobs.a.schedule" in told.stderr
        site.configure({"a": TRUE})
        command = [sys.executable, "-m", "dsari_like", "daemon", "--fork"]
        with site.log.open("ab") as log:
            subprocess.run(command, env=site.environ, stdout=log, stderr=log, check=True)
        pid = json.loads((site.var / "daemon.json").read_text())["pid"]
        try:
            assert os.getsid(pid) == pid and _stat(pid)[4] == "0"  # a session of its own, no terminal
            site.drop("a")
            site.ended("a")
        finally:
            os.kill(pid, signal.SIGTERM)
        site.until("its end", lambda: site.command("status").returncode == 4)

    def test_b44_a_second_daemon_does_not_double_the_runs(self, site: Site) -> None:
        begin(site)
        second = site.command("daemon")
        assert second.returncode == 5 and str(site.var) in second.stderr and "Traceback" not in second.stderr
        site.drop("a")
        site.ended("a")
        assert len(site.runs("a")) == 1

    @pytest.mark.parametrize("keeper", [True, False])
    def test_b45_a_high_descriptor_does_not_leak_into_runs(self, site: Site, keeper: bool) -> None:
        open_high = (
            "import os, sys; os.dup2(os.open('/dev/null', 0), 4000); os.set_inheritable(4000, True);"
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        site.configure({"a": {"command": [*SH, "ls /proc/self/fd; ps -o pgid= -p $$"], "keeper": keeper}})
        site.start(wrapper=(sys.executable, "-c", open_high))
        assert site.daemon is not None and os.path.exists(f"/proc/{site.daemon.pid}/fd/4000")
        site.drop("a")
        *descriptors, group = site.output(site.ended("a")[0]).split()
        assert descriptors == ["0", "1", "2", "3"]  # the last is the directory that is listed
        assert int(group) != os.getpgid(site.daemon.pid)


class TestReports:
    def test_b53_output_that_is_no_text_is_rendered_and_so_is_everything_else(self, site: Site) -> None:
        begin(site, a={"command": [*SH, r"printf 'before \377\376\000 <b>after</b>\n'"]}, b=TRUE)
        for name in ("a", "b"):
            site.drop(name)
            page = page_of(site, site.ended(name)[0])
            site.until("the page", lambda: page.exists() and "Completed" in page.read_text())  # noqa: B023
        text = page_of(site, site.runs("a")[0]).read_text(encoding="utf-8")
        assert "before " in text and "&lt;b&gt;after" in text and "<b>after" not in text

    def test_b54_a_page_is_never_seen_in_part_and_a_torn_one_is_made_again(self, site: Site) -> None:
        begin(site, a={"command": "true", "concurrent_runs": True})
        index, looks = site.var / "html/index.html", 0

        def all_ended() -> bool:
            nonlocal looks
            if looks < 40:
                site.drop("a", {}, f"{looks}.json")
            looks += 1
            assert not index.exists() or index.read_text().rstrip().endswith("</html>")
            return len(site.runs("a", "completed")) == 40

        site.until("all runs", all_ended)
        site.quiet()
        page = page_of(site, site.runs("a")[0])
        whole = page.read_text()
        assert site.stop() == 0
        page.write_text(whole[:100])
        assert site.command("render", "--regenerate").returncode == 0
        assert page.read_text() == whole

    def test_b55_the_last_run_is_the_newest_and_the_last_failure_the_one_that_ended_last(self, site: Site) -> None:
        script = 'until [ -e "$DATA_DIR/$N" ]; do sleep 0.02; done; echo $PREVIOUS_BAD_EXIT_CODE; exit $N'
        begin(site, a={"command": [*SH, script], "concurrent_runs": True})
        for number in (3, 4, 5):
            site.drop("a", {"environment": {"N": number}}, f"{number}.json")
            site.until("its start", lambda: len(site.runs("a", "running")) == number - 2)  # noqa: B023
        for number in (5, 3, 4):
            site.write(f"var/{number}", "")
            site.until("its end", lambda: [row for row in site.runs("a", "failed") if row["exit_code"] == number])  # noqa: B023
        site.write("var/0", "")
        site.drop("a", {"environment": {"N": 0}})
        (good,) = site.until("the good run", lambda: site.runs("a", "completed"))
        assert site.output(good) == "4\n"
        (job,) = json.loads(site.command("jobs", "--format", "json").stdout)
        assert job["last_run"]["run_id"] == good["run_id"]
        site.quiet()
        told = json.loads((site.var / "html/jobs/a/index.json").read_text())["runs"]
        assert [run["exit_code"] for run in told] == [0, 5, 4, 3]

    def test_b56_a_removed_job_stays_reachable_and_a_hidden_one_loses_its_pages(self, site: Site) -> None:
        begin(site, gone=TRUE, hidden=TRUE)
        runs = []
        for name in ("gone", "hidden"):
            site.drop(name)
            runs += site.ended(name)
            site.until("its page", page_of(site, runs[-1]).exists)
        site.configure({"hidden": {**TRUE, "render_reports": False}})
        site.send(signal.SIGHUP)
        html = site.var / "html"
        site.until("the hiding", lambda: not (html / "jobs/hidden").exists())
        site.quiet()
        assert page_of(site, runs[0]).exists()
        assert 'href="jobs/gone/index.html"' in (html / "all-jobs.html").read_text()
        assert not [page for page in html.rglob("*.html") if "jobs/hidden" in page.read_text()]

    def test_b57_names_that_urls_or_pages_mind_break_no_link(self, site: Site) -> None:
        names = ("a:b", "index.html", "style.css", "jobs", "c d+e@f", "..x")
        begin(site, **dict.fromkeys(names, TRUE))
        for name in names:
            site.drop(name)
            site.until("its page", page_of(site, site.ended(name)[0]).exists)
        site.quiet()
        pages = list((site.var / "html").rglob("*.html"))
        links = [(page, link) for page in pages if page.is_file() for link in _links(page)]
        assert len(links) > 5 * len(names)
        assert [(str(page), link) for page, link in links if not (page.parent / unquote(link)).exists()] == []

    def test_b58_one_more_run_writes_a_few_files_whatever_the_history(self, site: Site) -> None:
        begin(site, a={"command": "true", "concurrent_runs": True}, **{f"job{number}": TRUE for number in range(20)})
        for number in range(130):
            site.drop("a", {}, f"{number}.json")
        site.ended("a", 130)
        site.quiet()
        before = _stamps(site.var / "html")
        site.drop("a", {}, "more.json")
        site.until("its page", lambda: len(runs := site.ended("a", 131)) and page_of(site, runs[-1]).exists())
        site.quiet()
        after = _stamps(site.var / "html")
        written = {path for path, stamp in after.items() if before.get(path) != stamp}
        assert len(written) <= 20, sorted(written)  # of some 180: the run, its job, and one of each kind of page


def _links(page: Path) -> list[str]:
    found = re.findall(r'(?:href|src)="([^"#?]+)[^"]*"', page.read_text())
    assert not [link for link in found if ":" in link.split("/")[0] and not link.startswith("data:")]
    return [link for link in found if not link.startswith("data:")]


def _stamps(directory: Path) -> dict[str, int]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.stat().st_mtime_ns for path in files}


def _wait(site: Site) -> int:
    """The exit status of a daemon that was told to end already."""
    assert site.daemon is not None
    code = site.daemon.wait(15)
    site.daemon = None
    return code


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat after the name; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _is_alive(pid: str) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"])


def _effort(pid: int) -> tuple[str, ...]:
    """What a process has done so far: its sleeps that ended, and its ticks of CPU."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return (*(line for line in lines if "ctxt_switches" in line), *_stat(pid)[11:13])
