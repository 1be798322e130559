"""From the fields of a request to the parameters of a job: text, and nothing that is ever run.

Owns how a body is read and how a path leads through it. Must not know which parameters a job has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from dsari_like.core.hooks import Hook, Source
from dsari_like.webhook.asked import Asked, Refused

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1000
_NOTHING: Any = object()


def parameters(hook: Hook, asked: Asked) -> dict[str, str]:
    """What the hook maps, as far as the request has it; a body is read only when something of it is wanted."""
    wanted = any(source.part == "body" for source in hook.map.values())
    body = _parsed(asked) if wanted else None
    found = {name: _value(source, asked, body) for name, source in hook.map.items()}
    return {name: text for name, text in found.items() if text is not None}


def _value(source: Source, asked: Asked, body: Any) -> str | None:
    if source.part == "headers":
        return asked.headers.get(source.path[0].lower())
    if source.part == "query":
        return asked.query.get(source.path[0], (None,))[0]
    return _text(_followed(body, source.path))


def _parsed(asked: Asked) -> Any:
    """JSON, or the fields of a form; anything else has no fields to map."""
    try:
        text = asked.body.decode()
        if asked.header("Content-Type").partition(";")[0].strip().lower() == _FORM:
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "its body is neither JSON nor a form, and fields of it are mapped") from None


def _followed(value: Any, path: tuple[str, ...]) -> Any:
    """Along the names and numbers of a path; text on the way that holds JSON is entered, as forms carry it."""
    for step in path:
        if isinstance(value, str):
            value = _entered(value)
        if isinstance(value, Mapping):
            value = value.get(step, _NOTHING)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else _NOTHING
        else:
            return _NOTHING
    return value


def _entered(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _text(value: Any) -> str | None:
    """As a variable holds it: text as it is, everything else as JSON writes it; null is as good as nothing."""
    if value is _NOTHING or value is None:
        return None
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise Refused(400, "a field that is mapped is nested too deeply") from None
