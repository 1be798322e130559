"""What is configured of inbound webhooks: who may send, what proves it, and what becomes of the request.

Owns the fields and the names of the choices. Must not know HTTP, files or the secrets themselves: a key names its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from dsari_like.core.model import NOTHING
from dsari_like.core.record import record


class Scheme(Enum):
    """What the sender puts into the signature header."""

    HMAC = "hmac-sha256"  # over the raw body: proves the sender and the body
    TOKEN = "token"  # the secret itself: proves the sender alone


#: Headers that carry the secret itself where nothing else is said; every other one carries an HMAC.
TOKEN_HEADERS = frozenset({"x-gitlab-token", "authorization"})

#: Where the id of a delivery is looked for when the hook names no header.
DELIVERY_HEADERS = ("X-GitHub-Delivery", "X-Gitea-Delivery", "X-Gitlab-Event-UUID")


@record
class HookKey:
    """One of the keys of a hook: its secret is in a file, or, where the sender shows it, known by its SHA-256."""

    name: str
    secret_file: str | None = None
    sha256: str | None = None
    targets: tuple[str, ...] = ()  # empty: all targets of the hook
    expires: float | None = None

    def may_start(self, target: str) -> bool:
        """Whether this key is good for the target."""
        return not self.targets or target in self.targets

    def is_over(self, now: float) -> bool:
        """Whether it has expired."""
        return self.expires is not None and now >= self.expires


@record
class Source:
    """Where a parameter's value is in a request: `part` is body, headers or query; `path` leads on from there."""

    part: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join((self.part, *self.path))


@record
class HookResponse:
    """What a sender is told when its request was taken; `challenge` is the query field that a GET gets back."""

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    body: str | None = None  # None: the id under which it was taken
    challenge: str | None = None


@record
class Hook:
    """One address, `/hook/NAME`. Field names are the keys of the configuration."""

    name: str
    target: tuple[str, ...]
    keys: tuple[HookKey, ...]
    signature_header: str = "X-Hub-Signature-256"
    scheme: Scheme = Scheme.HMAC
    delivery_header: str | None = None
    timestamp_header: str | None = None
    replay_window: float = 300.0
    methods: tuple[str, ...] = ("POST",)
    map: Mapping[str, Source] = field(default_factory=lambda: NOTHING)
    response: HookResponse = HookResponse()
    enabled: bool = True
