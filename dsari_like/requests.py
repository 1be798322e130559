"""From a request in `control/` to an input of the engine.

Owns the questions that take both the configuration and the run log: which runs that have ended are meant, as what were
they defined, is there such a job. Must not decide anything: a refusal is an input like any other.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from dsari_like.config import plans
from dsari_like.config.checks import Unfit
from dsari_like.core import definitions, items
from dsari_like.core import messages as m
from dsari_like.core.control import Control, read_control
from dsari_like.core.flow_messages import EventResetAsked
from dsari_like.core.flows import FlowKind
from dsari_like.core.lifecycle import FINAL, RunState
from dsari_like.core.model import ALL_JOBS, Claim, Configuration, Job, Pause, Run, SkipNext
from dsari_like.core.selection import Selection
from dsari_like.core.when import read_when
from dsari_like.errors import TriggerError
from dsari_like.store import flowlog
from dsari_like.store.runlog import RunLog

Message = (
    m.CancelAsked
    | m.RetryAsked
    | m.ResumeAsked
    | m.UnblockAsked
    | m.PruneAsked
    | m.PauseAsked
    | m.UnpauseAsked
    | m.SkipNextAsked
    | EventResetAsked
)

#: A bulk request repeats so many runs at the most; whoever wants more says it twice.
MOST = 1000

_FINAL = frozenset(state.value for state in FINAL)
_STATES = frozenset(state.value for state in RunState)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, and what it takes to understand it."""

    claim: Claim
    control: Control
    configuration: Configuration
    runlog: RunLog
    now: m.Now
    by: str

    def text(self, key: str) -> str:
        """An argument that is text, or nothing."""
        return str(self.control.arguments.get(key, ""))

    def job(self) -> Job:
        """The job it names."""
        return job_of(self.configuration, self.control.arguments["job"])

    def moment(self, key: str, zone_of: str = "") -> float | None:
        """An argument that is a time, as epoch seconds. One without an offset is local time of the zone given."""
        value = self.control.arguments.get(key)
        if value is None:
            return None
        zone = plans.zone(zone_of or self.configuration.timezone)
        try:
            return read_when(value, zone, zone_or_none, self.now.wall)
        except ValueError as error:
            raise TriggerError([f"{key}: {error}"]) from None

    def selection(self) -> Selection:
        """The runs it is about."""
        given = self.control.arguments
        status, job = given.get("status"), given.get("job")
        if status is not None and status not in _STATES:
            raise TriggerError([f"status: expected one of {', '.join(sorted(_STATES))}, found '{status}'"])
        if "stage" in given:
            raise TriggerError([f"stage: '{self.control.action}' is about whole runs; leave it out"])
        since, until = self.moment("since"), self.moment("until")
        return Selection(given.get("run"), given.get("flow"), job, status, since, until, given.get("item"))


def read(data: object, claim: Claim, configuration: Configuration, runlog: RunLog, now: m.Now, by: str) -> Message:
    """What the engine is told of a request; raises TriggerError with every fault. `by` is who dropped it."""
    control = read_control(data)
    make = _REQUESTS.get(control.action)
    if make is None:
        raise TriggerError([f"action: this version knows {', '.join(sorted(_REQUESTS))}; found '{control.action}'"])
    return make(_Asked(claim, control, configuration, runlog, now, by))


def job_of(configuration: Configuration, name: str) -> Job:
    """The job of this name; raises TriggerError."""
    job = configuration.jobs.get(name)
    if job is None:
        close = difflib.get_close_matches(name, configuration.jobs, 1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise TriggerError([f"there is no job '{name}' in the configuration{hint}"])
    return job


def zone_or_none(name: str) -> tzinfo | None:
    """The zone of this name, or None."""
    try:
        return plans.zone(name)
    except Unfit:
        return None


def _cancel(asked: _Asked) -> Message:
    return m.CancelAsked(asked.claim, asked.selection(), asked.text("reason"), asked.control.id, asked.by)


def _retry(asked: _Asked) -> Message:
    selection, arguments = asked.selection(), asked.control.arguments
    if selection.status is not None and selection.status not in _FINAL:
        raise TriggerError([f"status: only runs that have ended are retried, and '{selection.status}' ones have not"])
    runs = _of_flow(asked, selection) if _is_flow_alone(selection) else asked.runlog.ended(selection, MOST)
    if not runs:
        raise TriggerError([f"there is no run {selection} that has ended"])
    for run in runs:
        later = asked.runlog.repeated_by(run.run_id) if run.item is not None else None
        if later is not None:  # what an item came to counts once, and that is what its last run came to
            raise TriggerError([f"run {run.run_id} was repeated by run {later} already; retry that one"])
    recorded: dict[str, Job] = {}
    if arguments.get("as_recorded"):
        recorded = {run.run_id: job for run in runs if (job := _as_recorded(asked, run)) is not None}
    jobs = {run.run_id: recorded.get(run.run_id) or asked.configuration.jobs.get(run.job_name) for run in runs}
    parts = {run.run_id: _items_of(asked, run, jobs[run.run_id], selection.item) for run in runs}
    recalled = flowlog.recall(asked.runlog.connection, {run.flow_id for run in runs if run.flow_id})
    return m.RetryAsked(
        asked.claim,
        runs,
        recorded,
        {run_id: names for run_id, names in parts.items() if names is not None},
        recalled.flows,
        recalled.facts,
        _tasks(arguments.get("tasks")),
        bool(arguments.get("cascade")),
        bool(arguments.get("only")),
        asked.text("reason"),
        asked.control.id,
        asked.by,
    )


def _is_flow_alone(selection: Selection) -> bool:
    return selection == Selection(flow=selection.flow) and selection.flow is not None


def _of_flow(asked: _Asked, selection: Selection) -> tuple[Run, ...]:
    """Of an orchestration its last attempt, which knows what to run again; of a chain the steps that did not go well,
    as they ran last."""
    flow = flowlog.flow(asked.runlog.connection, selection.flow or "")
    runs = asked.runlog.ended(selection, MOST)
    if flow is not None and flow.kind is FlowKind.ORCHESTRATION:
        return tuple(run for run in runs if run.run_id == flow.flow_id or run.job_name == flow.name)[-1:]
    return tuple(run for run in runs if run.state in (RunState.FAILED, RunState.CANCELLED))


def _tasks(value: object) -> tuple[str, ...]:
    return tuple(str(task) for task in value) if isinstance(value, list) else (str(value),) if value else ()


def _as_recorded(asked: _Asked, run: Run) -> Job | None:
    """The job as the run was started; None when the job is gone, which is refused for that reason."""
    present = asked.configuration.jobs.get(run.job_name)
    text = asked.runlog.definition_of(run.run_id)
    if text is None:
        why = "it never started, so nothing is recorded"
        raise TriggerError([f"run {run.run_id} cannot be retried as recorded: {why}"])
    return definitions.restore(present, text) if present is not None else None


def _items_of(asked: _Asked, run: Run, job: Job | None, item: str | None) -> tuple[str, ...] | None:
    """Of an array run, what is to be repeated: the item that is named, or those that did not complete; all when there
    are none of these."""
    if item is not None and run.items is None:
        raise TriggerError([f"item: run {run.run_id} is no array run, so it has no item '{item}'"])
    if run.items is None:
        return None
    if item is None:
        return asked.runlog.unfinished_items(run.run_id) or run.trigger.items
    try:
        return (item,) if job is None else items.select([item], job.items)
    except items.ItemError as error:
        raise TriggerError([f"item: {error}"]) from None


def _resume(asked: _Asked) -> Message:
    return m.ResumeAsked(asked.claim, asked.text("run"), asked.text("reason"), asked.control.id)


def _unblock(asked: _Asked) -> Message:
    return m.UnblockAsked(asked.claim, asked.text("run"), asked.text("reason"), asked.control.id)


def _reset_event(asked: _Asked) -> Message:
    return EventResetAsked(asked.claim, asked.job().name, asked.control.id)


def _prune(asked: _Asked) -> Message:
    return m.PruneAsked(asked.claim, asked.control.arguments.get("job"), asked.control.id)


def _pause(asked: _Asked) -> Message:
    name = asked.control.arguments.get("job")
    job = None if name is None else asked.job()
    until = asked.moment("until", job.schedule_timezone if job else "")
    if until is not None and until <= asked.now.wall:
        raise TriggerError(["until: expected a time to come, found one that has passed"])
    pause = Pause(ALL_JOBS if job is None else job.name, asked.now.wall, until, asked.text("reason"))
    return m.PauseAsked(asked.claim, pause, asked.control.id)


def _unpause(asked: _Asked) -> Message:
    """Of any name: a job that was removed from the configuration may be paused still, and come back."""
    return m.UnpauseAsked(asked.claim, asked.control.arguments.get("job", ALL_JOBS), asked.control.id)


def _skip_next(asked: _Asked) -> Message:
    job = asked.job()
    if not job.schedule:
        raise TriggerError([f"job {job.name} has no schedule, so there is no slot to leave out"])
    return m.SkipNextAsked(asked.claim, SkipNext(job.name, asked.now.wall, asked.text("reason")), asked.control.id)


_REQUESTS: Mapping[str, Callable[[_Asked], Message]] = {
    "cancel": _cancel,
    "retry": _retry,
    "resume": _resume,
    "unblock": _unblock,
    "reset_event": _reset_event,
    "prune": _prune,
    "pause": _pause,
    "unpause": _unpause,
    "skip_next": _skip_next,
}
