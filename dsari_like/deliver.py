"""A child that delivers one message: `python -m dsari_like.deliver FILE`, where the file says what, to whom and how.

Owns the talking to mail servers, to `sendmail` and to web hooks. Never in the daemon: a server that does not answer
keeps this process waiting and nobody else. What it prints is kept with the call, so no secret is in it. Must not know
what happened, or who decided to tell it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from importlib import import_module
from typing import Any

from dsari_like.core.addresses import Address, read_all, shown
from dsari_like.core.mail import Mail

#: Seconds that a server may take to answer.
PATIENCE = 20.0
SIGNATURE = "X-Dsari-Like-Signature-256"


def main(argv: Sequence[str]) -> int:
    """Deliver it to everybody. 0 when all were reached."""
    with open(argv[0], encoding="utf-8") as file:
        letter = json.load(file)
    mail = Mail(**{**letter["mail"], "sendmail": tuple(letter["mail"].get("sendmail", ()))})
    problems = 0
    for address in read_all(letter["to"]):
        try:
            deliver(address, letter, mail)
            print(f"told {shown(address)}")
        except (OSError, ValueError, smtplib.SMTPException, subprocess.SubprocessError) as error:
            problems += 1
            print(f"cannot tell {shown(address)}: {why(error)}")
    return 1 if problems else 0


def deliver(address: Address, letter: Mapping[str, Any], mail: Mail) -> None:
    """Deliver it to one; raises OSError, ValueError, SMTPException or SubprocessError."""
    if address.kind == "webhook":
        _post(address, letter)
    elif address.kind == "mail":
        _send(message_of(address, letter, address.mail or mail), address.mail or mail)
    else:
        _apprise(address, letter)


def message_of(address: Address, letter: Mapping[str, Any], mail: Mail) -> EmailMessage:
    """The mail as it is sent. Its id is the call's, so that a second copy can be known."""
    message = EmailMessage()
    message["From"], message["To"] = mail.sender or "dsari-like@localhost", address.target
    message["Subject"] = letter["subject"]
    message["Date"] = formatdate()
    domain = message["From"].rpartition("@")[2].strip("> ") or "localhost"
    message["Message-ID"] = f"<{letter['id']}@{domain}>" if letter.get("id") else make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter["text"])
    return message


def _send(message: EmailMessage, mail: Mail) -> None:
    if mail.host:
        _by_server(message, mail)
        return
    program = mail.sendmail or ("/usr/sbin/sendmail",)
    done = subprocess.run([*program, "-i", "-t"], input=message.as_bytes(), capture_output=True, timeout=PATIENCE)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise ValueError(f"{program[0]} ended with {done.returncode}{': ' + said if said else ''}")


def _by_server(message: EmailMessage, mail: Mail) -> None:
    context = ssl.create_default_context()
    default = 465 if mail.tls == "tls" else 587 if mail.tls == "starttls" else 25
    port = mail.port or default
    if mail.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, port, timeout=PATIENCE, context=context)
    else:
        server = smtplib.SMTP(mail.host, port, timeout=PATIENCE)
    with server:
        if mail.tls == "starttls":
            server.starttls(context=context)
        if mail.user:
            server.login(mail.user, _password(mail))
        server.send_message(message)


def _password(mail: Mail) -> str:
    if mail.password_file is None:
        return mail.password or ""
    with open(mail.password_file, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signed message goes where it was addressed to and nowhere else."""

    def redirect_request(self, *args: Any, **settings: Any) -> None:
        """None: the redirection is the answer, and no success."""


def _post(address: Address, letter: Mapping[str, Any]) -> None:
    body = json.dumps(letter["event"], ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "dsari_like"}
    headers["X-Dsari-Like-Delivery"] = str(letter.get("id", ""))
    if address.secret_file is not None:
        with open(address.secret_file, "rb") as file:
            secret = file.read(65_536).strip()
        headers[SIGNATURE] = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(address.target, body, headers, method="POST")
    with urllib.request.build_opener(_NoRedirects).open(request, timeout=PATIENCE) as answer:
        answer.read(1024)


def _apprise(address: Address, letter: Mapping[str, Any]) -> None:
    try:
        apprise = import_module("apprise")  # the extra `notify`
    except ImportError:
        raise ValueError("this kind of address takes the extra 'notify' (Apprise), which is not installed") from None
    if not apprise.Apprise(servers=address.target).notify(body=letter["text"], title=letter["subject"]):
        raise ValueError("Apprise could not deliver it")


def why(error: Exception) -> str:
    """An error without what it may quote: of an answer its number alone."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it did not take the user and the password"
    return str(error)[:300] or type(error).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
