"""The request that a webhook made a trigger of, as lines for people; what pages and `show` tell of it.

Owns which part of a body is shown: one that is a map or list of JSON, whose secrets can be found by their names, and
of bearable length; any other is left where it was kept. Must not know how lines are shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard
from urllib.parse import quote, urlencode

from dsari_like.core.secrets import ALWAYS
from dsari_like.store.reader import RunRow

#: Bytes of a body that are read for a page; a longer one is seldom read by anybody.
_LONGEST = 64 * 1024
_KEPT = ("body", "body_base64", "body_zlib")
WHERE = "trigger_data.json of the run's directory"


def without_body(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger as it is shown: text of a body is JSON in JSON, in which nobody finds or hides anything."""
    request = trigger.get("request")
    if not isinstance(request, Mapping):
        return dict(trigger)
    return {**trigger, "request": {key: value for key, value in request.items() if key not in _KEPT}}


def sender(run: RunRow) -> str:
    """`push, proved by the key ci, from 192.0.2.1`; empty when no webhook dropped it."""
    found = run.trigger.get("webhook")
    if run.trigger_type != "webhook" or not isinstance(found, Mapping):
        return ""
    parts = (("", "hook"), (", proved by the key ", "verified_by"), (", from ", "from"))
    return "".join(f"{word}{found[key]}" for word, key in parts if isinstance(found.get(key), str) and found[key])


def request_lines(run: RunRow) -> list[str]:
    """What was asked, with which headers and body; empty when no webhook dropped it."""
    request = run.trigger.get("request")
    if run.trigger_type != "webhook" or not isinstance(request, Mapping):
        return []
    return [_first(request), *_headers(request), "", *_body(request)]


def _first(request: Mapping[str, Any]) -> str:
    query = request.get("query")
    pairs = [(name, value) for name, values in query.items() for value in values] if _is_lists(query) else []
    return f"{request.get('method')} {quote(str(request.get('path')))}{'?' + urlencode(pairs) if pairs else ''}"


def _headers(request: Mapping[str, Any]) -> Iterator[str]:
    headers = request.get("headers")
    for name, values in headers.items() if _is_lists(headers) else ():
        yield from (f"{name}: {value}" for value in values)


def _is_lists(value: Any) -> TypeGuard[Mapping[str, list[Any]]]:
    return isinstance(value, Mapping) and all(isinstance(one, list) for one in value.values())


def _body(request: Mapping[str, Any]) -> list[str]:
    size = request.get("size")
    found = _read(request) if isinstance(size, int) and size <= _LONGEST else None
    if isinstance(found, dict | list):
        return json.dumps(ALWAYS.data(found), ensure_ascii=False, indent=2).splitlines()
    cut = ", of which the beginning is kept" if request.get("cut") else ""
    return [f"a body of {size} bytes{cut}, in {WHERE}"] if size else ["no body"]


def _read(request: Mapping[str, Any]) -> Any:
    """The body as JSON; what it says of itself is not believed, for another dropper may say it too."""
    try:
        return json.loads(request["body"][:_LONGEST])
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
