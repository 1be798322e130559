"""Runs whose command could not be started for want of something: put off, and begun as soon as it can be.

Owns that such a run is known as one that has not begun, in the run log too: the next daemon starts it, where it would
have to call any other run without a process lost. Its state is `running`, because that was recorded before the start
was tried and no state leads back. Must not know what was short, or when to try again.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsari_like.core import messages as m
from dsari_like.core.course import Course
from dsari_like.core.lives import Lives
from dsari_like.core.model import Run


class PutOffs:
    """See the module. What is recorded comes first both ways: a run that may have begun is never taken for one that
    has not."""

    def __init__(self, lives: Lives, course: Course) -> None:
        self._lives = lives
        self._course = course
        self._ledger = lives.ledger
        self._told: set[str] = set()  # each try of a bad hour is no event of its own

    def put_off(self, message: m.StartPutOff) -> None:
        """Nothing was started."""
        run = self._ledger.runs.get(message.run_id)
        if run is None or run.put_off or run.ending is not None:
            return
        run.put_off, run.message = True, f"its start is put off: {message.why}"
        if run.run_id in self._told:
            self._ledger.save(run)
        else:
            self._told.add(run.run_id)
            self._ledger.note(run, run.message)

    def again(self, run_id: str) -> None:
        """Try once more, unless the daemon is on its way out: the next one will."""
        run = self._ledger.runs.get(run_id)
        if run is None:
            self._told.discard(run_id)
        elif run.put_off and not self._lives.closing:
            self._start(run)

    def configured(self, restored: Iterable[Run]) -> None:
        """A configuration is in force: what an earlier daemon put off begins, and what has no job any more never
        will."""
        for run in [run for run in self._ledger.runs.values() if run.put_off]:
            job = self._lives.configuration.jobs.get(run.job_name)
            if job is None or not job.enabled:
                gone = "removed from" if job is None else "disabled in"
                self._course.call_off(run, f"its job was {gone} the configuration")
        for run in restored:
            if run.put_off and not run.is_final:
                self._start(run)

    def _start(self, run: Run) -> None:
        run.put_off, run.message = False, ""
        self._ledger.save(run)
        self._ledger.out.append(m.Start(run, self._lives.endings.definition(run)))
