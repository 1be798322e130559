"""Whatever happens in whatever order, and wherever the daemon dies: no step or task is dropped or doubled, no phase
begins before the one before it has ended, and no orchestration waits for nothing."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core import messages as m
from dsari_like.core.engine import Engine
from dsari_like.core.flows import EventTrigger, Task, place_of
from dsari_like.core.going import flow_state
from dsari_like.core.lifecycle import WELL
from dsari_like.core.model import Exit, ProcessIdentity, Run, Trigger
from dsari_like.core.selection import Selection
from tests.core.flow_engine import Flows
from tests.core.flow_house import orchestration, phase
from tests.core.house import job

#: A tree with a disabled step, and an orchestration within another whose tasks are steps of that tree.
JOBS = (
    job("p", schedule=("*/2 * * * *",)),
    job("q", after="p", retries=1, retry_delay=20.0),
    job("r", after="q", concurrency_groups=("db",)),
    job("s", after="q", concurrent_runs=True),
    job("t", after="r", enabled=False),
    job("u", after="t"),
    orchestration("night", phase("load", "p", Task("x", "x", continue_on_failure=True)), phase("build", "inner", "y")),
    orchestration("inner", phase("in", "x", Task("z", "z", delay=5.0)), phase("out", Task("z", "z", retries=1))),
    job("x", concurrency_groups=("db",)),
    job("y", event_trigger=EventTrigger(("job:x", "job:u"), cool_down=30.0)),
    job("z", retry_delay=10.0),
    job("report", after="night"),
)
STEPS = {"p": ("q",), "q": ("r", "s"), "r": ("u",), "night": ("report",)}  # as they follow, without the disabled one
PHASES = {one.name: [phase.name for phase in one.flow.phases] for one in JOBS if one.flow}


class World(Flows):
    """Processes are what is in `running`; `starts` counts them by run."""

    def __init__(self) -> None:
        self.starts: Counter[str] = Counter()
        self.seen: set[str] = set()
        super().__init__(*JOBS, groups={"db": 1}, max_running=4)

    def tell(self, message: m.Input) -> list[m.Effect]:
        effects = super().tell(message)
        self.starts.update(effect.run.run_id for effect in effects if isinstance(effect, m.Start))
        self.check()
        return effects

    def crash(self, message: m.Input, recorded: bool, done: int, lost: bool) -> None:
        """The daemon is killed over this message: before anything of the turn was recorded, or when all of it was and
        so many of the processes were begun. The next one finds who is alive, and how others ended."""
        gone: dict[str, Exit | None] = {}
        if isinstance(message, m.ChildExited):
            self.running.remove(message.run_id)
            gone[message.run_id] = None if lost else message.exit
        if recorded:
            alive = list(self.running)
            starts = [effect.run.run_id for effect in super().tell(message) if isinstance(effect, m.Start)]
            self.running = alive + starts[:done]
            self.starts.update(starts[:done])
            self.check()
        else:
            self.engine.handle(message, self.now)
        self.come_back(gone)
        if not recorded and isinstance(message, m.TriggerArrived | m.RetryAsked):
            self.tell(message)

    def come_back(self, gone: dict[str, Exit | None]) -> None:
        self.engine = Engine(self._new_id)
        restored = tuple(run.snapshot() for run in self.rows.values() if not run.is_final)
        self.configure(*self.jobs.values(), restored=restored, **self.settings)
        for run in [run for run in restored if run.is_active and run.has_process]:
            if run.run_id in self.running:
                self.tell(m.Started(run.run_id, ProcessIdentity(1, 1, "")))
            else:
                self.tell(m.ChildExited(run.run_id, gone.get(run.run_id), self.now.wall))
        self.tell(m.TimePassed())

    # --- what must hold after every turn ------------------------------------------------------------------------------

    def check(self) -> None:
        runs = list(self.rows.values())
        self._each_step_once(runs)
        self._each_task_once(runs)
        for run in runs:
            if run.run_id not in self.seen:
                self.seen.add(run.run_id)
                self._in_its_phase(run)
        for flow in self.flows.values():
            facts = [fact for fact in self.facts() if fact.flow_id == flow.flow_id]
            assert flow.state is flow_state(flow, facts), flow
        assert all(count == 1 for count in self.starts.values()), self.starts

    def _each_step_once(self, runs: list[Run]) -> None:
        made = Counter((run.previous_run_id, run.job_name) for run in runs if run.trigger.type == "chain")
        for run in runs:
            follows = run.is_final and run.state in WELL and not run.trigger.origin.get("alone")
            for step in STEPS.get(run.job_name, ()):
                assert made.pop((run.run_id, step), 0) == follows, f"{step} after {run.run_id} {run.state}"
        assert not made

    def _each_task_once(self, runs: list[Run]) -> None:
        tasks = [run for run in runs if run.trigger.type == "orchestration"]
        places = Counter((run.previous_run_id, place_of(run.trigger.type, run.trigger.data)) for run in tasks)
        assert all(count == 1 for count in places.values()), places
        for run in runs:
            if self.jobs[run.job_name].flow is not None and run.is_active:
                below = [one for one in runs if one.previous_run_id == run.run_id and not one.is_final]
                assert below, f"{run.run_id} ({run.job_name}) waits for nothing"

    def _in_its_phase(self, run: Run) -> None:
        place, parent = place_of(run.trigger.type, run.trigger.data), self.rows.get(run.previous_run_id or "")
        if place is None or parent is None or run.trigger.type != "orchestration":
            return
        phases = PHASES[parent.job_name]
        for other in self.rows.values():
            at = place_of(other.trigger.type, other.trigger.data)
            if other.previous_run_id == parent.run_id and at is not None:
                earlier = phases.index(at.phase) < phases.index(place.phase)
                assert not earlier or other.is_final, f"{place} began before {at} had ended"


def live_on(world: World, random: Random) -> None:
    """One thing happens, whichever; it may be the daemon's last."""
    message = something(world, random)
    if message is None:
        world.wait(random.choice((1, 10, 40)))
    elif random.random() < 0.3:
        world.crash(message, random.random() < 0.5, random.randrange(3), random.random() < 0.2)
    else:
        if isinstance(message, m.ChildExited):
            world.running.remove(message.run_id)
        world.tell(message)


def something(world: World, random: Random) -> m.Input | None:
    ended = [run for run in world.rows.values() if run.is_final]
    match random.choice("drop drop end end end end wait cancel retry reload".split()):
        case "drop":
            name = random.choice(("p", "p", "q", "night", "night", "inner", "x"))
            return m.TriggerArrived(world.claim(name), Trigger("file", data=random.choice(({}, {}, {"skip": ["x"]}))))
        case "end" if world.running:
            run_id = random.choice(world.running)
            return m.ChildExited(run_id, Exit(random.choice((0, 0, 0, 1))), world.now.wall)
        case "cancel" if world.engine.runs:
            run_id = random.choice(list(world.engine.runs))
            return m.CancelAsked(world.claim(), Selection(run_id), "")
        case "retry" if ended:
            old = random.choice(ended)
            flows = tuple(flow for flow in world.flows.values() if flow.flow_id == old.flow_id)
            facts = tuple(fact for fact in world.facts() if fact.flow_id == old.flow_id)
            return m.RetryAsked(
                world.claim(), (old.snapshot(),), flows=flows, facts=facts, cascade=random.random() < 0.3
            )
        case "reload":
            world.reload()
            return m.TimePassed()
    return None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_no_step_or_task_is_dropped_or_doubled_wherever_the_daemon_dies(seed: int) -> None:
    """C-10, C-11, C-14, K-01 to K-03, K-06, K-12, K-16, K-17, and what is promised of kill -9."""
    world, random = World(), Random(seed)
    for _ in range(60):
        live_on(world, random)
    world.reload(job("p"), *JOBS[1:])  # its schedule would go on for ever
    for _ in range(2000):
        if world.running:
            world.end(world.running[0])
        elif world.engine.runs:
            world.wait(30)
    assert not world.engine.runs, [str(world.engine.why(run_id)) for run_id in world.engine.runs]
    assert all(flow.stop_time is not None for flow in world.flows.values())
