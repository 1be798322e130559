"""Faults as the lines a person reads: file, line, path, what is wrong, what to do.

Owns the wording around a fault and the order. Must not know: how a fault was found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dsari_like.config.checks import Fault, KeyPath, shown
from dsari_like.config.merge import last_places, nearest
from dsari_like.config.source import Source
from dsari_like.core.secrets import ALWAYS, MASK

#: More than anybody repairs in one go; a file of quite another kind has a fault on each of its lines.
MOST_TOLD = 100
_QUOTED = re.compile(r"'.*'|\".*\"|\bnumber \S+", re.DOTALL)
_MOST_CHOICES = 1_000  # more than there are zones; each costs 10 µs


def told(sources: Sequence[Source], faults: Sequence[Fault], problems: Sequence[str]) -> list[str]:
    """Every fault as its line, in the order of files and lines; the first hundred of them.

    What an unreadable file might explain is left out while there is one: a runtime is not unknown because the file
    that defines it lacks a bracket.
    """
    broken = bool(problems) or any(source.broken for source in sources)
    refused = {path for source in sources for _, path, _ in source.faults if path}
    placed = [
        ((number, line), Fault(path, text))
        for number, source in enumerate(sources)
        for line, path, text in source.faults
    ]
    places = last_places(sources, (fault.path for fault in faults))
    for fault in faults:
        if fault.path not in refused and not (broken and fault.context):
            placed.append((nearest(places, fault.path), fault))
    placed.sort(key=lambda one: one[0])
    lines = [_line(sources[number].file, line, fault) for (number, line), fault in placed[:MOST_TOLD]]
    more = [f"and at least {len(placed) - MOST_TOLD} more"] if len(placed) > MOST_TOLD else []
    return [*problems, *lines, *more]


def _line(file: str, line: int, fault: Fault) -> str:
    path, fault = dotted(fault.path), _discreet(fault)
    return f"{file}{f':{line}' if line else ''}: {path}{': ' if path else ''}{fault.text}{suggestion(fault)}"


def _discreet(fault: Fault) -> Fault:
    """Without the value, where it is that of a variable with a secret name: this line goes into logs."""
    variables = fault.path[fault.path.index("environment") + 1 :] if "environment" in fault.path else ()
    variables = fault.path[fault.path.index("parameters") + 1 :] if "parameters" in fault.path else variables
    if not any(ALWAYS.is_secret(str(name)) for name in variables):
        return fault
    return fault._replace(text=_QUOTED.sub(f"'{MASK}'", fault.text), choices=())


def dotted(path: KeyPath) -> str:
    """A path as it is written in messages: jobs.deploy.command[2]."""
    text = ""
    for step in path:
        plain = isinstance(step, str) and step and step.isprintable() and len(step) <= 64
        text += f"[{step}]" if isinstance(step, int) else f".{step if plain else shown(step)}"
    return text.removeprefix(".")


def suggestion(fault: Fault) -> str:
    """The words " (did you mean …?)" of a fault, or nothing when no choice is near."""
    if not fault.wrong or len(fault.wrong) > 64 or len(fault.choices) > _MOST_CHOICES:
        return ""
    from difflib import get_close_matches  # 3 ms, and only ever needed for an error

    near = get_close_matches(fault.wrong, fault.choices, 1, 0.6)
    return f" (did you mean {shown(near[0])}?)" if near else ""
