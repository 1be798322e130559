"""P1, P2, P10, P11, P14: the engine through everything that befalls a daemon, in any order. Deaths, restarts from the
rows, clocks that are set and machines that sleep, shortage at a start, pauses, retries, reloads: no trigger is lost, no
slot is leaked, nothing starts twice, and no job runs beside itself.

To add something: a rule here, and what must hold beside it as an invariant. 60 stories by default, 3,000 with
DSARI_LIKE_NIGHTLY=1.
"""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from dsari_like.core import messages as m
from dsari_like.core.choices import CatchUp, LockMode
from dsari_like.core.model import ALL_JOBS, Job, Pause, SkipNext
from tests.core import test_engine_property as simpler
from tests.core.house import House, job

NIGHTLY = os.environ.get("DSARI_LIKE_NIGHTLY") == "1"
JOBS: dict[str, Job] = {
    **simpler.JOBS,
    "made up": job("made up", schedule=("*/2 * * * *",), catch_up=CatchUp.ALL, catch_up_limit=600.0),
    "again": job("again", retries=2, retry_delay=30.0, schedule=("*/3 * * * *",), catch_up=CatchUp.LAST),
    "writer": job("writer", locks={"store": LockMode.EXCLUSIVE}),
    "reader": job("reader", locks={"store": LockMode.SHARED}, concurrent_runs=True),
}
NAMES = st.sampled_from(sorted(JOBS))
SETTINGS = {"groups": simpler.GROUPS, "max_running": simpler.LIMIT}
#: Jobs of which several may run at once.
SEVERAL = {"many", "reader"}


class Machine(simpler.AnyOrder):
    """A daemon, its machine, and the people around it."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(*JOBS.values(), **SETTINGS)
        self.put_off: set[str] = set()  # started, but not on the machine: it was short of something
        self.began: set[str] = set()
        self.delays: Counter[str] = Counter()  # how often a run was put off

    # --- what may happen, beside what the simpler machine knows ---

    @rule(name=NAMES)
    def drop_for_any(self, name: str) -> None:
        self.house.drop(name)
        self.dropped += 1

    @rule(seconds=st.integers(0, 7200))
    def sleep_of_the_machine(self, seconds: int) -> None:
        self.house.jump(seconds, mono=0.0)

    @precondition(lambda self: self.fresh())
    @rule(data=st.data())
    def process_is_there(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(self.fresh()))
        self.began.add(run_id)
        self.house.began(run_id)

    @precondition(lambda self: self.fresh())
    @rule(data=st.data(), code=st.sampled_from((125, 126, 127)))
    def start_fails(self, data: st.DataObject, code: int) -> None:
        run_id = data.draw(st.sampled_from(self.fresh()))
        self.house.running.remove(run_id)
        self.house.tell(m.StartFailed(run_id, code, "it is not there"))

    @precondition(lambda self: self.wanted())
    @rule(data=st.data())
    def machine_is_short(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(self.wanted()))
        self.house.running.remove(run_id)
        self.put_off.add(run_id)
        self.delays[run_id] += 1
        self.house.tell(m.StartPutOff(run_id, "Resource temporarily unavailable"))

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def shortage_is_over(self, data: st.DataObject) -> None:
        run_id = data.draw(st.sampled_from(self.waiting()))
        self.put_off.discard(run_id)
        self.house.tell(m.StartAgain(run_id))

    @rule(name=st.one_of(NAMES, st.just(ALL_JOBS)), seconds=st.one_of(st.none(), st.integers(1, 300)))
    def pause(self, name: str, seconds: int | None) -> None:
        now = self.house.now.wall
        until = None if seconds is None else now + seconds
        self.house.tell(m.PauseAsked(self.house.claim(), Pause(name, now, until, "a rest")))

    @rule(name=st.one_of(NAMES, st.just(ALL_JOBS)))
    def unpause(self, name: str) -> None:
        self.house.tell(m.UnpauseAsked(self.house.claim(), name))

    @rule(name=st.sampled_from(("plain", "made up", "again")))
    def skip_next(self, name: str) -> None:
        self.house.tell(m.SkipNextAsked(self.house.claim(), SkipNext(name, self.house.now.wall, "a holiday")))

    @rule(gone=st.integers(0, 900), step=st.sampled_from((0, 0, 0, -3600, 3600)), data=st.data())
    def die_and_come_back(self, gone: int, step: int, data: st.DataObject) -> None:
        """What was running goes on, or is found gone; what was put off is started by the next daemon."""
        house = self.house
        house.now = m.Now(house.now.wall + step, house.now.mono)
        before = list(house.running)
        house.restart(*JOBS.values(), after=float(gone), rests=self.rests(), **SETTINGS)
        self.put_off.clear()
        for run_id in before:
            if run_id in house.running and data.draw(st.booleans()):
                house.running.remove(run_id)
                house.tell(m.ChildExited(run_id, None, house.now.wall))
        self.began |= set(before)

    @rule(without=NAMES)
    def reload(self, without: str) -> None:
        left = [one for name, one in JOBS.items() if name != without]
        self.house.configure(*left, reload=True, **SETTINGS)
        self.house.configure(*JOBS.values(), reload=True, **SETTINGS)

    # --- what must hold ---

    @invariant()
    def no_job_runs_beside_itself(self) -> None:
        counts = Counter(self.house.rows[run].job_name for run in (*self.house.running, *self.waiting()))
        assert all(count == 1 for name, count in counts.items() if name not in SEVERAL)
        assert not (counts["writer"] and counts["reader"])

    @invariant()
    def every_trigger_has_one_outcome_and_every_slot_at_most_one(self) -> None:
        decisions = self.house.decisions()
        tokens = Counter(one.token for one in decisions if one.token)
        assert len(tokens) == self.dropped and set(tokens.values()) <= {1}
        # The decision to try again is about no slot, and has none.
        slots = [(one.job_name, one.schedule_time) for one in decisions if not one.token and one.schedule_time]
        assert len(slots) == len(set(slots))

    @invariant()
    def what_the_engine_holds_is_what_the_rows_say(self) -> None:
        still = {run_id for run_id, run in self.house.rows.items() if not run.is_final}
        assert still == set(self.house.engine.runs)
        active = {run for run in still if self.house.rows[run].is_active}
        assert active == {*self.house.running, *self.waiting()}

    @invariant()
    def nobody_waits_for_something_free(self) -> None:
        for run in self.house.engine.runs.values():
            if run.state.value in ("queued", "waiting_for_lock"):
                why = self.house.engine.why(run.run_id)
                assert why is not None
                assert why.holders or why.ahead or why.names == ("none",) or why.kind == "pause", why

    @invariant()
    def nothing_starts_twice(self) -> None:
        starts = Counter(effect.run.run_id for effect in self.house.of(m.Start))
        for run_id, count in starts.items():
            assert count <= 1 + self.delays[run_id], run_id

    @invariant()
    def what_ended_stays_as_it_ended(self) -> None:
        ended: dict[str, str] = {}
        for save in self.house.of(m.SaveRun):
            known = ended.get(save.run.run_id)
            assert known is None or known == save.run.state.value, save
            if save.run.is_final:
                ended[save.run.run_id] = save.run.state.value

    def teardown(self) -> None:
        """Let everybody go on and everything end: nothing may be left over but what is due later or can never run."""
        for name in (ALL_JOBS, *JOBS):
            self.unpause(name)
        for _ in range(2000):
            for run_id in self.waiting():
                self.put_off.discard(run_id)
                self.house.tell(m.StartAgain(run_id))
            if not self.house.running:
                break
            self.house.end(self.house.running[0])
        left = {run.job_name for run in self.house.engine.runs.values() if run.state.value != "scheduled"}
        assert left <= {"stuck"}

    # --- what the rules ask ---

    def fresh(self) -> list[str]:
        """Runs that were told to start, and nothing has come of it yet."""
        return [run_id for run_id in self.house.running if run_id not in self.began]

    def rests(self) -> tuple[Pause | SkipNext, ...]:
        """What is recorded of pauses, for the next daemon."""
        kept: dict[tuple[type, str], Pause | SkipNext] = {}
        for effect in self.house.effects:
            if isinstance(effect, m.SaveRest):
                kept[type(effect.rest), effect.rest.job_name] = effect.rest
            elif isinstance(effect, m.DropRest):
                kept.pop((effect.kind, effect.job_name), None)
        return tuple(kept.values())

    def wanted(self) -> list[str]:
        """Those of them that nobody has asked to end: any other is not started, so it cannot be put off."""
        return [run_id for run_id in self.fresh() if self.house.rows[run_id].ending is None]

    def waiting(self) -> list[str]:
        """What is put off, and has not been cancelled meanwhile."""
        return sorted(run_id for run_id in self.put_off if not self.house.rows[run_id].is_final)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=3_000 if NIGHTLY else 60,
    stateful_step_count=60 if NIGHTLY else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
