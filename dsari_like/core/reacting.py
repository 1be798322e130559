"""All reactions together, as the engine uses them: what was recorded goes in, and what follows from it comes out.

Owns the order: an event is remembered, releases blocked runs, fires callbacks, and only then is over. Must not change
a run: those that are to be released are named, and the engine moves them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dsari_like.core.alarms import Alarms
from dsari_like.core.callbacks import Callbacks
from dsari_like.core.calling import CallEffect, Calling
from dsari_like.core.expression import parse, terms_of
from dsari_like.core.happenings import events_of
from dsari_like.core.latches import Closed, Terms
from dsari_like.core.model import Configuration, Decision, Job, Run
from dsari_like.core.notices import Notices
from dsari_like.core.owners import Owners
from dsari_like.core.past import Past
from dsari_like.core.reactions import Call, Callback, CallEnded, Event, Kept, Language, SaveLatches
from dsari_like.core.releases import Releases
from dsari_like.core.terms import ANY, PARENT, EventType

Effect = CallEffect | SaveLatches

#: Seconds that the command behind a cancelled run may take.
_LONGEST_HOOK = 600.0


@dataclass(slots=True)
class Reaction:
    """What follows: rows to write and calls to start, and the runs whose condition has come true."""

    effects: list[Effect] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


class Reactions:
    """Callbacks, blocked runs, and the memory both need."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._configuration = Configuration(jobs={})
        self._owners, self._past, self._alarms = Owners(), Past(), Alarms()
        self._releases = Releases(self._past)
        self._callbacks = Callbacks(new_id, self._owners)
        self._calling = Calling(self._job)
        self._notices = Notices(new_id, self._calling.waiting)
        self._rows: dict[str, Mapping[str, Closed]] = {}  # latches of blocked runs, until these are restored
        self._idle = True

    def configure(self, configuration: Configuration, open_runs: Sequence[Run], now: float, kept: Kept) -> Reaction:
        """A configuration is in force, at a start with what an earlier daemon left."""
        self._configuration = configuration
        callbacks = _all(configuration)
        blocked, asked, asking = _questions(configuration, callbacks)
        self._idle = not (callbacks or blocked)
        self._past.configure({ANY} if PARENT in asked else asked, asking)
        self._past.restore(kept.past, kept.starts)
        self._owners.configure({one.owner for one in callbacks}, open_runs)
        excluded = (name for name, job in configuration.jobs.items() if not job.universal_callbacks)
        self._callbacks.configure(callbacks, excluded, self._past.last_start)
        self._callbacks.restore(kept.latches)
        self._rows = {row.owner: {text: Closed(*one) for text, one in row.latches.items()} for row in kept.latches}
        self._alarms.configure(callbacks, open_runs, now if kept.since is None else kept.since)
        self._notices.configure(configuration, open_runs, kept)
        return Reaction(list(self._calling.restore(kept.calls, now)))

    def block(self, run: Run, job: Job, now: float) -> bool:
        """Whether a run that is being made has to wait for its `blocked_until`. A run that an earlier daemon blocked
        is blocked again by the same call."""
        if job.blocked_until is None:
            return False
        met, _ = self._releases.block(run, job.blocked_until, now, self._rows.pop(run.run_id, None))
        return not met

    def unblock(self, run_id: str) -> list[Effect]:
        """Somebody has released the run, or it has ended."""
        row = self._releases.forget(run_id)
        return [] if row is None else [row]

    def why(self, run_id: str, now: float) -> Terms | None:
        """What a blocked run waits for still."""
        return self._releases.why(run_id, now)

    def follow(self, changes: Iterable[tuple[Run, str | None, float]]) -> Reaction:
        """What follows from changes of state that have just been decided: of each the run, the state before, and the
        time."""
        reaction, changes = Reaction(), list(changes)
        if self._idle:
            changes = [change for change in changes if self._notices.concerns(change[0])]
        fresh = (run for run, before, _ in changes if before is None)
        repeated = frozenset(run.retry_of for run in fresh if run.retry_of is not None)
        for event in events_of(changes):
            self._feed(event, reaction, repeated)
        return reaction

    @property
    def awaits_missed(self) -> bool:
        """Whether somebody is to be told of times that passed."""
        return self._notices.wants_missed

    def missed(self, decisions: Iterable[Decision]) -> Reaction:
        """What follows from decisions about slots."""
        reaction = Reaction()
        self._notify(self._notices.missed(decisions), None, reaction)
        return reaction

    def happened(self, event: Event) -> Reaction:
        """What follows from an event that is no change of a run's state."""
        reaction = Reaction()
        if not self._idle:
            self._feed(event, reaction)
        return reaction

    def host(self, name: str, host: str, now: float) -> Reaction:
        """What follows from the daemon's own start (`running`) or end (`done`)."""
        return self.happened(Event(name, EventType.HOST, now, item=host))

    def ended(self, message: CallEnded) -> Reaction:
        """What follows from the end of a call."""
        effects, event = self._calling.ended(message)
        reaction = Reaction([*effects])
        if event is not None:
            self._feed(event, reaction)
        return reaction

    def call(self, callback_id: str) -> Call | None:
        """A call that has not ended: whoever drops a trigger in its name is a step further down its chain."""
        return self._calling.get(callback_id)

    def time_passed(self, now: float) -> Reaction:
        """What has come due."""
        reaction = Reaction([*self._calling.time_passed(now)])
        self._released(self._releases.time_passed(now), reaction)
        for event in list(self._alarms.pop_due(now)):
            self._feed(event, reaction)
        self._notify(self._notices.time_passed(now), None, reaction)
        return reaction

    def next_deadline(self) -> float | None:
        """When something is due, by the wall clock."""
        times = (one.next_deadline() for one in (self._calling, self._releases, self._alarms, self._notices))
        return min((time for time in times if time is not None), default=None)

    def _feed(self, event: Event, reaction: Reaction, repeated: frozenset[str] = frozenset()) -> None:
        self._past.remember(event)
        self._owners.seen(event)
        self._alarms.seen(event)
        self._released(self._releases.feed(event), reaction)
        for found in list(self._callbacks.feed(event)):
            if isinstance(found, SaveLatches):
                reaction.effects.append(found)
            else:
                run = self._owners.run_for(self._owner(found), event)
                reaction.effects += self._calling.add(found, run, event.time)
        self._notify(self._notices.feed(event, repeated), event.run, reaction)
        if event.name == "done":
            self._owners.passed(event)

    def _notify(self, found: Iterator[Call | SaveLatches], run: Run | None, reaction: Reaction) -> None:
        for one in found:
            if isinstance(one, SaveLatches):
                reaction.effects.append(one)
            elif self._calling.get(one.callback_id) is not None:
                reaction.effects += self._calling.amend(one)
            else:
                reaction.effects += self._calling.add(one, run, one.time)

    def _released(self, told: Iterator[tuple[str, SaveLatches]], reaction: Reaction) -> None:
        for run_id, row in list(told):
            reaction.effects.append(row)
            if not self._releases.is_blocked(run_id):
                reaction.released.append(run_id)

    def _owner(self, call: Call) -> str:
        return call.callback.partition("/")[0]

    def _job(self, name: str) -> Job | None:
        return self._configuration.jobs.get(name)


def _all(configuration: Configuration) -> list[Callback]:
    hooks = (on_cancelled(job) for job in configuration.jobs.values() if job.on_cancelled)
    return [*configuration.callbacks, *(one for job in configuration.jobs.values() for one in job.callbacks), *hooks]


def on_cancelled(job: Job) -> Callback:
    """The command that cleans up behind a cancelled run, as the callback it is (J-26)."""
    triggers = "killed-job-self or killed-work-self-*"
    expression = parse(triggers)
    return Callback(
        "on_cancelled", job.name, triggers, expression, Language.COMMAND, argv=job.on_cancelled, timeout=_LONGEST_HOOK
    )


def _questions(configuration: Configuration, callbacks: Iterable[Callback]) -> tuple[set[str], set[str], set[str]]:
    """Who may ask for the past: the jobs with a `blocked_until`; the contexts they ask about; and all jobs whose own
    last start counts."""
    blockings = {name: job.blocked_until for name, job in configuration.jobs.items() if job.blocked_until}
    contexts = {term.context for one in blockings.values() for term in terms_of(one.expression)}
    owners = {*blockings, *(one.owner for one in callbacks if one.freshness.since_last_run)}
    return set(blockings), contexts, owners


def asked_of(configuration: Configuration) -> set[str]:
    """The jobs whose past somebody may ask for: those that wait for others, and those they wait for."""
    _, contexts, owners = _questions(configuration, _all(configuration))
    named = contexts & configuration.jobs.keys()
    return set(configuration.jobs) if {ANY, PARENT} & contexts else named | (owners & configuration.jobs.keys())
