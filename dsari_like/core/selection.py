"""Which runs a request is about: one by its id, those of a flow, or all that fit what is said of them.

Owns that question. What is not said is not asked; a selection that says nothing selects nothing. Must not know what is
to be done with the runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields

from dsari_like.core.model import Run
from dsari_like.core.record import record


@record
class Selection:
    """`since` and `until` bound the time at which a run was asked for, UTC epoch seconds."""

    run: str | None = None
    flow: str | None = None
    job: str | None = None
    status: str | None = None
    since: float | None = None
    until: float | None = None
    item: str | None = None

    def among(self, runs: Iterable[Run]) -> Iterator[Run]:
        """Those that are meant. The items of a run that is meant as a whole are not named one by one."""
        return (run for run in list(runs) if self.means(run))

    def means(self, run: Run) -> bool:
        """Whether this run is meant."""
        if all(getattr(self, field.name) is None for field in fields(self)):
            return False
        if self.item is not None:
            return run.item == self.item and self.run in (None, run.previous_run_id, run.run_id) and self._fits(run)
        if self.run is not None and run.run_id != self.run:
            return False
        if run.item is not None and self.run is None:
            return False
        return self._fits(run)

    def _fits(self, run: Run) -> bool:
        return (
            self.flow in (None, run.flow_id)
            and self.job in (None, run.job_name)
            and self.status in (None, run.state.value)
            and (self.since is None or run.queue_time >= self.since)
            and (self.until is None or run.queue_time < self.until)
        )

    def __str__(self) -> str:
        if self.item is None and self.run is not None:
            return self.run
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return "with " + ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)
