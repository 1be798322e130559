"""`dsari-like check`: is the configuration good, and what does it mean?

Owns the summary. The errors themselves are told by whoever catches them, all at once. Must not know the run log: a
configuration is checked before there is one.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import tzinfo
from itertools import islice
from typing import Any

from dsari_like.cli.coming import changes, coming
from dsari_like.cli.exits import DONE
from dsari_like.cli.look import configuration_of
from dsari_like.cli.printing import say
from dsari_like.cli.times import stamp
from dsari_like.config import plans, rights
from dsari_like.core.model import Configuration, Job
from dsari_like.core.schedule import Rule
from dsari_like.errors import ConfigError
from dsari_like.report.moments import zone_name
from dsari_like.system import identity
from dsari_like.system.clock import Clock

_SHOWN = 3


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "check",
        description="Reads the configuration as the daemon would and tells every error at once, each with its file"
        " and line. Warnings, among them the coming changes of the clock that skip or repeat a slot, do not make it"
        " fail.",
    )
    parser.add_argument(
        rights.ALLOW, action="store_true", help="as the daemon's option: do not ask who else may write to its files"
    )
    parser.add_argument("--explain", action="store_true", help="say of each job when it will run")


def run(args: argparse.Namespace) -> int:
    """0 for a good configuration; ConfigError carries the faults of any other."""
    configuration, now = configuration_of(args), Clock().now().wall
    faults = list(identity.faults(configuration))
    if not args.allow_world_writable:
        faults += rights.faults(configuration, set(_owners(configuration)))
    if faults:
        raise ConfigError(faults)
    bound = plans.bind_all(configuration, {}, now)
    for warning in (*configuration.warnings, *_clock_warnings(configuration, bound, now)):
        say(f"warning: {warning}")
    if args.explain:
        for line in _explained(configuration, bound, now):
            print(line)
    print(f"no errors: {_summary(configuration)}")
    return DONE


def _owners(configuration: Configuration) -> Iterator[int]:
    """Who may own the configuration: whoever asks, and the daemon's user, which is known by the data directory."""
    yield os.geteuid()
    with suppress(OSError):
        yield os.stat(configuration.data_dir).st_uid


def _summary(configuration: Configuration) -> str:
    schedules = sum(len(job.schedule) for job in configuration.jobs.values())
    counts = ((len(configuration.jobs), "job"), (schedules, "schedule"), (len(configuration.files), "file"))
    return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts) + " read"


def _clock_warnings(configuration: Configuration, bound: Mapping[str, tuple[Rule, ...]], now: float) -> Iterator[str]:
    for name, rules in bound.items():
        job = configuration.jobs[name]
        zone = _zone(configuration, job)
        for time, note in sorted(changes(rules, zone, now)):
            yield f"{job.where}: jobs.{name}: the clock of {zone_name(zone)} changes: {stamp(time, zone)}: {note}"


def _explained(configuration: Configuration, bound: Mapping[str, tuple[Rule, ...]], now: float) -> Iterator[str]:
    for name, job in configuration.jobs.items():
        yield f"{name} ({job.where})"
        if name not in bound:
            yield "  is switched off (enabled: false)" if not job.enabled else "  runs by triggers only"
            continue
        zone = _zone(configuration, job)
        for rule in bound[name]:
            yield f"  {rule.text}: {rule.describe()}, {zone_name(zone)}"
        slots = list(islice(coming({name: bound[name]}, now), _SHOWN))
        yield from (f"    {stamp(one.time, zone)}{_note(one.slot.note)}" for one in slots)
        if not slots and not any(rule.is_reboot for rule in bound[name]):
            yield "    never again"


def _zone(configuration: Configuration, job: Job) -> tzinfo:
    return plans.zone(job.schedule_timezone or configuration.timezone)


def _note(text: str) -> str:
    return f"  ({text})" if text else ""
