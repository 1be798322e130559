"""What pages and `show` tell of the request that a webhook made a trigger of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dsari_like.report.requests import request_lines, sender, without_body
from tests.shell.test_report_words import run

REQUEST = {
    "method": "POST",
    "path": "/hook/a b",
    "headers": {"content-type": ["application/json"], "x-api-key": ["hush"]},
    "query": {"a": ["1", "2"]},
    "size": 40,
    "sha256": "00",
    "body": '{"ref": "main", "password": "hush"}',
}
WEBHOOK = {"hook": "push", "verified_by": "ci", "from": "192.0.2.1"}


def row(request: Any = REQUEST, webhook: Any = WEBHOOK, kind: str = "webhook") -> Any:
    data = {"webhook": webhook, "request": request}
    return run(trigger_type=kind, data=data)


def test_C24_a_request_is_told_with_its_secrets_hidden() -> None:
    lines = request_lines(row())
    assert lines[0] == "POST /hook/a%20b?a=1&a=2"
    assert "content-type: application/json" in lines and '  "ref": "main",' in lines
    assert "hush" not in "\n".join(lines)


def test_item13_the_key_is_told() -> None:
    assert sender(row()) == "push, proved by the key ci, from 192.0.2.1"
    assert sender(row(webhook={"hook": "push"})) == "push"


@pytest.mark.parametrize(
    "body", [{"body": "plain"}, {"body_base64": "AAA="}, {"body": '"text"'}, {"body": "[" * 9999}, {}]
)
def test_a_body_in_which_no_secret_could_be_found_is_not_shown(body: dict[str, str]) -> None:
    plain = {key: value for key, value in REQUEST.items() if key != "body"}
    assert request_lines(row({**plain, **body}))[-1].startswith("a body of 40 bytes, in trigger_data.json")


def test_a_long_body_is_left_where_it_is() -> None:
    long = request_lines(row({**REQUEST, "size": 70_000, "body": json.dumps(["x" * 70_000])}))
    assert long[-1] == "a body of 70000 bytes, in trigger_data.json of the run's directory"


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"headers": 5, "query": [1], "size": "x", "body": 3}])
def test_P17_what_another_dropper_wrote_in_its_place_does_no_harm(odd: Any) -> None:
    assert all(isinstance(line, str) for line in request_lines(row(odd)))
    assert isinstance(sender(row(webhook=odd)), str) and without_body({"request": odd}).keys() == {"request"}


def test_what_no_webhook_dropped_is_no_request() -> None:
    assert request_lines(row(kind="file")) == [] and sender(row(kind="file")) == ""
    assert without_body({"request": REQUEST})["request"].keys() == REQUEST.keys() - {"body"}
