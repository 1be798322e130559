"""Keys that say who a run is, as YAML and JSON have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsari_like.config import files
from dsari_like.config.places import Places
from dsari_like.core.model import Job
from dsari_like.errors import ConfigError


def the_job(tmp_path: Path, keys: str, name: str = "dsari_like.yaml") -> Job:
    (tmp_path / name).write_text(f"jobs: {{a: {{command: x, {keys}}}}}" if name.endswith("yaml") else keys)
    return files.load(Places(str(tmp_path), str(tmp_path / "var"))).jobs["a"]


@pytest.mark.parametrize(
    ("written", "umask"),
    [
        ('"0027"', 0o027), ('"027"', 0o027), ("'22'", 0o022), ('"0"', 0), ("0o077", 0o077),
        ("0027", 0o027), ("022", 0o022), ("0", 0), ("000", 0), ("7", 7), ("007", 7), ("0777", 0o777),
    ],
)  # fmt: skip
def test_a_umask_is_octal_however_yaml_reads_it(tmp_path: Path, written: str, umask: int) -> None:
    assert the_job(tmp_path, f"umask: {written}").umask == umask


@pytest.mark.parametrize("written", ["27", "22", "77", "2", "0", "0777"])
def test_a_dumped_umask_is_read_again_as_the_same(tmp_path: Path, written: str) -> None:
    (tmp_path / "dsari_like.yaml").write_text(f'jobs: {{a: {{command: x, umask: "{written}"}}}}')
    made = files.load(Places(str(tmp_path), str(tmp_path / "var")))
    dumped = files.dump(made)["jobs"]["a"]["umask"]
    assert the_job(tmp_path, f'umask: "{dumped}"').umask == made.jobs["a"].umask


@pytest.mark.parametrize("written", ["22", "27", "77", "'8'", "'01777'", "-1", "512", "x", "2.5", "true", "[]"])
def test_what_may_not_be_the_mask_that_was_meant_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError, match="octal"):
        the_job(tmp_path, f"umask: {written}")


def test_who_forgets_the_quotes_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='27 is 0033 in octal; write "0027" in quotes'):
        the_job(tmp_path, "umask: 27")


def test_json_has_no_octal_numbers_and_its_numbers_count_by_their_value(tmp_path: Path) -> None:
    text = '{"jobs": {"a": {"command": "x", "umask": 23, "nice": -3, "user": 0, "group": "root", "max_output": "2K"}}}'
    job = the_job(tmp_path, text, "dsari_like.json")
    assert (job.umask, job.nice, job.user, job.group, job.max_output) == (0o27, -3, "0", "root", 2048)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("user: nobody-of-that-name", "jobs.a.user: there is no user 'nobody-of-that-name' on this machine"),
        ("group: no-such-group", "jobs.a.group: there is no group 'no-such-group' on this machine"),
        ("user: 4123456789", "there is no user '4123456789'"),
        ("user: 99999999999999999999", "there is no user '99999999999999999999'"),
        ("user: ''", "jobs.a.user: expected a name or a number, found empty text"),
        ("user: -1", "expected a name or a number"),
        ("user: true", "expected a name or a number"),
        ("nice: 20", "jobs.a.nice: expected a whole number from -20 to 19, found the number 20"),
        ("nice: '5'", "expected a whole number from -20 to 19"),
        ("max_output: 0", "jobs.a.max_output: expected a number of bytes greater than zero"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        the_job(tmp_path, keys)
    (line,) = error.value.problems
    assert said in line and line.startswith(f"{tmp_path}/dsari_like.yaml:1: ")


def test_a_group_of_jobs_has_them_too(tmp_path: Path) -> None:
    text = "job_groups: {g: {job_names: [a, b], command: x, user: root, umask: 077}}"
    (tmp_path / "dsari_like.yaml").write_text(text)
    jobs = files.load(Places(str(tmp_path), str(tmp_path / "var"))).jobs
    assert [(job.user, job.umask) for job in jobs.values()] == [("root", 0o77)] * 2
