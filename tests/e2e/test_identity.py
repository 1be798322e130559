"""Runs as another user, end to end. Becoming somebody else takes root, so most of it is left out for everybody else."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site

SH = ["sh", "-c"]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A place where others may pass: pytest's own is closed to them."""
    root = Path(tempfile.mkdtemp(prefix="identity-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def job(script: str, **keys: object) -> dict[str, object]:
    return {"command": [*SH, script], "user": "nobody", **keys}


@as_root
@pytest.mark.parametrize("keep", [True, False])
class TestAnotherUser:
    def test_who_the_run_is(self, site: Site, keep: bool) -> None:
        script = "id -u; id -g; id -G; echo $HOME $LOGNAME; pwd; umask; nice; grep -h Cap /proc/self/status"
        site.configure({"a": job(script, group="daemon", umask="0007", nice=5, keeper=keep)})
        site.start()
        site.drop("a")
        (row,) = site.ended("a")
        lines = site.output(row).splitlines()
        run_dir = site.var / "runs/a" / row["run_id"]
        assert row["status"] == "completed"
        assert lines[:2] == [str(NOBODY), "1"] and "0" not in lines[2].split()
        assert lines[3].split()[1] == "nobody" and lines[4] == str(run_dir)
        assert int(lines[5], 8) == 0o007 and int(lines[6]) == os.nice(0) + 5
        assert all(int(line.split()[1], 16) == 0 for line in lines[7:] if not line.startswith("CapBnd"))

    def test_its_directory_is_its_own_and_nothing_else_is(self, site: Site, keep: bool) -> None:
        script = (
            'cat "$TRIGGER_DATA_FILE"; echo; echo made > "$RUN_DIR/made"; echo said > /dev/stderr;'
            ' echo "{}" > "$RETURN_DATA_FILE"; ls "$DATA_DIR" "$JOB_DIR" "$DATA_DIR/dsari_like.sqlite3";'
            ' cat "$DATA_DIR/dsari_like.sqlite3"; echo > "$JOB_DIR/x"'
        )
        site.configure({"a": job(script, keeper=keep)})
        site.start()
        site.drop("a", {"n": 1})
        (row,) = site.ended("a")
        run_dir = site.var / "runs/a" / row["run_id"]
        assert row["run_data"] == "{}"
        made = {name: (run_dir / name).stat() for name in ("made", "output.txt", "trigger_data.json", ".")}
        assert {found.st_uid for found in made.values()} == {NOBODY}
        assert not made["output.txt"].st_mode & 0o007
        assert site.output(row).count("Permission denied") == 4
        assert stat.S_IMODE(site.var.stat().st_mode) == 0o751
        assert ((run_dir / "exit_status").exists()) == keep

    def test_an_end_that_no_daemon_saw_is_known(self, site: Site, keep: bool) -> None:
        site.configure({"a": job("echo up; sleep 1; exit 3", keeper=keep, umask="0777")})
        site.start()
        site.drop("a")
        row = site.until("the start", lambda: [row for row in site.runs("a") if row["pid"] and site.output(row)])[0]
        assert site.daemon is not None
        site.daemon.kill()
        site.daemon.wait()
        site.until("the end", lambda: not Path(f"/proc/{row['pid']}").exists())
        site.start()
        (row,) = site.ended("a")
        assert (row["reason"], row["exit_code"]) == (("exit", 3) if keep else ("lost", None))

    def test_the_whole_family_ends(self, site: Site, keep: bool) -> None:
        script = "(env -i setsid sh -c 'sleep 300 >/dev/null 2>&1 &' &); trap '' TERM; echo up; sleep 300"
        site.configure({"a": job(script, keeper=keep, max_execution=1, max_execution_grace=1)})
        site.start()
        site.drop("a")
        site.ended("a")
        found = subprocess.run(["pgrep", "-u", "nobody", "sleep"], capture_output=True, text=True)
        assert found.stdout == ""

    def test_what_is_not_there_is_told_as_ever(self, site: Site, keep: bool) -> None:
        """B-38."""
        site.configure({"a": {"command": "no-such-command", "user": "nobody", "keeper": keep}})
        site.start()
        site.drop("a")
        (row,) = site.ended("a")
        assert (row["reason"], row["exit_code"]) == ("start_failed", 127 if keep else 126)
        assert "no-such-command" in row["message"]

    def test_no_variable_of_a_trigger_is_obeyed_as_root(self, site: Site, keep: bool) -> None:
        """The loader would load it into what still runs as root; the command itself gets it, as the job allows."""
        site.configure({"a": job("id -u; echo $LD_PRELOAD; env", keeper=keep, trigger_environment=["LD_PRELOAD"])})
        site.start()
        site.drop("a", {"environment": {"LD_PRELOAD": "/no/such/library.so"}})
        (row,) = site.ended("a")
        output = site.output(row)
        assert row["status"] == "completed" and "DSARI_LIKE_HELD_" not in output
        assert "\n/no/such/library.so\n" in output and output.count("LD_PRELOAD=/no/such/library.so\n") == 1
        assert "setpriv" not in output.replace("'", " ").split(str(NOBODY))[0]


@as_root
class TestRefusal:
    def test_a_change_that_is_refused_never_runs_the_command(self, site: Site) -> None:
        """A root that lacks the capabilities, as in a small container."""
        for keep in (True, False):
            site.configure({"a": job("id -u; touch /tmp/never", keeper=keep)})
            site.start(wrapper=("setpriv", "--bounding-set=-setuid,-setgid"))
            site.drop("a")
            row = site.ended("a", 1 + (not keep))[-1]
            assert (row["status"], row["reason"], row["exit_code"]) == ("failed", "start_failed", 126)
            assert "user nobody" in row["message"] and "setpriv" in row["message"]
            assert site.stop() == 0

    def test_whoever_is_not_root_is_told_before_anything_is_started(self, site: Site) -> None:
        site.configure({"a": {"command": "true", "user": "daemon"}, "b": {"command": "true", "nice": -5}})
        found = site.command("check")
        assert found.returncode == 0, found.stderr
        for line in ("jobs.a.user", "jobs.b.nice"):
            assert line in _faults_of(site)


def _faults_of(site: Site) -> str:
    """What another user is told. The checkout may be closed to them, so only the question itself is asked as they."""
    script = (
        "import os, sys\n"
        "from dsari_like.config import files, places\n"
        "from dsari_like.system import identity\n"
        "configuration = files.load(places.locate(None, os.environ))\n"
        "os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "print(*identity.faults(configuration), sep='\\n')\n"
    )
    found = subprocess.run([sys.executable, "-c", script], env=site.environ, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_an_unknown_user_is_told_with_its_line(site: Site) -> None:
    site.configure({"a": {"command": "true", "user": "no-such-user", "group": "no-such-group"}})
    found = site.command("check")
    assert found.returncode == 2
    assert "dsari_like.yaml:4: jobs.a.user: there is no user 'no-such-user' on this machine" in found.stderr
    assert "dsari_like.yaml:5: jobs.a.group: there is no group 'no-such-group'" in found.stderr


@pytest.mark.parametrize("keep", [True, False])
def test_a_umask_and_a_lower_priority_take_no_root(site: Site, keep: bool) -> None:
    site.configure({"a": {"command": [*SH, "umask; nice; exit 5"], "umask": "0o022", "nice": 3, "keeper": keep}})
    site.start()
    site.drop("a")
    (row,) = site.ended("a")
    umask, nice = site.output(row).split()
    assert (int(umask, 8), int(nice)) == (0o022, os.nice(0) + 3)
    assert row["exit_code"] == 5
