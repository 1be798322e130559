"""Pages of jobs that rest: what they say, which of them a pause makes stale, and that a rebuild changes no byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsari_like.core.blackout import Fixed, Window, Windows
from dsari_like.core.model import ALL_JOBS, Pause, SkipNext
from dsari_like.report.moments import zone_of
from dsari_like.report.renderer import Renderer
from dsari_like.store.reader import Reader
from tests.shell.test_report import FRONT, NOON, STATE, Place, files_of_job, job, rules, words_of

NIGHTLY = job("nightly", schedule=("0 2 * * *",))
PAUSE = Pause("nightly", NOON - 3600, NOON + 86_400, "migration <b>")
ALL = Pause(ALL_JOBS, NOON - 60)
SKIP = SkipNext("nightly", NOON - 30, "holiday")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path, job("build"), NIGHTLY, job("other"))
    made.history.run("build", "b1", at=NOON - 7200)
    made.render()
    return made


def test_a_pause_writes_its_jobs_page_and_the_front_pages(place: Place) -> None:
    place.history.rest(PAUSE)
    assert place.renderer.stale()
    assert place.render() == files_of_job("nightly") | FRONT | {"calendar.ics"} | STATE
    assert not place.renderer.stale()
    place.history.rested(PAUSE)
    assert place.render() == files_of_job("nightly") | FRONT | {"calendar.ics"} | STATE


def test_the_pause_of_all_writes_the_pages_of_all_jobs_and_no_runs(place: Place) -> None:
    place.history.rest(ALL)
    written = place.render()
    pages = files_of_job("nightly") | files_of_job("build") | files_of_job("other")
    assert written == pages | FRONT | {"calendar.ics"} | STATE


def test_the_front_page_lists_who_is_paused_among_what_needs_attention(place: Place) -> None:
    place.history.rest(PAUSE)
    place.history.rest(ALL)
    place.render()
    text = words_of(place.page())
    assert "2 paused" in text
    assert "All jobs paused until further notice, since 20 Nov 2026 11:59:00" in text
    assert "nightly paused until Sat 21 Nov 2026, 12:00:00 UTC, since 20 Nov 2026 11:00:00 migration &lt;b&gt;" in text
    assert "<title>2 paused · dsari_like</title>" in place.page()


def test_a_failure_stays_the_first_thing_that_is_said(place: Place) -> None:
    place.history.run("build", "b2", "failed", at=NOON - 60)
    place.history.rest(PAUSE)
    place.render()
    assert "<title>1 failing, 1 paused · dsari_like</title>" in place.page()
    assert place.page().index("Failed") < place.page().index("paused until")


def test_the_page_of_a_job_says_it_in_its_banner_and_at_the_slots(place: Place) -> None:
    place.history.rest(PAUSE)
    place.history.rest(SKIP)
    place.render()
    text = words_of(place.page("jobs/nightly/index.html"))
    assert "The job is paused, from Fri 20 Nov 2026, 11:00:00 UTC until Sat 21 Nov 2026, 12:00:00 UTC: migra" in text
    assert "Sat 21 Nov 02:00 left out: the job is paused until Sat 21 Nov 2026, 12:00:00 UTC: migration" in text
    assert "Sun 22 Nov 02:00 left out, as asked: holiday" in text
    assert text.count("left out") == 2
    twin = json.loads(place.page("jobs/nightly/index.json"))
    assert twin["paused"] == {
        "job_name": "nightly",
        "since": PAUSE.time,
        "until": PAUSE.until,
        "reason": "migration <b>",
    }
    assert [bool(note) for note in twin["next_notes"]] == [True, True, False, False, False]


def test_lists_and_programs_are_told(place: Place) -> None:
    place.history.rest(ALL)
    place.render()
    assert words_of(place.page("all-jobs.html")).count("all jobs are paused until further notice") == 3
    status = json.loads(place.page("status.json"))
    assert status["paused"] == [{"job_name": None, "since": ALL.time, "until": None, "reason": ""}]
    assert status["next"][0]["note"] == "left out: all jobs are paused until further notice"
    assert "nightly Sat 21 Nov 02:00 left out: all jobs" in words_of(place.page())


def test_what_waits_says_that_its_job_is_paused(place: Place) -> None:
    place.history.rest(Pause("build", NOON - 60, None, "migration"))
    place.history.run("build", "b3", "queued", at=NOON - 30, data={})
    place.render()
    assert "It waits because its job is paused until further notice: migration." in words_of(place.page())


def test_hidden_and_removed_jobs_are_not_told_of(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("secret", render_reports=False))
    for name in ("secret", "gone"):
        place.history.rest(Pause(name, NOON - 60))
    place.render()
    assert "paused" not in words_of(place.page())
    assert "gone" not in place.page("all-jobs.html")
    assert not (place.html / "jobs/gone").exists()


def test_a_render_from_nothing_gives_the_same_bytes(place: Place) -> None:
    for step in (PAUSE, ALL, SKIP):
        place.history.rest(step)
        place.render()
    place.history.rested(ALL)
    place.render()
    grown = place.bytes()
    place.renderer.all(NOON, regenerate=True)
    assert set(place.renderer.written()) <= STATE
    assert place.bytes() == grown


def test_a_start_makes_only_what_rests_in_another_way(place: Place) -> None:
    place.history.rest(PAUSE)
    place.render(NOON + 10)
    place.render(NOON + 60)
    place.configure(job("build"), NIGHTLY, job("other"))
    assert place.render(NOON + 60) == set()
    place.history.rested(PAUSE)
    place.configure(job("build"), NIGHTLY, job("other"))
    assert files_of_job("nightly") <= place.render(NOON + 60)


def test_a_pause_on_a_page_that_a_power_cut_may_have_taken_is_made_again(place: Place) -> None:
    place.history.rest(PAUSE)
    place.render()
    page = place.html / "jobs/nightly/index.html"
    page.write_bytes(b"")
    place.configure(job("build"), NIGHTLY, job("other"))
    place.render()
    assert b"is paused" in page.read_bytes()


def test_a_pause_that_came_and_went_before_a_power_cut_leaves_no_word(place: Place) -> None:
    place.history.rest(PAUSE)
    place.render(NOON + 100)
    page = place.html / "jobs/nightly/index.html"
    paused = page.read_bytes()
    place.history.rested(PAUSE)
    place.render(NOON + 105)
    page.write_bytes(paused)  # the newer page was not on the disk yet
    place.configure(job("build"), NIGHTLY, job("other"))
    place.render(NOON + 200)
    assert b"paused" not in page.read_bytes()


def test_the_page_of_a_job_tells_its_blackouts(place: Place) -> None:
    windows = Windows([Fixed([Window(NOON, NOON + 86_400, "from noon to noon")])], zone_of("UTC"))
    reader = Reader(place.history.connection)
    configuration = place.renderer._configuration
    html, runs = str(place.html), str(place.root / "runs")
    plans = {"nightly": rules(NIGHTLY)}
    renderer = Renderer(configuration, plans, reader, html, runs, windows={"nightly": windows})
    renderer.all(NOON, regenerate=True)
    text = words_of(place.page("jobs/nightly/index.html"))
    assert "Blackouts from noon to noon: what is due then is left out." in text
    assert text.count("left out: it falls into the blackout from noon to noon, until 2026-11-21 12:00:00+00:00") == 1
