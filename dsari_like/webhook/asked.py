"""A request as it came: read from the WSGI environment within fixed bounds, and believed in nothing.

Owns the limits of size. Must not know hooks or keys. A `Refused` is told to the sender by its status alone; `why` is
for the operator's log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

#: The largest body that is taken, and the most that is ever read of one.
LARGEST_BODY = 2 * 1024 * 1024
_LARGEST_HEAD = 64 * 1024
_MOST_FIELDS = 200


class Refused(Exception):
    """This request becomes nothing."""

    def __init__(self, status: int, why: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(why)
        self.status, self.headers = status, headers


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; names of headers in small letters."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    remote: str
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """A header's text; one that came twice holds a comma, as servers join them."""
        return self.headers.get(name.lower(), "").strip()


def read_head(wsgi: Mapping[str, Any]) -> Asked:
    """Everything but the body."""
    headers = dict(_headers(wsgi))
    query = wsgi.get("QUERY_STRING", "")
    if sum(len(name) + len(value) for name, value in headers.items()) + len(query) > _LARGEST_HEAD:
        raise Refused(400, "its headers are too long")
    path = _text(wsgi.get("PATH_INFO", ""))
    return Asked(str(wsgi.get("REQUEST_METHOD", "")), path, _query(query), headers, wsgi.get("REMOTE_ADDR", ""))


def read_body(wsgi: Mapping[str, Any]) -> bytes:
    """The whole body, whose length was told beforehand; not a byte of one that is too large."""
    told = str(wsgi.get("CONTENT_LENGTH", ""))
    if wsgi.get("HTTP_TRANSFER_ENCODING") or not told:
        raise Refused(411, "it does not tell the length of its body")
    if not (told.isascii() and told.isdigit() and len(told) <= 12):
        raise Refused(400, "the length of its body is no number")
    if int(told) > LARGEST_BODY:
        raise Refused(413, f"its body is larger than {LARGEST_BODY} bytes")
    body = b"".join(_pieces(wsgi["wsgi.input"], int(told)))
    if len(body) != int(told):
        raise Refused(400, "its body ended early")
    return body


def _pieces(stream: Any, left: int) -> Iterator[bytes]:
    while left > 0:
        piece = stream.read(min(left, 65536))
        if not piece:
            return
        left -= len(piece)
        yield piece


def _headers(wsgi: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in wsgi.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-").lower(), _text(value)
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-").lower(), _text(value)


def _query(text: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refused(400, "its query has too many fields") from None
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def _text(raw: str) -> str:
    """WSGI hands bytes over as Latin-1; they are mostly UTF-8."""
    try:
        return raw.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return raw
