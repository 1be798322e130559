"""The variables of a run and of its flow: what may be kept, what a run changed, how the next one is told.

Owns their limits, the comparison, and the words for a change. A run is handed both maps and returns what it wants to
be otherwise; only what differs is taken (J-06 to J-08). Must not know where the maps are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from dsari_like.core.record import record
from dsari_like.core.secrets import ALWAYS, Secrets

LONGEST_NAME = 128
DEEPEST = 8

#: Bytes of the JSON of a whole map: it goes along with every later run of the flow, in its environment too.
LARGEST = 65_536

#: Bits of an integer. One of many thousand digits, which YAML can write in hexadecimal, is refused by Python's JSON.
_WIDEST = 1024

#: So many refusals of one return are told one by one.
MOST_NOTES = 10

#: Of a value in the words for a change.
_SHOWN = 60

#: What a shell can say `$WORKFLOW_…` of; some drop every other name without a word.
_SAYABLE = re.compile(r"[A-Za-z0-9_]+")


@record
class Exchange:
    """Both maps as they are after a run, what it changed, and what of it was refused."""

    job: Mapping[str, Any]
    workflow: Mapping[str, Any]
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def exchange(
    run_data: object, job: Mapping[str, Any], workflow: Mapping[str, Any], secrets: Secrets = ALWAYS
) -> Exchange:
    """What a run returned, applied to the maps it was given. The words for the changes are without `secrets`."""
    if not isinstance(run_data, dict):
        return Exchange(job, workflow)
    changes: list[str] = []
    notes: list[str] = []
    for_job = _merged("job_variables", run_data.get("job_variables"), job, secrets, changes, notes)
    for_workflow = _merged("workflow_variables", run_data.get("workflow_variables"), workflow, secrets, changes, notes)
    if for_workflow is not workflow:
        notes += _unsayable(for_workflow, workflow)
    if len(notes) > MOST_NOTES:
        notes[MOST_NOTES:] = [f"{len(notes) - MOST_NOTES} more of its variables were not taken as they are"]
    return Exchange(for_job, for_workflow, tuple(changes), tuple(notes))


def workflow_environment(variables: Mapping[str, Any]) -> dict[str, str]:
    """One `WORKFLOW_<NAME>` for each variable that can be one: text as it is, anything else as JSON."""
    return {f"WORKFLOW_{name}": _plain(value) for name, value in variables.items() if _is_sayable(name, value)}


def document(job: Mapping[str, Any], workflow: Mapping[str, Any]) -> str:
    """What a run finds in its `VARIABLES_FILE`."""
    return json.dumps({"job": dict(job), "workflow": dict(workflow)}, ensure_ascii=False)


def _merged(
    key: str,
    given: object,
    kept: Mapping[str, Any],
    secrets: Secrets,
    changes: list[str],
    notes: list[str],
) -> Mapping[str, Any]:
    """The map with what was given of it; the very same map when nothing is different."""
    if given is None:
        return kept
    if not isinstance(given, dict):
        notes.append(f"its {key} are no map; nothing of them was taken")
        return kept
    made, size, told = dict(kept), len(_json(dict(kept))), len(changes)
    for name, value in given.items():
        why = _fault(name, value)
        if why is None:
            grown = size + _size(name, value) - (_size(name, made[name]) if name in made else 0)
            why = f"with it they would hold more than {LARGEST} bytes" if grown > max(LARGEST, size) else None
        if why is not None:
            notes.append(f"{_shown(name)} of its {key} was not taken: {why}")
        elif _differs(made, name, value):
            changes.append(f"{key}: {_change(made, name, value, secrets)}")
            size = grown
            _put(made, name, value)
    return made if len(changes) > told else kept


def _fault(name: object, value: object) -> str | None:
    """Why a variable cannot be kept."""
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
        return f"a name is 1 to {LONGEST_NAME} printable characters"
    return _fault_of_value(value, DEEPEST)


def _fault_of_value(value: object, levels: int) -> str | None:
    """What JSON could not give back as it was; depth is counted, so that this cannot be made to recurse for ever."""
    if value is None:
        return None
    if isinstance(value, int):
        return None if value.bit_length() <= _WIDEST else "it is a number of too many digits"
    if isinstance(value, float):
        return None if isfinite(value) else "a number must have a value"
    if isinstance(value, str):
        return None if _is_whole(value) else "it holds half a character"
    if not isinstance(value, dict | list):
        return "it is nothing that JSON knows"
    if levels == 0:
        return f"it is nested more than {DEEPEST} levels deep"
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return "a key in it is no text"
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return next((why for part in inner if (why := _fault_of_value(part, levels - 1)) is not None), None)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _size(name: str, value: object) -> int:
    """What a variable adds to the JSON of its map, with the marks around it; nothing when it is to go."""
    return 0 if value is None else len(_json(name)) + len(_json(value)) + 4


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _differs(kept: Mapping[str, Any], name: str, value: object) -> bool:
    """By their JSON: to Python 1, 1.0 and true are the same. A variable that is missing and one of nothing are one."""
    return _json(kept.get(name)) != _json(value)


def _put(variables: dict[str, Any], name: str, value: object) -> None:
    if value is None:
        variables.pop(name, None)
    else:
        variables[name] = value


def _change(kept: Mapping[str, Any], name: str, value: object, secrets: Secrets) -> str:
    old, new = (_brief(secrets.data(one, name=name)) for one in (kept.get(name), value))
    if value is None:
        return f"{name}: {old} -> removed"
    return f"{name}: {old} -> {new}" if name in kept else f"{name}: set to {new}"


def _brief(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _shown(name: object) -> str:
    text = ascii(name)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _unsayable(variables: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """The new ones that no variable of an environment can carry: who looks for it there should be told."""
    for name, value in variables.items():
        if not _is_sayable(name, value) and (name not in before or _is_sayable(name, before[name])):
            yield f"{_shown(name)} of its workflow_variables is in VARIABLES_FILE alone: no environment can hold it"


def _is_sayable(name: str, value: object) -> bool:
    return _SAYABLE.fullmatch(name) is not None and not (isinstance(value, str) and "\0" in value)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
