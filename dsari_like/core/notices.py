"""Which notices follow from which event: the rules of `notify`, at their levels, against what is remembered.

Owns that a failure is told once until it is over, and one message for each broken chain; that a run started by hand
tells who started it and nobody else; and what waits for the end of quiet hours or for a digest. A notice is a call as
any other, so it is recorded with the event, and made again after a crash. Must not know how it is delivered, or worded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dsari_like.core.addresses import AddressError, read, references
from dsari_like.core.choices import Outcome
from dsari_like.core.facts import facts_of
from dsari_like.core.flows import place_of
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Configuration, Decision, Job, Run
from dsari_like.core.notify import Keyed, Kind, Rule, together
from dsari_like.core.reactions import UNIVERSAL, Call, Event, Kept, Language, SaveLatches
from dsari_like.core.streaks import FLOW, JOB, RUN, Memories
from dsari_like.core.terms import EventType
from dsari_like.core.usual import Usual

Found = Iterator[Call | SaveLatches]

#: A message that could not be delivered is tried again so often, so many seconds later.
RETRIES, RETRY_DELAY = 5, 120.0
#: So many notices stand in one message; of those beyond the number is told.
MOST_IN_ONE = 500
#: The word of a trigger that wants the configured recipients told of a run that was started by hand.
CONFIGURED = "configured"

_OF_ASKER = frozenset({Kind.FAILED, Kind.WARNING, Kind.COMPLETED, Kind.TIMED_OUT})


class Notices:
    """All rules, and what is remembered for them. `waiting` gives a call that is not begun yet."""

    def __init__(self, new_id: Callable[[], str], waiting: Callable[[str], Call | None]) -> None:
        self._new_id, self._waiting = new_id, waiting
        self._configuration = Configuration(jobs={})
        self._of_jobs: dict[str, tuple[Keyed, ...]] = {}
        self._memories = Memories()
        self._held: dict[tuple[str, str, float], str] = {}  # by rule, recipient and time: the call that waits
        self._recorded: dict[str, str] = {}  # what may be written down of each address
        self._usual = Usual()
        self.is_idle = True
        self.wants_missed = False  # whether somebody is to be told of times that passed

    # --- configuration ----------------------------------------------------------------------------------------------

    def configure(self, configuration: Configuration, open_runs: Iterable[Run], kept: Kept) -> None:
        """A configuration is in force, at a start with what an earlier daemon left."""
        self._configuration, self._of_jobs = configuration, {}
        rules = list(_all_rules(configuration))
        self.is_idle, self.wants_missed = not rules, any(Kind.MISSED in rule.on for rule in rules)
        self._recorded = {text: recorded for recorded, text in references(addresses_of(configuration)).items()}
        self._memories.restore(kept.latches)
        for call, _ in kept.calls:
            if call.language is Language.NOTIFY and call.due > call.time:
                self._held[call.callback, call.code, call.due] = call.callback_id
        self._usual.restore(kept.durations)
        self._usual.clear()
        for run in open_runs if not self.is_idle else ():
            if run.is_active and run.start_time is not None:
                self._watch(run)

    def concerns(self, run: Run) -> bool:
        """Whether anything can follow from what happens to this run."""
        if not self.is_idle or "notify" in run.trigger.data:
            return True
        return any(self._memories.get(RUN, name) for name in (run.run_id, run.previous_run_id, run.retry_of) if name)

    # --- what happens -----------------------------------------------------------------------------------------------

    def feed(self, event: Event, repeated: frozenset[str] = frozenset()) -> Found:
        """What follows from an event; `repeated` are the runs that have just failed and are tried again by
        themselves."""
        run = event.run
        if run is None or event.type is not EventType.JOB or not self.concerns(run):
            return
        match event.name:
            case "submit":
                yield from self._made(run, run.retry_of in repeated, event.time)
            case "running":
                self._watch(run)
                yield from self._plain(Kind.STARTED, run, event.time)
            case "timeout":
                if run.state is RunState.TIMED_OUT or not self._rules(run, Kind.FAILED):
                    yield from self._plain(Kind.TIMED_OUT, run, event.time)
            case "failed" if run.run_id not in repeated:
                yield from self._failed(run, event.time)
            case "complete":
                yield from self._went_well(run, event.time)
            case "done":
                self._usual.ended(run.run_id)
                yield from self._memories.ended(run.run_id)

    def missed(self, decisions: Iterable[Decision]) -> Found:
        """Times that passed while no daemon was there."""
        for one in decisions:
            if one.outcome is Outcome.MISSED:
                rules = [found for found in self._of_job(one.job_name) if Kind.MISSED in found[1].on]
                told = {"schedule_time": one.schedule_time, "reason": one.reason, "count": one.count}
                yield from self._tell(Kind.MISSED, one.job_name, None, rules, one.time, told)

    def time_passed(self, now: float) -> Found:
        """Runs that have lasted longer than usual."""
        for run, key, usual in self._usual.pop_due(now):
            memory = self._memories.of(RUN, run.run_id)
            rules = [found for found in self._rules(run, Kind.LATE) if found[0] == key]
            if not rules or memory.has("late", key):
                continue
            memory.note("late", key, now, run.run_id)
            yield from self._memories.saved(RUN, run.run_id)
            lasted = now - (run.start_time or now)
            told = {"usual": usual, "lasted": lasted, "overtime": lasted / usual - 1 if usual else None}
            yield from self._tell(Kind.LATE, run.job_name, run, rules, now, told)

    def next_deadline(self) -> float | None:
        """When a run becomes late, by the wall clock."""
        return self._usual.next_deadline()

    # --- the kinds ----------------------------------------------------------------------------------------------------

    def _made(self, run: Run, is_automatic: bool, time: float) -> Found:
        """Somebody may have asked for it in person: then who asked is told, and nobody else (K-51). What follows it in
        its flow is nobody else's business either."""
        asked, before = _asked(run, is_automatic), None
        if asked is None:
            names = (run.previous_run_id, run.retry_of if is_automatic else None)
            before = next((found for name in names if name and (found := self._asked(name)) is not None), None)
        if asked is None and before is None:
            return
        word = "asked" if asked is not None else "behind"
        self._memories.of(RUN, run.run_id).facts[word] = (time, before if asked is None and before else asked or "")
        yield from self._memories.saved(RUN, run.run_id)

    def _plain(self, kind: Kind, run: Run, time: float) -> Found:
        asked = self._asked(run.run_id)
        if asked is not None:
            yield from self._tell_asker(kind, run, time, {})
        else:
            yield from self._tell(kind, run.job_name, run, self._rules(run, kind), time, {})

    def _failed(self, run: Run, time: float) -> Found:
        holds = list(held_back(self._configuration, run))
        if self._asked(run.run_id) is not None:
            yield from self._tell_asker(Kind.FAILED, run, time, {"holds_back": holds})
            return
        if not self._rules_of(run):
            return
        streak = self._memories.of(JOB, run.job_name)
        streak.count += 1
        streak.note("first", "", time, run.run_id)
        rules = list(self._to_tell(run, time))
        yield from self._memories.saved(JOB, run.job_name)
        yield from self._memories.saved(FLOW, run.flow_id) if run.flow_id else ()
        first, since = self._first(run), streak.find("first")
        told = {"in_a_row": streak.count, "since": since and since[1], "first": first, "holds_back": holds}
        yield from self._tell(Kind.FAILED, run.job_name, run, rules, time, told)

    def _to_tell(self, run: Run, time: float) -> Iterator[Keyed]:
        """The rules by which this failure is told: not twice in a row, and not what follows from one that was told in
        the same flow."""
        streak = self._memories.of(JOB, run.job_name)
        flow = self._memories.of(FLOW, run.flow_id) if run.flow_id else None
        if flow is not None and flow.find("first") is None:
            flow.note("first", called(run), time, run.run_id)
        for key, rule in self._rules(run, Kind.FAILED):
            if streak.has("told", key) or streak.has("covered", key) or streak.count < rule.after:
                continue
            if flow is not None and flow.has("told", key):
                streak.note("covered", key, time, run.run_id)
                continue
            streak.note("told", key, time, run.run_id)
            if flow is not None:
                flow.note("told", key, time, run.run_id)
            yield key, rule

    def _went_well(self, run: Run, time: float) -> Found:
        kind = Kind.WARNING if run.state is RunState.WARNING else Kind.COMPLETED
        self._usual.went_well(run)
        if self._asked(run.run_id) is not None:
            yield from self._tell_asker(kind, run, time, {})
            return
        streak = self._memories.get(JOB, run.job_name)
        told, recovered = dict[str, Any](), list[Keyed]()
        if streak is not None:
            first = streak.find("first")
            told = {"in_a_row": streak.count, "since": first and first[1]}
            recovered = [one for one in self._rules(run, Kind.RECOVERED) if streak.has("told", one[0])]
            yield from self._memories.forget(JOB, run.job_name)
        yield from self._tell(Kind.RECOVERED, run.job_name, run, recovered, time, told)
        others = [one for one in self._rules(run, kind) if one not in recovered]
        yield from self._tell(kind, run.job_name, run, others, time, {})

    def _first(self, run: Run) -> Mapping[str, Any] | None:
        """What failed first in its flow, unless it is this run."""
        flow = self._memories.get(FLOW, run.flow_id) if run.flow_id else None
        first = flow.find("first") if flow is not None else None
        return None if first is None or first[2] == run.run_id else {"name": first[0], "run_id": first[2]}

    # --- whom ---------------------------------------------------------------------------------------------------------

    def _asked(self, run_id: str) -> str | None:
        """The addresses of who asked for a run, one a line; None when nobody did."""
        memory = self._memories.get(RUN, run_id)
        found = None if memory is None else memory.facts.get("asked") or memory.facts.get("behind")
        return None if found is None else found[1]

    def _tell_asker(self, kind: Kind, run: Run, time: float, told: Mapping[str, Any]) -> Found:
        memory = self._memories.of(RUN, run.run_id)
        is_own = "asked" in memory.facts
        is_task = place_of(run.trigger.type, run.trigger.data) is not None
        if kind in _OF_ASKER if is_own else kind is Kind.FAILED and not is_task:
            rule = Rule((kind,), tuple((self._asked(run.run_id) or "").split()))
            yield from self._tell(kind, run.job_name, run, [(f"{run.job_name}/asked", rule)], time, told)

    def _rules(self, run: Run, kind: Kind) -> list[Keyed]:
        return [found for found in self._rules_of(run) if kind in found[1].on]

    def _rules_of(self, run: Run) -> tuple[Keyed, ...]:
        place, name = place_of(run.trigger.type, run.trigger.data), str(run.trigger.data.get("orchestration", ""))
        flow = self._configuration.jobs.get(name)
        task = flow.flow.task(place) if place is not None and flow is not None and flow.flow is not None else None
        if task is None or not task.notify:
            return self._of_job(run.job_name)
        return together((*self._levels(run.job_name), (f"{name}/{place}", task.notify)))

    def _of_job(self, name: str) -> tuple[Keyed, ...]:
        if name not in self._of_jobs:
            self._of_jobs[name] = together(self._levels(name))
        return self._of_jobs[name]

    def _levels(self, name: str) -> list[tuple[str, tuple[Rule, ...]]]:
        job = self._configuration.jobs.get(name)
        return [(UNIVERSAL, self._configuration.notify), (name, job.notify if job else ())]

    def _watch(self, run: Run) -> None:
        if self._asked(run.run_id) is None:
            for key, rule in self._rules(run, Kind.LATE):
                self._usual.watch(run, key, rule.over)

    # --- calls --------------------------------------------------------------------------------------------------------

    def _tell(
        self, kind: Kind, job_name: str, run: Run | None, rules: Sequence[Keyed], time: float, told: Mapping[str, Any]
    ) -> Found:
        """Each address once, by the first rule that has it."""
        recipients: dict[str, Keyed] = {}
        for key, rule in rules:
            for address in rule.to:
                recipients.setdefault(self._recorded.get(address, address), (key, rule))
        for address, (key, rule) in recipients.items():
            due = rule.held_until(time, self._configuration.zone)
            event = event_of(kind, job_name, run, time, told)
            waiting = None if due is None else self._waiting(self._held.get((key, address, due), ""))
            if waiting is None:
                call = self._call(key, address, event, due)
                if due is not None:
                    self._held[key, address, due] = call.callback_id
                yield call
            else:
                yield _joined(waiting, event)

    def _call(self, key: str, address: str, event: dict[str, Any], due: float | None) -> Call:
        call_id, kind = self._new_id(), str(event["name"])
        event["callback"] = {"id": call_id, "name": key, "triggers": kind, "count": 1}
        self._held = {held: one for held, one in self._held.items() if held[2] > event["time"]}
        return Call(
            callback_id=call_id,
            callback=key,
            run_id=event["run_id"] or "",
            job_name=event["job_name"],
            triggers=kind,
            event=event,
            language=Language.NOTIFY,
            code=address,
            time=event["time"],
            flow_id=event["flow_id"] or "",
            retries=RETRIES,
            retry_delay=RETRY_DELAY,
            due=due or 0.0,
        )


def event_of(kind: Kind, job_name: str, run: Run | None, time: float, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a message is made of."""
    return {
        "text": f"{kind.value}-job-{job_name}",
        "name": kind.value,
        "type": EventType.JOB.value,
        "time": time,
        "run_id": run.run_id if run else None,
        "job_name": job_name,
        "flow_id": run.flow_id if run else None,
        "item": None,
        "run": facts_of(run) if run else None,
        "notice": {"task": called(run) if run else job_name, **told},
    }


def called(run: Run) -> str:
    """What a run is called in its flow: its job, with the task where it is one."""
    place = place_of(run.trigger.type, run.trigger.data)
    if place is None:
        return run.job_name
    return f"{run.trigger.data.get('orchestration', '')}: {place} ({run.job_name})"


def held_back(configuration: Configuration, run: Run) -> Iterator[str]:
    """What is not begun because this run failed: the steps after it, the phases after its task."""
    place, name = place_of(run.trigger.type, run.trigger.data), str(run.trigger.data.get("orchestration", ""))
    owner: Job | None = configuration.jobs.get(name) if place is not None else None
    if place is not None and owner is not None and owner.flow is not None:
        task, phases = owner.flow.task(place), [phase.name for phase in owner.flow.phases]
        if task is not None and not task.continue_on_failure and place.phase in phases:
            yield from (f"{name}: {phase}" for phase in phases[phases.index(place.phase) + 1 :])
        return
    waiting = list(configuration.chains.steps.get(run.job_name, ()))
    while waiting:
        step = waiting.pop(0)
        yield step
        waiting += configuration.chains.steps.get(step, ())


def timed_of(configuration: Configuration) -> set[str]:
    """The jobs of which somebody is told when they are late: how long they usually take has to be known."""
    if any(Kind.LATE in rule.on for rule in configuration.notify):
        return set(configuration.jobs)
    found = {name for name, job in configuration.jobs.items() if any(Kind.LATE in rule.on for rule in job.notify)}
    tasks = (task for job in configuration.jobs.values() if job.flow for _, task in job.flow.places())
    return found | {task.job for task in tasks if any(Kind.LATE in rule.on for rule in task.notify)}


def addresses_of(configuration: Configuration) -> Iterator[str]:
    """Every address that is configured."""
    return (address for rule in _all_rules(configuration) for address in rule.to)


def asked_addresses(value: object) -> tuple[str, ...]:
    """The addresses a trigger gives; raises AddressError. Mail alone: whoever may start a job may not make the daemon
    talk to any server there is."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise AddressError("expected mail addresses, or 'configured'")
    found = [read(text) for text in texts]
    if any(one.kind != "mail" or one.mail is not None for one in found):
        raise AddressError("expected mail addresses; others are told by the configuration alone")
    return tuple(one.target for one in found)


def _asked(run: Run, is_automatic: bool) -> str | None:
    """Who asked in person; None when nobody did, or when that is to be as if nobody had."""
    wanted = run.trigger.data.get("notify")
    in_person = run.trigger.type == "manual" or (run.retry_of is not None and run.trigger.type == "retry")
    if wanted == CONFIGURED or is_automatic or (wanted is None and not in_person):
        return None
    try:
        return "\n".join(asked_addresses(wanted)) if wanted is not None else ""
    except AddressError:  # was refused when it was read, unless an older version read it
        return ""


def _joined(call: Call, event: Mapping[str, Any]) -> Call:
    """A call that waits for its time tells of one more."""
    before = call.event
    known = list(before.get("notices", ())) or [{key: value for key, value in before.items() if key != "callback"}]
    if len(known) < MOST_IN_ONE:
        return replace(call, event={**before, "notices": [*known, dict(event)]})
    return replace(call, event={**before, "notices": known, "left_out": before.get("left_out", 0) + 1})


def _all_rules(configuration: Configuration) -> Iterator[Rule]:
    yield from configuration.notify
    for job in configuration.jobs.values():
        yield from job.notify
        for _, task in job.flow.places() if job.flow else ():
            yield from task.notify
