"""What a blocked run waits for, as a sentence: what came true of its expression, and what has not.

Owns the words. Must not know how an expression is weighed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from dsari_like.core.latches import Closed, Latches, of_item
from dsari_like.core.model import Configuration
from dsari_like.core.phrases import listed
from dsari_like.report.moments import moment
from dsari_like.store.rows import RunRow


def blocked_sentence(
    run: RunRow, configuration: Configuration, closed: Mapping[str, Closed] | None = None, zone: tzinfo | None = None
) -> str:
    """The whole of it; without what came true where nobody has asked the run log for that."""
    job = configuration.jobs.get(run.job_name)
    if job is None or job.blocked_until is None:
        return "It is blocked until somebody releases it."
    until = job.blocked_until
    if closed is None or zone is None:
        return f"It is blocked until {until.triggers} comes true."
    expression = until.expression if run.item is None else of_item(until.expression, run.item)
    standing = Latches(expression, closed).standing()
    came = "".join(f"; {text} came {moment(one.time, zone)}" for text, one in standing.closed)
    return f"It is blocked until {until.triggers} comes true: it waits for {listed(standing.open)}{came}."
