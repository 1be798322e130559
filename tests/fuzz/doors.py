"""The doors through which bytes of others come in, each as one function: bytes in, what was decided out.

Owns the list of doors. A door gives a value (told as "") or the sentence of its refusal; whatever else comes out of it
is the fault that is looked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from dsari_like.config import files, plans
from dsari_like.config.checks import Unfit
from dsari_like.config.places import Places
from dsari_like.config.variables import read_variables
from dsari_like.core.control import read_control
from dsari_like.core.ical import CalendarFault, read_calendar
from dsari_like.core.messages import Now
from dsari_like.core.model import Job, Parameter
from dsari_like.core.request import read_trigger
from dsari_like.errors import UserError
from dsari_like.spool.parse import Unreadable, parse, parse_value
from dsari_like.system.progressfile import PROGRESS_NAME, ProgressFile

Door = Callable[[bytes], str]

NOW = 1_790_000_000.0
JOB = Job(
    "build",
    ("true",),
    parameters={"BRANCH": Parameter(default="main", allowed=("main", "dev")), "TOKEN": Parameter()},
    trigger_environment=("A*", "PATH"),
)


def zone_of(name: str) -> tzinfo | None:
    """As the daemon asks for a zone."""
    try:
        return plans.zone(name)
    except Unfit:
        return None


def trigger(raw: bytes, is_yaml: bool) -> str:
    """A dropped trigger."""
    try:
        read_trigger(parse(raw, is_yaml), JOB, ZoneInfo("Europe/Berlin"), NOW, True, zone_of)
    except (Unreadable, UserError) as refusal:
        return str(refusal)
    return ""


def control(raw: bytes, is_yaml: bool) -> str:
    """A request to the daemon."""
    try:
        read_control(parse(raw, is_yaml))
    except (Unreadable, UserError) as refusal:
        return str(refusal)
    return ""


def returned(raw: bytes, is_yaml: bool) -> str:
    """What a run left in its return data."""
    try:
        parse_value(raw, is_yaml)
    except Unreadable as refusal:
        return str(refusal)
    return ""


def variables(raw: bytes) -> str:
    """An environment file, whose bytes were made text by the configuration."""
    return "; ".join(text for _, text in read_variables(raw.decode("utf-8", "replace"))[1][:100])


def calendar(raw: bytes) -> str:
    """A calendar of blackouts."""
    try:
        read_calendar(raw.decode("utf-8", "replace"))
    except CalendarFault as refusal:
        return str(refusal)
    return ""


class Folder:
    """Doors that are files: a configuration, a progress file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc = root / "etc"
        self.etc.mkdir()

    def configuration(self, raw: bytes, suffix: str) -> str:
        """The main file of a configuration."""
        small = len(raw) < 10_000  # of a large one only the decision has a time to be made in
        return self._through(raw, suffix, lambda places: (files.dump if small else id)(files.load(places)))

    def dumped(self, raw: bytes, suffix: str) -> str:
        """The same file, as `config dump --raw` reads it."""
        return self._through(raw, suffix, files.raw)

    def progress(self, raw: bytes) -> str:
        """What a run says of itself, in two pieces."""
        path = self.root / PROGRESS_NAME
        file, half = ProgressFile(str(self.root)), len(raw) // 2
        path.write_bytes(raw[:half])
        file.look(Now(NOW, 1.0))
        path.write_bytes(raw)
        file.look(Now(NOW + 1, 2.0))
        file.look(Now(NOW + 2, 3.0), last=True)
        return "; ".join(file.take_notes())

    def _through(self, raw: bytes, suffix: str, read: Callable[[Places], object]) -> str:
        path = self.etc / f"dsari_like.{suffix}"
        path.write_bytes(raw)
        try:
            read(Places(str(self.etc), str(self.root / "var")))
        except UserError as refusal:
            return str(refusal)
        finally:
            os.unlink(path)
        return ""

    def doors(self) -> dict[str, Door]:
        """Every door by its name."""
        found: dict[str, Door] = {"variables": variables, "calendar": calendar, "progress": self.progress}
        for name, door in (("trigger", trigger), ("control", control), ("returned", returned)):
            found |= {f"{name}.{'yaml' if it else 'json'}": partial(door, is_yaml=it) for it in (False, True)}
        for suffix in ("yaml", "json"):
            found[f"configuration.{suffix}"] = partial(self.configuration, suffix=suffix)
            found[f"raw.{suffix}"] = partial(self.dumped, suffix=suffix)
        return found
