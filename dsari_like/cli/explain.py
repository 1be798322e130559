"""`dsari-like explain`: why a job ran, waits, was skipped, folded or refused: the recorded decisions, as sentences.

Owns which decisions answer which question, and what is said where none is recorded. Works without a daemon: all it
needs is in the run log and in the configuration.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from dsari_like.cli.dropped import is_file_name, lying, of_file, refused
from dsari_like.cli.exits import DONE, UsageFault
from dsari_like.cli.look import Look, looking
from dsari_like.cli.slots import around, jump_at, lost_at, second_pass, slot_near
from dsari_like.cli.standing import daemon_of, why_waiting
from dsari_like.cli.table import visible
from dsari_like.cli.times import read_time
from dsari_like.core.model import Job
from dsari_like.core.schedule import Rule, next_of
from dsari_like.report.moments import duration, moment, zone_name
from dsari_like.report.rests import pause_sentence
from dsari_like.report.watching import watching, watching_sentences
from dsari_like.report.words import cause_sentence, decision_sentence, outcome_sentence, state_word
from dsari_like.store import resuming
from dsari_like.store.reader import DecisionRow, RunRow

_LATEST = 5
#: People name a minute, and remember it a minute off.
_CLOSE = 60.0
_SHOWN = 10


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "explain",
        description="Tells why: for a job its latest decisions, what it waits for and when it is due next; for a job"
        " and a time what was decided about the slot or the trigger of that time, or why nothing was; for a run what"
        " caused it and what it waited for; for a dropped file what became of it.",
    )
    parser.add_argument(
        "name", metavar="NAME|RUN|FILE", help="a job, a run by its id or enough of its beginning, or a dropped file"
    )
    parser.add_argument(
        "time", metavar="TIME", nargs="*", help="a time such as 14:02, yesterday 14:02, a date, or a span ago: 2h"
    )


def run(args: argparse.Namespace) -> int:
    """Say it."""
    with looking(args) as look:
        for line in _answer(args, look):
            print(visible(line))
    return DONE


def _answer(args: argparse.Namespace, look: Look) -> Iterator[str]:
    name, time = args.name, " ".join(args.time)
    if name not in look.configuration.jobs and not look.reader.decisions(name, limit=1):
        if is_file_name(name):
            return _of_file(name, look)
        row = look.run(name)
        if time:
            raise UsageFault(f"a time goes with a job, and {row.run_id} is a run of {row.job_name}")
        return _of_run(row, look)
    if not time:
        return _of_job(name, look)
    job = look.configuration.jobs.get(name)
    zone = look.zone_of(job) if job else look.zone
    return _of_time(name, read_time(time, zone, look.now, "TIME"), look)


# --- a run --------------------------------------------------------------------------------------------------------


def _of_run(row: RunRow, look: Look) -> Iterator[str]:
    yield f"Run {row.run_id} of {row.job_name}."
    yield cause_sentence(row, look.zone)
    job = look.configuration.jobs.get(row.job_name)
    if row.trigger_type == "schedule" and job:
        yield _schedule_sentence(job)
    yield from (decision_sentence(one, look.zone) for one in reversed(look.reader.decisions(run_id=row.run_id)))
    if row.start_time is None and row.stop_time is None:
        yield from _waits(row, look)
    elif row.waited is not None:
        yield f"It started {moment(row.start_time or 0.0, look.zone)}, {_waited(row)}."
    yield outcome_sentence(row, look.zone)


def _waited(row: RunRow) -> str:
    if (row.waited or 0.0) < 1.0:
        return "at once"
    group = f" and took a slot of {row.concurrency_group}" if row.concurrency_group else ""
    return f"after it had waited {duration(row.waited)}{group}"


def _waits(row: RunRow, look: Look) -> Iterator[str]:
    yield why_waiting(row, look.reader.running(), look)
    if not daemon_of(look.configuration).alive:
        yield "No daemon is running, and nothing starts before one does."


# --- a file -------------------------------------------------------------------------------------------------------


def _of_file(text: str, look: Look) -> Iterator[str]:
    for line, row in of_file(text, look):
        yield line
        if row is not None:
            yield from list(_of_run(row, look))[1:]


# --- a job --------------------------------------------------------------------------------------------------------


def _of_job(name: str, look: Look) -> Iterator[str]:
    job = look.configuration.jobs.get(name)
    rules = look.plans().get(name, ())
    yield from _head(name, job, rules)
    yield from _now(name, look)
    yield from lying(name, look)
    decisions = look.reader.decisions(name, limit=_LATEST)
    if not decisions:
        yield "Nothing was decided about it yet: no slot has come and no trigger was taken."
    else:
        yield "Its latest decisions, newest first:"
    for decision in decisions:
        yield from _told(decision, look)


def _head(name: str, job: Job | None, rules: Sequence[Rule]) -> Iterator[str]:
    if job is None:
        yield f"Job {name} is not configured; what follows is what the run log has of it."
    elif not job.enabled:
        yield f"Job {name} ({job.where}) is switched off (enabled: false): no schedule, no triggers."
    elif not job.schedule:
        events = " and by what its event_trigger watches" if job.event_trigger else ""
        yield f"Job {name} ({job.where}) has no schedule: it runs by triggers{events} only."
    else:
        yield f"Job {name}: {_schedule_sentence(job)}"
        yield from (f"  {rule.text}: {rule.describe()}" for rule in rules)


def _now(name: str, look: Look) -> Iterator[str]:
    running = look.reader.running()
    for row in running:
        if row.job_name == name:
            yield f"Run {row.run_id}: {outcome_sentence(row, look.zone)}"
    for row in look.reader.waiting():
        if row.job_name == name:
            yield f"Run {row.run_id} is {state_word(row.status)}. {why_waiting(row, running, look)}"
    if not daemon_of(look.configuration).alive:
        yield "No daemon is running, and nothing starts before one does."
    yield from (
        pause_sentence(pause, look.zone) for pause in look.rests.pauses(look.now) if pause.job_name in (name, "")
    )
    job = look.configuration.jobs.get(name)
    waits = watching(job, look.ready, look.now) if job is not None and job.enabled else None
    if waits is not None:
        yield from watching_sentences(waits, look.zone)
    rules = look.plans().get(name, ())
    slot = next_of(rules, look.now)
    if slot is not None:
        yield f"By its schedule it is due next {moment(slot.time, look.zone)}{_note(look.note(name, rules, slot))}"
    elif rules and not any(rule.is_reboot for rule in rules):
        yield "Its schedule never comes again."


# --- a time -------------------------------------------------------------------------------------------------------


def _of_time(name: str, time: float, look: Look) -> Iterator[str]:
    job = look.configuration.jobs.get(name)
    rules = look.plans().get(name, ())
    zone = look.zone_of(job) if job else look.zone
    at = moment(time, zone)
    found = _decisions_near(name, time, look)
    if jump := jump_at(zone, time):
        yield f"The clock of {zone_name(zone)} changes at {at}: {jump}."
    if (again := second_pass(zone, time)) is not None:
        yield f"The clock of {zone_name(zone)} shows that time twice: {at}, and again {moment(again, zone)}."
        found = list(dict.fromkeys([*found, *_decisions_near(name, again, look)]))
    for decision in found:
        yield from _told(decision, look)
    if not found:
        yield f"Nothing is recorded about {name} at {at}."
        yield from _why_nothing(name, job, rules, time, look)
    if not any(decision.token for decision in found):
        yield from lying(name, look)
    if job and job.schedule:
        yield _schedule_sentence(job)


def _decisions_near(name: str, time: float, look: Look) -> list[DecisionRow]:
    """The slot of that minute, whenever it was decided, and the triggers that were taken around it; else whatever
    was decided then, which may be about slots that had been missed."""
    reader = look.reader
    slots = reader.decided_slots(name, time, time + _CLOSE, _SHOWN)
    slots = slots or reader.decided_slots(name, time - _CLOSE, time, _SHOWN)[-1:]
    made = reader.decisions(name, since=time - _CLOSE, until=time + 2 * _CLOSE, limit=_SHOWN)[::-1]
    found = [*slots, *(one for one in made if one.token is not None)]
    return found or list(made)


def _why_nothing(name: str, job: Job | None, rules: Sequence[Rule], time: float, look: Look) -> Iterator[str]:
    zone = look.zone_of(job) if job else look.zone
    slot = slot_near(rules, time, _CLOSE)
    if time > look.now:
        note = _note(look.note(name, rules, slot)) if slot else ""
        yield "That time is still to come" + (f", and the schedule has a slot then{note}" if slot else ".")
    elif job is None:
        yield "It is not configured, so it has no schedule."
    elif not job.enabled:
        yield "It is switched off (enabled: false), so neither slots nor triggers count."
    elif lost := lost_at(rules, time):
        yield f"The schedule meant that time, but the clock left it out: {lost}."
    elif slot is not None:
        yield f"The schedule has a slot {moment(slot.time, zone)}{_note(look.note(name, rules, slot))}"
        yield _undecided(name, slot.time, look)
    elif job.schedule:
        yield "The schedule has no slot then" + _around(rules, time, look, zone_name(zone))
    else:
        yield "It has no schedule, and no trigger for it was taken around then."
    yield from _nearest(name, time, look)


def _undecided(name: str, slot: float, look: Look) -> str:
    """A daemon decides every slot after the one that it, or one before it, decided last, or from when it first knew
    the job."""
    last = resuming.last_slot(look.connection, name)
    if last is None:
        return "Nothing was decided about it: no daemon knew the job then, and slots from before are not made up."
    if slot > last and not daemon_of(look.configuration).alive:
        policy = look.configuration.jobs[name].catch_up.value
        return f"It is not decided yet: no daemon has run since. The next one decides it by catch_up: {policy}."
    first = look.reader.first_decision(name)
    known = f" (its first decision is of {moment(first, look.zone)})" if first is not None and first > slot else ""
    return f"Nothing was decided about it: the job, or this schedule, was not in force then{known}."


def _around(rules: Sequence[Rule], time: float, look: Look, zone: str) -> str:
    before, after = around(rules, time)
    words = [f"the one before is {moment(before, look.zone)}"] if before is not None else []
    words += [f"the one after is {moment(after, look.zone)}"] if after is not None else []
    return (f" ({zone}): " if words else "") + ", ".join(words) + "."


def _nearest(name: str, time: float, look: Look) -> Iterator[str]:
    nearest = look.reader.decision_at(name, time)
    if nearest is not None:
        yield "What was decided nearest to it:"
        yield from _told(nearest, look)


# --- words --------------------------------------------------------------------------------------------------------


def _told(decision: DecisionRow, look: Look) -> Iterator[str]:
    """A decision, and what came of its run."""
    yield "- " + decision_sentence(decision, look.zone)
    row = look.reader.run(decision.run_id) if decision.run_id else None
    if row is not None and decision.outcome == "started":
        waits = row.start_time is None and row.stop_time is None
        how = why_waiting(row, look.reader.running(), look) if waits else outcome_sentence(row, look.zone)
        yield "  " + (f"{cause_sentence(row, look.zone)} {how}" if decision.token else how)
    elif decision.outcome == "refused" and (where := refused(decision, look)):
        yield "  " + where


def _schedule_sentence(job: Job) -> str:
    texts = " and ".join(f"'{text}'" for text in job.schedule)
    return f"Its schedule is {texts} ({job.where})."


def _note(text: str) -> str:
    return f" ({text})." if text else "."
