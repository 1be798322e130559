"""The last guard against a second start of one instant: the run log itself. It guards, and holds nothing up."""

from __future__ import annotations

import sqlite3
import time

from tests.e2e.site import Site


def test_a_slot_that_is_decided_already_is_not_started_and_everything_else_goes_on(site: Site) -> None:
    site.configure({"tick": {"command": "true", "schedule": "* * * * * *"}, "other": {"command": "true"}})
    site.start()
    site.ended("tick")
    slot = float(int(time.time()) + 2)
    with sqlite3.connect(site.var / "dsari_like.sqlite3", timeout=10) as other:
        other.execute(
            "insert into decisions (job_name, schedule_time, outcome, reason, time)"
            " values ('tick', ?, 'started', '', 0)",
            (slot,),
        )
    other.close()
    site.until("the guard", lambda: "was decided before" in site.log_text())
    site.drop("other")
    assert site.ended("other")[0]["status"] == "completed"
    (row,) = site.until("its run", lambda: [one for one in site.runs("tick", "failed") if one["schedule_time"] == slot])
    assert (row["reason"], row["message"]) == ("start_failed", "its slot was decided before")
    site.until("later slots", lambda: [one for one in site.runs("tick", "completed") if one["schedule_time"] > slot])
