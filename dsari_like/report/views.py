"""What every page is made of: its head, and the line that stands for a run or a job in a table.

Owns the flat objects that templates see, so that a template needs `for` and `if` and nothing else. Everything comes
from rows, the configuration and the `now` that is passed in; no clock, no file, no markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from urllib.parse import quote

from dsari_like.core.model import Pause
from dsari_like.report import moments, names, words
from dsari_like.report.overview import Standing, time_of
from dsari_like.report.rests import pause_words
from dsari_like.report.scene import Scene
from dsari_like.report.shapes import Ready, line, run_object
from dsari_like.store.reader import Reader, RunRow

_FEW_DAYS = 4  # headings of days in a list that are no nuisance

TONES = {
    "completed": "good",
    "failed": "bad",
    "timed_out": "bad",
    "warning": "odd",
    "running": "live",
    "cancelled": "still",
}
#: What a page may load: its style sheet, and pictures that are part of it.
POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
#: Of the pages that carry a script of ours: search, and those that look for news while something runs.
SCRIPT_POLICY = f"{POLICY}; script-src 'self'"
_PLACES = (
    ("Overview", names.front_page()),
    ("Timeline", names.TIMELINE),
    ("Failures", names.FAILURES),
    ("All jobs", names.jobs_page(1)),
    ("Flows", names.FLOWS),
    ("Callbacks", names.CALLBACKS),
    ("Search", names.SEARCH),
)
_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<circle cx='8' cy='8' r='7' fill='{colour}'/>{mark}</svg>"
)
_ICON_COLOURS = {"good": "#1a7f4b", "bad": "#c4262e", "odd": "#a35b00", "live": "#2f5fd0"}
_ICON_MARKS = {
    "good": "<path d='M4.5 8.3l2.4 2.4 4.6-5' fill='none' stroke='#fff' stroke-width='1.8'/>",
    "bad": "<path d='M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6' stroke='#fff' stroke-width='1.8'/>",
    "live": "<path d='M6.3 4.8v6.4L11.4 8z' fill='#fff'/>",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A page that every page links to; `here` on that page itself."""

    title: str
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Head:
    """What the frame of a page needs."""

    title: str
    site: str
    root: str
    home: str
    jobs: str
    flows: str
    icon: str
    zone: str
    places: tuple[Place, ...]
    refresh: bool = False
    policy: str = POLICY


@dataclass(frozen=True, slots=True)
class Time:
    """An instant for `<time>`: exact for machines and on pointing, short in the text."""

    iso: str
    exact: str
    text: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a table."""

    url: str
    label: str
    job: str
    job_url: str
    status: str
    word: str
    tone: str
    time: Time
    duration: str
    waited: str
    trigger: str
    note: str


@dataclass(frozen=True, slots=True)
class Day:
    """The runs of one day in a table."""

    title: str
    runs: tuple[RunLine, ...]


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in a list."""

    name: str
    url: str
    description: str
    status: str
    word: str
    tone: str
    last: Time | None
    last_url: str
    duration: str
    good: Time | None
    next: Time | None
    note: str


def head(scene: Scene, page: str, title: str, tone: str, refresh: bool = False, policy: str = POLICY) -> Head:
    """The frame of a page; its title carries the state, for those who look at a row of tabs."""
    root, site = names.root_of(page), scene.configuration.title
    return Head(
        title=f"{title} · {site}",
        site=site,
        root=root,
        home=names.link(root, names.front_page()),
        jobs=names.link(root, names.jobs_page(1)),
        flows=names.link(root, names.FLOWS),
        icon=scene.memo.of(("icon", tone), lambda: _icon(tone)),
        zone=scene.memo.of("zone", lambda: moments.zone_name(scene.zone)),
        places=_places(scene, root, page),
        refresh=refresh,
        policy=SCRIPT_POLICY if refresh else policy,
    )


def _places(scene: Scene, root: str, page: str) -> tuple[Place, ...]:
    def make() -> tuple[Place, ...]:
        return tuple(Place(title, names.link(root, path), path == page) for title, path in _PLACES)

    here = page if any(page == path for _, path in _PLACES) else ""
    return scene.memo.of(("places", root, here), make)


def time(scene: Scene, instant: float) -> Time:
    """An instant for the columns of a table."""
    zone = scene.zone
    return Time(moments.iso(instant, zone), moments.moment(instant, zone), moments.short(instant, zone))


def days(scene: Scene, root: str, runs: Iterable[RunRow]) -> tuple[Day, ...]:
    """Runs under the headings of their days, so that a row needs to say no more than the time of day; where nearly
    every run has a day of its own, under those of their months."""
    rows = list(runs)
    by_day = _grouped(rows, lambda run: moments.day(time_of(run), scene.zone))
    if 2 * len(by_day) <= len(rows) + 1 or len(by_day) < _FEW_DAYS:
        return tuple(Day(title, tuple(run_line(scene, root, run) for run in group)) for title, group in by_day)
    by_month = _grouped(rows, lambda run: moments.month(time_of(run), scene.zone))
    return tuple(Day(title, tuple(run_line(scene, root, run, True) for run in group)) for title, group in by_month)


def _grouped(rows: Iterable[RunRow], title: Callable[[RunRow], str]) -> list[tuple[str, list[RunRow]]]:
    return [(found, list(group)) for found, group in groupby(rows, key=title)]


def coming(scene: Scene, instant: float, zone: tzinfo | None = None) -> Time:
    """An instant near to the reader, who knows the year."""
    there = zone or scene.zone
    return Time(moments.iso(instant, there), moments.moment(instant, there), moments.weekday(instant, there))


def clock(scene: Scene, instant: float) -> Time:
    """An instant below the heading of its day."""
    zone = scene.zone
    return Time(moments.iso(instant, zone), moments.moment(instant, zone), moments.clock(instant, zone))


def tone_of(status: str) -> str:
    """The colour family of a state; the word and the shape beside it say the same."""
    return TONES.get(status, "wait" if status else "still")


def run_line(scene: Scene, root: str, run: RunRow, dated: bool = False) -> RunLine:
    """A run in a table; `dated` where no heading tells the day."""
    key = ("line", root, run.run_id, run.revision, dated)
    return scene.memo.of(key, lambda: _run_line(scene, root, run, dated))


def _run_line(scene: Scene, root: str, run: RunRow, dated: bool) -> RunLine:
    return RunLine(
        url=names.link(root, names.run_page(run.job_name, run.run_id)),
        label=words.run_label(run),
        job=run.job_name,
        job_url=names.link(root, names.job_page(run.job_name)),
        status=run.status,
        word=words.state_word(run.status),
        tone=tone_of(run.status),
        time=(coming if dated else clock)(scene, time_of(run)),
        duration=moments.duration(run.duration),
        waited=_waited(run),
        trigger=words.trigger_word(run),
        note=_note(run),
    )


def job_line(scene: Scene, root: str, name: str, now: float) -> JobLine:
    """A job in a list."""
    standing, job = scene.overview.of(name), scene.configuration.jobs.get(name)
    slot = scene.overview.next_slot(name, now) if job is not None else None
    due = slot.time if slot else None
    pause = scene.overview.rests.pause(name, now)
    return scene.memo.of(("job", root, standing, due, pause), lambda: _job_line(scene, root, standing, due, pause))


def _job_line(scene: Scene, root: str, standing: Standing, due: float | None, pause: Pause | None) -> JobLine:
    name = standing.name
    job = scene.configuration.jobs.get(name)
    return JobLine(
        name=name,
        url=names.link(root, names.job_page(name)),
        description=job.description if job else "",
        status=standing.status,
        word=words.state_word(standing.status) if standing.status else "never ran",
        tone=tone_of(standing.status),
        last=time(scene, standing.time) if standing.run_id else None,
        last_url=names.link(root, names.run_page(name, standing.run_id)) if standing.run_id else "",
        duration=moments.duration(standing.duration),
        good=time(scene, standing.good_time) if standing.good_time is not None else None,
        next=coming(scene, due) if due is not None else None,
        note=_job_note(scene, standing, pause),
    )


def run_text(scene: Scene, run: RunRow) -> Ready:
    """A run as JSON, for lists of which one entry is new."""
    return scene.memo.of(("json", run.run_id, run.revision), lambda: Ready(line(run_object(run))))


def streak_words(standing: Standing) -> str:
    """`3 failures in a row`."""
    if standing.streak >= Reader.STREAK_LIMIT:
        return f"{standing.streak} failures in a row or more"
    return f"{standing.streak} failures in a row" if standing.streak > 1 else "Failed"


def _job_note(scene: Scene, standing: Standing, pause: Pause | None) -> str:
    job = scene.configuration.jobs.get(standing.name)
    if job is None:
        return "archived: no longer configured"
    if not job.enabled:
        return "not enabled"
    said = standing.status == "failed" and standing.streak == 1  # the state says it all
    streak = streak_words(standing) if standing.is_failing and not said else ""
    return " · ".join(filter(None, (pause_words(pause, scene.zone) if pause else "", streak)))


def _waited(run: RunRow) -> str:
    """Only a wait that is worth telling: everything waits a few milliseconds."""
    return moments.duration(run.waited) if run.waited is not None and run.waited >= 1 else ""


def _note(run: RunRow) -> str:
    """What a row says beside its columns: the trouble first, then the producer's words."""
    trouble = words.reason_short(run) if run.status in ("failed", "cancelled") else run.message
    return words.shortened(" · ".join(part for part in (trouble, words.description_of(run)) if part))


def _icon(tone: str) -> str:
    """A picture for the tab, in the page itself: no request is ever made for it."""
    colour, mark = _ICON_COLOURS.get(tone, "#6b7280"), _ICON_MARKS.get(tone, "")
    return "data:image/svg+xml," + quote(_ICON.format(colour=colour, mark=mark), safe=" =':/")
