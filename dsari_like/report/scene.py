"""What all pages are made from: the configuration, the run log, and what is remembered of both.

Owns who may be seen, and what is said of a run beside its row. Must not know pages.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import tzinfo

from dsari_like.core.model import Configuration
from dsari_like.report import names, words
from dsari_like.report.days import day_of
from dsari_like.report.memo import Memo
from dsari_like.report.output import OUTPUT, Hide, last_error
from dsari_like.report.overview import Overview
from dsari_like.report.recent import Recent
from dsari_like.store.beside import Besides
from dsari_like.store.reader import Reader, RunRow


@dataclass(frozen=True, slots=True)
class Scene:
    """What all pages are made from."""

    configuration: Configuration
    reader: Reader
    overview: Overview
    zone: tzinfo
    runs_dir: str
    runs_link: str  # the way from the front page's directory to the runs' own files
    recent: Recent
    memo: Memo = field(default_factory=Memo)
    past: Memo = field(default_factory=Memo)  # what is counted of days that are over
    besides: Besides = field(init=False)

    def __post_init__(self) -> None:
        """What is asked of the run log beside its rows."""
        object.__setattr__(self, "besides", Besides(self.reader.connection, self.configuration.secrets))

    def said(self, job: str, run_id: str) -> str:
        """The line of a failed run's output that most likely says why; empty where its job keeps none."""
        configured = self.configuration.jobs.get(job)
        if configured is not None and configured.log_level == "none":
            return ""
        path = os.path.join(self.runs_dir, names.directory_of(job), names.directory_of(run_id), OUTPUT)
        return self.memo.of(("said", path), lambda: words.shortened(last_error(path, self.hide(job))))

    def late(self, run: RunRow, now: float) -> None:
        """A run of another day changed: what was counted of days that are over may be wrong."""
        if run.stop_time is None or day_of(run.stop_time, self.zone) < day_of(now, self.zone):
            self.past.clear()

    def hide(self, job: str) -> Hide:
        """What makes the output of a job fit to be shown: all but values of an environment_file."""
        return lambda text, cut: self.configuration.secrets.output(text, job, cut)

    def shows(self, job: str) -> bool:
        """Whether the job may be seen in the reports (D-27)."""
        found = self.configuration.jobs.get(job)
        return found is None or found.render_reports
