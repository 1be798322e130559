"""What notifications remember of jobs, of flows and of open runs, as rows of the run log.

Owns the failures in a row of each job and whom they were told to, the first failure of each flow, and what is known of
an open run. A row is what survives a restart: nothing is told twice, nothing is forgotten. Must not know what is told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dsari_like.core.reactions import SaveLatches

#: The owner of the rows; a callback has a slash in its key, and a run id has dashes.
OWNER = "notify"
#: So many flows are remembered, the newest; and so many runs.
MOST_FLOWS, MOST_RUNS = 1_000, 10_000
JOB, FLOW, RUN = "job", "flow", "run"
_AND = "\n"


@dataclass(slots=True)
class Memory:
    """One row: how often, and what happened when to whom."""

    facts: dict[str, tuple[float, str]] = field(default_factory=dict)
    count: int = 0

    def find(self, word: str) -> tuple[str, float, str] | None:
        """The first fact of this kind: about what, when, and which run."""
        for key, (time, run_id) in self.facts.items():
            if key.partition(_AND)[0] == word:
                return key.partition(_AND)[2], time, run_id
        return None

    def has(self, word: str, about: str) -> bool:
        """Whether there is such a fact."""
        return f"{word}{_AND}{about}" in self.facts

    def note(self, word: str, about: str, time: float, run_id: str) -> None:
        """One more fact."""
        self.facts.setdefault(f"{word}{_AND}{about}", (time, run_id))


class Memories:
    """All rows, by what they are about and its name."""

    def __init__(self) -> None:
        self._rows: dict[str, OrderedDict[str, Memory]] = {kind: OrderedDict() for kind in (JOB, FLOW, RUN)}

    def restore(self, rows: Iterable[SaveLatches]) -> None:
        """What an earlier daemon recorded."""
        for row in rows:
            kind, _, name = row.scope.partition(_AND)
            if row.owner == OWNER and kind in self._rows:
                facts = {key: (time, run_id) for key, (time, run_id) in row.latches.items()}
                self._rows[kind][name] = Memory(facts, row.count)

    def get(self, kind: str, name: str) -> Memory | None:
        """What is remembered, if anything."""
        return self._rows[kind].get(name)

    def of(self, kind: str, name: str) -> Memory:
        """The same; empty when there was nothing."""
        return self._rows[kind].setdefault(name, Memory())

    def saved(self, kind: str, name: str) -> Iterator[SaveLatches]:
        """Its row as it is now; of flows and runs that nobody can mean any more, there is none."""
        memory = self.of(kind, name)
        yield SaveLatches(OWNER, kind + _AND + name, dict(memory.facts), memory.count)
        rows = self._rows[kind]
        rows.move_to_end(name)
        while kind != JOB and len(rows) > (MOST_FLOWS if kind == FLOW else MOST_RUNS):
            oldest, _ = rows.popitem(last=False)
            yield SaveLatches(OWNER, kind + _AND + oldest, {})

    def forget(self, kind: str, name: str) -> Iterator[SaveLatches]:
        """Nothing of it matters any more."""
        if self._rows[kind].pop(name, None) is not None:
            yield SaveLatches(OWNER, kind + _AND + name, {})

    def ended(self, run_id: str) -> Iterator[SaveLatches]:
        """The run is over: its row may go. What follows it in its flow may still ask who asked for it."""
        if run_id in self._rows[RUN]:
            yield SaveLatches(OWNER, RUN + _AND + run_id, {})
