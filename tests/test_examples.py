"""etc/: examples that work as they stand."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC
from pathlib import Path

import pytest

from dsari_like.cli import main
from dsari_like.config import files
from dsari_like.config.places import locate
from dsari_like.core.model import Configuration
from dsari_like.core.request import read_trigger
from dsari_like.errors import ConfigError

ETC = Path(__file__).parents[1] / "etc"
EXAMPLES = sorted((ETC / "examples").glob("*.yaml"))


def load(directory: Path) -> Configuration:
    return files.load(locate(str(directory), {}))


def test_the_example_configuration_passes_the_check_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ETC, tmp_path / "etc")  # its data directory is the neighbour, not one beside the source
    assert main(["check", "--config-dir", str(tmp_path / "etc")]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_a_configuration_of_its_own(tmp_path: Path, example: Path) -> None:
    shutil.copy(example, tmp_path / "dsari_like.yaml")
    for secret in re.findall(r"^ +secret_files: \[([\w.]+)\]$", example.read_text(), re.MULTILINE):
        (tmp_path / secret).write_text("made by the reader")
        (tmp_path / secret).chmod(0o600)
    configuration = load(tmp_path)
    assert configuration.jobs and configuration.warnings == ()


def test_every_line_that_is_commented_out_can_be_taken_in(tmp_path: Path) -> None:
    text = (ETC / "dsari_like.yaml").read_text()
    opened = re.sub(r"^#(?=(  )?[a-z_]+:( |$))", "", text, flags=re.MULTILINE)
    assert opened != text
    (tmp_path / "dsari_like.yaml").write_text(opened)
    try:
        configuration = load(tmp_path)
    except ConfigError as error:
        pytest.fail("\n".join(error.problems))
    assert configuration.max_running == 8 and configuration.groups == {"database": 2}


def test_the_example_of_a_trigger_is_one_for_the_example_of_its_job(tmp_path: Path) -> None:
    shutil.copy(ETC / "examples/git-push.yaml", tmp_path / "dsari_like.yaml")
    job = load(tmp_path).jobs["project"]
    dropped = json.loads((ETC / "examples/trigger.json").read_text())
    trigger = read_trigger(dropped, job, UTC, 0.0, False, lambda name: UTC)
    assert trigger.id == "release-4.2"


def test_the_job_of_the_example_takes_what_the_hook_sends(tmp_path: Path) -> None:
    shutil.copy(ETC / "examples/git-push.yaml", tmp_path / "dsari_like.yaml")
    hook = (ETC.parent / "contrib/hooks/post-receive").read_text()
    sent = set(re.findall(r'"(GIT_[A-Z]+)": %s', hook))
    assert sent == set(load(tmp_path).jobs["project"].parameters)
