"""`dsari-like daemon`: the service itself, in the foreground or, with `--fork`, behind it.

Owns the order of start and stop as the caller sees it. Must not know what a turn does.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from typing import Any

from dsari_like.config.rights import ALLOW
from dsari_like.errors import ConfigError, StoreError, UserError
from dsari_like.system.logs import LOG, set_up

SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGQUIT,
    signal.SIGCHLD,
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "daemon",
        help="run the daemon in the foreground",
        description="Reads the configuration, watches the spool and the clock, and runs jobs until it is told to"
        " stop. SIGTERM stops as on_shutdown says, SIGHUP reloads the configuration, SIGUSR1 looks at the spool now,"
        " SIGQUIT logs the state.",
    )
    parser.add_argument("--debug", action="store_true", help="log every change of state")
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="form of the log on stderr")
    parser.add_argument(
        ALLOW,
        action="store_true",
        help="use a configuration or a data directory that everybody may write to, or that another user owns; else"
        " either is refused",
    )
    parser.add_argument("--fork", action="store_true", help="return when the daemon is ready, and leave it behind")


def run(args: argparse.Namespace) -> int:
    """Run until told to stop. Returns 0, 2 for a configuration or 5 for a data directory that cannot be used."""
    if args.fork:
        return _fork(args)
    return _serve(args, ready=None)


def _serve(args: argparse.Namespace, ready: int | None) -> int:
    set_up(args.debug, args.log_format, timed="JOURNAL_STREAM" not in os.environ)
    os.umask(0o027)
    gc.disable()  # until the configuration is frozen: a collection in the middle of 100,000 jobs is all cost
    from dsari_like.config import places
    from dsari_like.daemon import Daemon
    from dsari_like.startup import assemble
    from dsari_like.system.clock import Clock
    from dsari_like.system.family import become_subreaper
    from dsari_like.system.wakeup import Wakeup

    wakeup = Wakeup()
    wakeup.catch(SIGNALS)
    become_subreaper()
    try:
        parts, inputs = assemble(
            places.locate(args.config_dir, os.environ), Clock(), wakeup, os.environ, lax=args.allow_world_writable
        )
    except UserError as error:
        return _refused(error)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # nothing of ours goes in circles; a look at every 700 objects is on every path
    gc.enable()
    daemon = Daemon(parts, inputs)
    daemon.settle(parts.clock.now())  # what an earlier daemon left, before anybody is told that we are ready
    _tell_ready(parts.configuration.config_dir, len(parts.configuration.jobs), ready)
    parts.notifier.send("READY=1", f"STATUS={len(parts.configuration.jobs)} jobs")
    daemon.run()
    parts.close()
    return 0


def _refused(error: UserError) -> int:
    for line in error.problems if isinstance(error, ConfigError) else (str(error),):
        LOG.error("%s", line)
    return 5 if isinstance(error, StoreError) else 2


def _tell_ready(config_dir: str, jobs: int, ready: int | None) -> None:
    LOG.info("ready: %d jobs from %s, pid %d", jobs, config_dir, os.getpid())
    if ready is not None:
        os.write(ready, b"\0")
        os.close(ready)


def _fork(args: argparse.Namespace) -> int:
    """Leave a daemon behind, detached from the terminal. The exit status tells whether it became ready (B-43)."""
    read, write = os.pipe()
    child = os.fork()  # nothing is loaded yet and no thread runs: this is not the daemon's launcher
    if child == 0:
        os.close(read)
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os._exit(_last_words(args, write))
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        if pipe.read(1):
            return 0
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _last_words(args: argparse.Namespace, write: int) -> int:
    try:
        return _serve(args, write)
    except BaseException:
        LOG.exception("the daemon ended on an error of its own")
        sys.stderr.flush()
        return 1
