"""`dsari-like notify --test ADDRESS`: send one message, to see whether it arrives.

Owns the words of that message. It leaves by the same way as those of callbacks, from this process instead of a child.
"""

from __future__ import annotations

import argparse
import smtplib
import subprocess
from typing import Any

from dsari_like.cli.exits import DONE, No, UsageFault
from dsari_like.cli.look import looking
from dsari_like.core.addresses import AddressError, read, shown
from dsari_like.deliver import deliver, why
from dsari_like.system.ids import new_id


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "notify",
        description="Sends one message to an address, as callbacks in the languages mail and webhook would:"
        " a@b.example, smtp://USER:PW@HOST/?from=A&to=B, https://HOST/PATH, or what Apprise knows. The exit status is 1"
        " when it could not be delivered.",
    )
    parser.add_argument("--test", metavar="ADDRESS", required=True, help="where it is sent")


def run(args: argparse.Namespace) -> int:
    """Send it."""
    try:
        address = read(args.test)
    except AddressError as error:
        raise UsageFault(f"--test: {error}") from None
    with looking(args) as look:
        title, mail, call = look.configuration.title, look.configuration.mail, new_id(look.now)
        event = {"text": "test", "name": "test", "type": "host", "time": look.now, "callback": {"id": call}}
    text = "This is a test: whoever reads it is told when something happens.\n"
    letter = {"id": call, "subject": f"[{title}] a test", "text": text, "event": event}
    try:
        deliver(address, letter, mail)
    except (OSError, ValueError, smtplib.SMTPException, subprocess.SubprocessError) as error:
        raise No(f"cannot tell {shown(address)}: {why(error)}") from None
    print(f"told {shown(address)}")
    return DONE
