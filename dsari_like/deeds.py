"""The carrying out of effects, and of those once more that failed for want of something.

Owns in which order they are done, and when what failed is tried again. Must not decide anything, nor be given an effect
whose rows are not on the disk yet.
"""

from __future__ import annotations

import math
import sqlite3
from collections import deque

from dsari_like.core import messages as m
from dsari_like.core.reactions import StartCall
from dsari_like.effects import INTENT, discreet, is_called_off, one_receipt_each
from dsari_like.idle import Idle
from dsari_like.parts import Parts
from dsari_like.system.logs import LOG
from dsari_like.system.patience import Patience

#: Starts come before claims are removed because somebody waits for them; a crash in between leaves a claim whose token
#: is known, and then only the removal is repeated.
_ORDER = (
    m.Start,
    m.DropClaim | m.Quarantine,
    m.RequestCancel | m.Signal | m.LookForLife,
    m.WriteReceipts | m.Notice | m.Prune,
    StartCall,
)

#: Seconds to wait for what the engine makes of a start that is to be tried again, before another one is.
_ANSWERED = 1.0


class Deeds:
    """What the engine wants done. What comes of it is appended to `inputs`."""

    def __init__(self, parts: Parts, inputs: deque[m.Input], patience: Patience, idle: Idle) -> None:
        self._parts = parts
        self._inputs = inputs
        self._patience = patience
        self._idle = idle
        self._later: list[tuple[float, m.Effect]] = []  # what failed for want of something, and when to try again
        self._put_off: deque[m.Start] = deque()  # the same of starts, which are tried by one of them
        self._start_at = 0.0

    def carry_out(self, effects: list[m.Effect], now: m.Now) -> None:
        """Do all of it, and what is to be tried again by now."""
        self._starts_again(now)
        todo = one_receipt_each([*self._due_again(effects, now), *effects])
        for kinds in _ORDER:
            for effect in todo:
                if isinstance(effect, kinds):
                    self._try(effect, now)

    def next_deadline(self) -> float:
        """When something is to be tried again, by the monotonic clock; infinity when nothing is."""
        start = self._start_at if self._put_off else math.inf
        return min([start, *(moment for moment, _ in self._later)])

    def _starts_again(self, now: m.Now) -> None:
        """Ask for starts that were put off; that each may begin is recorded, then it does. As long as starts fail one
        alone is tried, and the others follow when it succeeded: a hundred tries would tell no more than the first."""
        for effect in [effect for effect in self._put_off if is_called_off(effect)]:
            self._put_off.remove(effect)
            self._call_off(effect)
        if now.mono < self._start_at:
            return
        failing = self._patience.is_failing(INTENT[m.Start])
        for _ in range(min(1, len(self._put_off)) if failing else len(self._put_off)):
            self._inputs.append(m.StartAgain(self._put_off.popleft().run.run_id))
            self._start_at = now.mono + _ANSWERED

    def _due_again(self, effects: list[m.Effect], now: m.Now) -> list[m.Effect]:
        """What failed before and is to be tried once more; its rows are on the disk, whatever becomes of new ones. A
        receipt does not wait when there is a newer one: coming after it, it would tell the past for ever."""
        told = any(isinstance(effect, m.WriteReceipt) for effect in effects)
        waiting, self._later, due = self._later, [], []
        for moment, effect in waiting:
            if moment <= now.mono or (told and isinstance(effect, m.WriteReceipts)):
                due.append(effect)
            else:
                self._later.append((moment, effect))
        return due

    def _try(self, effect: m.Effect, now: m.Now) -> None:
        if isinstance(effect, m.Start) and is_called_off(effect):
            self._call_off(effect)
            return
        what = INTENT.get(type(effect), "go on")
        try:
            self._do(effect)
        except (OSError, sqlite3.Error) as error:
            self._failed(effect, what, error, now)
        else:
            self._succeeded(effect, what, now)

    def _failed(self, effect: m.Effect, what: str, error: Exception, now: m.Now) -> None:
        delay, line = self._patience.failed(what, error, now.mono)
        if isinstance(effect, m.Start):
            self._put_off.append(effect)
            self._start_at = now.mono + delay
            self._inputs.append(m.StartPutOff(effect.run.run_id, str(error)))
        else:
            self._later.append((now.mono + delay, effect))
        if line:
            LOG.error("%s", line)

    def _succeeded(self, effect: m.Effect, what: str, now: m.Now) -> None:
        if isinstance(effect, m.Start):
            self._start_at = now.mono
        line = self._patience.succeeded(what)
        if line:
            LOG.info("%s", line)

    def _call_off(self, effect: m.Start) -> None:
        """A start of a run that was told to end meanwhile: nothing was started, and nothing is."""
        self._inputs.append(m.ChildExited(effect.run.run_id, None, self._parts.clock.now().wall))

    def _do(self, effect: m.Effect) -> None:
        parts = self._parts
        match effect:
            case m.DropClaim():
                parts.inbox.drop(effect.claim)
            case m.Quarantine():
                place, reason = effect.claim.name or "control", parts.configuration.secrets.text(effect.reason)
                parts.inbox.quarantine(effect.claim, reason)
                LOG.warning("refused %s of %s: %s", effect.claim.file_name, place, reason)
            case m.Start():
                previous = parts.runlog.previous(effect.job.name)
                mono = parts.clock.mono()
                message = parts.children.start(parts.configuration, effect.job, effect.run, previous, mono)
                if message is not None:
                    self._inputs.append(message)
            case m.Signal():
                LOG.info("run %s gets signal %d: %s", effect.run_id, effect.number, effect.why)
                parts.children.signal(effect.run_id, effect.number)
            case m.RequestCancel():
                parts.children.request_cancel(effect.run, effect.text)
            case m.LookForLife():
                self._inputs += parts.children.look_for_life(effect.run, effect.on_output, parts.clock.now())
            case StartCall():
                parts.children.calls.start(parts.configuration, effect, parts.clock.now())
            case m.WriteReceipts():
                parts.inbox.write_receipts(discreet(effect.receipts, parts.configuration.secrets))
            case m.Notice():
                getattr(LOG, effect.level)("%s", effect.text)
            case m.Prune():
                self._idle.upkeep().ask(effect)
