"""Retries with real processes: by themselves and by request, over deaths of the daemon, as configured or recorded."""

from __future__ import annotations

import json
import signal

from tests.e2e.lives import GATED, SH, begun, kill, open_gate, until_state
from tests.e2e.site import Site

#: Tells its attempt, and fails until somebody has mended it.
FLAKY = [*SH, 'echo "$ATTEMPT ${RETRY_OF:-none}" >>"$DATA_DIR/attempts"; [ -e "$DATA_DIR/mended" ] || exit 75']


def attempts(site: Site) -> list[list[str]]:
    path = site.var / "attempts"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_a_pending_retry_survives_and_keeps_its_time(site: Site) -> None:
    """Q-87, with the daemon gone in the state `scheduled`."""
    site.configure({"a": {"command": FLAKY, "retries": 2, "retry_delay": "2s"}})
    site.start()
    site.drop("a", {"id": "x"})
    until_state(site, "a", "scheduled")
    kill(site)
    site.write("var/mended", "")
    first, again = site.ended("a", 2)
    assert again["start_time"] - first["stop_time"] >= 2.0
    assert (first["status"], again["status"], again["retry_of"]) == ("failed", "completed", first["run_id"])
    assert attempts(site) == [["1", "none"], ["2", first["run_id"]]]
    receipt = site.var / "receipts/x.json"
    site.until("the last word", lambda: json.loads(receipt.read_text())["state"] == "completed")
    assert json.loads(receipt.read_text())["run_id"] == again["run_id"]
    why = site.command("explain", again["run_id"]).stdout
    assert f"attempt 2 of 3, after run {first['run_id']} failed" in why


def test_only_after_these_exit_codes(site: Site) -> None:
    site.configure({"a": {"command": FLAKY, "retries": 1, "retry_delay": 0, "retry_exit_codes": [1, 2]}})
    site.start()
    site.drop("a")
    site.ended("a")
    site.quiet()
    assert len(site.runs("a")) == 1


def test_by_request_with_the_exit_code_of_the_new_run(site: Site) -> None:
    """J-20 and J-22."""
    site.configure({"a": {"command": FLAKY}})
    site.start()
    site.drop("a", {"environment": {"X": "1"}})
    (first,) = site.ended("a")
    failed = site.command("retry", first["run_id"], "--wait", "--reason", "again")
    assert failed.returncode == 75, failed.stderr
    site.write("var/mended", "")
    newest = site.ended("a", 2)[-1]
    assert site.command("retry", newest["run_id"], "--wait").returncode == 0
    third = site.ended("a", 3)[-1]
    assert json.loads(third["environment"]) == {"X": "1"}
    assert [row["attempt"] for row in site.runs("a")] == [1, 2, 3]


def test_as_it_was_recorded_and_as_it_is_now(site: Site) -> None:
    site.configure({"a": {"command": [*SH, "echo old; exit 1"]}})
    site.start()
    site.drop("a")
    (first,) = site.ended("a")
    site.configure({"a": {"command": [*SH, "echo new"]}})
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: "configuration reloaded" in site.log_text())
    assert site.command("retry", first["run_id"], "--as-recorded", "--wait").returncode == 1
    recorded = site.ended("a", 2)[-1]
    kill(site)
    assert site.command("retry", recorded["run_id"], "--as-recorded", "--wait").returncode == 1
    assert site.command("retry", first["run_id"], "--wait").returncode == 0
    assert [site.output(row) for row in site.ended("a", 4)] == ["old\n", "old\n", "old\n", "new\n"]


def test_many_by_what_they_have_in_common_and_none_twice(site: Site) -> None:
    """J-21, Q-88."""
    site.configure({"a": {"command": FLAKY, "concurrent_runs": True}, "b": {"command": "false"}})
    site.start()
    for number in range(3):
        site.drop("a", file_name=f"{number}.json")
    site.drop("b")
    site.ended("a", 3)
    site.ended("b")
    site.write("var/mended", "")
    said = site.command("retry", "--job", "a", "--status", "failed", "--since", "1h", "--wait")
    assert said.returncode == 0, said.stderr
    assert len([row for row in site.ended("a", 6) if row["status"] == "completed"]) == 3
    said = site.command("retry", "--job", "a", "--status", "failed", "--wait")
    assert said.returncode == 125 and "there is no run with job a, status failed that has ended" in said.stderr
    assert len(site.runs("b")) == 1


def test_what_cannot_be_repeated_is_refused(site: Site) -> None:
    site.configure({"a": {"command": GATED}, "b": {"command": "true"}})
    site.start()
    site.drop("a")
    begun(site, 1)
    (row,) = site.runs("a")
    said = site.command("retry", row["run_id"])
    assert said.returncode == 1 and "has not ended yet" in said.stderr
    open_gate(site)
    site.ended("a")
    said = site.command("retry", row["run_id"], "--item", "3", "--wait")
    assert said.returncode == 125 and "is no array run" in said.stderr
    said = site.command("retry", "nobody")
    assert said.returncode == 3
    site.configure({"b": {"command": "true"}})
    site.send(signal.SIGHUP)
    site.until("the reload", lambda: "configuration reloaded" in site.log_text())
    said = site.command("retry", row["run_id"], "--wait")
    assert said.returncode == 125 and "no longer configured" in said.stderr


def test_parameters_are_checked_on_every_way_of_starting(site: Site) -> None:
    """By file and by hand; and a retry, which was checked once, is checked against what is allowed now."""
    allowed = {"TARGET": {"allowed": ["test", "live"], "required": True}}
    site.configure({"a": {"command": [*SH, "echo $TARGET"], "parameters": allowed}})
    site.start()
    site.drop("a", {"environment": {"TARGET": "moon"}}, "1.json")
    site.drop("a", {}, "2.json")
    said = site.until_refused("a", 2)
    assert "test" in said["1.json"] and "live" in said["1.json"] and "TARGET" in said["2.json"]
    by_hand = site.command("trigger", "a", "-e", "TARGET=moon", "--wait")
    assert by_hand.returncode != 0 and "live" in by_hand.stderr
    assert site.command("trigger", "a", "-e", "TARGET=live", "--wait").returncode == 0
    (row,) = site.ended("a")
    assert site.command("retry", row["run_id"], "--wait").returncode == 0
    assert [site.output(one) for one in site.ended("a", 2)] == ["live\n"] * 2


def test_who_waits_is_told_of_the_last_attempt(site: Site) -> None:
    site.configure({"a": {"command": ["sh", "-c", "test $ATTEMPT = 3 || exit 9"], "retries": 2, "retry_delay": 0.1}})
    site.start()
    assert site.command("trigger", "a", "--wait").returncode == 0
    site.configure({"a": {"command": ["sh", "-c", "exit $ATTEMPT"], "retries": 1, "retry_delay": 0.1}})
    site.send(signal.SIGHUP)
    assert site.command("retry", site.runs("a")[-1]["run_id"], "--wait").returncode == 4
