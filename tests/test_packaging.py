"""What is shipped: the top level of the tree, and what an installation brings."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import dsari_like

TREE = Path(__file__).parents[1]
TOP = {"setup.cfg", "pyproject.toml", "README.rst", "dsari_like", "etc", "contrib", "tests", "man"}


def tracked() -> list[str]:
    """Every file of the tree as git knows it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return listed.stdout.rstrip("\0").split("\0")


def data_files() -> dict[str, list[str]]:
    """What setup.cfg puts beside the package: directory below the prefix -> patterns."""
    parser = configparser.ConfigParser()
    parser.read(TREE / "setup.cfg")
    assert parser.sections() == ["options.data_files"], "the rest belongs into pyproject.toml"
    return {place: patterns.split() for place, patterns in parser["options.data_files"].items()}


def test_the_top_level_is_what_the_readme_says_and_no_more() -> None:
    top = {name.partition("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} == TOP


def test_every_page_unit_example_and_hook_is_installed() -> None:
    patterns = [pattern for listed in data_files().values() for pattern in listed]
    places = ("man/", "etc/", "contrib/hooks/", "contrib/systemd/")
    forgotten = [
        name
        for name in tracked()
        if name.startswith(places) and not any(fnmatch(name, pattern) for pattern in patterns)
    ]
    assert forgotten == []


def test_every_pattern_of_files_finds_some() -> None:
    empty = [pattern for listed in data_files().values() for pattern in listed if not list(TREE.glob(pattern))]
    assert empty == []


def test_the_version_is_told_in_one_place() -> None:
    project = tomllib.loads((TREE / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "dsari_like.__version__"}


def test_continuous_integration_runs_the_command_of_the_readme() -> None:
    commands = re.findall(r"^    (sh contrib/\w+)$", (TREE / "README.rst").read_text(), re.MULTILINE)
    assert commands == ["sh contrib/demo", "sh contrib/test"]
    assert f"exec {commands[1]}\n" in (TREE / ".ci/run").read_text()


SCRIPTS = ("contrib/test", "contrib/demo", "contrib/hooks/post-receive", ".ci/run")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_executable_and_its_shell_can_read_it(name: str) -> None:
    assert os.access(TREE / name, os.X_OK)
    shell = (TREE / name).read_text().splitlines()[0].removeprefix("#!").split()[-1].rpartition("/")[2]
    assert subprocess.run([shell, "-n", TREE / name]).returncode == 0


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    result = subprocess.run(["shellcheck", "-x", name], cwd=TREE, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.slow
def test_an_installation_in_a_fresh_environment_brings_everything(tmp_path: Path) -> None:
    source, prefix = tmp_path / "source", tmp_path / "prefix"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TREE / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    subprocess.run([prefix / "bin/python", "-m", "pip", "install", "-q", source], check=True)

    own = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    version = subprocess.run(["dsari-like", "--version"], env=own, cwd=tmp_path, capture_output=True, text=True)
    assert (version.returncode, dsari_like.__version__ in version.stdout) == (0, True)

    (package,) = prefix.glob("lib/python*/site-packages/dsari_like")
    templates = {path.name for path in (TREE / "dsari_like/report/templates").iterdir()}
    assert {path.name for path in (package / "report/templates").iterdir()} == templates
    for place, patterns in data_files().items():
        wanted = {path.name for pattern in patterns for path in TREE.glob(pattern)}
        assert wanted <= {path.name for path in (prefix / place).iterdir()}, place
    assert os.access(prefix / "share/dsari-like/hooks/post-receive", os.X_OK)
    assert os.access(prefix / "share/man/man1/dsari-like.1", os.R_OK)
