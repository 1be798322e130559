"""A forecast: the engine itself, driven through the coming hours with durations that are known from the past.

Owns the course of imagined time: every run ends when its usual time has passed, nothing else arrives, and no clock is
set. Nothing of what the engine says is carried out. So the answer follows the same limits, blackouts and pauses as the
daemon, and cannot come to differ from it. Must not know where durations are from, or how a forecast is shown.
"""

from __future__ import annotations

import heapq
import itertools
import math
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dsari_like.core import messages as m
from dsari_like.core.admission import WaitReason
from dsari_like.core.choices import Outcome
from dsari_like.core.engine import Engine
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Decision, Exit, Job, ProcessIdentity, Run
from dsari_like.core.record import record

#: Runs, and decisions that make none, that are looked at; a job that is due every second has 86,400 in a day.
MOST = 10_000
#: Steps at one instant: more than this is no progress any more.
_STUCK = 10_000
#: So many items cost no more patience than one run: an array run is told in a line.
_ITEMS_A_RUN = 10
_WELL, _NOBODY = Exit(0), ProcessIdentity(0, 0, "")

#: What a run that does not exist yet is called.
EXPECTED = "expected-"


@dataclass(slots=True)
class Foreseen:
    """One run: when it is due, starts and ends, as far as can be foreseen; None is not before the end."""

    run_id: str
    job_name: str
    trigger_type: str
    due: float
    start: float | None = None
    end: float | None = None
    waits: WaitReason | None = None  # what kept it from starting when it was due
    after: str = ""  # the run whose end let it start
    cause: str = ""  # why it will end another way than by itself

    @property
    def waited(self) -> float:
        """Seconds between due and start; 0 while it has not started."""
        return max(0.0, self.start - self.due) if self.start is not None else 0.0


@record
class Forecast:
    """Runs in the order in which they become due, and decisions about slots that make no run of their own."""

    runs: tuple[Foreseen, ...]
    decisions: tuple[Decision, ...]
    until: float  # what comes later was not looked at
    stopped: bool = False  # there was more than MOST of it before the end


@dataclass(slots=True)
class _Course:
    engine: Engine
    duration_of: Callable[[str], float]
    now: float
    runs: dict[str, Foreseen] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    ends: list[tuple[float, int, str, Exit]] = field(default_factory=list)  # a heap
    last: dict[str, float] = field(default_factory=dict)  # when each active run ends; the heap keeps what is no more
    order: itertools.count[int] = field(default_factory=itertools.count)
    items: dict[str, Foreseen] = field(default_factory=dict)  # parts of array runs, which are not told one by one
    totals: dict[str, int] = field(default_factory=dict)  # how many items each array run has

    def begin(self, configured: m.Configured) -> None:
        """The state of things now."""
        for run in configured.restored:
            self._notice(run)
        self.tell(configured)
        for run in configured.restored:
            if run.is_active and run.has_process and not run.put_off:
                self.tell(m.Started(run.run_id, _NOBODY))
                begun = self.now if run.start_time is None else run.start_time
                job = configured.configuration.jobs.get(run.job_name) or Job(run.job_name, ())
                self._end_at(run.run_id, max(self.now, begun + self._takes(run, job)))
            elif run.run_id in self.engine.runs:
                self._ask_why(run.run_id)

    def tell(self, message: m.Input) -> None:
        """One input; its effects are noted instead of carried out."""
        ended = message.run_id if isinstance(message, m.ChildExited) else ""
        waiting: list[str] = []
        started: list[str] = []
        for effect in self.engine.handle(message, m.Now(self.now, self.now)):
            match effect:
                case m.SaveRun(run=run):
                    self._notice(run)
                    waiting += [run.run_id] if run.state is RunState.QUEUED else []
                case m.Decide(decision=decision) if decision.outcome is not Outcome.STARTED:
                    self.decisions.append(decision)
                case m.Start(run=run):
                    self._start(run, effect.job, ended)
                    started.append(run.run_id)
                case m.Signal(number=signal.SIGTERM):
                    self._of(effect.run_id).cause = effect.why
                    self._end_at(effect.run_id, self.now, Exit(128 + effect.number, effect.number))
        for run_id in started:
            self.tell(m.Started(run_id, _NOBODY))
        for run_id in waiting:
            self._ask_why(run_id)

    def next(self) -> float:
        """The next instant at which anything happens."""
        nap = self.engine.next_deadline(m.Now(self.now, self.now))
        while self.ends and self.last.get(self.ends[0][2]) != self.ends[0][0]:
            heapq.heappop(self.ends)
        end = self.ends[0][0] if self.ends else math.inf
        return min(end, math.inf if nap is None else self.now + nap)

    def step(self, time: float) -> None:
        """As the loop does it: what has ended comes before what is due."""
        self.now = time
        while self.ends and self.ends[0][0] <= time:
            end, _, run_id, how = heapq.heappop(self.ends)
            if self.last.get(run_id) == end:
                del self.last[run_id]
                self.tell(m.ChildExited(run_id, how, time))
        self.tell(m.TimePassed())

    def _notice(self, run: Run) -> None:
        place = self.runs if run.item is None else self.items
        found = place.get(run.run_id)
        if found is None:
            found = Foreseen(run.run_id, run.job_name, run.trigger.type, run.schedule_time, run.start_time)
            place[run.run_id] = found
        found.due = run.schedule_time  # the end of a blackout may turn out to be another
        if run.items is not None:
            self.totals[run.run_id] = run.items.total
        if not run.has_process:  # it is made of others, which begin and end in its place
            found.start, found.end = run.start_time, run.stop_time
        if run.is_final and run.start_time is None:
            found.cause = run.message

    def _start(self, run: Run, job: Job, ended: str) -> None:
        found = self._of(run.run_id)
        if found.start is None:
            found.start, found.after = self.now, ended if found.waits is not None else ""
        self._end_at(run.run_id, self.now + self._takes(run, job))

    def _takes(self, run: Run, job: Job) -> float:
        """How long a process takes: what is known is how long whole runs take, with all stages, or all items."""
        whole = max(0.0, self.duration_of(run.job_name))
        if run.item is not None:
            return whole / max(1, math.ceil(self.totals.get(run.previous_run_id or "", 1) / job.items_parallel))
        return whole / max(1, len(job.stages))

    def _of(self, run_id: str) -> Foreseen:
        return self.runs.get(run_id) or self.items[run_id]

    def _end_at(self, run_id: str, time: float, how: Exit = _WELL) -> None:
        self._of(run_id).end = self.last[run_id] = time
        heapq.heappush(self.ends, (time, next(self.order), run_id, how))

    def _ask_why(self, run_id: str) -> None:
        found = self._of(run_id)
        if found.start is None and found.waits is None:
            found.waits = self.engine.why(run_id)


def forecast(
    configured: m.Configured, now: float, until: float, duration_of: Callable[[str], float], most: int = MOST
) -> Forecast:
    """What will be from `now` until then, if every run of a job takes as long as `duration_of` says.

    `configured` is what a daemon that starts now would be told; with `reload`, one that is there already.
    """
    numbers = itertools.count(1)
    course = _Course(Engine(lambda: f"{EXPECTED}{next(numbers)}"), duration_of, now)
    course.begin(configured)
    stuck, most = 0, most + len(configured.restored)
    while (time := course.next()) <= until and _size(course) < most and stuck < _STUCK:
        stuck = stuck + 1 if time <= course.now else 0
        course.step(time)
    stopped = time <= until
    runs = sorted(_within(course.runs.values(), until), key=lambda one: one.due)
    return Forecast(tuple(runs), tuple(course.decisions), course.now if stopped else until, stopped)


def _size(course: _Course) -> int:
    return len(course.runs) + len(course.decisions) + len(course.items) // _ITEMS_A_RUN


def _within(runs: Iterable[Foreseen], until: float) -> Iterable[Foreseen]:
    """A trigger for next week waits already, but is no part of the coming day."""
    return (run for run in runs if run.due <= until)
