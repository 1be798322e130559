"""What a callback is told: the event, the runs it is about, and the callback itself, as one map of plain data.

Owns its keys, which the manual lists. Nothing of a run's variables is in it: they may be secret, and are in the
environment of the call where its owner has them. Must not know how it is handed over.
"""

from __future__ import annotations

from typing import Any

from dsari_like.core.model import Run
from dsari_like.core.reactions import Callback, Event


def mapping_of(event: Event, owner: Run | None, callback: Callback, callback_id: str, count: int) -> dict[str, Any]:
    """The event as `EVENT_JSON` holds it. `self` is the owner's run, `parent` the run that started that one."""
    return {
        "text": str(event),
        "name": event.name,
        "type": event.type.value,
        "time": event.time,
        "run_id": event.run_id or None,
        "job_name": event.job_name or None,
        "flow_id": event.flow_id or None,
        "item": event.item,
        "run": None if event.run is None else facts_of(event.run),
        "self": None if owner is None else facts_of(owner),
        "parent": None if owner is None or not owner.previous_run_id else {"run_id": owner.previous_run_id},
        "callback": {"id": callback_id, "name": callback.key, "triggers": callback.triggers, "count": count},
    }


def facts_of(run: Run) -> dict[str, Any]:
    """A run as it is now."""
    return {
        "run_id": run.run_id,
        "job_name": run.job_name,
        "status": run.state.value,
        "reason": run.reason.value if run.reason else None,
        "exit_code": run.exit.code if run.exit else None,
        "message": run.message,
        "schedule_time": run.schedule_time,
        "queue_time": run.queue_time,
        "start_time": run.start_time,
        "stop_time": run.stop_time,
        "trigger_type": run.trigger.type,
        "description": run.trigger.description,
        "flow_id": run.flow_id,
        "previous_run_id": run.previous_run_id,
        "retry_of": run.retry_of,
        "attempt": run.attempt,
        "item": run.item,
    }
