"""Messages that really leave: to a mail server, to a program, to a web server on this machine."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from dsari_like.cli import main as command
from dsari_like.core import notes
from dsari_like.core.addresses import Address, AddressError, read, read_all, shown
from dsari_like.core.mail import Mail
from dsari_like.deliver import SIGNATURE, main

EVENT = {
    "text": "failed-job-nightly", "name": "failed", "type": "job", "time": 5.0, "job_name": "nightly", "run_id": "r1",
    "run": {"run_id": "r1", "job_name": "nightly", "status": "failed", "exit_code": 3, "message": "disk füll",
            "start_time": 1789300800.0},
}  # fmt: skip


def send(tmp_path: Path, to: str, mail: Mail | None = None, **more: Any) -> int:
    letter = {
        "id": "c1", "to": to, "subject": notes.subject(EVENT, "site"), "text": notes.text(EVENT, "https://ci.example/"),
        "event": EVENT, "mail": asdict(mail or Mail()), **more,
    }  # fmt: skip
    path = tmp_path / "letter.json"
    path.write_text(json.dumps(letter))
    return main([str(path)])


class Box:
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.logins: list[LoginPassword] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append(data)
        return AuthResult(success=data.password == b"secret", handled=False)


@pytest.fixture
def box() -> Iterator[tuple[Box, int]]:
    found = Box()
    login: dict[str, Any] = {"authenticator": found.authenticate, "auth_require_tls": False}
    server = Controller(found, hostname="127.0.0.1", port=_free_port(), **login)
    server.start()
    yield found, server.port
    server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hook(http.server.ThreadingHTTPServer):
    """A web server that keeps what is posted to it; /N answers with the status N."""

    def __init__(self) -> None:
        self.posts: list[tuple[Any, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.headers, body))
        status = int(self.path[1:] or 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_q_58_mail_by_a_server_with_a_login(tmp_path: Path, box: tuple[Box, int]) -> None:
    found, port = box
    (tmp_path / "password").write_text("secret\n")
    login: dict[str, Any] = {"user": "me", "password_file": str(tmp_path / "password")}
    mail = Mail(host="127.0.0.1", port=port, tls="none", sender="d@x.example", **login)
    assert send(tmp_path, "a@b.example, mailto:c@d.example", mail) == 0
    first, second = (message_from_bytes(data, policy=policy.default) for data in found.mails)
    assert (first["To"], second["To"], first["From"]) == ("a@b.example", "c@d.example", "d@x.example")
    assert first["Subject"] == "[site] nightly failed" and first["Message-ID"] == "<c1@x.example>"
    text = first.get_content()
    assert "disk füll" in text and "https://ci.example/jobs/nightly/r1/index.html" in text
    assert found.logins[0].login == b"me"


def test_a_wrong_password_is_told_without_it(
    tmp_path: Path, box: tuple[Box, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(tmp_path, f"smtp://me:wrong@127.0.0.1:{box[1]}/?from=a@b.example&to=c@d.example&tls=none") == 1
    said = capsys.readouterr().out
    assert "did not take the user and the password" in said and "wrong" not in said


def test_mail_by_a_program(tmp_path: Path) -> None:
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/args; cat > {tmp_path}/mail\n')
    program.chmod(0o755)
    assert send(tmp_path, "a@b.example", Mail(sendmail=(str(program),))) == 0
    assert (tmp_path / "args").read_text() == "-i -t\n" and "nightly failed" in (tmp_path / "mail").read_text()


def test_k_56_a_web_hook_gets_the_event_as_json_signed(tmp_path: Path, hook: Hook) -> None:
    (tmp_path / "key").write_text("hush\n")
    assert send(tmp_path, f"{hook.url()} secret_file={tmp_path}/key") == 0
    ((headers, body),) = hook.posts
    assert json.loads(body) == EVENT and headers["Content-Type"].startswith("application/json")
    assert headers[SIGNATURE] == "sha256=" + hmac.new(b"hush", body, hashlib.sha256).hexdigest()
    assert headers["X-Dsari-Like-Delivery"] == "c1"


@pytest.mark.parametrize("status", [500, 404, 302])
def test_anything_but_success_is_a_failure_to_be_tried_again(
    tmp_path: Path, hook: Hook, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(tmp_path, hook.url(str(status))) == 1
    assert f"it answered {status}" in capsys.readouterr().out and len(hook.posts) == 1


def test_one_that_cannot_be_told_keeps_nobody_from_the_others(
    tmp_path: Path, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(tmp_path, f"http://127.0.0.1:1/x\n{hook.url()}\nslack://token@channel") == 1
    said = capsys.readouterr().out
    assert len(hook.posts) == 1 and "cannot tell http://127.0.0.1:1" in said
    assert "extra 'notify'" in said and "token" not in said


def test_addresses_are_told_without_what_may_be_secret() -> None:
    assert shown(read("https://me:pw@host.example:8443/path/token?x=y")) == "https://host.example:8443"
    assert shown(read("mailto:a@b.example")) == "a@b.example"
    assert read("https://h/p secret_file=/etc/k") == Address("webhook", "https://h/p", "/etc/k")
    assert [one.kind for one in read_all("a@b.example, https://h\nslack://x")] == ["mail", "webhook", "other"]


@pytest.mark.parametrize(
    "text", ["nobody", "https://", "http:///x", "a@b c@d", "smtp://host/?from=a@b", "a@b secret_file=x"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        read(text)


def test_a_subject_is_one_line() -> None:
    event = {"name": "failed", "type": "work", "job_name": "x\r\nBcc: y", "item": "7"}
    assert notes.subject(event, "s") == "[s] x Bcc: y item 7 failed"


def test_notify_sends_one_to_try(tmp_path: Path, hook: Hook, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dsari_like.yaml").write_text("title: forge\n")
    assert command(["notify", "-c", str(tmp_path), "--test", hook.url()]) == 0
    ((_, body),) = hook.posts
    assert json.loads(body)["name"] == "test" and capsys.readouterr().out == f"told {hook.url()[:-1]}\n"
    assert command(["notify", "-c", str(tmp_path), "--test", hook.url("500")]) == 1
    assert "it answered 500" in capsys.readouterr().err
    assert command(["notify", "-c", str(tmp_path), "--test", "nobody"]) == 2
