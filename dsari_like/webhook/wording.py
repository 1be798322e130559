"""What a sender is told: a status, and one line that tells a stranger nothing.

Owns the answers. Must not know why something was refused.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from dsari_like.core.hooks import Hook
from dsari_like.webhook.asked import Asked, Refused

_LONGEST_CHALLENGE = 1024
_WITHOUT_BODY = (204, 205)
_PLAIN = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"),
          ("Cache-Control", "no-store"))  # fmt: skip


class Answer(NamedTuple):
    """One response."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = _PLAIN

    @property
    def status_line(self) -> str:
        """`202 Accepted`."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return f"{self.status} OK"


def refusal(status: int, more: tuple[tuple[str, str], ...] = ()) -> Answer:
    """The same words for everybody who gets this status."""
    return Answer(status, f"{HTTPStatus(status).phrase.lower()}\n".encode(), (*_PLAIN, *more))


def success(hook: Hook, taken_as: str) -> Answer:
    """What the hook is configured to say; else under which id the request was taken, as its receipt is called."""
    body = f"taken as {taken_as}\n" if hook.response.body is None else hook.response.body
    status = hook.response.status
    return Answer(status, b"" if status in _WITHOUT_BODY else body.encode(), _headers(hook))


def verified(hook: Hook, asked: Asked) -> Answer:
    """The answer to a GET: the challenge back, where the hook has one. It never starts anything."""
    field = hook.response.challenge
    if field is None:
        return Answer(200, (hook.response.body or "ready\n").encode(), _headers(hook))
    given = asked.query.get(field, ())
    if len(given) != 1 or not given[0].isprintable() or not 0 < len(given[0]) <= _LONGEST_CHALLENGE:
        raise Refused(400, f"hook '{hook.name}': a challenge that cannot be given back")
    return Answer(200, given[0].encode("utf-8", "replace"), _PLAIN)


def _headers(hook: Hook) -> tuple[tuple[str, str], ...]:
    own = {name.lower() for name in hook.response.headers}
    return (*(pair for pair in _PLAIN if pair[0].lower() not in own), *hook.response.headers.items())
