"""The stages of a run: which is next, and what the end of one means for the whole.

Owns the walk along `stages`. Must not know processes or effects: it changes the fields of the run it is given, and says
what is to be done.
"""

from __future__ import annotations

from dataclasses import replace

from dsari_like.core.choices import OnInterrupt
from dsari_like.core.clauses import Stage, StageRecord
from dsari_like.core.model import Exit, Job, Run


def begin(run: Run, stage: Stage, now: float) -> None:
    """This stage is the one that goes on from now on."""
    reached = next((record.output_end for record in reversed(run.stages) if record.output_end is not None), 0)
    run.stage = stage.name
    run.stages = (*run.stages, StageRecord(stage.name, now, output_start=reached, launch=run.launch))


def end(run: Run, exit_: Exit | None, now: float, output_size: int | None) -> None:
    """The stage that was going on has ended; None when nobody knows how."""
    if run.stages:
        code = exit_.code if exit_ else None
        record = replace(run.stages[-1], stop_time=now, exit_code=code, output_end=output_size)
        run.stages = (*run.stages[:-1], record)


def current(run: Run, job: Job) -> Stage | None:
    """The stage that is going on, as the job defines it; None for a run without stages, or when it has gone."""
    return next((stage for stage in job.stages if stage.name == run.stage), None)


def is_unknown(run: Run, job: Job) -> bool:
    """Whether a run that has stages is one of a job that has not, as nobody can tell any more what it was."""
    return run.stage is not None and current(run, job) is None


def following(run: Run, job: Job) -> Stage | None:
    """The stage after the one that is going on; None after the last."""
    names = [stage.name for stage in job.stages]
    at = names.index(run.stage) + 1 if run.stage in names else len(names)
    return job.stages[at] if at < len(names) else None


def goes_on(run: Run, job: Job, exit_: Exit) -> bool:
    """Whether this end of a stage lets the run go on, or end well."""
    stage = current(run, job)
    return exit_.code == 0 or (stage is not None and stage.continue_on_failure)


def repeats(run: Run, job: Job) -> bool:
    """Whether a stage that was cut off is to be done again."""
    stage = current(run, job)
    return stage is not None and stage.on_interrupt is OnInterrupt.REPEAT


def let_pass(run: Run, job: Job) -> tuple[str, ...]:
    """The stages that failed and were allowed to."""
    lenient = {stage.name for stage in job.stages if stage.continue_on_failure}
    return tuple(record.name for record in run.stages if record.exit_code and record.name in lenient)
