"""What a dropped file asks for: a map as it was parsed becomes a `Trigger`, or the list of its faults.

Owns the keys of such a file and every check on them; what a file may ask of the daemon itself is `control.py`'s. Must
not know where the map came from, who will act on it, or what time it is: zone, `now` and the dropper's standing are
arguments. Every fault is found before any is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from dsari_like.core import items
from dsari_like.core.dropped import found, listed, meant, read_id, shown
from dsari_like.core.model import NOTHING, Job, Trigger
from dsari_like.core.names import is_reserved, is_swaying, is_variable
from dsari_like.core.orchestration import choice_of
from dsari_like.core.secrets import ALWAYS, MASK, Secrets
from dsari_like.core.when import ZoneOf, kind_of, read_when
from dsari_like.errors import TriggerError

#: Wide enough for any ordering, far inside what the run log can hold: SQLite ends at 64 bits, JSON does not.
HIGHEST_PRIORITY = 1_000_000
#: Linux takes no longer string in an environment (MAX_ARG_STRLEN); the run would fail to start, for a stranger reason.
LONGEST_VARIABLE = 131_071
#: The kind of trigger that is trusted with nothing but declared parameters.
WEBHOOK = "webhook"
#: The kind that names the call of a callback it comes from.
CALLBACK = "callback"


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
        id=read_id(data, reader.faults),
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
        kind = self.data.get("trigger_type", "file")
        if kind not in ("file", "manual", WEBHOOK, CALLBACK):
            self.fault("trigger_type", f"expected 'file', 'manual', 'webhook' or 'callback', found {found(kind)}")
            return "file"
        if kind == CALLBACK and not isinstance(self.data.get("callback_id"), str):
            self.fault("callback_id", "expected the id of the call of a callback that drops this")
        return str(kind)

    def text(self, key: str) -> str:
        """A key that holds text, or nothing."""
        value = self.data.get(key, "")
        if isinstance(value, str):
            return value
        self.fault(key, f"expected text, found {found(value)}")
        return ""

    def priority(self) -> int | None:
        """What overrides the job's own, if anything."""
        value = self.data.get("priority")
        if "priority" not in self.data:
            return None
        if type(value) is int and abs(value) <= HIGHEST_PRIORITY:
            return value
        limit = HIGHEST_PRIORITY
        self.fault("priority", f"expected an integer from {-limit} to {limit}, found {found(value)}")
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
        zone = zone_of(name) if isinstance(name, str) and 0 < len(name) <= 64 else None
        if zone is None:
            self.fault("schedule_timezone", f"expected a zone such as 'Europe/Berlin', found {found(name)}")
        return zone or default

    def look_at_the_rest(self) -> None:
        """What the job itself rules out, and who is to be told."""
        if "notify" in self.data:
            self.look_at_notify(self.data["notify"])
        if not self.job.enabled:
            self.fault("job", f"'{self.job.name}' is switched off (enabled: false), so it takes no triggers")
        if self.job.flow is not None:
            self.faults += choice_of(self.job.flow, self.data).faults
        elif "tasks" in self.data:
            self.fault("tasks", f"is for orchestrations, and '{self.job.name}' is a plain job; leave it out")

    def look_at_notify(self, value: object) -> None:
        """A message to nobody would be missed only when it is too late."""
        from dsari_like.core.addresses import AddressError  # few triggers need either
        from dsari_like.core.notices import CONFIGURED, asked_addresses

        try:
            if value != CONFIGURED:
                asked_addresses(value)
        except AddressError as error:
            self.fault("notify", str(error))

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
            self.fault("environment", f"{shown(name)} {why}")
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
        known = f"'{self.job.name}' declares {listed(names)}" if names else f"'{self.job.name}' declares none"
        return known + meant(name, names)

    def value(self, name: str, value: object) -> str | None:
        """The text a variable gets: numbers become text; true and false are refused, since every language spells
        them in its own way and a run would see ours."""
        if isinstance(value, bool):
            word = str(value).lower()
            self.fault("environment", f"'{name}': expected text or a number, found {word}; write \"{word}\" or 1 or 0")
        elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            seen = MASK if self.secrets.is_secret(name) else found(value)
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
                    choices, seen = (MASK, MASK) if secret else (listed(allowed), shown(text))
                    self.fault("environment", f"'{name}': expected one of {choices}, found {seen}")
            elif parameter.default is not None:
                result[name] = parameter.default
            elif parameter.required:
                self.fault("environment", f"'{name}' is required by '{self.job.name}' and was not given")
