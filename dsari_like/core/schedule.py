"""Schedules: a text, a job name and a zone in; slots out.

The public face of everything about fire times. Owns the choice between the kinds of text and the memo of parse
trees. Reads no clock: instants are UTC epoch seconds and zones are objects, all given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dsari_like.core import cron, hashing, interval
from dsari_like.core.drawn import DrawnRule
from dsari_like.core.rule import DstPolicy, Lost, Rule, ScheduleError, ScheduleFault, Slot, next_of
from dsari_like.core.zones import Transition, transitions, view

if TYPE_CHECKING:
    from dsari_like.core.rrule import RecurrenceText

__all__ = [
    "DstPolicy",
    "Lost",
    "Parsed",
    "Rule",
    "ScheduleError",
    "ScheduleFault",
    "Slot",
    "Transition",
    "bind",
    "default_anchor",
    "next_of",
    "parse",
    "transitions",
]

Parsed: TypeAlias = "cron.CronText | RecurrenceText | interval.EveryText | interval.RebootText"

_DAY = 86_400
_LONGEST_TEXT = 1_000
_KNOWN = (*cron.ALIASES, "@reboot", "@every")


@lru_cache(maxsize=65_536)
def parse(text: str) -> Parsed:
    """What a schedule text means, whatever the job; ScheduleError names the text and the fault."""
    try:
        return _parsed(text.strip(" \t\r\n"))
    except ScheduleError as error:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise ScheduleError(f"schedule '{shown}': {error}") from None


def _parsed(text: str) -> Parsed:
    if not text:
        raise ScheduleError("it is empty; leave the key out for a job that is only triggered")
    if not text.isascii() or len(text) > _LONGEST_TEXT:
        raise ScheduleError(f"it may hold plain ASCII only, at most {_LONGEST_TEXT} characters")
    if _is_recurrence(text):
        from dsari_like.core.recurrence import parse_recurrence  # few sites have one: 4 ms of each start

        return parse_recurrence(text)
    if not text.replace("\t", " ").isprintable():
        raise ScheduleError("it may not hold a line break; give a list for several schedules")
    if text.startswith("@"):
        return _nickname(text)
    return cron.parse_cron(text)


def _nickname(text: str) -> Parsed:
    word, *rest = text.lower().split(None, 1)
    if word == "@every":
        return interval.parse_every(text)
    if word not in _KNOWN:
        raise ScheduleError(f"unknown nickname{_suggestion(word)}")
    if rest:
        raise ScheduleError(f"nothing may follow {word}")
    return interval.RebootText(text) if word == "@reboot" else cron.parse_cron(text)


def _suggestion(word: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, _KNOWN, 1)
    return f" (did you mean {close[0]}?)" if close else f"; known are {', '.join(_KNOWN)}"


def bind(
    parsed: Parsed,
    job_name: str,
    zone: tzinfo,
    dst: DstPolicy,
    *,
    anchor: float | None = None,
    independent: bool = False,
    zones: Callable[[str], tzinfo] | None = None,
) -> Rule:
    """The rule of one job.

    `anchor`: where a recurrence without DTSTART counts from. `independent`: uncorrelated hashes, against dsari
    (B-34). `zones`: finds the zone that a DTSTART names.
    """
    if isinstance(parsed, cron.CronText):
        numbers = hashing.numbers(job_name, independent=independent) if parsed.hashed else hashing.no_numbers
        if parsed.drawn:
            return DrawnRule(parsed, job_name, numbers, view(zone), dst)
        return cron.CronRule(parsed, numbers, view(zone), dst)
    if isinstance(parsed, interval.EveryText):
        return interval.EveryRule(parsed, hashing.name_number(job_name))
    if isinstance(parsed, interval.RebootText):
        return interval.RebootRule(parsed)
    from dsari_like.core.recurrence import bind_recurrence

    return bind_recurrence(parsed, zone, dst, anchor, zones)


def _is_recurrence(text: str) -> bool:
    """Whether the text is meant for one, well formed or not."""
    return text.upper().startswith(("RRULE", "DTSTART"))


def default_anchor(job_name: str, now: float) -> float:
    """The latest instant not after `now` that is congruent to the name's CRC modulo one day (D-61).

    The caller stores it when it first sees the schedule: computed anew at each load, a weekly rule would move to the
    day of the last restart (B-31).
    """
    return float(now // 1 - (now // 1 - hashing.name_number(job_name)) % _DAY)
