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
    "recovered": "has recovered",
    "completed": "completed",
    "started": "started",
    "late": "runs longer than usual",
    "missed": "missed its time",
    "timed_out": "gives no sign of life, or ran into its limit",
}
_TIMES = (("due", "schedule_time"), ("started", "start_time"), ("ended", "stop_time"))


def subject(event: Mapping[str, Any], title: str) -> str:
    """One line without line breaks, whatever the names in it hold."""
    if event.get("notices"):
        return " ".join(f"[{title}] {_number(event)} notices, first: {subject(event['notices'][0], '')[3:]}".split())
    about = event.get("job_name") or "the daemon"
    item = f" item {event['item']}" if event.get("item") and event.get("type") == "work" else ""
    if event.get("type") == "callback":
        words = f"callback {about} failed"
    else:
        words = f"{about}{item} {_WORDS.get(str(event.get('name')), str(event.get('text', '')))}"
    return " ".join(f"[{title}] {words}".split())


def text(event: Mapping[str, Any], base_url: str = "") -> str:
    """What a person wants to know first, line by line."""
    if event.get("notices"):
        parts = [f"{subject(one, '')[3:]}\n{text(one, base_url)}" for one in event["notices"]]
        more = event.get("left_out", 0)
        return "\n".join([*parts, f"and {more} more\n"] if more else parts)
    run: Mapping[str, Any] = event.get("run") or {}
    lines = [("event", event.get("text")), ("job", event.get("job_name")), ("run", event.get("run_id"))]
    lines += [(name, run.get(name)) for name in ("status", "reason", "message", "attempt", "description")]
    lines += [("exit code", run.get("exit_code"))]
    lines += [(name, _moment(run.get(key))) for name, key in _TIMES]
    if base_url and run.get("run_id"):
        lines.append(("report", f"{base_url.rstrip('/')}/jobs/{run['job_name']}/{run['run_id']}/index.html"))
    lines += _of_notice(event.get("notice") or {})
    told = [f"{name + ':':<12}{value}" for name, value in lines if value not in (None, "")]
    return "\n".join(told) + "\n"


def _of_notice(notice: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What is known beyond the run itself."""
    first: Mapping[str, Any] = notice.get("first") or {}
    usual, count = notice.get("usual"), notice.get("in_a_row")
    return [
        ("in a row", count if count != 1 else None),
        ("since", _moment(notice.get("since"))),
        ("first", f"{first['name']}, run {first['run_id']}" if first else None),
        ("holds back", ", ".join(notice.get("holds_back") or ())),
        ("usually", None if usual is None else f"{usual:.0f} s"),
        ("so far", None if usual is None else f"{notice.get('lasted', 0):.0f} s"),
        ("due", _moment(notice.get("schedule_time"))),
        ("reason", notice.get("reason")),
    ]


def _number(event: Mapping[str, Any]) -> int:
    return len(event["notices"]) + int(event.get("left_out", 0))


def _moment(time: Any) -> str | None:
    if not isinstance(time, int | float):
        return None
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
