"""Array runs: one run whose work is done by its items, each a run of its own.

Owns which items of an array run have been made, which are open, and the counts the array run's own end is made of.
Must not know how an item is admitted, started or retried: an item is a run like any other, whose `item` names it and
whose `previous_run_id` is the array run.

Items are made some hundreds at a time, so that ten thousand of them hold up nobody else; how many there are is in the
row of the array run, in the same transaction as theirs, and a restart goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dsari_like.core.choices import Reason
from dsari_like.core.clauses import ItemCounts, Progress
from dsari_like.core.ledger import Ledger
from dsari_like.core.lifecycle import RunEvent, RunState
from dsari_like.core.model import Exit, Job, Run, Trigger

#: So many items are made in one turn.
BATCH = 256

#: So many names of failed items are told in the message of the array run.
_TOLD = 10


@dataclass(slots=True)
class _Array:
    names: Sequence[str]
    trigger: Trigger  # of its items
    open: set[str] = field(default_factory=set)  # ids of the runs of items that have not ended


class Arrays:
    """The array runs that are running."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._arrays: dict[str, _Array] = {}
        self._unmade: dict[str, None] = {}

    def begin(self, run: Run, job: Job) -> None:
        """The array run has been admitted."""
        names = selected(run, job)
        run.items = ItemCounts(len(names))
        run.flow_id = run.flow_id or run.run_id
        self._arrays[run.run_id] = _Array(names, _trigger_of_items(run.trigger))
        self._unmade[run.run_id] = None

    def restore(self, run: Run, job: Job) -> None:
        """An earlier daemon had begun it. Its open items are told by `restore_item`."""
        names, counts = selected(run, job), run.items
        self._arrays[run.run_id] = _Array(names, _trigger_of_items(run.trigger))
        if counts is not None and counts.made < counts.total:
            self._unmade[run.run_id] = None

    def restore_item(self, item: Run) -> None:
        """An earlier daemon had made this item."""
        array = self._arrays.get(item.previous_run_id or "")
        if array is not None:
            array.open.add(item.run_id)

    @property
    def is_unfolding(self) -> bool:
        """True while there are items to be made."""
        return bool(self._unmade)

    def running(self) -> list[Run]:
        """The array runs that have begun and not ended."""
        return [self._ledger.runs[run_id] for run_id in self._arrays]

    def unmade(self) -> Iterator[tuple[Run, Trigger, str]]:
        """The next items to be made, at most BATCH of them, all counted as made."""
        for run_id in list(self._unmade)[:1]:
            run, array = self._ledger.runs[run_id], self._arrays[run_id]
            counts = run.items or ItemCounts(0)
            total = min(counts.total, len(array.names))
            last = min(counts.made + BATCH, total)
            run.items = replace(counts, total=max(total, counts.made), made=max(last, counts.made))
            if last >= total:
                del self._unmade[run_id]
            for name in array.names[counts.made : last]:
                yield run, array.trigger, name
            self._tell(run)

    def made(self, item: Run) -> None:
        """This item exists; also one that is tried again."""
        self._arrays[item.previous_run_id or ""].open.add(item.run_id)

    def repeated(self, item: Run) -> None:
        """Somebody has an item repeated that has ended, while its array run goes on: it counts when it ends again."""
        run = self._ledger.runs[item.previous_run_id or ""]
        self._count(run, item, -1)

    def open_items(self, run: Run) -> list[Run]:
        """The items of an array run that have not ended."""
        array = self._arrays.get(run.run_id)
        return [self._ledger.runs[item] for item in array.open] if array else []

    def stop(self, run: Run) -> None:
        """No more items are made."""
        self._unmade.pop(run.run_id, None)
        if run.items is not None:
            run.items = replace(run.items, total=run.items.made)

    def ended(self, item: Run, is_retried: bool) -> Run | None:
        """An item has ended. Returns its array run when that was the last one."""
        array_id = item.previous_run_id or ""
        array, run = self._arrays.get(array_id), self._ledger.runs.get(array_id)
        if array is None or run is None or run.items is None:
            return None
        array.open.discard(item.run_id)
        if not is_retried:
            self._count(run, item, 1)
        return run if self.is_over(run) else None

    def is_over(self, run: Run) -> bool:
        """Whether nothing of it is left to be done."""
        array = self._arrays.get(run.run_id)
        return array is not None and not array.open and run.run_id not in self._unmade

    def verdict(self, run: Run) -> tuple[RunEvent, str]:
        """How an array run ends, from how its items did; sets the run's reason, exit and message, and forgets it."""
        counts = run.items or ItemCounts(0)
        del self._arrays[run.run_id]
        self._unmade.pop(run.run_id, None)
        run.exit = Exit(1 if counts.failed or counts.cancelled or run.ending or not counts.total else 0)
        told = f"{counts.completed} of {counts.total} items completed"
        if run.ending is not None:
            run.reason = run.ending
            return RunEvent.CANCELLED, f"ended after it was told to ({told})"
        if not counts.total:
            run.reason, run.message = Reason.START_FAILED, "none of its items is an item of its job any more"
            return RunEvent.FAILED, run.message
        if counts.failed:
            names = ", ".join((*counts.failed_names, *("…",) * (counts.failed > len(counts.failed_names))))
            run.reason, run.message = Reason.EXIT, f"{counts.failed} of {counts.total} items failed: {names}"
            return RunEvent.FAILED, told
        if counts.cancelled:
            run.reason, run.message = Reason.WHILE_RUNNING, f"{counts.cancelled} of {counts.total} items were cancelled"
            return RunEvent.CANCELLED, told
        return RunEvent.SUCCEEDED, told

    def _count(self, run: Run, item: Run, by: int) -> None:
        counts = run.items or ItemCounts(0)
        if item.state is RunState.COMPLETED:
            run.items = replace(counts, completed=counts.completed + by)
        elif item.state is RunState.FAILED:
            others = tuple(name for name in counts.failed_names if name != item.item)
            names = (*others, item.item or "")[:_TOLD] if by > 0 else others
            run.items = replace(counts, failed=counts.failed + by, failed_names=names)
        else:
            run.items = replace(counts, cancelled=counts.cancelled + by)
        self._tell(run)

    def _tell(self, run: Run) -> None:
        counts = run.items or ItemCounts(0)
        done = counts.completed + counts.failed + counts.cancelled
        failed = f", {counts.failed} failed" if counts.failed else ""
        text = f"{done} of {counts.total} items done{failed}"
        run.progress = Progress(100.0 * done / max(counts.total, 1), text, self._ledger.now.wall)
        self._ledger.save(run)


def _trigger_of_items(trigger: Trigger) -> Trigger:
    """What the items take over of why there is an array run. Which items were wanted is said once, in its row: ten
    thousand rows with ten thousand names each would be what a run log is made of."""
    data = {key: value for key, value in trigger.data.items() if key != "items"}
    return replace(trigger, id=None, items=None, data=data)


def selected(run: Run, job: Job) -> Sequence[str]:
    """The names of the items that this array run is about: those its trigger selects, in the order of the job."""
    wanted = run.trigger.items
    if wanted is None:
        return job.items
    known = set(wanted)
    return [name for name in job.items if name in known]
