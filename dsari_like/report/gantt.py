"""The runs of one execution along the time: a line for each part, under one axis.

Owns which stretch of time is shown, and the marks on its axis. Must not know what an execution is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dsari_like.report import moments, names, words
from dsari_like.report.days import Window
from dsari_like.report.flowwords import run_url, tone
from dsari_like.report.lanes import lane
from dsari_like.report.parts import Part, Picture
from dsari_like.report.scene import Scene
from dsari_like.store.reader import BarRow, RunRow

_TICKS = 5
_STEPS = (
    *(10, 12, 15, 20, 30, 40, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1500, 1800, 2700, 3600, 5400, 7200),
    *(10_800, 14_400, 21_600, 28_800, 43_200, 86_400, 172_800, 259_200, 432_000, 864_000, 1_728_000),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of the Gantt chart: a part, and its runs along the time."""

    name: str
    url: str
    tone: str
    word: str
    lane: Markup
    took: str
    note: str
    said: str
    said_url: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """The Gantt chart: the bars of one drawing, under its title."""

    title: str
    bars: tuple[Bar, ...]


def window(runs: Sequence[RunRow]) -> Window | None:
    """From the first run's turn to the end of the last; of what goes on, a little more than is known."""
    if not runs:
        return None
    begin = min(_due(run) for run in runs)
    known = [time for run in runs for time in (_due(run), run.start_time, run.stop_time) if time is not None]
    span = max(max(known) - begin, 0.001) * (1.12 if any(run.stop_time is None for run in runs) else 1.0)
    return Window(begin, begin + _TICKS * next((step for step in _steps_of_time() if step * _TICKS >= span), span))


def _steps_of_time() -> Iterator[float]:
    """Distances that people can count in, the least first."""
    for power in (0.001, 0.01, 0.1, 1.0):
        yield from (power * digit for digit in (1, 1.5, 2, 3, 4, 5, 6, 8))
    yield from _STEPS


def _due(run: RunRow) -> float:
    return max(run.schedule_time, run.queue_time)


def ticks(span: Window) -> tuple[str, ...]:
    """The time since the beginning at equal distances."""
    return tuple("0" if place == 0 else _tick(span.seconds * place / _TICKS) for place in range(_TICKS))


def _tick(seconds: float) -> str:
    """Between whole seconds and milliseconds there is more to be told apart than in a sentence."""
    return (
        f"{seconds:.3g} s"
        if 1 <= seconds < 10
        else f"{seconds * 1000:.3g} ms"
        if seconds < 1
        else moments.duration(seconds)
    )


def stretch(scene: Scene, picture: Picture, span: Window, root: str) -> Stretch:
    """The bars of one drawing."""
    return Stretch(picture.title, tuple(_bar(scene, part, span, root) for part in picture.parts))


def _bar(scene: Scene, part: Part, span: Window, root: str) -> Bar:
    run = part.run
    bars = [
        BarRow(
            one.run_id, one.job_name, one.status, one.number, _due(one), one.queue_time, one.start_time, one.stop_time
        )
        for one in part.runs
    ]
    url_of = lambda bar: names.link(root, names.run_page(bar.job_name, bar.run_id))  # noqa: E731
    attempts = f"{len(part.runs)} attempts" if len(part.runs) > 1 else ""
    failed = run is not None and run.status == "failed"
    return Bar(
        name=part.name,
        url=run_url(part, root),
        tone=tone(part),
        word=words.state_word(part.status),
        lane=lane(bars, span, url_of, scene.zone) if bars else Markup(""),
        took=moments.duration(run.duration) if run is not None and run.duration is not None else "",
        note="; ".join(filter(None, (words.reason_short(run) if failed and run else "", attempts, part.note))),
        said=scene.said(run.job_name, run.run_id) if failed and run else "",
        said_url=run_url(part, root) if failed else "",
    )
