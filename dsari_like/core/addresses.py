"""Where a message can be sent: addresses as they are written, and what each comes to.

Owns their forms: `a@b` or `mailto:a@b`, `smtp://USER:PW@HOST:PORT/?from=A&to=B`, `http(s)://…` with an optional
`secret_file=PATH` behind it, and anything else with a scheme, which is Apprise's. Must not know how one is sent to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from dsari_like.core.mail import Mail
from dsari_like.core.record import record

_MAILBOX = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_SECRET = "secret_file="


class AddressError(ValueError):
    """What is wrong with an address, without what may be secret in it."""


@record
class Address:
    """One recipient. `mail` is set where the address says itself how its mail leaves."""

    kind: str  # mail, webhook, or other
    target: str
    secret_file: str | None = None
    mail: Mail | None = None


def read_all(text: str) -> Iterator[Address]:
    """The addresses of some text, one a line or divided by commas; raises AddressError."""
    for part in re.split(r"[\n,]", text):
        if part.strip():
            yield read(part.strip())


def read(text: str) -> Address:
    """What one address comes to; raises AddressError."""
    words = text.split()
    secret = words[1].removeprefix(_SECRET) if len(words) == 2 and words[1].startswith(_SECRET) else None
    if len(words) != 1 and secret is None:
        raise AddressError("expected an address such as a@b.example or https://host/path")
    target = words[0].removeprefix("mailto:")
    scheme = _SCHEME.fullmatch(target)
    if scheme is None:
        if not _MAILBOX.fullmatch(target) or secret is not None:
            raise AddressError("expected an address such as a@b.example or https://host/path")
        return Address("mail", target)
    if scheme[1].lower() in ("http", "https"):
        return Address("webhook", _with_host(target), secret)
    return _smtp(target) if scheme[1].lower() in ("smtp", "smtps") else Address("other", target)


def shown(address: Address) -> str:
    """The address as it may be told: without user, password, path or query, any of which may be a secret."""
    if address.kind == "mail":
        return address.target
    parts = urlsplit(address.target)
    return f"{parts.scheme}://{parts.hostname or '…'}" + (f":{parts.port}" if parts.port else "")


def references(configured: Iterable[str]) -> dict[str, str]:
    """Addresses by what may be recorded of them: a mail address as it is, of another what may be told, and its number
    among those of which the same may be told. A digest would give a short password away."""
    found: dict[str, str] = {}
    for text in dict.fromkeys(configured):
        address = read(text)
        plain = shown(address)
        if address.kind != "mail" or address.mail is not None:
            plain = f"{plain} #{sum(known.startswith(f'{plain} #') for known in found) + 1}"
        found[plain] = text
    return found


def _with_host(text: str) -> str:
    try:
        if urlsplit(text).hostname and urlsplit(text).port != 0:
            return text
    except ValueError:
        pass
    raise AddressError("expected https://host/path, found an address without a host")


def _smtp(text: str) -> Address:
    parts = urlsplit(_with_host(text))
    query = parse_qs(parts.query)
    to = query.get("to", [""])[0]
    if not _MAILBOX.fullmatch(to):
        raise AddressError("an smtp address needs ?to=a@b.example")
    tls = query.get("tls", ["starttls" if parts.username else "none"])[0]
    mail = Mail(
        host=parts.hostname or "",
        port=parts.port,
        tls="tls" if parts.scheme.lower() == "smtps" else tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=query.get("from", [""])[0],
    )
    return Address("mail", to, mail=mail)
