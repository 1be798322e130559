"""The timeline: which bars are kept, where they lie, and that keeping them up to date and loading them agree."""

from __future__ import annotations

import json
import re
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.report import days, lanes, recent
from dsari_like.report.days import Window
from dsari_like.report.recent import Recent
from dsari_like.store.reader import BarRow
from tests.shell.history import History
from tests.shell.test_report import NOON, Place, job, words_of

DAY = Window(NOON - 12 * 3600, NOON + 12 * 3600)


def bar(
    begin: float, end: float | None, status: str = "completed", due: float | None = None, number: int = 1
) -> BarRow:
    return BarRow(f"r{number}", "build", status, number, begin if due is None else due, begin, begin, end)


def drawn(*bars: BarRow) -> str:
    return lanes.lane(bars, DAY, lambda bar: f"jobs/{bar.run_id}", UTC)


def test_runs_that_overlap_are_stacked() -> None:
    apart = drawn(bar(NOON, NOON + 60), bar(NOON + 60, NOON + 90, number=2))
    over = drawn(bar(NOON, NOON + 60), bar(NOON + 59, NOON + 90, number=2))
    assert 'height="16"' in apart.split(">")[0] and 'height="32"' in over.split(">")[0]


def test_a_wait_is_a_thin_line_before_its_run() -> None:
    lane = drawn(bar(NOON, NOON + 3600, due=NOON - 3600))
    assert '<rect class="w" x="45.83%" y="7" width="4.17%" height="2"/>' in lane
    assert '<rect class="c" x="50.00%" y="4" width="4.17%" height="8"/>' in lane
    assert "after waiting 1 h" in lane


def test_a_failure_has_another_shape() -> None:
    assert "M0 0h8" in drawn(bar(NOON, NOON + 60, "failed"))
    assert "M0 0h8" not in drawn(bar(NOON, NOON + 60))


def test_the_shortest_run_can_be_seen() -> None:
    assert 'width="0.08%"' in drawn(bar(NOON, NOON))


def test_of_very_many_runs_those_that_failed_stay_links() -> None:
    many = [bar(NOON + 60 * n, NOON + 60 * n + 5, "failed" if n == 77 else "completed", number=n) for n in range(200)]
    lane = drawn(*many)
    assert lane.count("<a ") == 1 and "jobs/r77" in lane
    assert "200 runs, 1 failed" in lane
    assert len(lane) < 4000


def test_what_still_runs_reaches_the_edge() -> None:
    assert 'class="r" x="50.00%" y="4" width="50.00%"' in drawn(bar(NOON, None, "running"))


@pytest.mark.parametrize(
    ("runs", "most"),
    [
        ([(0, 10), (10, 20)], 1),
        ([(0, 10), (9, 20), (9.5, 30)], 3),
        ([(0, 10), (5, 5)], 1),
        ([], 0),
        ([(-90_000, None)], 1),
    ],
)
def test_how_many_ran_at_once(runs: list[tuple[float, float | None]], most: int) -> None:
    bars = [bar(NOON + begin, None if end is None else NOON + end) for begin, end in runs]
    assert lanes.at_once(bars, DAY)[1] == most


@given(st.lists(st.tuples(st.floats(-5e4, 5e4), st.floats(0, 3e4)), max_size=40))
def test_the_most_at_once_is_what_counting_finds(spans: list[tuple[float, float]]) -> None:
    bars = [bar(NOON + begin, NOON + begin + took) for begin, took in spans]
    inside = [b for b in bars if b.stop_time is not None and b.stop_time > DAY.begin and b.due < DAY.end]
    most = max((sum(o.due <= b.due < (o.stop_time or 0) for o in inside) for b in inside), default=0)
    assert lanes.at_once(inside, DAY)[1] >= most


def test_days_have_their_own_length_where_the_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    day = days.day_of(1_792_918_800.0, berlin)  # Sun 25 Oct 2026
    begin, end = days.ends(day, day, berlin)
    assert (end - begin) / 3600 == 25
    assert days.key(day) == "2026-10-25"


# --- what is kept -------------------------------------------------------------------------------------------------

RUNS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.floats(-9 * 86_400, 3600),
        st.floats(0, 2e5),
        st.sampled_from(["running", "completed", "failed"]),
    ),
    max_size=60,
)


def loaded(history: History, now: float) -> Recent:
    found = Recent(UTC)
    for _ in found.load(history.reader, lambda name: True, now):
        pass
    return found


def shown(found: Recent) -> dict[str, Any]:
    window = Window(NOON - 6 * 86_400, NOON + 86_400)
    rows = {name: sorted(found.bars(name, window), key=lambda bar: bar.run_id) for name in found.jobs(window)}
    return {name: bars for name, bars in rows.items() if bars}


@settings(max_examples=40, deadline=None)
@given(RUNS, st.integers(0, 60), st.integers(3, 60))
def test_kept_up_to_date_it_holds_what_loading_finds(runs: list[Any], begin: int, most: int) -> None:
    history, usual = History(), recent.MOST
    recent.MOST = most
    try:
        kept: Recent | None = None
        for count, (number, at, took, status) in enumerate(runs):
            if count == begin:
                kept = loaded(history, NOON)
            ended = history.reader.run(f"r{number}")
            if ended is not None and ended.stop_time is not None:
                continue
            at = at if ended is None else ended.queue_time - NOON
            history.run(f"job-{number % 3}", f"r{number}", status, at=NOON + at, took=took)
            row = history.reader.run(f"r{number}")
            if kept is not None and row is not None:
                kept.note(row, NOON)
        fresh = loaded(history, NOON)
        assert kept is None or shown(kept) == shown(fresh)
    finally:
        recent.MOST = usual


def test_the_front_page_shows_the_day_and_the_timeline_the_week(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("nightly"), job("old"))
    place.history.run("build", "b1", at=NOON - 3600, took=600)
    place.history.run("nightly", "n1", "failed", at=NOON - 7200, took=600)
    place.history.run("old", "o1", at=NOON - 3 * 86_400)
    place.render()
    front, page = place.page(), place.page("timeline.html")
    assert "24 hours, Thu 19 Nov 13:00 to Fri 20 Nov 13:00" in words_of(front)
    assert front.index(">nightly</a></th>") < front.index(">build</a></th>"), "what failed is looked for"
    assert ">old</a></th>" not in front.split("Latest runs")[0] and ">old</a></th>" in page
    assert 'href="days/2026-11-17.html">Tue 17 Nov</a>' in page
    twin = json.loads(place.page("timeline.json"))
    assert twin["jobs"][0]["runs"] == [["n1", "failed", NOON - 7200, NOON - 7200, NOON - 6600]]


def test_a_day_has_its_page_for_a_month(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "b1", at=NOON - 40 * 86_400)
    place.history.run("build", "b2", at=NOON - 10 * 86_400)
    place.render()
    assert [path.name for path in (place.html / "days").iterdir()] == ["2026-11-10.html"]
    assert "No" not in re.findall(r"<h2[^>]*>(\w+)", place.page("days/2026-11-10.html"))
    place.history.run("build", "b3", at=NOON + 25 * 86_400)
    place.render(NOON + 25 * 86_400)
    assert [path.name for path in (place.html / "days").iterdir()] == ["2026-12-15.html"]


def test_a_run_that_is_gone_is_drawn_no_more(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("other"))
    place.history.run("build", "b1", at=NOON - 60)
    place.history.run("build", "b2", at=NOON - 30)
    place.history.run("other", "o1", at=NOON - 60)
    place.render()
    assert "jobs/build/b1/" in place.page("timeline.html")
    place.history.connection.execute("delete from runs where run_id = 'b1'")
    place.history.connection.execute("insert into pruned (run_id, job_name, number, time) values ('b1', 'build', 1, 0)")
    place.render()
    assert "jobs/build/b1/" not in place.page("timeline.html")
    grown = place.bytes()
    place.renderer.all(NOON, regenerate=True)
    assert place.bytes() == grown
