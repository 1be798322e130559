"""Who is told of what happens to runs (K-51, K-52, C-21), by a real daemon and a mail program of our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.site import Site

SENDMAIL = """\
#!/bin/sh
cat >"$(mktemp "${0%/*}/mail.XXXXXX")"
"""
JOB = {"command": ["sh", "-c", 'test -e "$DATA_DIR/good"'], "notify": {"on": ["failed", "recovered"]}}


@pytest.fixture
def told(site: Site) -> Site:
    """A site that mails all failures and recoveries of job `a` to one address."""
    program = site.write("post/sendmail", SENDMAIL)
    program.chmod(0o755)
    mail = {"sendmail": str(program), "from": "builds@example.org"}
    site.configure({"a": JOB}, mail=mail, notify={"to": ["mailto:ops@example.org"]})
    site.start()
    return site


def mails(site: Site) -> list[str]:
    found = sorted((site.root / "post").glob("mail.*"), key=lambda path: path.stat().st_mtime_ns)
    return [path.read_text(encoding="utf-8") for path in found]


def subject(mail: str) -> str:
    found = re.search(r"^Subject: (.*)$", mail, re.MULTILINE)
    return found[1] if found else ""


def run_once(site: Site, count: int, name: str) -> None:
    site.drop("a", {"n": count}, f"{name}.json")
    site.ended("a", count)


def test_k52_a_streak_is_told_once_and_its_end_too(told: Site) -> None:
    run_once(told, 1, "first")
    told.until("the first failure to be told", lambda: len(mails(told)) == 1)
    run_once(told, 2, "second")
    told.write("var/good", "")
    run_once(told, 3, "third")
    told.until("the recovery to be told", lambda: len(mails(told)) == 2)
    assert [("failed" in subject(mail), "recovered" in subject(mail)) for mail in mails(told)] == [
        (True, False),
        (False, True),
    ]
    assert all("ops@example.org" in mail and "builds@example.org" in mail for mail in mails(told))


def test_k51_a_run_started_by_hand_leaves_the_configured_recipients_alone(told: Site) -> None:
    assert told.command("trigger", "a", "--wait").returncode == 1
    run_once(told, 2, "by-a-file")
    told.until("the failure of the other to be told", lambda: len(mails(told)) == 1)
    assert Path(told.root, "post").is_dir()
