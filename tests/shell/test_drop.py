"""Our own commands drop files as a careful producer does."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from dsari_like.errors import UserError
from dsari_like.spool.drop import drop_control, drop_trigger
from tests.shell.spool import Spool


def test_a_trigger_is_found_by_the_daemon(tmp_path: Path) -> None:
    path = drop_trigger(str(tmp_path), "build", {"environment": {"A": "ü"}, "trigger_type": "manual"})
    assert Path(path).parent == tmp_path / "trigger/build"
    spool = Spool(tmp_path)
    assert [found.data for found in spool.look()] == [{"environment": {"A": "ü"}, "trigger_type": "manual"}]
    spool.inbox.close()


def test_a_request_is_found_by_the_daemon(tmp_path: Path) -> None:
    drop_control(str(tmp_path), {"action": "cancel", "run": "r"})
    spool = Spool(tmp_path)
    assert [(found.kind, found.data) for found in spool.look()] == [("control", {"action": "cancel", "run": "r"})]
    spool.inbox.close()


def test_each_drop_has_a_name_of_its_own_unless_one_is_given(tmp_path: Path) -> None:
    assert len({drop_trigger(str(tmp_path), "build", {}) for _ in range(20)}) == 20
    assert drop_trigger(str(tmp_path), "build", {}, "push.json").endswith("/push.json")
    assert json.loads((tmp_path / "trigger/build/push.json").read_text()) == {}


def test_a_daemon_of_another_user_can_read_it(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        path = Path(drop_trigger(str(tmp_path), "build", {}))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 and stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    drop_trigger(str(tmp_path), "build", {}, "x.json")
    assert [path.name for path in (tmp_path / "trigger/build").iterdir()] == ["x.json"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "ü", "a\nb"])
def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="no legal name of a job; nothing was dropped"):
        drop_trigger(str(tmp_path), name, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".x.json", "x.tmp", "../x.json", "x", "a\0.json"])
def test_no_file_name_that_nobody_would_look_at(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="no file of that name is looked at"):
        drop_trigger(str(tmp_path), "build", {}, name)


@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800", "x" * (1 << 20)])
def test_what_the_daemon_would_refuse_is_not_dropped(tmp_path: Path, value: object) -> None:
    with pytest.raises(UserError, match="nothing was dropped"):
        drop_trigger(str(tmp_path), "build", {"value": value})
    assert list(tmp_path.iterdir()) == []


def test_failure_is_one_sentence_that_says_what_happens_now(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory; nothing will run because of it"):
        drop_trigger(str(tmp_path / "nowhere"), "build", {})


def test_a_link_is_not_followed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (tmp_path / "trigger").symlink_to(outside)
    with pytest.raises(UserError, match="cannot drop a trigger for 'build'"):
        drop_trigger(str(tmp_path), "build", {})
    assert list(outside.iterdir()) == []
