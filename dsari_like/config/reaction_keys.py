"""The keys of reactions: callbacks, what blocks a run, and how mail leaves; and what each may hold.

Owns the tables. Expressions are parsed where they stand; what they are about is looked up in `reactions`, when all jobs
are known. Must not know which jobs there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsari_like.config.checks import (
    BOOLEAN,
    COMMAND,
    FILLED,
    LEGAL_NAME,
    PATH,
    TEXT,
    Check,
    Fault,
    Unfit,
    duration,
    each,
    one_of,
    shown,
    take_filled,
    unfit,
    whole_number,
)
from dsari_like.config.section import REQUIRED, Key, Section
from dsari_like.core.expression import Expression, all_of, parse
from dsari_like.core.mail import Mail
from dsari_like.core.reactions import LANGUAGES, Language
from dsari_like.core.terms import ExpressionError


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as text and as a tree, before its times are settled. A list is all of its members (Q-05)."""

    text: str
    expression: Expression


def _whole(section: Section, value: Any) -> dict[str, Any]:
    taken, faults = section.read(value)
    if faults:
        raise Unfit(*faults)
    return taken


def _parsed(text: Any) -> tuple[str, Expression]:
    written = take_filled(text, TRIGGERS.words)
    try:
        return written, parse(written)
    except ExpressionError as error:
        raise Unfit(Fault((), f"{shown(written)}: {error}")) from None


def _take_triggers(value: Any) -> Written:
    if value.__class__ is not list:
        return Written(*_parsed(value))
    if not value:
        raise unfit(TRIGGERS.words, value)
    found = each(enumerate(value), _parsed)
    text = " && ".join(f"({written})" if " " in written.strip() else written.strip() for written, _ in found)
    return Written(text, all_of(tuple(expression for _, expression in found)))


TRIGGERS = Check(
    "a trigger expression such as complete-job-self, or a list of them that must all come true",
    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
    _take_triggers,
)

_FRESHNESS = (
    Key("within", duration("no two things happen at one instant"), None,
        "operands of AND that came true longer before the last one do not count; events of different flows are then "
        "put together"),
    Key("since", one_of("last_run"), None,
        "last_run: operands that came true before the job began last do not count; events of different flows are then "
        "put together"),
    Key("times", one_of("epoch", "qube"), "epoch", "what a bare number is, where a time is written"),
)  # fmt: skip

CALLBACK = Section(
    "a callback",
    Key("triggers", TRIGGERS, REQUIRED, "when it is called: each time this comes true"),
    Key("language", one_of(*LANGUAGES), REQUIRED,
        "what the code is: verbs of qube, text for /bin/sh or for Python, addresses for mail, or URLs for webhook"),
    Key("code", TEXT, "",
        "what is done; for mail and webhook, where it is sent, one address a line, and for a webhook behind it, if it "
        "is to be signed, secret_file=PATH"),
    Key("name", LEGAL_NAME, None, "what it is called in the reports and in failed-callback-NAME; none: its number"),
    Key("maximum", whole_number(1, "leave the callback out"), None,
        "how often it is called at the most, for each flow, or each run that is in none"),
    Key("timeout", duration("every call would be ended at once"), 60, "TERM to a call that lasts longer"),
    Key("retries", whole_number(0), 0, "how often a call that failed is made again"),
    Key("retry_delay", duration(), 60, "how long after its end"),
    *_FRESHNESS,
)  # fmt: skip

BLOCKING = Section(
    "what blocks a run",
    Key("triggers", TRIGGERS, REQUIRED, "when it is released"),
    *_FRESHNESS,
)  # fmt: skip


def _take_callbacks(value: Any) -> tuple[Mapping[str, Any], ...]:
    entries = [value] if isinstance(value, dict) else value
    if entries.__class__ is not list:
        raise unfit(CALLBACKS.words, value)
    return tuple(each(enumerate(entries), lambda written: _whole(CALLBACK, written)))


CALLBACKS = Check(
    "a list of callbacks", {"anyOf": [CALLBACK.schema, {"type": "array", "items": CALLBACK.schema}]}, _take_callbacks
)


def _take_blocking(value: Any) -> Mapping[str, Any]:
    return _whole(BLOCKING, value if isinstance(value, dict) else {"triggers": value})


BLOCKED_UNTIL = Check(
    "a trigger expression, or a map {triggers, within, since, times}",
    {"anyOf": [TRIGGERS.schema, BLOCKING.schema]},
    _take_blocking,
)


def _take_languages(value: Any) -> tuple[Language, ...]:
    entries = [value] if value.__class__ is str else value
    if entries.__class__ is not list:
        raise unfit(_LANGUAGES.words, value)
    return tuple(dict.fromkeys(each(enumerate(entries), one_of(*LANGUAGES).take)))


_LANGUAGES = Check(
    "a list of languages", {"type": "array", "items": {"enum": [one.value for one in LANGUAGES]}}, _take_languages
)

SMTP = Section(
    "a mail server",
    Key("host", FILLED, REQUIRED, "its name"),
    Key("port", whole_number(1), None, "none: 465 with tls, 587 with starttls, 25 without"),
    Key("tls", one_of("starttls", "tls", "none"), "starttls", "tls is encrypted from the first byte"),
    Key("user", FILLED, None, "none: without a login"),
    Key("password_file", PATH, None, "a file with the password in its first line"),
)  # fmt: skip


def _take_smtp(value: Any) -> Mapping[str, Any]:
    return _whole(SMTP, value)


MAIL = Section(
    "mail",
    Key("sendmail", COMMAND, None, "the program that takes a mail on its input; none: /usr/sbin/sendmail"),
    Key("smtp", Check("a map of a mail server", SMTP.schema, _take_smtp), None, "the server mail is given to instead"),
    Key("from", FILLED, None, "the sender"),
)  # fmt: skip


def _take_mail(value: Any) -> Mail:
    written = _whole(MAIL, value)
    if "sendmail" in written and "smtp" in written:
        raise Unfit(Fault(("smtp",), "mail leaves by sendmail or by smtp; remove one"))
    return Mail(sendmail=written.get("sendmail", ()), sender=written.get("from", ""), **written.get("smtp", {}))


#: The keys of a job, and those of the top level.
KEYS = (
    Key("blocked_until", BLOCKED_UNTIL, None,
        "its runs are created blocked, and released when this trigger expression comes true"),
    Key("callbacks", CALLBACKS, [], "what is done when something happens to its runs, or to others"),
    Key("universal_callbacks", BOOLEAN, True, "false: the top-level callbacks do not apply to its runs"),
)  # fmt: skip
TOP_KEYS = (
    Key("callbacks", CALLBACKS, [], "callbacks of every job: self is the run that something happened to"),
    Key("mail", Check("a map", MAIL.schema, _take_mail), {}, "how mail leaves"),
    Key("callback_languages", _LANGUAGES, None, "the languages that callbacks may be in; none: all there are"),
)
