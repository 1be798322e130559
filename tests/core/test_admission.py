"""Who may run, who waits, and that a release is enough to go on."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.admission import Admission, WaitReason
from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Job, Run, Trigger

JOBS = {
    "one": Job("one", ("true",)),
    "many": Job("many", ("true",), concurrent_runs=True),
    "db": Job("db", ("true",), concurrent_runs=True, concurrency_groups=("db",)),
    "any": Job("any", ("true",), concurrent_runs=True, concurrency_groups=("db", "ci")),
}


def a_run(number: int, job: str, priority: int = 0) -> Run:
    run = Run(f"r{number}", job, Trigger("file"), RunState.QUEUED, 0.0, 0.0, number)
    run.priority = priority
    return run


def house(groups: dict[str, int] | None = None, max_running: int | None = None) -> Admission:
    admission = Admission()
    admission.configure(groups or {}, max_running, lambda run: JOBS[run.job_name])
    return admission


def admit(admission: Admission, number: int, job: str, priority: int = 0) -> list[str]:
    return [run.run_id for run in admission.admit(a_run(number, job, priority), JOBS[job])]


def release(admission: Admission, run_id: str) -> list[str]:
    return [run.run_id for run in admission.release(run_id)]


def test_a_job_runs_once_and_its_next_run_starts_on_release() -> None:
    admission = house()
    assert admit(admission, 1, "one") == ["r1"]
    assert admit(admission, 2, "one") == []
    assert admission.why("r2") == WaitReason("job", ("one",), ("r1",))
    assert release(admission, "r1") == ["r2"]
    assert admission.why("r2") is None


def test_priority_first_then_first_come() -> None:
    admission = house()
    admit(admission, 1, "one")
    for number, priority in ((2, 0), (3, 5), (4, 5), (5, -1)):
        admit(admission, number, "one", priority)
    order = []
    current = "r1"
    while found := release(admission, current):
        order += found
        current = found[0]
    assert order == ["r3", "r4", "r2", "r5"]


def test_whoever_waits_for_any_of_several_groups_takes_the_first_that_is_free() -> None:
    admission = house({"db": 1, "ci": 1})
    assert admit(admission, 1, "any") == ["r1"]
    assert admit(admission, 2, "any") == ["r2"]
    assert admit(admission, 3, "any") == []
    assert admission.why("r3") == WaitReason("group", ("db", "ci"), ("r1", "r2"))
    assert release(admission, "r2") == ["r3"]
    assert admission.holders("group", "ci") == ("r3",)


def test_one_end_may_let_several_in() -> None:
    admission = house({"db": 1}, max_running=2)
    admit(admission, 1, "db")
    admit(admission, 2, "one")
    admit(admission, 3, "db")
    admit(admission, 4, "many")
    assert admission.why("r4") == WaitReason("max_running", (), ("r1", "r2"))
    assert release(admission, "r1") == ["r3"]
    assert release(admission, "r2") == ["r4"]


def test_a_withdrawn_run_is_passed_over() -> None:
    admission = house()
    for number in (1, 2, 3):
        admit(admission, number, "one")
    admission.withdraw([run for run in admission.waiting() if run.run_id == "r2"])
    assert release(admission, "r1") == ["r3"]


def test_an_adopted_run_holds_its_place_even_when_there_is_none() -> None:
    admission = house({"db": 0}, max_running=0)
    run = a_run(1, "db")
    run.concurrency_group = "db"
    admission.adopt(run, JOBS["db"])
    assert admission.holders("group", "db") == ("r1",)
    assert release(admission, "r1") == []


def test_new_sizes_are_used_at_once() -> None:
    admission = house({"db": 0})
    admit(admission, 1, "db")
    admit(admission, 2, "db")
    assert [run.run_id for run in admission.configure({"db": 1}, None, lambda run: JOBS[run.job_name])] == ["r1"]
    assert [run.run_id for run in admission.waiting()] == ["r2"]


def test_nobody_is_served_while_the_house_closes() -> None:
    admission = house()
    admit(admission, 1, "one")
    admit(admission, 2, "one")
    assert admission.release("r1", serve=False) == []


@given(st.lists(st.tuples(st.sampled_from(sorted(JOBS)), st.integers(-1, 1)), max_size=40), st.randoms())
def test_every_run_is_served_once_within_the_limits(asked: list[tuple[str, int]], random: object) -> None:
    admission = house({"db": 2, "ci": 1}, max_running=4)
    inside: list[str] = []
    served: list[str] = []
    jobs = {f"r{number}": job for number, (job, _) in enumerate(asked)}
    for number, (job, priority) in enumerate(asked):
        inside += admit(admission, number, job, priority)
    while inside:
        assert len(inside) <= 4
        counts = Counter(jobs[run] for run in inside)
        assert counts["one"] <= 1
        assert len(admission.holders("group", "db")) <= 2 and len(admission.holders("group", "ci")) <= 1
        run = random.choice(inside)  # type: ignore[attr-defined]
        inside.remove(run)
        served.append(run)
        inside += release(admission, run)
    assert sorted(served) == sorted(jobs)
