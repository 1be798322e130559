"""What a run that is not running waits for, as a sentence, from the run log and the configuration.

Owns these sentences. Must not know where they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from dsari_like.core.model import Configuration, Job
from dsari_like.report.blocked import blocked_sentence
from dsari_like.store.rows import RunRow, mapping_of


def waiting_sentence(run: RunRow, running: Iterable[RunRow], configuration: Configuration, rest: str = "") -> str:
    """What a run that is not running waits for, as far as the run log and the configuration tell. `rest` says that
    its job is paused, if it is: nothing else matters then."""
    job, others = configuration.jobs.get(run.job_name), tuple(running)
    if run.status == "blocked":
        return blocked_sentence(run, configuration)
    if run.status == "scheduled":
        return "It is not due yet."
    if rest:
        return f"It waits because {rest}."
    if job is None:
        return "Its job is no longer configured."
    if run.item is None:
        own = [other.run_id for other in others if other.job_name == run.job_name and other.item is None]
        if own and not job.concurrent_runs:
            return f"It waits for run {own[0]} of the same job to end."
    elif sum(1 for other in others if other.previous_run_id == run.previous_run_id) >= job.items_parallel:
        return f"It waits for another item of run {run.previous_run_id} to end: {job.items_parallel} at once."
    full = _full_group(job, others, configuration) or _full_house(others, configuration)
    return _missing_lock(run, others) or full or "It waits for its turn."


def _missing_lock(run: RunRow, running: Iterable[RunRow]) -> str:
    """Which of its locks are held, by whom and since when."""
    wanted, told = mapping_of(run.locks), []
    for name, mode in wanted.items():
        holders = [other for other in running if _conflicts(mode, mapping_of(other.locks).get(name))]
        if holders:
            since = min((holder.start_time for holder in holders if holder.start_time is not None), default=None)
            long = f" since {_iso(since)}" if since is not None else ""
            told.append(f"lock {name} ({mode}), held by run {_joined(holder.run_id for holder in holders)}{long}")
    if told:
        return f"It waits for {' and '.join(told)}."
    if run.status == "waiting_for_lock":
        return f"It waits for {_joined(f'lock {name} ({mode})' for name, mode in wanted.items())}, behind earlier runs."
    return ""


def _conflicts(wanted: object, held: object) -> bool:
    return held is not None and "exclusive" in (wanted, held)


def _full_group(job: Job, running: Iterable[RunRow], configuration: Configuration) -> str:
    if not job.concurrency_groups:
        return ""
    holders = [other for other in running if other.concurrency_group in job.concurrency_groups]
    size = sum(configuration.groups.get(name, 1) for name in job.concurrency_groups)
    if len(holders) < size:
        return ""
    names = " or ".join(job.concurrency_groups)
    if not holders:
        return f"It waits for {names} to be given slots again: paused by max: 0."
    return f"It waits for a free slot of {names}, held by {_joined(other.job_name for other in holders)}."


def _full_house(running: Iterable[RunRow], configuration: Configuration) -> str:
    limit = configuration.max_running
    if limit is None or sum(1 for _ in running) < limit:
        return ""
    return f"It waits because max_running allows {limit} run{'s' * (limit != 1)} at once."


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
