"""What is told of flows and events, and what is to be kept of them: a part of `messages`, by the same rules.

Owns only the shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from dsari_like.core.flows import Fact, Flow, Ready
from dsari_like.core.model import Claim
from dsari_like.core.record import record


@record
class Recalled:
    """What the run log has of flows: at a start of those with open runs, else of those in which a run is repeated."""

    flows: tuple[Flow, ...] = ()
    facts: tuple[Fact, ...] = ()


@record
class WatchedUpdated:
    """An input: these watched things were updated. `marks` says how new each file is now; there may be marks without
    updates, when something was looked at for the first time."""

    things: tuple[str, ...]
    time: float
    marks: Mapping[str, float] = field(default_factory=dict)


@record
class EventResetAsked:
    """An input: somebody wants what was updated for a job to be forgotten."""

    claim: Claim
    job_name: str
    request_id: str | None = None


@record
class SaveFlow:
    """An effect: write the flow as it stands."""

    flow: Flow


@record
class SaveReady:
    """An effect: write how far an event trigger has come."""

    ready: Ready
