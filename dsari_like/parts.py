"""Everything a daemon is made of, each a thing a test can make too.

Owns the list of parts and the order in which they are given back. Must not know how they are made (`startup.py`) or
used (`daemon.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsari_like.core import messages as m
from dsari_like.core.engine import Engine
from dsari_like.core.model import Configuration
from dsari_like.report.renderer import Renderer
from dsari_like.spool.inbox import Inbox
from dsari_like.spool.watch import Watch
from dsari_like.store.runlog import RunLog
from dsari_like.system.children import Children
from dsari_like.system.clock import Clock
from dsari_like.system.lock import DirectoryLock
from dsari_like.system.notify import Notifier
from dsari_like.system.wakeup import Wakeup


@dataclass(slots=True)
class Parts:
    """The parts by name; `configuration` and `renderer` are exchanged at a reload."""

    configuration: Configuration
    clock: Clock
    wakeup: Wakeup
    lock: DirectoryLock
    runlog: RunLog
    inbox: Inbox
    watch: Watch
    children: Children
    engine: Engine
    renderer: Renderer | None
    notifier: Notifier
    reload: Callable[[Parts, m.Now], m.Configured]  # raises ConfigError, and then nothing has changed

    def close(self) -> None:
        """Give everything back, the lock last: the next daemon may begin when nothing of ours is open."""
        self.watch.stop()
        if self.renderer is not None:
            self.renderer.close()
        self.runlog.close()
        self.lock.close()
