"""How long the runs of a job usually take, and when one of them has lasted longer than that (K-53, K-54).

Owns the mean of the last 20 good runs, of which there must be 3, and the times to come. Must not know who is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from dsari_like.core.model import Run
from dsari_like.core.timetable import Timetable

#: So many good runs count, and so few are too few.
WINDOW, LEAST = 20, 3
_AND = "\n"


class Usual:
    """Durations by job, and the runs that are watched."""

    def __init__(self) -> None:
        self._lasted: dict[str, deque[float]] = {}
        self._watched: dict[str, tuple[Run, str, float]] = {}
        self._times = Timetable()

    def restore(self, durations: Mapping[str, Sequence[float]]) -> None:
        """What earlier runs took, by job, the oldest first."""
        for name, lasted in durations.items():
            self._lasted[name] = deque(lasted, WINDOW)

    def clear(self) -> None:
        """Nothing is watched any more."""
        self._watched, self._times = {}, Timetable()

    def mean(self, job_name: str) -> float | None:
        """How long it usually takes; None when that is not known yet."""
        lasted = self._lasted.get(job_name, ())
        return sum(lasted) / len(lasted) if len(lasted) >= LEAST else None

    def watch(self, run: Run, key: str, over: float) -> None:
        """Tell when it lasts so many percent longer than usual."""
        usual = self.mean(run.job_name)
        if usual is not None and run.start_time is not None:
            self._watched[f"{key}{_AND}{run.run_id}"] = (run, key, usual)
            self._times.set(f"{key}{_AND}{run.run_id}", run.start_time + usual * (1 + over / 100))

    def went_well(self, run: Run) -> None:
        """One more good run."""
        if run.start_time is not None and run.stop_time is not None:
            self._lasted.setdefault(run.job_name, deque(maxlen=WINDOW)).append(run.stop_time - run.start_time)

    def ended(self, run_id: str) -> None:
        """It is over."""
        for key in [key for key in self._watched if key.endswith(_AND + run_id)]:
            del self._watched[key]
            self._times.remove(key)

    def next_deadline(self) -> float | None:
        """When one becomes late."""
        return self._times.next_deadline()

    def pop_due(self, now: float) -> Iterator[tuple[Run, str, float]]:
        """Those that have: the run, the key it is watched under, and how long it usually takes."""
        for name, _ in list(self._times.pop_due(now)):
            yield self._watched.pop(name)
