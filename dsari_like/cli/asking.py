"""What is asked of the daemon: a request is a file, like all that it is given, and is answered by a receipt.

Owns the dropping of a request, and what is said while nobody takes it. Must not know what any request means.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

from dsari_like.cli.exits import DONE, NO_DAEMON, No, NoDaemon, UsageFault
from dsari_like.cli.following import Patience
from dsari_like.cli.look import Look
from dsari_like.cli.printing import say
from dsari_like.cli.receipts import Receipt, read_receipt, wait_for
from dsari_like.cli.standing import daemon_of
from dsari_like.core.control import read_control
from dsari_like.errors import StoreError, TriggerError, UserError
from dsari_like.spool.drop import drop_control
from dsari_like.system.ids import new_id
from dsari_like.system.lock import is_locked


class Request(NamedTuple):
    """One that was dropped."""

    id: str
    path: str


def add_reason(parser: argparse.ArgumentParser, of: str) -> None:
    """The option of every request that is told to others."""
    parser.add_argument("--reason", metavar="TEXT", help=f"why; {of}")


def ask(look: Look, action: str, **arguments: object) -> Request:
    """Drop a request with those arguments that are given, after the checks that the daemon makes too."""
    given = {key: value for key, value in arguments.items() if value is not None and value != ""}
    request = {"action": action, **given, "id": new_id(look.now)}
    try:
        read_control(request)
        path = drop_control(look.configuration.data_dir, request)
    except TriggerError as error:
        raise UsageFault(f"this request would be refused: {error}; nothing was dropped") from None
    except UserError as error:
        raise StoreError(str(error)) from None
    return Request(str(request["id"]), path)


def is_left_lying(look: Look, request: Request) -> bool:
    """Whether nobody takes the request for now, which is told."""
    if daemon_of(look.configuration).alive:
        return False
    say(f"no daemon is running; the request {request.path} waits for the next one")
    return True


def refuse_refused(receipt: Receipt | None) -> None:
    """A refusal is the answer no."""
    if receipt is not None and receipt.state == "refused":
        raise No(f"the request was refused: {receipt.reason}")


def answer(look: Look, request: Request) -> None:
    """Wait until the daemon has done what was asked, which it says once; No when it refuses, NoDaemon when it ends
    before. In what state that has left a run is another matter."""
    data_dir = look.configuration.data_dir

    def meanwhile() -> None:
        if not is_locked(data_dir) and read_receipt(data_dir, request.id) is None:
            lying = f"the request {request.path} waits for the next one"
            raise NoDaemon(f"the daemon has ended before it was done; {lying}")

    refuse_refused(wait_for(data_dir, request.id, None, lambda found: True, Patience(), meanwhile))


def settle(look: Look, request: Request, waits: bool, asked: str, done: Callable[[], str]) -> int:
    """Say what was asked for; or wait, and say what was done. Returns the exit code."""
    if is_left_lying(look, request):
        return NO_DAEMON
    if waits:
        answer(look, request)
        say(done())
    else:
        say(f"asked for {asked}")
    return DONE
