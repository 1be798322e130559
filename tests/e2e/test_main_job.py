"""The main job, end to end: drop a file, it runs, anyone can see what happened."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from tests.e2e.site import Site

SH = ["sh", "-c"]


def test_a_dropped_file_runs_at_once_and_leaves_a_record(site: Site) -> None:
    site.configure({"build": {"command": [*SH, "echo built $GIT_REF"]}})
    site.start()
    begin = time.time()
    site.drop("build", {"type": "push", "description": "by hand", "environment": {"GIT_REF": "main"}, "more": [1]})
    (row,) = site.ended("build")
    assert (row["status"], row["exit_code"], row["trigger_type"]) == ("completed", 0, "file")
    assert row["start_time"] - begin < 2
    assert site.output(row) == "built main\n"
    assert json.loads(row["trigger_data"])["more"] == [1]
    assert [one["outcome"] for one in site.decisions()] == ["started"]
    states = site.rows("select from_state, to_state from events where run_id = ?", row["run_id"])
    assert [tuple(one) for one in states] == [(None, "queued"), ("queued", "running"), ("running", "completed")]
    assert not list((site.var / "claimed").iterdir()) and not list((site.var / "trigger/build").iterdir())


def test_the_environment_is_built_from_nothing(site: Site) -> None:
    """D-46 to D-53."""
    site.configure(
        {
            "show": {
                "command": "env",
                "environment": {"FROM": "job", "JOB": "1"},
                "jenkins_environment": True,
            }
        },
        environment={"FROM": "top", "TOP": "1"},
    )
    site.start(environ={"LEAK": "yes", "LD_LIBRARY_PATH": "/nowhere"})
    site.drop("show", {"environment": {"JOB": "2"}})
    (row,) = site.ended("show")
    seen = dict(line.split("=", 1) for line in site.output(row).splitlines())
    run_dir = str(site.var / "runs/show" / row["run_id"])
    assert "LEAK" not in seen and "LD_LIBRARY_PATH" not in seen and "KEEPER_DIR" not in seen
    expected = {
        "CI": "true",
        "DSARI": "true",
        "DSARI_LIKE": "true",
        "FROM": "job",
        "TOP": "1",
        "JOB": "2",
        "JOB_NAME": "show",
        "RUN_ID": row["run_id"],
        "RUN_DIR": run_dir,
        "PWD": run_dir,
        "DATA_DIR": str(site.var),
        "TRIGGER_DIR": str(site.var / "trigger"),
        "TRIGGER_TYPE": "file",
        "ATTEMPT": "1",
        "BUILD_ID": row["run_id"],
        "NODE_NAME": "master",
        "TRIGGER_UID": str(os.geteuid()),
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert float(seen["START_TIME"]) >= float(seen["SCHEDULE_TIME"])
    site.drop("show")
    (_, second) = site.ended("show", 2)
    again = dict(line.split("=", 1) for line in site.output(second).splitlines())
    assert again["PREVIOUS_RUN_ID"] == again["PREVIOUS_GOOD_RUN_ID"] == row["run_id"]
    assert again["PREVIOUS_EXIT_CODE"] == "0" and "PREVIOUS_BAD_RUN_ID" not in again


def test_a_child_sees_three_descriptors_default_signals_and_its_own_session(site: Site) -> None:
    """B-45, D-47."""
    script = "ls -l /proc/self/fd | wc -l; grep -E 'Sig(Ign|Blk)' /proc/self/status; ps -o sid= -p $$"
    site.configure({"look": {"command": [*SH, script], "keeper": False}})
    site.start()
    site.drop("look")
    lines = site.output(site.ended("look")[0]).splitlines()
    assert int(lines[0]) == 5  # the heading, 0, 1, 2, and the directory being listed
    assert all(int(line.split()[1], 16) == 0 for line in lines[1:3])
    assert site.daemon is not None and int(lines[3]) != site.daemon.pid


def test_a_schedule_fires_and_every_slot_has_one_decision(site: Site) -> None:
    site.configure({"tick": {"command": "true", "schedule": "* * * * * *"}})
    site.start()
    site.ended("tick", 3)
    slots = [row["schedule_time"] for row in site.decisions("tick")]
    assert len(slots) == len(set(slots)) >= 3
    assert all(abs(row["start_time"] - row["schedule_time"]) < 1.5 for row in site.runs("tick"))


def test_several_files_of_one_job_run_in_order(site: Site) -> None:
    site.configure({"log": {"command": [*SH, 'echo $N >> "$JOB_DIR/order"']}})
    site.start()
    for number in range(12):
        site.drop("log", {"environment": {"N": number}}, f"{number:03}.json")
    site.ended("log", 12)
    assert (site.var / "runs/log/order").read_text().split() == [str(number) for number in range(12)]


def test_a_future_trigger_survives_restart_and_reload(site: Site) -> None:
    """D-42."""
    site.configure({"later": {"command": "true"}})
    site.start()
    due = time.time() + 4
    site.drop("later", {"schedule_time": due})
    site.until("the run to be recorded", lambda: site.runs("later", "scheduled"))
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: "reloaded" in site.log_text())
    assert site.daemon is not None
    site.daemon.kill()
    site.daemon.wait()
    site.start()
    (row,) = site.ended("later")
    assert due <= row["start_time"] < due + 2


def test_receipts_answer_the_producer_and_an_id_starts_one_run_only(site: Site) -> None:
    site.configure({"once": {"command": [*SH, "exit 7"]}})
    site.start()
    site.drop("once", {"id": "push-1"}, "a.json")
    site.ended("once")
    receipt = site.var / "receipts/push-1.json"
    site.until("the last receipt", lambda: json.loads(receipt.read_text())["state"] == "failed")
    assert json.loads(receipt.read_text())["exit_code"] == 7
    site.drop("once", {"id": "push-1"}, "b.json")
    site.until("the second decision", lambda: len(site.decisions("once")) == 2)
    assert len(site.runs("once")) == 1


def test_a_half_written_file_is_given_time(site: Site) -> None:
    """B-02: the documented shell redirection creates the file empty for a moment."""
    site.configure({"slow": {"command": "true"}})
    site.start()
    target = site.var / "trigger/slow/trigger.json"
    with target.open("w") as file:
        file.write('{"environ')
        file.flush()
        time.sleep(0.3)  # the producer dawdles; that is the story
        file.write('ment": {}}')
    assert site.ended("slow")[0]["status"] == "completed"
    assert site.refused("slow") == {}


def test_sigusr1_looks_at_once_even_without_events(site: Site) -> None:
    site.configure({"a": {"command": "true"}})
    site.start()
    hidden = site.write("var/trigger/a/.x", "{}")
    os.link(hidden, site.var / "trigger/a/x.json")
    site.send(signal.SIGUSR1)
    site.ended("a")


def test_max_execution_ends_the_whole_group(site: Site) -> None:
    """B-39: dsari signalled only the leader."""
    script = "trap '' TERM; (trap '' TERM; sleep 60) & echo $!; sleep 60"
    site.configure({"long": {"command": [*SH, script], "max_execution": 1, "max_execution_grace": 1}})
    site.start()
    site.drop("long")
    (row,) = site.ended("long")
    assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "max_execution", 137)
    child = site.output(row).split()[0]
    site.until("the grandchild's end", lambda: not Path(f"/proc/{child}").exists())


def test_return_data_is_stored_and_what_cannot_be_read_is_said(site: Site) -> None:
    """D-54, B-24."""
    good = """echo '{"message": "12 files", "n": 12}' > "$RETURN_DATA_FILE"; exit 1"""
    site.configure({"good": {"command": [*SH, good]}, "bad": {"command": [*SH, 'echo "{" > "$RETURN_DATA_FILE"']}})
    site.start()
    site.drop("good")
    site.drop("bad")
    (good_row,), (bad_row,) = site.ended("good"), site.ended("bad")
    assert json.loads(good_row["run_data"])["n"] == 12 and good_row["message"] == "12 files"
    assert bad_row["run_data"] is None and "return_data.json" in bad_row["message"]


class TestRestart:
    def test_a_run_outlives_its_daemon_and_its_end_is_known(self, site: Site) -> None:
        site.configure({"long": {"command": [*SH, "echo begin; sleep 2; echo end; exit 3"]}})
        site.start()
        site.drop("long")
        site.until("the start", lambda: site.runs("long", "running") and "begin" in site.output(site.runs("long")[0]))
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        site.start()
        (row,) = site.ended("long")
        assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "exit", 3)
        assert site.output(row) == "begin\nend\n"
        assert 1.5 < row["stop_time"] - row["start_time"] < 4

    def test_a_run_that_ended_while_no_daemon_was_up_has_its_true_end(self, site: Site) -> None:
        site.configure({"short": {"command": [*SH, "sleep 0.5; exit 5"]}})
        site.start()
        site.drop("short")
        row = site.until("the start", lambda: site.runs("short", "running"))[0]
        assert site.stop() == 0
        site.until("the keeper's last word", lambda: site.run_file(row, "exit_status").exists())
        ended = time.time()
        site.start()
        (row,) = site.ended("short")
        assert (row["status"], row["exit_code"]) == ("failed", 5)
        assert row["stop_time"] <= ended

    def test_a_run_whose_processes_are_gone_is_lost(self, site: Site) -> None:
        site.configure({"gone": {"command": [*SH, "sleep 60"]}})
        site.start()
        site.drop("gone")
        pid = site.until("its pid", lambda: [row["pid"] for row in site.runs("gone", "running") if row["pid"]])[0]
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        os.killpg(pid, signal.SIGKILL)
        site.start()
        (row,) = site.ended("gone")
        assert (row["status"], row["reason"]) == ("failed", "lost")

    def test_shutdown_wait_and_kill(self, site: Site) -> None:
        for how, code in (("wait", 0), ("kill", 143)):
            site.configure({"long": {"command": [*SH, "sleep 1.5"]}}, on_shutdown=how, shutdown_kill_grace=2)
            site.start()
            site.drop("long")
            site.until("the start", lambda: site.runs("long", "running"))
            assert site.stop() == 0
            row = site.runs("long")[-1]
            assert row["exit_code"] == code
        assert (row["status"], row["reason"]) == ("cancelled", "shutdown")

    def test_two_daemons_never_share_a_data_directory(self, site: Site) -> None:
        """B-44."""
        site.configure({})
        site.start()
        second = site.command("daemon")
        assert second.returncode == 5 and "uses it" in second.stderr

    def test_a_bad_reload_keeps_the_running_configuration(self, site: Site) -> None:
        """B-07."""
        site.without("trigger", because="its configuration stays bad, so no job can be added")
        site.configure({"a": {"command": "true"}})
        site.start()
        site.configure({"a": {"command": "true", "max_executon": 5}})
        site.send(signal.SIGHUP)
        site.until("the refusal", lambda: "stays in force" in site.log_text())
        assert "max_execution" in site.log_text()
        site.drop("a")
        site.ended("a")
