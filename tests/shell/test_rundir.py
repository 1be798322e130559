"""What the daemon puts into the directory of a run: what it is told by files, and the request to end."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dsari_like.core.lifecycle import RunState
from dsari_like.core.model import Run, Trigger
from dsari_like.system.identity import Identity
from dsari_like.system.rundir import RunDirectories


@pytest.fixture
def directories(tmp_path: Path) -> RunDirectories:
    return RunDirectories(str(tmp_path))


def a_run(trigger: Trigger | None = None, **fields: Any) -> Run:
    run = Run("r1", "job", trigger or Trigger("schedule"), RunState.RUNNING, 0.0, 0.0)
    for name, value in fields.items():
        setattr(run, name, value)
    return run


def told(directories: RunDirectories, run: Run, who: Identity | None = None) -> dict[str, Any]:
    """What the files hold that the run's variables name."""
    variables: dict[str, str] = {}
    directories.prepare(run, variables, who)
    return {name: (os.path.basename(path), json.loads(Path(path).read_text())) for name, path in variables.items()}


def test_who_is_told_nothing_shares_a_file_that_says_so(directories: RunDirectories, tmp_path: Path) -> None:
    nothing: tuple[str, Any] = ("no_variables.json", {"job": {}, "workflow": {}})
    assert told(directories, a_run()) == {"VARIABLES_FILE": nothing}
    assert told(directories, a_run(Trigger("file"))) == {
        "TRIGGER_DATA_FILE": ("no_trigger_data.json", {}),
        "VARIABLES_FILE": nothing,
    }
    assert list((tmp_path / "runs/job/r1").iterdir()) == []


def test_what_is_told_is_in_the_runs_own_directory(directories: RunDirectories) -> None:
    run = a_run(Trigger("file", data={"a": "ä"}), job_variables={"n": 1}, workflow_variables={"asset": "x"})
    assert told(directories, run) == {
        "TRIGGER_DATA_FILE": ("trigger_data.json", {"a": "ä"}),
        "VARIABLES_FILE": ("variables.json", {"job": {"n": 1}, "workflow": {"asset": "x"}}),
    }


def test_another_user_has_files_of_his_own(directories: RunDirectories) -> None:
    who = Identity(os.geteuid(), os.getegid(), None, None)
    found = told(directories, a_run(Trigger("file")), who)
    assert {name: value[0] for name, value in found.items()} == {
        "TRIGGER_DATA_FILE": "trigger_data.json",
        "VARIABLES_FILE": "variables.json",
    }


def test_a_later_process_is_told_what_is_so_by_then(directories: RunDirectories) -> None:
    told(directories, a_run(job_variables={"n": 1}))
    assert told(directories, a_run(job_variables={"n": 2}, launch=2))["VARIABLES_FILE"][1]["job"] == {"n": 2}


class TestRequestToEnd:
    @pytest.fixture
    def run_dir(self, directories: RunDirectories) -> Path:
        directories.prepare(a_run(), {}, None)
        return Path(directories.of(a_run()))

    def test_it_is_there_in_whole_with_what_is_said(self, directories: RunDirectories, run_dir: Path) -> None:
        directories.request_cancel(a_run(), "asked by ä: enough \udcff")
        assert [path.name for path in run_dir.iterdir()] == ["cancel_requested"]
        assert (run_dir / "cancel_requested").read_text() == "asked by ä: enough ?\n"
        directories.request_cancel(a_run(), "again")
        assert (run_dir / "cancel_requested").read_text() == "again\n"

    @pytest.mark.parametrize("name", ["cancel_requested", ".cancel_requested.tmp"])
    def test_a_link_in_its_place_is_not_followed(self, directories: RunDirectories, run_dir: Path, name: str) -> None:
        precious = run_dir.parent / "precious"
        precious.write_text("keep me")
        (run_dir / name).symlink_to(precious)
        directories.request_cancel(a_run(), "enough")
        assert precious.read_text() == "keep me" and not (run_dir / "cancel_requested").is_symlink()

    @pytest.mark.parametrize("name", ["cancel_requested", ".cancel_requested.tmp"])
    def test_what_cannot_be_put_away_is_an_error(self, directories: RunDirectories, run_dir: Path, name: str) -> None:
        (run_dir / name / "x").mkdir(parents=True)
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(OSError):
            directories.request_cancel(a_run(), "enough")
        assert len(os.listdir("/proc/self/fd")) == before

    def test_a_directory_that_is_gone_or_a_link_is_an_error(
        self, directories: RunDirectories, run_dir: Path, tmp_path: Path
    ) -> None:
        run_dir.rmdir()
        with pytest.raises(FileNotFoundError):
            directories.request_cancel(a_run(), "enough")
        run_dir.symlink_to(tmp_path)
        with pytest.raises(OSError):
            directories.request_cancel(a_run(), "enough")
        assert not (tmp_path / "cancel_requested").exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
    def test_it_belongs_to_whom_the_directory_belongs_to(self, directories: RunDirectories, run_dir: Path) -> None:
        os.chown(run_dir, 65534, 65534)
        directories.request_cancel(a_run(), "enough")
        found = (run_dir / "cancel_requested").stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o640)
