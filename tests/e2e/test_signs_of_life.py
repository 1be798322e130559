"""Progress, signs of life and requests to end, from the command of a run to the run log: real daemon, real commands."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site

SH = ("sh", "-c")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A place where others may pass: pytest's own is closed to them."""
    root = Path(tempfile.mkdtemp(prefix="signs-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def progress(site: Site, job: str) -> tuple[float | None, str | None]:
    """What the run log says of the newest run of the job."""
    rows = site.runs(job)
    return (rows[-1]["progress"], rows[-1]["progress_message"]) if rows else (None, None)


def events(site: Site, row: sqlite3.Row) -> list[str]:
    found = site.rows("select cause from events where run_id = ? order by event_id", row["run_id"])
    return [event["cause"] for event in found]


def open_gate(site: Site, name: str = "gate") -> None:
    site.write(f"var/{name}", "")


GATE = 'until [ -e "$DATA_DIR/gate" ]; do sleep 0.05; done'


def test_what_a_run_says_is_seen_while_it_runs(site: Site) -> None:
    script = f"""echo '{{"progress": 40, "message": "half way, nearly"}}' >>"$PROGRESS_FILE"; {GATE}"""
    site.configure({"copy": {"command": [*SH, script]}})
    site.start()
    site.drop("copy")
    site.until("40 %", lambda: progress(site, "copy") == (40.0, "half way, nearly"))
    open_gate(site)
    (row,) = site.ended("copy")
    assert (row["status"], row["progress"], row["progress_message"]) == ("completed", 100.0, "half way, nearly")
    assert "progress 40 %: half way, nearly" in events(site, row)


def test_the_command_of_a_run_says_it_too(site: Site) -> None:
    script = f"{sys.executable} -m dsari_like progress 12.5 'one of eight'; {GATE}"
    site.configure({"copy": {"command": [*SH, script], "environment": {"PYTHONPATH": site.environ["PYTHONPATH"]}}})
    site.start()
    site.drop("copy")
    site.until("12.5 %", lambda: progress(site, "copy") == (12.5, "one of eight"))
    open_gate(site)
    site.ended("copy")


def test_after_a_restart_the_last_word_stays_the_last_word(site: Site) -> None:
    script = f"""for n in 10 20 30; do echo '{{"progress": '$n'}}'; done >>"$PROGRESS_FILE"; {GATE}; exit 3"""
    site.configure({"copy": {"command": [*SH, script]}})
    site.start()
    site.drop("copy")
    site.until("30 %", lambda: progress(site, "copy")[0] == 30.0)
    site.stop()
    site.start()
    site.quiet()
    assert progress(site, "copy")[0] == 30.0
    open_gate(site)
    (row,) = site.ended("copy")
    assert row["progress"] == 30.0
    assert [cause for cause in events(site, row) if "progress" in cause] == ["progress 30 %"]


TRICKS = ["mkfifo", "ln -s /etc/passwd", "mkdir", "truncate -s 1G", "head -c 300000 /dev/urandom >"]


@pytest.mark.parametrize("trick", TRICKS)
def test_what_stands_in_the_place_of_a_progress_file_is_a_note_and_nothing_else(site: Site, trick: str) -> None:
    site.configure({"bad": {"command": [*SH, f'{trick} "$PROGRESS_FILE"; sleep 1']}, "good": {"command": "true"}})
    site.start()
    site.drop("bad")
    site.until("the start", lambda: site.runs("bad", "running"))
    site.drop("good")
    assert site.ended("good")[0]["status"] == "completed"
    (row,) = site.ended("bad")
    assert row["status"] == "completed" and row["progress"] is None
    notes = [cause for cause in events(site, row) if "progress file" in cause]
    assert 1 <= len(notes) <= 3


def test_a_touch_of_the_heartbeat_file_keeps_a_run_alive(site: Site) -> None:
    beating = 'for n in 1 2 3 4 5 6 7 8; do touch "$HEARTBEAT_FILE"; sleep 0.25; done'
    heartbeat = {"deadline": 1, "final_deadline": 2}
    talk = 'for n in 1 2 3 4 5 6 7 8; do echo "$n"; sleep 0.25; done'
    site.configure(
        {
            "beats": {"command": [*SH, beating], "heartbeat": heartbeat},
            "talks": {"command": [*SH, talk], "heartbeat": {**heartbeat, "on_output": True}},
            "silent": {"command": ["sleep", "60"], "heartbeat": heartbeat, "max_execution_grace": 1},
        }
    )
    site.start()
    for job in ("beats", "talks", "silent"):
        site.drop(job)
    for job in ("beats", "talks"):
        assert site.ended(job)[0]["status"] == "completed"
    (row,) = site.ended("silent")
    assert (row["status"], row["reason"]) == ("failed", "deadline")
    for job in ("beats", "talks"):
        assert not any("no sign of life" in cause for cause in events(site, site.runs(job)[0]))


def test_a_late_sign_of_life_makes_a_run_run_again(site: Site) -> None:
    late = 'sleep 1.6; echo "{\\"progress\\": 50}" >>"$PROGRESS_FILE"; sleep 0.3'
    site.configure({"late": {"command": [*SH, late], "heartbeat": {"deadline": 1, "final_deadline": 20}}})
    site.start()
    site.drop("late")
    site.until("the first deadline", lambda: site.runs("late", "timed_out"))
    (row,) = site.ended("late")
    assert row["status"] == "completed"
    assert "it gave a late sign of life" in events(site, row)


def test_a_run_that_looks_ends_by_itself_when_it_is_asked_to(site: Site) -> None:
    looks = 'until [ -e "$RUN_DIR/cancel_requested" ]; do sleep 0.05; done; cat "$RUN_DIR/cancel_requested"; exit 0'
    site.configure({"polite": {"command": [*SH, f"trap '' TERM; {looks}"], "cancel_grace": 30}})
    site.start()
    site.drop("polite")
    row = site.until("the start", lambda: site.runs("polite", "running"))[0]
    site.command("cancel", row["run_id"], "--reason", "it is enough")
    (row,) = site.ended("polite")
    assert (row["status"], row["reason"]) == ("cancelled", "while_running")
    assert "it is enough" in site.output(row)
    assert sorted(path.name for path in site.run_file(row, "x").parent.iterdir() if "cancel" in path.name) == [
        "cancel_requested"
    ]


def test_where_the_request_cannot_be_put_signals_do(site: Site) -> None:
    script = 'mkdir -p "$RUN_DIR/cancel_requested/x"; exec sleep 60'
    site.configure({"rude": {"command": [*SH, script], "cancel_grace": 0.2}})
    site.start()
    site.drop("rude")
    row = site.until("the start", lambda: site.runs("rude", "running"))[0]
    site.until("its trick", lambda: (site.run_file(row, "cancel_requested") / "x").exists())
    site.command("cancel", row["run_id"])
    (row,) = site.ended("rude")
    assert row["status"] == "cancelled"
    assert "cannot ask run" in site.log_text()


def test_variables_are_there_when_there_are_none(site: Site) -> None:
    site.configure({"shows": {"command": [*SH, 'cat "$VARIABLES_FILE"; echo; echo "$IDEMPOTENCY_KEY"; ls "$RUN_DIR"']}})
    site.start()
    site.drop("shows")
    (row,) = site.ended("shows")
    said = site.output(row).splitlines()
    assert json.loads(said[0]) == {"job": {}, "workflow": {}}
    assert said[1] == f"{row['run_id']}:main"
    assert said[2:] == ["output.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_another_user_reports_and_reads_as_well(site: Site) -> None:
    script = """echo '{"progress": 5}' >>"$PROGRESS_FILE"; touch "$HEARTBEAT_FILE"; cat "$VARIABLES_FILE"; sleep 1.5"""
    looks = 'until [ -e "$RUN_DIR/cancel_requested" ]; do sleep 0.05; done; cat "$RUN_DIR/cancel_requested"; id -un'
    site.configure(
        {
            "says": {"command": [*SH, script], "user": "nobody"},
            "looks": {"command": [*SH, looks], "user": "nobody", "cancel_grace": 30},
        }
    )
    site.start()
    site.drop("says")
    site.drop("looks")
    site.until("5 %", lambda: progress(site, "says")[0] == 5.0)
    assert json.loads(site.output(site.ended("says")[0])) == {"job": {}, "workflow": {}}
    row = site.until("the start", lambda: site.runs("looks", "running"))[0]
    site.command("cancel", row["run_id"], "--reason", "enough")
    (row,) = site.ended("looks")
    assert site.run_file(row, "cancel_requested").stat().st_uid == site.run_file(row, "output.txt").stat().st_uid != 0
    assert "enough" in site.output(row) and site.output(row).endswith("nobody\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_what_a_stage_of_another_user_leaves_is_there_for_the_next(site: Site) -> None:
    stages = [
        {"name": "one", "command": [*SH, 'echo first; echo kept >"$RUN_DIR/mine"']},
        {"name": "two", "command": [*SH, 'cat "$RUN_DIR/mine"; echo more >>"$RUN_DIR/mine"; echo "$STAGE"']},
    ]
    site.configure({"staged": {"stages": stages, "user": "nobody"}})
    site.start()
    site.drop("staged")
    (row,) = site.ended("staged")
    assert row["status"] == "completed" and site.output(row) == "first\nkept\ntwo\n"
    assert site.run_file(row, "mine").read_text() == "kept\nmore\n"


def test_a_stage_that_puts_a_fifo_in_the_place_of_its_output_holds_nobody_up(site: Site) -> None:
    trick = 'rm "$RUN_DIR/output.txt"; mkfifo "$RUN_DIR/output.txt"'
    stages = [{"name": "one", "command": [*SH, trick]}, {"name": "two", "command": ["true"]}]
    site.configure({"bad": {"stages": stages}, "good": {"command": "true"}})
    site.start()
    site.drop("bad")
    (row,) = site.ended("bad")
    assert (row["status"], row["reason"]) == ("failed", "start_failed")
    assert row["message"].startswith("its output cannot be continued")
    site.drop("good")
    assert site.ended("good")[0]["status"] == "completed"


def test_what_a_run_leaves_of_variables_is_there_for_its_next_attempt(site: Site) -> None:
    """J-06, J-08: only what differs is written back, each change is an event, and no secret is told."""
    first = '{"job_variables": {"page": 7, "api_token": "hunter2hunter2", "same": null, "bad": [[[[[[[[[1]]]]]]]]]}}'
    script = f"""cat "$VARIABLES_FILE"; [ "$ATTEMPT" = 2 ] || {{ echo '{first}' >"$RETURN_DATA_FILE"; exit 1; }}"""
    site.configure({"steps": {"command": [*SH, script], "retries": 1, "retry_delay": "1s"}})
    site.start()
    site.drop("steps")
    before, after = site.ended("steps", 2)
    assert (before["status"], after["status"], after["retry_of"]) == ("failed", "completed", before["run_id"])
    told = json.loads(site.output(after))
    assert told == {"job": {"page": 7, "api_token": "hunter2hunter2"}, "workflow": {}}
    causes = "\n".join(events(site, before))
    assert "job_variables: page: set to 7" in causes
    assert "'bad' of its job_variables was not taken: it is nested more than 8 levels deep" in causes
    assert "hunter2" not in causes and "hunter2" not in site.log_text()
