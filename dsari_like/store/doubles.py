"""What must not be written twice, and was about to be: decisions that the run log holds already.

Owns the question, and what is left of a turn without them. The unique indexes of `decisions` are the last guard
against starting an instant twice; when they speak, something before them was wrong (a clock that was years ahead, or
we), and a guard that held up every later row would be worse than the fault.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from dsari_like.core.choices import Outcome
from dsari_like.core.messages import Decide, Effect, Start

_KNOWN = "select 1 from decisions where job_name = ? and schedule_time is ? and token is ?"


def doubles(connection: sqlite3.Connection, effects: Iterable[Effect]) -> list[Decide]:
    """The decisions among the effects that were made before, in this run log or in this very turn."""
    found, seen = [], set()
    for effect in effects:
        if isinstance(effect, Decide):
            made = effect.decision
            key = (made.job_name, made.schedule_time, made.token)
            if key in seen or connection.execute(_KNOWN, key).fetchone() is not None:
                found.append(effect)
            seen.add(key)
    return found


def without(effects: Iterable[Effect], doubled: Iterable[Decide]) -> list[Effect]:
    """The effects less these decisions, and less the starts they were about: nothing is started twice."""
    decisions = {id(effect) for effect in doubled}
    runs = {run_of(effect) for effect in doubled}
    return [
        effect
        for effect in effects
        if id(effect) not in decisions and not (isinstance(effect, Start) and effect.run.run_id in runs)
    ]


def run_of(effect: Decide) -> str | None:
    """The run that was made by the decision; one that a slot only folded into has a right of its own."""
    return effect.decision.run_id if effect.decision.outcome is Outcome.STARTED else None
