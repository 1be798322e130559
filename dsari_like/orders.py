"""What signals ask of the daemon: stop, reload, look now, say how you are.

Owns how far the daemon is on its way out. Signals arrive here as numbers, between two turns, in no order that means
anything; what they lead to is an input of the engine like any other. Must not touch runs.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterable

from dsari_like.core import messages as m
from dsari_like.core.choices import OnShutdown
from dsari_like.errors import ConfigError
from dsari_like.parts import Parts
from dsari_like.system.logs import LOG


class Orders:
    """The orders given so far."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.stopping: OnShutdown | None = None  # nothing new is admitted
        self.stop_now = False  # nothing is waited for
        self.look_now = False  # SIGUSR1: look at the whole spool in this turn

    def obey(self, numbers: Iterable[int]) -> list[m.Input]:
        """Take the signals that came. Returns what the engine is to be told."""
        inputs: list[m.Input] = []
        for number in sorted(numbers):
            if number in (signal.SIGTERM, signal.SIGINT):
                inputs += self._stop(number)
            elif number == signal.SIGHUP:
                inputs += self._reload()
            elif number == signal.SIGUSR1:
                self.look_now = True
            elif number == signal.SIGQUIT:
                self._log_state()
        return inputs

    def _stop(self, number: int) -> list[m.Input]:
        """The first signal does as configured, or waits when it came from a terminal; one more means now (B-40)."""
        parts, running = self._parts, len(self._parts.engine.active())
        how = OnShutdown.WAIT if number == signal.SIGINT else parts.configuration.on_shutdown
        parts.notifier.send("STOPPING=1", f"STATUS=stopping, {running} runs")
        if self.stopping is not None or how is OnShutdown.LEAVE:
            self.stopping, self.stop_now = OnShutdown.LEAVE, True
            LOG.info("stopping; %d runs go on and are taken over by the next daemon", running)
            return [m.ShutdownAsked(OnShutdown.LEAVE)]
        self.stopping = how
        LOG.info("stopping when %d runs have ended (%s); a second signal stops at once", running, how.value)
        return [m.ShutdownAsked(how, parts.configuration.shutdown_kill_grace)]

    def _reload(self) -> list[m.Input]:
        """A new configuration; or, with the reasons why not, the one that was in force (B-07)."""
        parts = self._parts
        parts.notifier.send("RELOADING=1")
        inputs: list[m.Input] = []
        try:
            inputs.append(parts.reload(parts, parts.clock.now()))
        except (ConfigError, OSError, sqlite3.Error) as error:
            for problem in error.problems if isinstance(error, ConfigError) else [error]:
                LOG.error("%s", problem)
            LOG.error("the configuration was not reloaded: the one that was in force stays in force")
        parts.notifier.send("READY=1")
        return inputs

    def _log_state(self) -> None:
        engine, wall = self._parts.engine, self._parts.clock.now().wall
        LOG.info("%d runs open, %d of them running", len(engine.runs), len(engine.active()))
        for run in engine.runs.values():
            seconds = wall - (run.start_time or run.queue_time)
            why = engine.why(run.run_id)
            waits = f", waits for {why.kind} {', '.join(why.names)} held by {', '.join(why.holders)}" if why else ""
            LOG.info("run %s of %s: %s for %.0f s%s", run.run_id, run.job_name, run.state.value, seconds, waits)
