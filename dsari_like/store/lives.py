"""What a run is while it lives, as columns of its row: progress, locks, stages, items, variables.

Owns the way of these fields into the row and back. Must not know SQL, or what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dsari_like.core.choices import LockMode
from dsari_like.core.clauses import ItemCounts, LockDemand, Progress, StageRecord
from dsari_like.core.model import NOTHING, Run

#: In the order of `values`.
COLUMNS = (
    "progress progress_message progress_time job_variables locks stage stages items selection launch resume definition"
    " as_recorded put_off"
).split()


def values(run: Run) -> tuple[object, ...]:
    """The fields as they are stored."""
    progress, items = run.progress, run.trigger.items
    return (
        progress.percent if progress else None,
        progress.message if progress else None,
        progress.time if progress else None,
        json.dumps(dict(run.job_variables), ensure_ascii=False) if run.job_variables else "{}",
        json.dumps({demand.name: demand.mode.value for demand in run.locks}) if run.locks else "{}",
        run.stage,
        json.dumps([asdict(record) for record in run.stages]) if run.stages else "[]",
        json.dumps(asdict(run.items)) if run.items else None,
        json.dumps(items) if items is not None else None,
        run.launch,
        run.resume,
        run.definition,
        run.as_recorded,
        run.put_off,
    )


def restore(run: Run, row: Mapping[str, Any]) -> None:
    """Give a run that is read back what its row says of it."""
    if row["progress_time"] is not None:
        run.progress = Progress(row["progress"], row["progress_message"] or "", row["progress_time"])
    run.job_variables = json.loads(row["job_variables"]) or NOTHING
    run.locks = tuple(LockDemand(name, LockMode(mode)) for name, mode in json.loads(row["locks"]).items())
    run.stage, run.stages = row["stage"], tuple(StageRecord(**record) for record in json.loads(row["stages"]))
    run.items = _counts(json.loads(row["items"])) if row["items"] else None
    run.launch, run.resume = row["launch"], row["resume"]
    run.definition, run.as_recorded = row["definition"], bool(row["as_recorded"])
    run.put_off = bool(row["put_off"])


def _counts(data: Mapping[str, Any]) -> ItemCounts:
    return ItemCounts(**{**data, "failed_names": tuple(data.get("failed_names", ()))})


def selection_of(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The items that the trigger of an array run selects; None for all of them."""
    return tuple(json.loads(row["selection"])) if row["selection"] is not None else None
