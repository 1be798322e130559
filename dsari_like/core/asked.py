"""What somebody asks of the daemon by a file that is no trigger, as the engine gets it. A part of `messages`.

Owns only the shapes of the requests; what such a file may say is told by `control.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dsari_like.core.flows import Fact, Flow
from dsari_like.core.model import Claim, Job, Pause, Run, SkipNext
from dsari_like.core.record import record
from dsari_like.core.selection import Selection


@record
class CancelAsked:
    """Somebody wants runs to end; `by` is who, as far as that is known."""

    claim: Claim
    selection: Selection
    reason: str
    request_id: str | None = None
    by: str = ""


@record
class RetryAsked:
    """Somebody wants runs that have ended to be repeated. `runs` are these as they were recorded, oldest first;
    `recorded` are the jobs as they were defined then, of the runs that are to be repeated as they were; `items` the
    items to repeat, of array runs among them."""

    claim: Claim
    runs: tuple[Run, ...]
    recorded: Mapping[str, Job] = field(default_factory=dict)
    items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()  # those the runs belong to, and all their runs
    facts: tuple[Fact, ...] = ()
    tasks: tuple[str, ...] = ()  # of an orchestration, what to run in place of all that did not go well
    cascade: bool = False  # in a chain: what follows a run is run again after it
    only: bool = False  # in a chain: nothing follows
    reason: str = ""
    request_id: str | None = None
    by: str = ""


@record
class ResumeAsked:
    """Somebody wants a run that timed out to be resumed."""

    claim: Claim
    run_id: str
    reason: str = ""
    request_id: str | None = None


@record
class UnblockAsked:
    """Somebody wants a blocked run to be released."""

    claim: Claim
    run_id: str
    reason: str = ""
    request_id: str | None = None


@record
class PruneAsked:
    """Somebody wants retention applied now, to one job or (None) to all."""

    claim: Claim
    job_name: str | None = None
    request_id: str | None = None


@record
class PauseAsked:
    """Somebody wants a job, or all of them, to rest."""

    claim: Claim
    pause: Pause
    request_id: str | None = None


@record
class UnpauseAsked:
    """Somebody wants a pause to end; `job_name` is the empty name for the pause of all jobs."""

    claim: Claim
    job_name: str
    request_id: str | None = None


@record
class SkipNextAsked:
    """Somebody wants the next slot of a job to be left out."""

    claim: Claim
    skip: SkipNext
    request_id: str | None = None
