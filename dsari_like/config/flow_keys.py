"""The keys of flows: orchestrations with their phases and tasks, and event triggers.

Owns what each may hold, and the way to the frozen nouns where that takes no look at other jobs. Must not know which
jobs there are, or what a path is relative to (`flows`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dsari_like.config.checks import (
    BOOLEAN,
    FILLED,
    LEGAL_NAME,
    NAMES,
    TEXT,
    TEXTS,
    VARIABLES,
    Check,
    Fault,
    Schema,
    Unfit,
    duration,
    each,
    take_name,
    take_value,
    take_variable_name,
    unfit,
    whole_number,
)
from dsari_like.config.notify_keys import CHECK as NOTIFY_CHECK
from dsari_like.config.section import REQUIRED, Key, Section
from dsari_like.core.flows import END, Condition, EventTrigger, Phase, Task, Transition


def _reading(section: Section, make: Callable[..., Any]) -> Callable[[Any], Any]:
    """Takes a map of the section and makes something of its fields."""

    def _take(value: Any) -> Any:
        taken, faults = section.read(value)
        if faults:
            raise Unfit(*faults)
        return make(**taken)

    return _take


def _list_of(words: str, schema: Schema, take: Callable[[Any], Any]) -> Check:
    def _take(value: Any) -> tuple[Any, ...]:
        if value.__class__ is not list or not value:
            raise unfit(words, value)
        return tuple(each(enumerate(value), take))

    return Check(words, {"type": "array", "items": schema, "minItems": 1}, _take)


# --- events -----------------------------------------------------------------------------------------------------------

EVENT_TRIGGER = Section(
    "an event trigger",
    Key("watch", TEXTS, REQUIRED,
        "paths, patterns of paths, and job:NAME for the success of another job; all of them must have been updated "
        "since the last start"),
    Key("cool_down", duration(), 0,
        "for so long after a start nothing fires; what is updated meanwhile counts, and the next update then fires"),
    Key("at_end", BOOLEAN, False, "what became ready during the cool_down fires at its end"),
)  # fmt: skip


def _event_trigger(watch: tuple[str, ...], **fields: Any) -> EventTrigger:
    if not watch:
        raise Unfit(Fault(("watch",), "expected something to watch, found an empty list"))
    return EventTrigger(tuple(dict.fromkeys(watch)), **fields)


EVENT = Check("a map", EVENT_TRIGGER.schema, _reading(EVENT_TRIGGER, _event_trigger))

# --- tasks ------------------------------------------------------------------------------------------------------------

TASK = Section(
    "a task",
    Key("job", LEGAL_NAME, REQUIRED, "the job that is run, or another orchestration"),
    Key("name", LEGAL_NAME, None, "what the task is called in its phase; none: as its job is"),
    Key("active", BOOLEAN, True, "false: as if the task were not written"),
    Key("continue_on_failure", BOOLEAN, False,
        "true: when it fails, later phases are run all the same, and the orchestration ends with a warning"),
    Key("parameters", VARIABLES, {}, "variables of its run; they win over those of the job and of the trigger"),
    Key("delay", duration(), 0, "how long it waits after its phase has begun"),
    Key("retries", whole_number(0), None, "in place of the job's own retries; none: those"),
    Key("notify", NOTIFY_CHECK, [], "who is told of what happens to its runs, beside those told for its job"),
)  # fmt: skip


def _take_task(value: Any) -> Task:
    if value.__class__ is str:  # the most that most tasks have to say
        return Task(take_name(value), value)
    taken, faults = TASK.read(value)
    if faults:
        raise Unfit(*faults)
    return Task(**{"name": taken["job"], **taken})


# --- transitions ------------------------------------------------------------------------------------------------------


def _take_choice(pair: tuple[Any, Any]) -> tuple[str, tuple[str, ...]]:
    values = pair[1] if pair[1].__class__ is list else [pair[1]]
    return take_variable_name(pair[0]), tuple(each(enumerate(values), take_value))


def _take_choices(value: Any) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise unfit(_CHOICES.words, value)
    return dict(each(((pair[0], pair) for pair in value.items()), _take_choice))


_VALUE: Schema = {"type": ["string", "number"]}
_CHOICES = Check(
    "a map of variables to a value or a list of values",
    {"type": "object", "additionalProperties": {"anyOf": [_VALUE, {"type": "array", "items": _VALUE}]}},
    _take_choices,
)

CONDITION = Section(
    "a condition",
    Key("completed", NAMES, [], "tasks of the phase that must have gone well"),
    Key("failed", NAMES, [], "tasks of the phase that must have failed"),
    Key("ok_except", NAMES, None, "every task of the phase must have gone well, but for these"),
    Key("variables", _CHOICES, {}, "workflow variables that must have this value, or one of these"),
)  # fmt: skip

TRANSITION = Section(
    "a transition",
    Key("goto", LEGAL_NAME, REQUIRED, "a later phase, or end"),
    Key("when", Check("a map", CONDITION.schema, _reading(CONDITION, Condition)), None,
        "what must hold, all of it; none: this is how things go by default, unless the phase failed"),
)  # fmt: skip

# --- phases -----------------------------------------------------------------------------------------------------------

PHASE = Section(
    "a phase",
    Key("name", LEGAL_NAME, REQUIRED, f"what the phase is called; anything but {END}"),
    Key("tasks", _list_of("a list of tasks", {"anyOf": [{"type": "string"}, TASK.schema]}, _take_task), REQUIRED,
        "what runs side by side; a name alone is a task of that job"),
    Key("next", _list_of("a list of transitions", TRANSITION.schema, _reading(TRANSITION, Transition)), [],
        "where the phase leads when it is over: the first of these that holds; empty: to the phase after it"),
)  # fmt: skip

ORCHESTRATION = Section(
    "an orchestration",
    Key("phases", _list_of("a list of phases", PHASE.schema, _reading(PHASE, Phase)), REQUIRED,
        "what is run, one phase after the other"),
    Key("schedule", TEXTS, None, "when it is run, as for a job; none: by triggers only"),
    Key("schedule_timezone", FILLED, "UTC", "the zone of the schedule"),
    Key("event_trigger", EVENT, None, "what must have been updated for it to be run"),
    Key("enabled", BOOLEAN, True, "false: no schedule and no triggers"),
    Key("description", TEXT, "", "shown in the reports"),
    Key("notify", NOTIFY_CHECK, [], "who is told of what happens to its own runs"),
)  # fmt: skip
