"""Whether a request comes from somebody who knows a secret, and which.

Owns the secrets, from the moment they are read, and the comparison. Every key of a hook is tried for every request, and
each in constant time, so that the time of a refusal tells neither how much of a guess was right nor how many keys there
are; an unknown hook is a hook with one key that nobody knows.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from dsari_like.config.checks import Fault, Unfit
from dsari_like.config.secrets import read_secret
from dsari_like.core.hooks import Hook, HookKey, Scheme
from dsari_like.errors import ConfigError


class _Held(NamedTuple):
    """A key and what it is compared with: the secret for an HMAC, its digest for a token."""

    key: HookKey
    secret: bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """A hook together with its secrets."""

    hook: Hook
    _held: Sequence[_Held] = field(repr=False)

    def knows(self, shown: str, signed: Iterable[bytes]) -> tuple[HookKey, ...]:
        """The keys that this proof is one of; `signed` is, in pieces, what it has to be over."""
        given = _stripped(shown, self.hook.scheme)
        pieces = tuple(signed)
        return tuple(held.key for held in self._held if _fits(held.secret, given, pieces, self.hook.scheme))


def _stripped(shown: str, scheme: Scheme) -> bytes:
    prefix = "sha256=" if scheme is Scheme.HMAC else "bearer "
    text = shown[len(prefix) :].strip() if shown[: len(prefix)].lower() == prefix else shown
    return (text.lower() if scheme is Scheme.HMAC else text).encode("utf-8", "surrogateescape")


def _fits(secret: bytes, given: bytes, signed: Sequence[bytes], scheme: Scheme) -> bool:
    if scheme is Scheme.TOKEN:
        return hmac.compare_digest(secret, sha256(given).digest())
    made = hmac.new(secret, digestmod=sha256)
    for piece in signed:
        made.update(piece)
    return hmac.compare_digest(made.hexdigest().encode(), given)


def decoy() -> Guard:
    """What stands in for a hook that is not there: it costs the same and lets nobody in."""
    return Guard(Hook("", ("",), ()), (_Held(HookKey(""), secrets.token_bytes(32)),))


def guards_of(hooks: Mapping[str, Hook]) -> dict[str, Guard]:
    """Every hook with its secrets read; ConfigError with all that cannot be."""
    problems: list[str] = []
    guards = {}
    for name, hook in hooks.items():
        held = []
        for key in hook.keys:
            try:
                held.append(_Held(key, _secret(key, hook.scheme)))
            except Unfit as refusal:
                problems += [f"webhooks.{name}: {fault.text}" for fault in refusal.faults]
        guards[name] = Guard(hook, tuple(held))
    if problems:
        raise ConfigError(problems)
    return guards


def _secret(key: HookKey, scheme: Scheme) -> bytes:
    if key.sha256 is not None:
        return bytes.fromhex(key.sha256)
    if key.secret_file is None:
        raise Unfit(Fault((), f"the key {key.name} has no secret"))
    secret = read_secret(key.secret_file)
    return sha256(secret).digest() if scheme is Scheme.TOKEN else secret
