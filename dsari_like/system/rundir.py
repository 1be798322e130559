"""What the daemon puts into the directory of a run: what the run is told by files, before it starts and while it runs.

Owns the names of these files, and who may read them. Must not know processes, or why a run is told to end.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from dsari_like.core import variables as maps
from dsari_like.core.model import Run
from dsari_like.system import identity
from dsari_like.system.identity import Identity
from dsari_like.system.launcher import OUTPUT_FILE, make_directory
from dsari_like.system.stock import Stock

TRIGGER_DATA_FILE = "trigger_data.json"
VARIABLES_FILE = "variables.json"
CANCEL_FILE = "cancel_requested"

#: For runs that are told nothing: making a file for each is a tenth of the time until a command starts.
NO_TRIGGER_DATA = "no_trigger_data.json"
NO_VARIABLES = "no_variables.json"


class RunDirectories:
    """The directories of all runs of a data directory."""

    def __init__(self, data_dir: str) -> None:
        self._no_data = os.path.join(data_dir, NO_TRIGGER_DATA)
        self._no_variables = os.path.join(data_dir, NO_VARIABLES)
        self._runs = os.path.join(data_dir, "runs")
        self.stock = Stock(data_dir, (OUTPUT_FILE, TRIGGER_DATA_FILE))
        _write(self._no_data, "{}")
        _write(self._no_variables, maps.document({}, {}))

    def of(self, run: Run) -> str:
        """Where this run leaves what it leaves."""
        return os.path.join(self._runs, run.job_name, run.run_id)

    def prepare(self, run: Run, variables: dict[str, str], who: Identity | None) -> None:
        """Make the directory and what is in it before the start, and tell the run of it in its variables. Raises
        OSError."""
        run_dir = self.of(run)
        spare = self.stock.take(run_dir)
        if not spare:
            make_directory(run_dir)
        if who is not None:
            identity.take_back(run_dir, begun=run.launch > 1)
        shared = who is None  # another user could not read what all runs share
        if run.trigger.type != "schedule" or run.trigger.data:
            text = "" if shared and not run.trigger.data else _json(run.trigger.data)
            variables["TRIGGER_DATA_FILE"] = _told(run_dir, TRIGGER_DATA_FILE, text) or self._no_data
        if spare and variables.get("TRIGGER_DATA_FILE") != os.path.join(run_dir, TRIGGER_DATA_FILE):
            os.unlink(os.path.join(run_dir, TRIGGER_DATA_FILE))
        told = run.job_variables or run.workflow_variables or not shared
        text = maps.document(run.job_variables, run.workflow_variables) if told else ""
        variables["VARIABLES_FILE"] = _told(run_dir, VARIABLES_FILE, text) or self._no_variables

    def request_cancel(self, run: Run, text: str) -> None:
        """Tell a run that looks that it is to end. The file is there in whole or not at all, and belongs to whom the
        directory belongs to: while it has another name it is ours, so that nothing can be slipped under our hands.
        Raises OSError."""
        at = os.open(self.of(run), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        partial = f".{CANCEL_FILE}.tmp"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial, dir_fd=at)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(partial, flags, 0o640, dir_fd=at), "wb") as file:
                owner = os.fstat(at)
                if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(text.encode("utf-8", "replace") + b"\n")
            os.rename(partial, CANCEL_FILE, src_dir_fd=at, dst_dir_fd=at)
        finally:
            os.close(at)


def _told(run_dir: str, name: str, text: str) -> str | None:
    """The path of a file of its own that holds this text; None when there is none to make."""
    if not text:
        return None
    path = os.path.join(run_dir, name)
    _write(path, text)
    return path


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data), ensure_ascii=False)


def _write(path: str, text: str) -> None:
    """Three system calls: this is on the way of every start, and a file object makes eight."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        os.write(descriptor, text.encode("utf-8", "surrogatepass"))
    finally:
        os.close(descriptor)
