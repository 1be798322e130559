"""What a dropped file asks of the daemon itself: a map as it was parsed becomes a `Control`, or the list of its faults.

Owns the actions and what each may say. Must not know where the map came from or who will act on it. Every fault is
found before any is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dsari_like.core.dropped import found, listed, meant, read_id, shown
from dsari_like.core.record import record
from dsari_like.core.when import is_time, kind_of
from dsari_like.errors import TriggerError

_LONGEST_WORD = 1000


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
        raise TriggerError([f"action: expected one of {listed(ACTIONS)}, found {found(name)}{meant(name, ACTIONS)}"])
    action = ACTIONS[name]
    arguments = {key: value for key, value in data.items() if key not in ("action", "id")}
    faults = [fault for key, value in arguments.items() for fault in _argument_faults(name, action, key, value)]
    if action.needs and not any(key in arguments for key in action.needs):
        faults.append(f"{name}: expected {listed(action.needs, 'or')}, found none of them")
    identity = read_id(data, faults)
    if faults:
        raise TriggerError(faults)
    return Control(name, MappingProxyType(arguments), identity)


def _argument_faults(name: str, action: Action, key: str, value: object) -> list[str]:
    if key not in action.takes:
        return [f"{shown(key)}: '{name}' takes {listed(action.takes)}{meant(key, action.takes)}"]
    if key in _FLAGS:
        return [] if isinstance(value, bool) else [f"{key}: expected true or false, found {found(value)}"]
    if key in ("since", "until") and isinstance(value, int | float) and not isinstance(value, bool):
        return [] if is_time(value) else [f"{key}: expected a time within the years 1 to 9999, found {found(value)}"]
    if key == "tasks" and isinstance(value, list):
        return [fault for item in value for fault in _word_faults("tasks", item)]
    return _word_faults(key, value)


def _word_faults(key: str, value: object) -> list[str]:
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD:
        return []
    return [f"{key}: expected text of 1 to {_LONGEST_WORD} characters, found {found(value)}"]
