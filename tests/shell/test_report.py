"""The pages: which files one event writes, what a page says, and what can never happen in one."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dsari_like.core import schedule
from dsari_like.core.model import Configuration, Job, Where
from dsari_like.core.schedule import DstPolicy, Rule
from dsari_like.report.moments import zone_of
from dsari_like.report.renderer import Renderer
from dsari_like.report.stale import TEMPLATES
from dsari_like.store.reader import Reader
from tests.shell.history import History

NOON = 1_795_176_000.0  # Fri 20 Nov 2026, 12:00:00 UTC
LISTS = {"all-jobs.html"}
INDEX = {"search/jobs-1.js"}
FRONT = {"index.html", "index.json", "status.json", *LISTS}
TIMES = {"feed.atom", "timeline.html", "timeline.json", "days/2026-11-20.html", "failures.html", "failures.json"}
STATE = {".rendered.json"}


class Place:
    """A data directory with a run log and pages."""

    def __init__(self, root: Path, *jobs: Job, **settings: Any) -> None:
        self.root = root
        self.html = root / "html"
        self.history = History(runs_dir=str(root / "runs"))
        self.configure(*jobs, **settings)

    def configure(self, *jobs: Job, **settings: Any) -> None:
        """A reload: another configuration, and so another renderer."""
        settings = {"data_dir": str(self.root), "timezone": "UTC", "config_dir": "/etc/x", **settings}
        configuration = Configuration({job.name: job for job in jobs}, **settings)
        plans = {job.name: rules(job) for job in jobs if job.schedule}
        reader = Reader(self.history.connection)
        self.renderer = Renderer(configuration, plans, reader, str(self.html), str(self.root / "runs"))

    def render(self, now: float = NOON) -> set[str]:
        """Make what is stale; returns the files that were written."""
        while self.renderer.stale():
            self.renderer.step(now, 1.0, lambda: 0.0)
        return set(self.renderer.written())

    def page(self, path: str = "index.html") -> str:
        return (self.html / path).read_text()

    def bytes(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.html)): path.read_bytes()
            for path in self.html.rglob("*")
            if path.is_file() and path.name != ".rendered.json"
        }


def rules(job: Job) -> tuple[Rule, ...]:
    return tuple(schedule.bind(schedule.parse(text), job.name, zone_of("UTC"), DstPolicy.ONCE) for text in job.schedule)


def job(name: str, **fields: Any) -> Job:
    return Job(name, ("true",), **fields)


def words_of(page: str) -> str:
    """The text of a page, as a reader would read it aloud."""
    text = re.sub(r"<(style|title|svg)\b.*?</\1>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def files_of_run(name: str, run_id: str) -> set[str]:
    return {f"jobs/{name}/{run_id}/index.{kind}" for kind in ("html", "json")}


def files_for_machines(name: str) -> set[str]:
    return {f"jobs/{name}/{file}" for file in ("badge.svg", "feed.atom")}


def files_of_job(name: str, *pages: int) -> set[str]:
    return {f"jobs/{name}/index.{kind}" for kind in ("html", "json")} | {
        f"jobs/{name}/page-{number}.{kind}" for number in pages for kind in ("html", "js")
    }


# --- what is written ----------------------------------------------------------------------------------------------


def test_a_finished_run_writes_its_page_its_jobs_last_page_and_index_and_the_front_pages(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("other"))
    for number in range(51):
        place.history.run("build", f"run-{number:02}", at=NOON + number)
    place.history.run("other", "else", at=NOON)
    place.render()
    place.history.run("build", "run-51", "running", at=NOON + 51)
    place.render()
    place.history.run("build", "run-51", "failed", at=NOON + 51)
    written = place.render()
    history = files_of_job("build", 2) | files_for_machines("build")
    assert written == files_of_run("build", "run-51") | history | FRONT | INDEX | TIMES | STATE


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "r1", at=NOON)
    place.render()
    assert not place.renderer.stale()
    place.configure(job("build"))
    place.render()
    assert place.renderer.written() == []
    place.renderer.all(NOON, regenerate=True)
    assert place.renderer.written() == []


def test_a_full_page_of_the_history_never_changes_again(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    for number in range(50):
        place.history.run("build", f"run-{number:02}", at=NOON + number)
    place.render()
    full = place.page("jobs/build/page-1.html")
    assert "page-2.html" in full
    assert "The next run will be here" in place.page("jobs/build/page-2.html")
    for number in range(50, 120):
        place.history.run("build", f"run-{number:02}", at=NOON + number)
    assert "jobs/build/page-1.html" not in place.render()


def test_a_render_from_nothing_gives_the_same_bytes(tmp_path: Path) -> None:
    plain, scheduled = job("build"), job("nightly", schedule=("0 2 * * *",))
    place = Place(tmp_path, plain, scheduled)
    place.render()
    for number in range(60):
        name = ("build", "nightly")[number % 3 == 0]
        status = "failed" if number % 7 == 0 else "completed"
        run_id = place.history.run(name, f"run-{number:02}", status, at=NOON - 3600 + number, output=b"ok\n")
        place.history.event(run_id, NOON, "scheduled", "its slot came")
        place.history.decision(name, "started", NOON, slot=NOON - 60 * number, run_id=run_id)
        if number % 4 == 0:
            place.render()
    place.render()
    grown = place.bytes()
    place.renderer.all(NOON, regenerate=True)
    assert place.bytes() == grown
    place.configure(plain, scheduled)
    for path in sorted(place.html.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    place.render()
    assert place.bytes() == grown


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"fingerprint": 1}', '{"revision": "many"}'])
def test_a_lost_or_malformed_memory_means_everything_again(tmp_path: Path, damage: str) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "r1", at=NOON)
    place.render()
    (place.html / ".rendered.json").write_text(damage)
    (place.html / "jobs/build/r1/index.html").unlink()
    place.configure(job("build"))
    assert "jobs/build/r1/index.html" in place.render()


def test_pages_that_a_power_cut_emptied_are_made_again(tmp_path: Path) -> None:
    """B-54: they were never repaired, for the page existed."""
    place = Place(tmp_path, job("build"))
    place.history.run("build", "r1", at=NOON)
    place.render()
    place.history.run("build", "r2", at=NOON)
    place.render()
    (place.html / "jobs/build/r2/index.html").write_bytes(b"")
    place.configure(job("build"))
    assert "jobs/build/r2/index.html" in place.render()


def test_no_step_makes_more_than_one_page_beyond_its_budget(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    for number in range(30):
        place.history.run("build", f"run-{number}", at=NOON + number)
    seconds: Iterator[int] = iter(range(10**6))
    steps = []
    while place.renderer.step(NOON, 0.5, lambda: float(next(seconds))):
        steps.append(sum(1 for path in place.renderer.written() if path.endswith(".html")))
    assert max(steps) == 1
    assert len(steps) > 30


def test_a_step_that_was_left_goes_on_and_sees_what_is_new(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    for number in range(10):
        place.history.run("build", f"old-{number}", at=NOON + number)
    assert place.renderer.step(NOON, 0.0, lambda: 0.0)
    place.history.run("build", "new", at=NOON + 99)
    place.render()
    assert "new" in place.page("jobs/build/new/index.html")
    assert not place.renderer.stale()


def test_a_changed_setting_makes_everything_again(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "r1", at=NOON)
    place.render()
    place.configure(job("build"), title="Other name")
    assert files_of_run("build", "r1") & place.render()
    assert "Other name" in place.page("jobs/build/r1/index.html")


def test_a_changed_configuration_makes_the_pages_of_the_jobs_again_and_no_runs(tmp_path: Path) -> None:
    file = tmp_path / "dsari_like.yaml"
    file.write_text("1")
    place = Place(tmp_path, job("build"), files=(str(file),))
    place.history.run("build", "r1", at=NOON)
    place.render()
    file.write_text("2")
    place.configure(job("build", description="Now with words"), job("second"), files=(str(file),))
    second = files_of_job("second") | files_for_machines("second")
    assert place.render() == files_of_job("build") | second | FRONT | INDEX | {"search.html"} | STATE
    assert "Now with words" in place.page("jobs/build/index.html")


def test_missed_slots_reach_the_pages_although_no_run_does(tmp_path: Path) -> None:
    place = Place(tmp_path, job("nightly", schedule=("0 2 * * *",)))
    place.render()
    place.history.decision("nightly", "missed", NOON, slot=NOON - 36_000, reason="no daemon was running")
    assert place.render() == files_of_job("nightly") | STATE | FRONT - LISTS
    assert "was missed: no daemon was running" in place.page()


# --- what is not shown --------------------------------------------------------------------------------------------


def test_a_hidden_job_is_nowhere_and_its_old_pages_go(tmp_path: Path) -> None:
    """B-56, D-27."""
    place = Place(tmp_path, job("build"), job("secret"))
    place.history.run("build", "r1", at=NOON)
    place.history.run("secret", "r2", "failed", at=NOON)
    place.render()
    assert (place.html / "jobs/secret/r2/index.html").exists()
    place.configure(job("build"), job("secret", render_reports=False))
    place.render()
    place.history.run("secret", "r3", "running", at=NOON)
    place.history.decision("secret", "refused", NOON, token="t")
    place.render()
    assert not (place.html / "jobs/secret").exists()
    assert not [path for path, data in place.bytes().items() if b"secret" in data]
    place.configure(job("build"), job("secret"))
    assert files_of_run("secret", "r2") & place.render()


def test_a_removed_job_is_archived_with_its_pages(tmp_path: Path) -> None:
    """B-56: it vanished from the index while its pages stayed."""
    place = Place(tmp_path, job("build"), job("gone"))
    place.history.run("gone", "r1", "failed", at=NOON)
    place.render()
    place.configure(job("build"))
    place.render()
    assert "archived: no longer configured" in place.page("all-jobs.html")
    assert 'href="jobs/gone/index.html"' in place.page("all-jobs.html")
    assert "This job is archived" in place.page("jobs/gone/index.html")
    assert "Needs attention" not in place.page()


def test_secrets_are_masked_on_pages_and_twins(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build", environment={"API_TOKEN": "hunter2"}))
    secret = {"DB_PASSWORD": "hunter2", "PLAIN": "shown"}
    place.history.run("build", "r1", at=NOON, data={"environment": secret}, environment=secret)
    place.render()
    assert not [path for path, data in place.bytes().items() if b"hunter2" in data]
    assert "shown" in place.page("jobs/build/r1/index.html")


@pytest.mark.parametrize(
    ("level", "status", "kept"),
    [("none", "failed", False), ("error", "completed", False), ("error", "failed", True), ("info", "completed", True)],
)
def test_the_log_level_decides_whether_output_is_kept(tmp_path: Path, level: str, status: str, kept: bool) -> None:
    place = Place(tmp_path, job("build", log_level=level))
    place.history.run("build", "r1", status, at=NOON, output=b"what it printed\n")
    place.render()
    assert ("what it printed" in place.page("jobs/build/r1/index.html")) is kept


# --- what is said -------------------------------------------------------------------------------------------------


def test_the_front_page_says_first_what_fails_and_since_when(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("fine"))
    place.history.run("fine", "f1", at=NOON)
    place.history.run("build", "b1", at=NOON - 7200)
    place.history.run("build", "b2", "failed", at=NOON - 3600)
    place.history.run("build", "b3", "failed", at=NOON - 60, exit_code=3)
    place.render()
    text = words_of(place.page())
    assert "1 failing" in text
    assert "build 2 failures in a row, since 20 Nov 2026 11:00:01 the command ended with exit code 3" in text
    assert "last completed 20 Nov 2026 10:00:01" in text
    assert text.index("Needs attention") < text.index("Running now") < text.index("Jobs Job State")
    assert 'href="jobs/build/b3/index.html"' in place.page()
    assert "<title>1 failing · dsari_like</title>" in place.page()


def test_the_front_page_says_what_runs_waits_and_is_due(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("nightly", schedule=("0 2 * * *",)))
    place.history.run("build", "b1", at=NOON - 3600, took=90)
    place.history.run("build", "b2", "running", at=NOON - 60)
    place.history.run("build", "b3", "queued", at=NOON - 30, data={})
    place.history.run("build", "b4", "scheduled", at=NOON + 600, data={})
    place.render()
    text = words_of(place.page())
    assert "1 running, 1 waiting" in text
    assert "build since Fri 20 Nov 11:59 usually takes 1 min 30 s, so until about 12:00:30" in text
    assert "It waits for run b2 of the same job to end." in text
    assert "Next due build Fri 20 Nov 12:10 nightly Sat 21 Nov 02:00" in text
    assert '<meta http-equiv="refresh"' in place.page()
    place.history.run("build", "b2", at=NOON - 60)
    place.render()
    assert '<meta http-equiv="refresh"' not in place.page()


def test_an_empty_place_teaches_the_first_step(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.render()
    text = words_of(place.page())
    assert "No job is configured yet" in text
    assert "dsari-like trigger hello --follow" in text
    assert f"{tmp_path}/trigger" in text


def test_a_run_page_says_outcome_cause_and_the_last_it_printed(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    output = b"".join(b"step %d\n" % number for number in range(40)) + b"\x1b[31merror: no space left\x1b[0m\n"
    data = {"type": "push", "description": "Fix it", "environment": {"GIT_REF": "main"}, "ticket": 7}
    run_id = place.history.run(
        "build", "b1", "failed", at=NOON, waited=5, took=250, output=output, exit_code=2, data=data,
        environment={"GIT_REF": "main"}, origin={"file": "p.json", "user": "alice"}, run_data='{"coverage": 87}',
    )  # fmt: skip
    place.history.event(run_id, NOON, "scheduled", "triggered by p.json")
    place.history.event(run_id, NOON + 5, "running", "started")
    place.render()
    page = place.page("jobs/build/b1/index.html")
    text = words_of(page)
    assert "Failed after 4 min 10 s: the command ended with exit code 2." in text
    assert "User alice dropped the trigger file p.json (push)" in text
    assert "41 error: no space left" in text
    assert "Waited 5.0 s Ran for 4 min 10 s Exit code 2" in text
    assert "scheduled 20 Nov 2026 12:00:00 triggered by p.json running 12:00:05 after 5.0 s started" in text
    assert "GIT_REF main" in text
    assert "&#34;coverage&#34;: 87" in text
    assert '<span id="L41"><a href="#L41">41</a><span class="f1">error: no space left</span>' in page
    assert 'href="../../../../runs/build/b1/output.txt"' in page
    assert "dsari-like output b1" in text
    assert '<time datetime="2026-11-20T12:00:00.000+00:00"' in page


def test_a_job_page_says_when_how_and_where_it_is_configured(tmp_path: Path) -> None:
    nightly = job("nightly", schedule=("0 2 * * *",), max_execution=5400.0, where=Where("config.d/a.yaml", 14))
    place = Place(tmp_path, nightly)
    for number in range(60):
        place.history.run("nightly", f"run-{number:02}", at=NOON - 86_400 * (60 - number), took=60 + number)
    place.render()
    text = words_of(place.page("jobs/nightly/index.html"))
    assert "0 2 * * * daily at 02:00" in text
    assert "Next due in UTC Note Sat 21 Nov 02:00" in text
    assert "max_execution 1 h 30 min" in text
    assert "Configuration from config.d/a.yaml:14" in text
    assert "100 %: 50 of the latest 50 completed" in text
    assert "All 60 runs, 50 a page" in text
    assert place.page("jobs/nightly/index.html").count('class="bar completed"') == 50


def test_folded_triggers_are_told_with_the_run_that_took_them(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "b1", at=NOON, data={}, origin={"folded": [{"description": "the second push"}]})
    place.history.decision("build", "folded", NOON, run_id="b1", token="t", reason="merge: fold")
    place.render()
    text = words_of(place.page("jobs/build/b1/index.html"))
    assert "the second push" in text
    assert "was folded into this run: merge: fold." in text


def test_the_twins_say_the_same_to_programs(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "b1", "failed", at=NOON, run_data='{"n": 1}')
    place.render()
    run = json.loads(place.page("jobs/build/b1/index.json"))
    assert (run["status"], run["exit_code"], run["run_data"], run["events"]) == ("failed", 1, {"n": 1}, [])
    status = json.loads(place.page("status.json"))
    assert status["failing"] == [{"job_name": "build", "run_id": "b1", "since": NOON + 1, "in_a_row": 1}]
    assert json.loads(place.page("jobs/build/index.json"))["runs"][0]["run_id"] == "b1"


def test_many_jobs_are_listed_on_several_pages_and_one_change_writes_one(tmp_path: Path) -> None:
    place = Place(tmp_path, *(job(f"job-{number:03}") for number in range(250)))
    place.render()
    assert "job-150" not in place.page()
    assert "All 250 jobs on 3 pages" in place.page()
    place.history.run("job-150", "r1", at=NOON)
    assert {path for path in place.render() if path.startswith("all-jobs")} == {"all-jobs-2.html"}


# --- names and links ----------------------------------------------------------------------------------------------

NAMES = [
    "a:b",
    "with space",
    "index.html",
    "style.css",
    "page-1.html",
    "jobs",
    "-dash",
    "a+b@c",
    ".hidden",
    "status.json",
]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.links += [found[key] or "" for key in ("href", "src") if key in found]
        self.anchors.add(found.get("id") or "")


def links_of(page: str) -> _Links:
    parser = _Links()
    parser.feed(page)
    return parser


def test_every_link_leads_to_a_file_whatever_jobs_are_called(tmp_path: Path) -> None:
    """B-57: a colon broke the links, and a job named index.html took the place of the page."""
    place = Place(tmp_path, *(job(name) for name in NAMES))
    for number, name in enumerate(NAMES * 2):
        place.history.run(name, f"run-{number}", "failed", at=NOON + number, output=b"error\n")
    place.render()
    seen = 0
    for path in filter(Path.is_file, place.html.rglob("*.html")):
        parser = links_of(path.read_text())
        for link in parser.links:
            if link.startswith("data:image/svg+xml,"):
                continue
            assert ":" not in link
            target, _, anchor = link.partition("#")
            assert (path.parent / unquote(target)).exists() if target else anchor in parser.anchors, (path, link)
            seen += 1
    assert seen > 500


def test_a_foreign_name_in_the_run_log_stays_inside_its_directory(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    for number, name in enumerate(["..", "../../evil", "/etc/passwd", "x\x00y", "ü" * 100]):
        place.history.connection.execute("begin")
        place.history.run(name, f"run-{number}", at=NOON)
        place.history.connection.execute("commit")
    place.render()
    outside = [path for path in tmp_path.iterdir() if path.name not in ("html", "runs")]
    assert outside == []
    assert len(list((place.html / "jobs").iterdir())) == 6


# --- what cannot happen in a page ---------------------------------------------------------------------------------

ATTACK = (
    "</title></script><script>document.title='owned'</script><img src=x onerror=alert(1)>{{7*7}}\"'-->"
    "<svg/onload=alert(1)>"
)


def attacked(root: Path) -> Place:
    """A place where every field that comes from outside holds an attack."""
    place = Place(root, job("build", description=ATTACK, environment={"X": ATTACK}), title="Build " + ATTACK,
                  warnings=(ATTACK,))  # fmt: skip
    for number, status in enumerate(["failed", "running", "queued", "completed"]):
        run_id = place.history.run(
            "build", f"run-{number}", status, at=NOON + number, message=ATTACK, output=ATTACK.encode() * 12,
            data={"type": ATTACK, "description": ATTACK, "environment": {ATTACK: ATTACK}, ATTACK: ATTACK},
            environment={ATTACK: ATTACK}, run_data=json.dumps({ATTACK: ATTACK}), concurrency_group=ATTACK,
            origin={"file": ATTACK, "user": ATTACK, "folded": [{ATTACK: ATTACK}]}, trigger_type=ATTACK,
            reason=ATTACK if status == "failed" else None,
        )  # fmt: skip
        place.history.event(run_id, NOON, "scheduled", ATTACK)
        place.history.decision("build", "folded", NOON, run_id=run_id, reason=ATTACK, token=f"t{number}")
        place.history.decision("build", "refused", NOON, reason=ATTACK, token=f"r{number}")
    place.render()
    return place


class _Tags(HTMLParser):
    KNOWN = frozenset(
        "html head meta title link body a header div nav main footer span h1 h2 p section ul ol li small strong table"
        " thead tbody tr th td time svg circle path rect line text dl dt dd pre code details summary figure figcaption"
        " i g caption tfoot script noscript search label input select option datalist button".split()
    )

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in self.KNOWN, tag
        for name, value in attributes:
            assert not name.startswith("on") and name not in ("style", "srcset", "action", "formaction"), name
            if name == "src":
                assert tag == "script" and re.fullmatch(r"(\.\./)*(search|live)\.js", value or ""), value
            if name == "href":
                assert re.match(r"data:image/svg\+xml,|[A-Za-z0-9._%#/-]*$", value or ""), value


def test_no_text_from_outside_becomes_markup(tmp_path: Path) -> None:
    """P17: every tag and attribute of every page is one of ours."""
    place = attacked(tmp_path)
    pages = [path.read_text() for path in place.html.rglob("*.html")]
    assert len(pages) == 15
    for page in pages:
        parser = _Tags()
        parser.feed(page)
        assert "default-src &#39;none&#39;" in page
        assert "{{7*7}}" in page and ">49<" not in page


# --- faults -------------------------------------------------------------------------------------------------------


def test_a_template_of_the_user_takes_the_place_of_ours(tmp_path: Path) -> None:
    """B-61: it failed at once."""
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "job.html").write_text('{% extends "base.html" %}{% block main %}MINE {{ view.name }}{% endblock %}')
    place = Place(tmp_path, job("<b>"), template_dir=str(templates))
    place.render()
    assert "MINE &lt;b&gt;" in place.page("jobs/%3Cb%3E/index.html")
    assert "Next due" in place.page()


def broken_syntax(templates: Path) -> None:
    (templates / "run.html").write_text("{% if %}")


def unknown_name(templates: Path) -> None:
    (templates / "run.html").write_text("{{ view.no_such_thing }}")


def no_text(templates: Path) -> None:
    (templates / "run.html").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("fault", [broken_syntax, unknown_name, no_text])
def test_a_template_that_fails_is_replaced_by_ours_and_told_on_the_front_page(
    tmp_path: Path, fault: Callable[[Path], None]
) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    fault(templates)
    place = Place(tmp_path, job("build"), template_dir=str(templates))
    place.history.run("build", "r1", at=NOON)
    place.render()
    assert "Completed in 1.0 s." in place.page("jobs/build/r1/index.html")
    assert "jobs/build/r1/index.html This page could not be made as it should: template run.html" in words_of(
        place.page()
    )


def test_one_run_that_cannot_be_shown_hides_no_other(tmp_path: Path) -> None:
    """B-53. The row is damaged as no daemon of ours would: a time that is text."""
    place = Place(tmp_path, job("build"))
    place.history.run("build", "bad", at=NOON)
    place.history.run("build", "good", at=NOON + 1)
    place.history.event("bad", NOON, "scheduled", "due")
    place.history.connection.execute("update events set time = 'yesterday' where run_id = 'bad'")
    place.render()
    assert "Completed" in place.page("jobs/build/good/index.html")
    assert "could not be made" in place.page("jobs/build/bad/index.html")
    assert "jobs/build/bad/index.html This page could not be made as it should" in words_of(place.page())
    place.history.connection.execute("update events set time = 1 where run_id = 'bad'")
    place.renderer.all(NOON, regenerate=True)
    assert "could not be made" not in place.page()


def test_a_directory_that_cannot_be_written_is_the_callers_to_hear(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.html.write_text("in the way")
    with pytest.raises(OSError):
        place.renderer.step(NOON, 1.0, lambda: 0.0)
    place.html.unlink()
    place.render()
    assert "build" in place.page()


def test_no_unfinished_file_is_left_or_seen(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "r1", at=NOON)
    place.render()
    assert [path for path in place.html.rglob(".*") if path.name != ".rendered.json"] == []


def test_what_a_killed_process_left_unfinished_is_swept_and_nothing_else(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.render()
    (tmp_path / "elsewhere").write_text("precious")
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    others = [f".{os.getppid()}.tmp", ".x.tmp", ".0.tmp", f".{child}.tmp.txt", f"{child}.tmp"]
    for name in (f".{child}.tmp", f".{os.getpid()}.tmp", *others):
        (place.html / name).write_text("half a pa")
    (place.html / ".99999999.tmp").symlink_to("../elsewhere")
    (place.html / ".99999998.tmp").mkdir()
    place.configure(job("build"))
    place.render()
    left = {path.name for path in place.html.iterdir() if ".tmp" in path.name}
    assert left == {*others, ".99999998.tmp"}
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_compressed_twins_come_and_go_with_their_option(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), report_html_gz=True)
    place.render()
    assert gzip.decompress((place.html / "index.html.gz").read_bytes()).decode() == place.page()
    place.configure(job("build"))
    place.render()
    assert list(place.html.rglob("*.gz")) == []


def test_the_manual_of_the_templates_names_every_template_and_block() -> None:
    directory = Path(TEMPLATES)
    manual = (directory / "README").read_text()
    for path in directory.glob("*.html"):
        line = re.search(rf"^  {path.name} .*\n(?: {{16}}.*\n)*", manual, re.M)
        assert line, path.name
        blocks = re.findall(r"{% block (\w+)", path.read_text()) if path.name != "parts.html" else []
        inherited = {"main", "asof", "head"} if path.name != "base.html" else set()
        assert set(blocks) - inherited <= set(re.findall(r"\w+", line[0])), path.name


def test_a_row_that_no_daemon_wrote_hides_no_other(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    place.history.run("build", "bad", at=NOON)
    place.history.connection.execute("update runs set start_time = 'x', stop_time = 'y'")
    place.history.run("build", "good", at=NOON)
    place.render()
    assert "could not be made" in place.page("jobs/build/bad/index.html")
    assert "Completed" in place.page("jobs/build/good/index.html")
    assert "good" in place.page("jobs/build/index.html")
    assert "1 to look at" in place.page()


def test_a_page_whose_place_is_taken_stops_no_other(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"))
    (place.html / "jobs/build/page-1.html").mkdir(parents=True)
    place.history.run("build", "r1", at=NOON)
    place.render()
    assert "Completed" in place.page("jobs/build/r1/index.html")
    assert "jobs/build/page-1.html This page could not be made as it should: Is a directory" in words_of(place.page())


def test_a_long_render_from_nothing_looks_for_news(tmp_path: Path) -> None:
    place = Place(tmp_path, job("build"), job("zeal"))
    for number in range(500):
        place.history.run("zeal", f"run-{number:03}", at=NOON + number)
    steps = 0
    while place.renderer.step(NOON, 0.0, lambda: 0.0):
        steps += 1
        if steps == 100:
            place.history.run("build", "news", at=NOON)
        if (place.html / "index.html").exists() and "build/news" in place.page():
            break
    assert 100 < steps < 400
    assert not (place.html / ".rendered.json").exists()


def test_a_start_with_nothing_new_does_not_wait_for_jinja(tmp_path: Path) -> None:
    """Run in an interpreter of its own, for the other tests have imported it long ago."""
    place = Place(tmp_path, job("build"))
    place.history.run("build", "r1", at=NOON)
    place.history.connection.execute(f"vacuum into '{tmp_path}/log'")
    place.render()
    script = f"""
import sqlite3, sys
from dsari_like.core.model import Configuration, Job
from dsari_like.report.renderer import Renderer
from dsari_like.store.reader import Reader
connection = sqlite3.connect({str(tmp_path / "log")!r})
configuration = Configuration({{"build": Job("build", ("true",))}}, data_dir={str(tmp_path)!r}, timezone="UTC",
                              config_dir="/etc/x")
renderer = Renderer(configuration, {{}}, Reader(connection), {str(place.html)!r}, {str(tmp_path / "runs")!r})
while renderer.step(0.0, 1.0, lambda: 0.0): pass
assert renderer.written() == [] and not renderer.stale()
assert "jinja2" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
