"""Everything a daemon is made of, each a thing a test can make too.

Owns the list of parts and the order in which they are given back. Must not know how they are made (`startup.py`) or
used (`daemon.py`, `deeds.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsari_like.core import messages as m
from dsari_like.core.engine import Engine
from dsari_like.core.model import Configuration
from dsari_like.spool.inbox import Inbox
from dsari_like.spool.watch import Watch
from dsari_like.store.runlog import RunLog
from dsari_like.system.children import Children
from dsari_like.system.clock import Clock
from dsari_like.system.lock import DirectoryLock
from dsari_like.system.notify import Notifier
from dsari_like.system.wakeup import Wakeup

if TYPE_CHECKING:
    from dsari_like.report.renderer import Renderer
    from dsari_like.system.watched import Watched


@dataclass(slots=True)
class Parts:
    """The parts by name; `configuration` and what makes the renderer are exchanged at a reload."""

    configuration: Configuration
    clock: Clock
    wakeup: Wakeup
    lock: DirectoryLock
    runlog: RunLog
    inbox: Inbox
    watch: Watch
    children: Children
    engine: Engine
    open_renderer: Callable[[], Renderer]  # of the configuration in force; what it imports, a start does not wait for
    notifier: Notifier
    reload: Callable[[Parts, m.Now], m.Configured]  # raises ConfigError, and then nothing has changed

    watched: Watched | None = field(default=None, init=False)
    _renderer: Renderer | None = field(default=None, init=False)

    def listen(self) -> bool:
        """Be told of drops at once. False when that cannot be had now."""
        import hashlib  # noqa: F401  wanted by the first run, when there may be no descriptor left to load it by

        on = self.watch.start()
        if self.watch.descriptor is not None:
            self.wakeup.watch(self.watch.descriptor, self.watch.read)
        return on

    def watch_events(self, marks: Mapping[str, float]) -> None:
        """The files that event triggers wait for, from now on; most sites have none, and load nothing for them."""
        jobs = self.configuration.jobs.values()
        things = [path for job in jobs if job.event_trigger and job.enabled for path in job.event_trigger.paths]
        if self.watched is None and things:
            from dsari_like.system.watched import Watched

            self.watched = Watched(self.wakeup)
        if self.watched is not None:
            self.watched.configure(things, marks)

    def renderer(self) -> Renderer:
        """The one renderer, made when it is asked for first."""
        if self._renderer is None:
            self._renderer = self.open_renderer()
        return self._renderer

    def drop_renderer(self) -> None:
        """It is closed, and another one made when it is asked for."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def close(self) -> None:
        """Give everything back, the lock last: the next daemon may begin when nothing of ours is open."""
        self.watch.stop()
        if self.watched is not None:
            self.watched.close()
        self.children.close()
        self.drop_renderer()
        self.inbox.close()
        self.runlog.close()
        self.notifier.close()
        self.lock.close()
