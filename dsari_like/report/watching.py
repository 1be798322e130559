"""How far the event triggers have come: what of each was updated, what is awaited, and until when a job cools down.

Owns the words and the object, for pages and commands alike. Must not know when a trigger fires (`core/readiness`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from dsari_like.core.flows import Ready
from dsari_like.core.model import Configuration, Job
from dsari_like.report.moments import moment


@dataclass(frozen=True, slots=True)
class Watching:
    """How the event trigger of one job stands at a moment."""

    job_name: str
    updated: Mapping[str, float]  # what is ready, and since when
    awaited: tuple[str, ...]
    fired: float | None
    cools_until: float | None
    at_end: bool


def watching(job: Job, ready: Mapping[str, Ready], now: float) -> Watching | None:
    """How the job's trigger stands; None when it has none. Nothing recorded of a job is nothing updated."""
    trigger = job.event_trigger
    if trigger is None:
        return None
    known = ready.get(job.name, Ready(job.name))
    updated = {thing: known.updated[thing] for thing in trigger.watch if thing in known.updated}
    cools = known.cools_until(trigger, now)
    return Watching(job.name, updated, known.awaited(trigger), known.fired, cools, trigger.at_end)


def all_watching(configuration: Configuration, ready: Mapping[str, Ready], now: float) -> list[Watching]:
    """Those of all jobs that are switched on, in the order of the configuration."""
    found = (watching(job, ready, now) for job in configuration.jobs.values() if job.event_trigger and job.enabled)
    return [one for one in found if one is not None]


def watching_object(one: Watching) -> dict[str, Any]:
    """For programs."""
    return {
        "job_name": one.job_name,
        "updated": dict(one.updated),
        "awaited": list(one.awaited),
        "fired": one.fired,
        "cools_until": one.cools_until,
        "at_end": one.at_end,
    }


def watching_sentences(one: Watching, zone: tzinfo) -> Iterator[str]:
    """What is awaited, what is ready, and what holds it back."""
    if one.awaited:
        yield f"It is started when all it watches was updated, and waits for {', '.join(one.awaited)}."
    else:
        yield "All it watches was updated."
    if one.updated:
        yield f"Ready: {updated_words(one, zone)}."
    if one.cools_until is not None:
        yield f"It cools down until {moment(one.cools_until, zone)}: {_after(one)}."


def updated_words(one: Watching, zone: tzinfo) -> str:
    """Each thing that is ready, with when it was updated last."""
    return ", ".join(f"{thing} ({moment(time, zone)})" for thing, time in one.updated.items())


def _after(one: Watching) -> str:
    if one.at_end:
        return "what is updated meanwhile counts, and if all was, it is started then"
    return "what is updated meanwhile counts, and the next update after that may start it"
