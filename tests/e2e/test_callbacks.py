"""Callbacks and blocked runs, end to end: the six cases of Qube's page on callbacks, and what a site relies on."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

from tests.e2e.site import Site

SH = ["sh", "-c"]
TRUE = {"command": "true"}


def order(site: Site) -> list[str]:
    """Jobs in the order their runs started."""
    return [row["job_name"] for row in sorted(site.runs(), key=lambda row: row["start_time"] or 1e12)]


def blocked(site: Site, job: str, count: int = 1) -> None:
    site.until(f"{count} blocked runs of {job}", lambda: len(site.runs(job, "blocked")) == count)


def calls(site: Site, state: str = "completed") -> list[Any]:
    rows = site.rows("select * from callback_history order by time, callback_id")
    return [row for row in rows if row["state"] == state]


# --- the six cases ----------------------------------------------------------------------------------------------


def test_case_1_b_waits_for_a(site: Site) -> None:
    """Q-71, Q-72: with an expression in the job, and with a callback that says the same in verbs."""
    site.configure({"A": TRUE, "B": {**TRUE, "blocked_until": "complete-job-A"}})
    site.start()
    site.drop("B")
    blocked(site, "B")
    site.drop("A")
    site.ended("B")
    assert order(site) == ["A", "B"]
    causes = [row["cause"] for row in site.rows("select cause from events order by event_id")]
    assert "what it was blocked until has come true" in causes


def test_case_2_frame_by_frame(site: Site) -> None:
    """Q-73: item n of B waits for item n of A, each released by itself."""
    wait = 'until test -e "$DATA_DIR/go-$ITEM"; do sleep 0.02; done'
    site.configure(
        {
            "A": {"command": [*SH, wait], "items": ["1", "2"], "items_parallel": 2},
            "B": {**TRUE, "items": ["1", "2"], "items_parallel": 2, "blocked_until": "complete-work-A-*"},
        }
    )
    site.start()
    site.drop("B")
    site.drop("A")
    site.until("the items of A", lambda: len([row for row in site.runs("A", "running") if row["item"]]) == 2)
    site.write("var/go-2", "")
    site.until("item 2 of B", lambda: [row["item"] for row in site.runs("B", "completed")] == ["2"])
    site.write("var/go-1", "")
    site.until("item 1 of B", lambda: len([row for row in site.runs("B", "completed") if row["item"]]) == 2)


def test_cases_3_and_4_c_waits_for_both_and_d_for_both_or_another(site: Site) -> None:
    """Q-75."""
    both = "complete-job-A && complete-job-B"
    site.configure(
        {
            **{name: TRUE for name in ("A", "B", "X")},
            "C": {**TRUE, "blocked_until": both},
            "D": {**TRUE, "blocked_until": f"({both}) or complete-job-X"},
        }
    )
    site.start()
    site.drop("C")
    site.drop("D")
    blocked(site, "C")
    blocked(site, "D")
    site.drop("A")
    site.ended("A")
    site.drop("X")
    site.ended("D")
    assert site.runs("C", "blocked")
    site.drop("B")
    site.ended("C")


def test_case_5_the_same_in_two_languages(site: Site) -> None:
    """Q-49: trigger strings are the same, only language and code differ."""
    site.configure(
        {
            "A": TRUE,
            "verbs": {
                **TRUE,
                "blocked_until": "time-self-+1d",
                "callbacks": [{"triggers": "complete-job-A", "language": "qube", "code": "unblock-self"}],
            },
            "code": {
                **TRUE,
                "blocked_until": "time-self-+1d",
                "callbacks": [
                    {
                        "triggers": "complete-job-A",
                        "language": "python",
                        "code": "from dsari_like import callback\ncallback.unblock()",
                    }
                ],
            },
        }
    )
    site.start()
    site.drop("verbs")
    site.drop("code")
    blocked(site, "verbs")
    blocked(site, "code")
    site.drop("A")
    site.ended("verbs")
    site.ended("code")
    site.until("both calls", lambda: {row["language"] for row in calls(site)} == {"qube", "python"})


def test_case_6_a_delayed_start(site: Site) -> None:
    """Q-80."""
    at = time.time() + 1.5
    later = {**TRUE, "blocked_until": "time-self-+1"}
    site.configure({"B": {**TRUE, "blocked_until": f"time-self-{at:.3f}"}, "C": later})
    site.start()
    site.drop("B")
    site.drop("C")
    blocked(site, "B")
    (late,) = site.ended("B")
    assert 0 <= late["start_time"] - at < 1
    (after,) = site.ended("C")
    assert 1 <= after["start_time"] - after["queue_time"] < 2


# --- what a site relies on ----------------------------------------------------------------------------------------


def test_a_failure_calls_its_callbacks_and_is_none_the_worse(site: Site) -> None:
    """Q-46, Q-54, Q-70: universal ones too; what they said is kept; one that fails raises an event of its own."""
    on_failure = {"triggers": "failed-job-self"}
    site.configure(
        {
            "A": {
                "command": [*SH, "exit 3"],
                "callbacks": [
                    {**on_failure, "name": "bad", "language": "shell", "code": "echo $EVENT_NAME; exit 9"},
                    {**on_failure, "language": "qube", "code": "trigger-clean up"},
                ],
            },
            "clean up": TRUE,
        },
        callbacks=[
            {**on_failure, "language": "shell", "code": "echo $JOB_NAME $EVENT_JOB_NAME $CALLBACK_COUNT"},
            {"triggers": "failed-callback-bad", "language": "shell", "name": "told", "code": 'cat "$EVENT_JSON"'},
        ],
    )
    site.start()
    site.drop("A")
    (run,) = site.ended("A")
    assert run["exit_code"] == 3
    (cleaned,) = site.ended("clean up")
    assert cleaned["trigger_type"] == "callback" and json.loads(cleaned["origin"])["depth"] == 1
    site.until("all calls", lambda: len(calls(site)) == 3 and calls(site, "failed"))
    (bad,) = calls(site, "failed")
    assert (bad["exit_code"], bad["output"], bad["run_id"], bad["callback"]) == (9, "failed\n", run["run_id"], "A/bad")
    said = {row["callback"]: row["output"] for row in calls(site)}
    assert said["*/1"] == "A A 1\n"
    assert json.loads(said["*/told"])["text"] == "failed-callback-A/bad"
    assert site.runs("A")[0]["status"] == "failed" and list((site.var / "callbacks" / "A").iterdir()) == []


def test_kill_9_neither_drops_nor_doubles_a_dependency(site: Site) -> None:
    """P26: what a latch remembers survives, and so does a call that was on its way."""
    slow = 'echo once >> "$DATA_DIR/called"; test -e "$DATA_DIR/go" || sleep 60'
    site.configure(
        {
            **{name: TRUE for name in "AB"},
            "C": {
                **TRUE,
                "blocked_until": "complete-job-A && complete-job-B",
                "callbacks": [{"triggers": "complete-job-A", "language": "shell", "code": slow}],
            },
        }
    )
    site.start()
    site.drop("C")
    blocked(site, "C")
    site.drop("A")
    site.until("the call", lambda: (site.var / "called").exists())
    site.send(signal.SIGKILL)
    assert site.daemon is not None
    site.daemon.wait()
    site.write("var/go", "")
    site.start()
    site.until("the call's end", lambda: calls(site))
    (call,) = calls(site)
    assert call["attempt"] == 2 and (site.var / "called").read_text() == "once\nonce\n"
    assert site.runs("C", "blocked")
    (waiting,) = (line for line in site.command("show", "C").stdout.splitlines() if line.startswith("It is blocked"))
    assert "it waits for complete-job-B; complete-job-A came" in waiting
    site.drop("B")
    site.ended("C")


def test_a_loop_of_callbacks_ends_with_a_reason(site: Site) -> None:
    """R-12: each run's end starts the job again."""
    again = {"triggers": "complete-job-self", "language": "qube", "code": "trigger-A"}
    site.configure({"A": {**TRUE, "callbacks": [again]}})
    site.start()
    site.drop("A")
    (refused,) = site.until("the end of the loop", lambda: calls(site, "refused"), patience=60)
    assert "16 deep" in refused["reason"] and len(site.runs("A")) == 17


def test_who_claims_to_be_a_callback_must_know_a_call(site: Site) -> None:
    site.configure({"A": TRUE})
    site.start()
    site.drop("A", {"trigger_type": "callback", "callback_id": "made-up"})
    (reason,) = site.until_refused("A").values()
    assert "there is no call of a callback" in reason
