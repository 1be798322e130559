"""Dropped files, as `explain` tells of them: which lie in a drop place still and why, which were refused and where
they are now, and which run a file of some name became.

Owns the looking into drop places and `corrupt/`. Must not know what was decided about slots. Opens nothing but the
reasons that the daemon wrote.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from dsari_like.cli.exits import NotFound
from dsari_like.cli.look import Look
from dsari_like.cli.standing import daemon_of
from dsari_like.report.moments import moment
from dsari_like.spool.files import ENDINGS, is_candidate
from dsari_like.store.reader import DecisionRow, RunRow

#: How far back in the history a file's name is looked for, and how many refused files of one job are.
_RUNS, _REFUSED = 5_000, 500
_SHOWN = 3


def is_file_name(text: str) -> bool:
    """Whether it is a file that is asked about, and no job or run."""
    return "/" in text or text.endswith(ENDINGS)


def lying(name: str, look: Look) -> Iterator[str]:
    """Files in the drop place of a job: those that nobody has taken yet, and those that nobody ever will."""
    place = os.path.join(look.configuration.data_dir, "trigger", name)
    with suppress(OSError):
        found = sorted(os.listdir(place))
        waiting = [file for file in found if is_candidate(file)]
        if waiting:
            yield f"{_files(waiting, 'dropped ')} in {place} not taken yet: {_list(waiting)}"
        others = [file for file in found if file not in waiting]
        if others:
            yield (
                f"{_files(others)} in {place} not looked at, because the name does not end in"
                f" {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, or begins with a dot: {_list(others)}"
            )


def refused(decision: DecisionRow, look: Look) -> str:
    """Where the file of a refused trigger is now; empty when it is not found there."""
    place = os.path.join(look.configuration.data_dir, "corrupt", decision.job_name)
    with suppress(OSError):
        for file in islice(_newest(place), _REFUSED):
            if decision.reason and decision.reason in _reason(os.path.join(place, file)):
                return f"The file is {os.path.join(place, file)}, and the reason is beside it."
    return ""


def of_file(text: str, look: Look) -> Iterator[tuple[str, RunRow | None]]:
    """What became of the files of this name (or of the one at this path), the newest first: lines, and runs to tell
    of. Raises NotFound when there is no trace of any."""
    job, file = os.path.split(text)
    job = os.path.basename(job)
    traces = [*_traces(file, job, look), *_runs(file, job, look)]
    if not traces:
        raise NotFound(
            f"there is no trace of a dropped file '{file}': it lies in no drop place, was not refused, and none of the"
            f" latest runs came from it"
        )
    yield from traces


def _traces(file: str, job: str, look: Look) -> Iterator[tuple[str, None]]:
    data_dir = look.configuration.data_dir
    for name in [job] if job else _names(os.path.join(data_dir, "trigger")):
        path = os.path.join(data_dir, "trigger", name, file)
        if os.path.lexists(path):
            yield f"{path} {_why_there(file, look)}", None
    for name in [job] if job else _names(os.path.join(data_dir, "corrupt")):
        path = os.path.join(data_dir, "corrupt", name, file)
        if os.path.lexists(path):
            when = moment(os.lstat(path).st_mtime, look.zone)
            yield f"{path} (written {when}) was refused: {_reason(path).strip()}", None


def _why_there(file: str, look: Look) -> str:
    if not is_candidate(file):
        return f"is not looked at: only names that end in {', '.join(ENDINGS)} and begin with no dot are"
    if not daemon_of(look.configuration).alive:
        return "was not taken yet: no daemon is running"
    return "was not taken yet; a file that is not complete is given two seconds, and all are looked at once a minute"


def _runs(file: str, job: str, look: Look) -> Iterator[tuple[str, RunRow]]:
    for row in look.reader.runs(job=job or None, limit=_RUNS):
        if row.came_from.get("file") == file:
            yield f"Run {row.run_id} of {row.job_name} came from it.", row
            return  # the newest is meant; a name that is used again and again would fill the screen


def _names(place: str) -> list[str]:
    with suppress(OSError):
        return os.listdir(place)
    return []


def _newest(place: str) -> list[str]:
    """The refused files of a job, the newest first."""
    with os.scandir(place) as entries:
        found = [(entry.stat(follow_symlinks=False).st_ctime, entry.name) for entry in entries]
    return [name for _, name in sorted(found, reverse=True) if not name.endswith(".reason")]


def _reason(path: str) -> str:
    with suppress(OSError), open(path + ".reason", encoding="utf-8", errors="replace") as file:
        return file.read(10_000)
    return ""


def _files(names: list[str], kind: str = "") -> str:
    return f"{len(names)} {kind}file{'s' * (len(names) != 1)}"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
