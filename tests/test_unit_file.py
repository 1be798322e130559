"""contrib/systemd: the unit as systemd itself reads it, and what the manual promises of it."""

from __future__ import annotations

import hmac
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from dsari_like.cli.playground import Playground

SYSTEMD = Path(__file__).parents[1] / "contrib/systemd"
UNIT = SYSTEMD / "dsari-like.service"
WEBHOOK = SYSTEMD / "dsari-like-webhook.service"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def settings(text: str) -> dict[str, list[str]]:
    """Every `Key=value` of a unit file; systemd lets a key occur several times."""
    found = defaultdict(list)
    for key, value in re.findall(r"^([A-Z]\w+)=(.*)$", text, re.MULTILINE):
        found[key].append(value)
    return found


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, WEBHOOK], ids=lambda path: path.stem)
def test_systemd_has_nothing_to_say_about_it(unit: Path) -> None:
    result = analyze("verify", str(unit))
    assert (result.returncode, result.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize(("unit", "tenths"), [(UNIT, 40), (WEBHOOK, 15)], ids=["daemon", "webhook"])
def test_its_exposure_is_at_most_what_is_promised(unit: Path, tenths: int) -> None:
    result = analyze("security", "--offline=true", f"--threshold={tenths}", str(unit))
    assert result.returncode == 0, result.stdout[-200:]


@needs_systemd
def test_every_hole_the_drop_in_offers_can_be_opened(tmp_path: Path) -> None:
    shutil.copy(UNIT, tmp_path)
    drop_in = tmp_path / "dsari-like.service.d"
    drop_in.mkdir()
    opened = re.sub(r"^#(?=[A-Z]\w+=)", "", (SYSTEMD / "jobs.conf").read_text(), flags=re.MULTILINE)
    (drop_in / "jobs.conf").write_text(opened)
    result = analyze("verify", str(tmp_path / UNIT.name))
    assert (result.returncode, result.stderr) == (0, "")


def test_the_drop_in_opens_nothing_by_itself() -> None:
    assert settings((SYSTEMD / "jobs.conf").read_text()) == {}


@pytest.mark.slow
@needs_systemd
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_daemon_makes_no_system_call_that_the_unit_forbids(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    jobs = {
        "done": {"command": ["sh", "-c", "date; sleep 0.2 | cat"]},
        "ended": {"command": "sleep 60", "max_execution": 1, "max_execution_grace": 1},
        "clock": {"command": "date", "schedule": "@every 1s"},
    }
    with Traced(trace) as place:
        place.configure(jobs, "traced")
        place.start()
        place.command("trigger", "done", "--wait")
        place.command("trigger", "ended", "--wait", answers=(143,))
        place.wait_until("a slot", lambda: any(run["stop_time"] for run in place.runs("--job", "clock")))
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE))
    (allowed,) = settings(UNIT.read_text())["SystemCallFilter"]
    assert "execve" in made
    assert made <= members(allowed)


class Traced(Playground):
    """A playground whose daemon, with all it starts, is watched by strace."""

    def __init__(self, trace: Path) -> None:
        super().__init__()
        self._trace = trace

    def invocation(self, command: str, *arguments: str) -> Sequence[str]:
        """The usual command line, behind strace for the daemon."""
        usual = super().invocation(command, *arguments)
        return ["strace", "-D", "-f", "-qq", "-o", str(self._trace), *usual] if command == "daemon" else usual


def members(group: str) -> set[str]:
    """The system calls of a group, and of the groups in it."""
    lines = [line.strip() for line in analyze("syscall-filter", group).stdout.splitlines()[1:]]
    names = [line for line in lines if line and not line.startswith("#")]
    return set().union(*(members(name) if name.startswith("@") else {name} for name in names))


def test_runs_survive_the_daemon() -> None:
    unit = settings(UNIT.read_text())
    assert unit["KillMode"] == ["process"]
    assert not {"PrivateTmp", "RemoveIPC", "RuntimeDirectory"} & set(unit), "these go when the daemon stops"


def test_the_loop_is_watched_and_hopeless_starts_are_not_repeated() -> None:
    unit = settings(UNIT.read_text())
    assert unit["Type"] == ["notify"] and unit["WatchdogSec"] and unit["Restart"] == ["on-failure"]
    assert set(unit["RestartPreventExitStatus"][0].split()) == {"2", "5"}
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


@pytest.mark.parametrize("unit", [UNIT, WEBHOOK], ids=lambda path: path.stem)
def test_the_user_of_the_unit_is_the_one_that_is_made(unit: Path) -> None:
    made = (SYSTEMD / "sysusers.d" / f"{unit.stem}.conf").read_text().splitlines()
    (line,) = [text for text in made if text[0] != "#"]
    assert settings(unit.read_text())["User"] == [line.split()[1]]


def test_P19_the_receiver_of_webhooks_is_another_user_and_writes_nowhere_until_a_drop_place_is_named() -> None:
    unit, daemon = settings(WEBHOOK.read_text()), settings(UNIT.read_text())
    assert unit["User"] != daemon["User"] and unit["ProtectSystem"] == ["strict"]
    assert not {"ReadWritePaths", "StateDirectory", "SupplementaryGroups"} & set(unit)
    assert unit["RestartPreventExitStatus"] == ["2"] and unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


@needs_systemd
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_P19_the_receiver_of_webhooks_makes_no_system_call_that_its_unit_forbids(tmp_path: Path) -> None:
    pytest.importorskip("waitress")
    trace, secret = tmp_path / "trace", tmp_path / "etc/secret"
    secret.parent.mkdir()
    secret.write_text("hush")
    secret.chmod(0o600)
    hooks = {"push": {"target": "a", "secret_files": ["secret"]}}
    configuration = {"data_dir": str(tmp_path), "jobs": {"a": {"command": "true"}}, "webhooks": hooks}
    (tmp_path / "etc/dsari_like.json").write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "dsari_like", "webhook", "-c", str(tmp_path / "etc"), "--listen", "127.0.0.1:0"]
    traced = ["strace", "-D", "-f", "-qq", "-o", str(trace), *command]
    with subprocess.Popen(traced, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        port = next(found[1] for line in process.stderr if (found := re.search(r"ready: .*:(\d+), pid", line)))
        body = b"x" * 100_000
        proof = hmac.new(b"hush", body, "sha256").hexdigest()
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/hook/push", body, {"X-Hub-Signature-256": proof})
        assert urllib.request.urlopen(asked, timeout=30).status == 202
        process.terminate()
        process.communicate()
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE))
    allowed, refused = settings(WEBHOOK.read_text())["SystemCallFilter"]
    assert "fsync" in made and list((tmp_path / "trigger/a").iterdir())
    assert made <= members(allowed)
    assert not made & set().union(*(members(group) for group in refused.removeprefix("~").split()))
