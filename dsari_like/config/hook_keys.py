"""The keys of the webhooks: which there are, and what each may hold.

Owns the tables and the checks of single values. Must not know what several keys mean together (`hooks`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dsari_like.config.blackouts import MOMENT
from dsari_like.config.checks import (
    BOOLEAN,
    FILLED,
    NAME_SCHEMA,
    NAMES,
    PATH,
    TEXT,
    TEXTS,
    Check,
    Fault,
    Unfit,
    duration,
    each,
    found,
    one_of,
    shown,
    take_filled,
    take_text,
    take_variable_name,
    unfit,
)
from dsari_like.config.section import REQUIRED, Key, Section
from dsari_like.core.hooks import HookResponse, Scheme, Source

METHODS = ("GET", "POST", "PUT")
#: Headers that belong to the connection or are made from the body; an answer that sets them would contradict itself.
_NOT_OURS_TO_SET = frozenset(
    "connection content-length date keep-alive proxy-authenticate server te trailer transfer-encoding upgrade".split()
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,128}")  # a token of HTTP, less the underscore, which servers drop
_SOURCE = re.compile(r"(body|headers?|query)\.(.+)", re.DOTALL)
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


def _take_header(value: Any) -> str:
    if not _HEADER.fullmatch(take_filled(value, HEADER.words)):
        raise unfit(HEADER.words, value)
    return str(value)


HEADER = Check("the name of a header", {"type": "string", "pattern": f"^{_HEADER.pattern}$"}, _take_header)


def _take_digest(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise Unfit(Fault((), "expected the 64 hexadecimal digits of a SHA-256, found something else"))
    return value.lower()


DIGEST = Check("64 hexadecimal digits", {"type": "string", "pattern": f"^{_DIGEST.pattern}$"}, _take_digest)


def _take_methods(value: Any) -> tuple[str, ...]:
    methods = [value] if value.__class__ is str else value
    if methods.__class__ is not list or not methods:
        raise unfit(_METHODS.words, value)
    return tuple(dict.fromkeys(each(enumerate(methods), one_of(*METHODS).take)))


_METHODS = Check(
    "GET, POST or PUT, or a list of these",
    {"anyOf": [{"enum": list(METHODS)}, {"type": "array", "items": {"enum": list(METHODS)}, "minItems": 1}]},
    _take_methods,
)


def _take_source(value: Any) -> Source:
    match = _SOURCE.fullmatch(take_filled(value, SOURCE.words))
    parts = tuple(match[2].split(".")) if match else ()
    if match is None or "" in parts:
        raise unfit(SOURCE.words, value)
    if match[1] == "body":
        return Source("body", parts)
    return Source("query" if match[1] == "query" else "headers", (match[2],))


SOURCE = Check(
    "body.PATH, headers.NAME or query.NAME",
    {"type": "string", "pattern": r"^(body|headers?|query)\..+$"},
    _take_source,
)


def _take_map(value: Any) -> Mapping[str, Source]:
    if not isinstance(value, dict):
        raise unfit(_MAP.words, value)
    return dict(each(((pair[0], pair) for pair in value.items()), _take_mapped))


def _take_mapped(pair: tuple[Any, Any]) -> tuple[str, Source]:
    return take_variable_name(pair[0]), _take_source(pair[1])


_MAP = Check(
    "a map of parameters to body.PATH, headers.NAME or query.NAME",
    {"type": "object", "additionalProperties": SOURCE.schema},
    _take_map,
)


def _take_answer_headers(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise unfit("a map of headers", value)
    return dict(each(((pair[0], pair) for pair in value.items()), _take_answer_header))


def _take_answer_header(pair: tuple[Any, Any]) -> tuple[str, str]:
    name, text = _take_header(pair[0]), take_text(pair[1])
    if name.lower() in _NOT_OURS_TO_SET:
        raise Unfit(Fault((), f"{name} is set by the server; leave it out"))
    if not text.isprintable() or not text.isascii():
        raise Unfit(Fault((), f"expected printable ASCII, found {shown(text)}; a header can hold nothing else"))
    return name, text


def _take_status(value: Any) -> int:
    if value.__class__ is not int or not 200 <= value <= 299:
        raise Unfit(Fault((), f"expected a status of success, from 200 to 299, found {found(value)}"))
    return int(value)


RESPONSE = Section(
    "a response",
    Key("status", Check("a number from 200 to 299", {"type": "integer", "minimum": 200, "maximum": 299}, _take_status),
        202, "what a request that was taken is answered with; what was not taken cannot be answered otherwise"),
    Key("headers", Check("a map of headers", {"type": "object", "additionalProperties": {"type": "string"}},
                         _take_answer_headers), {}, "headers of that answer"),
    Key("body", TEXT, None, "its text; none: the id under which the request was taken"),
    Key("challenge", FILLED, None,
        "the query field whose value a GET gets back, for services that ask whether the address is right"),
)  # fmt: skip


def _take_response(value: Any) -> HookResponse:
    taken, faults = RESPONSE.read(value)
    if faults:
        raise Unfit(*faults)
    return HookResponse(**taken)


HOOK_KEY = Section(
    "a key of a webhook",
    Key("secret_file", PATH, None, "a file that holds the secret and nothing else, closed to everybody else"),
    Key("sha256", DIGEST, None,
        "in place of a file: the SHA-256 of the secret; with scheme token only, for an HMAC needs the secret itself"),
    Key("targets", NAMES, [], "what this key may start, of the targets of the hook; empty: all of them"),
    Key("expires", MOMENT, None, "a date and time from which on it is good for nothing; none: it does not expire"),
)  # fmt: skip

def _take_keys(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unfit(_KEYS.words, value)
    return value


# The entries are checked when the hook is made, one by one, because what they may say hangs on its other keys.
_KEYS = Check(
    "a map of keys by name",
    {"type": "object", "propertyNames": NAME_SCHEMA, "additionalProperties": HOOK_KEY.schema},
    _take_keys,
)

HOOK = Section(
    "a webhook",
    Key("target", NAMES, REQUIRED,
        "the job, or the orchestration, that is started; of several, the query field target says which"),
    Key("secret_files", TEXTS, [],
        "files with a secret each; a request is to prove that it knows any of them, so that a new one is added before "
        "the old one is taken away"),
    Key("keys", _KEYS, {},
        "as secret_files, for keys with a name, an end, or targets of their own"),
    Key("signature_header", HEADER, "X-Hub-Signature-256", "the header that holds the proof"),
    Key("scheme", one_of(*Scheme), None,
        "hmac-sha256: the header holds the HMAC of the body, in hexadecimal digits, with or without sha256= before "
        "them; token: it holds the secret itself, with or without Bearer before it; none: token for X-Gitlab-Token "
        "and Authorization, hmac-sha256 for every other header"),
    Key("delivery_header", HEADER, None,
        "the header that holds the id of the delivery, which becomes the id of the trigger; none: X-GitHub-Delivery, "
        "X-Gitea-Delivery or X-Gitlab-Event-UUID, whichever is there"),
    Key("timestamp_header", HEADER, None,
        "the header that holds the time of the request in epoch seconds; the signature is then over that text, a dot "
        "and the body, and what is older or newer than the replay_window is refused"),
    Key("replay_window", duration("a request could be sent again at once"), 300,
        "for so long the same signed body is not taken under another delivery id"),
    Key("methods", _METHODS, ["POST"],
        "the methods it answers; GET verifies that the address is right and never starts anything"),
    Key("map", _MAP, {},
        "declared parameters of the target, and where each is found in the request; an orchestration has none"),
    Key("response", Check("a map", RESPONSE.schema, _take_response), {}, "what the sender of a taken request is told"),
    Key("enabled", BOOLEAN, True, "false: nothing is taken"),
)  # fmt: skip
