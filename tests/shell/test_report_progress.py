"""What a run says of itself, on the pages: as it is, and as text."""

from __future__ import annotations

from pathlib import Path

from tests.shell.test_report import NOON, Place, job, words_of


def test_the_front_page_and_the_page_of_the_run_tell_what_it_says(tmp_path: Path) -> None:
    place = Place(tmp_path, job("copy"), job("build"))
    place.history.run("build", "b1", at=NOON - 3600, took=90)
    place.history.run("build", "b2", "running", at=NOON - 60)
    place.history.run("copy", "c1", "running", at=NOON - 60)
    place.render()
    assert "Progress" not in words_of(place.page("jobs/copy/c1/index.html"))
    place.history.progress("b2", 12.5, "linking")
    place.history.progress("c1", 40.0, "<b>film\x1b[2J 7</b>")
    place.render()
    front = words_of(place.page())
    assert "build since Fri 20 Nov 11:59 12.5 %: linking; usually takes 1 min 30 s, so until about 12:00:30" in front
    assert "40 %: &lt;b&gt;film" in place.page()
    page = place.page("jobs/copy/c1/index.html")
    assert "<b>film" not in page + place.page() and "\x1b" not in page + place.page()
    assert "Progress 40 %: " in words_of(page)
