"""What was rendered, remembered beside the pages.

Owns `.rendered.json`. Lost, malformed or of another version it means: make everything again, never an error. A
sample: `{"fingerprint": "9f…", "configuration": "51…", "revision": 812, "decision": 4051, "pruned": 40, "call": 12,
"rests": {}, "settled": [805, 4040, 40, 12, {}], "failed": {}}`. A start goes on from what was settled: pages are not
synced one by one, and what a power cut may have taken of them is younger than that. Making a page again that is there
already writes nothing.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dsari_like import __version__
from dsari_like.core.model import Configuration
from dsari_like.report import names

STATE = ".rendered.json"
TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")
SETTLED = 30.0  # seconds after which the system has written a file to the disk by itself
_KINDS = (str, str, int, str, int, int, int, dict, list, dict)

#: Revision, decision, pruned run, call of a callback, rests.
Point = tuple[int, int, int, int, Mapping[str, str]]
_NOWHERE: Point = (-1, -1, -1, -1, {})


@dataclass(slots=True)
class Rendered:
    """How far the pages have come."""

    fingerprint: str  # what is the same for all pages
    configuration: str  # what the pages of jobs and the front pages show beside the run log
    revision: int = -1  # the newest change of a run that all pages know
    run_id: str = ""  # with it, when a commit of many changes is half done
    decision: int = -1
    pruned: int = -1  # the last run whose pages were removed with it
    call: int = -1  # the last call up to which none can change any more
    rests: Mapping[str, str] = field(default_factory=dict)  # who rests, as all pages show it
    settled: list[Any] = field(default_factory=lambda: [*_NOWHERE])  # all five, of at least half a minute before
    failed: dict[str, str] = field(default_factory=dict)  # pages that could not be made, and why

    @property
    def point(self) -> Point:
        """The five together."""
        return self.revision, self.decision, self.pruned, self.call, self.rests

    def missed(self, oldest_pruned: int) -> bool:
        """True when runs were removed so long ago that no word of it is left, and these pages have not heard it."""
        return max(self.pruned, 0) + 1 < oldest_pruned

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"


@dataclass(slots=True)
class Keeping:
    """Which point a later start may trust to be on the disk."""

    paused: bool = False  # while everything is made, there is no such point
    _since: float = 0.0
    _last: Point = _NOWHERE

    def begin(self, rendered: Rendered, now: float) -> None:
        """Pages go on from here."""
        self._since, self._last = now, rendered.point

    def settle(self, rendered: Rendered, now: float) -> None:
        """Called when it is about to be kept: what was kept half a minute ago has settled by now."""
        first = rendered.settled == [*_NOWHERE]
        if first or not 0 <= now - self._since < SETTLED:
            rendered.settled, self._since = list(self._last), now
        else:
            rendered.settled[-1] = _doubted(rendered.settled[-1], differing(self._last[-1], rendered.rests))
        self._last = rendered.point


def recall(text: str | None) -> Rendered | None:
    """What was kept; None when it cannot be read as that."""
    try:
        found: Any = json.loads(text or "")
        rendered = Rendered(**found)
        *numbers, rests = rendered.settled
        rendered.rests = _doubted(rests, differing(rests, rendered.rests))
        rendered.revision, rendered.decision, rendered.pruned, rendered.call = map(int, numbers)
        rendered.run_id = ""
        kinds = zip(asdict(rendered).values(), _KINDS, strict=True)
    except (ValueError, TypeError, AttributeError):
        return None
    return rendered if all(isinstance(value, kind) for value, kind in kinds) else None


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """The names that rest in another way, or in one of both only."""
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _doubted(rests: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Rests change to and fro, where numbers only grow: what was shown of these names is anybody's guess, so that
    whatever holds now differs from it."""
    return {**rests, **dict.fromkeys(names, "")}


def fingerprint(configuration: Configuration, runs_dir: str) -> str:
    """Changes with anything that changes every page: the version, a template or the style, ours or the user's, a
    setting. Reads the files itself: when nothing changed, nobody needs Jinja2."""
    c = configuration
    directories = [TEMPLATES, *([c.template_dir] if c.template_dir else [])]
    files = (path for directory in directories for path in sorted(glob.glob(f"{glob.escape(directory)}/*")))
    limits = (c.report_run_output_start, c.report_run_output_end)
    settings = (c.title, c.base_url, c.timezone, limits, c.report_html_gz, names.PAGE_SIZE, runs_dir)
    return _digest_of(files, (__version__, *settings))


def digest(configuration: Configuration) -> str:
    """Changes with what the pages of jobs and the front pages show of the configuration."""
    c = configuration
    return _digest_of(c.files, (sorted(hidden(c)), len(c.jobs), c.warnings, c.config_dir, c.data_dir))


def hidden(configuration: Configuration) -> set[str]:
    """The jobs that are on no page (D-27)."""
    return {name for name, job in configuration.jobs.items() if not job.render_reports}


def _digest_of(files: Iterable[str], settings: Iterable[object]) -> str:
    """Changes when a file of the configuration does; a file that cannot be read counts as its name."""
    digest = hashlib.sha256(repr(tuple(settings)).encode())
    for path in files:
        digest.update(path.encode(errors="surrogateescape"))
        try:
            with open(path, "rb") as file:
                digest.update(file.read())
        except OSError:
            continue
    return digest.hexdigest()
