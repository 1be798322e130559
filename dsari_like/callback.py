"""What the code of a callback in the language `python` imports: who it is about, and what it may ask of the daemon.

    from dsari_like import callback
    if callback.run["exit_code"] == 3:
        callback.trigger("clean up", REASON=callback.run["message"])

Owns the reading of `EVENT_JSON`, and the dropping of files as anybody would drop them: what the code may do is what its
user may. Must not know the daemon.
"""

from __future__ import annotations

import json
import os
from typing import Any

from dsari_like.core.verbs import trigger_of
from dsari_like.spool.drop import drop_control, drop_trigger

#: What this process was told when it was started.
_told = os.environ


def _read() -> dict[str, Any]:
    path = _told.get("EVENT_JSON")
    if path is None:
        return {}
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


#: All there is: `name`, `type`, `time`, `item`, `text`, `run`, `self`, `parent`, `callback`.
event: dict[str, Any] = _read()
#: The run that the event happened to; empty where it happened to none.
run: dict[str, Any] = event.get("run") or {}
#: The run of the callback's owner, which `unblock()` and `cancel()` mean where they are not told another.
owner: dict[str, Any] = event.get("self") or {}
#: The name of the job of the event, and the id of the flow it happened in; empty where there is none.
job: str = event.get("job_name") or ""
flow: str = event.get("flow_id") or ""


def trigger(name: str, **environment: object) -> str:
    """Start a job, with these variables. Returns the path of the dropped file."""
    mapping = trigger_of(_told.get("CALLBACK_ID", ""), str(event.get("text", "")))
    mapping["environment"] = {key: str(value) for key, value in environment.items()}
    return drop_trigger(_data_dir(), name, mapping)


def unblock(run_id: str | None = None, reason: str = "") -> str:
    """Release a run that is blocked: the owner's, or the one of this id."""
    return _ask("unblock", run_id, reason)


def cancel(run_id: str | None = None, reason: str = "") -> str:
    """End a run: the owner's, or the one of this id."""
    return _ask("cancel", run_id, reason)


def retry(run_id: str | None = None, reason: str = "") -> str:
    """Run again what has ended: the owner's run, or the one of this id."""
    return _ask("retry", run_id, reason)


def resume(run_id: str | None = None, reason: str = "") -> str:
    """Go on with a run that has timed out: the owner's, or the one of this id."""
    return _ask("resume", run_id, reason)


def pause(name: str | None = None, until: str | float | None = None, reason: str = "") -> str:
    """Let a job rest: the owner's, or the one of this name."""
    mapping: dict[str, Any] = {"action": "pause", "job": name or _told["JOB_NAME"], "reason": _why(reason)}
    return drop_control(_data_dir(), mapping if until is None else {**mapping, "until": until})


def unpause(name: str | None = None) -> str:
    """End the pause of a job: of the owner's, or of the one of this name."""
    return drop_control(_data_dir(), {"action": "unpause", "job": name or _told["JOB_NAME"]})


def skip_next(name: str | None = None, reason: str = "") -> str:
    """Leave out the next time of a schedule: of the owner's job, or of the one of this name."""
    mapping = {"action": "skip_next", "job": name or _told["JOB_NAME"], "reason": _why(reason)}
    return drop_control(_data_dir(), mapping)


def _ask(action: str, run_id: str | None, reason: str) -> str:
    meant = run_id or owner.get("run_id")
    if not meant:
        raise LookupError(f"{action}: there is no run of this callback's owner; name one by its id")
    return drop_control(_data_dir(), {"action": action, "run": meant, "reason": _why(reason)})


def _why(reason: str) -> str:
    return reason or f"by a callback on {event.get('text', 'no event')}"


def _data_dir() -> str:
    return _told["DATA_DIR"]
