"""`dsari-like webhook`: receive webhooks and drop trigger files, as a process of its own.

Owns its start, its signals and its end. Must not know what is taken and what is refused.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING, Any

from dsari_like.cli.exits import DONE, No, UsageFault
from dsari_like.errors import ConfigError
from dsari_like.system.logs import LOG, set_up
from dsari_like.system.notify import Notifier

if TYPE_CHECKING:
    from dsari_like.webhook.receiver import Receiver

DEFAULT = "127.0.0.1:9480"


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "webhook",
        description="Listens for webhooks at /hook/NAME, for each NAME under webhooks in the configuration. A request"
        " that proves its sender becomes a trigger file of the target, and is answered with success when that is safely"
        " on the disk; everything else becomes nothing. It is no part of the daemon and needs write access to the drop"
        " places of its targets only. SIGHUP reads configuration and secrets again, SIGTERM ends it. Put a server in"
        " front of it that speaks TLS when senders are elsewhere.",
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=DEFAULT, help=f"where to listen; port 0: any (default: {DEFAULT})"
    )
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="form of the log on stderr")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    if find_spec("waitress") is None:
        raise UsageFault(
            "webhooks need waitress, which is not installed; install dsari-like with its extra 'webhook', as in:"
            " pip install 'dsari-like[webhook]'"
        )
    host, port = _address(args.listen)
    set_up(False, args.log_format, timed="JOURNAL_STREAM" not in os.environ)
    os.umask(0o022)  # a daemon of another user has to read what is dropped; who may enter the directory decides
    from dsari_like.webhook import application

    receiver = application(args.config_dir)
    if not receiver.hooks:
        raise UsageFault("there are no webhooks in the configuration, so there is nothing to listen for")
    _serve(receiver, _listener(host, port))
    return DONE


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise UsageFault(f"--listen {text}: expected HOST:PORT, such as {DEFAULT} or [::1]:9480")
    return host, int(port)


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    except OSError as error:
        raise No(f"cannot listen on {host}, port {port}: {error.strerror}; nothing is served") from None
    return listener


def _serve(receiver: Receiver, listener: socket.socket) -> None:
    from dsari_like.webhook.server import Server, quiet_waitress

    quiet_waitress()
    signals = _Signals(receiver)
    server = Server(receiver, listener, signals.heed)
    notifier = Notifier(os.environ)
    _tell(receiver, listener)
    notifier.send("READY=1", f"STATUS={len(receiver.hooks)} webhooks")
    server.run()
    notifier.send("STOPPING=1")
    notifier.close()
    server.close()


def _tell(receiver: Receiver, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    for name, hook in receiver.hooks.items():
        text = "hook '%s' for %s at http://%s/hook/%s" if hook.enabled else "hook '%s' for %s is switched off"
        what = (name, " or ".join(f"'{target}'" for target in hook.target))
        LOG.info(text, *what, *((shown, name.replace(" ", "%20")) if hook.enabled else ()))
    if os.geteuid() == 0:
        LOG.warning("this process is root's; it needs no more than to write to the drop places of its targets")
    LOG.info("ready: listening on %s, pid %d", shown, os.getpid())


class _Signals:
    """Handlers that only note what came; the loop heeds it within a second."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._stop = self._reload = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True

    def heed(self) -> None:
        """Do what was asked for since the last call; SystemExit to stop."""
        if self._stop:
            LOG.info("stopping")
            raise SystemExit(0)
        if self._reload:
            self._reload = False
            try:
                self._receiver.reload()
            except ConfigError as error:
                for problem in error.problems:
                    LOG.error("%s", problem)
                LOG.error("the configuration was not taken; what was in force stays")
            else:
                LOG.info("reloaded: %d webhooks", len(self._receiver.hooks))
