"""A directory of files becomes a configuration: what is read, in which order, and what each job comes to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dsari_like.config import files
from dsari_like.config.places import Places
from dsari_like.core.choices import CatchUp, Merge, OnShutdown
from dsari_like.core.model import Configuration, Job, Parameter, Runtime, Where
from dsari_like.errors import ConfigError

Files = Mapping[str, str | bytes]


def places(directory: Path, tree: Files) -> Places:
    """The tree on disk, as a configuration directory."""
    for name, content in tree.items():
        path = directory / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Places(str(directory / "etc"), str(directory / "var"))


def load(directory: Path, tree: Files | str) -> Configuration:
    """The configuration of a tree, or of one file of YAML."""
    return files.load(places(directory, {"dsari_like.yaml": tree} if isinstance(tree, str) else tree))


def faults(directory: Path, tree: Files | str) -> list[str]:
    """What is said to a tree that is refused, without the directory."""
    with pytest.raises(ConfigError) as refused:
        load(directory, tree)
    return [line.replace(f"{directory}/etc/", "") for line in refused.value.problems]


def job(directory: Path, text: str) -> Job:
    """The one job `a` of these keys, in flow style."""
    return load(directory, f"jobs: {{a: {{command: x, {text}}}}}").jobs["a"]


def test_a_job_of_two_keys_has_the_defaults_of_the_table(tmp_path: Path) -> None:
    made = load(tmp_path, "jobs:\n  hello:\n    command: echo 'hello world'\n    schedule: '@daily'\n").jobs["hello"]
    where = Where(str(tmp_path / "etc/dsari_like.yaml"), 2)
    assert made == Job("hello", ("echo", "hello world"), schedule=("@daily",), where=where)


def test_every_key_of_a_job_arrives(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        """
runtimes: {box: {wrapper: docker run --rm box, environment: {A: 1}}}
jobs:
  a:
    command: [make, all]
    command_append_run: true
    description: builds
    enabled: false
    schedule: ['0 4 * * *', '@reboot']
    schedule_timezone: Europe/Berlin
    dst: both
    catch_up: last
    catch_up_limit: 2h
    environment: {X: 1}
    trigger_environment: [GIT_*]
    parameters: {P: {default: 1, allowed: [1, b], description: p}, Q: {required: true}, R: }
    runtime: box
    log_level: none
    working_directory: work
    max_execution: 1h30m
    max_execution_grace: 0
    concurrent_runs: yes
    merge: fold
    concurrency_groups: [db, web]
    priority: -3
    render_reports: false
    jenkins_environment: true
    job_group: team
    keeper: false
""",
    )
    directory = str(tmp_path / "etc")
    assert made.runtimes == {"box": Runtime(("docker", "run", "--rm", "box"), {"A": "1"})}
    assert made.jobs["a"] == Job(
        "a",
        ("make", "all"),
        command_append_run=True,
        description="builds",
        enabled=False,
        schedule=("0 4 * * *", "@reboot"),
        schedule_timezone="Europe/Berlin",
        dst="both",
        catch_up=CatchUp.LAST,
        catch_up_limit=7200.0,
        environment={"X": "1"},
        trigger_environment=("GIT_*",),
        parameters={
            "P": Parameter("1", ("1", "b"), description="p"),
            "Q": Parameter(required=True),
            "R": Parameter(),
        },
        runtime="box",
        log_level="none",
        working_directory=f"{directory}/work",
        max_execution=5400.0,
        max_execution_grace=0.0,
        concurrent_runs=True,
        merge=Merge.FOLD,
        concurrency_groups=("db", "web"),
        priority=-3,
        render_reports=False,
        jenkins_environment=True,
        job_group="team",
        keeper=False,
        where=Where(f"{directory}/dsari_like.yaml", 4),
    )


def test_every_key_of_the_top_level_arrives(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        """
data_dir: ../data
template_dir: templates
timezone: Europe/Berlin
environment: {A: 1}
concurrency_groups: {db: {max: 3}, web: }
database: {type: sqlite3, file: log.sqlite3}
max_running: 4
on_shutdown: wait
shutdown_kill_grace: 0
max_output: 10M
render: never
title: Builds
base_url: https://example.org/
report_run_output_start: 100
report_run_output_end: 200
report_html_gz: true
""",
    )
    assert made == Configuration(
        {},
        groups={"db": 3, "web": 1},
        environment={"A": "1"},
        config_dir=str(tmp_path / "etc"),
        data_dir=str(tmp_path / "data"),
        database_file=str(tmp_path / "etc/log.sqlite3"),
        template_dir=str(tmp_path / "etc/templates"),
        timezone="Europe/Berlin",
        max_running=4,
        on_shutdown=OnShutdown.WAIT,
        shutdown_kill_grace=0.0,
        max_output=10 << 20,
        render=False,
        title="Builds",
        base_url="https://example.org/",
        report_run_output_start=100,
        report_run_output_end=200,
        report_html_gz=True,
        files=(str(tmp_path / "etc/dsari_like.yaml"),),
    )


def test_an_empty_file_is_an_empty_configuration(tmp_path: Path) -> None:
    made = load(tmp_path, "")
    assert not made.jobs
    assert (made.data_dir, made.database_file) == (str(tmp_path / "var"), str(tmp_path / "var/dsari_like.sqlite3"))


@pytest.mark.parametrize("text", ["schedule: ", "max_execution: null", "environment: ~", "concurrency_groups: "])
def test_nothing_is_taken_for_the_default_where_that_is_nothing(tmp_path: Path, text: str) -> None:
    made = job(tmp_path, text)
    assert made == Job("a", ("x",), where=made.where)


# --- files and their order (D-02, D-03) ------------------------------------------------------------------------------


def test_later_files_win_and_maps_are_merged(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        {
            "dsari_like.yaml": "title: main\njobs: {a: {command: x, description: kept, environment: {A: 1, B: 1}}}",
            "dsari_like.json": '{"title": "json", "jobs": {"b": {"command": ["x"]}}}',
            "config.d/20.yaml": "jobs: {a: {command: from 20}}",
            "config.d/10.yml": "jobs: {a: {command: from 10, environment: {B: 2}}}",
            "config.d/05.json": '{"jobs": {"a": {"priority": 7}}}',
        },
    )
    assert [Path(file).name for file in made.files] == [
        "dsari_like.yaml",
        "dsari_like.json",
        "10.yml",
        "20.yaml",
        "05.json",
    ]
    assert made.title == "json"
    assert list(made.jobs) == ["a", "b"]
    a = made.jobs["a"]
    assert (a.command, a.description, a.environment, a.priority) == (("from", "20"), "kept", {"A": "1", "B": "2"}, 7)
    assert a.where == Where(str(tmp_path / "etc/dsari_like.yaml"), 2), "where it was written first"


def test_the_folder_of_further_files_has_a_key(tmp_path: Path) -> None:
    made = load(
        tmp_path, {"dsari_like.yaml": "config_d: more", "more/a.yaml": "title: more", "config.d/a.yaml": "title: no"}
    )
    assert made.title == "more"


def test_a_folder_alone_is_a_configuration(tmp_path: Path) -> None:
    assert load(tmp_path, {"config.d/a.yaml": "title: alone"}).title == "alone"


def test_what_an_editor_leaves_behind_is_not_read(tmp_path: Path) -> None:
    tree = {"config.d/.a.yaml": "nonsense", "config.d/a.yaml~": "nonsense", "config.d/a.yaml.bak": "nonsense"}
    assert load(tmp_path, {"dsari_like.yaml": "", **tree}).files == (str(tmp_path / "etc/dsari_like.yaml"),)


def test_a_directory_of_dsari_is_read_as_it_is(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        {
            "dsari.yaml": """
config_d: config.d
shutdown_kill_runs: true
shutdown_kill_grace: 30
environment: {PATH: /bin, N: 3}
database: {type: sqlite3}
concurrency_groups: {cg: {max: 2}}
job_groups: {both: {job_names: [x, y], command: make, schedule: 'H * * * *'}}
""",
            "config.d/one.json": '{"jobs": {"one": {"command": "a b", "schedule": null, "max_execution": 10.5, '
            '"concurrency_groups": ["cg"], "schedule_timezone": "Europe/Berlin", "concurrent_runs": true}}}',
        },
    )
    assert list(made.jobs) == ["one", "x", "y"]
    assert (made.on_shutdown, made.shutdown_kill_grace) == (OnShutdown.KILL, 30.0)
    assert made.jobs["one"].max_execution == 10.5


def test_our_own_main_file_keeps_that_of_dsari_out_and_says_so(tmp_path: Path) -> None:
    made = load(tmp_path, {"dsari.yaml": "title: old", "dsari_like.yaml": "title: new"})
    assert made.title == "new"
    assert made.warnings == (f"{tmp_path}/etc: dsari.yaml is not read, because dsari_like.yaml is there",)


def test_shutdown_kill_runs_false_changes_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "shutdown_kill_runs: false\non_shutdown: wait").on_shutdown is OnShutdown.WAIT


# --- groups ----------------------------------------------------------------------------------------------------------


def test_a_job_group_is_one_job_for_each_name(tmp_path: Path) -> None:
    made = load(tmp_path, "job_groups:\n  team:\n    job_names: [x, y]\n    command: make\n    priority: 2\n")
    assert [(job.name, job.job_group, job.priority, job.where.line) for job in made.jobs.values()] == [
        ("x", "team", 2, 2),
        ("y", "team", 2, 2),
    ]


def test_one_text_is_one_concurrency_group(tmp_path: Path) -> None:
    assert job(tmp_path, "concurrency_groups: web").concurrency_groups == ("web",)


def test_a_group_without_slots_is_paused_and_says_so(tmp_path: Path) -> None:
    made = load(tmp_path, "concurrency_groups:\n  web: {max: 0}\n")
    assert made.groups == {"web": 0}
    assert f"{tmp_path}/etc/dsari_like.yaml:2: concurrency_groups.web.max: the group is paused" in made.warnings[0]


# --- YAML ------------------------------------------------------------------------------------------------------------


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        """
jobs:
  a: &a
    command: x
    environment: &e {A: 1}
  b: {<<: *a, command: y}
  c: {<<: [{command: first}, *a]}
  d: {command: z, environment: *e}
""",
    )
    assert [" ".join(job.command) for job in made.jobs.values()] == ["x", "y", "first", "z"]
    assert all(job.environment == {"A": "1"} for job in made.jobs.values())
    assert [job.where.line for job in made.jobs.values()] == [3, 6, 7, 8]


def test_a_change_of_a_shared_map_by_a_later_file_stays_with_one_job(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        {
            "dsari_like.yaml": "jobs: {a: {command: x, environment: &e {A: 1}}, b: {command: x, environment: *e}}",
            "config.d/1.yaml": "jobs: {a: {environment: {A: 2}}}",
        },
    )
    assert (made.jobs["a"].environment, made.jobs["b"].environment) == ({"A": "2"}, {"A": "1"})


# --- environment files -----------------------------------------------------------------------------------------------


def test_an_environment_file_stands_below_the_environment_and_is_masked(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        {
            "dsari_like.yaml": "environment_file: top.env\n"
            "jobs: {a: {command: x, environment: {A: own}, environment_file: job.env}}",
            "top.env": "TOKEN=t0p\n",
            "job.env": "A=file\nSECRET=s3cret\n",
        },
    )
    a = made.jobs["a"]
    assert made.environment == {"TOKEN": "t0p"} and made.secret_names == {"TOKEN"}
    assert a.environment == {"A": "own", "SECRET": "s3cret"} and a.secret_names == {"SECRET"}
    shown = json.dumps(files.dump(made))
    assert "t0p" not in shown and "s3cret" not in shown and '"A": "own"' in shown


# --- the way out -----------------------------------------------------------------------------------------------------


def test_what_is_dumped_may_be_loaded_again(tmp_path: Path) -> None:
    text = """
timezone: Europe/Berlin
concurrency_groups: {g: {max: 2}}
jobs: {a: {command: "x 'y z'", schedule: '@daily', max_execution: 90s, parameters: {P: {default: 1}}}}
job_groups: {t: {job_names: [b, c], command: y}}
"""
    first = files.dump(load(tmp_path / "1", text))
    again = files.dump(load(tmp_path / "2", {"dsari_like.json": json.dumps(first)}))
    assert again == first
    assert list(first["jobs"]) == ["a", "b", "c"]


def test_raw_is_what_was_written(tmp_path: Path) -> None:
    tree = {"dsari_like.yaml": "jobs: {a: {command: x}}", "config.d/a.yaml": "jobs: {a: {typo: 1}}"}
    assert files.raw(places(tmp_path, tree)) == {"jobs": {"a": {"command": "x", "typo": 1}}}


# --- warnings --------------------------------------------------------------------------------------------------------


def test_what_everybody_may_write_is_warned_of(tmp_path: Path) -> None:
    where = places(tmp_path, {"dsari_like.yaml": "", "config.d/a.yaml": ""})
    for name in ("", "/config.d", "/config.d/a.yaml"):
        os.chmod(where.config_dir + name, 0o777)
    warned = [line.replace(where.config_dir, "").partition(":")[0] for line in files.load(where).warnings]
    assert warned == ["", "/config.d", "/config.d/a.yaml"]


def test_a_schedule_that_never_fires_is_warned_of_with_its_line(tmp_path: Path) -> None:
    made = load(tmp_path, "jobs:\n  a:\n    command: x\n    schedule: ['@daily', '0 0 30 2 *']\n")
    assert f"{tmp_path}/etc/dsari_like.yaml:4: jobs.a.schedule[1]: '0 0 30 2 *' never fires" in made.warnings[0]


def test_what_is_no_regular_file_is_left_alone_with_a_warning(tmp_path: Path) -> None:
    where = places(tmp_path, {"dsari_like.yaml": "", "config.d/a.yaml": "title: read"})
    os.mkfifo(where.config_dir + "/config.d/b.yaml")
    made = files.load(where)
    assert made.title == "read"
    assert made.warnings == (
        f"{where.config_dir}/config.d/b.yaml: expected a regular file, found something else; it was not read",
    )


def test_equal_values_are_kept_once(tmp_path: Path) -> None:
    jobs: dict[str, Any] = {f"j{n}": {"command": "/bin/true --all", "schedule": "@daily"} for n in range(3)}
    made = load(tmp_path, {"dsari_like.json": json.dumps({"jobs": jobs})})
    assert len({id(job.command) for job in made.jobs.values()}) == 1
    assert len({id(job.environment) for job in made.jobs.values()}) == 1
