"""Tasks that read a workflow variable which another task of the same phase sets, as far as their commands tell.

Owns that guess, for a warning: tasks of a phase run side by side, and what one sets is there for the phases after it.
Judges only what the configuration itself says; what is in a script is in no command. Must not know how a variable is
handed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dsari_like.config.checks import Fault, shown
from dsari_like.core.flows import Orchestration, Phase
from dsari_like.core.model import Job

_READ = re.compile(r"\bWORKFLOW_([A-Za-z0-9_]+)")
_SETS = "workflow_variables"


def crossings(flow: Orchestration, jobs: Mapping[str, Job]) -> Iterator[Fault]:
    """A warning for each variable that a task reads beside the one that sets it. One that an earlier phase sets as well
    may be meant to be read as it was, so nothing is said of it."""
    earlier = ""
    for number, phase in enumerate(flow.phases):
        texts = _texts(phase, jobs)
        for index, text in texts.items():
            for name in dict.fromkeys(_READ.findall(text)):
                others = [other for other, said in texts.items() if other != index and _is_set(name, said)]
                if others and not _is_set(name, earlier):
                    yield Fault((number, "tasks", index), _told(name, phase, index, others[0]))
        earlier += "".join(text for text in texts.values() if _SETS in text)


def _texts(phase: Phase, jobs: Mapping[str, Job]) -> dict[int, str]:
    """What the commands of each active task say, by its number."""
    found = {}
    for index, task in enumerate(phase.tasks):
        job = jobs.get(task.job)
        if task.active and job is not None:
            words = [*job.command, *(word for stage in job.stages for word in stage.command)]
            found[index] = "\n".join(words)
    return found


def _is_set(name: str, text: str) -> bool:
    return _SETS in text and re.search(rf"\b{re.escape(name)}\b", text) is not None


def _told(name: str, phase: Phase, reader: int, setter: int) -> str:
    who, by = phase.tasks[reader].name, phase.tasks[setter].name
    return (
        f"{shown(who)} reads WORKFLOW_{name}, which {shown(by)} of the same phase seems to set; they run side by side,"
        f" and what one sets is there from the next phase on, so move {shown(who)} to a later one"
    )
