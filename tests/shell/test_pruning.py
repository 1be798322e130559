"""Retention carried out: on a real run log and real run directories, with everything ending in the middle."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsari_like.core.model import Configuration, Job, Retention
from dsari_like.core.retention import Finished, Moment, Rule
from dsari_like.core.trust import Trust
from dsari_like.report.renderer import Renderer
from dsari_like.store.attic import Attic
from dsari_like.store.pruning import Pruner, Selection, applies, look_at_clock, rules_of
from dsari_like.store.shelf import Shelf
from tests.shell.history import History

NOW = 1_795_176_000.0
DAY = 86_400.0
OPEN = ("scheduled", "queued", "running", "timed_out")


class Store:
    """A data directory with a past, and whoever prunes it."""

    def __init__(self, root: Path, *jobs: Job, **top: Any) -> None:
        root.mkdir(exist_ok=True)
        self.root, self.runs = root, root / "runs"
        self.history = History(runs_dir=str(self.runs))
        self.configuration = Configuration({job.name: job for job in jobs}, data_dir=str(root), timezone="UTC", **top)
        self.said: list[str] = []

    def run(
        self, job: str, run_id: str, status: str = "completed", days: float = 0.0, size: int = 4, **more: Any
    ) -> str:
        begun = NOW - days * DAY - 1.0
        return self.history.run(job, run_id, status, at=begun, output=b"x" * size, **more)

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.history.connection)

    def pruner(self) -> Pruner:
        return Pruner(self.shelf, Attic(str(self.root)), self.said.append)

    def prune(self, believed: bool = True, job: str | None = None) -> int:
        pruner = self.pruner()
        for _ in pruner.work(self.configuration, Moment(NOW, believed), job):
            pass
        return pruner.removed

    def rows(self) -> set[str]:
        return {run_id for (run_id,) in self.history.connection.execute("select run_id from runs")}

    def directories(self) -> set[str]:
        return {path.name for path in self.runs.glob("*/*")}

    def left(self) -> list[str]:
        return os.listdir(self.root / "pruned") if (self.root / "pruned").exists() else []

    def agrees(self) -> bool:
        return self.rows() == self.directories() and not self.left()


def job(name: str, **rules: Any) -> Job:
    return Job(name, ("true",), retention=Retention(**rules) if rules else None)


def finished(run_id: str, job_name: str = "build") -> Finished:
    return Finished(run_id, job_name, "completed", NOW - DAY, 0)


def exhaust(work: Iterator[None]) -> None:
    for _ in work:
        pass


# --- what goes and what stays -------------------------------------------------------------------------------------


def test_a_run_goes_with_its_directory_and_events_and_the_pages_are_told(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1))
    for n in range(3):
        store.run("build", f"run-{n}", days=3 - n)
        store.history.event(f"run-{n}", NOW, "completed", "exit 0")
    store.history.decision("build", "started", NOW, run_id="run-0", token="t0")
    assert store.prune() == 2
    assert store.rows() == {"run-2"} and store.agrees()
    reader = store.history.reader
    assert not reader.events("run-0") and len(reader.decisions("build")) == 1
    assert [(row.run_id, row.number) for row in reader.pruned_since(0, 9)] == [("run-0", 1), ("run-1", 2)]
    assert store.prune() == 0


def test_the_last_the_last_good_and_the_last_failed_run_stay(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1))
    for n, status in enumerate(["completed", "completed", "failed", "failed", "cancelled", "cancelled"]):
        store.run("build", f"run-{n}", status, days=100 - n)
    store.prune()
    assert store.rows() == {"run-1", "run-3", "run-5"} and store.agrees()


def test_what_an_open_run_refers_to_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1), job("step", count=1))
    for n in range(5):
        store.run("build", f"run-{n}", days=100 - n)
    store.run("build", "again", "queued", retry_of="run-1")
    store.history.connection.execute("update runs set previous_run_id = 'run-2' where run_id = 'again'")
    store.history.connection.execute("update runs set flow_id = 'f' where run_id in ('again', 'run-0')")
    store.prune()
    assert store.rows() == {"run-0", "run-1", "run-2", "run-4", "again"}


def test_the_run_that_changed_last_stays_so_that_no_revision_is_given_twice(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1))
    for n in range(3):
        store.run("build", f"run-{n}", days=3 - n)
    store.run("build", "run-0", days=3)  # it began first and changed last
    before = store.history.reader.newest_revision()
    store.prune()
    assert store.rows() == {"run-0", "run-2"} and store.history.reader.newest_revision() == before


def test_a_jobs_own_rules_stand_in_place_of_those_of_the_top_level(tmp_path: Path) -> None:
    store = Store(tmp_path, job("own", count=2), Job("keeps", ("true",), retention=Retention()), job("plain"),
                  retention=Retention(count=1, bytes=1 << 40))  # fmt: skip
    for name in ("own", "keeps", "plain", "archived"):
        for n in range(4):
            store.run(name, f"{name}-{n}", days=4 - n)
    store.prune()
    left = {
        name: sum(run_id.startswith(name) for run_id in store.rows()) for name in ("own", "keeps", "plain", "archived")
    }
    assert left == {"own": 2, "keeps": 4, "plain": 1, "archived": 1}
    assert rules_of(store.configuration, "plain") == Retention(count=1)
    assert applies(store.configuration) and not applies(Configuration({"a": job("a")}))


def test_the_limit_on_all_jobs_takes_the_oldest_whoever_owns_them(tmp_path: Path) -> None:
    store = Store(tmp_path, job("a"), job("b"), Job("keeps", ("true",), retention=Retention()),
                  retention=Retention(bytes=40_000))  # fmt: skip
    for n in range(6):
        store.run("ab"[n % 2], f"run-{n}", days=10 - n, size=10_000)
    store.run("keeps", "kept", days=99, size=100_000)
    store.prune()
    assert store.rows() == {"run-2", "run-3", "run-4", "run-5", "kept"} and store.agrees()
    sizes = dict(store.history.connection.execute("select run_id, bytes from runs").fetchall())
    assert sizes["run-5"] == 10_000 and sizes["kept"] is None, "measured once, and only where a rule asks"


def an_array(store: Store, run_id: str, days: float, size: int = 4, items: int = 3) -> set[str]:
    """An array run that has ended, with its items; none has a number but itself."""
    store.run("build", run_id, days=days, size=0)
    names = {f"{run_id}-{number}" for number in range(items)}
    for number, name in enumerate(sorted(names)):
        store.run("build", name, days=days, size=size)
        store.history.connection.execute(
            "update runs set item = ?, previous_run_id = ?, flow_id = ?, number = null where run_id = ?",
            (str(number), run_id, run_id, name),
        )
    return names


def test_the_items_of_an_array_run_are_one_run_with_it_and_go_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=2))
    for run_id, days in (("old", 9), ("mid", 5), ("new", 1)):
        an_array(store, run_id, days)
    assert store.prune() == 1
    assert {run_id for run_id in store.rows() if run_id.startswith("old")} == set()
    assert len(store.rows()) == 8 and store.agrees()


def test_more_items_than_a_batch_go_too(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1))
    an_array(store, "old", 9, items=450)
    an_array(store, "new", 1)
    assert store.prune() == 1
    assert len(store.rows()) == 4 and store.agrees()


def test_an_array_run_holds_what_its_items_hold(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", bytes=25_000))
    for run_id, days in (("old", 9), ("mid", 5), ("new", 1)):
        an_array(store, run_id, days, size=4096)
    assert store.prune() == 1
    assert "mid" in store.rows() and "old" not in store.rows()


def test_no_item_goes_by_the_limit_on_all_jobs_without_its_array_run(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build"), retention=Retention(bytes=25_000))
    for run_id, days in (("old", 9), ("mid", 5), ("new", 1)):
        an_array(store, run_id, days, size=4096)
    assert store.prune() == 1
    assert len([run_id for run_id in store.rows() if run_id.startswith("old")]) == 0 and len(store.rows()) == 8


def test_an_array_run_that_is_being_repeated_keeps_its_items(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1))
    an_array(store, "old", 9)
    store.run("build", "again", "running", retry_of="old")
    assert store.prune() == 0
    assert len(store.rows()) == 5


def test_one_job_may_be_pruned_alone(tmp_path: Path) -> None:
    store = Store(tmp_path, retention=Retention(count=1, bytes=1))
    for name in ("a", "b"):
        for n in range(3):
            store.run(name, f"{name}-{n}", days=3 - n)
    store.prune(job="a")
    assert store.rows() == {"a-2", "b-0", "b-1", "b-2"}


def test_decisions_go_by_age_when_their_run_is_gone_and_the_newest_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", age=30 * DAY))
    store.run("build", "old", days=60)
    store.run("build", "new", days=1)
    for number, (run_id, days) in enumerate([("old", 60), ("new", 60), (None, 60), (None, 29), (None, 60)]):
        store.history.decision("build", "skipped", NOW - days * DAY, slot=float(number), run_id=run_id)
    store.prune(believed=False)
    assert len(store.history.reader.decisions("build")) == 5
    store.prune()
    assert [row.schedule_time for row in store.history.reader.decisions("build")] == [3.0, 4.0, 1.0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["completed", "failed", "cancelled", *OPEN]),
            st.floats(0, 100),
            st.integers(0, 5000),
            st.none() | st.integers(0, 11),
        ),
        max_size=12,
    ),
    st.builds(
        Retention,
        age=st.none() | st.floats(1, 90 * DAY),
        count=st.none() | st.integers(1, 4),
        bytes=st.none() | st.integers(1, 20_000),
        keep_failed=st.none() | st.floats(0, 90 * DAY),
    ),
    st.booleans(),
)
def test_whatever_the_past_nothing_goes_that_is_needed_and_everything_agrees(
    tmp_path_factory: pytest.TempPathFactory,
    past: list[tuple[str, str, float, int, int | None]],
    rules: Retention,
    believed: bool,
) -> None:
    store = Store(tmp_path_factory.mktemp("store"), retention=rules)
    for n, (name, status, days, size, of) in enumerate(past):
        store.run(name, f"run-{n}", status, days=days, size=size, retry_of=None if of is None else f"run-{of}")
    reader, everything = store.history.reader, store.rows()
    spared = {row.run_id for row in reader.open_runs()}
    spared |= {row.retry_of for row in reader.open_runs() if row.retry_of in everything}
    for name in "ab":
        latest = (reader.last_of(name), reader.last_good(name), reader.last_bad(name))
        spared |= {row.run_id for row in latest if row is not None}
    numbers = {name: reader.newest_number(name) for name in "ab"}
    removed = store.prune(believed)
    assert spared <= store.rows() and store.agrees()
    assert removed == len(everything - store.rows()) == reader.newest_pruned()
    assert numbers == {name: reader.newest_number(name) for name in "ab"}, "no number is ever given twice"
    assert store.prune(believed) == 0


# --- everything ends in the middle --------------------------------------------------------------------------------


def three(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    for n in range(3):
        store.run("build", f"run-{n}", days=3 - n)
    return store


def test_set_aside_but_still_recorded_is_put_back(tmp_path: Path) -> None:
    store = three(tmp_path)
    assert Attic(str(tmp_path)).set_aside("build", "run-0") is None
    assert store.left() == ["run-0"]
    exhaust(store.pruner().tidy())
    assert store.rows() == {"run-0", "run-1", "run-2"} and store.agrees()


def test_taken_out_of_the_run_log_but_still_there_is_removed(tmp_path: Path) -> None:
    store = three(tmp_path)
    next(store.pruner().remove([finished("run-0"), finished("run-1")], NOW))
    assert store.rows() == {"run-2"} and sorted(store.left()) == ["run-0", "run-1"]
    exhaust(store.pruner().tidy())
    assert store.agrees()


def test_a_tree_that_was_half_taken_apart_is_finished(tmp_path: Path) -> None:
    store = three(tmp_path)
    deep = tmp_path / "runs/build/run-0"
    for n in range(40):
        (deep / f"d{n}/e/f").mkdir(parents=True)
    work = store.pruner().remove([finished("run-0")], NOW)
    for _ in range(3):
        next(work)
    work.close()  # type: ignore[attr-defined]
    assert store.left()
    exhaust(store.pruner().tidy())
    assert store.agrees()


def test_every_place_where_the_work_rests_is_a_place_where_it_may_end(tmp_path: Path) -> None:
    steps = 0
    while True:
        store = three(tmp_path / f"after-{steps}")
        store.configuration = replace(store.configuration, retention=Retention(count=1))
        work = store.pruner().work(store.configuration, Moment(NOW))
        ended = [next(work, "end") for _ in range(steps)]
        work.close()  # type: ignore[attr-defined]
        exhaust(store.pruner().tidy())
        assert store.agrees(), f"after {steps} steps"
        if "end" in ended:
            assert store.rows() == {"run-2"}
            break
        steps += 1
    assert steps > 5


def test_a_run_that_came_to_be_needed_meanwhile_is_spared(tmp_path: Path) -> None:
    store = three(tmp_path)
    store.run("build", "again", "queued", retry_of="run-0")
    exhaust(store.pruner().remove([finished("run-0"), finished("run-1"), finished("again")], NOW))
    assert store.rows() == {"run-0", "run-2", "again"} and store.agrees()


# --- what a job may have left -------------------------------------------------------------------------------------


def test_links_are_removed_and_never_followed(tmp_path: Path) -> None:
    store = three(tmp_path / "data")
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "inner/precious").write_text("stays")
    place = tmp_path / "data/runs/build/run-0"
    (place / "link").symlink_to(outside)
    (place / "dead").symlink_to("nowhere")
    os.link(outside / "inner/precious", place / "hard")
    os.mkfifo(place / "pipe")
    (tmp_path / "data/runs/build/run-1/output.txt").unlink()
    (tmp_path / "data/runs/build/run-1").rmdir()
    (tmp_path / "data/runs/build/run-1").symlink_to(outside)  # the run's own directory is one
    exhaust(store.pruner().remove([finished("run-0"), finished("run-1")], NOW))
    assert store.agrees() and (outside / "inner/precious").read_text() == "stays"


@pytest.mark.parametrize("path", ["runs", "runs/build"])
def test_a_link_above_the_run_is_refused(tmp_path: Path, path: str) -> None:
    store = three(tmp_path / "data")
    link = tmp_path / "data" / path
    link.rename(tmp_path / "elsewhere")
    link.symlink_to(tmp_path / "elsewhere")
    exhaust(store.pruner().remove([finished("run-0")], NOW))
    assert "run-0" in store.rows() and "run-0" in store.directories()
    assert len(store.said) == 1 and "no directory" in store.said[0]


def test_a_very_deep_tree_and_directories_that_forbid_entry_are_removed(tmp_path: Path) -> None:
    store = three(tmp_path)
    at = os.open(tmp_path / "runs/build/run-0", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.fchmod(at, 0)
    os.close(at)
    before = len(os.listdir("/proc/self/fd"))
    pruner = store.pruner()
    exhaust(pruner.remove([finished("run-0")], NOW))
    assert "run-0" not in store.rows() and store.agrees()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_names_by_a_foreign_hand_are_no_paths(tmp_path: Path) -> None:
    store = Store(tmp_path / "data", retention=Retention(count=1))
    (tmp_path / "outside/x").mkdir(parents=True)
    for n, run_id in enumerate(["x", "y", "../../outside", "z"]):
        store.history.run("../../outside", run_id, at=NOW - 10 + n)
        store.history.run("build", f"../{run_id}", at=NOW - 10 + n)
    store.prune()
    assert (tmp_path / "outside/x").is_dir() and len(store.rows()) == 8 and store.said


def test_a_size_is_what_was_written_but_no_more_than_is_on_the_disk(tmp_path: Path) -> None:
    three(tmp_path)
    place = tmp_path / "runs/build/run-0"
    (place / "inner").mkdir()
    (place / "inner/file").write_bytes(b"x" * 10_000)
    with (place / "holes").open("wb") as file:
        file.truncate(1 << 40)
    (place / "link").symlink_to("/usr")
    work = Attic(str(tmp_path)).size("build", "run-0")
    size = None
    while size is None:
        try:
            next(work)
        except StopIteration as end:
            size = end.value
    assert size == 10_004


# --- what a dry run tells, and the clock --------------------------------------------------------------------------


def test_every_finished_run_is_told_which_rule_takes_or_spares_it(tmp_path: Path) -> None:
    store = Store(tmp_path, job("build", count=1), Job("free", ("true",)))
    for n in range(3):
        store.run("build", f"run-{n}", days=3 - n, size=2000)
    store.run("free", "alone", days=400)
    selection = Selection(store.configuration, store.shelf, Attic(str(tmp_path)), Moment(NOW), measure_all=True)
    told = {one.run.run_id: one for one in selection.judged(store.shelf.jobs()) if one is not None}
    assert {run_id: one.verdict.rule for run_id, one in told.items()} == {
        "run-2": Rule.NONE, "run-1": Rule.COUNT, "run-0": Rule.COUNT, "alone": Rule.NONE,
    }  # fmt: skip
    assert told["run-0"].run.size == 2000 and len(store.rows()) == 4


def test_what_is_known_of_the_clock_is_kept_and_beats_what_was_recorded(tmp_path: Path) -> None:
    store = three(tmp_path)
    assert look_at_clock(store.shelf, None, NOW, 0.0).is_whole, "nothing is recorded that speaks against it"
    store.history.event("run-0", NOW - 365 * DAY, "completed", "exit 0")
    assert not look_at_clock(store.shelf, None, NOW, 0.0).is_whole
    store.shelf.remember_trust(Trust(NOW, NOW))
    store.shelf.remember_trust(Trust(NOW, NOW + DAY / 2, 7.0))
    assert store.shelf.trust() == Trust(NOW, NOW + DAY / 2, 7.0)
    store.shelf.remember_trust(Trust(NOW, NOW))
    assert look_at_clock(store.shelf, None, NOW + DAY / 2, 0.0).is_whole


# --- pages --------------------------------------------------------------------------------------------------------


class Pages:
    """The reports of a store."""

    def __init__(self, store: Store) -> None:
        self.store, self.html = store, store.root / "html"
        self.renderer = self.fresh()

    def fresh(self) -> Renderer:
        """What a new daemon, or the command, would begin with."""
        reader = self.store.history.reader
        return Renderer(self.store.configuration, {}, reader, str(self.html), str(self.store.runs))

    def render(self) -> set[str]:
        while self.renderer.stale():
            self.renderer.step(NOW, 1.0, lambda: 0.0)
        return set(self.renderer.written())

    def of(self, job_name: str) -> set[str]:
        always = {"index.html", "index.json", "badge.svg", "feed.atom"}
        found = set(os.listdir(self.html / "jobs" / job_name)) - always
        searched = {name for name in found if name.endswith(".js")}
        assert {name.replace(".js", ".html") for name in searched} == {name for name in found if ".html" in name}
        return found - searched

    def text(self, page: str) -> str:
        return (self.html / "jobs/build" / page).read_text()


def long_past(tmp_path: Path, count: int = 230) -> Store:
    store = Store(tmp_path, job("build"))
    for n in range(1, count + 1):
        status = "failed" if n == 60 else "completed"
        store.history.run("build", f"run-{n:03}", status, at=NOW - 1000 + n)
    return store


def test_pages_of_removed_runs_go_and_their_neighbours_close_the_gap(tmp_path: Path) -> None:
    store = long_past(tmp_path)
    pages = Pages(store)
    pages.render()
    store.configuration = replace(store.configuration, retention=Retention(count=60))
    assert store.prune() == 169  # 170, but the failed one is the last of its kind
    written = pages.render()
    left = {f"run-{n:03}" for n in (60, *range(171, 231))}
    assert pages.of("build") == left | {"page-2.html", "page-4.html", "page-5.html"}
    assert 'href="page-2.html"' in pages.text("page-4.html") and 'href="page-4.html"' in pages.text("page-2.html")
    assert 'href="page-1.html"' not in pages.text("page-2.html")
    assert {"jobs/build/page-2.html", "jobs/build/page-4.html", "jobs/build/index.html"} <= written
    assert "jobs/build/page-5.html" not in written, "a page that lost nothing is not written again"
    assert "169 older runs removed" in pages.text("index.html") and "All 61 runs" in pages.text("index.html")
    assert not pages.renderer.stale()


def links(html: Path) -> set[Path]:
    """Where the links between our pages lead."""
    found = set()
    for page in html.rglob("*.html"):
        for target in re.findall(r'href="([^"#:]+\.html)"', page.read_text()):
            found.add((page.parent / unquote(target)).resolve())
    return found


def test_no_link_leads_to_a_page_that_is_gone(tmp_path: Path) -> None:
    store = long_past(tmp_path, 130)
    store.history.run("build", "again", at=NOW - 1, retry_of="run-100")
    pages = Pages(store)
    pages.render()
    for count in (90, 31, 4, 1):
        store.configuration = replace(store.configuration, retention=Retention(count=count))
        assert store.prune()
        pages.render()
        assert not [str(path) for path in links(pages.html) if not path.exists()], count
    assert len(store.rows()) == 2


def test_pages_that_were_not_there_when_it_happened_come_out_the_same(tmp_path: Path) -> None:
    store = long_past(tmp_path)
    pages = Pages(store)
    pages.render()
    store.configuration = replace(store.configuration, retention=Retention(count=60))
    store.prune()
    pages.render()
    before = {name: pages.text(name) for name in pages.of("build") | {"index.html"} if name.endswith("html")}
    fresh = pages.fresh()
    fresh.all(NOW, regenerate=True)
    assert before == {name: pages.text(name) for name in pages.of("build") | {"index.html"} if name.endswith("html")}


def test_pages_that_slept_until_no_word_was_left_are_made_anew_without_the_removed(tmp_path: Path) -> None:
    store = long_past(tmp_path, 60)
    pages = Pages(store)
    pages.render()
    store.configuration = replace(store.configuration, retention=Retention(count=1))
    store.prune()
    store.shelf.forget_word(NOW + 40 * DAY)
    pages.renderer = pages.fresh()
    pages.render()
    assert pages.of("build") == {"run-059", "run-060", "page-2.html"}
    assert not pages.renderer.stale()
