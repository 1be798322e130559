"""P19 against the real process: a signed push starts the job; what strangers do costs bounded time and memory."""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import PATIENCE, Site

pytest.importorskip("waitress")

SECRET, OTHER = b"correct horse", b"battery staple"
PUSH = {"ref": "refs/heads/main", "after": "4f1c", "pusher": {"name": "ann"}, "token": "hush"}
JOB = {"command": "env", "parameters": {"GIT_REF": {}, "GIT_COMMIT": {}}}
HOOK = {"target": "demo", "secret_files": ["secret"], "map": {"GIT_REF": "body.ref", "GIT_COMMIT": "body.after"}}
LARGEST = 2 * 1024 * 1024


#: The command under another user, who may not even be let into the directory of this Python: so all that it will want
#: is imported before.
BECOME = """
import encodings.idna, importlib, os, pkgutil, sys
import dsari_like, waitress.server
user = int(sys.argv.pop(1))
if user != os.geteuid():
    for part in ("webhook", "config", "spool", "system"):
        for module in pkgutil.iter_modules([f"{dsari_like.__path__[0]}/{part}"], f"dsari_like.{part}."):
            importlib.import_module(module.name)
    import dsari_like.cli.webhook, dsari_like.core.when
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
from dsari_like.cli import run
run()
"""


class Ears:
    """The real `dsari-like webhook` on a port of its own."""

    def __init__(self, site: Site, user: int | None = None) -> None:
        self.site, self.log = site, site.root / "webhook.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", BECOME, str(user or os.geteuid()), "webhook", "--listen", "127.0.0.1:0"],
                env=site.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.port = int(site.until("the port", lambda: re.search(r"ready: .*:(\d+), pid", self.said()))[1])

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def post(self, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        """What a request is answered; headers with _ for -, and `path`, `method`, `secret` for what they say."""
        body = json.dumps(PUSH).encode() if body is None else body
        path, method = headers.pop("path", "/hook/push"), headers.pop("method", "POST")
        mine = hmac.new(headers.pop("secret", SECRET.decode()).encode(), body, "sha256").hexdigest()
        whole = {"X-Hub-Signature-256": f"sha256={mine}", "X-GitHub-Delivery": "d-1", "X-GitHub-Event": "push"}
        whole |= {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json", **whole})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def raw(self, data: bytes) -> bytes:
        """What bytes are answered, up to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            found = b""
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    found += piece
            return found

    def memory(self) -> int:
        """Bytes that are resident at most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def configure(site: Site, hooks: Mapping[str, Any] | None = None) -> None:
    for name, value in (("secret", SECRET), ("new", OTHER)):
        site.write(f"etc/{name}", value).chmod(0o600)
    site.configure({"demo": JOB}, webhooks={"push": HOOK} if hooks is None else dict(hooks))


@pytest.fixture
def listen(site: Site) -> Iterator[Callable[..., Ears]]:
    made: list[Ears] = []

    def start(user: int | None = None) -> Ears:
        made.append(Ears(site, user))
        return made[-1]

    yield start
    for ears in made:
        assert "Traceback" not in ears.said(), ears.said()
        if ears.process.poll() is None:
            ears.process.kill()
        ears.process.wait()


@pytest.fixture
def ears(site: Site, listen: Callable[..., Ears]) -> Ears:
    configure(site)
    (site.var / "trigger/demo").mkdir(parents=True)
    return listen()


def dropped(site: Site) -> list[Path]:
    return sorted((site.var / "trigger/demo").iterdir())


def test_P19_a_signed_github_push_starts_the_demo_job(site: Site, listen: Callable[..., Ears]) -> None:
    configure(site)
    site.start()
    ears = listen()
    assert ears.post() == (202, "taken as d-1\n")
    (run,) = site.ended("demo")
    assert (run["status"], run["trigger_type"], run["trigger_id"]) == ("completed", "webhook", "d-1")
    printed = site.output(run)
    assert "GIT_REF=refs/heads/main\n" in printed and "TRIGGER_TYPE=webhook\n" in printed
    kept = json.loads(site.run_file(run, "trigger_data.json").read_text())
    assert json.loads(kept["request"]["body"]) == PUSH and kept["webhook"]["verified_by"] == "secret"
    shown = site.command("show", "demo").stdout
    assert "push, proved by the key secret, from 127.0.0.1" in shown
    assert "POST /hook/push" in shown and '"after": "4f1c"' in shown and "hush" not in shown
    page = site.var / "html/jobs/demo" / run["run_id"] / "index.html"
    site.until("the page", lambda: page.exists() and "What the webhook was asked" in page.read_text())
    assert "refs/heads/main" in page.read_text() and "hush" not in page.read_text()
    receipt = json.loads((site.var / "receipts/d-1.json").read_text())
    assert (receipt["state"], receipt["run_id"]) == ("completed", run["run_id"])


def test_P19_a_delivery_that_comes_again_after_a_restart_starts_nothing(
    site: Site, listen: Callable[..., Ears]
) -> None:
    configure(site)
    site.start()
    first = listen()
    first.post()
    site.ended("demo")
    assert first.stop() == 0
    assert listen().post() == (202, "taken as d-1\n")
    site.until("the second decision", lambda: len(site.decisions("demo")) == 2)
    assert len(site.runs("demo")) == 1


def test_P8_what_a_webhook_maps_is_all_that_it_sets_even_under_the_daemons_own_user(site: Site) -> None:
    configure(site)
    site.start()
    site.drop("demo", {"trigger_type": "webhook", "environment": {"GIT_REF": "x", "DEPLOY": "1"}})
    (reason,) = site.until_refused("demo").values()
    assert "'DEPLOY' is not declared, and a webhook may set parameters only" in reason


class TestStrangers:
    def test_P19_fifty_at_once_forged_oversized_and_unknown_become_nothing_in_bounded_memory(
        self, site: Site, ears: Ears
    ) -> None:
        full, more = b"x" * LARGEST, b"x" * (LARGEST + 1)
        assert ears.post(full, secret="wrong")[0] == 401
        before = ears.memory()
        kinds: list[tuple[Callable[[], tuple[int, str]], int]] = [
            (lambda: ears.post(full, secret="wrong"), 401),
            (lambda: ears.post(full, path="/hook/nobody"), 401),
            (lambda: ears.post(more), 413),
            (lambda: ears.post(full, path="/"), 404),
            (lambda: ears.post(full, method="DELETE"), 405),
        ]
        with ThreadPoolExecutor(50) as pool:
            answers = [(pool.submit(kind), status) for _ in range(10) for kind, status in kinds]
            assert [answer.result()[0] for answer, _ in answers] == [status for _, status in answers]
        assert dropped(site) == []
        assert ears.memory() - before < 32 << 20

    def test_P19_fifty_slow_ones_hold_nobody_up(self, site: Site, ears: Ears) -> None:
        head = b"POST /hook/push HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(socket.create_connection(("127.0.0.1", ears.port))) for _ in range(50)]
            for number, connection in enumerate(slow):
                connection.sendall(head[: 1 + number] if number % 2 else head + b"\r\n{")
            begun = time.monotonic()
            assert ears.post()[0] == 202
            assert time.monotonic() - begun < 2 and len(dropped(site)) == 1

    def test_P19_more_connections_than_are_kept_do_not_keep_a_sender_out(self, site: Site, ears: Ears) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(400):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", ears.port)))
                connection.sendall(b"POST /hook/push HTTP/1.1\r\n")
            assert ears.post()[0] == 202
            assert len(os.listdir(f"/proc/{ears.process.pid}/fd")) < 300

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"\r\n" * 50, b""),
            (b"garbage\r\n\r\n", b"400"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),
            (b"post /hook/push HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
            (b"POST /hook/push HTTP/1.1\r\nHost: x\r\n\r\n", b"411"),
            (b"POST /hook/push HTTP/9.9\r\nHost: x\r\n\r\n", b"411"),
            (b"POST /hook/push HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
            (b"POST /hook/push HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", b"400"),
            (b"POST /hook/push HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", b"411"),
            (b"POST /hook/push HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"411"),
            (b"POST /hook/push HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"411"),
            (b"POST /hook/push HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
            (b"POST /hook/push HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
            (b"POST /hook/push HTTP/1.1\r\nX: y\n\r\n\r\n", b"400"),
            (b"POST /hook/push HTTP/1.1\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n", b"413"),
            (b"POST /hook/push HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}", b""),
            (b"POST /hook/../hook/push HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"404"),
            (b"POST /hook/%2e%2e/hook/push HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"404"),
            (b"POST /hook/push%2f HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"404"),
            (b"POST /hook%2fpush/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"404"),
            (b"POST /hook/push%00 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"404"),
            (b"POST /hook/\xff HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        ],
    )
    def test_P19_malformed_requests_become_nothing(self, site: Site, ears: Ears, data: bytes, status: bytes) -> None:
        answer = ears.raw(data)
        assert answer.split(b" ")[1:2] == ([status] if status else [])
        assert len(answer.partition(b"\r\n\r\n")[2].splitlines()) <= 1 and b"waitress" not in answer.lower()
        assert dropped(site) == [] and ears.post()[0] == 202

    def test_P19_a_second_request_behind_the_first_is_not_looked_at(self, site: Site, ears: Ears) -> None:
        one = b"POST /hook/push HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        assert ears.raw(one * 3).count(b"HTTP/1.1 401") == 1

    def test_P19_random_bytes_become_nothing(self, site: Site, ears: Ears) -> None:
        chance = random.Random(19)
        start = b"POST /hook/push HTTP/1.1\r\nContent-Length: 5\r\nX-Hub-Signature-256: x\r\n\r\nhello"
        for _ in range(200):
            data = bytearray(start)
            for _ in range(chance.randrange(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            assert b" 202 " not in ears.raw(bytes(data))
        assert dropped(site) == [] and ears.post()[0] == 202

    def test_P18_their_noise_is_a_few_lines(self, site: Site, ears: Ears) -> None:
        for _ in range(30):
            ears.raw(b"garbage\r\n\r\n")
            ears.post(secret="wrong", X_Evil="\x1b[31m")
        assert len(ears.said().splitlines()) < 10 and "\x1b" not in ears.said()


class TestManyAtOnce:
    def test_P19_fifty_signed_pushes_at_once_are_fifty_runs(self, site: Site, listen: Callable[..., Ears]) -> None:
        configure(site)
        site.start()
        ears = listen()

        def push(number: int) -> int:
            return ears.post(json.dumps({"ref": f"r{number}"}).encode(), X_GitHub_Delivery=f"d-{number}")[0]

        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(push, range(50))) == {202}
        assert {row["trigger_id"] for row in site.ended("demo", 50)} == {f"d-{number}" for number in range(50)}

    def test_P19_the_same_push_fifty_times_at_once_is_one_file(self, site: Site, ears: Ears) -> None:
        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(lambda _: ears.post()[0], range(50))) == {202}
        assert len(dropped(site)) == 1


class TestTheProcess:
    def test_item13_a_key_is_rotated_without_a_restart(self, site: Site, ears: Ears) -> None:
        assert ears.post(b'{"ref": "1"}', secret=OTHER.decode())[0] == 401
        configure(site, {"push": {**HOOK, "secret_files": ["secret", "new"]}})
        ears.process.send_signal(signal.SIGHUP)
        site.until("the reload", lambda: "reloaded: 1 webhooks" in ears.said())
        assert ears.post(b'{"ref": "1"}', secret=OTHER.decode())[0] == 202
        assert ears.post(b'{"ref": "2"}', X_GitHub_Delivery="d-2")[0] == 202

    def test_a_configuration_that_is_wrong_is_told_and_not_taken(self, site: Site, ears: Ears) -> None:
        configure(site, {"push": {**HOOK, "target": "nobody"}})
        ears.process.send_signal(signal.SIGHUP)
        site.until("the refusal", lambda: "what was in force stays" in ears.said())
        assert "there is no job 'nobody'" in ears.said() and ears.post()[0] == 202

    def test_it_stops_with_0_while_somebody_is_connected(self, site: Site, ears: Ears) -> None:
        with socket.create_connection(("127.0.0.1", ears.port)) as idle:
            idle.sendall(b"POST ")
            begun = time.monotonic()
            assert ears.stop() == 0 and time.monotonic() - begun < 5

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
    def test_P24_it_needs_no_more_than_to_write_to_the_drop_places_of_its_targets(
        self, site: Site, listen: Callable[..., Ears], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stranger = 54321
        configure(site)
        site.start()
        for path in (site.root, *list(site.root.parents)[:3]):
            path.chmod(path.stat().st_mode | 0o011)
        (site.root / "etc/secret").chmod(0o640)
        os.chown(site.root / "etc/secret", 0, stranger)
        for path, mode in ((site.var, 0o751), (site.var / "trigger", 0o751), (site.var / "trigger/demo", 0o770)):
            path.chmod(mode)
        os.chown(site.var / "trigger/demo", 0, stranger)
        ears = listen(stranger)
        assert ears.post()[0] == 202
        (run,) = site.ended("demo")
        assert json.loads(run["origin"])["uid"] == stranger and run["status"] == "completed"


def test_without_waitress_one_sentence_names_the_extra(site: Site) -> None:
    configure(site)
    site.write("blind/sitecustomize.py", "import sys; sys.modules['waitress'] = None")
    site.environ["PYTHONPATH"] = f"{site.root / 'blind'}:{site.environ['PYTHONPATH']}"
    told = site.command("webhook")
    assert told.returncode == 2 and len(told.stderr.splitlines()) == 1
    assert "pip install 'dsari-like[webhook]'" in told.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--listen", "9480"], 2, "expected HOST:PORT"),
        (["--listen", ":9480"], 2, "expected HOST:PORT"),
        (["--listen", "localhost:99999"], 2, "expected HOST:PORT"),
        (["--listen", "nowhere.invalid:9480"], 1, "cannot listen on nowhere.invalid"),
    ],
)
def test_where_it_cannot_listen_it_says_so(site: Site, options: list[str], code: int, said: str) -> None:
    configure(site)
    told = site.command("webhook", *options)
    assert (told.returncode, said in told.stderr) == (code, True), told.stderr


def test_with_nothing_to_serve_it_does_not_start(site: Site) -> None:
    configure(site, {})
    told = site.command("webhook")
    assert told.returncode == 2 and "there are no webhooks in the configuration" in told.stderr


def test_a_port_that_is_taken_is_told(site: Site, ears: Ears) -> None:
    told = site.command("webhook", "--listen", f"127.0.0.1:{ears.port}")
    assert told.returncode == 1 and "nothing is served" in told.stderr


def test_P19_a_request_that_trickles_in_is_given_up(site: Site) -> None:
    from dsari_like.config.places import Places
    from dsari_like.webhook.receiver import Receiver
    from dsari_like.webhook.server import Server

    configure(site)
    over = threading.Event()

    def each_second() -> None:
        if over.is_set():
            raise SystemExit

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Server(Receiver(Places(str(site.etc), str(site.var))), listener, each_second, arrives_within=0.5)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), PATIENCE) as slow:
                begun = time.monotonic()
                with contextlib.suppress(ConnectionError):
                    while time.monotonic() - begun < PATIENCE:
                        slow.sendall(b"P")
                        slow.settimeout(0.05)
                        with contextlib.suppress(TimeoutError):
                            if slow.recv(100) == b"":
                                break
                assert time.monotonic() - begun < 5
        finally:
            over.set()
            thread.join()
            server.close()
