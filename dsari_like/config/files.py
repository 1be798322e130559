"""From directories to a `Configuration`: which files are read, in which order, and how their faults are told.

Owns the reading of files. A load is all or nothing: either a configuration that holds, or one error that lists every
fault with its file and line. Must not know: what is done with a configuration.
"""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from dsari_like.config import plans
from dsari_like.config.build import Build, Surroundings
from dsari_like.config.checks import Fault, KeyPath, Unfit
from dsari_like.config.dump import dump
from dsari_like.config.json_reader import read_json
from dsari_like.config.merge import first_places, last_place, merged
from dsari_like.config.places import DROP_INS, DSARI_FILES, OWN_FILES, Places, locate
from dsari_like.config.schema import KEYS, suggestion
from dsari_like.config.source import Again, Source
from dsari_like.config.variables import read_variables
from dsari_like.config.yaml_reader import read_yaml
from dsari_like.core.model import Configuration
from dsari_like.errors import ConfigError

__all__ = ["Places", "dump", "load", "locate", "raw"]

#: More faults than anybody repairs in one go; a file of another kind has one on each of its lines.
_MOST_TOLD = 100


def load(places: Places) -> Configuration:
    """The configuration of these places. ConfigError has every fault of every file, one line each."""
    with _collector_off():
        with suppress(Again):
            return _load(places, careful=False)
        return _load(places, careful=True)


def raw(places: Places) -> dict[str, Any]:
    """The merged maps as they were written, unchecked. ConfigError for files that cannot be read."""
    reading = _Reading(places.config_dir, careful=True)
    reading.read()
    faults = _told(reading.sources, [], reading.problems)
    if faults:
        raise ConfigError(faults)
    return dict(merged(reading.sources))


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


def _load(places: Places, *, careful: bool) -> Configuration:
    reading = _Reading(places.config_dir, careful)
    reading.read()
    sources = reading.sources
    build = Build(
        merged(sources),
        first_places(sources, ("jobs", "job_groups")),
        Surroundings(places.config_dir, places.data_dir, plans.zone, cache(_variables)),
    )
    for source in sources:
        source.data = {}  # of 100,000 jobs, 30 MiB that the jobs can be put into
    configuration = build.configuration()
    if not careful and (build.faults or build.warnings):
        raise Again  # for the lines
    faults = _told(sources, build.faults, reading.problems)
    if faults:
        raise ConfigError(faults)
    return replace(
        configuration,
        files=tuple(source.file for source in sources),
        warnings=(*reading.warnings, *_told(sources, build.warnings, [])),
    )


@dataclass(slots=True)
class _Reading:
    """One reading of a configuration directory."""

    config_dir: str
    careful: bool
    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # of files that have no lines, because they cannot be read
    warnings: list[str] = field(default_factory=list)
    _keys: dict[str, str] = field(default_factory=lambda: {key.name: key.name for _, part in KEYS for key in part.keys})

    def read(self) -> None:
        """All files, in the order in which they are merged."""
        main = self._main_files()
        if not main and not os.path.isdir(os.path.join(self.config_dir, DROP_INS)):
            raise ConfigError(
                [f"there is no configuration in {self.config_dir}: expected {OWN_FILES[0]}; "
                 "write one with 'dsari-like init'"]
            )  # fmt: skip
        self._warn_writable(self.config_dir, os.stat(self.config_dir).st_mode)
        for name in main:
            self._file(os.path.join(self.config_dir, name), must=True)
        drop_ins = next((s.data["config_d"] for s in reversed(self.sources) if "config_d" in s.data), DROP_INS)
        if drop_ins and isinstance(drop_ins, str) and "\0" not in drop_ins:
            self._drop_ins(os.path.join(self.config_dir, drop_ins))

    def _main_files(self) -> list[str]:
        present = [n for n in (*OWN_FILES, *DSARI_FILES) if os.path.lexists(os.path.join(self.config_dir, n))]
        own = [name for name in present if name in OWN_FILES]
        if own and len(own) < len(present):
            left = ", ".join(name for name in present if name not in OWN_FILES)
            self.warnings.append(f"{self.config_dir}: {left} is not read, because {own[0]} is there")
        return own or present

    def _drop_ins(self, directory: str) -> None:
        try:
            names = sorted(name for name in os.listdir(directory) if not name.startswith("."))
            self._warn_writable(directory, os.stat(directory).st_mode)
        except FileNotFoundError:
            return
        except OSError as error:
            self.problems.append(f"{directory}: cannot be read: {error.strerror}; let the daemon's user read it")
            return
        main = len(self.sources)
        for suffixes in ((".yaml", ".yml"), (".json",)):
            for name in names:
                if name.endswith(suffixes):
                    self._file(os.path.join(directory, name), must=False)
        for source in self.sources[main:]:
            if "config_d" in source.data:
                if not self.careful:
                    raise Again
                path = ("config_d",)
                source.fault(source.lines.get(path, 0), "this key counts in the main file only; move or remove it", path)

    def _file(self, path: str, *, must: bool) -> None:
        shown = path.encode("utf-8", "backslashreplace").decode()
        try:
            data = self._bytes(path)
        except OSError as error:
            self.problems.append(f"{shown}: cannot be read: {error.strerror}; let the daemon's user read it or remove it")
            return
        if data is None:
            told = self.problems if must else self.warnings
            told.append(f"{shown}: expected a regular file, found something else; it was not read")
        elif path.endswith(".json"):
            self.sources.append(read_json(shown, data, careful=self.careful))
        else:
            self.sources.append(read_yaml(shown, data, careful=self.careful, keys=self._keys))

    def _bytes(self, path: str) -> bytes | None:
        # Without O_NONBLOCK a named pipe would hold up the start until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                return None
            self._warn_writable(path, mode)
            return file.read()

    def _warn_writable(self, path: str, mode: int) -> None:
        if mode & stat.S_IWOTH:
            self.warnings.append(f"{path}: everybody may write here, and so decide what is run; use chmod o-w")


def _variables(path: str) -> Mapping[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unfit(Fault((), f"expected a regular file, found {path}, which is none"))
            variables, faults = read_variables(file.read())
    except OSError as error:
        raise Unfit(Fault((), f"{path} cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError:
        raise Unfit(Fault((), f"{path} is not UTF-8; save the file as UTF-8")) from None
    if faults:
        raise Unfit(*(Fault((), f"{path}:{line}: {text}") for line, text in faults))
    return variables


def _told(sources: list[Source], faults: list[Fault], problems: list[str]) -> list[str]:
    """Every fault as its line, in the order of files and lines; the first hundred of them."""
    broken = any(source.broken for source in sources) or bool(problems)
    refused = {path for source in sources for _, path, _ in source.faults if path}
    placed: list[tuple[tuple[int, int], KeyPath, Fault]] = []
    for number, source in enumerate(sources):
        placed += [((number, line), path, Fault(path, text)) for line, path, text in source.faults]
    for fault in faults:
        if fault.path not in refused and not (broken and fault.context):
            placed.append((last_place(sources, fault.path), fault.path, fault))
    placed.sort(key=lambda one: one[0])
    lines = [_line(sources, place, fault) for place, _, fault in placed[:_MOST_TOLD]]
    more = [f"and {len(placed) - _MOST_TOLD} more of the kind"] if len(placed) > _MOST_TOLD else []
    return [*problems, *lines, *more]


def _line(sources: list[Source], place: tuple[int, int], fault: Fault) -> str:
    number, line = place
    file = sources[number].file if sources else ""
    path = _dotted(fault.path)
    return f"{file}:{line}: {path + ': ' if path else ''}{fault.text}{suggestion(fault)}"


def _dotted(path: KeyPath) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step.isprintable() and len(step) <= 64 and step
            text += f".{step if plain else ascii(step[:64])}"
    return text.removeprefix(".")
