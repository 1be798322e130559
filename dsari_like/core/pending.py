"""What becomes of work that arrives for a job that already has work waiting: the one place that knows the `merge`
rule, the folding of slots (D-63) and that a trigger takes the place of a pending scheduled run (D-40). A step or a task
of a flow is spared by the rule: without it the flow would never get on, so whatever comes waits behind it.

Owns the due but not started runs of each job, in order of arrival. Must not know states, effects or times.
"""

from __future__ import annotations

from dsari_like.core.choices import Merge
from dsari_like.core.model import Job, Run
from dsari_like.core.record import record


@record
class Verdict:
    """What to do with a new arrival: make a run of it unless `into` or `drop`; end the runs in `replaced` first."""

    into: Run | None = None
    drop: bool = False
    replaced: tuple[Run, ...] = ()


class Pending:
    """The waiting runs of all jobs."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, Run]] = {}

    def add(self, run: Run) -> None:
        """The run is due and waits."""
        self._runs.setdefault(run.job_name, {})[run.run_id] = run

    def remove(self, run: Run) -> None:
        """The run waits no more: it was started or ended."""
        runs = self._runs.get(run.job_name)
        if runs is not None:
            runs.pop(run.run_id, None)
            if not runs:
                del self._runs[run.job_name]

    def of(self, job_name: str) -> tuple[Run, ...]:
        """The waiting runs of a job, oldest first."""
        return tuple(self._runs.get(job_name, {}).values())

    def weigh_slot(self, job: Job) -> Verdict:
        """A slot is due: at most one scheduled run of a job waits; with `concurrent_runs` triggered ones do not
        count, for the schedule and the triggers of such a job are independent."""
        for run in self.of(job.name):
            if run.is_scheduled_kind or not job.concurrent_runs:
                return Verdict(into=run)
        return Verdict()

    def weigh_trigger(self, job: Job) -> Verdict:
        """A trigger is due: triggered runs are never thrown away but as the job's `merge` says, and those that a
        flow counts on not even then."""
        if job.concurrent_runs:
            return Verdict()
        scheduled = tuple(run for run in self.of(job.name) if run.is_scheduled_kind)
        triggered = tuple(run for run in self.of(job.name) if not (run.is_scheduled_kind or _is_counted_on(run)))
        if not triggered or job.merge is Merge.QUEUE:
            return Verdict(replaced=scheduled)
        if job.merge is Merge.FOLD:
            return Verdict(into=triggered[-1])
        if job.merge is Merge.REPLACE:
            return Verdict(replaced=scheduled + triggered)
        return Verdict(drop=True)


def _is_counted_on(run: Run) -> bool:
    """Whether a flow, or an array run, would not get on without it: a step, a task, an item, and whatever repeats a run
    of a flow. The trigger of the first run of a flow is one like any other."""
    return run.previous_run_id is not None or (run.flow_id is not None and run.retry_of is not None)
