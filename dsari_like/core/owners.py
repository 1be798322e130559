"""The open runs of the jobs that own callbacks: what `self` and `parent` are when another job's event fires one.

Owns that list, kept up by the events themselves, so that nobody has to look through all runs. Must not know callbacks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dsari_like.core.model import Run
from dsari_like.core.reactions import Event


class Owners:
    """Open runs by job, in the order they were made."""

    def __init__(self) -> None:
        self._jobs: frozenset[str] = frozenset()
        self._runs: dict[str, dict[str, Run]] = {}

    def configure(self, jobs: Collection[str], open_runs: Iterable[Run]) -> None:
        """The jobs that own callbacks, and the runs that are open."""
        self._jobs, self._runs = frozenset(jobs), {}
        for run in open_runs:
            self._add(run)

    def seen(self, event: Event) -> None:
        """A run is new, or has changed."""
        if event.run is not None:
            self._add(event.run)

    def passed(self, event: Event) -> None:
        """All that awaited this event was told of it: a run that has ended is no longer meant."""
        if event.run is not None and event.run.is_final:
            runs = self._runs.get(event.run.job_name, {})
            runs.pop(event.run.run_id, None)
            if not runs:
                self._runs.pop(event.run.job_name, None)

    def run_for(self, owner: str, event: Event) -> Run | None:
        """The run of the owner that is meant when this event fires its callback: the event's own, else the newest
        open one that is in the same flow, that does the same item where the event is about one."""
        if event.run is not None and owner in ("*", event.run.job_name):
            return event.run
        runs = [run for run in self._runs.get(owner, {}).values() if (run.flow_id or "") == event.flow_id]
        of_item = [run for run in runs if run.item is not None and run.item == event.item]
        return next(reversed(of_item or runs), None) or self._elsewhere(owner, event)

    def is_parent(self, owner: str, run_id: str) -> bool:
        """Whether this run has started an open run of the owner."""
        return bool(run_id) and any(run.previous_run_id == run_id for run in self._runs.get(owner, {}).values())

    def _elsewhere(self, owner: str, event: Event) -> Run | None:
        """Outside flows everybody's runs are meant: the newest that is in none."""
        runs = [run for run in self._runs.get(owner, {}).values() if not (run.flow_id and event.flow_id)]
        return next(reversed(runs), None)

    def _add(self, run: Run) -> None:
        if run.job_name in self._jobs and not run.is_final:
            self._runs.setdefault(run.job_name, {})[run.run_id] = run
