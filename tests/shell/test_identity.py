"""What stands before the command of another user, and what becomes of the run's directory."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from dsari_like.core.model import Configuration, Job, Where
from dsari_like.report.output import Limits
from dsari_like.report.output import read as read_output
from dsari_like.system import identity, returned
from dsari_like.system.identity import Identity

NOBODY = Identity(65534, 65534, "nobody", "/nonexistent")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def test_a_job_without_the_keys_has_nothing_before_its_command() -> None:
    job = Job("a", ("true",))
    assert identity.identity_of(job) is None
    assert identity.prefix(job, None) == []
    assert list(identity.faults(Configuration(jobs={"a": job}))) == []


def test_whoever_we_are_already_takes_no_change() -> None:
    assert identity.identity_of(Job("a", ("true",), user=str(os.geteuid()), group=str(os.getegid()))) is None


def test_the_priority_comes_before_the_identity_and_the_identity_before_all_else() -> None:
    words = identity.prefix(Job("a", ("true",), nice=-5), NOBODY)
    assert [word.rpartition("/")[2] for word in words if word.startswith("/")] == ["nice", "setpriv"]
    assert words[-5:] == ["--reuid=65534", "--regid=65534", "--init-groups", "--inh-caps=-all", "--"]


def test_a_group_alone_keeps_none_of_the_groups_of_root() -> None:
    words = identity.prefix(Job("a", ("true",)), Identity(0, 5, None, None))
    assert "--clear-groups" in words and not any(word.startswith("--reuid") for word in words)


def test_what_the_loader_obeys_is_held_back_and_given_again() -> None:
    loader = {"LD_PRELOAD": "x y'z\"$", "GLIBC_TUNABLES": "", "LANGUAGE": "../x"}
    variables = {**loader, "LDAP": "1", "A": "2", "LD_.x": "3"}
    passed, lines = identity.hold_back(variables)
    assert not loader.keys() & passed.keys()
    assert (passed["LDAP"], passed["A"], passed["LD_.x"]) == ("1", "2", "3")
    shell = ["/bin/sh", "-c", lines + "exec /usr/bin/env -0"]
    said = subprocess.run(shell, env={**passed, "LANGUAGE": ""}, capture_output=True, check=True)
    seen = dict(entry.split("=", 1) for entry in said.stdout.decode().split("\0") if entry)
    assert {name: seen[name] for name in (*loader, "LDAP")} == {**loader, "LDAP": "1"}
    assert not any(name.startswith("DSARI_LIKE_HELD_") for name in seen)


def test_every_fault_has_its_place() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may do all of it")
    jobs = {
        "a": Job("a", ("true",), user="root", where=Where("x.yaml", 3)),
        "b": Job("b", ("true",), nice=-1, where=Where("x.yaml", 7)),
    }
    first, second = identity.faults(Configuration(jobs=jobs))
    assert first.startswith("x.yaml:3: jobs.a.user: ") and second.startswith("x.yaml:7: jobs.b.nice: ")


@pytest.mark.parametrize(
    ("said", "code", "taken"),
    [
        ("setpriv: setresuid failed: Operation not permitted\n", 127, True),
        ("/usr/bin/setpriv: failed\n", 1, True),
        ("setpriv: setresuid failed\n", 0, False),
        ("hello\nsetpriv: x\n", 127, False),
        ("", 127, False),
    ],
)
def test_a_refusal_is_known_by_what_the_tool_says_first(tmp_path: Path, said: str, code: int, taken: bool) -> None:
    output = tmp_path / "output.txt"
    output.write_text(said)
    why = identity.why_not_changed(NOBODY, code, str(output))
    assert (why is not None) == taken
    assert why is None or why == f"it cannot be run as user nobody: {said.strip()}"


@as_root
class TestDirectory:
    @pytest.fixture
    def run_dir(self, tmp_path: Path) -> Path:
        """DATADIR/runs/JOB/RUN_ID as the daemon makes it, with what it puts there."""
        path = tmp_path / "var/runs/a/r1"
        path.mkdir(parents=True)
        for directory in (path, *list(path.parents)[:3]):
            directory.chmod(0o750)
        (path / "output.txt").write_text("")
        return path

    def test_it_is_handed_over_and_the_way_to_it_is_opened(self, run_dir: Path) -> None:
        identity.hand_over(NOBODY, str(run_dir))
        assert {path.stat().st_uid for path in (run_dir, run_dir / "output.txt")} == {NOBODY.uid}
        above = list(run_dir.parents)[:3]
        assert [stat.S_IMODE(path.stat().st_mode) for path in above] == [0o751] * 3
        assert {path.stat().st_uid for path in above} == {0}

    def test_before_another_try_it_is_taken_back_without_what_its_user_has_put_there(self, run_dir: Path) -> None:
        precious = run_dir.parent / "precious"
        precious.write_text("keep me")
        identity.hand_over(NOBODY, str(run_dir))
        (run_dir / "trigger_data.json").symlink_to(precious)
        (run_dir / "exit_status").hardlink_to(precious)
        identity.take_back(str(run_dir))
        assert list(run_dir.iterdir()) == [] and run_dir.stat().st_uid == 0
        assert precious.read_text() == "keep me" and precious.stat().st_uid == 0

    def test_of_a_run_that_has_begun_all_stays_that_is_its_users_own(self, run_dir: Path) -> None:
        precious = run_dir.parent / "precious"
        precious.write_text("keep me")
        identity.hand_over(NOBODY, str(run_dir))
        (run_dir / "taken").hardlink_to(precious)
        (run_dir / "below").mkdir()
        identity.take_back(str(run_dir), begun=True)
        assert sorted(path.name for path in run_dir.iterdir()) == ["below", "output.txt"]
        identity.hand_over(NOBODY, str(run_dir))
        assert run_dir.stat().st_uid == NOBODY.uid and precious.stat().st_uid == 0

    def test_what_was_never_handed_over_is_left_alone(self, run_dir: Path) -> None:
        identity.take_back(str(run_dir))
        assert [path.name for path in run_dir.iterdir()] == ["output.txt"]

    def test_a_file_lent_a_second_name_is_not_read_for_its_user(self, run_dir: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text('{"message": "secret"}')
        identity.hand_over(NOBODY, str(run_dir))
        (run_dir / "return_data.json").hardlink_to(secret)
        (run_dir / "output.txt").unlink()
        (run_dir / "output.txt").hardlink_to(secret)
        value, problem = returned.read(str(run_dir))
        assert value is None and "no regular file of its own" in problem
        assert "secret" not in str(read_output(str(run_dir / "output.txt"), Limits()))
        os.chown(secret, NOBODY.uid, NOBODY.gid)
        assert returned.read(str(run_dir)) == ({"message": "secret"}, ""), "a backup gives second names to everything"
