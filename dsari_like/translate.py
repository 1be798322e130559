"""From a file that was found in the spool to an input of the engine.

Owns the questions that take both the configuration and the run log: is there such a job, was this claim recorded
before a crash, whose is this `id`. Must not decide anything: a refusal is an input like any other.
"""

from __future__ import annotations

import functools
import os
import pwd
from dataclasses import replace

from dsari_like import requests
from dsari_like.config import plans
from dsari_like.core import messages as m
from dsari_like.core.choices import DropRights, Outcome
from dsari_like.core.happenings import DEPTH
from dsari_like.core.model import Configuration, Job, Trigger
from dsari_like.core.names import is_trigger_id
from dsari_like.core.request import CALLBACK, read_trigger
from dsari_like.errors import TriggerError
from dsari_like.spool.inbox import Found
from dsari_like.store.calls import depth_of_call
from dsari_like.store.runlog import RunLog

Message = m.TriggerArrived | m.TriggerRefused | m.AlreadyRecorded | requests.Message


def translate(found: Found, configuration: Configuration, runlog: RunLog, now: m.Now) -> Message:
    """What the engine is told of a claimed file."""
    claim = found.claim
    known = runlog.answer_of(claim.token) if found.kind == "control" else runlog.outcome_of(claim.token)
    if known is not None:
        return m.AlreadyRecorded(claim, known[1] if known[0] == Outcome.REFUSED.value else None)
    try:
        if found.exposed and configuration.drop_rights is DropRights.STRICT:
            remedy = "take that right away with chmod o-w, or allow it with drop_rights: open"
            raise TriggerError([f"it lay in {found.exposed}, where everybody may drop files; {remedy}"])
        if found.problem is not None:
            raise TriggerError([f"the file {found.problem}"])
        if found.kind == "control":
            return requests.read(found.data, claim, configuration, runlog, now, _user(claim.uid))
        return _trigger(found, requests.job_of(configuration, claim.name), configuration, runlog, now)
    except TriggerError as error:
        secrets, trigger_id = configuration.secrets, _id_of(found.data)
        if trigger_id is not None and runlog.answer_to(trigger_id) is not None:
            trigger_id = None  # it belongs to a run, whose receipt it stays
        return m.TriggerRefused(claim, secrets.text(str(error), more=secrets.within(found.data)), trigger_id)


def _trigger(found: Found, job: Job, configuration: Configuration, runlog: RunLog, now: m.Now) -> m.TriggerArrived:
    claim = found.claim
    zone = plans.zone(job.schedule_timezone or configuration.timezone)
    trusted = claim.uid in (0, os.geteuid())
    trigger = read_trigger(found.data, job, zone, now.wall, trusted, requests.zone_or_none, configuration.secrets)
    origin = {
        "file": claim.file_name,
        "path": f"{configuration.data_dir}/trigger/{claim.name}/{claim.file_name}",
        "uid": claim.uid,
        "user": _user(claim.uid),
        "size": found.size,
        "sha256": found.digest,
        "time": claim.received,
        **(_caller(trigger, runlog) if trigger.type == CALLBACK else {}),
    }
    known = runlog.answer_to(trigger.id) if trigger.id else None
    return m.TriggerArrived(claim, replace(trigger, origin=origin), known)


def _caller(trigger: Trigger, runlog: RunLog) -> dict[str, object]:
    """Which call of a callback dropped it, and how many callbacks stand behind the run with that: who claims to be one
    must know the id of one that there was."""
    callback_id = str(trigger.data["callback_id"])
    depth = depth_of_call(runlog.connection, callback_id)
    if depth is None:
        raise TriggerError([f"callback_id: there is no call of a callback with the id {callback_id[:60]!a}"])
    return {"callback_id": callback_id, DEPTH: depth}


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
