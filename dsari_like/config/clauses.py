"""The clauses about the life of a run: stages, signs of life, locks, items, retries; their keys, and what they mean
together.

Owns both. Must not know: jobs beyond these keys, or the machine, but for the one question whether a command is there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dsari_like.config.checks import (
    BOOLEAN,
    COMMAND,
    LEGAL_NAME,
    Check,
    Fault,
    Unfit,
    duration,
    each,
    found,
    one_of,
    shown,
    take_text,
    unfit,
    whole_number,
)
from dsari_like.config.section import REQUIRED, Key, Section
from dsari_like.core import items
from dsari_like.core.choices import LockMode, OnInterrupt
from dsari_like.core.clauses import Heartbeat, Stage
from dsari_like.core.names import is_job_name

STAGE = Section(
    "a stage",
    Key("name", LEGAL_NAME, REQUIRED, "given to the command as STAGE, and shown"),
    Key("command", COMMAND, REQUIRED, "what is run, as a job's command"),
    Key("on_interrupt", one_of(*OnInterrupt), "fail",
        "when the stage was cut off and left no exit status: repeat it, or let the run fail"),
    Key("continue_on_failure", BOOLEAN, False, "true: the next stage begins even if this one fails"),
)  # fmt: skip

HEARTBEAT = Section(
    "a heartbeat",
    Key("deadline", duration("every run would be timed out at once"), REQUIRED,
        "a run that gives no sign of life for so long is timed_out; its process is left alone"),
    Key("final_deadline", duration("every run would be ended at once"), REQUIRED,
        "counted from the same sign of life: the process group is ended and the run failed, reason deadline"),
    Key("on_output", BOOLEAN, False, "true: more output is a sign of life too"),
)  # fmt: skip


def _whole(section: Section, value: Any) -> dict[str, Any]:
    taken, faults = section.read(value)
    if faults:
        raise Unfit(*faults)
    return taken


def _take_stages(value: Any) -> tuple[Stage, ...]:
    if value.__class__ is not list or not value:
        raise unfit("a list of stages", value)
    stages = each(enumerate(value), lambda written: Stage(**_whole(STAGE, written)))
    names = [stage.name for stage in stages]
    twice = [Fault((index, "name"), f"there is a stage {shown(name)} before; each needs a name of its own")
             for index, name in enumerate(names) if name in names[:index]]  # fmt: skip
    if twice:
        raise Unfit(*twice)
    return tuple(stages)


STAGES = Check("a list of stages", {"type": "array", "items": STAGE.schema, "minItems": 1}, _take_stages)


def _take_heartbeat(value: Any) -> Heartbeat:
    taken = _whole(HEARTBEAT, value)
    if taken["final_deadline"] <= taken["deadline"]:
        text = "expected a longer time than the deadline, for both are counted from the last sign of life"
        raise Unfit(Fault(("final_deadline",), f"{text}; found {taken['final_deadline']:g} s"))
    return Heartbeat(**taken)


HEARTBEATS = Check("a map of deadlines", HEARTBEAT.schema, _take_heartbeat)

_MODE = one_of(*LockMode)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def _take_lock(pair: tuple[Any, Any]) -> tuple[str, LockMode]:
    name = take_text(pair[0], "a name")
    if not is_job_name(_VARIABLE.sub("x", name)):
        raise Unfit(Fault((), f"{shown(name)} is no name of a lock; one is like a job's, and may hold ${{VARIABLE}}"))
    return name, _MODE.take(pair[1])


def _take_locks(value: Any) -> Mapping[str, LockMode]:
    if not isinstance(value, dict):
        raise unfit("a map such as {database: exclusive}", value)
    return dict(each(((pair[0], pair) for pair in value.items()), _take_lock))


LOCKS = Check("a map of shared or exclusive by name", {"type": "object", "additionalProperties": _MODE.schema},
              _take_locks)  # fmt: skip


def _take_items(value: Any) -> tuple[str, ...]:
    try:
        return items.parse(value)
    except items.ItemError as error:
        raise Unfit(Fault((), str(error))) from None


ITEMS = Check(
    "a list of names, or range text such as 1-100, 1-9x2 or a,b,c",
    {"anyOf": [{"type": ["string", "integer"], "minLength": 1},
               {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}]},
    _take_items,
)  # fmt: skip


def _take_codes(value: Any) -> tuple[int, ...]:
    values = value if value.__class__ is list else [value]
    if not all(code.__class__ is int and 0 < code <= 255 for code in values) or not values:
        raise unfit(CODES.words, value)
    return tuple(values)


_CODE = {"type": "integer", "minimum": 1, "maximum": 255}
CODES = Check("an exit code or a list of them, 1 to 255", {"anyOf": [_CODE, {"type": "array", "items": _CODE}]},
              _take_codes)  # fmt: skip


def _take_factor(value: Any) -> float:
    if value.__class__ not in (int, float) or not math.isfinite(value) or not 1 <= value <= 1000:
        raise Unfit(Fault((), f"expected {FACTOR.words}, found {found(value)}"))
    return float(value)


FACTOR = Check("a number from 1 to 1000", {"type": "number", "minimum": 1, "maximum": 1000}, _take_factor)

KEYS = (
    Key("stages", STAGES, None,
        "in place of command: several commands, run in order inside one run, in its directory and into its output; "
        "the first that fails ends the run"),
    Key("heartbeat", HEARTBEATS, None, "how long a run may be silent; none: as long as it likes"),
    Key("resume_command", COMMAND, None,
        "how a run is resumed that gave no sign of life before its deadline, or whose process vanished while no daemon "
        "watched: started in the same run directory with RESUME=1; none: it fails"),
    Key("cancel_grace", duration(), 0,
        "time a running command has between the cancel_requested file in its directory and TERM"),
    Key("on_cancelled", COMMAND, None, "run once after a running run was cancelled, to clean up behind it"),
    Key("retries", whole_number(0), 0, "how often a run that failed is tried again; each time as a run of its own"),
    Key("retry_delay", duration(), 60, "how long after a failure"),
    Key("retry_backoff", FACTOR, 1, "by this factor longer after each further failure, up to a week"),
    Key("retry_exit_codes", CODES, None, "try again after these only; none: whatever it failed with"),
    Key("locks", LOCKS, {},
        "what a run must hold while it runs, shared or exclusive, all of them or none; each lock is served in the "
        "order of arrival; names may hold ${VARIABLE} of its environment"),
    Key("items", ITEMS, None,
        "an array run: the command is run once for each of these, given as ITEM, each as a run with a row of its own"),
    Key("items_parallel", whole_number(1, "no item would ever start"), 1, "how many items of an array run at once"),
    Key("executor", one_of("local"), "local", "where runs are carried out; this version knows this machine only"),
)  # fmt: skip


def faults(fields: Mapping[str, Any], is_executable: Callable[[str, Mapping[str, Any]], bool]) -> Iterator[Fault]:
    """What these keys of one job rule out together. `is_executable` knows the machine."""
    if fields.get("command") and "stages" in fields:
        yield Fault(("stages",), "a job has either a command or stages; remove one of the two")
    if "resume_command" in fields and "stages" in fields:
        text = "a run with stages goes on with the stage that was cut off, where its on_interrupt says repeat"
        yield Fault(("resume_command",), f"{text}; remove it")
    resume = fields.get("resume_command")
    if resume and not fields.get("runtime") and not is_executable(resume[0], fields):
        text = f"the command {shown(resume[0])} is not there, or is not executable: no run could be resumed with it"
        yield Fault(("resume_command",), text)
    if fields.get("items_parallel", 1) > 1 and "items" not in fields:
        yield Fault(("items_parallel",), "there are no items that could run in parallel; add items, or remove it")
