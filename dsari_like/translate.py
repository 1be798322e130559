"""From a file that was found in the spool to an input of the engine.

Owns the questions that take both the configuration and the run log: is there such a job, was this claim recorded
before a crash, whose is this `id`. Must not decide anything: a refusal is an input like any other.
"""

from __future__ import annotations

import difflib
import functools
import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import tzinfo

from dsari_like.config import plans
from dsari_like.config.checks import Unfit
from dsari_like.core import messages as m
from dsari_like.core.choices import Outcome
from dsari_like.core.model import ALL_JOBS, Configuration, Job, Pause, SkipNext
from dsari_like.core.names import is_trigger_id
from dsari_like.core.request import Control, read_control, read_trigger
from dsari_like.core.when import read_when
from dsari_like.errors import TriggerError
from dsari_like.spool.inbox import Found
from dsari_like.store.runlog import RunLog

Message = (
    m.TriggerArrived
    | m.TriggerRefused
    | m.AlreadyRecorded
    | m.CancelAsked
    | m.PruneAsked
    | m.PauseAsked
    | m.UnpauseAsked
    | m.SkipNextAsked
)


def translate(found: Found, configuration: Configuration, runlog: RunLog, now: m.Now) -> Message:
    """What the engine is told of a claimed file."""
    claim = found.claim
    known = runlog.outcome_of(claim.token)
    if known is not None:
        return m.AlreadyRecorded(claim, known[1] if known[0] == Outcome.REFUSED.value else None)
    try:
        if found.problem is not None:
            raise TriggerError([f"the file {found.problem}"])
        if found.kind == "control":
            return _control(found, configuration, now)
        return _trigger(found, _job(configuration, claim.name), configuration, runlog, now)
    except TriggerError as error:
        return m.TriggerRefused(claim, str(error), _id_of(found.data))


def _trigger(found: Found, job: Job, configuration: Configuration, runlog: RunLog, now: m.Now) -> m.TriggerArrived:
    claim = found.claim
    zone = plans.zone(job.schedule_timezone or configuration.timezone)
    trusted = claim.uid in (0, os.geteuid())
    trigger = read_trigger(found.data, job, zone, now.wall, trusted, _zone_or_none)
    origin = {
        "file": claim.file_name,
        "path": f"{configuration.data_dir}/trigger/{claim.name}/{claim.file_name}",
        "uid": claim.uid,
        "user": _user(claim.uid),
        "size": found.size,
        "sha256": found.digest,
        "time": claim.received,
    }
    known = runlog.answer_to(trigger.id) if trigger.id else None
    return m.TriggerArrived(claim, replace(trigger, origin=origin), known)


def _job(configuration: Configuration, name: str) -> Job:
    job = configuration.jobs.get(name)
    if job is None:
        close = difflib.get_close_matches(name, configuration.jobs, 1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise TriggerError([f"there is no job '{name}' in the configuration{hint}"])
    return job


def _control(found: Found, configuration: Configuration, now: m.Now) -> Message:
    """The requests this version can carry out; every other one is refused by its name."""
    request = read_control(found.data)
    make = _REQUESTS.get(request.action)
    if make is None:
        raise TriggerError([f"action: this version knows {', '.join(sorted(_REQUESTS))}; found '{request.action}'"])
    return make(found, request, configuration, now)


def _cancel(found: Found, request: Control, configuration: Configuration, now: m.Now) -> Message:
    if set(request.arguments) - {"run", "reason"} or "run" not in request.arguments:
        raise TriggerError(["cancel: this version cancels one run, given as 'run'"])
    return m.CancelAsked(found.claim, request.arguments["run"], _reason(request), request.id)


def _prune(found: Found, request: Control, configuration: Configuration, now: m.Now) -> Message:
    return m.PruneAsked(found.claim, request.arguments.get("job"), request.id)


def _pause(found: Found, request: Control, configuration: Configuration, now: m.Now) -> Message:
    name, until = _rested(request, configuration), request.arguments.get("until")
    if until is not None:
        job = configuration.jobs.get(name)
        zone = plans.zone((job.schedule_timezone if job else "") or configuration.timezone)
        try:
            until = read_when(until, zone, _zone_or_none, now.wall)
        except ValueError as error:
            raise TriggerError([f"until: {error}"]) from None
        if until <= now.wall:
            raise TriggerError(["until: expected a time to come, found one that has passed"])
    return m.PauseAsked(found.claim, Pause(name, now.wall, until, _reason(request)), request.id)


def _unpause(found: Found, request: Control, configuration: Configuration, now: m.Now) -> Message:
    """Of any name: a job that was removed from the configuration may be paused still, and come back."""
    return m.UnpauseAsked(found.claim, request.arguments.get("job", ALL_JOBS), request.id)


def _skip_next(found: Found, request: Control, configuration: Configuration, now: m.Now) -> Message:
    job = _job(configuration, request.arguments["job"])
    if not job.schedule:
        raise TriggerError([f"job {job.name} has no schedule, so there is no slot to leave out"])
    return m.SkipNextAsked(found.claim, SkipNext(job.name, now.wall, _reason(request)), request.id)


def _rested(request: Control, configuration: Configuration) -> str:
    """The job a pause is for; all of them when none is named."""
    name = request.arguments.get("job")
    return ALL_JOBS if name is None else _job(configuration, name).name


def _reason(request: Control) -> str:
    return str(request.arguments.get("reason", ""))


_REQUESTS: Mapping[str, Callable[[Found, Control, Configuration, m.Now], Message]] = {
    "cancel": _cancel,
    "prune": _prune,
    "pause": _pause,
    "unpause": _unpause,
    "skip_next": _skip_next,
}


def _id_of(data: object) -> str | None:
    """The `id` of a refused file, if it has one that can name a receipt."""
    value = data.get("id") if isinstance(data, dict) else None
    return value if isinstance(value, str) and is_trigger_id(value) else None


@functools.lru_cache(maxsize=64)
def _user(uid: int) -> str:
    """Asked once: users do not change their names, and the question costs more than the rest of a trigger."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _zone_or_none(name: str) -> tzinfo | None:
    try:
        return plans.zone(name)
    except Unfit:
        return None
