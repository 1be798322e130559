"""Chains, orchestrations and event triggers as they are written, and every way of writing them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsari_like.config import files
from dsari_like.config.dump import dump
from dsari_like.config.places import Places
from dsari_like.core.flows import Condition, EventTrigger, Orchestration, Phase, Task, Transition
from dsari_like.core.secrets import MASK
from dsari_like.store import flowlog
from dsari_like.store.runlog import RunLog
from tests.shell.test_config import faults, load, places

JOBS = "jobs: {a: {command: x}, b: {command: x}, c: {command: x, parameters: {P: {allowed: [1, 2]}}}}\n"


def test_an_orchestration_is_a_job_with_a_flow(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        JOBS
        + """
orchestrations:
  nightly:
    schedule: '0 2 * * *'
    description: every night
    event_trigger: {watch: [data/*.csv, 'job:a'], cool_down: 50m, at_end: true}
    phases:
      - name: load
        tasks: [a, {job: b, name: second, continue_on_failure: true, delay: 10s, retries: 3}]
        next:
          - {when: {failed: a, variables: {DAY: [sunday, 7]}}, goto: tell}
          - {goto: build}
      - {name: build, tasks: [{job: c, active: false, parameters: {P: 1}}]}
      - {name: tell, tasks: [b]}
""",
    ).jobs["nightly"]
    assert (made.command, made.schedule_timezone, made.description) == ((), "UTC", "every night")
    assert made.event_trigger == EventTrigger((f"{tmp_path}/etc/data/*.csv", "job:a"), 3000.0, True)
    assert made.where.line == 4
    when = Condition(failed=("a",), variables={"DAY": ("sunday", "7")})
    second = Task("second", "b", continue_on_failure=True, delay=10.0, retries=3)
    assert made.flow == Orchestration(
        "nightly",
        (
            Phase("load", (Task("a", "a"), second), (Transition("tell", when), Transition("build"))),
            Phase("build", (Task("c", "c", active=False, parameters={"P": "1"}),)),
            Phase("tell", (Task("b", "b"),)),
        ),
    )


def test_what_is_dumped_can_be_loaded_again(tmp_path: Path) -> None:
    import yaml

    text = (
        JOBS
        + """
orchestrations:
  n: {phases: [{name: p, tasks: [a], next: [{when: {ok_except: []}, goto: end}, {goto: q}]}, {name: q, tasks: [b]}]}
  m: {schedule: '@daily', schedule_timezone: Europe/Berlin, phases: [{name: p, tasks: [{job: n, name: x}]}]}
"""
    )
    first = load(tmp_path, text)
    dumped = dump(first)
    assert set(dumped["jobs"]) == {"a", "b", "c"} and set(dumped["orchestrations"]) == {"n", "m"}
    orchestrations = yaml.safe_dump({"orchestrations": dumped["orchestrations"]})
    second = load(tmp_path / "again", JOBS + orchestrations)
    assert [second.jobs[name].flow for name in "nm"] == [first.jobs[name].flow for name in "nm"]


def test_a_chain_may_be_written_in_groups_and_after_orchestrations(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        """
jobs: {a: {command: x}, last: {command: x, after: o}}
job_groups: {g: {job_names: [b, c], command: x, after: a}}
orchestrations: {o: {phases: [{name: p, tasks: [a]}]}}
""",
    )
    assert made.chains.steps == {"a": ("b", "c"), "o": ("last",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "jobs: {a: {command: x, after: c}, b: {command: x, after: a}, c: {command: x, after: b}}",
            "jobs.a.after: these steps follow one another in a circle: a -> b -> c -> a; take one `after` out",
        ),
        (
            "jobs: {fetch: {command: x}, b: {command: x, after: fech}}",
            "jobs.b.after: there is no job 'fech' in the configuration (did you mean 'fetch'?)",
        ),
        (
            "job_groups: {g: {job_names: [b], command: x, after: nothing}}",
            "job_groups.g.after: there is no job 'nothing' in the configuration",
        ),
        (
            JOBS + "orchestrations: {a: {phases: [{name: p, tasks: [b]}]}}",
            "orchestrations.a: a job has this name already, and the two share one name space; rename one of them",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [bb]}]}}",
            "orchestrations.n.phases[0].tasks[0].job: there is no job 'bb' in the configuration (did you mean 'b'?)",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [a, a]}]}}",
            "phases[0].tasks[1].name: the phase has a task 'a' already; give this one a name of its own",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [a]}, {name: p, tasks: [b]}]}}",
            "orchestrations.n.phases[1].name: 'p' is the name of an earlier phase; choose another",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: end, tasks: [a]}]}}",
            "orchestrations.n.phases[0].name: 'end' is the word for the end of the flow; choose another",
        ),
        (
            JOBS + "orchestrations: {n: {phases: []}}",
            "orchestrations.n.phases: expected a list of phases, found a list",
        ),
        (
            JOBS + "orchestrations: {n: {}}",
            "orchestrations.n: 'phases' is missing; an orchestration needs it",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [{job: c, parameters: {P: 3}}]}]}}",
            "orchestrations.n.phases[0].tasks[0].parameters.P: expected one of '1', '2', found '3'",
        ),
        (
            JOBS + "orchestrations: {n: {schedule: '61 * * * *', phases: [{name: p, tasks: [a]}]}}",
            "orchestrations.n.schedule: schedule '61 * * * *': minute field '61': 61 is outside 0-59",
        ),
        (
            JOBS + "orchestrations: {n: {notify: {after: 0}, phases: [{name: p, tasks: [a]}]}}",
            "orchestrations.n.notify.after: expected a whole number of at least 1, found the number 0",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [a], next: [{goto: p}]}]}}",
            "orchestrations.n.phases[0].next[0].goto: expected a phase after 'p', or end, found 'p'",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [a], next: [{when: {failed: a}, goto: end}]}]}}",
            "n.phases[0].next[0]: the last transition has no `when`: it is where the phase leads by default",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [a], next: [{goto: end}]}, {name: q, tasks: [b]}]}}",
            "orchestrations.n.phases[1]: no transition leads to the phase 'q'",
        ),
        (
            JOBS + "orchestrations: {n: {phases: [{name: p, tasks: [a], next: [{when: {completed: b}, goto: end},"
            " {goto: end}]}]}}",
            "orchestrations.n.phases[0].next[0].when.completed: the phase has no task 'b'",
        ),
        (
            "orchestrations: {n: {phases: [{name: p, tasks: [m]}]}, m: {phases: [{name: p, tasks: [n]}]}}",
            "orchestrations.n.phases: runs itself: n -> m -> n",
        ),
        (
            "jobs: {a: {command: x, event_trigger: {watch: []}}}",
            "jobs.a.event_trigger.watch: expected something to watch, found an empty list",
        ),
        (
            "jobs: {a: {command: x, event_trigger: {watch: 'job:a'}}}",
            "jobs.a.event_trigger.watch: 'a' would start itself for ever; name something else",
        ),
        (
            "jobs: {a: {command: x, event_trigger: {watch: 'job:bb'}}, b: {command: x}}",
            "jobs.a.event_trigger.watch: there is no job 'bb' in the configuration (did you mean 'b'?)",
        ),
    ],
)
def test_each_fault_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    found = faults(tmp_path, text)
    assert any(line.endswith(told) for line in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = "jobs: {a: {command: x, after: b}}\norchestrations: {n: {phases: [{name: p, tasks: [c]}]}, m: {phases: 3}}"
    assert len(faults(tmp_path, text)) == 3


def test_k12_orchestrations_may_be_nested_two_deep_and_no_deeper(tmp_path: Path) -> None:
    def nested(*names: str) -> str:
        pairs = zip(names, (*names[1:], "a"), strict=True)
        return "jobs: {a: {command: x}}\norchestrations:\n" + "".join(
            f"  {name}: {{phases: [{{name: p, tasks: [{below}]}}]}}\n" for name, below in pairs
        )

    assert load(tmp_path / "fine", nested("o", "p", "q")).jobs["o"].flow
    assert faults(tmp_path, nested("o", "p", "q", "r")) == [
        "dsari_like.yaml:3: orchestrations.o.phases: orchestrations may be nested 2 deep, and this is deeper:"
        " o -> p -> q -> r"
    ]


def test_c12_a_step_after_one_that_is_gone_is_a_warning_with_the_line_to_write(tmp_path: Path) -> None:
    text = "jobs:\n  a: {command: x}\n  c:\n    command: x\n    after: b\n"
    (tmp_path / "var").mkdir()
    log = RunLog(str(tmp_path / "var" / "dsari_like.sqlite3"))
    flowlog.remember(log.connection, {"b": "a", "c": "b", "a": None})
    log.close()
    made = load(tmp_path, text)
    assert made.chains.steps == {"b": ("c",), "a": ("c",)}
    assert [line.partition("jobs.")[2] for line in made.warnings] == [
        "c.after: the step 'b' before it is gone, so it follows 'a' now; to keep it so, write   after: a"
    ]
    assert made.warnings[0].startswith(f"{tmp_path}/etc/dsari_like.yaml:5:")


def test_who_starts_nothing_does_without_the_run_log(tmp_path: Path) -> None:
    made = files.load(places(tmp_path, {"dsari_like.yaml": "jobs: {c: {command: x, after: b}}"}), whole=False)
    assert len(made.warnings) == 1 and "the run log cannot be read" in made.warnings[0]


SECRETIVE = """
jobs: {a: {command: x, parameters: {DB_PASSWORD: {allowed: [hunter-22, hunter-33]}}}}
orchestrations:
  inner: {phases: [{name: p, tasks: [a]}]}
  outer:
    phases:
    - name: p
      tasks: [{job: a, parameters: {DB_PASSWORD: %s, REGION: north-south}}, {job: inner, parameters: {TOKEN: tok-en-1}}]
"""


def test_values_of_task_parameters_with_secret_names_are_never_shown(tmp_path: Path) -> None:
    configuration = load(tmp_path, SECRETIVE % "hunter-22")
    (first, second) = dump(configuration)["orchestrations"]["outer"]["phases"][0]["tasks"]
    assert first["parameters"] == {"DB_PASSWORD": MASK, "REGION": "north-south"}
    assert second["parameters"] == {"TOKEN": MASK}
    (task, _) = files.raw(Places(f"{tmp_path}/etc", f"{tmp_path}/var"))["orchestrations"]["outer"]["phases"][0]["tasks"]
    assert task["parameters"] == {"DB_PASSWORD": MASK, "REGION": "north-south"}
    secrets = configuration.secrets
    assert secrets.output("it is hunter-22 in north-south", "a") == f"it is {MASK} in north-south"
    assert secrets.output("tok-en-1", "a") == MASK  # through the nested one it may reach any job


def test_a_value_that_is_not_allowed_is_not_told_either_when_it_is_secret(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, SECRETIVE % "hunter-2")
    assert told.endswith(f"expected one of '{MASK}'") and "hunter" not in told


def crossed(directory: Path, phases: str) -> tuple[str, ...]:
    setter = """echo '{"workflow_variables": {"DAY": 1}}' > $RETURN_DATA_FILE"""
    jobs = f"""
jobs:
  sets: {{command: [sh, -c, {setter!r}]}}
  reads: {{command: [sh, -c, 'echo $WORKFLOW_DAY']}}
  staged: {{stages: [{{name: one, command: 'report --day=$WORKFLOW_DAY'}}]}}
  other: {{command: [sh, -c, 'echo $WORKFLOW_DAYS']}}
orchestrations: {{n: {{phases: [{phases}]}}}}
""".replace("\\'", "''")
    return load(directory, jobs).warnings


@pytest.mark.parametrize("reader", ["reads", "staged"])
def test_item14_to_read_a_variable_beside_the_task_that_sets_it_is_warned_of(tmp_path: Path, reader: str) -> None:
    (told,) = crossed(tmp_path, f"{{name: p, tasks: [sets, {reader}]}}")
    assert f"orchestrations.n.phases[0].tasks[1]: '{reader}' reads WORKFLOW_DAY, which 'sets' of the same phase" in told


@pytest.mark.parametrize(
    "phases",
    [
        "{name: p, tasks: [sets]}, {name: q, tasks: [reads, staged]}",
        "{name: p, tasks: [sets, other]}",
        "{name: p, tasks: [reads, staged]}",
        "{name: p, tasks: [reads, {job: sets, active: false}]}",
        "{name: p, tasks: [sets]}, {name: q, tasks: [{job: sets, name: again}, reads]}",
    ],
)
def test_item14_nothing_is_said_of_what_is_read_where_it_is_there(tmp_path: Path, phases: str) -> None:
    assert crossed(tmp_path, phases) == ()
