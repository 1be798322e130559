"""Following runs until they end: what each prints, as it prints it.

Owns the gentle looking: the run log and the output files are asked again and again, at once while something moves
and half a second apart while nothing does. Must not know where the bytes go.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dsari_like.cli.streams import Sink, Source
from dsari_like.core.lifecycle import FINAL, RunState
from dsari_like.store.reader import Reader, RunRow

SOONEST, LATEST = 0.05, 0.5
Pause = Callable[[float], None]


class Patience:
    """Pauses that grow while nothing happens."""

    def __init__(self, pause: Pause = time.sleep) -> None:
        self._pause = pause
        self._next = SOONEST

    def rest(self, moved: bool) -> None:
        """Wait a little; less when something has just moved."""
        self._next = SOONEST if moved else min(self._next * 1.5, LATEST)
        self._pause(self._next)


@dataclass(slots=True)
class Followed:
    """One run that is followed, and the name its lines go by."""

    run_id: str
    label: str
    source: Source | None  # None: only its end is waited for


def is_final(run: RunRow | None) -> bool:
    """True when nothing about the run can change any more; also when it was removed from the run log."""
    return run is None or RunState(run.status) in FINAL


def follow(
    reader: Reader,
    runs: Iterable[Followed],
    sink: Sink,
    patience: Patience,
    more: Callable[[], Iterable[Followed]] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    """Pass on what the runs print until the last of them has ended; `more` names runs that came since, and with it
    there is no end. `meanwhile` is called between two looks."""
    open_: dict[str, Followed] = {}
    _take_in(runs, open_)
    while open_ or more:
        moved = False
        for one in [*open_.values()]:
            ended = is_final(reader.run(one.run_id))  # asked first: what is read afterwards is all there is
            moved |= _pass_on(one, sink)
            if ended:
                _close(one, sink)
                del open_[one.run_id]
        sink.flush()
        fresh = more is not None and _take_in(more(), open_)
        if (open_ or more) and not fresh:
            patience.rest(moved)
            _call(meanwhile)


def _take_in(runs: Iterable[Followed], open_: dict[str, Followed]) -> bool:
    """Follow these too; of two runs of one job the second goes by its id as well. False when there are none."""
    count = len(open_)
    for one in runs:
        if any(other.label == one.label for other in open_.values()):
            one.label = f"{one.label} {one.run_id}"
        open_[one.run_id] = one
    return len(open_) > count


def _pass_on(one: Followed, sink: Sink) -> bool:
    moved = False
    for data in one.source.read() if one.source else ():
        sink.write(one.label, data)
        moved = True
    return moved


def _close(one: Followed, sink: Sink) -> None:
    sink.end(one.label)
    if one.source:
        one.source.close()


def _call(function: Callable[[], None] | None) -> None:
    if function is not None:
        function()
