"""The keys of `notify`, at whatever level it stands, and what each may hold.

Owns the table, and the way back to what could be written. Must not know who is told when.
"""

from __future__ import annotations

import re
from typing import Any

from dsari_like.config.checks import BOOLEAN, TEXTS, Check, Fault, Unfit, each, one_of, unfit, whole_number
from dsari_like.config.section import Key, Section
from dsari_like.core import addresses
from dsari_like.core.notify import Kind, Rule, time_words

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def _minute(text: str) -> int | None:
    found = _TIME.fullmatch(text.strip())
    return int(found[1]) * 60 + int(found[2]) if found else None


def _take_time(value: Any) -> int:
    found = _minute(value) if value.__class__ is str else None
    if value.__class__ is int and 0 <= value < 1440:  # what YAML reads 18:00 as, which is just what is kept
        return int(value)
    if found is None:
        raise unfit(_DIGEST.words, value)
    return found


def _take_hours(value: Any) -> tuple[int, int]:
    parts = value.split("-") if value.__class__ is str else []
    found = [_minute(part) for part in parts]
    if len(found) != 2 or found[0] is None or found[1] is None or found[0] == found[1]:
        raise unfit(_HOURS.words, value)
    return found[0], found[1]


def _take_percent(value: Any) -> float:
    text = value.removesuffix("%").strip() if value.__class__ is str else value
    if text.__class__ is str and text.isdecimal():
        text = int(text)
    if text.__class__ not in (int, float) or not 1 <= text <= 10_000:
        raise unfit(_PERCENT.words, value)
    return float(text)


def _take_kinds(value: Any) -> tuple[Kind, ...]:
    entries = [value] if value.__class__ is str else value
    if entries.__class__ is not list:
        raise unfit(_KINDS.words, value)
    return tuple(dict.fromkeys(each(enumerate(entries), one_of(*Kind).take)))


def _take_addresses(value: Any) -> tuple[str, ...]:
    texts = TEXTS.take(value)
    return tuple(dict.fromkeys(each(enumerate(texts), _take_address)))


def _take_address(text: str) -> str:
    try:
        addresses.read(text)
    except addresses.AddressError as error:
        raise Unfit(Fault((), str(error))) from None
    return text


_DIGEST = Check("a time of day such as '08:00'", {"type": "string", "pattern": _TIME.pattern}, _take_time)
_HOURS = Check("hours such as '22:00-07:00'", {"type": "string"}, _take_hours)
_PERCENT = Check("a percentage such as 50 or '50%'", {"type": ["number", "string"]}, _take_percent)
_WORDS = [kind.value for kind in Kind]
_KINDS = Check(
    f"a list of {', '.join(_WORDS)}",
    {"anyOf": [{"enum": _WORDS}, {"type": "array", "items": {"enum": _WORDS}}]},
    _take_kinds,
)
_ADDRESSES = Check("a list of addresses", TEXTS.schema, _take_addresses)

NOTIFY = Section(
    "a rule of notify",
    Key("on", _KINDS, ["failed", "recovered"],
        "what is told: failed (once, until it has gone well; after the last retry), recovered (where the failure was "
        "told), warning, completed, started, late, missed (a time that passed without a daemon), timed_out"),
    Key("to", _ADDRESSES, [],
        "who is told: mail addresses, smtp://USER:PW@HOST:PORT/?from=A&to=B, http:// and https:// (a POST of JSON), or "
        "any URL of Apprise"),
    Key("replace", BOOLEAN, False, "true: in place of the levels above; else all levels add up"),
    Key("after", whole_number(1), 1, "a failure is told when there are so many in a row"),
    Key("over", _PERCENT, 50,
        "late: told when a run has lasted so much longer than the mean of the last 20 good ones, of which there must "
        "be 3"),
    Key("quiet_hours", _HOURS, None, "what happens in these hours is told at their end, in one message"),
    Key("digest", _DIGEST, None, "what happens is told once a day, at this time, in one message"),
)  # fmt: skip


def _take_notify(value: Any) -> tuple[Rule, ...]:
    if isinstance(value, dict):
        return (_take_rule(value),)
    if value.__class__ is not list:
        raise unfit(CHECK.words, value)
    return tuple(each(enumerate(value), _take_rule))


def _take_rule(value: Any) -> Rule:
    taken, faults = NOTIFY.read(value)
    if faults:
        raise Unfit(*faults)
    if "quiet_hours" in taken and "digest" in taken:
        raise Unfit(Fault(("quiet_hours",), "a digest has its time already; remove one"))
    return Rule(**taken)


CHECK = Check(
    "a rule of notify, or a list of them",
    {"anyOf": [NOTIFY.schema, {"type": "array", "items": NOTIFY.schema}]},
    _take_notify,
)
KEY = Key("notify", CHECK, [], "who is told of what happens to its runs; started by hand, only who asked is told")
TOP_KEY = Key("notify", CHECK, [], "who is told of what happens to the runs of all jobs")


def dumped(rule: Rule) -> dict[str, Any]:
    """A rule key by key. Of addresses that may hold a secret only the harmless part is told."""
    hours = rule.quiet_hours
    return {
        "on": [kind.value for kind in rule.on],
        "to": [addresses.shown(addresses.read(text)) for text in rule.to],
        "replace": rule.replace,
        "after": rule.after,
        "over": rule.over,
        "quiet_hours": hours and f"{time_words(hours[0])}-{time_words(hours[1])}",
        "digest": None if rule.digest is None else time_words(rule.digest),
    }
