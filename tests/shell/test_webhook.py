"""P19: a request that is proved, fresh and mapped becomes one durable file; every other one becomes nothing."""

from __future__ import annotations

import base64
import hmac
import inspect
import io
import json
import logging
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.config.places import Places
from dsari_like.core.messages import Now
from dsari_like.errors import ConfigError
from dsari_like.system.clock import Clock
from dsari_like.webhook import proof
from dsari_like.webhook.asked import LARGEST_BODY
from dsari_like.webhook.receiver import Receiver
from dsari_like.webhook.seen import Seen

SECRET, OTHER = b"correct horse", b"battery staple"
PUSH = {"ref": "refs/heads/main", "commits": [{"id": "4f1c"}], "pusher": {"name": "ann", "admin": True}}
MAP = {"REF": "body.ref", "WHO": "body.pusher.name", "EVENT": "headers.X-GitHub-Event", "FIRST": "body.commits.0.id"}
PARAMETERS: dict[str, Any] = {"REF": {}, "WHO": {}, "EVENT": {}, "FIRST": {}, "LEVEL": {"allowed": ["low", "high"]}}


class Hands(Clock):
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.wall = 1_790_000_000.0

    def now(self) -> Now:
        return Now(self.wall, self.wall)


class Got(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]


class House:
    """A configuration with one hook, `push`, for the job `demo`, and the receiver of it."""

    def __init__(self, root: Path, **hook: Any) -> None:
        self.root, self.clock = root, Hands()
        (root / "etc").mkdir()
        (root / "var").mkdir()
        self.secret("secret", SECRET)
        self.write({"push": {"target": "demo", "secret_files": "secret", "map": MAP, **hook}})
        self.receiver = Receiver(Places(str(root / "etc"), str(root / "var")), self.clock)

    def secret(self, name: str, value: bytes) -> None:
        path = self.root / "etc" / name
        path.write_bytes(value + b"\n")
        path.chmod(0o600)

    def write(self, hooks: Mapping[str, Any]) -> None:
        job = {"command": "true", "parameters": PARAMETERS}
        settings = {"jobs": {"demo": job, "other": job}, "webhooks": dict(hooks)}
        (self.root / "etc/dsari_like.yaml").write_text(yaml.safe_dump(settings))

    def ask(self, **environ: Any) -> Got:
        """A request, as the WSGI server hands it over."""
        got: list[Any] = []
        whole = {"REQUEST_METHOD": "POST", "PATH_INFO": "/hook/push", "REMOTE_ADDR": "192.0.2.1"} | environ
        body = b"".join(self.receiver(whole, lambda status, headers: got.extend((status, headers))))
        return Got(int(got[0].split()[0]), body.decode(), dict(got[1]))

    def post(
        self, body: object = PUSH, *, delivery: str | None = "d-1", secret: bytes = SECRET, **environ: Any
    ) -> Got:
        """A request as GitHub makes it."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        usual = {
            "CONTENT_LENGTH": str(len(raw)),
            "CONTENT_TYPE": "application/json",
            "HTTP_X_HUB_SIGNATURE_256": f"sha256={signature(raw, secret)}",
            "wsgi.input": io.BytesIO(raw),
        }
        if delivery is not None:
            usual["HTTP_X_GITHUB_DELIVERY"] = delivery
        return self.ask(**(usual | environ))

    def dropped(self, target: str = "demo") -> list[dict[str, Any]]:
        """What lies in the drop place; anything that is half there would show."""
        place = self.root / "var/trigger" / target
        files = sorted(place.iterdir(), key=lambda path: path.stat().st_mtime_ns) if place.exists() else []
        assert all(path.suffix == ".json" for path in files)
        return [json.loads(path.read_text()) for path in files]


def signature(body: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, body, sha256).hexdigest()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def is_nothing(house: House, got: Got, *statuses: int) -> bool:
    """Refused in one line that tells a stranger nothing, and without a trace in the spool."""
    known = {"bad request\n", "unauthorized\n", "forbidden\n", "not found\n", "method not allowed\n"}
    known |= {"length required\n", "request entity too large\n", "service unavailable\n"}
    return got.status in statuses and got.text in known and not (house.root / "var/trigger").exists()


class TestTaken:
    def test_P19_a_signed_push_becomes_one_file_before_success_is_told(self, house: House) -> None:
        got = house.post(HTTP_X_GITHUB_EVENT="push")
        assert (got.status, got.text) == (202, "taken as d-1\n")
        (trigger,) = house.dropped()
        assert trigger["trigger_type"] == "webhook" and trigger["id"] == "d-1"
        assert trigger["environment"] == {"REF": "refs/heads/main", "WHO": "ann", "EVENT": "push", "FIRST": "4f1c"}

    def test_C24_the_whole_request_is_kept_but_for_its_secrets(self, house: House) -> None:
        house.post(QUERY_STRING="a=1&a=2&token=hush", HTTP_AUTHORIZATION="Basic aHVzaA==", HTTP_COOKIE="hush")
        (trigger,) = house.dropped()
        request = trigger["request"]
        assert (request["method"], request["path"]) == ("POST", "/hook/push")
        assert request["query"] == {"a": ["1", "2"], "token": ["(left out)"]}
        assert json.loads(request["body"]) == PUSH
        assert request["headers"]["content-type"] == ["application/json"]
        assert "hush" not in json.dumps(trigger) and signature(json.dumps(PUSH).encode()) not in json.dumps(trigger)

    def test_item13_which_key_was_used_is_recorded(self, house: House) -> None:
        house.post()
        (trigger,) = house.dropped()
        assert trigger["webhook"] == {"hook": "push", "verified_by": "secret", "from": "192.0.2.1"}

    @pytest.mark.parametrize("value", ["plain", "PLAIN", "sha256=plain", "SHA256=plain"])
    def test_the_signature_may_be_written_as_github_or_as_gitea_does(self, house: House, value: str) -> None:
        plain = signature(json.dumps(PUSH).encode())
        text = value.replace("plain", plain).replace("PLAIN", plain.upper())
        assert house.post(HTTP_X_HUB_SIGNATURE_256=text).status == 202

    def test_gitea_with_its_own_headers(self, tmp_path: Path) -> None:
        house = House(tmp_path, signature_header="X-Gitea-Signature")
        raw = json.dumps(PUSH).encode()
        headers = {"HTTP_X_GITEA_SIGNATURE": signature(raw), "HTTP_X_GITEA_DELIVERY": "tea"}
        assert house.post(delivery=None, HTTP_X_HUB_SIGNATURE_256="", **headers).text == "taken as tea\n"

    def test_gitlab_with_its_token(self, tmp_path: Path) -> None:
        house = House(tmp_path, signature_header="X-Gitlab-Token")
        headers = {"HTTP_X_GITLAB_EVENT_UUID": "lab"}
        assert house.post(delivery=None, HTTP_X_GITLAB_TOKEN="wrong", **headers).status == 401
        assert house.post(delivery=None, HTTP_X_GITLAB_TOKEN=SECRET.decode(), **headers).text == "taken as lab\n"
        assert "correct horse" not in json.dumps(house.dropped())

    def test_a_bearer_key_that_is_kept_as_its_digest(self, tmp_path: Path) -> None:
        keys = {"ci": {"sha256": sha256(SECRET).hexdigest()}}
        house = House(tmp_path, signature_header="Authorization", secret_files=[], keys=keys)
        assert house.post(HTTP_AUTHORIZATION=f"Bearer {sha256(SECRET).hexdigest()}").status == 401
        assert house.post(HTTP_AUTHORIZATION="Bearer correct horse").status == 202
        assert house.dropped()[0]["webhook"]["verified_by"] == "ci"

    def test_a_form_that_carries_json_is_mapped_through(self, tmp_path: Path) -> None:
        house = House(tmp_path, map={"REF": "body.payload.ref", "WHO": "body.who"})
        raw = urlencode({"payload": json.dumps(PUSH), "who": "ann & bob"}).encode()
        assert house.post(raw, CONTENT_TYPE="application/x-www-form-urlencoded").status == 202
        assert house.dropped()[0]["environment"] == {"REF": "refs/heads/main", "WHO": "ann & bob"}

    @pytest.mark.parametrize(
        ("value", "text"), [(7, "7"), (1.5, "1.5"), (True, "true"), ([1, {"a": "ü"}], '[1,{"a":"ü"}]'), ("", "")]
    )
    def test_a_value_that_is_no_text_is_written_as_json_writes_it(self, house: House, value: Any, text: str) -> None:
        house.post({"ref": value})
        assert house.dropped()[0]["environment"]["REF"] == text

    @pytest.mark.parametrize("body", [{"ref": None}, {}, {"ref2": 1}, [1], {"pusher": "ann"}])
    def test_what_is_not_there_is_not_set(self, house: House, body: Any) -> None:
        assert house.post(body).status == 202
        assert house.dropped()[0]["environment"] == {}

    def test_P9_a_value_arrives_byte_for_byte_and_is_never_more_than_a_value(self, house: House) -> None:
        text = "'; rm -rf / #\n$(id) `id` %s {{ 7*7 }} <script>\u202e"
        house.post({"ref": text})
        assert house.dropped()[0]["environment"] == {"REF": text}

    def test_C27_the_answer_is_what_the_hook_says(self, tmp_path: Path) -> None:
        response = {"status": 201, "body": '{"ok": true}', "headers": {"Content-Type": "application/json"}}
        got = House(tmp_path, response=response).post()
        assert (got.status, got.text, got.headers["Content-Type"]) == (201, '{"ok": true}', "application/json")


    def test_an_orchestration_is_a_target_like_a_job(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        night = {"phases": [{"name": "only", "tasks": ["demo"]}]}
        path = tmp_path / "etc/dsari_like.yaml"
        path.write_text(
            yaml.safe_dump(
                {
                    "jobs": {"demo": {"command": "true"}},
                    "orchestrations": {"night": night},
                    "webhooks": {"push": {"target": ["night", "demo"], "secret_files": "secret"}},
                }
            )
        )
        house.receiver.reload()
        assert house.post(QUERY_STRING="target=night").status == 202
        (trigger,) = house.dropped("night")
        assert (trigger["id"], trigger["environment"], house.dropped()) == ("d-1", {}, [])


class TestBodies:
    def test_one_that_is_no_text_is_kept_in_base64(self, house: House) -> None:
        house.receiver = Receiver(Places(str(house.root / "etc"), str(house.root / "var")), house.clock)
        house.write({"push": {"target": "demo", "secret_files": "secret"}})
        house.receiver.reload()
        house.post(b"\x00\xff\xfe")
        request = house.dropped()[0]["request"]
        assert base64.b64decode(request["body_base64"]) == b"\x00\xff\xfe" and "body" not in request

    @pytest.mark.parametrize("size", [700 * 1024, LARGEST_BODY])
    def test_C25_one_of_two_megabytes_is_kept_whole_where_it_can_be_compressed(self, house: House, size: int) -> None:
        raw = json.dumps({"ref": "x", "fill": "ab" * size})[: size - 2].encode() + b'"}'
        assert len(raw) == size and house.post(raw).status == 202
        request = house.dropped()[0]["request"]
        kept = zlib.decompress(base64.b64decode(request["body_zlib"])) if "body_zlib" in request else None
        assert (kept or request["body"].encode()) == raw

    def test_one_that_is_long_and_cannot_be_compressed_is_cut_and_says_so(self, tmp_path: Path) -> None:
        house = House(tmp_path, map={})
        noise = b"".join(sha256(str(n).encode()).digest() for n in range(60_000))
        assert house.post(noise).status == 202
        request = house.dropped()[0]["request"]
        assert request["cut"] and noise.startswith(base64.b64decode(request["body_base64"]))
        assert (request["size"], request["sha256"]) == (len(noise), sha256(noise).hexdigest())

    def test_P19_one_byte_more_is_refused_without_reading_any(self, house: House) -> None:
        stream = io.BytesIO(b"x" * 100)
        got = house.post(b"", **{"CONTENT_LENGTH": str(LARGEST_BODY + 1), "wsgi.input": stream})
        assert is_nothing(house, got, 413) and stream.tell() == 0

    @pytest.mark.parametrize("length", ["", "-1", "1x", "٣", "0x10", "9" * 13, "5, 5"])
    def test_P19_one_without_an_honest_length_is_refused(self, house: House, length: str) -> None:
        assert is_nothing(house, house.post(CONTENT_LENGTH=length), 400, 411)

    def test_P19_one_in_chunks_is_refused(self, house: House) -> None:
        assert is_nothing(house, house.post(HTTP_TRANSFER_ENCODING="chunked"), 411)

    def test_P19_one_that_ends_early_is_refused(self, house: House) -> None:
        assert is_nothing(house, house.post(**{"wsgi.input": io.BytesIO(b"{")}), 400)


class TestForged:
    def test_P19_another_secret_proves_nothing(self, house: House) -> None:
        assert is_nothing(house, house.post(secret=OTHER), 401)

    @pytest.mark.parametrize("value", ["", "sha256=", "sha256", "=", "sha1=00", "a" * 64, "é", "\udcff", "sha256=x,"])
    def test_P19_what_is_no_signature_proves_nothing(self, house: House, value: str) -> None:
        assert is_nothing(house, house.post(HTTP_X_HUB_SIGNATURE_256=value), 401)

    def test_P19_a_signature_is_of_every_byte_of_the_body(self, house: House) -> None:
        raw = json.dumps(PUSH).encode()
        assert is_nothing(house, house.post(raw + b" ", HTTP_X_HUB_SIGNATURE_256=signature(raw)), 401)

    def test_P19_two_signatures_prove_nothing_even_when_one_is_right(self, house: House) -> None:
        right = signature(json.dumps(PUSH).encode())
        assert is_nothing(house, house.post(HTTP_X_HUB_SIGNATURE_256=f"{'0' * 64}, {right}"), 401)

    def test_P19_two_ids_of_a_delivery_are_one_too_many(self, house: House) -> None:
        assert is_nothing(house, house.post(delivery="d-1, d-2"), 400)

    def test_P19_a_token_is_not_taken_for_a_signature_nor_a_signature_for_a_token(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        signed, shown = House(tmp_path / "a"), House(tmp_path / "b", signature_header="X-Gitlab-Token")
        assert is_nothing(signed, signed.post(HTTP_X_HUB_SIGNATURE_256=SECRET.decode()), 401)
        mine = signature(json.dumps(PUSH).encode())
        assert is_nothing(shown, shown.post(HTTP_X_GITLAB_TOKEN=mine), 401)

    def test_P19_an_unknown_hook_one_that_is_off_and_a_wrong_signature_are_answered_alike(self, house: House) -> None:
        wrong, unknown = house.post(secret=OTHER), house.post(PATH_INFO="/hook/nobody")
        house.write({"push": {"target": "demo", "secret_files": "secret", "map": MAP, "enabled": False}})
        house.receiver.reload()
        assert is_nothing(house, wrong, 401) and wrong == unknown == house.post()

    def test_P19_every_comparison_is_in_constant_time_and_of_every_key(self, tmp_path: Path) -> None:
        source = inspect.getsource(proof)
        assert source.count("compare_digest(") == 2 and "==" not in inspect.getsource(proof._fits)
        compared = inspect.getsource(proof.Guard.knows)
        assert "for held in self._held if _fits(" in compared, "all keys, not all up to the one that fits"

    @pytest.mark.parametrize(
        "path",
        ["/", "", "/hook", "/hook/", "/hook/../push", "/hook/push/", "/hook/push/..", "/hook/./push", "/hook//push",
         "/hook/a/b", "/hook/push\0", "/hook/push\n", "/HOOK/push", "/hook/..", "/hooks/push", "hook/push",
         "/hook/" + "a" * 65, "/hook/é", "/x/hook/push"],
    )  # fmt: skip
    def test_P19_no_path_leads_anywhere_but_the_one_of_a_hook(self, house: House, path: str) -> None:
        assert is_nothing(house, house.post(PATH_INFO=path), 404)

    @pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "post", ""])
    def test_C23_no_other_method_is_answered(self, house: House, method: str) -> None:
        got = house.post(REQUEST_METHOD=method)
        assert is_nothing(house, got, 405) and got.headers["Allow"] == "POST"

    @pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"\xff", b'{"ref": ' + b"9" * 5000 + b"}"])
    def test_P19_a_signed_body_that_is_no_json_becomes_nothing_where_it_is_mapped(
        self, house: House, raw: bytes
    ) -> None:
        assert is_nothing(house, house.post(raw), 400)

    @pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 140_000])
    def test_P8_a_value_that_no_variable_can_hold_becomes_nothing(self, house: House, value: str) -> None:
        assert is_nothing(house, house.post({"ref": value}), 400)

    def test_P8_a_value_that_the_job_does_not_allow_becomes_nothing(self, tmp_path: Path) -> None:
        house = House(tmp_path, map={"LEVEL": "query.level"})
        assert is_nothing(house, house.post(QUERY_STRING="level=wild"), 400)
        assert house.post(QUERY_STRING="level=low").status == 202

    @given(st.dictionaries(st.sampled_from(["HTTP_X_HUB_SIGNATURE_256", "HTTP_X_GITHUB_DELIVERY", "CONTENT_LENGTH",
                                            "PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE"]),
                           st.text(st.characters(max_codepoint=255), max_size=80), min_size=1))  # fmt: skip
    @settings(max_examples=150, deadline=None)
    def test_P19_whatever_strangers_send_is_refused_and_never_an_error_of_ours(
        self, tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]
    ) -> None:
        house = House(tmp_path_factory.mktemp("house"))
        got = house.post(secret=OTHER, **environ)
        assert is_nothing(house, got, 400, 401, 404, 405, 411, 413)


class TestReplayed:
    def test_P19_the_same_delivery_again_is_one_file_and_the_same_answer(self, house: House) -> None:
        assert house.post() == house.post()
        assert len(house.dropped()) == 1

    def test_P19_a_recorded_request_under_another_id_becomes_nothing(self, house: House) -> None:
        house.post()
        assert house.post(delivery="d-2").status == 403 and len(house.dropped()) == 1

    def test_P19_an_id_that_was_used_is_not_taken_for_another_body(self, house: House) -> None:
        house.post()
        assert house.post({"ref": "other"}).status == 403 and len(house.dropped()) == 1

    def test_after_the_window_the_same_body_is_a_new_request(self, house: House) -> None:
        house.post()
        house.clock.wall += 301
        assert house.post(delivery="d-2").status == 202 and len(house.dropped()) == 2

    def test_P19_with_a_signed_time_what_is_old_or_not_of_its_time_becomes_nothing(self, tmp_path: Path) -> None:
        house = House(tmp_path, timestamp_header="X-Time", replay_window="2m")
        raw = json.dumps(PUSH).encode()

        def sent(stamp: str, signed: str | None = None) -> Got:
            mine = signature(f"{stamp if signed is None else signed}.".encode() + raw)
            return house.post(raw, HTTP_X_TIME=stamp, HTTP_X_HUB_SIGNATURE_256=mine)

        now = int(house.clock.wall)
        assert is_nothing(house, sent(str(now - 121)), 403)
        assert is_nothing(house, sent(str(now + 121)), 403)
        assert is_nothing(house, sent(str(now), signed=str(now - 500)), 401)
        for odd in ("", "soon", "-1", "1e9", f"{now}, {now}"):
            assert is_nothing(house, sent(odd), 403)
        assert is_nothing(house, house.post(raw), 401)
        assert sent(str(now - 119)).status == 202

    def test_what_is_signed_and_has_no_id_is_taken_once_for_ever(self, house: House) -> None:
        first = house.post(delivery=None)
        house.clock.wall += 100_000
        house.receiver = Receiver(Places(str(house.root / "etc"), str(house.root / "var")), house.clock)
        assert house.post(delivery=None) == first and first.text.startswith("taken as webhook-")
        assert len({trigger["id"] for trigger in house.dropped()}) == 1, "the daemon knows the second by its id"

    @pytest.mark.parametrize("given_id", ["a b", "ä", "x" * 129, "..", "a/../b", "a\nb"])
    def test_an_id_that_is_none_of_ours_becomes_one_and_stays_itself(self, house: House, given_id: str) -> None:
        other = given_id.replace(" ", "\t").replace("\n", "\r") + "!"
        house.post(delivery=given_id)
        house.post({"ref": "2"}, delivery=other)
        ids = [trigger["id"] for trigger in house.dropped()]
        assert len(set(ids)) == 2 and all(0 < len(one) <= 128 and "/" not in one for one in ids)

    def test_the_memory_of_what_was_taken_is_bounded(self) -> None:
        seen = Seen()
        for number in range(25_000):
            seen.remember(f"d{number}", f"s{number}", 10.0)
        assert seen.id_of("s4999", 0.0) is None and seen.id_of("s24999", 0.0) == "d24999"
        assert seen.digest_of("d24999", 10.0) is None


class TestKeys:
    def test_item13_a_second_secret_is_added_and_the_first_taken_away(self, house: House) -> None:
        house.secret("new", OTHER)
        hook = {"target": "demo", "map": MAP}
        house.write({"push": {**hook, "secret_files": ["secret", "new"]}})
        house.receiver.reload()
        assert self.tried(house, "before") == [202, 202]
        assert [trigger["webhook"]["verified_by"] for trigger in house.dropped()] == ["secret", "new"]
        house.write({"push": {**hook, "secret_files": ["new"]}})
        house.receiver.reload()
        assert self.tried(house, "after") == [401, 202]

    def tried(self, house: House, text: str) -> list[int]:
        """What a push is answered that is signed with the one secret, and one that is signed with the other."""
        pushes = [({"ref": f"{text} {number}"}, key) for number, key in enumerate((SECRET, OTHER))]
        return [house.post(push, delivery=push["ref"], secret=key).status for push, key in pushes]

    def test_item13_a_key_that_has_expired_proves_nothing(self, tmp_path: Path) -> None:
        house = House(tmp_path, secret_files=[], keys={"old": {"secret_file": "secret", "expires": 1_790_000_001}})
        assert house.post().status == 202
        house.clock.wall += 1
        assert house.post({"ref": "2"}, delivery="d-2").status == 401 and len(house.dropped()) == 1

    def test_item13_a_key_starts_its_own_targets_only(self, tmp_path: Path) -> None:
        keys = {"all": {"secret_file": "secret"}, "one": {"secret_file": "narrow", "targets": ["demo"]}}
        (tmp_path / "x").mkdir()
        house = House(tmp_path / "x")
        house.secret("narrow", OTHER)
        house.write({"push": {"target": ["demo", "other"], "map": MAP, "keys": keys}})
        house.receiver.reload()
        assert house.post(secret=OTHER, QUERY_STRING="target=other").status == 403
        assert house.post(secret=OTHER, QUERY_STRING="target=demo").status == 202
        assert house.post(QUERY_STRING="target=other", delivery="d-2").status == 202
        for odd in ("", "target=", "target=nobody", "target=demo&target=other", "target=../demo"):
            assert house.post({"ref": odd}, delivery="d-3", QUERY_STRING=odd).status == 400
        assert (len(house.dropped("demo")), len(house.dropped("other"))) == (1, 1)

    def test_a_reload_that_fails_changes_nothing(self, house: House) -> None:
        (house.root / "etc/secret").chmod(0o644)
        with pytest.raises(ConfigError):
            house.receiver.reload()
        assert house.post().status == 202

    @pytest.mark.parametrize("content", [b"", b"\n"])
    def test_an_empty_secret_is_none(self, house: House, content: bytes) -> None:
        (house.root / "etc/secret").write_bytes(content)
        with pytest.raises(ConfigError, match="is empty"):
            house.receiver.reload()


class TestVerifying:
    def test_C23_a_get_verifies_and_starts_nothing_even_when_it_is_signed(self, tmp_path: Path) -> None:
        house = House(tmp_path, methods=["GET", "POST"])
        got = house.post(REQUEST_METHOD="GET")
        assert (got.status, got.text) == (200, "ready\n") and house.dropped() == []

    def test_C27_a_challenge_is_given_back_as_plain_text(self, tmp_path: Path) -> None:
        house = House(tmp_path, methods=["GET", "POST"], response={"challenge": "hub.challenge"})
        got = house.ask(REQUEST_METHOD="GET", QUERY_STRING="hub.challenge=%3Cb%3E42")
        assert (got.status, got.text) == (200, "<b>42")
        assert got.headers["Content-Type"].startswith("text/plain")
        assert got.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("query", ["", "hub.challenge=", "hub.challenge=a%0d%0ab", "hub.challenge=" + "x" * 1025,
                                       "hub.challenge=1&hub.challenge=2"])  # fmt: skip
    def test_P19_a_challenge_that_is_none_becomes_nothing(self, tmp_path: Path, query: str) -> None:
        house = House(tmp_path, methods=["GET", "POST"], response={"challenge": "hub.challenge"})
        assert is_nothing(house, house.ask(REQUEST_METHOD="GET", QUERY_STRING=query), 400)


class TestShortage:
    def test_P19_what_could_not_be_made_durable_is_no_success(self, house: House) -> None:
        (house.root / "var/trigger").write_text("in the way")
        assert (house.post().status, house.post().status) == (503, 503)
        (house.root / "var/trigger").unlink()
        assert house.post().status == 202 and len(house.dropped()) == 1

    def test_P18_the_log_says_why_and_no_secret_and_each_cause_once_a_minute(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "dsari_like"):
            house.post()
            for _ in range(50):
                house.post(secret=OTHER)
                house.post(PATH_INFO="/hook/nobody")
        refused = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(refused) == 2 and "proves no key" in refused[0] and "no such hook" in refused[1]
        assert "horse" not in caplog.text and signature(json.dumps(PUSH).encode()) not in caplog.text
