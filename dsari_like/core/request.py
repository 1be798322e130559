"""What a dropped file asks for: a map as it was parsed becomes a `Trigger` or a `Control`, or the list of its faults.

Owns the keys of both kinds of file and every check on them. Must not know where the map came from, who will act on it,
or what time it is: zone, `now` and the dropper's standing are arguments. Every fault is found before any is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from dsari_like.core import items
from dsari_like.core.model import NOTHING, Job, Trigger
from dsari_like.core.names import is_reserved, is_swaying, is_trigger_id, is_variable
from dsari_like.core.orchestration import choice_of
from dsari_like.core.record import record
from dsari_like.core.secrets import ALWAYS, MASK, Secrets
from dsari_like.core.when import ZoneOf, is_time, kind_of, read_when
from dsari_like.errors import TriggerError

#: Wide enough for any ordering, far inside what the run log can hold: SQLite ends at 64 bits, JSON does not.
HIGHEST_PRIORITY = 1_000_000
#: Linux takes no longer string in an environment (MAX_ARG_STRLEN); the run would fail to start, for a stranger reason.
LONGEST_VARIABLE = 131_071
_LONGEST_WORD = 1000
#: The kind of trigger that is trusted with nothing but declared parameters.
WEBHOOK = "webhook"
#: The kind that names the call of a callback it comes from.
CALLBACK = "callback"


@record
class Control:
    """A request to the daemon: one of `ACTIONS` and its arguments, checked."""

    action: str
    arguments: Mapping[str, Any]
    id: str | None = None


@record
class Action:
    """What a request may say: all its arguments, and those of which at least one must be there, because a request
    that forgot what it is about must not mean everything."""

    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()


_MANY = ("run", "flow", "job", "status", "since")
_SELECTION = (*_MANY, "until", "item", "stage", "reason")

#: What a version cannot do yet is refused by whoever would do it; here it is only read.
ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "cancel": Action(_SELECTION, _MANY),
        "retry": Action((*_SELECTION, "tasks", "cascade", "only", "as_recorded"), _MANY),
        "resume": Action(("run", "reason"), ("run",)),
        "unblock": Action(("run", "reason"), ("run",)),
        "pause": Action(("job", "until", "reason")),
        "unpause": Action(("job", "reason")),
        "skip_next": Action(("job", "reason"), ("job",)),
        "reset_event": Action(("job", "reason"), ("job",)),
        "prune": Action(("job",)),
    }
)
_FLAGS = ("cascade", "only", "as_recorded")


def read_control(data: object) -> Control:
    """The request that `data` makes; raises TriggerError with every fault."""
    if not isinstance(data, dict):
        raise TriggerError([f'expected a map such as {{"action": "cancel"}}, found {kind_of(data)}'])
    name = data.get("action")
    if not isinstance(name, str) or name not in ACTIONS:
        raise TriggerError([f"action: expected one of {_words(ACTIONS)}, found {_found(name)}{_meant(name, ACTIONS)}"])
    action = ACTIONS[name]
    arguments = {key: value for key, value in data.items() if key not in ("action", "id")}
    faults = [fault for key, value in arguments.items() for fault in _argument_faults(name, action, key, value)]
    if action.needs and not any(key in arguments for key in action.needs):
        faults.append(f"{name}: expected {_words(action.needs, 'or')}, found none of them")
    identity = _id(data, faults)
    if faults:
        raise TriggerError(faults)
    return Control(name, MappingProxyType(arguments), identity)


def _argument_faults(name: str, action: Action, key: str, value: object) -> list[str]:
    if key not in action.takes:
        return [f"{_shown(key)}: '{name}' takes {_words(action.takes)}{_meant(key, action.takes)}"]
    if key in _FLAGS:
        return [] if isinstance(value, bool) else [f"{key}: expected true or false, found {_found(value)}"]
    if key in ("since", "until") and isinstance(value, int | float) and not isinstance(value, bool):
        return [] if is_time(value) else [f"{key}: expected a time within the years 1 to 9999, found {_found(value)}"]
    if key == "tasks" and isinstance(value, list):
        return [fault for item in value for fault in _word_faults("tasks", item)]
    return _word_faults(key, value)


def _word_faults(key: str, value: object) -> list[str]:
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD:
        return []
    return [f"{key}: expected text of 1 to {_LONGEST_WORD} characters, found {_found(value)}"]


def read_trigger(
    data: object,
    job: Job,
    zone: tzinfo,
    now: float,
    trusted: bool,
    zone_of: ZoneOf,
    secrets: Secrets = ALWAYS,
) -> Trigger:
    """The trigger that `data` asks for; raises TriggerError with every fault.

    `zone` is the job's, `now` the wall clock; `trusted` says that the daemon's own user or root owned the file. What a
    webhook dropped is not trusted whoever owned it: its words came from the network. What `secrets` hides, no fault
    shows.
    """
    if not isinstance(data, dict):
        raise TriggerError([f"expected a map such as {{}}, found {kind_of(data)}"])
    reader = _Reader(data, job, secrets)
    kind = reader.type()
    trigger = Trigger(
        type=kind,
        label=reader.text("type"),
        description=reader.text("description"),
        environment=reader.environment(trusted and kind != WEBHOOK),
        schedule_time=reader.schedule_time(zone, now, zone_of),
        id=_id(data, reader.faults),
        priority=reader.priority(),
        items=reader.items(),
        data=MappingProxyType(data) if data else NOTHING,
    )
    reader.look_at_the_rest()
    if reader.faults:
        raise TriggerError(reader.faults)
    return trigger


@dataclass(slots=True)
class _Reader:
    """One trigger being read; each method takes one key and leaves its faults."""

    data: dict[str, Any]
    job: Job
    secrets: Secrets
    faults: list[str] = field(default_factory=list)

    def fault(self, key: str, text: str) -> None:
        """One more thing that is wrong."""
        self.faults.append(f"{key}: {text}")

    def type(self) -> str:
        """Who dropped it: our own commands say `manual` and `webhook`, callbacks `callback`. No other word of the
        vocabulary may be claimed by a file, or a dropper could pass its runs off as the schedule's."""
        found = self.data.get("trigger_type", "file")
        if found not in ("file", "manual", WEBHOOK, CALLBACK):
            self.fault("trigger_type", f"expected 'file', 'manual', 'webhook' or 'callback', found {_found(found)}")
            return "file"
        if found == CALLBACK and not isinstance(self.data.get("callback_id"), str):
            self.fault("callback_id", "expected the id of the call of a callback that drops this")
        return str(found)

    def text(self, key: str) -> str:
        """A key that holds text, or nothing."""
        value = self.data.get(key, "")
        if isinstance(value, str):
            return value
        self.fault(key, f"expected text, found {_found(value)}")
        return ""

    def priority(self) -> int | None:
        """What overrides the job's own, if anything."""
        value = self.data.get("priority")
        if "priority" not in self.data:
            return None
        if type(value) is int and abs(value) <= HIGHEST_PRIORITY:
            return value
        limit = HIGHEST_PRIORITY
        self.fault("priority", f"expected an integer from {-limit} to {limit}, found {_found(value)}")
        return None

    def schedule_time(self, zone: tzinfo, now: float, zone_of: ZoneOf) -> float | None:
        """A time that has passed means now, so that the run's own record says when it was really due (D-38)."""
        zone = self.zone(zone, zone_of)
        if "schedule_time" not in self.data:
            return None
        try:
            return max(now, read_when(self.data["schedule_time"], zone, zone_of, now))
        except ValueError as error:
            self.fault("schedule_time", str(error))
            return None

    def zone(self, default: tzinfo, zone_of: ZoneOf) -> tzinfo:
        """Where a time without an offset is local time."""
        if "schedule_timezone" not in self.data:
            return default
        name = self.data["schedule_timezone"]
        found = zone_of(name) if isinstance(name, str) and 0 < len(name) <= 64 else None
        if found is None:
            self.fault("schedule_timezone", f"expected a zone such as 'Europe/Berlin', found {_found(name)}")
        return found or default

    def look_at_the_rest(self) -> None:
        """What the job itself rules out."""
        if not self.job.enabled:
            self.fault("job", f"'{self.job.name}' is switched off (enabled: false), so it takes no triggers")
        if self.job.flow is not None:
            self.faults += choice_of(self.job.flow, self.data).faults
        elif "tasks" in self.data:
            self.fault("tasks", f"is for orchestrations, and '{self.job.name}' is a plain job; leave it out")

    def items(self) -> tuple[str, ...] | None:
        """Which items of an array job to do; None for all of them."""
        if "items" not in self.data:
            return None
        if not self.job.items:
            self.fault("items", f"is for array jobs, and '{self.job.name}' is a plain job; leave it out")
            return None
        try:
            return items.select(self.data["items"], self.job.items)
        except items.ItemError as error:
            self.fault("items", str(error))
            return None

    def environment(self, trusted: bool) -> Mapping[str, str]:
        """The variables the run is to get from this trigger."""
        given = self.data.get("environment", {})
        if not isinstance(given, dict):
            self.fault("environment", f"expected a map of variables, found {kind_of(given)}")
            return NOTHING
        result: dict[str, str] = {}
        for name, value in given.items():
            if self.may_set(name, trusted) and (text := self.value(name, value)) is not None:
                result[name] = text
        self.parameters(result, given)
        return MappingProxyType(result) if result else NOTHING

    def may_set(self, name: str, trusted: bool) -> bool:
        """The rules of `trigger_environment`, strictest first; a refused name refuses the trigger, with the reason."""
        why = self.why_not(name, trusted)
        if why:
            self.fault("environment", f"{_shown(name)} {why}")
        return not why

    def why_not(self, name: str, trusted: bool) -> str:
        """Why this name may not be set, as the end of a sentence; empty when it may."""
        listed = self.job.trigger_environment
        if not isinstance(name, str) or not is_variable(name):
            return "is no name of a variable: it must not be empty, and hold no '=', blank or control character"
        if is_reserved(name):
            return "is set by the daemon alone and cannot be set by a trigger"
        if is_swaying(name) and name not in (listed or ()):
            return (
                "decides which code runs, so a trigger may set it only where the job lists it by its full name under"
                " trigger_environment"
            )
        if name in self.job.parameters or (listed is None and trusted):
            return ""
        if listed is None:
            return f"is not declared, and {self.dropper()} may set parameters only: {self.declared(name)}"
        if any(fnmatchcase(name, pattern) for pattern in listed):
            return ""
        return f"is neither listed under trigger_environment nor declared as a parameter: {self.declared(name)}"

    def dropper(self) -> str:
        """Whoever is not trusted."""
        return "a webhook" if self.data.get("trigger_type") == WEBHOOK else "a file of another user"

    def declared(self, name: str) -> str:
        """What could have been meant."""
        names = self.job.parameters
        shown = f"'{self.job.name}' declares {_words(names)}" if names else f"'{self.job.name}' declares none"
        return shown + _meant(name, names)

    def value(self, name: str, value: object) -> str | None:
        """The text a variable gets: numbers become text; true and false are refused, since every language spells
        them in its own way and a run would see ours."""
        if isinstance(value, bool):
            word = str(value).lower()
            self.fault("environment", f"'{name}': expected text or a number, found {word}; write \"{word}\" or 1 or 0")
        elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            seen = MASK if self.secrets.is_secret(name) else _found(value)
            self.fault("environment", f"'{name}': expected text or a number, found {seen}")
        elif "\0" in (text := str(value)):
            self.fault("environment", f"'{name}': holds a NUL character, which no environment can carry")
        elif len(name.encode()) + len(text.encode()) + 2 > LONGEST_VARIABLE:
            self.fault("environment", f"'{name}': longer than the {LONGEST_VARIABLE} bytes that Linux gives a variable")
        else:
            return text
        return None

    def parameters(self, result: dict[str, str], given: Mapping[str, object]) -> None:
        """What the job declares holds for every trigger, whoever dropped it."""
        for name, parameter in self.job.parameters.items():
            text, allowed = result.get(name), parameter.allowed
            if name in given:
                if text is not None and allowed is not None and text not in allowed:
                    secret = self.secrets.is_secret(name)
                    choices, seen = (MASK, MASK) if secret else (_words(allowed), _shown(text))
                    self.fault("environment", f"'{name}': expected one of {choices}, found {seen}")
            elif parameter.default is not None:
                result[name] = parameter.default
            elif parameter.required:
                self.fault("environment", f"'{name}' is required by '{self.job.name}' and was not given")


def _id(data: Mapping[str, Any], faults: list[str]) -> str | None:
    if "id" not in data:
        return None
    value = data["id"]
    if isinstance(value, str) and is_trigger_id(value):
        return value
    faults.append(f"id: expected 1 to 128 of A-Z a-z 0-9 . _ -, found {_found(value)}")
    return None


def _found(value: object) -> str:
    return _shown(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else kind_of(value)


def _shown(value: object) -> str:
    """A value in a sentence: short, and with control characters spelled out."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _words(words: Iterable[str], last: str = "and") -> str:
    """Some words as a sentence lists them; a long list is cut, since it stands in a log line."""
    known = list(words)
    shown = known[:12] + ([f"{len(known) - 12} more"] if len(known) > 12 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def _meant(word: object, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), 1) if isinstance(word, str) and len(word) <= 64 else []
    return f" (did you mean '{close[0]}'?)" if close else ""
