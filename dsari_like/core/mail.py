"""How mail leaves this machine, as the top level says.

Owns the fields. Must not know addresses, or how a server is talked to.
"""

from __future__ import annotations

from dsari_like.core.record import record


@record
class Mail:
    """How mail leaves: by a program that takes it on its input, or by a server. Field names are keys of `mail`."""

    sendmail: tuple[str, ...] = ()
    host: str = ""
    port: int | None = None
    tls: str = "starttls"  # none, starttls, or tls from the first byte
    user: str | None = None
    password_file: str | None = None
    password: str | None = None  # only ever of an smtp:// address
    sender: str = ""
