"""Whatever happens in whatever order: no trigger is lost, no slot is decided twice, no limit is passed."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dsari_like.core import messages as m
from dsari_like.core.choices import Merge
from dsari_like.core.model import Claim
from dsari_like.core.selection import Selection
from tests.core.house import House, job

GROUPS = {"two": 2, "none": 0}
LIMIT = 3
JOBS = {
    "plain": job("plain", schedule=("* * * * *",)),
    "fold": job("fold", merge=Merge.FOLD),
    "replace": job("replace", merge=Merge.REPLACE, priority=2),
    "many": job("many", concurrent_runs=True, concurrency_groups=("one", "two")),
    "stuck": job("stuck", concurrency_groups=("none",)),
}


class AnyOrder(RuleBasedStateMachine):
    """Drops, ends, cancels, time and reloads as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(*JOBS.values(), groups=GROUPS, max_running=LIMIT)
        self.dropped = 0

    @rule(name=st.sampled_from(sorted(JOBS)), priority=st.one_of(st.none(), st.integers(-2, 2)))
    def drop(self, name: str, priority: int | None) -> None:
        self.house.drop(name, priority=priority)
        self.dropped += 1

    @rule(name=st.sampled_from(sorted(JOBS)), seconds=st.integers(1, 300))
    def drop_for_later(self, name: str, seconds: int) -> None:
        self.house.drop(name, schedule_time=self.house.now.wall + seconds)
        self.dropped += 1

    @rule(seconds=st.integers(0, 200))
    def wait(self, seconds: int) -> None:
        self.house.wait(seconds)

    @rule(seconds=st.integers(-7200, 7200))
    def step_the_clock(self, seconds: int) -> None:
        self.house.jump(seconds)

    @precondition(lambda self: self.house.running)
    @rule(data=st.data(), code=st.sampled_from((0, 0, 1, 137)))
    def end(self, data: st.DataObject, code: int) -> None:
        self.house.end(data.draw(st.sampled_from(self.house.running)), code)

    @precondition(lambda self: self.house.engine.runs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(sorted(self.house.engine.runs)))
        self.house.tell(m.CancelAsked(Claim("", "", "", "", 1, 0.0), Selection(run_id), ""))

    @rule(without=st.sampled_from(("", "fold", "many")))
    def reload(self, without: str) -> None:
        jobs = [one for name, one in JOBS.items() if name != without]
        self.house.configure(*jobs, reload=True, groups=GROUPS, max_running=LIMIT)
        self.house.configure(*JOBS.values(), reload=True, groups=GROUPS, max_running=LIMIT)

    @invariant()
    def no_job_runs_beside_itself(self) -> None:
        counts = Counter(self.house.rows[run].job_name for run in self.house.running)
        assert all(count == 1 for name, count in counts.items() if name != "many")

    @invariant()
    def no_limit_is_passed(self) -> None:
        assert len(self.house.running) <= LIMIT
        groups = Counter(self.house.rows[run].concurrency_group for run in self.house.running)
        assert groups["one"] <= 1 and groups["two"] <= 2 and groups["none"] == 0

    @invariant()
    def every_trigger_has_one_outcome_and_every_slot_at_most_one(self) -> None:
        decisions = self.house.decisions()
        tokens = Counter(one.token for one in decisions if one.token)
        assert len(tokens) == self.dropped and set(tokens.values()) <= {1}
        slots = Counter((one.job_name, one.schedule_time) for one in decisions if one.token is None)
        assert set(slots.values()) <= {1}

    @invariant()
    def what_the_engine_holds_is_what_the_rows_say(self) -> None:
        still = {run_id for run_id, run in self.house.rows.items() if not run.is_final}
        assert still == set(self.house.engine.runs)
        assert {run for run in still if self.house.rows[run].is_active} == set(self.house.running)

    @invariant()
    def nobody_waits_for_something_free(self) -> None:
        for run in self.house.engine.runs.values():
            if run.state.value == "queued":
                why = self.house.engine.why(run.run_id)
                assert why is not None
                assert why.holders or why.names == ("none",)

    def teardown(self) -> None:
        """Let everything end: nothing may be left over but what is due later or can never run."""
        for _ in range(500):
            if not self.house.running:
                break
            self.house.end(self.house.running[0])
        left = {run.job_name for run in self.house.engine.runs.values() if run.state.value != "scheduled"}
        assert left <= {"stuck"}


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
