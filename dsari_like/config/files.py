"""From directories to a `Configuration`: the one entrance to the configuration.

Owns the order of a load: read, merge, build, tell. A load is all or nothing: either a configuration that holds, or
one error that lists every fault with its file and line. Must not know: what is done with a configuration.
"""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from dsari_like.config import plans
from dsari_like.config.accounts import is_executable, known_group, known_user
from dsari_like.config.build import Build, Surroundings, Unsound
from dsari_like.config.checks import MOST_FAULTS, Fault, Unfit
from dsari_like.config.dump import dump, hidden
from dsari_like.config.folder import Folder
from dsari_like.config.house_keys import PATTERNS
from dsari_like.config.merge import first_places, merged
from dsari_like.config.places import Places, locate
from dsari_like.config.secrets import closed_file
from dsari_like.config.source import Again
from dsari_like.config.telling import told
from dsari_like.core.model import Configuration
from dsari_like.core.secrets import Secrets
from dsari_like.errors import ConfigError

if TYPE_CHECKING:
    from dsari_like.core.flows import Remembered
    from dsari_like.core.ical import Calendar

__all__ = ["Places", "dump", "load", "locate", "raw"]


def load(places: Places, *, whole: bool = True) -> Configuration:
    """The configuration of these places. ConfigError has every fault of every file, one line each.

    Not `whole` is for a process that starts no job: it need not be let into the environment files and calendars of
    the jobs, nor know their users, and so does without them.
    """
    with _collector_off():
        with suppress(Again):
            return _load(places, whole, careful=False)
        return _load(places, whole, careful=True)


def raw(places: Places) -> dict[str, Any]:
    """The merged maps as they were written, unchecked but for secrets, which are hidden. ConfigError for files that
    cannot be read."""
    folder = Folder(places.config_dir, careful=True)
    folder.read()
    faults = told(folder.sources, [], folder.problems)
    if faults:
        raise ConfigError(faults)
    written = merged(folder.sources)
    try:
        patterns = PATTERNS.take(written.get("secret_names", []))
    except Unfit:  # unchecked is what it is printed
        patterns = ()
    return dict(hidden(written, Secrets(patterns)))


@contextmanager
def _collector_off() -> Iterator[None]:
    # Nothing made here is a cycle, and looking for some takes two thirds of the time of a large load.
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _load(places: Places, whole: bool, *, careful: bool) -> Configuration:
    folder = Folder(places.config_dir, careful)
    folder.read()
    sources, environment_files = folder.sources, list[str]()
    written = merged(sources)
    where = {section: first_places(sources, section) for section in ("jobs", "job_groups", "orchestrations")}
    around = Surroundings(
        *places,
        zone=plans.zone,
        variables=cache(partial(_variables, environment_files)) if whole else _no_variables,
        calendar=_calendar if whole else _no_calendar,
        user=cache(known_user) if whole else _nobody,
        group=cache(known_group) if whole else _nobody,
        is_executable=is_executable if whole else _believed,
        secret=closed_file,
        remembered=_remembered if whole else _unknown_chains,
    )
    build = Build(around, where, patience=MOST_FAULTS if careful else 1)
    with suppress(Unsound):
        configuration = build.configuration(written)
    if not careful and (build.faults or build.warnings):
        raise Again  # for the lines
    faults = told(sources, build.faults, folder.problems)
    if faults:
        raise ConfigError(faults)
    return replace(
        configuration,
        files=tuple(source.file for source in sources),
        environment_files=tuple(environment_files),
        warnings=(*folder.warnings, *told(sources, build.warnings, [])),
    )


def _variables(read: list[str], path: str) -> Mapping[str, str]:
    read.append(path)
    from dsari_like.config.variables import read_variables  # its pattern takes 3 ms, and few jobs have such a file

    variables, faults = read_variables(_text(path))
    if faults:
        raise Unfit(*(Fault((), f"{path}:{line}: {text}") for line, text in faults))
    return variables


def _calendar(path: str) -> Calendar:
    from dsari_like.core.ical import CalendarFault, read_calendar  # few jobs have such a file, either

    try:
        return read_calendar(_text(path))
    except CalendarFault as fault:
        raise Unfit(Fault((), f"{path}:{fault.line}: {fault.text}")) from None


def _remembered(path: str) -> Remembered | None:
    from dsari_like.store.flowlog import remembered_in  # asked only where a step follows what is no more

    return remembered_in(path)


def _unknown_chains(path: str) -> Remembered | None:
    """Who starts nothing need not be let into the run log."""
    return None


def _no_variables(path: str) -> Mapping[str, str]:
    return {}


def _no_calendar(path: str) -> Calendar:
    from dsari_like.core.ical import read_calendar

    return read_calendar("BEGIN:VCALENDAR\nEND:VCALENDAR\n")


def _believed(command: str, fields: Mapping[str, Any]) -> bool:
    return True


def _nobody(name: str) -> None:
    """Whether there is such a user is no matter to whoever starts nothing."""


def _text(path: str) -> str:
    """The whole of a file that the configuration names."""
    try:
        with open(path, encoding="utf-8", newline="", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unfit(Fault((), f"expected a regular file, found {path}, which is none"))
            return file.read()
    except OSError as error:
        raise Unfit(Fault((), f"{path} cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError:
        raise Unfit(Fault((), f"{path} is not UTF-8; save the file as UTF-8")) from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
