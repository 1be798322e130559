"""A house for stories of flows through the whole engine: beside runs it remembers flows and events, as the run log
does, and holds that no two runs of a job ever go on at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dsari_like.core import messages as m
from dsari_like.core.chain import join
from dsari_like.core.engine import Engine
from dsari_like.core.flow_messages import EventResetAsked, SaveFlow, SaveReady, WatchedUpdated
from dsari_like.core.flows import Fact, Flow, Ready, Remembered, place_of
from dsari_like.core.model import Configuration, Exit, Job, Run
from tests.core.house import House, plans_of


class Flows(House):
    """A `House` whose jobs may be steps and tasks, and may wait for events."""

    def __init__(self, *jobs: Job, remembered: Remembered | None = None, **settings: Any) -> None:
        self.flows: dict[str, Flow] = {}
        self.ready: dict[str, Ready] = {}
        self.remembered = remembered or {}
        self.jobs: dict[str, Job] = {}
        self.settings: dict[str, Any] = {}
        self.at: dict[str, float] = {}  # when each run was started, its process or its tasks
        super().__init__(*jobs, **settings)

    # --- configuration and restart --------------------------------------------------------------------------------

    def configure(
        self, *jobs: Job, reload: bool = False, restored: tuple[Run, ...] = (), rests: Any = (), **settings: Any
    ) -> None:
        named = {one.name: one for one in jobs}
        self.jobs, self.settings = named, settings
        joined = join({one.name: one.after for one in jobs if one.after}, named, self.remembered)
        assert not joined.cycles and not joined.unknown
        configuration = Configuration(jobs=named, chains=joined.chains, **settings)
        going = {run.flow_id for run in restored}
        flows = tuple(flow for flow in self.flows.values() if flow.flow_id in going)
        facts = tuple(fact for fact in self.facts() if fact.flow_id in going)
        plans = plans_of(named, self.last, self.windows, self.zone)
        ready = () if reload else tuple(self.ready.values())
        self.tell(m.Configured(configuration, plans, restored, rests, reload, {}, flows, facts, ready))

    def reload(self, *jobs: Job) -> None:
        """Another configuration, or the same once more."""
        self.configure(*(jobs or self.jobs.values()), reload=True, **self.settings)

    def restart(self, *jobs: Job, after: float = 0.0, **settings: Any) -> None:
        """The daemon is gone for `after` seconds; the processes of the runs go on."""
        self.now = m.Now(self.now.wall + after, self.now.mono + after)
        self.engine = Engine(self._new_id)
        restored = tuple(run.snapshot() for run in self.rows.values() if not run.is_final)
        self.configure(*(jobs or self.jobs.values()), restored=restored, **(settings or self.settings))
        self.tell(m.TimePassed())

    def facts(self) -> list[Fact]:
        """The runs of all flows as the run log has them."""
        return [
            Fact(
                run.run_id, run.flow_id, run.job_name, run.state, run.sequence, run.previous_run_id, run.retry_of,
                place_of(run.trigger.type, run.trigger.data),
            )
            for run in self.rows.values()
            if run.flow_id is not None and run.item is None
        ]  # fmt: skip

    # --- what happens ---------------------------------------------------------------------------------------------

    def tell(self, message: m.Input) -> list[m.Effect]:
        effects = super().tell(message)
        for effect in effects:
            if isinstance(effect, SaveFlow):
                self.flows[effect.flow.flow_id] = effect.flow
            elif isinstance(effect, SaveReady):
                self.ready[effect.ready.job_name] = effect.ready
            elif isinstance(effect, m.SaveRun) and effect.run.start_time is not None:
                self.at.setdefault(effect.run.run_id, effect.run.start_time)
        self.nobody_overlaps()
        return effects

    def nobody_overlaps(self) -> None:
        """K-17, K-16: by the rows, after every turn."""
        active = Counter(run.job_name for run in self.rows.values() if run.is_active and run.item is None)
        twice = {name for name, count in active.items() if count > 1}
        assert not {name for name in twice if name in self.jobs and not self.jobs[name].concurrent_runs}, active

    def end_of(self, name: str, code: int = 0, **told: Any) -> None:
        """The one process of a job ends."""
        (run_id,) = self.alive(name)
        self.running.remove(run_id)
        self.tell(m.ChildExited(run_id, Exit(code), self.now.wall, **told))

    def end_all(self, code: int = 0, limit: int = 100) -> None:
        """Every process ends, and those that follow."""
        for _ in range(limit):
            if not self.running:
                return
            self.end(self.running[0], code)
        raise AssertionError(f"there is no end of it: {self.names()[-8:]}")

    def retry(self, *run_ids: str, **fields: Any) -> list[m.Effect]:
        runs = tuple(self.rows[run_id].snapshot() for run_id in run_ids)
        flows = {run.flow_id for run in runs}
        recalled = tuple(flow for flow in self.flows.values() if flow.flow_id in flows)
        facts = tuple(fact for fact in self.facts() if fact.flow_id in flows)
        return self.tell(m.RetryAsked(self.claim(), runs, flows=recalled, facts=facts, **fields))

    def update(self, *things: str) -> list[m.Effect]:
        """Watched files were written."""
        return self.tell(WatchedUpdated(things, self.now.wall, dict.fromkeys(things, self.now.wall)))

    def reset(self, name: str) -> list[m.Effect]:
        """Somebody wants what was updated to be forgotten."""
        return self.tell(EventResetAsked(self.claim(), name))

    # --- what became of it ----------------------------------------------------------------------------------------

    def alive(self, name: str) -> list[str]:
        """The processes of a job."""
        return [run_id for run_id in self.running if self.rows[run_id].job_name == name]

    def working(self) -> list[str]:
        """The jobs that have a process."""
        return [self.rows[run_id].job_name for run_id in self.running]

    def names(self) -> list[str]:
        """The jobs of all runs, in the order they were made."""
        return [run.job_name for run in self.made()]

    def made(self) -> list[Run]:
        """All runs, in the order they were made."""
        return list(self.rows.values())

    def last_of(self, name: str) -> Run:
        """The newest run of a job."""
        return [run for run in self.made() if run.job_name == name][-1]

    def states(self) -> dict[str, str]:
        """The state of the newest run of each job."""
        return {run.job_name: run.state.value for run in self.made()}

    def of_job(self, name: str) -> list[str]:
        """The states of all runs of a job."""
        return [run.state.value for run in self.made() if run.job_name == name]

    def flow(self) -> str:
        """The state of the one flow."""
        (flow,) = self.flows.values()
        return flow.state.value

    def told(self, name: str) -> list[tuple[str, str]]:
        """The decisions about a job, with their reasons."""
        return [(one.outcome.value, one.reason) for one in self.decisions() if one.job_name == name]
