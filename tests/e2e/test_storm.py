"""A job that drops a trigger for itself: the storm breaker holds it, everybody can see it, and nothing is lost."""

from __future__ import annotations

import json

from tests.e2e.site import Site

LOOP = ["sh", "-c", 'cd "$TRIGGER_DIR/$JOB_NAME" && echo "{}" > .next && mv .next next.json']
HELD = "held by the storm breaker"


def test_a_loop_is_held_until_somebody_lets_it_go(site: Site) -> None:
    site.configure({"loop": {"command": LOOP}, "other": {"command": "true"}}, storm={"starts": 10, "seconds": "1h"})
    site.start()
    site.drop("loop")
    site.until("the end of the storm", lambda: HELD in site.log_text())
    site.ended("loop", 11)
    site.until("the last drop", lambda: site.runs("loop", "queued"))
    assert len(site.runs("loop")) == 12
    site.drop("other")
    site.ended("other")
    assert f"error: job loop: {HELD}" in site.log_text()
    status = json.loads(site.command("status", "--format", "json").stdout)
    assert [(pause["job_name"], pause["reason"][: len(HELD)]) for pause in status["paused"]] == [("loop", HELD)]
    assert HELD in site.command("explain", "loop").stdout
    page = site.var / "html/index.html"
    site.until("the page", lambda: HELD in page.read_text())
    assert site.stop() == 0
    site.start()
    site.quiet()
    assert len(site.runs("loop")) == 12
    assert site.command("unpause", "loop", "--wait").returncode == 0
    site.ended("loop", 22)
    site.until("the next one", lambda: len(site.rows("select 1 from rests")) == 1)
    site.until("its drop", lambda: len(site.runs("loop", "queued")) == 1)


def test_four_hundred_files_at_once_are_no_storm(site: Site) -> None:
    """P13, with a limit that a quarter of them would break."""
    site.configure({"a": {"command": "true"}}, storm={"starts": 100}, max_running=8)
    place = site.var / "trigger/a"
    place.mkdir(parents=True)
    for number in range(400):
        (place / f"{number}.json").write_text("{}")
    site.start()
    site.ended("a", 400)
    assert site.rows("select * from rests") == []
