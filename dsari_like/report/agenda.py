"""What is to come, as a calendar (RFC 5545) that any program for appointments can subscribe to.

Owns the format, and how far it looks ahead. It begins with the present hour, so that it changes from hour to hour and
with the schedules, and not with every run. Must not know how slots are found.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC

from dsari_like.core.schedule import Slot
from dsari_like.report import moments, names
from dsari_like.report.days import HOUR
from dsari_like.report.rests import LEFT_OUT
from dsari_like.report.scene import Scene

#: Entries in all, those of one job, and seconds ahead: a job that is due each minute would fill the calendar alone.
MOST, OF_A_JOB, AHEAD = 200, 20, 14 * 86_400
_LINE = 73  # octets; 75 are allowed


def agenda(scene: Scene, now: float) -> str:
    """The calendar of the coming slots."""
    begin = now // HOUR * HOUR
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//dsari_like//coming runs//EN", "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(scene.configuration.title)}", "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ]  # fmt: skip
    due = [name for _, name in scene.overview.upcoming(now, MOST)]
    for name, slot in _coming(scene, due, begin):
        lines += _event(scene, name, slot, begin)
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _coming(scene: Scene, names_: Iterable[str], begin: float) -> Iterator[tuple[str, Slot]]:
    """The next slots of these jobs, in their order."""
    slots = ((name, scene.overview.next_slot(name, begin - 0.001)) for name in names_)
    heap = [(slot.time, name, 1) for name, slot in slots if slot is not None]
    heapq.heapify(heap)
    for _ in range(MOST):
        if not heap or heap[0][0] > begin + AHEAD:
            return
        instant, name, count = heapq.heappop(heap)
        slot = scene.overview.slot_at(name, instant)
        if slot is None:
            continue
        yield name, slot
        following = scene.overview.next_slot(name, instant) if count < OF_A_JOB else None
        if following is not None:
            heapq.heappush(heap, (following.time, name, count + 1))


def _event(scene: Scene, name: str, slot: Slot, begin: float) -> Iterator[str]:
    note, time = scene.overview.note(name, slot, begin, scene.zone), _stamp(slot.time)
    job, base = scene.configuration.jobs.get(name), scene.configuration.base_url
    described = ". ".join(filter(None, (job.description if job else "", note)))
    yield "BEGIN:VEVENT"
    yield f"UID:{hashlib.sha256(name.encode()).hexdigest()[:16]}-{time}@dsari_like"
    yield f"DTSTAMP:{time}"
    yield f"DTSTART:{time}"
    yield f"SUMMARY:{_text(name)}"
    if described:
        yield f"DESCRIPTION:{_text(described)}"
    if base:
        yield f"URL:{names.link(base.rstrip('/') + '/', names.job_page(name))}"
    yield f"STATUS:{'CANCELLED' if LEFT_OUT in note else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _stamp(time: float) -> str:
    return f"{moments.at(time, UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    text = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Lines are folded at octets, but never inside a character."""
    pieces, piece, size = [], "", 0
    for letter in line:
        width = len(letter.encode("utf-8", "replace"))
        if size + width > _LINE:
            pieces.append(piece)
            piece, size = "", 1
        piece, size = piece + letter, size + width
    return "\r\n ".join([*pieces, piece])
