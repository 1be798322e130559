"""The loop: wait, gather, handle, apply.

Owns the order of things within a turn, and that nothing is done before it is recorded. What is decided is in
`core/engine.py`, the doing in `deeds.py`; how the parts are made, and what happens before the first turn, is in
`startup.py`.

A turn: sleep until the next deadline or a wake-up; signals; dead children; the spool; what is due by the clock; apply
all effects, rows first; if nothing is ready, render pages for a few milliseconds and look again.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections import deque
from collections.abc import Iterator

from dsari_like.core import messages as m
from dsari_like.deeds import Deeds
from dsari_like.idle import Idle
from dsari_like.orders import Orders
from dsari_like.parts import Parts
from dsari_like.spool.files import WEATHER
from dsari_like.spool.inbox import Found
from dsari_like.store.doubles import doubles, run_of, without
from dsari_like.system.logs import LOG
from dsari_like.system.patience import Patience
from dsari_like.translate import translate

#: A source yields at most so much in one turn, so that no flood starves the others.
BATCH = 256

#: Seconds between two looks at the whole spool, the only thing that happens by itself.
RESCAN = 60.0


class Daemon:
    """One loop over its parts. `inputs` are what the first turn begins with."""

    def __init__(self, parts: Parts, inputs: list[m.Input]) -> None:
        self.parts = parts
        self._inputs: deque[m.Input] = deque(inputs)  # what came of carrying out effects, or of signals
        self._unwritten: list[m.Effect] = []  # decided, but not on the disk yet: nothing of it has been done
        self._store_at = 0.0
        self._patience = Patience()
        self._orders = Orders(parts)
        self._rescan_at = 0.0
        self._listen_at = 0.0  # when to begin to be told of drops
        self._rendering = True
        self._offset: float | None = None  # wall clock less monotonic clock, at the last turn
        self._found: deque[Found] = deque()  # claimed and read, not told to the engine yet
        self._idle = Idle(parts, self._patience)
        self._deeds = Deeds(parts, self._inputs, self._patience, self._idle)
        self.stopped = False

    def run(self) -> None:
        """Turn until told to stop."""
        while not self.stopped and (self._inputs or not self._orders.stop_now):
            self.turn()

    def turn(self) -> None:
        """One pass: wait, gather, handle, apply, and render when there is nothing better to do."""
        parts = self.parts
        self._inputs += self._orders.obey(self._wait())
        now = parts.clock.now()
        self._notice_step(now)
        self._listen(now)
        self.settle(now)
        self._rendering = not (self._inputs or self._unwritten) and self._idle.render(now)
        if self._is_idle():
            self._rendering = self._idle.keep_up(now)  # what it removed has pages
        parts.lock.touch()
        if parts.notifier.watchdog is not None:
            parts.notifier.send("WATCHDOG=1")
        if self._orders.stopping is not None and not self._unwritten:
            self.stopped = not parts.engine.active()

    def settle(self, now: m.Now) -> None:
        """Everything that has happened, and what follows from it. Also what is done before anybody is told that the
        daemon is ready: what an earlier one left behind."""
        for message in self._gather(now):
            self._handle(message, now)
        self._apply(now)

    def _handle(self, message: m.Input, now: m.Now) -> None:
        """The one boundary of the loop: a fault of ours in one message is that message's, and is told in full. Its
        claim stays where it is, and is tried again by the next daemon, three times at the most."""
        try:
            self._unwritten += self.parts.engine.handle(message, now)
        except Exception:
            LOG.exception("could not handle %s; everything else goes on", type(message).__name__)

    def _listen(self, now: m.Now) -> None:
        """From here on drops are told at once. A start does not wait for what that takes to load, and the look that
        follows misses nothing. What cannot be had is tried again with each rescan."""
        if now.mono >= self._listen_at:
            self._listen_at = math.inf if self.parts.listen() else now.mono + RESCAN
            self._orders.look_now = True

    def _notice_step(self, now: m.Now) -> None:
        """A clock that was set, or a machine that slept, is worth a line: it explains what follows (P11)."""
        offset, self._offset = self._offset, now.wall - now.mono
        if offset is not None and abs(self._offset - offset) > 1.0:
            LOG.warning("the wall clock jumped by %+.1f s: it was set, or the machine slept", self._offset - offset)

    # --- wait -----------------------------------------------------------------------------------------------------

    def _wait(self) -> set[int]:
        """Sleep until there is something to do. A look at the spool may come a little late: for that no sleep is cut
        in two."""
        now = self.parts.clock.now()
        if self._inputs or self._rendering or (self._admits() and self.parts.inbox.more):
            return self.parts.wakeup.wait(0.0)
        due, look = self._until_due(now), self._until_look(now)
        return self.parts.wakeup.wait(max(0.0, min(due, look)), punctual=due < 1.01 * look)

    def _until_due(self, now: m.Now) -> float:
        moments = [self._deeds.next_deadline()]
        moments += [self._store_at] if self._unwritten or self._found else []
        moments += self._idle.moments(now, self._is_idle())
        settle = self.parts.inbox.next_deadline() if self._admits() else None
        event = self.parts.watched.next_deadline() if self.parts.watched is not None and self._admits() else None
        moments += [moment for moment in (settle, event, self.parts.children.next_deadline()) if moment is not None]
        due = None if self._unwritten else self.parts.engine.next_deadline(now)
        return min([moment - now.mono for moment in moments] + ([] if due is None else [due]), default=math.inf)

    def _until_look(self, now: m.Now) -> float:
        rescan = self._rescan_at if self._admits() else now.mono + RESCAN  # one that may not be is not awaited
        look = min(rescan, self._listen_at) - now.mono
        tolerated = self.parts.notifier.watchdog
        return look if tolerated is None else min(look, tolerated)

    def _is_idle(self) -> bool:
        """True when nothing is ready, not even a page."""
        return self._admits() and not (self._rendering or self._inputs or self.parts.inbox.more)

    def _admits(self) -> bool:
        """False while the spool is left alone: on the way out, or as long as the run log cannot be used."""
        return self._orders.stopping is None and not self._unwritten and not self._found

    # --- gather ---------------------------------------------------------------------------------------------------

    def _gather(self, now: m.Now) -> list[m.Input]:
        """Everything that happened since the last turn, but at most BATCH of it from the spool."""
        inputs = list(self._inputs)
        self._inputs.clear()
        inputs += self.parts.children.news(now)
        if self.parts.watched is not None and self._admits():
            inputs += self.parts.watched.news(now)
        if self._found and not self._unwritten:
            inputs += self._translated(now)
        if self._admits():
            inputs += self._from_spool(now)
        if not self._unwritten:
            inputs.append(m.TimePassed())
        return inputs

    def _from_spool(self, now: m.Now) -> list[m.Input]:
        inbox, hints = self.parts.inbox, self.parts.watch.take()
        if hints.everything or self._orders.look_now or now.mono >= self._rescan_at:
            inbox.look_everywhere()
            self._orders.look_now, self._rescan_at = False, now.mono + RESCAN
        for hint in hints.files:
            inbox.look_at(*hint)
        self._found.extend(inbox.gather(BATCH, now))
        for warning in (*inbox.take_warnings(), *self.parts.watch.take_problems()):
            LOG.warning("%s", warning)
        return list(self._translated(now))

    def _translated(self, now: m.Now) -> Iterator[m.Input]:
        """What the files mean. That takes questions to the run log; if it cannot answer, the rest waits."""
        while self._found and now.mono >= self._store_at:
            try:
                message = translate(self._found[0], self.parts.configuration, self.parts.runlog, now)
            except sqlite3.Error as error:
                self._store_trouble("read the run log", error, now)
                return
            except OSError as error:  # a zone, or a module that few triggers need, is read from files as well
                if error.errno not in WEATHER:
                    raise
                self._store_trouble("understand a trigger", error, now)
                return
            self._found.popleft()
            yield message

    # --- apply ----------------------------------------------------------------------------------------------------

    def _apply(self, now: m.Now) -> None:
        """Rows first, in one transaction; then starts, claims, signals, and what is told to people."""
        effects: list[m.Effect] = []
        if not self._unwritten or self._write(now):
            effects, self._unwritten = self._unwritten, []
        self._deeds.carry_out(effects, now)

    def _write(self, now: m.Now) -> bool:
        if now.mono < self._store_at:
            return False
        try:
            self.parts.runlog.write(self._unwritten)
        except sqlite3.IntegrityError as error:
            if not self._leave_out_doubles():
                self._store_trouble("write the run log", error, now)
                return False
            return self._write(now)
        except sqlite3.Error as error:
            self._store_trouble("write the run log", error, now)
            return False
        again = self._patience.succeeded("write the run log")
        if again:
            LOG.info("%s", again)
        for effect in self._unwritten:
            if isinstance(effect, m.SaveRun) and effect.cause is not None:
                level = logging.INFO if effect.run.is_final else logging.DEBUG
                run = effect.run
                LOG.log(level, "run %s of %s: %s (%s)", run.run_id, run.job_name, run.state.value, effect.cause)
        return True

    def _leave_out_doubles(self) -> bool:
        """What was decided before is not decided, let alone started, again; its runs fail and say why. False when
        there is nothing of that kind, so that leaving it out would not help."""
        again = doubles(self.parts.runlog.connection, self._unwritten)
        self._unwritten = without(self._unwritten, again)
        for effect in again:
            made = effect.decision
            LOG.error("a slot of %s was decided before and is not started again: %s", made.job_name, made.schedule_time)
            run_id = run_of(effect)
            if run_id is not None and run_id in self.parts.engine.runs:
                self._inputs.append(m.StartFailed(run_id, 125, "its slot was decided before"))
        return bool(again)

    def _store_trouble(self, what: str, error: Exception, now: m.Now) -> None:
        delay, line = self._patience.failed(what, error, now.mono)
        self._store_at = now.mono + delay
        if line:
            LOG.error("%s", line)
