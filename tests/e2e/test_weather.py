"""Shortage is weather: it passes, nothing is lost, nothing runs twice, and the log says it once."""

from __future__ import annotations

import os
import sqlite3
import time

from tests.e2e.site import Site


def test_a_run_log_locked_by_somebody_else_is_waited_for(site: Site) -> None:
    """B-11: any database error stopped dsari."""
    site.configure({"a": {"command": "true", "concurrent_runs": True}})
    site.start()
    with sqlite3.connect(site.var / "dsari_like.sqlite3", isolation_level=None) as other:
        other.execute("begin exclusive")
        for number in range(5):
            site.drop("a", file_name=f"{number}.json")
        site.until("the complaint", lambda: "cannot" in site.log_text() and "run log" in site.log_text())
        time.sleep(1.5)  # the weather lasts; that is the story
        assert site.log_text().count("trying again") == 1
        other.execute("rollback")
    other.close()
    assert len(site.ended("a", 5)) == 5
    assert "again" in site.log_text().splitlines()[-1] or "could write the run log again" in site.log_text()


def test_a_run_directory_that_cannot_be_made_fails_the_run_with_the_reason(site: Site) -> None:
    """B-13."""
    site.configure({"a": {"command": "true"}, "b": {"command": "true"}})
    site.start()
    site.write("var/runs/a", "somebody put a file here")
    site.drop("a")
    site.drop("b")
    (row,) = site.ended("a")
    assert (row["status"], row["reason"]) == ("failed", "start_failed")
    assert "Not a directory" in row["message"] or "File exists" in row["message"]
    assert site.ended("b")[0]["status"] == "completed"


def test_pages_that_cannot_be_written_stop_nothing_else(site: Site) -> None:
    site.configure({"a": {"command": "true"}})
    site.write("var/html", "no directory")
    os.chmod(site.var, 0o750)
    site.start()
    site.drop("a")
    site.ended("a")
    site.until("the complaint", lambda: "cannot write the pages" in site.log_text())
