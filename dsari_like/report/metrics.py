"""Numbers for a monitoring system, in the text format of Prometheus (D-82 to D-86).

Owns the names and what they count. Counters count what ended, not what retention has left of it: they are carried on
while a daemon runs. Durations are those of the latest runs, so that the cost does not grow with the history. Must not
know who asks: a command, or the file for a textfile collector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import quantiles

from dsari_like import __version__
from dsari_like.store.reader import Reader, RunRow

FILE = "metrics.prom"
_QUANTILES = (1, 10, 50, 90, 99)
_LATEST = 100

#: Name, kind and meaning; the order of the file.
METRICS = (
    ("run_count", "counter", "Runs there have ever been."),
    ("run_success_count", "counter", "Runs that completed."),
    ("run_failure_count", "counter", "Runs that failed."),
    ("run_duration_seconds", "gauge", f"How long the latest {_LATEST} runs that completed took."),
    ("run_latency_seconds", "gauge", f"How long after their time the latest {_LATEST} runs that completed started."),
    ("last_run_exit_code", "gauge", "Exit code of the run that ended last."),
    ("last_run_schedule_time", "gauge", "When the run that ended last was due."),
    ("last_run_start_time", "gauge", "When the run that ended last started."),
    ("last_run_stop_time", "gauge", "When the run that ended last ended."),
    ("last_success_time", "gauge", "When a run completed last."),
    ("failures_in_a_row", "gauge", "Failures since the last run that completed."),
    ("running_run_schedule_time", "gauge", "When a run that runs was due."),
    ("running_run_start_time", "gauge", "When a run that runs started."),
    ("waiting_runs", "gauge", "Runs that wait to start."),
    ("time", "gauge", "When these numbers were taken."),
    ("version_info", "gauge", "The version that made them."),
)


@dataclass(slots=True)
class Meter:
    """Takes the numbers. `counted` is how far each job's verdicts were counted, and how many there were."""

    reader: Reader
    counted: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def pieces(self, jobs: Iterable[str], now: float) -> Iterator[str | None]:
        """The whole text at the end, and None after each job before it, to rest at."""
        found: dict[str, list[str]] = {name: [] for name, _, _ in METRICS}
        for job in jobs:
            self._job(job, found)
            yield None
        counts = self.reader.open_counts()
        for run in self.reader.running():
            labels = f'job_name="{_label(run.job_name)}",run_id="{_label(run.run_id)}"'
            _put(found, "running_run_schedule_time", labels, run.schedule_time)
            _put(found, "running_run_start_time", labels, run.start_time)
        _put(found, "waiting_runs", "", sum(n for state, n in counts.items() if state not in ("running", "timed_out")))
        _put(found, "time", "", now)
        _put(found, "version_info", f'version="{__version__}"', 1)
        yield "".join(_block(name, kind, words, found[name]) for name, kind, words in METRICS if found[name])

    def text(self, jobs: Iterable[str], now: float) -> str:
        """The whole text, at once."""
        return next(piece for piece in self.pieces(jobs, now) if piece is not None)

    def _job(self, job: str, found: dict[str, list[str]]) -> None:
        label, count = f'job_name="{_label(job)}"', self.reader.newest_number(job)
        _put(found, "run_count", label, count)
        if not count:
            return
        summary = self.reader.summary(job)
        _put(found, "run_success_count", label, self._count(job, "completed"))
        _put(found, "run_failure_count", label, self._count(job, "failed"))
        for name, values in zip(("run_duration_seconds", "run_latency_seconds"), self._times(job), strict=True):
            for quantile, value in values:
                _put(found, name, f'{label},quantile="{quantile}"', value)
        ended = [run for run in (summary.last_good, summary.last_failed) if run is not None and run.is_sound]
        if ended:
            _last(found, label, max(ended, key=lambda run: run.stop_time or 0.0))
        if summary.last_good is not None and summary.last_good.is_sound:
            _put(found, "last_success_time", label, summary.last_good.stop_time)
        _put(found, "failures_in_a_row", label, summary.streak)

    def _count(self, job: str, status: str) -> int:
        before, until = self.counted.get((job, status), (0, float("-inf")))
        more, until = self.reader.counted(job, status, until)
        self.counted[job, status] = before + more, until
        return before + more

    def _times(self, job: str) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        durations, latencies = self.reader.timings(job, _LATEST)
        return _spread(durations), _spread(latencies)


def _last(found: dict[str, list[str]], label: str, run: RunRow) -> None:
    _put(found, "last_run_exit_code", label, run.exit_code)
    _put(found, "last_run_schedule_time", label, run.schedule_time)
    _put(found, "last_run_start_time", label, run.start_time)
    _put(found, "last_run_stop_time", label, run.stop_time)


def _spread(values: list[float]) -> list[tuple[str, float]]:
    if len(values) < 2:
        return [("0.5", value) for value in values]
    cuts = quantiles(values, n=100, method="inclusive")
    return [(f"{percent / 100:g}", cuts[percent - 1]) for percent in _QUANTILES]


def _put(found: dict[str, list[str]], name: str, labels: str, value: float | None) -> None:
    if value is not None:
        number = str(value) if isinstance(value, int) else f"{value:.3f}"
        found[name].append(f"dsari_like_{name}{{{labels}}} {number}\n" if labels else f"dsari_like_{name} {number}\n")


def _block(name: str, kind: str, words: str, lines: list[str]) -> str:
    return f"# HELP dsari_like_{name} {words}\n# TYPE dsari_like_{name} {kind}\n{''.join(lines)}"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
