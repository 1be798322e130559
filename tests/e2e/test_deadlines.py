"""Two deadlines, resumption and restarts with real processes (J-12 to J-19)."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from tests.e2e.lives import GATED, SAY, SH, begun, events, kill, open_gate, until_state, witnessed
from tests.e2e.site import Site

AGAIN = [*SH, SAY + 'say +; echo "$RESUME $RESUME_REASON" >>"$RUN_DIR/resumed"; say -']


def silent(command: object = None, **more: Any) -> dict[str, Any]:
    return {"a": {"command": command or GATED, "heartbeat": {"deadline": 1, "final_deadline": 60}, **more}}


def started(site: Site, jobs: dict[str, Any], **settings: Any) -> None:
    site.configure(jobs, **settings)
    site.start()
    site.drop("a")
    begun(site, 1)


def test_first_timed_out_and_left_alone_then_ended(site: Site) -> None:
    """J-12."""
    started(site, silent(heartbeat={"deadline": 0.5, "final_deadline": 1.5}))
    until_state(site, "a", "timed_out")
    assert "timed out" in site.command("status").stdout.replace("_", " ")
    (row,) = site.ended("a")
    assert (row["status"], row["reason"]) == ("failed", "deadline")
    assert events(site, row["run_id"])[-2:] == [("running", "timed_out"), ("timed_out", "failed")]
    assert row["stop_time"] - row["start_time"] >= 1.5


def test_a_late_sign_by_file_or_by_progress_makes_it_running_again(site: Site) -> None:
    """J-14."""
    for sign in ('touch "$HEARTBEAT_FILE"', """echo '{"progress": 5}' >>"$PROGRESS_FILE\""""):
        gate = f'until [ -e "$DATA_DIR/sign" ]; do sleep 0.02; done; {sign}; sleep 0.8'
        started(site, silent([*SH, f"{SAY}say +; {gate}"], heartbeat={"deadline": 1, "final_deadline": 4}))
        until_state(site, "a", "timed_out")
        site.write("var/sign", "")
        row = site.ended("a")[-1]
        assert row["status"] == "completed"
        assert ("timed_out", "running") in events(site, row["run_id"])
        break_camp(site)


def break_camp(site: Site) -> None:
    """The same site once more, from the beginning."""
    assert site.stop() == 0
    for path in site.var.glob("dsari_like.sqlite3*"):
        path.unlink()
    for name in ("sign", "witness"):
        (site.var / name).unlink(missing_ok=True)


def test_signs_of_life_keep_it_running_far_beyond_both_deadlines(site: Site) -> None:
    beat = 'i=0; while [ $i -lt 8 ]; do i=$((i+1)); touch "$HEARTBEAT_FILE"; sleep 0.25; done'
    started(site, silent([*SH, f"{SAY}say +; {beat}"], heartbeat={"deadline": 0.8, "final_deadline": 1.2}))
    (row,) = site.ended("a")
    assert (row["status"], events(site, row["run_id"])[-1]) == ("completed", ("running", "completed"))


def test_output_is_a_sign_where_the_job_says_so(site: Site) -> None:
    talk = "i=0; while [ $i -lt 8 ]; do i=$((i+1)); echo $i; sleep 0.25; done"
    heartbeat = {"deadline": 0.8, "final_deadline": 1.2, "on_output": True}
    started(site, silent([*SH, f"{SAY}say +; {talk}"], heartbeat=heartbeat))
    (row,) = site.ended("a")
    assert row["status"] == "completed"


def test_resumed_at_the_deadline(site: Site) -> None:
    """J-16: in the same run directory; what it was before must not live on when it has ended."""
    started(site, silent(resume_command=AGAIN))
    (row,) = site.ended("a")
    assert (row["status"], row["launch"]) == ("completed", 2)
    assert site.run_file(row, "resumed").read_text() == "1 deadline\n"
    assert ("running", "timed_out") in events(site, row["run_id"])
    assert row["stop_time"] - row["start_time"] < 20


def test_resumed_by_request(site: Site) -> None:
    started(site, silent(resume_command=AGAIN, heartbeat={"deadline": 600, "final_deadline": 900}))
    (row,) = site.runs("a")
    said = site.command("resume", row["run_id"])
    assert said.returncode == 1 and "is not timed out" in said.stderr
    open_gate(site)
    site.ended("a")


def test_a_process_that_vanished_while_no_daemon_watched_is_resumed(site: Site) -> None:
    """J-15: timed out first."""
    started(site, {"a": {"command": GATED, "resume_command": AGAIN}})
    site.until("its process", lambda: site.runs("a")[0]["pid"])
    (row,) = site.runs("a")
    assert site.stop(signal.SIGKILL) < 0
    os.killpg(row["pid"], signal.SIGKILL)
    site.start()
    (row,) = site.ended("a")
    assert (row["status"], site.run_file(row, "resumed").read_text()) == ("completed", "1 lost\n")
    assert events(site, row["run_id"])[-3:-1] == [("running", "timed_out"), ("timed_out", "running")]


def test_or_lost_or_tried_again(site: Site) -> None:
    started(site, {"a": {"command": GATED, "retries": 1, "retry_delay": 0}})
    site.until("its process", lambda: site.runs("a")[0]["pid"])
    (row,) = site.runs("a")
    assert site.stop(signal.SIGKILL) < 0
    os.killpg(row["pid"], signal.SIGKILL)
    open_gate(site)
    site.start()
    first, again = site.ended("a", 2)
    assert (first["status"], first["reason"], again["status"]) == ("failed", "lost", "completed")
    assert "vanished while no daemon watched" in first["message"]


def test_timed_out_is_still_so_after_the_daemon_has_died(site: Site) -> None:
    started(site, silent())
    until_state(site, "a", "timed_out")
    kill(site)
    assert site.runs("a")[0]["status"] == "timed_out"
    open_gate(site)
    (row,) = site.ended("a")
    assert row["status"] == "completed"


def test_the_final_deadline_is_kept_over_a_death_of_the_daemon(site: Site) -> None:
    started(site, silent(heartbeat={"deadline": 0.5, "final_deadline": 2.5}))
    until_state(site, "a", "timed_out")
    kill(site)
    (row,) = site.ended("a")
    assert (row["status"], row["reason"]) == ("failed", "deadline")


def test_a_limit_and_a_lock_at_once_let_the_next_one_in_when_it_is_dead(site: Site) -> None:
    one = {"command": GATED, "concurrent_runs": True, "locks": {"db": "exclusive"}}
    site.configure(
        {"a": {**one, "heartbeat": {"deadline": 0.3, "final_deadline": 0.9}}, "b": {**one, "command": AGAIN}}
    )
    site.start()
    site.drop("a")
    begun(site, 1)
    site.drop("b")
    (first,), (second,) = site.ended("a"), site.ended("b")
    assert first["reason"] == "deadline" and second["start_time"] >= first["stop_time"]
    assert time.time() - first["start_time"] < 30 and len(witnessed(site)) >= 3
