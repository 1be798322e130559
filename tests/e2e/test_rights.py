"""Who else may decide what is run: the rights of configuration, data directory and drop places (P24)."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site

STRANGER, GROUP = 54321, 54322
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A place where others may pass: pytest's own is closed to them."""
    root = Path(tempfile.mkdtemp(prefix="rights-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


TRUE = {"a": {"command": "true"}, "b": {"command": "true"}}


def refusal(site: Site, *options: str) -> tuple[int, str]:
    """How a daemon that does not even start ends, and what it says."""
    ended = site.command("daemon", *options)
    return ended.returncode, ended.stderr


class TestConfiguration:
    @pytest.mark.parametrize("where", ["etc", "etc/dsari_like.yaml", "etc/config.d", "etc/config.d/x.yaml", "etc/env"])
    def test_what_everybody_may_write_to_is_refused_and_named(self, site: Site, where: str) -> None:
        site.configure(TRUE, environment_file="env")
        site.write("etc/config.d/x.yaml", "title: x")
        site.write("etc/env", "A=1")
        path = site.root / where
        path.chmod(path.stat().st_mode | stat.S_IWOTH)
        code, said = refusal(site)
        assert code == 2 and f"{path}: everybody may write here" in said and f"chmod o-w {path}" in said
        assert not (site.var / "trigger").exists()
        checked = site.command("check")
        assert checked.returncode == 2 and "everybody may write here" in checked.stderr
        assert site.command("check", "--allow-world-writable").returncode == 0

    @as_root
    def test_what_another_user_owns_is_refused(self, site: Site) -> None:
        site.configure(TRUE)
        os.chown(site.etc / "dsari_like.yaml", STRANGER, -1)
        code, said = refusal(site)
        assert code == 2 and f"belongs to uid {STRANGER}" in said and "expected root" in said

    @as_root
    def test_a_check_by_root_knows_the_daemons_user_by_the_data_directory(self, site: Site) -> None:
        site.configure(TRUE)
        site.var.mkdir()
        for path in (site.etc, site.etc / "dsari_like.yaml", site.var):
            os.chown(path, STRANGER, -1)
        assert site.command("check").returncode == 0

    def test_a_directory_above_and_a_sticky_one_are_fine(self, site: Site) -> None:
        site.configure(TRUE)
        site.root.chmod(0o1777)
        site.etc.chmod(0o1777)
        site.start()

    def test_it_can_be_allowed(self, site: Site) -> None:
        site.configure(TRUE)
        site.etc.chmod(0o777)
        site.start("--allow-world-writable")

    def test_a_reload_that_is_refused_keeps_what_is_in_force(self, site: Site) -> None:
        site.configure(TRUE)
        site.start()
        site.configure({"other": {"command": "true"}})
        (site.etc / "dsari_like.yaml").chmod(0o666)
        assert site.daemon is not None
        site.daemon.send_signal(signal.SIGHUP)
        site.until("the refusal", lambda: "everybody may write here" in site.log_text())
        site.until("the last word", lambda: "stays in force" in site.log_text())
        site.drop("a")
        site.ended("a")
        (site.etc / "dsari_like.yaml").chmod(0o640)


class TestDataDirectory:
    @pytest.mark.parametrize("mode", [0o777, 0o1777])
    def test_one_that_everybody_may_write_to_is_not_used(self, site: Site, mode: int) -> None:
        site.configure(TRUE)
        site.var.mkdir()
        site.var.chmod(mode)
        code, said = refusal(site)
        assert code == 5 and "everybody may write" in said and f"chmod o-w {site.var}" in said
        assert list(site.var.iterdir()) == []
        site.start("--allow-world-writable")

    def test_nor_one_with_claims_that_everybody_may_forge(self, site: Site) -> None:
        site.configure(TRUE)
        (site.var / "claimed").mkdir(parents=True)
        (site.var / "claimed").chmod(0o777)
        code, said = refusal(site)
        assert code == 5 and f"{site.var}/claimed" in said


class TestDropPlaces:
    def test_files_where_everybody_may_drop_are_refused_and_other_jobs_go_on(self, site: Site) -> None:
        site.configure(TRUE)
        site.start()
        (site.var / "trigger/a").chmod(0o1777)
        site.drop("a")
        site.drop("b")
        site.ended("b")
        (reason,) = site.until_refused("a").values()
        assert "trigger/a (mode 1777)" in reason and "drop_rights: open" in reason
        assert site.runs("a") == []
        (site.var / "trigger/a").chmod(0o750)
        site.drop("a")
        site.ended("a")

    def test_so_are_requests(self, site: Site) -> None:
        site.configure(TRUE)
        site.start()
        (site.var / "control").chmod(0o777)
        site.write("var/control/x.json", '{"action": "pause", "job": "a"}')
        (reason,) = site.until_refused("control").values()
        assert "control (mode 0777)" in reason
        assert site.rows("select * from rests") == []

    def test_the_directory_of_all_counts_for_each(self, site: Site) -> None:
        site.configure(TRUE)
        site.start()
        (site.var / "trigger").chmod(0o777)
        site.drop("a")
        (reason,) = site.until_refused("a").values()
        assert "trigger (mode 0777)" in reason
        (site.var / "trigger").chmod(0o750)

    def test_they_are_taken_where_the_configuration_says_so(self, site: Site) -> None:
        site.configure(TRUE, drop_rights="open")
        site.start()
        (site.var / "trigger/a").chmod(0o777)
        site.drop("a")
        site.ended("a")

    def test_what_was_claimed_before_a_crash_is_judged_all_the_same(self, site: Site) -> None:
        site.configure(TRUE)
        (site.var / "trigger/a").mkdir(parents=True)
        (site.var / "trigger/a").chmod(0o777)
        site.var.chmod(0o750)
        site.write("var/claimed/1-2-3.1.t.a,x.json", "{}")
        (site.var / "claimed").chmod(0o700)
        site.start()
        site.until_refused("a")

    @as_root
    def test_a_group_may_drop_and_what_the_operator_set_is_kept(self, site: Site) -> None:
        """The recipe of the manual: chgrp, chmod 2770; the mode outlives reloads, restarts and claims."""
        site.configure({"a": {"command": "env", "parameters": {"REF": {}}}})
        site.start()
        place = site.var / "trigger/a"
        os.chown(place, -1, GROUP)
        place.chmod(0o2770)
        for above in (site.root, site.var, site.var / "trigger"):
            above.chmod(0o755)
        drop_as(STRANGER, GROUP, place, "one.json", '{"environment": {"REF": "x"}}')
        row = site.ended("a")[0]
        assert "REF=x\n" in site.output(row) and f"TRIGGER_UID={STRANGER}\n" in site.output(row)
        assert site.daemon is not None
        site.daemon.send_signal(signal.SIGHUP)
        site.until("the reload", lambda: "configuration reloaded" in site.log_text())
        assert site.stop() == 0
        site.start()
        drop_as(STRANGER, GROUP, place, "two.json", "{}")
        site.ended("a", 2)
        found = place.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o2770, GROUP)

    @as_root
    def test_who_is_not_of_the_group_cannot_drop(self, site: Site) -> None:
        site.configure(TRUE)
        site.start()
        place = site.var / "trigger/a"
        os.chown(place, -1, GROUP)
        place.chmod(0o2770)
        for above in (site.root, site.var, site.var / "trigger"):
            above.chmod(0o755)
        with pytest.raises(subprocess.CalledProcessError):
            drop_as(STRANGER, STRANGER, place, "x.json", "{}")


def drop_as(uid: int, gid: int, place: Path, name: str, content: str) -> None:
    """By rename, as another user, with that user's group and an ordinary umask."""
    script = 'umask 022; printf %s "$3" > "$1/.$2" && mv "$1/.$2" "$1/$2"'
    identity = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    argv = [*identity, "sh", "-c", script, "sh", str(place), name, content]
    subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)


class TestWhatWeMake:
    def test_a_first_configuration_is_one_that_the_daemon_takes(self, site: Site) -> None:
        site.etc.rmdir()
        dsari_like = [sys.executable, "-m", "dsari_like"]
        subprocess.run(["sh", "-c", 'umask 0; exec "$@"', "sh", *dsari_like, "init"], env=site.environ, check=True)
        assert site.command("check").returncode == 0
        site.start()

    def test_nothing_is_open_to_everybody_whatever_the_umask_we_were_started_with(self, site: Site) -> None:
        """Reports are read by those who may enter; nothing of all the rest is anybody else's business."""
        command = ["sh", "-c", "echo hello; touch mine; echo {} > $RETURN_DATA_FILE"]
        site.configure({"a": {"command": command}}, max_output=3)
        umask = ("sh", "-c", 'umask 0; exec "$@"', "sh")
        site.start(wrapper=umask)
        site.drop("a", {"id": "one"})
        site.drop("a", "{nope", "bad.json")
        site.ended("a")
        site.until_refused("a")
        trigger = [sys.executable, "-m", "dsari_like", "trigger", "a", "--wait"]
        subprocess.run([*umask, *trigger], env=site.environ, check=True)
        site.ended("a", 2)
        site.quiet()
        modes = {str(path.relative_to(site.var)): path.lstat().st_mode for path in [site.var, *site.var.rglob("*")]}
        for name, mode in modes.items():
            assert not mode & stat.S_IWOTH, name
            if not name.startswith(("receipts/", "html")) and name != "corrupt/a/bad.json":  # that is the producer's
                assert not mode & stat.S_IRWXO, f"{name} {mode:o}"
        assert stat.S_IMODE(modes["claimed"]) == stat.S_IMODE(modes["control"]) == 0o700
