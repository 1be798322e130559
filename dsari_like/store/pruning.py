"""Retention carried out: which runs go, and in which order everything of one goes.

Owns the order, which holds after a crash at any point: (1) the run directory is set aside by a rename, (2) the rows are
taken out in one transaction that leaves word for the pages, (3) the files are removed a little at a time. What a crash
left between (1) and (2) is put back, what it left after (2) is removed; the pages follow the run log, as they always
do. Must not know when there is time for it: the work is one generator that can be left after each small step.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace

from dsari_like.core.model import Configuration, Job, Retention
from dsari_like.core.retention import Finished, JobJudge, Moment, Sum, Verdict
from dsari_like.core.trust import Trust, at_first, observed
from dsari_like.store.attic import Attic
from dsari_like.store.shelf import SURELY_SETTLED, Shelf

#: Runs removed by one transaction: a commit costs more than what is in it, but nobody should have to wait for it.
BATCH = 32


@dataclass(frozen=True, slots=True)
class Judged:
    """A run and its verdict."""

    run: Finished
    verdict: Verdict


class Selection:
    """Judges runs under one configuration. `measure_all` looks into every run directory, also where no rule asks for
    sizes; `measured` collects the sizes that were not known."""

    def __init__(
        self, configuration: Configuration, shelf: Shelf, attic: Attic, moment: Moment, measure_all: bool = False
    ) -> None:
        self._configuration, self._shelf, self._attic, self._moment = configuration, shelf, attic, moment
        self._measure_all = measure_all
        self._taken: set[str] = set()
        self.measured: list[tuple[int, str]] = []

    def judged(self, jobs: Iterable[str]) -> Iterator[Judged | None]:
        """Verdicts on the runs of these jobs, then what the limit on all jobs together adds: where that has a second
        verdict on a run, it counts. None stands for a rest."""
        for job in jobs:
            if self._measure_all or takes(rules_of(self._configuration, job)):
                yield from self._of_job(job)
            yield None
        if self._configuration.retention.bytes is not None:
            yield from self._of_all(self._configuration.retention.bytes)

    def _of_job(self, job: str) -> Iterator[Judged | None]:
        rules = rules_of(self._configuration, job)
        judge = JobJudge(rules, self._shelf.needed(job), self._moment)
        for run in self._shelf.of_job(job):
            if run is None:
                yield None
                continue
            run = yield from self._with_size(run, self._measure_all or rules.bytes is not None)
            yield self._noted(Judged(run, judge.verdict(run)))

    def _of_all(self, limit: int) -> Iterator[Judged | None]:
        total = Sum(limit, self._moment)
        needed: dict[str, dict[str, str]] = {}
        for run in self._shelf.of_all():
            if run is None:
                yield None
            elif run.run_id not in self._taken and not keeps_all(self._configuration.jobs.get(run.job_name)):
                run = yield from self._with_size(run, True)
                total.add(run.size)
                if total.exceeded:
                    if run.job_name not in needed:
                        needed[run.job_name] = self._shelf.needed(run.job_name)
                    rules = rules_of(self._configuration, run.job_name)
                    yield self._noted(Judged(run, total.verdict(run, rules, needed[run.job_name])))

    def _noted(self, judged: Judged) -> Judged:
        if judged.verdict.taken:
            self._taken.add(judged.run.run_id)
        return judged

    def _with_size(self, run: Finished, wanted: bool) -> Generator[None, None, Finished]:
        if run.size >= 0:
            return run
        size = 0
        if wanted:
            size = yield from self._attic.size(run.job_name, run.run_id)
            for item in self._shelf.items_of(run.run_id):
                size += 0 if item is None else (yield from self._attic.size(item.job_name, item.run_id))
                yield
            self.measured.append((size, run.run_id))
        return replace(run, size=size)


class Pruner:
    """Removes what the rules take. `say` is told what cannot be removed, once each."""

    def __init__(self, shelf: Shelf, attic: Attic, say: Callable[[str], None]) -> None:
        self._shelf, self._attic, self._say = shelf, attic, say
        self._said: set[str] = set()
        self.removed = 0

    def work(self, configuration: Configuration, moment: Moment, job: str | None = None) -> Iterator[None]:
        """Apply retention to a job or to all, resting after every small step. Raises sqlite3.Error and OSError for
        weather: whoever begins again goes on where this ended."""
        self.removed = 0
        yield from self.tidy()
        selection = Selection(configuration, self._shelf, self._attic, moment)
        batch: list[Finished] = []
        for judged in selection.judged(self._jobs(configuration, job)):
            if judged is not None and judged.verdict.taken and job in (None, judged.run.job_name):
                for run in self._with_items(judged.run):
                    batch.append(run)
                    if len(batch) >= BATCH:
                        yield from self.remove(batch, moment.wall)
                        batch = []
            if len(selection.measured) >= BATCH:
                self._keep_sizes(selection)
            yield
        self._keep_sizes(selection)
        yield from self.remove(batch, moment.wall)
        if moment.believed:
            yield from self._forget_decisions(configuration, moment.wall)

    def tidy(self) -> Iterator[None]:
        """What was set aside when everything ended: back to its place if the rows are there, else away."""
        for name in self._attic.left():
            job = self._shelf.job_of(name)
            if job is not None:
                self._attic.put_back(job, name)
            yield
        yield from self._cleared()

    def remove(self, runs: Iterable[Finished], wall: float) -> Iterator[None]:
        """Remove these runs, unless one is needed by now. The first step ends when the rows are gone."""
        runs = list(runs)
        free = self._shelf.still_free([run.run_id for run in runs])
        aside = [run.run_id for run in runs if run.run_id in free and self._set_aside(run)]
        if aside:
            self._attic.sync()
            self._shelf.forget(aside, wall)
            self.removed += len(set(aside) - {run.run_id for run in runs if run.is_item})
            yield
            yield from self._cleared()

    def _with_items(self, run: Finished) -> Iterator[Finished]:
        """The items of an array run go before it: whoever ends in between finds it as it was judged, and goes on."""
        is_free = True
        for item in self._shelf.items_of(run.run_id):
            if item is None:
                is_free = bool(self._shelf.still_free([run.run_id]))
            elif is_free:
                yield item
        yield run

    def _jobs(self, configuration: Configuration, job: str | None) -> Iterable[str]:
        """The limit on all jobs together counts what the rules of every job leave."""
        return self._shelf.jobs() if job is None or configuration.retention.bytes is not None else (job,)

    def _set_aside(self, run: Finished) -> bool:
        why_not = self._attic.set_aside(run.job_name, run.run_id)
        if why_not is not None:
            self._tell(f"cannot remove runs of {run.job_name!r}: {why_not}; they are left where they are")
        return why_not is None

    def _cleared(self) -> Iterator[None]:
        yield from self._attic.clear()
        problems, self._attic.problems = self._attic.problems, []
        for problem in problems:
            self._tell(problem)

    def _forget_decisions(self, configuration: Configuration, wall: float) -> Iterator[None]:
        """Decisions outlive their runs up to `age`: they still tell what became of an instant or a trigger."""
        for job in self._shelf.decided_jobs():
            age = rules_of(configuration, job).age
            while age is not None and self._shelf.forget_decisions(job, wall - max(age, SURELY_SETTLED)):
                yield
            yield
        self._shelf.forget_word(wall)

    def _keep_sizes(self, selection: Selection) -> None:
        sizes, selection.measured = selection.measured, []
        if sizes:
            self._shelf.remember_sizes(sizes)

    def _tell(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)


def rules_of(configuration: Configuration, name: str) -> Retention:
    """The rules for a job: its own in place of the top level's. A job that is not configured any more has none of its
    own; and `bytes` of the top level is for all jobs together, so it is no rule of any one."""
    job = configuration.jobs.get(name)
    if job is not None and job.retention is not None:
        return job.retention
    return replace(configuration.retention, bytes=None)


def keeps_all(job: Job | None) -> bool:
    """True for a job that says `retention: {}`. It is not counted in the limit on all jobs either: its runs would push
    out those of the others, and never go themselves."""
    return job is not None and job.retention == Retention()


def takes(rules: Retention) -> bool:
    """Whether the rules can take anything."""
    return rules.age is not None or rules.count is not None or rules.bytes is not None


def applies(configuration: Configuration) -> bool:
    """Whether any rule of the configuration can take anything."""
    own = (job.retention for job in configuration.jobs.values() if job.retention is not None)
    return takes(configuration.retention) or any(map(takes, own))


def look_at_clock(shelf: Shelf, last: Trust | None, wall: float, elapsed: float) -> Trust:
    """How far the clock is believed now; `last` is None after a start, when nobody has watched it."""
    if last is not None:
        return observed(last, wall, elapsed)
    kept = shelf.trust()
    return observed(kept, wall, 0.0) if kept is not None else at_first(wall, shelf.newest_time())
