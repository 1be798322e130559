"""What is kept of a request beside the run: method, path, headers, query and body, within the size of a trigger file.

Owns the form, which the reports read, and what is left out of it: the values of headers and query fields that hold
secrets. A body is kept as text; one that is no text, or too long for it, in base64, compressed where that helps; and
only one that is long and cannot be compressed is cut, with its size and digest to tell.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64encode
from hashlib import sha256
from typing import Any

from dsari_like.core.hooks import Hook
from dsari_like.webhook.asked import Asked

#: What stands in the place of a secret.
LEFT_OUT = "(left out)"
#: Bytes of a trigger file that a body may fill; it holds a mebibyte, and the rest of the request needs some of that.
ROOM = 700 * 1024
_SECRET = re.compile(r"pass|secret|token|key|credential|authori|authenti|cookie|signature", re.IGNORECASE)


def kept(asked: Asked, hook: Hook) -> dict[str, Any]:
    """The request as a value of the trigger file."""
    hidden = {hook.signature_header.lower()}
    return {
        "method": asked.method,
        "path": asked.path,
        "headers": {name: [_open(name, value, hidden)] for name, value in asked.headers.items()},
        "query": {name: [_open(name, value, hidden) for value in values] for name, values in asked.query.items()},
        "size": len(asked.body),
        "sha256": sha256(asked.body).hexdigest(),
        **_body(asked.body),
    }


def _open(name: str, value: str, hidden: set[str]) -> str:
    return LEFT_OUT if name.lower() in hidden or _SECRET.search(name) else value


def _body(body: bytes) -> dict[str, Any]:
    text = _as_text(body)
    if text is not None:
        return {"body": text}
    if len(body) * 4 // 3 < ROOM:
        return {"body_base64": b64encode(body).decode()}
    squeezed = zlib.compress(body, 1)
    if len(squeezed) * 4 // 3 < ROOM:
        return {"body_zlib": b64encode(squeezed).decode()}
    return {"body_base64": b64encode(body[: ROOM * 3 // 4]).decode(), "cut": True}


def _as_text(body: bytes) -> str | None:
    if len(body) > ROOM:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if len(json.dumps(text, ensure_ascii=False).encode()) <= ROOM else None
