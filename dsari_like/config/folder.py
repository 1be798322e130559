"""The files of one configuration directory, read in the order in which they are merged.

Owns which files count and what is told of those that do not. Must not know: what keys mean, `config_d` excepted.
"""

from __future__ import annotations

import os
import stat

from dsari_like.config.places import DROP_INS, DSARI_FILES, OWN_FILES
from dsari_like.config.schema import KEYS
from dsari_like.config.source import Again, Source
from dsari_like.config.yaml_reader import read_yaml
from dsari_like.errors import ConfigError


class Folder:
    """One reading of a configuration directory."""

    def __init__(self, config_dir: str, careful: bool) -> None:
        self.sources: list[Source] = []
        self.problems: list[str] = []  # of what has no lines, because it cannot be read
        self.warnings: list[str] = []
        self._config_dir = config_dir
        self._careful = careful
        self._keys = {key.name: key.name for _, section in KEYS for key in section.keys}

    def read(self) -> None:
        """All files. ConfigError when there are none, `Again` when there is a fault and the reading is not careful."""
        main = self._main_files()
        self._directory(self._config_dir)
        for name in main:
            self._file(os.path.join(self._config_dir, name), self.problems)
        before = len(self.sources)
        drop_ins = next((s.data["config_d"] for s in reversed(self.sources) if "config_d" in s.data), DROP_INS)
        if drop_ins and isinstance(drop_ins, str) and "\0" not in drop_ins:
            self._drop_ins(os.path.join(self._config_dir, drop_ins))
        for source in self.sources[before:]:
            if "config_d" in source.data:
                self._misplaced(source)

    def _main_files(self) -> list[str]:
        present = [name for name in (*OWN_FILES, *DSARI_FILES) if self._has(name)]
        own = [name for name in present if name in OWN_FILES]
        if not present and not self._has(DROP_INS):
            raise ConfigError(
                [f"there is no configuration in {self._config_dir}: expected {OWN_FILES[0]}; "
                 "write one with 'dsari-like init'"]
            )  # fmt: skip
        if own and len(own) < len(present):
            left = ", ".join(name for name in present if name not in OWN_FILES)
            self.warnings.append(f"{self._config_dir}: {left} is not read, because {own[0]} is there")
        return own or present

    def _has(self, name: str) -> bool:
        return os.path.lexists(os.path.join(self._config_dir, name))

    def _drop_ins(self, directory: str) -> None:
        names = self._directory(directory)
        for suffixes in ((".yaml", ".yml"), (".json",)):
            for name in names:
                if name.endswith(suffixes):
                    self._file(os.path.join(directory, name), self.warnings)

    def _directory(self, directory: str) -> list[str]:
        try:
            self._warn_writable(directory, os.stat(directory).st_mode)
            return sorted(name for name in os.listdir(directory) if not name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            self.problems.append(f"{directory}: cannot be read: {error.strerror}; let the daemon's user read it")
            return []

    def _misplaced(self, source: Source) -> None:
        if not self._careful:
            raise Again
        line = source.lines.get(("config_d",), 0)
        source.fault(line, "this key counts in the main file only; move or remove it", ("config_d",))

    def _file(self, path: str, irregular: list[str]) -> None:
        shown = path.encode("utf-8", "backslashreplace").decode()
        try:
            data = self._bytes(path)
        except OSError as error:
            remedy = "let the daemon's user read it, or remove it"
            self.problems.append(f"{shown}: cannot be read: {error.strerror}; {remedy}")
            return
        if data is None:
            irregular.append(f"{shown}: expected a regular file, found something else; it was not read")
        elif path.endswith(".json"):
            from dsari_like.config.json_reader import read_json  # with its patterns 4 ms, and few have such a file

            self.sources.append(read_json(shown, data, careful=self._careful))
        else:
            self.sources.append(read_yaml(shown, data, careful=self._careful, keys=self._keys))

    def _bytes(self, path: str) -> bytes | None:
        # Without O_NONBLOCK a named pipe would hold up the start until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            os.close(descriptor)
            return None
        self._warn_writable(path, mode)
        with open(descriptor, "rb") as file:
            return file.read()

    def _warn_writable(self, path: str, mode: int) -> None:
        if mode & stat.S_IWOTH:
            self.warnings.append(f"{path}: everybody may write here, and so decide what is run; use chmod o-w")
