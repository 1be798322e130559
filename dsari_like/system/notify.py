"""Tell the service manager how we are: the sd_notify protocol, a datagram to the socket named in NOTIFY_SOCKET.

Owns that socket. Without the variable everything here does nothing. Must not know what is reported.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """`environ` is read once; the variable is not passed on to children, whose environment is built from nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        self.watchdog = _watchdog_seconds(environ)

    def send(self, *lines: str) -> None:
        """One message of `NAME=value` lines; a manager that does not listen is no fault of ours."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self._address)

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """How often the manager wants to hear from us: half of what it tolerates; None when it does not ask."""
    try:
        tolerated = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return tolerated / 2e6 if tolerated > 0 and ours else None
