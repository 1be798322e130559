"""Whether a run that failed is tried again by itself, when, and what the new run takes over from the old.

Owns the reading of `retries`, `retry_delay`, `retry_backoff` and `retry_exit_codes`. Must not know how a run is made or
recorded: a retry is a new run like any other, linked to the one before (`retry_of`).
"""

from __future__ import annotations

from dataclasses import replace

from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Job, Run, Trigger

#: A delay that grows without bound would be the same as no retry, and overflow into the bargain (seconds).
LONGEST_DELAY = 7 * 86400.0


def is_due(job: Job, run: Run) -> bool:
    """Whether the job wants this run, which has just ended, to be tried again."""
    if run.state is not RunState.FAILED or run.attempt > job.retries or run.items is not None:
        return False
    code = run.exit.code if run.exit else None
    return not job.retry_exit_codes or code in job.retry_exit_codes


def delay(job: Job, attempt: int) -> float:
    """Seconds to wait after this attempt: longer by the factor `retry_backoff` after each."""
    try:
        return min(job.retry_delay * job.retry_backoff ** (attempt - 1), LONGEST_DELAY)
    except OverflowError:
        return LONGEST_DELAY


def trigger_of(old: Run, kept_id: bool) -> Trigger:
    """Why there is a new run: the old one's own reason, with all it brought along. With `kept_id` the producer who gave
    an `id` is told of the new run from now on; the schedule time was the old one's."""
    trigger = old.trigger
    return replace(
        trigger,
        type="retry",
        label=trigger.label or ("" if trigger.type == "retry" else trigger.type),
        schedule_time=None,
        id=trigger.id if kept_id else None,
    )
