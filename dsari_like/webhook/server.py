"""waitress, held to this one task: one request a connection, of bounded size, in bounded time, whoever is asking.

Owns the limits of the connection. What waitress leaves open is closed here: it forgets a connection that says nothing
for a while, but not one that says a byte now and then; it takes bodies whose length nobody told; it closes on a sender
in the middle of a body that is too large, which then never learns why. Must not know hooks.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import Error

from dsari_like.system.clock import Clock
from dsari_like.webhook.asked import LARGEST_BODY
from dsari_like.webhook.receiver import Receiver
from dsari_like.webhook.wording import refusal

#: A request is whole within so many seconds of its connection, or the connection is closed.
ARRIVES_WITHIN = 20.0
#: So long, and for so many bytes, a refused sender is listened to that is still sending: it reads no answer before.
LINGERS, MOST_THROWN_AWAY = 2.0, 16 * LARGEST_BODY
#: Connections at once. One more, and the one that has been sending for the longest time is closed for it.
MOST_CONNECTIONS = 256
_BACKLOG = 128
_THREADS = 4
_LARGEST_HEADER = 16 * 1024
_KEPT_IN_MEMORY = 64 * 1024  # of a body that is on its way; the rest waits in a temporary file


class _NoLength(Error):
    code, reason = 411, "Length Required"


class _Parser(HTTPRequestParser):
    """Takes no body in chunks, and asks nobody to go on sending what is refused already."""

    chunked: bool

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.chunked:
            self.chunked = False
            self.body_rcv = None
            self.error = _NoLength("")

    def received(self, data: bytes) -> int:
        consumed = super().received(data)
        if self.error is not None:
            self.expect_continue = False
        return int(consumed)


class _Task(WSGITask):
    """One request, and the connection ends: a sender of webhooks gains nothing by keeping it."""

    def start(self) -> None:
        super().start()
        self.set_close_on_finish()


class _ErrorTask(ErrorTask):
    """What is no HTTP, or too large, is told as little as everybody else."""

    def execute(self) -> None:
        status = self.request.error.code
        answer = refusal(status)
        self.channel.server.refused(status, self.channel.addr[0])
        self.status = answer.status_line
        self.response_headers.extend(answer.headers)
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.write(answer.body)


class _Channel(HTTPChannel):
    """One connection. `until` is when it is closed if its request is not whole by then."""

    parser_class = _Parser
    task_class = _Task
    error_task_class = _ErrorTask

    def __init__(self, server: Server, *rest: Any, **named: Any) -> None:
        self.until = server.clock.mono() + server.arrives_within
        self._answered = self._lingers = False
        self._thrown_away = 0
        super().__init__(server, *rest, **named)

    @property
    def is_arriving(self) -> bool:
        """Whether its request is not whole yet, or its rest is being thrown away."""
        return not self.requests and not self.total_outbufs_len

    def service(self) -> None:
        self._answered = True
        super().service()

    def readable(self) -> bool:
        return self._lingers or bool(super().readable())

    def handle_read(self) -> None:
        if not self._lingers:
            super().handle_read()
            return
        with contextlib.suppress(OSError):
            self._thrown_away += len(self.recv(65536))  # nothing: the other side has gone, and recv has closed
        if self._thrown_away > MOST_THROWN_AWAY:
            self.handle_close()

    def handle_close(self) -> None:
        """Closing on somebody who is still sending would take the answer away with the connection; so only our side
        is closed at first."""
        if self._answered and self.connected and not self._lingers and self._shut():
            self.will_close, self._lingers = False, True
            self.until = self.server.clock.mono() + LINGERS
            return
        super().handle_close()

    def _shut(self) -> bool:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True


class Server(TcpWSGIServer):
    """Listens and serves until `run` is left. `each_second` is called by the loop, at most a second after a signal."""

    channel_class = _Channel

    def __init__(
        self,
        receiver: Receiver,
        listener: socket.socket,
        each_second: Callable[[], None],
        arrives_within: float = ARRIVES_WITHIN,
    ) -> None:
        self.clock = Clock()
        self.arrives_within = arrives_within
        self._receiver, self._each_second = receiver, each_second
        adjustments = Adjustments(
            sockets=[listener],
            threads=_THREADS,
            backlog=_BACKLOG,
            connection_limit=MOST_CONNECTIONS + 16,  # never reached: the oldest goes first
            cleanup_interval=1,
            channel_timeout=int(ARRIVES_WITHIN),
            max_request_body_size=LARGEST_BODY + 1,
            max_request_header_size=_LARGEST_HEADER,
            inbuf_overflow=_KEPT_IN_MEMORY,
            asyncore_use_poll=True,
            log_socket_errors=False,
            clear_untrusted_proxy_headers=False,  # they are believed in nothing, and worth keeping
            ident=None,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(_THREADS)
        info = (listener.family, listener.type, listener.proto, listener.getsockname())
        super().__init__(
            receiver, None, True, listener, dispatcher=dispatcher, adj=adjustments, bind_socket=False, sockinfo=info
        )

    def maintenance(self, now: float) -> None:
        """Once a second: close what takes too long."""
        mono = self.clock.mono()
        for channel in list(self.active_channels.values()):
            if channel.is_arriving and mono >= channel.until:
                self._close(channel, "was not whole in time")

    def readable(self) -> bool:
        """Asked by the loop before each wait."""
        self._each_second()
        return bool(super().readable())

    def handle_accept(self) -> None:
        """One connection more, if need be in the place of the one that has been arriving for the longest time."""
        arriving = [channel for channel in self.active_channels.values() if channel.is_arriving]
        if len(self.active_channels) >= MOST_CONNECTIONS and arriving:
            self._close(min(arriving, key=lambda channel: channel.until), "was not whole when many others came")
        super().handle_accept()

    def refused(self, status: int, remote: str) -> None:
        """Tell the log what waitress refused by itself."""
        self._receiver.complain((status, "HTTP"), f"a request from {remote} became nothing: {_WHY.get(status, _OTHER)}")

    def _close(self, channel: _Channel, why: str) -> None:
        if channel.request is not None:
            self._receiver.complain(why, f"a request from {channel.addr[0]} became nothing: it {why}")
            channel.request.close()
        HTTPChannel.handle_close(channel)


_OTHER = "it is no HTTP that can be understood"
_WHY = {
    411: "it does not tell the length of its body",
    413: f"its body is larger than {LARGEST_BODY} bytes",
    431: f"its headers are longer than {_LARGEST_HEADER} bytes",
}


def quiet_waitress() -> None:
    """Its own words about strangers would be lines without a limit; what matters is told by us."""
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
