"""Zones by name, and the rules and blackouts of all jobs bound to them.

Owns the finding of zones, the machine's own included. Must not know: when a rule fires or what follows.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from dsari_like.config.blackouts import windows
from dsari_like.config.checks import Fault, Unfit, shown
from dsari_like.core import schedule
from dsari_like.core.blackout import Windows
from dsari_like.core.model import Configuration, Job

_ZONE_DIRECTORY = "/zoneinfo/"
_UNNAMED = "localtime"
_SHORTAGE = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone the machine knows. Looks into each zone file, so only an error asks."""
    return tuple(sorted(available_timezones()))


@cache
def _known(name: str) -> tzinfo | None:
    """None is remembered too, so a zone that only cannot be read just now raises OSError: else one moment without
    descriptors would make it unknown for ever."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError):
        return None
    except OSError as error:
        if error.errno in _SHORTAGE:
            raise
        return None


def zone(name: str) -> tzinfo:
    """The zone of that name, "" being the machine's own; `Unfit` when there is none."""
    found = _known(name) if name else local_zone()
    if found is None:
        raise Unfit(Fault((), f"expected a zone such as Europe/Berlin, found {shown(name)}", name, zone_names()))
    return found


@cache
def local_zone() -> tzinfo:
    """The machine's zone with its rules, so that it is right after the clocks change too (B-32).

    By name where `TZ`, /etc/timezone or the link /etc/localtime gives one, else whatever /etc/localtime holds, else
    UTC.
    """
    for name in _local_names():
        found = _known(name) if name else None
        if found is not None:
            return found
    try:
        with open("/etc/localtime", "rb") as file:
            return ZoneInfo.from_file(file, _UNNAMED)
    except (OSError, ValueError):
        return UTC


def _local_names() -> list[str]:
    names = [os.environ.get("TZ", "").removeprefix(":").rpartition(_ZONE_DIRECTORY)[2]]
    try:
        with open("/etc/timezone", encoding="utf-8") as file:
            names.append(file.readline().strip())
    except (OSError, ValueError):
        pass
    return [*names, os.path.realpath("/etc/localtime").rpartition(_ZONE_DIRECTORY)[2]]


def zone_name(configuration: Configuration, job: Job) -> str:
    """The name of the zone a job's schedule is in; "" where the machine's own has none."""
    name = job.schedule_timezone or configuration.timezone or str(local_zone())
    return "" if name == _UNNAMED else name


def bind_all(
    configuration: Configuration, anchors: Mapping[str, float], now: float
) -> dict[str, tuple[schedule.Rule, ...]]:
    """The rules of every job that is enabled and has a schedule.

    `anchors` are the kept starts of recurrences, by job; a job without one gets the default for its name, which the
    caller keeps from then on.
    """
    own = zone(configuration.timezone)
    return {
        name: _bound(job, zone(job.schedule_timezone) if job.schedule_timezone else own, anchors, now)
        for name, job in configuration.jobs.items()
        if job.schedule and job.enabled
    }


def windows_all(configuration: Configuration) -> dict[str, Windows]:
    """The blackouts of every job that is enabled and has a schedule for them to hold back.

    Jobs that say the same share one object, unless a schedule among theirs hangs on the name.
    """
    own = zone(configuration.timezone)
    shared: dict[object, Windows] = {}
    found: dict[str, Windows] = {}
    for name, job in configuration.jobs.items():
        if job.blackout and job.schedule and job.enabled:
            of = zone(job.schedule_timezone) if job.schedule_timezone else own
            key = (job.blackout, job.blackout_policy, of, name if _hangs_on_name(job) else "")
            if key not in shared:
                calendars = configuration.calendars
                shared[key] = windows(name, job.blackout, job.blackout_policy, of, zone, calendars)
            found[name] = shared[key]
    return found


def _hangs_on_name(job: Job) -> bool:
    return any(set(one.schedule or "") & set("HhRr@") for one in job.blackout)


def _bound(job: Job, of: tzinfo, anchors: Mapping[str, float], now: float) -> tuple[schedule.Rule, ...]:
    anchor = anchors.get(job.name)
    if anchor is None:
        anchor = schedule.default_anchor(job.name, now)
    dst = schedule.DstPolicy(job.dst)
    return tuple(
        schedule.bind(schedule.parse(text), job.name, of, dst, anchor=anchor, zones=zone) for text in job.schedule
    )
