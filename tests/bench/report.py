"""What the reports cost: everything anew, one more run, a gigabyte of output, and what rendering costs others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from dsari_like.core.model import Configuration, Job
from dsari_like.report.renderer import Renderer
from dsari_like.store.db import open_reader, open_writer
from dsari_like.store.reader import Reader
from tests.bench.drops import take_turns
from tests.bench.figures import Figure, percentile
from tests.bench.site import TOP
from tests.bench.workshop import Workshop, lane_of

JOBS, GAP = 20, 300.0
#: Written by children, so that their memory is theirs alone.
_WRITE_ONLY = """
import json, os, sys
for path, size in json.load(open(sys.argv[1])):
    path = os.path.join(sys.argv[2], path)
    try:
        file = open(path, "wb")
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path))
        file = open(path, "wb")
    with file:
        file.write(b"x" * size)
"""
_ONE_PAGE = """
import resource, sys, time
from dsari_like.report.output import Limits, read
small = read(sys.argv[1] + ".small", Limits())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.perf_counter()
read(sys.argv[1], Limits())
print(time.perf_counter() - begin, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
_RUN = (
    "insert into runs (run_id, job_name, status, reason, exit_code, schedule_time, queue_time, start_time, stop_time,"
    " trigger_type, trigger_data, sequence, revision, number) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'file', '{}', ?, ?, ?)"
)


def report(workshop: Workshop) -> list[Figure]:
    """Every figure of the reports but the two that need a daemon or a browser."""
    few, many = workshop.few(1_000, 200), workshop.few(100_000, 2_000)
    return [*_anew(workshop, many), *_one_more(workshop, few, many), *_long_output(workshop)]


def report_latency(workshop: Workshop) -> list[Figure]:
    """From a drop to its start while the daemon makes the pages of a long history."""
    idle = workshop.site({"keeper": False}, render="never")
    busy = workshop.site({"keeper": False}, render="auto")
    _grow(busy.data / "dsari_like.sqlite3", workshop.few(100_000, 500))
    with ExitStack() as stack:
        lanes = [lane_of(name, site) for name, site in (("no pages", idle), ("rendering", busy))]
        for site in (idle, busy):
            stack.enter_context(site.daemon())
        take_turns(lanes, workshop.few(8, 1), 25)
        left = not (busy.data / "html" / ".rendered.json").exists()
    floor, ours = (lane.latencies for lane in lanes)
    note = "" if left or workshop.quick else "the pages were done before the measurement was"
    half, most = ((percentile(ours, percent), percentile(floor, percent)) for percent in (50, 99))
    return [
        Figure("latency p50 while pages are made", "ms", *half),
        Figure("latency p99 while pages are made", "ms", *most, at_most=1.5, note=note),
    ]


def report_pages(workshop: Workshop) -> list[Figure]:
    """How large the front page and the page of a job are with many jobs, and how soon a browser paints them."""
    top, jobs = workshop.directory(), workshop.few(1_000, 20)
    _grow(top / "log", 50 * jobs, jobs)
    renderer = _renderer(top, jobs)
    renderer.all(time.time())
    renderer.close()
    pages = {"front page": top / "html/index.html", "job page": top / "html/jobs/job-0000/index.html"}
    figures = [
        Figure(f"{name} with {jobs} jobs", "KiB", path.stat().st_size / 1024, at_most=100)
        for name, path in pages.items()
    ]
    return figures + [
        Figure(f"first paint of the {name}", "s", seconds, at_most=0.5)
        for name, seconds in zip(pages, _painted(pages.values()), strict=False)
    ]


# --- everything anew ----------------------------------------------------------------------------------------------


def _anew(workshop: Workshop, count: int) -> list[Figure]:
    """`dsari-like render` against a program that only writes as many files of the same sizes."""
    top = workshop.directory()
    log = top / "var" / "dsari_like.sqlite3"
    log.parent.mkdir(mode=0o750)
    _grow(log, count)
    (top / "etc").mkdir()
    jobs = {f"job-{number:04}": {"command": ["true"]} for number in range(JOBS)}
    configuration = {"data_dir": str(log.parent), "timezone": "UTC", "jobs": jobs}
    (top / "etc" / "dsari_like.json").write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "dsari_like", "render", "--config-dir", str(top / "etc")]
    ours, peak = _timed(command)
    html = log.parent / "html"
    sizes = [(str(path.relative_to(html)), path.stat().st_size) for path in html.rglob("*") if path.is_file()]
    (top / "sizes").write_text(json.dumps(sizes))
    floor, _ = _timed([sys.executable, "-c", _WRITE_ONLY, str(top / "sizes"), str(top / "floor")])
    for directory in (html, top / "floor"):
        shutil.rmtree(directory)
    return [
        Figure(f"all pages of {count} runs", "s", ours, floor, at_most=2.5, note=f"{len(sizes)} files"),
        Figure(f"peak memory while {count} runs are rendered", "MiB", peak, at_most=64),
    ]


def _timed(command: Sequence[str]) -> tuple[float, float]:
    """Seconds, and the most memory in MiB."""
    os.sync()
    begin = time.monotonic()
    child = subprocess.Popen(command, cwd=TOP, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}")
    return time.monotonic() - begin, usage.ru_maxrss / 1024


# --- one more run -------------------------------------------------------------------------------------------------


def _one_more(workshop: Workshop, few: int, many: int) -> list[Figure]:
    """The files that follow one finished run, with a short past and with a long one, against writing those files."""
    times: dict[int, list[float]] = {}
    floors: dict[int, list[float]] = {}
    places = {count: _Place(workshop.directory(), count) for count in (few, many)}
    for number in range(workshop.few(60, 3)):
        for count, place in places.items():
            seconds, floor = place.finish(number)
            times.setdefault(count, []).append(seconds * 1000)
            floors.setdefault(count, []).append(floor * 1000)
    for place in places.values():
        place.renderer.close()
    first, second = (percentile(times[count], 50) for count in (few, many))
    return [
        Figure("one new run on a short history", "ms", first, percentile(floors[few], 50), at_most=3.0),
        Figure("one new run on a long history", "ms", second, percentile(floors[many], 50), at_most=3.0),
        Figure(f"one new run, {many} recorded against {few}", "ms", second, first, at_most=1.3),
    ]


class _Place:
    """Pages that are up to date, and a run log that goes on."""

    def __init__(self, top: Path, count: int) -> None:
        self._top, self._count = top, count
        _grow(top / "log", count)
        self.renderer = _renderer(top, JOBS)
        self._now = time.time()
        self.renderer.all(self._now)
        self.renderer.written()
        (top / "floor").mkdir()

    def finish(self, number: int) -> tuple[float, float]:
        """Seconds until the pages know of one more run, and until the same bytes are written by a mere loop."""
        with closing(open_writer(str(self._top / "log"))) as log:
            log.execute(_RUN, _row(self._count + number, JOBS, self._now))
        begin = time.perf_counter()
        while self.renderer.stale():
            self.renderer.step(self._now, 1.0, time.perf_counter)
        seconds = time.perf_counter() - begin
        data = [(self._top / "html" / path).read_bytes() for path in self.renderer.written()]
        begin = time.perf_counter()
        for place, piece in enumerate(data):
            partial, path = self._top / "floor" / f".{place}.tmp", self._top / "floor" / str(place)
            partial.write_bytes(piece)
            os.replace(partial, path)
        return seconds, time.perf_counter() - begin


def _renderer(top: Path, jobs: int) -> Renderer:
    names = [f"job-{number:04}" for number in range(jobs)]
    configuration = Configuration({name: Job(name, ("true",)) for name in names}, data_dir=str(top), timezone="UTC")
    reader = Reader(open_reader(str(top / "log")))
    return Renderer(configuration, {}, reader, str(top / "html"), str(top / "runs"))


def _grow(path: Path, count: int, jobs: int = JOBS) -> None:
    """A past of so many runs, one each five minutes, the jobs in turn; one of ten failed."""
    with closing(open_writer(str(path))) as log:
        log.execute("begin")
        now = time.time()
        log.executemany(_RUN, (_row(number, jobs, now - GAP * (count - number)) for number in range(count)))
        log.execute("commit")


def _row(number: int, jobs: int, began: float) -> tuple[object, ...]:
    job, bad = f"job-{number % jobs:04}", number // jobs % 10 == 0
    status, reason = ("failed", "exit") if bad else ("completed", None)
    times = (began, began, began + 0.01, began + 20.0)
    run_id = f"00000000-0000-7000-8000-{number:012}"
    return run_id, job, status, reason, int(bad), *times, number + 1, number + 1, number // jobs + 1


# --- one long output, and many jobs -------------------------------------------------------------------------------


def _long_output(workshop: Workshop) -> list[Figure]:
    size, line = workshop.few(2**30, 2**24), b"a line of the length that lines of output have mostly\n"
    path = workshop.directory() / "output.txt"
    chunk = line * 20_000
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(chunk)
    path.with_name("output.txt.small").write_bytes(chunk[:100_000])
    done = subprocess.run([sys.executable, "-c", _ONE_PAGE, str(path)], cwd=TOP, check=True, capture_output=True)
    seconds, memory = map(float, done.stdout.split())
    path.unlink()
    return [
        Figure(f"output of {size >> 20} MiB for its page", "s", seconds, at_most=0.2),
        Figure(f"memory for output of {size >> 20} MiB", "MiB", memory, at_most=32),
    ]


def _painted(pages: Iterable[Path]) -> list[float]:
    """Seconds until a headless Chromium shows something; nothing where there is none."""
    try:
        from selenium import webdriver
    except ImportError:
        return []
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        return []
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    script = "return performance.getEntriesByName('first-contentful-paint').map(it => it.startTime)"
    found = []
    try:
        for page in pages:
            browser.get(page.as_uri())
            time.sleep(0.5)
            found += [float(milliseconds) / 1000 for milliseconds in browser.execute_script(script)[:1]]
    finally:
        browser.quit()
    return found
