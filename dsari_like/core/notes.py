"""What a message says: the event of a callback as a subject and a text, for people in a hurry.

Owns the words. Must not know who is told, or by which way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: What happened, in the words of a subject.
_WORDS = {
    "submit": "was queued",
    "blocked": "is blocked",
    "waiting": "waits",
    "assigned": "starts",
    "running": "started",
    "complete": "completed",
    "warning": "completed with warnings",
    "done": "ended",
    "failed": "failed",
    "killed": "was cancelled",
    "timeout": "ran into a limit",
    "timedout": "gives no sign of life",
    "resumed": "goes on",
    "retry": "is tried again",
    "progress": "reports progress",
}
_TIMES = (("due", "schedule_time"), ("started", "start_time"), ("ended", "stop_time"))


def subject(event: Mapping[str, Any], title: str) -> str:
    """One line without line breaks, whatever the names in it hold."""
    about = event.get("job_name") or "the daemon"
    item = f" item {event['item']}" if event.get("item") and event.get("type") == "work" else ""
    if event.get("type") == "callback":
        words = f"callback {about} failed"
    else:
        words = f"{about}{item} {_WORDS.get(str(event.get('name')), str(event.get('text', '')))}"
    return " ".join(f"[{title}] {words}".split())


def text(event: Mapping[str, Any], base_url: str = "") -> str:
    """What a person wants to know first, line by line."""
    run: Mapping[str, Any] = event.get("run") or {}
    lines = [("event", event.get("text")), ("job", event.get("job_name")), ("run", event.get("run_id"))]
    lines += [(name, run.get(name)) for name in ("status", "reason", "message", "attempt", "description")]
    lines += [("exit code", run.get("exit_code"))]
    lines += [(name, _moment(run.get(key))) for name, key in _TIMES]
    if base_url and run.get("run_id"):
        lines.append(("report", f"{base_url.rstrip('/')}/jobs/{run['job_name']}/{run['run_id']}/index.html"))
    told = [f"{name + ':':<12}{value}" for name, value in lines if value not in (None, "")]
    return "\n".join(told) + "\n"


def _moment(time: Any) -> str | None:
    if not isinstance(time, int | float):
        return None
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
