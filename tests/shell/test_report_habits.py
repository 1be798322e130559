"""What is usual for a job, told from its own past: nothing is set anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.report import habits
from dsari_like.report.habits import FLAKY, RECOVERED, REGRESSED, SLOWER, habit, usual
from dsari_like.store.reader import VerdictRow
from tests.shell.test_report import NOON, Place, job, words_of


def verdicts(word: str) -> list[VerdictRow]:
    """`ggb`: good, good, bad, oldest first; given to the arithmetic newest first."""
    states = {"g": "completed", "b": "failed"}
    rows = [VerdictRow(f"r{n}", n, states[letter], float(n), n + 1.0) for n, letter in enumerate(word, 1)]
    return rows[::-1]


@pytest.mark.parametrize(
    ("past", "marks"),
    [
        ("", set()),
        ("gggg", set()),
        ("bbbb", set()),  # it never was otherwise
        ("gggb", {REGRESSED}),
        ("ggbbb", {REGRESSED}),
        ("gbbg", {RECOVERED}),
        ("bggg", {RECOVERED}),
        ("gbgbg", {FLAKY}),
        ("gbgb", {FLAKY, REGRESSED}),
    ],
)
def test_a_past_says_what_a_job_is(past: str, marks: set[str]) -> None:
    assert habit(verdicts(past), ()).marks == marks


def test_the_run_with_which_it_turned_is_known() -> None:
    found = habit(verdicts("ggbb"), ())
    assert found.turned is not None and found.turned.run_id == "r3"
    assert found.before is not None and found.before.run_id == "r2"
    mended = habit(verdicts("gbbgg"), ())
    assert mended.turned is not None and mended.turned.run_id == "r4"


def test_one_long_run_is_slower_than_usual_and_moves_nothing() -> None:
    steady = [60.0, 61.0, 59.0, 60.5, 59.5, 60.0, 62.0, 58.0]
    assert habit(verdicts("g" * 8), steady).marks == set()
    slow = habit(verdicts("g" * 9), [90.0, *steady])
    assert slow.marks == {SLOWER} and slow.is_slow and slow.lately is None
    assert habit(verdicts("g" * 10), [60.0, 90.0, *steady]).marks == set()


def test_clockwork_may_be_a_little_late() -> None:
    """A job that always takes the same has no spread at all: three per cent of it are no news."""
    assert not habit(verdicts("g"), [10.2, *[10.0] * 10]).is_slow
    assert habit(verdicts("g"), [12.0, *[10.0] * 10]).is_slow


def test_getting_slower_is_a_habit_and_not_one_night() -> None:
    before = [60.0, 61.0, 59.0, 60.0, 62.0, 58.0, 60.0]
    found = habit(verdicts("g" * 12), [70.0, 71.0, 72.0, 69.0, 70.0, *before])
    assert found.lately == 70.0 and found.earlier == 60.0
    assert habit(verdicts("g" * 12), [70.0, 60.0, 61.0, 60.0, 59.0, *before]).lately is None


def test_too_few_runs_are_no_habit() -> None:
    assert usual([1.0] * (habits.ENOUGH - 1)) is None
    assert usual([1.0] * habits.ENOUGH) is not None


@given(st.lists(st.floats(0, 1e6), min_size=habits.ENOUGH, max_size=30))
def test_the_middle_lies_in_the_usual_range_and_is_never_worth_a_word(durations: list[float]) -> None:
    found = usual(durations)
    assert found is not None
    assert 0 <= found.low <= found.middle <= found.high
    assert not found.is_beyond(found.middle)


@given(st.lists(st.floats(0, 1e6), min_size=habits.ENOUGH, max_size=30), st.floats(0.001, 1000))
def test_the_measure_is_the_jobs_own(durations: list[float], factor: float) -> None:
    """The same habit in other units is the same habit, as far as a tenth of a second does not matter."""
    plain, scaled = usual(durations), usual([seconds * factor for seconds in durations])
    assert plain is not None and scaled is not None
    assert scaled.middle == pytest.approx(plain.middle * factor)


def test_the_page_of_failures_has_each_job_on_its_lists(tmp_path: Path) -> None:
    names = {"broke": "gggb", "mended": "ggbg", "fickle": "gbgbg", "fine": "ggg"}
    place = Place(tmp_path, *(job(name) for name in names))
    for name, past in names.items():
        for number, letter in enumerate(past):
            place.history.run(
                name, f"{name}-{number}", {"g": "completed", "b": "failed"}[letter], at=NOON - 900 + number
            )
    for number in range(10):
        place.history.run("fine", f"long-{number}", at=NOON - 800 + number, took=300.0 if number == 9 else 10.0)
    place.render()
    page = place.page("failures.html")
    lists = {
        key: words_of(page.split(f'id="{key}"')[1].split("</section>")[0])
        for key in (REGRESSED, RECOVERED, FLAKY, SLOWER)
    }
    assert "broke Failed: the command ended with exit code 1" in lists[REGRESSED]
    assert "mended" in lists[RECOVERED] and "fickle" not in lists[RECOVERED]
    assert "fickle failed 2 of its latest 5 runs, at 2 separate times" in lists[FLAKY]
    assert "fine the last took 5 min, usual is" in lists[SLOWER]
    assert 'href="jobs/broke/broke-3/index.html"' in page
    assert "the last took 5 min" in words_of(place.page("jobs/fine/index.html"))


def test_failures_are_counted_by_day_and_lead_to_the_day(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("secret", render_reports=False))
    for number, days in enumerate((0, 0, 3)):
        place.history.run("build", f"b{number}", "failed", at=NOON - 86_400 * days)
        place.history.run("secret", f"s{number}", "failed", at=NOON - 86_400 * days)
    place.render()
    page = place.page("failures.html")
    assert "Fri 20 Nov 2026: 2 failed" in page and "Tue 17 Nov 2026: 1 failed" in page
    assert 'href="days/2026-11-17.html"' in page
    assert "secret" not in page
    assert "build" in place.page("days/2026-11-17.html")


def test_a_runs_page_compares_it_with_those_before_it_whenever_it_is_made(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    for number in range(12):
        place.history.run("build", f"run-{number:02}", at=NOON + 100 * number, took=60.0)
    place.history.run("build", "long", at=NOON + 2000, took=200.0)
    place.render()
    page = place.page("jobs/build/long/index.html")
    assert "Ran for 3 min 20 s more than usual, usually 1 min" in words_of(page)
    assert "more than usual" not in place.page("jobs/build/run-11/index.html")
    for number in range(12):
        place.history.run("build", f"later-{number:02}", at=NOON + 3000 + 100 * number, took=300.0)
    place.render()
    place.renderer.all(NOON, regenerate=True)
    assert place.page("jobs/build/long/index.html") == page
