"""contrib/hooks/post-receive: what a push becomes, whatever people call themselves and their branches."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HOOK = Path(__file__).parents[1] / "contrib/hooks/post-receive"
ZEROS = "0" * 40


@dataclass
class Project:
    """A bare repository with the hook, a clone to push from, and a data directory to look at."""

    root: Path

    def git(self, *arguments: str, where: str = "work", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run git as a person without any configuration of their own."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1"}
        names = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root / where,
            env=own | names | environment,
            check=True,
            capture_output=True,
            text=True,
        )

    def commit(self, message: str = "Change", **environment: str) -> str:
        self.git("commit", "-q", "--allow-empty", "-m", message, **environment)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def commit_raw(self, author: bytes) -> None:
        """A commit made by hand: `git commit` tidies names up first, an attacker does not."""
        tree = self.git("write-tree").stdout.strip()
        who = b" <eve@example.org> 0 +0000\n"
        text = b"tree %s\nauthor %s%scommitter x%s\nChange\n" % (tree.encode(), author, who, who)
        (self.root / "raw").write_bytes(text)
        made = self.git("hash-object", "-t", "commit", "-w", "../raw").stdout.strip()
        self.git("reset", "-q", made)

    def push(self, refspec: str) -> str:
        """What the person who pushes is told."""
        return self.git("push", "-q", "origin", refspec).stderr

    def triggers(self) -> list[dict[str, Any]]:
        files = sorted((self.root / "data/trigger").rglob("*"))
        return [json.loads(file.read_bytes().decode("ascii")) for file in files if file.is_file()]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    (tmp_path / "data/trigger").mkdir(parents=True)
    made.git("init", "-q", "--bare", "web.git", where=".")
    made.git("clone", "-q", "web.git", "work", where=".")
    shutil.copy(HOOK, tmp_path / "web.git/hooks/post-receive")
    made.git("config", "dsari-like.dataDir", str(tmp_path / "data"), where="web.git")
    return made


def test_a_push_drops_one_trigger_that_says_what_was_pushed(project: Project) -> None:
    commit = project.commit("Add the thing", GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.org")
    told = project.push("HEAD:refs/heads/main")
    assert "job 'web' triggered for refs/heads/main" in told
    (trigger,) = project.triggers()
    assert trigger == {
        "type": "push",
        "description": "main: Add the thing (Ada <ada@example.org>)",
        "environment": {
            "GIT_COMMIT": commit,
            "GIT_PREVIOUS": ZEROS,
            "GIT_REF": "refs/heads/main",
            "GIT_AUTHOR": "Ada <ada@example.org>",
            "GIT_REPOSITORY": str(project.root / "web.git"),
        },
    }


def test_the_file_appears_by_rename_and_under_a_name_of_its_own(project: Project) -> None:
    for _ in range(2):
        project.commit()
        project.push("HEAD:refs/heads/main")
    names = [file.name for file in (project.root / "data/trigger/web").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("push-") and name.endswith(".json") for name in names)


def test_three_refs_in_one_push_are_three_triggers(project: Project) -> None:
    project.commit()
    project.git("push", "-q", "origin", "HEAD:refs/heads/a", "HEAD:refs/heads/b", "HEAD:refs/heads/c")
    refs = {trigger["environment"]["GIT_REF"] for trigger in project.triggers()}
    assert refs == {"refs/heads/a", "refs/heads/b", "refs/heads/c"}


def test_a_deleted_branch_and_a_tag_start_nothing(project: Project) -> None:
    project.commit()
    project.push("HEAD:refs/tags/v1")
    assert project.triggers() == []
    project.push("HEAD:refs/heads/main")
    project.push(":refs/heads/main")
    assert len(project.triggers()) == 1


def test_an_annotated_tag_that_is_wanted_gives_the_commit_behind_it(project: Project) -> None:
    commit = project.commit()
    project.git("config", "--add", "dsari-like.ref", "refs/heads/*", where="web.git")
    project.git("config", "--add", "dsari-like.ref", "refs/tags/v*", where="web.git")
    project.git("tag", "-a", "-m", "One", "v1")
    project.push("v1")
    (trigger,) = project.triggers()
    assert trigger["environment"]["GIT_COMMIT"] == commit


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        (b'Eve "; touch $(pwd)/owned `id` \\', 'Eve "; touch $(pwd)/owned `id` \\ <eve@example.org>'),
        (b"%s%n %d", "%s%n %d <eve@example.org>"),
        (b"\x1b[31mred\x7f", "\x1b[31mred\x7f <eve@example.org>"),
        ("Zoë 漢字 𝄞".encode(), "Zoë 漢字 𝄞 <eve@example.org>"),
        (b"caf\xe9\xc0", "caf\ufffd\ufffd <eve@example.org>"),
        (b"x" * 5000, "x" * 500),
    ],
)
def test_a_hostile_author_is_only_text(project: Project, name: bytes, seen: str) -> None:
    project.commit_raw(name)
    project.push("HEAD:refs/heads/main")
    (trigger,) = project.triggers()
    assert trigger["environment"]["GIT_AUTHOR"] == seen
    assert not list(project.root.rglob("owned"))


@pytest.mark.parametrize("branch", ["$(touch${IFS}owned)", "a'b\"c;id", "-rf", "é"])
def test_a_hostile_branch_is_only_text(project: Project, branch: str) -> None:
    project.commit()
    project.push(f"HEAD:refs/heads/{branch}")
    (trigger,) = project.triggers()
    assert trigger["environment"]["GIT_REF"] == f"refs/heads/{branch}"
    assert not list(project.root.rglob("owned"))


def test_a_data_directory_that_is_not_there_is_told_and_not_made(project: Project) -> None:
    project.git("config", "dsari-like.dataDir", str(project.root / "elsewhere"), where="web.git")
    project.commit()
    told = project.push("HEAD:refs/heads/main")
    assert "no trigger was dropped" in told and "dsari-like.dataDir" in told
    assert not (project.root / "elsewhere").exists()
    assert project.git("rev-parse", "refs/heads/main", where="web.git").stdout, "the push itself stands"


@pytest.mark.parametrize("job", ["..", "a/b"])
def test_a_job_name_that_would_leave_the_drop_place_is_refused(project: Project, job: str) -> None:
    project.git("config", "dsari-like.job", job, where="web.git")
    project.commit()
    assert "is not the name of a job" in project.push("HEAD:refs/heads/main")
    assert project.triggers() == []
