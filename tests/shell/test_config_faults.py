"""What a configuration that cannot be used is answered: every fault at once, each with file, line, path and remedy."""

from __future__ import annotations

import json
import os
import time
from itertools import pairwise
from pathlib import Path

import pytest

from dsari_like.config import files
from dsari_like.config.places import Places
from dsari_like.errors import ConfigError
from tests.shell.test_config import Files, faults, load, places

LEGAL = "a name is 1 to 64 of the letters A-Z and a-z, digits, space and - _ + . : @, and neither '.' nor '..'"


def test_every_fault_of_every_file_at_once_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        {
            "dsari_like.yaml": "titel: x\njobs:\n  deploy:\n    max_executon: 5\n    command: make\n    dst: onec\n",
            "config.d/a.yaml": "jobs:\n  web: {priority: high}\n  deploy: {merge: maybe}\n",
            "config.d/b.json": '{"max_running": 0}',
        },
    )
    assert said == [
        "dsari_like.yaml:1: titel: unknown key (did you mean 'title'?)",
        "dsari_like.yaml:4: jobs.deploy.max_executon: unknown key (did you mean 'max_execution'?)",
        "dsari_like.yaml:6: jobs.deploy.dst: expected once, skip or both, found 'onec' (did you mean 'once'?)",
        "config.d/a.yaml:2: jobs.web.priority: expected a whole number, found 'high'",
        "config.d/a.yaml:2: jobs.web: 'command' is missing; a job needs it",
        "config.d/a.yaml:3: jobs.deploy.merge: expected queue, fold, replace or drop, found 'maybe'",
        "config.d/b.json:1: max_running: expected a whole number of at least 1, found the number 0; "
        "nothing would ever start",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # B-08: a number in a command list, B-67: a name with a line feed, B-41: nought, B-32: a zone nobody knows
        (
            "jobs: {a: {command: [sleep, 5]}}",
            "jobs.a.command[1]: expected text, found the number 5; put it in quotes if",
        ),
        ('jobs: {"a\\n": {command: x}}', f"jobs.'a\\n': 'a\\n' is no legal name; {LEGAL}"),
        (
            "jobs: {a: {command: x, max_execution: 0}}",
            "found the number 0; every run would be ended at once; leave the",
        ),
        (
            "timezone: Europe/Berlim",
            "timezone: expected a zone such as Europe/Berlin, found 'Europe/Berlim' (did you mean",
        ),
        ("jobs: {a: {command: x, schedule_timezone: ../x}}", "jobs.a.schedule_timezone: expected a zone such as"),
        ("jobs: {a: {command: x, schedule_timezone: America}}", "jobs.a.schedule_timezone: expected a zone such as"),
        ("jobs: {a: {command: x, locks: {l: sharde}}}", "jobs.a.locks.l: expected shared or exclusive, found 'sharde'"),
        ("jobs: {a: {command: x, locks: {'l/': shared}}}", "'l/' is no name of a lock"),
        ("jobs: {a: {command: x, stages: [{name: s, command: y}]}}", "a job has either a command or stages"),
        ("jobs: {a: {}}", "'command' is missing; a job needs it"),
        ("jobs: {a: {stages: []}}", "jobs.a.stages: expected a list of stages, found a list"),
        (
            "jobs: {a: {stages: [{name: s, command: y}, {name: s, command: z}]}}",
            "jobs.a.stages[1].name: there is a stage 's' before",
        ),
        (
            "jobs: {a: {stages: [{name: s, command: y}], resume_command: 'true'}}",
            "jobs.a.resume_command: a run with stages goes on with the stage that was cut off",
        ),
        (
            "jobs: {a: {command: x, heartbeat: {deadline: 10, final_deadline: 5}}}",
            "jobs.a.heartbeat.final_deadline: expected a longer time than the deadline",
        ),
        ("jobs: {a: {command: x, heartbeat: {deadline: 10}}}", "'final_deadline' is missing; a heartbeat needs it"),
        (
            "jobs: {a: {command: x, resume_command: /no/such/thing}}",
            "jobs.a.resume_command: the command '/no/such/thing' is not there, or is not executable",
        ),
        ("jobs: {a: {command: x, items: 1-1000000000}}", "jobs.a.items: '1-1000000000': more than 100000 items"),
        ("jobs: {a: {command: x, items: 1-9x0}}", "jobs.a.items: '1-9x0': a step of 0 never arrives"),
        ("jobs: {a: {command: x, items_parallel: 3}}", "jobs.a.items_parallel: there are no items"),
        ("jobs: {a: {command: x, retry_exit_codes: [0]}}", "expected an exit code or a list of them, 1 to 255"),
        ("jobs: {a: {command: x, retry_backoff: 0.5}}", "expected a number from 1 to 1000"),
        ("jobs: {a: {command: x, executor: ssh}}", "jobs.a.executor: expected local, found 'ssh'"),
        ("job_groups: {g: {job_names: [a], command: x, notify: {on: x}}}", "notify.on[0]: expected"),
        ("notify: {digest: noon}", "notify.digest: expected a time of day such as '08:00', found 'noon'"),
        ("jobs: {a: {command: x, schedule: '61 * * * *'}}", "jobs.a.schedule: schedule '61 * * * *': minute field"),
        (
            "jobs: {a: {command: x, schedule: [a, 5]}}",
            "jobs.a.schedule[1]: expected text that is not empty, found the number",
        ),
        (
            "jobs: {a: {command: x, environment: {A: yes}}}",
            "jobs.a.environment.A: expected text or a number, found the boolean",
        ),
        ("jobs: {a: {command: x, environment: {A: 2024-01-01}}}", "found the date 2024-01-01; put it in quotes"),
        (
            "jobs: {a: {command: x, environment: {yes: 1}}}",
            "jobs.a.environment: expected text as a key, found the boolean true",
        ),
        (
            "jobs: {a: {command: x, description: 2024-01-01}}",
            "expected text, found the date 2024-01-01; put it in quotes if",
        ),
        ("jobs: {a: {command: x, enabled: 1}}", "jobs.a.enabled: expected true or false, found the number 1"),
        ("jobs: {a: {command: x, priority: null}}", "jobs.a.priority: expected a whole number, found nothing"),
        ("jobs: {a: {command: x, max_execution: .inf}}", "found the number inf"),
        ("jobs: {a: {command: x, concurrency_groups: [a/b]}}", "jobs.a.concurrency_groups[0]: 'a/b' is no legal name"),
        ("jobs: {a: {command: x, runtime: dokcer}}\nruntimes: {docker: }", "found 'dokcer' (did you mean 'docker'?)"),
        (
            "jobs: {a: {command: x, parameters: {P: {default: a, allowed: [b]}}}}",
            "P.default: 'a' is not one of the values",
        ),
        ("jobs: {a: {command: x, parameters: {'P Q': }}}", "jobs.a.parameters.P Q: 'P Q' is no variable name"),
        ("jobs: {a: {command: x, environment_file: none}}", "none cannot be read: No such file or directory"),
        ("jobs: [a]", "jobs: expected a map, found a list"),
        ("jobs: {a: x}", "jobs.a: expected a map (a job), found 'x'"),
        (
            "concurrency_groups: {g: {max: -1}}",
            "concurrency_groups.g.max: expected a whole number of at least 0, found the",
        ),
        ("database: {type: postgresql, dsn: x}", "database.type: the database type 'postgresql' is not supported"),
        (
            "on_shutdown: wait\nshutdown_kill_runs: true",
            "shutdown_kill_runs: true means kill, and on_shutdown says wait",
        ),
        ("- a", "expected a map of keys, found a list"),
    ],
)
def test_one_fault(tmp_path: Path, text: str, said: str) -> None:
    [line] = faults(tmp_path, text)
    assert line.startswith("dsari_like.yaml:") and said in line


def test_a_group_never_takes_the_place_of_a_job(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        """
jobs: {a: {command: x}}
job_groups:
  one: {command: y, job_names: [a, b]}
  two: {command: z, job_names: [b, c]}
""",
    ) == [
        "dsari_like.yaml:4: job_groups.one.job_names: the job 'a' is defined under jobs already; rename or remove one",
        "dsari_like.yaml:5: job_groups.two.job_names: the job 'b' is defined in the group 'one' already; "
        "rename or remove one",
    ]


def test_a_fault_of_a_group_is_told_once_and_not_for_each_of_its_jobs(tmp_path: Path) -> None:
    said = faults(tmp_path, "job_groups: {g: {command: x, job_names: [a, b], runtime: none, schedule: '@x'}}")
    assert [line.split(": ")[1] for line in said] == ["job_groups.g.schedule", "job_groups.g.runtime"]


# --- files that cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a: 1\njobs:\n\tx: 1",
            "3: this is not YAML: while scanning for the next token: found character that cannot start "
            "any token; indent with spaces, not tabs",
        ),
        ("a: 1\n---\nb: 1", "2: expected one document, found a second"),
        ("title: x\ntitle: y", "2: title: this key was given before, at line 1; keep one of the two"),
        (
            "jobs:\n  a: {command: x}\n  b: {command: x}\n  a: {command: y}",
            "4: jobs.a: this key was given before, at line 2",
        ),
        ("jobs:\n  a: !!binary eA==", "2: jobs.a: the tag '!!binary' is not known; remove it"),
        ("jobs: !!python/object:os.system {}", "the tag '!!python/object:os.system' is not known"),
        ("jobs: *a", "1: jobs: the alias '*a' names nothing that is complete before it"),
        ("jobs: &a {b: *a}", "1: jobs.b: the alias '*a' names nothing that is complete before it"),
        ("? [a]\n: b", "1: expected text as a key, found a list; put it in quotes"),
        ("jobs: {<<: 3}", "1: jobs: expected a map or a list of maps after '<<', found the number 3"),
        (b"title: \xff", "1: expected UTF-8, found the byte 0xff; save the file as UTF-8"),
        ("a: 1\nb: \x01", "2: expected text, found the character 0x01; remove it or write an escape"),
        ("max_running: " + "1:" * 100 + "1", "cannot be read as int; put it in quotes"),
        ("title: " + "[" * 20, "1: expected at most 16 levels, found more"),
    ],
)
def test_one_fault_of_the_yaml(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert any(said in line for line in faults(tmp_path, {"dsari_like.yaml": text}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"title":\n 1', "dsari_like.json:2: this is not JSON: expecting ',' delimiter (column 3)"),
        (
            '{"a": {"x": [1, {"b": 1}],\n"y": [], "x": 2}}',
            "dsari_like.json:2: a.x: this key was given before, at line 1",
        ),
        ('{"priority":\n NaN}', "dsari_like.json:2: expected a number, found NaN; JSON has no such value"),
        ('{"n": ' + "1" * 5000 + "}", "found one of thousands of digits"),
        ("[" * 100_000, "expected at most 16 levels, found more"),
        ("[" * 20 + "]" * 20, "expected a map of keys, found a list"),
        ('{"a":' + "[" * 20 + "]" * 20 + "}", "expected at most 16 levels, found more"),
        ("[]", "expected a map of keys, found a list"),
        (b'{"a": "\xff"}', "expected UTF-8, found the byte 0xff"),
        ('{"title": "\\ud800"}', "dsari_like.json:1: title: '\\ud800' holds half of a surrogate pair"),
    ],
)
def test_one_fault_of_the_json(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert any(said in line for line in faults(tmp_path, {"dsari_like.json": text}))


def test_lists_have_lines_of_their_own(tmp_path: Path) -> None:
    tree = {
        "dsari_like.yaml": "jobs:\n  a:\n    command:\n    - x\n    - 5\n",
        "dsari_like.json": '{"jobs": {"b": {"command": [\n"x",\n5]}}}',
    }
    assert [line.partition(": ")[0] for line in faults(tmp_path, tree)] == ["dsari_like.yaml:5", "dsari_like.json:3"]


def test_what_an_unreadable_file_might_explain_is_not_told(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        {
            "dsari_like.yaml": "jobs: {a: {runtime: box, typo: 1}}",
            "config.d/a.yaml": "jobs: {a: {command: x}}\nruntimes: {box: {}",
        },
    )
    assert ["unknown key" in said[0], "not YAML" in said[1], len(said)] == [True, True, 2]


def test_an_unreadable_file_is_a_fault_and_not_passed_over(tmp_path: Path) -> None:
    where = places(tmp_path, {"dsari_like.yaml": "", "config.d/b.yaml": ""})
    os.symlink("nowhere", where.config_dir + "/config.d/a.yaml")
    with pytest.raises(ConfigError, match=r"config\.d/a\.yaml: cannot be read: No such file or directory"):
        files.load(where)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_fault(tmp_path: Path) -> None:
    where = places(tmp_path, {"dsari_like.yaml": ""})
    os.chmod(where.config_dir + "/dsari_like.yaml", 0)
    with pytest.raises(ConfigError, match=r"cannot be read: Permission denied; let the daemon's user read it"):
        files.load(where)


def test_a_main_file_that_is_no_regular_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc/dsari_like.yaml")
    with pytest.raises(ConfigError, match="expected a regular file"):
        files.load(Places(str(tmp_path / "etc"), ""))


def test_no_configuration_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected dsari_like\.yaml; write one with 'dsari-like init'"):
        files.load(Places(str(tmp_path), ""))


def test_the_folder_is_named_in_the_main_file_only(tmp_path: Path) -> None:
    assert faults(tmp_path, {"config.d/a.yaml": "title: a\nconfig_d: x"}) == [
        "config.d/a.yaml:2: config_d: this key counts in the main file only; move or remove it"
    ]


def test_faults_of_an_environment_file_show_lines_and_no_values(tmp_path: Path) -> None:
    [line] = faults(tmp_path, {"dsari_like.yaml": "environment_file: e", "e": "A=1\nhunter2\n"})
    assert line == "dsari_like.yaml:1: environment_file: e:2: expected KEY=VALUE, found a line without '='"


# --- P20: any megabyte is decided within two seconds -----------------------------------------------------------------


def _repeat(head: str, line: str, size: int = 1 << 20) -> str:
    lines = size // (len(line) + 4)
    return head + "".join(line.format(f"{n:x}") for n in range(lines))


HOSTILE: dict[str, Files] = {
    "unknown keys": {"dsari_like.yaml": _repeat("", "k{}:\n")},
    "near misses": {"dsari_like.yaml": _repeat("jobs:\n a:\n", "  max_executon{}:\n")},
    "no jobs": {"dsari_like.yaml": _repeat("jobs:\n", " x{}:\n")},
    "no variables": {"dsari_like.yaml": _repeat("environment:\n", " x{}: no\n")},
    "no command": {"dsari_like.yaml": _repeat("jobs: {a: {command: [", "1,") + "]}}"},
    "one key": {"dsari_like.yaml": _repeat("", "a:\n")},
    "laughs": {
        "dsari_like.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in pairwise("abcdefghi"))
    },
    "merges": {
        "dsari_like.yaml": _repeat(f"a: &a {json.dumps(dict.fromkeys(map(str, range(999))))}\n", "b{}: {{<<: *a}}\n")
    },
    "brackets": {"dsari_like.yaml": "[" * (1 << 20)},
    "dashes": {"dsari_like.yaml": "- " * (1 << 19)},
    "questions": {"dsari_like.yaml": "? " * (1 << 19)},
    "nested keys": {"dsari_like.yaml": "{? " * (1 << 18)},
    "directives": {"dsari_like.yaml": _repeat("", "%TAG !{}! a\n") + "--- {}\n"},
    "documents": {"dsari_like.yaml": "---\n" * (1 << 18)},
    "sixties": {"dsari_like.yaml": "max_running: " + "1:" * (1 << 19) + "1"},
    "digits": {"dsari_like.yaml": "max_running: " + "1" * (1 << 20)},
    "one quotation": {"dsari_like.yaml": "jobs: {a: {command: '\"" + "\\a" * (1 << 19) + "'}}"},
    "quotations": {"dsari_like.yaml": "jobs: {a: {command: '" + '"" ' * (1 << 18) + "'}}"},
    "zones": {"dsari_like.yaml": _repeat("jobs:\n", " j{0}: {{command: x, schedule_timezone: Z{0}}}\n")},
    "bad runtimes": {
        "dsari_like.yaml": _repeat("runtimes:\n", " r{}:\n", 1 << 19)
        + _repeat("jobs:\n", " j{0}: {{runtime: s{0}}}\n", 1 << 19)
    },
    "json nested": {"dsari_like.json": '{"a":' * (1 << 17)},
    "json duplicates": {"dsari_like.json": "{" + '"a":1,' * (1 << 17) + '"a":1}'},
    "json keys": {"dsari_like.json": _repeat("{", '"k{}":1,') + '"a":1}'},
    "nothing": {"dsari_like.yaml": "\0" * (1 << 20)},
    "tabs": {"dsari_like.yaml": "\t" * (1 << 20)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_megabyte_is_refused_in_time(tmp_path: Path, name: str) -> None:
    before = time.process_time()
    said = faults(tmp_path, HOSTILE[name])
    assert time.process_time() - before < 2.0
    assert 1 <= len(said) <= 101 and max(map(len, said)) < 1000


def test_a_megabyte_of_jobs_is_accepted_in_time(tmp_path: Path) -> None:
    before = time.process_time()
    made = load(tmp_path, _repeat("jobs:\n", " j{}: {{command: /bin/true, schedule: '@daily'}}\n"))
    assert time.process_time() - before < 2.0
    assert len(made.jobs) > 10_000
