"""What programs read: feeds, the calendar, badges, metrics, the index of the search."""

from __future__ import annotations

import json
import re
import sqlite3
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

from dsari_like.cli.render import bar
from dsari_like.core.messages import Now
from dsari_like.core.model import Configuration, SkipNext
from dsari_like.measuring import Measuring
from dsari_like.parts import Parts
from dsari_like.report.metrics import METRICS, Meter
from dsari_like.store.reader import Reader
from tests.shell.history import History
from tests.shell.test_report import ATTACK, NOON, Place, attacked, job

ATOM = "{http://www.w3.org/2005/Atom}"


def entries(place: Place, path: str) -> list[ET.Element]:
    return ET.fromstring(place.page(path)).findall(f"{ATOM}entry")


def text(element: ET.Element, name: str) -> str:
    found = element.find(ATOM + name)
    return "" if found is None or found.text is None else found.text


def test_a_feed_tells_what_ended_and_links_to_it(tmp_path: Path) -> None:
    place = Place(tmp_path, job("a b"), job("other"))
    run_id = str(uuid4())
    place.history.run("a b", run_id, "failed", at=NOON, data={"description": "Fix it"})
    place.history.run("a b", "open", "running", at=NOON)
    place.history.run("other", "o1", at=NOON - 60)
    place.render()
    first, second = entries(place, "feed.atom")
    assert (text(first, "title"), text(second, "title")) == ("Completed: other, run 1", "Failed: a b, run 1")
    (mine,) = entries(place, "jobs/a b/feed.atom")
    assert text(mine, "id") == f"urn:uuid:{run_id}"
    assert text(mine, "summary") == "Failed after 1.0 s: the command ended with exit code 1. · Fix it"
    link = mine.find(f"{ATOM}link")
    assert link is not None and link.get("href") == f"../../jobs/a%20b/{run_id}/index.html"


def test_links_are_whole_where_the_pages_are_served(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build", schedule=("0 2 * * *",)), base_url="https://ci.example.org/reports")
    place.history.run("build", "b1", at=NOON)
    place.render()
    assert 'href="https://ci.example.org/reports/jobs/build/b1/index.html"' in place.page("feed.atom")
    assert "URL:https://ci.example.org/reports/jobs/build/index.html" in place.page("calendar.ics")


def test_no_text_breaks_a_feed_a_badge_or_the_index(tmp_path: Path) -> None:
    """P17, and what XML cannot hold: a feed with a control character is no feed."""
    place = attacked(tmp_path)
    place.history.run(
        "build", "odd", "failed", at=NOON, message="\x00\x1b\ufffe" + ATTACK, data={"description": "\x0b"}
    )
    place.render()
    for path in place.html.rglob("*"):
        if path.suffix in (".atom", ".svg"):
            ET.fromstring(path.read_bytes())
    for path in place.html.rglob("*.js"):
        if path.name not in ("search.js", "live.js"):
            called = re.fullmatch(r"dsariLike\.(jobs|runs)\((.*)\);\n", path.read_text(), re.S)
            assert called, path
            assert json.loads(f"[{called[2]}]"), path


def test_the_calendar_has_the_coming_slots_and_what_becomes_of_them(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        job("nightly", schedule=("0 2 * * *",), description="Dumps; and, copies"),
        job("minutely", schedule=("* * * * *",)),
    )
    place.history.rest(SkipNext("nightly", NOON - 30, "holiday"))
    place.render()
    lines = (place.html / "calendar.ics").read_bytes().decode().split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""]
    assert lines.count("SUMMARY:minutely") == 20 and lines.count("SUMMARY:nightly") == 14
    event = lines[lines.index("DTSTART:20261121T020000Z") :]
    assert event[2].startswith("DESCRIPTION:Dumps\\; and\\, copies. left out\\, as asked: holiday")
    assert event[3] == "STATUS:CANCELLED"


def test_a_run_does_not_make_the_calendar_anew(tmp_path: Path) -> None:
    place = Place(tmp_path, job("nightly", schedule=("0 2 * * *",)))
    place.render(NOON + 10)
    before = place.page("calendar.ics")
    place.history.run("nightly", "n1", at=NOON)
    assert "calendar.ics" not in place.render(NOON + 1200)
    place.renderer.all(NOON + 3000, regenerate=True)
    assert place.page("calendar.ics") == before
    place.history.run("nightly", "n2", at=NOON)
    assert "calendar.ics" in place.render(NOON + 15 * 3600)


def test_a_badge_says_how_the_job_stands(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.render()
    assert not (place.html / "jobs/build/badge.svg").exists() or "never ran" in place.page("jobs/build/badge.svg")
    place.history.run("build", "b1", "failed", at=NOON)
    place.render()
    assert "<title>build: failed</title>" in place.page("jobs/build/badge.svg")
    place.history.run("build", "b2", at=NOON + 1)
    place.history.run("build", "b3", "running", at=NOON + 2)
    place.render()
    assert "<title>build: completed</title>" in place.page("jobs/build/badge.svg"), "the verdict, not what goes on"


def test_the_index_finds_runs_by_what_people_remember(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build", description="For every push"))
    data = {"type": "push", "description": "Fix the login", "environment": {"GIT_REF": "main"}}
    place.history.run(
        "build", "b1", "failed", at=NOON, data=data, environment=data["environment"], origin={"user": "alice"},
        output=b"step 1\nerror: connection refused\nbye\n",
    )  # fmt: skip
    place.render()
    assert '["build", "jobs/build/", "failed", "bad", "failed", "For every push' in place.page("search/jobs-1.js")
    found = place.page("jobs/build/page-1.js")
    assert found.startswith(
        'dsariLike.runs("jobs/build/page-1.js", [\n[1, "b1", "failed", "bad", "failed", "2026-11-20 12:00:00", '
    )
    for words in ("exit code 1", "error: connection refused", "Fix the login", "push", "GIT_REF=main", "alice"):
        assert words in found


# --- metrics ------------------------------------------------------------------------------------------------------


def numbers(meter: Meter, *jobs: str) -> dict[str, float]:
    lines = (line for line in meter.text(jobs, NOON).splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_metrics_count_what_ended_and_time_what_was_latest() -> None:
    history = History()
    for number in range(10):
        history.run("build", f"b{number}", "failed" if number > 7 else "completed", at=NOON + number, took=10, waited=2)
    history.run("build", "b10", "running", at=NOON + 20)
    history.run("build", "b11", "queued", at=NOON + 21)
    found = numbers(Meter(history.reader), "build", 'odd"name')
    assert found['dsari_like_run_count{job_name="build"}'] == 12
    assert found['dsari_like_run_success_count{job_name="build"}'] == 8
    assert found['dsari_like_run_failure_count{job_name="build"}'] == 2
    assert found['dsari_like_run_duration_seconds{job_name="build",quantile="0.5"}'] == 10
    assert found['dsari_like_run_latency_seconds{job_name="build",quantile="0.99"}'] == 2
    assert found['dsari_like_last_run_exit_code{job_name="build"}'] == 1
    assert found['dsari_like_last_run_stop_time{job_name="build"}'] == NOON + 21
    assert found['dsari_like_failures_in_a_row{job_name="build"}'] == 2
    assert found['dsari_like_running_run_start_time{job_name="build",run_id="b10"}'] == NOON + 20
    assert found['dsari_like_run_count{job_name="odd\\"name"}'] == 0
    assert found["dsari_like_waiting_runs"] == 1


def test_a_counter_goes_on_when_retention_takes_runs() -> None:
    history = History()
    for number in range(5):
        history.run("build", f"b{number}", at=NOON + number)
    meter = Meter(history.reader)
    assert numbers(meter, "build")['dsari_like_run_success_count{job_name="build"}'] == 5
    history.connection.execute("delete from runs where run_id in ('b0', 'b1')")
    history.run("build", "b5", at=NOON + 9)
    assert numbers(meter, "build")['dsari_like_run_success_count{job_name="build"}'] == 6


def test_every_metric_is_told_of() -> None:
    history = History(connection=sqlite3.connect(":memory:", isolation_level=None))
    history.run("build", "b1", at=NOON)
    history.run("build", "b2", at=NOON)
    history.run("build", "b3", "running", at=NOON)
    text = Meter(Reader(history.connection)).text(["build"], NOON)
    for name, kind, words in METRICS:
        assert f"# HELP dsari_like_{name} {words}\n# TYPE dsari_like_{name} {kind}\n" in text


# --- long work ----------------------------------------------------------------------------------------------------


def test_long_work_tells_how_far_it_is(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    for number in range(120):
        place.history.run("build", f"run-{number:03}", at=NOON + number)
    told: list[tuple[int, int]] = []
    place.renderer.all(NOON, lambda count, total: told.append((count, total)))
    counts, totals = zip(*told, strict=True)
    assert counts == tuple(range(1, len(told) + 1))
    assert all(0.7 * len(told) < total < 1.3 * len(told) for total in totals), (totals[0], len(told))
    assert bar(40, 100).endswith("]  40 %, 40 of about 100 pages") and bar(40, 100).count("#") == 12


def test_numbers_are_written_at_rest_and_at_most_every_ten_seconds(tmp_path: Path) -> None:
    history = History()
    parts = SimpleNamespace(
        runlog=SimpleNamespace(connection=history.connection),
        configuration=Configuration({"build": job("build")}, data_dir=str(tmp_path)),
        clock=SimpleNamespace(mono=lambda: 0.0),
    )
    measuring = Measuring(cast("Parts", parts))
    history.run("build", "b1", at=NOON)
    assert measuring.is_stale() and not measuring.step(Now(NOON, 100.0))
    assert 'dsari_like_run_count{job_name="build"} 1' in (tmp_path / "metrics.prom").read_text()
    assert measuring.next_step() is None
    history.run("build", "b2", at=NOON)
    assert measuring.next_step() == 110.0
    measuring.step(Now(NOON, 105.0))
    assert measuring.is_stale()
    measuring.step(Now(NOON, 110.0))
    assert 'dsari_like_run_count{job_name="build"} 2' in (tmp_path / "metrics.prom").read_text()
