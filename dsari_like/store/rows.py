"""The rows that leave the run log: frozen, named like the columns.

Owns their shapes and the questions a row can answer about itself. Must not know SQL, or how a row is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsari_like.store.column import mapping_of as mapping_of


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as it is recorded; the four data columns are the JSON text they are stored as."""

    run_id: str
    job_name: str
    status: str
    reason: str | None
    exit_code: int | None
    schedule_time: float
    queue_time: float
    start_time: float | None
    stop_time: float | None
    trigger_type: str
    trigger_data: str
    run_data: str | None
    flow_id: str | None
    previous_run_id: str | None
    retry_of: str | None
    attempt: int
    item: str | None
    concurrency_group: str | None
    user_seconds: float | None
    system_seconds: float | None
    max_rss: int | None
    message: str
    environment: str
    origin: str
    trigger_id: str | None
    priority: int
    sequence: int
    ending: str | None
    pid: int | None
    start_ticks: int | None
    boot_id: str | None
    revision: int
    number: int | None
    progress: float | None
    progress_message: str | None
    progress_time: float | None
    job_variables: str
    locks: str
    stage: str | None
    stages: str
    items: str | None
    selection: str | None
    launch: int
    resume: str | None
    definition: str | None
    as_recorded: int

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None while it has not ended, or never started. Never negative (P11)."""
        if self.start_time is None or self.stop_time is None:
            return None
        return max(0.0, self.stop_time - self.start_time)

    @property
    def waited(self) -> float | None:
        """Seconds from the moment it was due and known until it started; None when it never did."""
        if self.start_time is None:
            return None
        return max(0.0, self.start_time - max(self.schedule_time, self.queue_time))

    @property
    def is_sound(self) -> bool:
        """False when a foreign hand wrote something else than numbers where times belong; lists leave such rows out,
        so that one bad run never hides another (P17)."""
        times = (self.schedule_time, self.queue_time, self.start_time, self.stop_time)
        return all(time is None or isinstance(time, float | int) for time in times)

    @property
    def trigger(self) -> Mapping[str, Any]:
        """The map that was dropped; empty for a slot of the schedule."""
        return mapping_of(self.trigger_data)

    @property
    def variables(self) -> Mapping[str, Any]:
        """What the trigger set in the run's environment."""
        return mapping_of(self.environment)

    @property
    def came_from(self) -> Mapping[str, Any]:
        """Who dropped the trigger, as which file; empty for a slot of the schedule."""
        return mapping_of(self.origin)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """The recorded outcome of one slot or one trigger."""

    decision_id: int
    job_name: str
    schedule_time: float | None
    outcome: str
    run_id: str | None
    reason: str
    time: float
    count: int
    token: str | None
    trigger_id: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One change of a run's state."""

    run_id: str
    time: float
    from_state: str | None
    to_state: str
    cause: str


@dataclass(frozen=True, slots=True)
class JobSummary:
    """What one line says of a job's history. `streak` counts the failures since the last success, up to a limit."""

    last: RunRow | None
    last_good: RunRow | None
    last_failed: RunRow | None
    streak: int
    failing_since: float | None
