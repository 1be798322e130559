"""A machine on which runs contend for locks, groups and places while the daemon crashes: what is alive is witnessed
apart from the engine, and every rule is checked against that alone."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

from dsari_like.core import definitions
from dsari_like.core import messages as m
from dsari_like.core.choices import LockMode
from dsari_like.core.engine import Engine
from dsari_like.core.model import Claim, Configuration, Exit, ProcessIdentity, Run, Trigger
from dsari_like.core.selection import Selection
from tests.core.house import NOON, job

SHARED, EXCLUSIVE = LockMode.SHARED, LockMode.EXCLUSIVE
GROUPS = {"g": 1, "h": 2}
MOST = 5

JOBS = {
    one.name: one
    for one in (
        job("reader", concurrent_runs=True, locks={"db": SHARED}),
        job("writer", concurrent_runs=True, locks={"db": EXCLUSIVE}, retries=1, retry_delay=20.0),
        job("both", concurrent_runs=True, locks={"db": EXCLUSIVE, "disk": EXCLUSIVE}, priority=1),
        job("mixed", locks={"db": SHARED, "disk": EXCLUSIVE}, concurrency_groups=("g",)),
        job("each", concurrent_runs=True, locks={"${ASSET}": EXCLUSIVE}, concurrency_groups=("g", "h")),
        job("plain", concurrent_runs=True, concurrency_groups=("h",), priority=2),
        job("array", items=tuple("12345"), items_parallel=2, locks={"db": SHARED}, retries=1, retry_delay=5.0),
        job("alone", items=("a", "b", "c"), items_parallel=3, locks={"disk": EXCLUSIVE}, concurrency_groups=("h",)),
    )
}

_IN_LINE = ("lock", "group", "max_running")


class World:
    """`keep` is told the effects of each turn before anything of them is done; `recall` says what is left of it."""

    def __init__(
        self,
        keep: Callable[[list[m.Effect]], object] | None = None,
        recall: Callable[[], Iterable[Run]] | None = None,
    ) -> None:
        self.numbers, self.tokens = itertools.count(1), itertools.count(1)
        self.now = m.Now(NOON, 1000.0)
        self.engine = Engine(self._new_id)
        self.rows: dict[str, Run] = {}
        self.texts: dict[str | None, str] = {}
        self.alive: dict[str, Run] = {}  # by run: what its process was started as
        self.witness: list[tuple[str, str]] = []
        self.keep, self.recall = keep, recall
        self._configure(())

    # --- what happens ---------------------------------------------------------------------------------------------

    def drop(self, name: str, asset: str = "db", priority: int = 0) -> None:
        trigger = Trigger("file", environment={"ASSET": asset}, priority=priority, data={})
        self.tell(m.TriggerArrived(self._claim(name), trigger))

    def end(self, run_id: str, code: int) -> None:
        del self.alive[run_id]
        self.witness.append(("end", run_id))
        self.tell(m.ChildExited(run_id, Exit(code), self.now.wall))

    def cancel(self, run_id: str) -> None:
        """The request is obeyed at once by whatever runs."""
        self.tell(m.CancelAsked(self._claim(), Selection(run_id), ""))
        for run_id in [run for run in self.alive if run in self.engine.runs and self.engine.runs[run].ending]:
            self.end(run_id, 143)

    def retry(self, run_id: str) -> None:
        """Of an item the newest attempt only: others the run log knows to be repeated."""
        if self.rows[run_id].item is not None and any(run.retry_of == run_id for run in self.rows.values()):
            return
        self.tell(m.RetryAsked(self._claim(), (self.rows[run_id].snapshot(),)))

    def reload(self) -> None:
        self._configure((), reload=True)

    def wait(self, seconds: float) -> None:
        end = self.now.wall + seconds
        while self.now.wall < end:
            nap = self.engine.next_deadline(self.now)
            step = end - self.now.wall if nap is None else min(nap, end - self.now.wall)
            self.now = m.Now(self.now.wall + step, self.now.mono + step)
            self.tell(m.TimePassed())
        self.settle()

    def settle(self) -> None:
        """All that is due at this instant."""
        for _ in range(50):
            self.tell(m.TimePassed())
            if self.engine.next_deadline(self.now) != 0.0:
                return

    def crash(self, seconds: float, ended: int, last: m.Input | None = None) -> None:
        """The daemon is killed, after it recorded what follows from `last` and before it did any of it. When the next
        one looks, so many of the processes have ended, with a status or without."""
        if last is not None:
            self._record(self.engine.handle(last, self.now))
        self.now = m.Now(self.now.wall + seconds, self.now.mono + seconds)
        gone = {}
        for number, run_id in enumerate(list(self.alive)[:ended]):
            del self.alive[run_id]
            self.witness.append(("end", run_id))
            gone[run_id] = (Exit(0), Exit(3), None)[number % 3]
        self.engine = Engine(self._new_id)
        rows = [run.snapshot() for run in self.rows.values() if not run.is_final]
        rows.sort(key=lambda run: run.sequence)
        restored = tuple(rows if self.recall is None else self.recall())
        self._configure(restored)
        for run in restored:
            if run.is_active and run.has_process and not run.put_off:
                if run.run_id in self.alive:
                    self.tell(m.Started(run.run_id, ProcessIdentity(1, 1, "")))
                else:
                    self.tell(m.ChildExited(run.run_id, gone.get(run.run_id), self.now.wall))
        self.settle()

    def drain(self) -> None:
        """Everything ends that can."""
        for _ in range(2000):
            if self.alive:
                self.end(next(iter(self.alive)), 0)
            elif self.engine.runs:
                self.wait(30)
            else:
                return

    # --- what is done about it ------------------------------------------------------------------------------------

    def tell(self, message: m.Input) -> None:
        before = self._in_line()
        effects = self.engine.handle(message, self.now)
        self._record(effects)
        started = [effect.run for effect in effects if isinstance(effect, m.Start)]
        for run in started:
            assert run.run_id not in self.alive, "started beside itself"
            self.alive[run.run_id] = run
            self.witness.append(("start", run.run_id))
            self._no_lock_is_violated()
        self._first_come_first_served(started, before & self._in_line())
        self._limits_hold()
        for run in started:
            self.tell(m.Started(run.run_id, ProcessIdentity(1, 1, "")))

    def check(self) -> None:
        """What holds between two turns."""
        still = {run_id for run_id, run in self.rows.items() if not run.is_final}
        assert still == set(self.engine.runs)
        active = {run_id for run_id in still if self.rows[run_id].is_active and self.rows[run_id].has_process}
        assert active == set(self.alive)
        for run_id in still - active:
            if self.rows[run_id].state.value in ("queued", "waiting_for_lock"):
                why = self.engine.why(run_id)
                assert why is not None and (why.holders or why.ahead), f"{run_id} waits for what is free: {why}"
        self._arrays_end_when_their_items_have()

    def _configure(self, restored: tuple[Run, ...], reload: bool = False) -> None:
        recorded = {
            run.run_id: definitions.restore(JOBS[run.job_name], self.texts[run.definition])
            for run in restored
            if run.is_active and run.definition is not None
        }
        configuration = Configuration(jobs=JOBS, groups=GROUPS, max_running=MOST)
        self.tell(m.Configured(configuration, {}, restored, (), reload, recorded))

    def _record(self, effects: list[m.Effect]) -> None:
        if self.keep is not None:
            self.keep(effects)
        for effect in effects:
            if isinstance(effect, m.SaveRun):
                self.rows[effect.run.run_id] = effect.run
            elif isinstance(effect, m.RememberDefinition):
                self.texts[effect.digest] = effect.text

    def _new_id(self) -> str:
        return f"r{next(self.numbers)}"

    def _claim(self, name: str = "") -> Claim:
        token = f"t{next(self.tokens)}"
        return Claim(token, name, token, f"/claimed/{token}", 1, self.now.wall)

    # --- the rules ------------------------------------------------------------------------------------------------

    def _no_lock_is_violated(self) -> None:
        held: dict[str, list[LockMode]] = {}
        for run in self.alive.values():
            for name, mode in demands(run).items():
                held.setdefault(name, []).append(mode)
        for name, modes in held.items():
            assert EXCLUSIVE not in modes or len(modes) == 1, f"{name} is held by {len(modes)}: {self.witness[-6:]}"

    def _in_line(self) -> set[str]:
        whys = {run_id: self.engine.why(run_id) for run_id in self.engine.runs}
        return {run_id for run_id, why in whys.items() if why is not None and why.kind in _IN_LINE}

    def _first_come_first_served(self, started: Iterable[Run], waiting: Iterable[str]) -> None:
        for run, earlier in itertools.product(started, [self.engine.runs[run_id] for run_id in waiting]):
            wanted = demands(earlier)
            for name, mode in demands(run).items() if earlier.sequence < run.sequence else ():
                together = mode is SHARED and wanted.get(name, SHARED) is SHARED
                assert name not in wanted or together, f"{run.run_id} took {name} before {earlier.run_id}"

    def _limits_hold(self) -> None:
        assert len(self.alive) <= MOST
        groups = Counter(run.concurrency_group for run in self.alive.values() if run.concurrency_group)
        assert all(count <= GROUPS[name] for name, count in groups.items()), groups
        arrays = Counter(run.previous_run_id for run in self.alive.values() if run.item is not None)
        for array, count in arrays.items():
            assert count <= JOBS[self.rows[array or ""].job_name].items_parallel
        jobs = Counter(run.job_name for run in self.rows.values() if run.is_active and run.item is None)
        assert all(count == 1 for name, count in jobs.items() if not JOBS[name].concurrent_runs), jobs

    def _arrays_end_when_their_items_have(self) -> None:
        items: dict[str, list[Run]] = {}
        for run in self.rows.values():
            if run.item is not None:
                items.setdefault(run.previous_run_id or "", []).append(run)
        for array in [run for run in self.rows.values() if run.items is not None]:
            mine = items.get(array.run_id, [])
            assert array.items is not None
            is_over = array.items.made == array.items.total and all(item.is_final for item in mine)
            assert array.is_final == is_over, f"{array.run_id}: {array.state} {array.items}"
            if is_over:
                self._counts_are_right(array, mine)

    def _counts_are_right(self, array: Run, mine: list[Run]) -> None:
        last = {run.item: run for run in mine}  # the newest attempt of each
        states, counts = Counter(run.state.value for run in last.values()), array.items
        assert counts is not None and len(last) == counts.total
        told = {"completed": counts.completed, "failed": counts.failed, "cancelled": counts.cancelled}
        assert {word: count for word, count in told.items() if count} == dict(states)
        if array.ending is None:
            expected = "failed" if counts.failed else "cancelled" if counts.cancelled else "completed"
            assert array.state.value == expected


def demands(run: Run) -> dict[str, LockMode]:
    """What a run must hold, as its job is written and not as the engine has worked it out."""
    asset = run.trigger.environment.get("ASSET", "")
    return {name.replace("${ASSET}", asset): mode for name, mode in JOBS[run.job_name].locks.items()}


#: What may happen next; what is said twice happens twice as often.
_STEPS = "drop drop drop end end end wait cancel retry crash interrupt reload".split()


def live_on(world: World, random: Random) -> None:
    """One thing happens, whichever."""
    step, alive = random.choice(_STEPS), list(world.alive)
    ended = [run_id for run_id, run in world.rows.items() if run.is_final]
    match step:
        case "drop":
            world.drop(random.choice(sorted(JOBS)), random.choice(("db", "disk", "x")))
        case "end" if alive:
            world.end(random.choice(alive), random.choice((0, 0, 1)))
        case "wait":
            world.wait(random.choice((0, 5, 20)))
        case "cancel" if world.engine.runs:
            world.cancel(random.choice(list(world.engine.runs)))
        case "retry" if ended:
            world.retry(random.choice(ended))
        case "crash":
            world.crash(1.0, random.randrange(4))
        case "interrupt" if alive:
            run_id = random.choice(alive)
            del world.alive[run_id]
            world.crash(1.0, 0, m.ChildExited(run_id, Exit(random.choice((0, 1))), world.now.wall))
        case "reload":
            world.reload()


def is_free_again(world: World) -> None:
    """Nothing was leaked: whoever wants all of it alone has it at once."""
    world.drain()
    assert not world.engine.runs
    for name, asset in (("both", "db"), ("each", "x"), ("plain", "db"), ("plain", "db")):
        world.drop(name, asset)
    assert len(world.alive) == 4, [str(world.engine.why(run_id)) for run_id in world.engine.runs]
