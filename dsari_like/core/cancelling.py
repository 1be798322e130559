"""Ends that somebody asked for: of one run, of many, of array runs with all their items, of everything at a shutdown.

Owns the order of it: first all that waits is taken out of every line, then what runs is told to end. The other way
round one that is to end as well would be let in by the end of another. Must not know who asked, or how the runs were
found.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsari_like.core.choices import Reason
from dsari_like.core.course import Course
from dsari_like.core.lives import Lives
from dsari_like.core.model import Run


class Cancels:
    """Runs that are wanted to end, in whatever state they are."""

    def __init__(self, lives: Lives, course: Course) -> None:
        self._lives, self._course = lives, course

    def all(self, runs: Iterable[Run], why: str) -> None:
        """These runs, and the items of those that are array runs."""
        runs = [run for run in runs if not run.is_final and run.ending is None]
        arrays = [run for run in runs if run.is_active and run.items is not None]
        runs = [run for run in runs if run not in arrays] + self._stop(arrays, Reason.WHILE_RUNNING, why)
        once = {run.run_id: run for run in runs if not run.is_final and run.ending is None}
        waiting = [run for run in once.values() if not run.is_active]
        self._lives.end_waiting(waiting, why)
        for run in once.values():
            if run.put_off:
                self._course.call_off(run, why)
            elif not run.has_process and run.is_active:
                self._course.stop_flow(run, why)
            elif run.is_active:
                self._course.pulses.forget(run)
                self._lives.endings.request(run, why)
        self._course.settle_arrays()

    def shut_down(self, active: Iterable[Run], grace: float | None) -> None:
        """The daemon takes with it what runs. An array run is one run: what its items still wait for will not be."""
        arrays = [run for run in self._lives.ledger.runs.values() if run.is_active and run.items is not None]
        arrays = [run for run in arrays if run.ending is None]
        items = self._stop(arrays, Reason.SHUTDOWN, "the daemon is stopping")
        self._lives.end_waiting([item for item in items if not item.is_active], "the daemon is stopping")
        self._lives.endings.ask_all(active, grace)
        self._course.settle_arrays()

    def _stop(self, arrays: Iterable[Run], reason: Reason, why: str) -> list[Run]:
        """Nothing more is begun of these. Returns the items that have not ended."""
        items: list[Run] = []
        for array in arrays:
            array.ending, array.message = reason, why
            self._lives.arrays.stop(array)
            self._lives.ledger.note(array, why)
            items += self._lives.arrays.open_items(array)
        return items
