"""A house for stories: an engine with clocks that only move when told, and a memory of all it did."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import Any

from dsari_like.core import definitions
from dsari_like.core import messages as m
from dsari_like.core.blackout import Windows
from dsari_like.core.engine import Engine
from dsari_like.core.model import (
    Claim,
    Configuration,
    Decision,
    Exit,
    Job,
    Pause,
    ProcessIdentity,
    Run,
    SkipNext,
    Trigger,
)
from dsari_like.core.schedule import DstPolicy, bind, parse
from dsari_like.core.selection import Selection

#: Stories begin on Sunday, 13 September 2026, 12:00 UTC.
NOON = 1789300800.0


def job(name: str = "a", **fields: Any) -> Job:
    """A job that runs `true`."""
    return Job(name, ("true",), **fields)


def plans_of(
    jobs: Mapping[str, Job],
    last: Mapping[str, float] | None = None,
    windows: Mapping[str, Windows] | None = None,
    zone: tzinfo = UTC,
) -> dict[str, m.Planned]:
    """The jobs' rules and blackouts, bound to UTC or another zone."""
    return {
        name: m.Planned(
            tuple(bind(parse(text), name, zone, DstPolicy(one.dst)) for text in one.schedule),
            (last or {}).get(name),
            (windows or {}).get(name),
        )
        for name, one in jobs.items()
        if one.schedule
    }


class House:
    """An engine, its clocks, and what came out of it; runs are called r1, r2, … in the order they are made."""

    def __init__(
        self,
        *jobs: Job,
        last: Mapping[str, float] | None = None,
        at: float = NOON,
        windows: Mapping[str, Windows] | None = None,
        zone: tzinfo = UTC,
        restored: tuple[Run, ...] = (),
        **settings: Any,
    ) -> None:
        self.now = m.Now(at, 1000.0)
        numbers = itertools.count(1)
        self.tokens = itertools.count(1)
        self._new_id = lambda: f"r{next(numbers)}"
        self.engine = Engine(self._new_id)
        self.effects: list[m.Effect] = []
        self.rows: dict[str, Run] = {}
        self.running: list[str] = []
        self.definitions: dict[str | None, str] = {}
        self.last = dict(last or {})
        self.windows = windows
        self.zone = zone
        self.configure(*jobs, restored=restored, **settings)

    def configure(
        self,
        *jobs: Job,
        reload: bool = False,
        restored: tuple[Run, ...] = (),
        rests: tuple[Pause | SkipNext, ...] = (),
        **settings: Any,
    ) -> None:
        named = {one.name: one for one in jobs}
        configuration = Configuration(jobs=named, **settings)
        plans = plans_of(named, self.last, self.windows, self.zone)
        recorded = {
            run.run_id: definitions.restore(named[run.job_name], self.definitions[run.definition])
            for run in restored
            if (run.as_recorded or run.is_active)
            and run.definition in self.definitions
            and run.job_name in named
        }
        self.tell(m.Configured(configuration, plans, restored, rests, reload, recorded))

    def restart(self, *jobs: Job, after: float = 0.0, **settings: Any) -> None:
        """The daemon is gone for `after` seconds; the next one finds what this one recorded."""
        self.now = m.Now(self.now.wall + after, self.now.mono + after)
        self.engine = Engine(self._new_id)
        restored = tuple(run.snapshot() for run in self.rows.values() if not run.is_final)
        self.configure(*jobs, restored=restored, **settings)
        self.tell(m.TimePassed())

    def tell(self, message: m.Input) -> list[m.Effect]:
        effects = self.engine.handle(message, self.now)
        self.effects += effects
        for effect in effects:
            if isinstance(effect, m.SaveRun):
                self.rows[effect.run.run_id] = effect.run
            elif isinstance(effect, m.Start):
                self.running.append(effect.run.run_id)
            elif isinstance(effect, m.RememberDefinition):
                self.definitions[effect.digest] = effect.text
            elif isinstance(effect, m.RememberSlots):
                self.last |= effect.slots
        return effects

    def drop(self, name: str = "a", **fields: Any) -> list[m.Effect]:
        """A trigger arrives."""
        known, claim = fields.pop("known", None), self.claim(name)
        trigger = replace(Trigger("file", data={"n": claim.token}), **fields)
        return self.tell(m.TriggerArrived(claim, trigger, known))

    def wait(self, seconds: float) -> None:
        """Time passes, from deadline to deadline, as the loop would live it."""
        end = self.now.wall + seconds
        while True:
            nap = self.engine.next_deadline(self.now)
            left = end - self.now.wall
            step = left if nap is None else min(nap, left)
            self.now = m.Now(self.now.wall + step, self.now.mono + step)
            self.tell(m.TimePassed())
            if self.now.wall >= end:
                return

    def jump(self, seconds: float, mono: float = 0.0) -> None:
        """The wall clock is stepped, or the machine slept."""
        self.now = m.Now(self.now.wall + seconds, self.now.mono + mono)
        self.tell(m.TimePassed())

    def end(self, run_id: str, code: int = 0, signal: int | None = None) -> None:
        """The process of a run ends."""
        self.running.remove(run_id)
        self.tell(m.ChildExited(run_id, Exit(code, signal), self.now.wall))

    def began(self, run_id: str) -> None:
        """The process of a run exists, and is watched."""
        self.tell(m.Started(run_id, ProcessIdentity(4711, 1, "boot")))

    def cancel(self, run_id: str | None = None, **selected: Any) -> list[m.Effect]:
        """Somebody asks for runs to end."""
        return self.tell(m.CancelAsked(self.claim(), Selection(run_id, **selected), "no more", by="ada"))

    def retry(self, *run_ids: str, **fields: Any) -> list[m.Effect]:
        """Somebody asks for runs that have ended to be repeated."""
        runs = tuple(self.rows[run_id].snapshot() for run_id in run_ids)
        return self.tell(m.RetryAsked(self.claim(), runs, **fields))

    def claim(self, name: str = "") -> Claim:
        """A file that nobody has taken before."""
        token = f"t{next(self.tokens)}"
        return Claim(token, name, f"{token}.json", f"/claimed/{token}", 1, self.now.wall)

    def state(self, run_id: str) -> str:
        return self.rows[run_id].state.value

    def decisions(self) -> list[Decision]:
        return [effect.decision for effect in self.effects if isinstance(effect, m.Decide)]

    def outcomes(self) -> list[tuple[str, str | None]]:
        return [(one.outcome.value, one.run_id) for one in self.decisions()]

    def of(self, kind: type) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]
