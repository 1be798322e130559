"""What happens before the first turn, and again at a reload: from a configuration directory to the parts of a daemon.

Owns the order of it: configuration, data directory and its lock, run log, spool, adoption. Whatever cannot be had is
told in one sentence, and nothing has been changed by then. Must not know what a turn does.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dsari_like import __version__, transition
from dsari_like.config import files, plans, rights
from dsari_like.config.places import Places
from dsari_like.core import definitions
from dsari_like.core import messages as m
from dsari_like.core.engine import Engine
from dsari_like.core.model import Configuration, Job, Run
from dsari_like.core.notices import timed_of
from dsari_like.core.reacting import asked_of
from dsari_like.core.schedule import Rule, default_anchor
from dsari_like.effects import discreet
from dsari_like.errors import ConfigError, StoreError
from dsari_like.parts import Parts
from dsari_like.spool.inbox import Inbox
from dsari_like.spool.receipts import overdue
from dsari_like.spool.watch import Watch
from dsari_like.store import calls, flowlog
from dsari_like.store.db import open_reader
from dsari_like.store.runlog import RunLog
from dsari_like.system import identity
from dsari_like.system.children import Children
from dsari_like.system.clock import Clock
from dsari_like.system.ids import new_id
from dsari_like.system.lock import DirectoryLock
from dsari_like.system.logs import LOG, hide_with
from dsari_like.system.notify import Notifier
from dsari_like.system.wakeup import Wakeup

if TYPE_CHECKING:
    from dsari_like.report.renderer import Renderer

#: Drop directories are made for the jobs of small sites, so that a newcomer need not; with thousands of jobs the
#: rescan of empty directories would cost more than all the rest of an idle daemon.
MAKE_DIRECTORIES_UP_TO = 256

#: Rows whose receipts are looked at again: more than a turn can write. And for how long before the last change of the
#: run log a receipt that is missing was never written, rather than read and removed by its producer.
ANSWERS, UNTOLD = 1000, 60.0


def assemble(
    places: Places, clock: Clock, wakeup: Wakeup, environ: Mapping[str, str], *, lax: bool = False
) -> tuple[Parts, list[m.Input]]:
    """Everything a daemon is made of, and the inputs of its first turn. `lax`: whoever else may write to the
    configuration or the data directory does not matter.

    Raises ConfigError or StoreError; the lock of the data directory is the first thing taken.
    """
    configuration = _load(places, lax)
    hide_with(configuration.secrets.text)
    _warn(configuration)
    _make_data_dir(configuration.data_dir, lax)
    lock = _lock(configuration.data_dir)
    runlog = RunLog(configuration.database_file)
    now = clock.now()
    watch = Watch(configuration.data_dir, wakeup.poke)
    inbox = Inbox(configuration.data_dir, watch.add)
    inbox.prepare(_small(configuration.jobs))
    inbox.recover(now)
    bound = _bind(configuration, runlog, now.wall)
    parts = Parts(
        configuration=configuration,
        clock=clock,
        wakeup=wakeup,
        lock=lock,
        runlog=runlog,
        inbox=inbox,
        watch=watch,
        children=Children(configuration.data_dir, wakeup, environ),
        engine=Engine(lambda: new_id(clock.now().wall)),
        open_renderer=lambda: _renderer(configuration, bound),
        notifier=Notifier(environ),
        reload=lambda parts, now: reload(places, parts, now, lax),
    )
    _tell_again(parts)
    parts.watch_events(flowlog.marks(runlog.connection))
    inputs = _first_inputs(parts, bound, now)
    lock.describe(_state(configuration, now))
    return parts, inputs


def reload(places: Places, parts: Parts, now: m.Now, lax: bool = False) -> m.Configured:
    """Read the configuration anew and put it into the parts. Raises ConfigError, or OSError or sqlite3.Error when the
    machine is short of something, and then nothing has changed."""
    time.tzset()
    plans.local_zone.cache_clear()
    old, fresh = parts.configuration, _load(places, lax)
    for key in ("data_dir", "database_file"):
        if getattr(old, key) != getattr(fresh, key):
            raise ConfigError([f"{key}: a reload cannot move the data from {getattr(old, key)}; restart the daemon"])
    bound = _bind(fresh, parts.runlog, now.wall)
    parts.inbox.prepare(_small(set(fresh.jobs) - set(old.jobs)))
    configured = m.Configured(fresh, _planned(fresh, bound, parts.runlog, now, reload=True), reload=True)
    marks = flowlog.marks(parts.runlog.connection)
    parts.drop_renderer()
    parts.configuration, parts.open_renderer = fresh, lambda: _renderer(fresh, bound)
    hide_with(fresh.secrets.text)
    parts.watch_events(marks)
    LOG.info("configuration reloaded: %d jobs", len(fresh.jobs))
    _warn(fresh)
    gc.collect()  # what is dead now would be kept for ever by the next line
    gc.freeze()
    return configured


def _warn(configuration: Configuration) -> None:
    for warning in configuration.warnings:
        LOG.warning("%s", warning)


def _first_inputs(parts: Parts, bound: Mapping[str, tuple[Rule, ...]], now: m.Now) -> list[m.Input]:
    """The configuration with the runs an earlier daemon left, and what became of those that ran."""
    restored = tuple(parts.runlog.open_runs())
    planned = _planned(parts.configuration, bound, parts.runlog, now)
    adopted = parts.children.adopt(parts.configuration, [run for run in restored if _had_process(run)], now)
    if restored:
        LOG.info("took over %d runs of an earlier daemon, %d of them running", len(restored), len(adopted))
    return [replace(_recalled(parts, restored), plans=planned), *adopted]


def _recalled(parts: Parts, restored: tuple[Run, ...]) -> m.Configured:
    """The configuration, with all that an earlier daemon left half done; without plans."""
    runlog, configuration = parts.runlog, parts.configuration
    flows = flowlog.open_flows(runlog.connection)
    timed = timed_of(configuration)
    kept = calls.kept(runlog.connection, asked_of(configuration), runlog.last_change(), timed)
    parts.children.calls.begin({call.callback_id for call, _ in kept.calls})
    return m.Configured(
        configuration,
        {},
        restored,
        runlog.rests(),
        recorded=_recorded(parts, restored),
        flows=flows.flows,
        facts=flows.facts,
        ready=flowlog.ready(runlog.connection),
        kept=kept,
        host=os.uname().nodename,
    )


def _had_process(run: Run) -> bool:
    return run.is_active and run.has_process and not run.put_off


def _recorded(parts: Parts, runs: Iterable[Run]) -> dict[str, Job]:
    """The jobs as they were once, of the runs that have begun, or that repeat another as it was recorded. Items are
    what their array run is."""
    jobs, found = parts.configuration.jobs, {}
    known: dict[tuple[str, str | None], Job] = {}
    wanted = (run for run in runs if run.item is None and (run.as_recorded or run.is_active) and run.job_name in jobs)
    for run in wanted:
        key = run.job_name, run.definition
        if key not in known and (text := parts.runlog.definition_of(run.run_id)) is not None:
            known[key] = definitions.restore(jobs[run.job_name], text)
        if key in known:
            found[run.run_id] = known[key]
    return found


def _tell_again(parts: Parts) -> None:
    """A row may have been the last thing an earlier daemon wrote: its receipt follows now."""
    data_dir, runlog = parts.configuration.data_dir, parts.runlog
    try:
        untold = overdue(data_dir, runlog.answers(ANSWERS), runlog.last_change() - UNTOLD)
        parts.inbox.write_receipts(discreet(untold, parts.configuration.secrets))
    except OSError as error:
        LOG.warning("cannot bring the receipts up to date: %s; they are looked at again at the next start", error)


def _load(places: Places, lax: bool) -> Configuration:
    """A configuration that this process is allowed to carry out, and that nobody else decides about."""
    configuration = files.load(places)
    identity.forget()
    faults = [*([] if lax else rights.faults(configuration, {os.geteuid()})), *identity.faults(configuration)]
    if faults:
        raise ConfigError(faults)
    return configuration


def _make_data_dir(data_dir: str, lax: bool) -> None:
    try:
        os.makedirs(data_dir, 0o750, exist_ok=True)
        why = "" if lax else rights.data_fault(data_dir)
    except OSError as error:
        raise StoreError(f"cannot make the data directory {data_dir}: {error.strerror}; nothing was started") from None
    if why:
        raise StoreError(f"cannot use the data directory {data_dir}: {why}; nothing was started")


def _lock(data_dir: str) -> DirectoryLock:
    """Taken at the second try at the latest: `status` asks for the lock too, for less than a millisecond."""
    try:
        return DirectoryLock(data_dir)
    except StoreError:
        time.sleep(0.2)
        return DirectoryLock(data_dir)
    except OSError as error:
        raise StoreError(f"cannot use the data directory {data_dir}: {error.strerror}; nothing was started") from None


def _small(names: Collection[str]) -> list[str]:
    """The names to make drop directories for: all of them at a small site, none at a large one."""
    return sorted(names) if len(names) <= MAKE_DIRECTORIES_UP_TO else []


def _bind(configuration: Configuration, runlog: RunLog, now: float) -> dict[str, tuple[Rule, ...]]:
    """Bound rules; the anchor of a recurrence is kept from the first time it is seen (B-31)."""
    anchors = runlog.anchors()
    bound = plans.bind_all(configuration, anchors, now)
    fresh = {
        name: default_anchor(name, now)
        for name, rules in bound.items()
        if name not in anchors and any(rule.needs_anchor for rule in rules)
    }
    if fresh:
        runlog.remember_anchors(fresh)
    return bound


def _planned(
    configuration: Configuration,
    bound: Mapping[str, tuple[Rule, ...]],
    runlog: RunLog,
    now: m.Now,
    *,
    reload: bool = False,
) -> dict[str, m.Planned]:
    """What the engine is told of the jobs' times; from here on it counts as in force."""
    transition.remember_chains(configuration, runlog.connection)
    made = transition.take(configuration, runlog.in_force, runlog.anchors(), now.wall, reload=reload)
    last, windows, nothing = runlog.last_slots(), plans.windows_all(configuration), frozenset[str]()
    return {
        name: m.Planned(rules, last.get(name), windows.get(name), made.get(name, nothing))
        for name, rules in bound.items()
    }


def _renderer(configuration: Configuration, bound: Mapping[str, tuple[Rule, ...]]) -> Renderer:
    """Imported when the first page is due: a fifth of what a start has to load is for pages."""
    from dsari_like.report.renderer import Renderer
    from dsari_like.store.reader import Reader

    html_dir, runs_dir = (os.path.join(configuration.data_dir, name) for name in ("html", "runs"))
    reader = Reader(open_reader(configuration.database_file), configuration.secrets)
    return Renderer(configuration, bound, reader, html_dir, runs_dir, windows=plans.windows_all(configuration))


def _state(configuration: Configuration, now: m.Now) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "version": __version__,
        "started": datetime.fromtimestamp(now.wall, UTC).isoformat(timespec="seconds"),
        "config_dir": configuration.config_dir,
        "jobs": len(configuration.jobs),
    }
