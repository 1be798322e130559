"""What people are told about runs and decisions: whole sentences, exact times, named zones."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dsari_like.core.model import Configuration, Job
from dsari_like.report import moments, words
from dsari_like.report.waits import waiting_sentence
from dsari_like.store.reader import DecisionRow, RunRow
from tests.shell.history import History

NOON = 1_795_176_000.0  # Fri 20 Nov 2026, 12:00:00 UTC


def run(status: str = "completed", **columns: Any) -> RunRow:
    history = History()
    history.run("backup", "5f3a", status, at=NOON, took=columns.pop("took", 250), **columns)
    return next(history.reader.runs())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0 ms"), (0.049, "49 ms"), (0.4, "0.4 s"), (9.94, "9.9 s"), (12, "12 s"), (59.7, "1 min"),
        (250, "4 min 10 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h"), (-3, "0 ms"), (None, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_durations_as_people_say_them(seconds: float | None, text: str) -> None:
    assert moments.duration(seconds) == text


def test_dates_are_whole_and_name_their_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert moments.moment(NOON, berlin) == "Fri 20 Nov 2026, 13:00:00 CET"
    assert moments.moment(NOON, ZoneInfo("America/Sao_Paulo")) == "Fri 20 Nov 2026, 09:00:00 UTC-03:00"
    assert moments.iso(NOON, berlin) == "2026-11-20T13:00:00.000+01:00"
    assert moments.weekday(NOON, UTC) == "Fri 20 Nov 12:00"


@pytest.mark.parametrize("instant", [1e300, -1e300, float("1e18")])
def test_an_impossible_time_is_shown_as_the_end_of_the_calendar(instant: float) -> None:
    assert moments.moment(instant, UTC)[-25:].endswith("UTC")


def test_a_zone_that_is_not_there_is_utc() -> None:
    assert moments.zone_of("Mars/Olympus") is UTC


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"status": "completed"}, "Completed in 4 min 10 s."),
        (
            {"status": "failed", "exit_code": 3},
            "Failed after 4 min 10 s: the command ended with exit code 3.",
        ),
        (
            {"status": "failed", "reason": "signal", "exit_code": 137},
            "Failed after 4 min 10 s: the command was ended by signal 9 (SIGKILL).",
        ),
        (
            {
                "status": "failed",
                "reason": "start_failed",
                "exit_code": 127,
                "message": "no such file: backup",
                "took": 0,
            },
            "Failed after 0 ms: it could not be started (exit code 127); no such file: backup.",
        ),
        (
            {"status": "failed", "reason": "max_execution", "message": "it ran longer than its max_execution of 8 s"},
            "Failed after 4 min 10 s: it ran longer than its max_execution of 8 s.",
        ),
        (
            {"status": "cancelled", "reason": "while_running"},
            "Cancelled after 4 min 10 s, while it was running.",
        ),
        ({"status": "running"}, "Running; it started Fri 20 Nov 2026, 12:00:00 UTC."),
        ({"status": "queued"}, "Queued since Fri 20 Nov 2026, 12:00:00 UTC."),
        ({"status": "waiting_for_lock"}, "Waiting for lock since Fri 20 Nov 2026, 12:00:00 UTC."),
        ({"status": "scheduled"}, "Not due before Fri 20 Nov 2026, 12:00:00 UTC."),
    ],
)
def test_an_outcome_is_one_sentence(columns: dict[str, Any], sentence: str) -> None:
    assert words.outcome_sentence(run(**columns), UTC) == sentence


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({}, "The schedule made it due Fri 20 Nov 2026, 12:00:00 UTC."),
        (
            {"data": {"type": "push"}, "origin": {"file": "push-7.json", "uid": 1000, "user": "alice"}},
            "User alice dropped the trigger file push-7.json (push), Fri 20 Nov 2026, 12:00:00 UTC.",
        ),
        ({"data": {}}, "A trigger file was dropped, Fri 20 Nov 2026, 12:00:00 UTC."),
        (
            {"data": {}, "origin": {"file": "trigger.json"}},
            "The trigger file trigger.json was dropped, Fri 20 Nov 2026, 12:00:00 UTC.",
        ),
        (
            {"trigger_type": "manual", "origin": {"file": "x.json", "user": "bob"}},
            "User bob asked for it on the command line, Fri 20 Nov 2026, 12:00:00 UTC.",
        ),
        (
            {"trigger_type": "retry", "attempt": 2, "retry_of": "77aa"},
            "Triggered by a retry, Fri 20 Nov 2026, 12:00:00 UTC, attempt 2 after run 77aa.",
        ),
    ],
)
def test_a_cause_is_one_sentence(columns: dict[str, Any], sentence: str) -> None:
    assert words.cause_sentence(run(**columns), UTC) == sentence


def test_the_producers_own_word_takes_the_place_of_the_fixed_one() -> None:
    """D-35."""
    assert words.trigger_word(run(data={"type": "push"})) == "push"
    assert words.trigger_word(run(data={"type": 7})) == "file"


def decision(outcome: str, **fields: Any) -> DecisionRow:
    row = {"schedule_time": NOON, "run_id": None, "reason": "", "count": 1, "token": None} | fields
    return DecisionRow(1, "a", row["schedule_time"], outcome, row["run_id"], row["reason"], NOON, row["count"],
                       row["token"], None)  # fmt: skip


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            decision("started", run_id="r1", reason="3.2 s late"),
            "The slot of Fri 20 Nov 2026, 12:00:00 UTC became run r1: 3.2 s late.",
        ),
        (
            decision("missed", reason="no daemon was running"),
            "The slot of Fri 20 Nov 2026, 12:00:00 UTC was missed: no daemon was running.",
        ),
        (
            decision("folded", run_id="r1", count=3),
            "The slot of Fri 20 Nov 2026, 12:00:00 UTC (standing for 3 instances) was folded into run r1.",
        ),
        (
            decision("refused", token="t", schedule_time=None, reason="it is no map"),
            "The trigger that was taken Fri 20 Nov 2026, 12:00:00 UTC was refused: it is no map.",
        ),
    ],
)
def test_a_decision_is_one_sentence(row: DecisionRow, sentence: str) -> None:
    assert words.decision_sentence(row, UTC) == sentence


def test_a_waiting_run_says_what_it_waits_for() -> None:
    history = History()
    history.run("backup", "b1", "running", concurrency_group="disk")
    history.run("backup", "b2", "queued")
    history.run("mirror", "m1", "queued")
    history.run("docs", "d1", "queued")
    history.run("docs", "d2", "scheduled")
    jobs = {
        "backup": Job("backup", ("true",)),
        "mirror": Job("mirror", ("true",), concurrency_groups=("disk",)),
        "docs": Job("docs", ("true",)),
    }
    configuration = Configuration(jobs, groups={"disk": 1}, max_running=1)
    running = history.reader.running()
    told = [waiting_sentence(row, running, configuration) for row in history.reader.waiting()]
    assert told == [
        "It waits for run b1 of the same job to end.",
        "It waits for a free slot of disk, held by backup.",
        "It waits because max_running allows 1 run at once.",
        "It is not due yet.",
    ]


def test_commands_can_be_pasted() -> None:
    assert words.command("trigger", "nightly backup") == "dsari-like trigger 'nightly backup'"
