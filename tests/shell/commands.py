"""A place where commands are tried: a configuration, a run log that the real engine filled, and no daemon."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dsari_like.cli import main
from dsari_like.config import files, plans
from dsari_like.core import messages as m
from dsari_like.core.engine import Engine
from dsari_like.core.model import Claim, Configuration, Exit, ProcessIdentity, Trigger
from dsari_like.core.selection import Selection
from dsari_like.store.runlog import RunLog
from dsari_like.system.clock import Clock

#: Thursday, 26 March 2026, 12:00 UTC: three days before the clocks of Europe go forward.
NOON = 1774526400.0
DAY = 86_400.0

JOBS: dict[str, Any] = {
    "build": {
        "command": "true",
        "description": "Builds what was pushed",
        "parameters": {"REF": {"allowed": ["a", "b"]}},
    },
    "nightly": {"command": "true", "schedule": "30 2 * * *"},
    "idle": {"command": "true", "schedule": "@daily", "enabled": False},
    "first": {"command": "true", "concurrency_groups": ["db"]},
    "second": {"command": "true", "concurrency_groups": ["db"]},
}


class Said(NamedTuple):
    """What a command ended with and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """Its standard output, line by line."""
        return self.out.splitlines()


class Commands:
    """`etc` and `var` below a directory; the engine stands in for the daemon, and its rows are really written."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.etc, self.var = root, root / "etc", root / "var"
        self._capsys = capsys
        self._numbers = itertools.count(1)
        self.now = m.Now(NOON, 1000.0)
        self.runlog: RunLog | None = None
        self.running: list[str] = []
        self.engine = Engine(lambda: f"019aa000-0000-7000-8000-{next(self._numbers):012}")

    # --- the configuration, and the commands on it ----------------------------------------------------------------

    def configure(self, jobs: Mapping[str, Any] = JOBS, **settings: Any) -> None:
        """Write a configuration; JSON is YAML too."""
        self.etc.mkdir(exist_ok=True)
        whole = {"timezone": "Europe/Berlin", "jobs": jobs, **settings}
        (self.etc / "dsari_like.yaml").write_text(json.dumps(whole, indent=1), encoding="utf-8")

    def __call__(self, *words: str) -> Said:
        """Carry out a command line."""
        code = main([words[0], "--config-dir", str(self.etc), *words[1:]] if words else [])
        out, err = self._capsys.readouterr()
        return Said(code, out, err)

    # --- the daemon's part ----------------------------------------------------------------------------------------

    def begin(self, jobs: Mapping[str, Any] = JOBS, at: float = NOON, **settings: Any) -> Configuration:
        """What a daemon does when it starts."""
        self.configure(jobs, **settings)
        self.var.mkdir(exist_ok=True)
        configuration = files.load(files.Places(str(self.etc), str(self.var)))
        self.runlog = RunLog(configuration.database_file)
        self.now = m.Now(at, 1000.0)
        bound, windows = plans.bind_all(configuration, self.runlog.anchors(), at), plans.windows_all(configuration)
        planned = {name: m.Planned(rules, None, windows.get(name)) for name, rules in bound.items()}
        self.tell(m.Configured(configuration, planned))
        return configuration

    def tell(self, message: m.Input) -> None:
        """One input of the engine; its rows and receipts are written."""
        assert self.runlog is not None
        effects = self.engine.handle(message, self.now)
        self.runlog.write(effects)
        for effect in effects:
            if isinstance(effect, m.Start):
                self.running.append(effect.run.run_id)
                started = m.Started(effect.run.run_id, ProcessIdentity(4711, 1, "boot"))
                self.runlog.write(self.engine.handle(started, self.now))
            elif isinstance(effect, m.WriteReceipt):
                self.receipt(effect.id, state=effect.state, run_id=effect.run_id, exit_code=effect.exit_code,
                             reason=effect.reason, time=effect.time)  # fmt: skip

    def receipt(self, trigger_id: str, **fields: Any) -> None:
        """What the daemon says to a producer."""
        (self.var / "receipts").mkdir(parents=True, exist_ok=True)
        (self.var / "receipts" / f"{trigger_id}.json").write_text(json.dumps({"id": trigger_id, **fields}))

    def pass_time(self, at: float) -> None:
        """The clock moves on from deadline to deadline."""
        while (nap := self.engine.next_deadline(self.now)) is not None and self.now.wall + nap <= at:
            self.now = m.Now(self.now.wall + nap, self.now.mono + nap)
            self.tell(m.TimePassed())
        self.now = m.Now(at, self.now.mono + at - self.now.wall)

    def drop(self, job: str, file_name: str = "x.json", **fields: Any) -> None:
        """A trigger arrives."""
        token = f"t{next(self._numbers)}"
        fields.setdefault("data", {})
        fields.setdefault("origin", {"file": file_name, "uid": 1000, "user": "ada"})
        claim = Claim(token, job, file_name, f"/claimed/{token}", 1, self.now.wall)
        self.tell(m.TriggerArrived(claim, Trigger(fields.pop("type", "file"), **fields)))

    def refuse(self, job: str, reason: str) -> None:
        """A file is found that is no trigger."""
        token = f"t{next(self._numbers)}"
        self.tell(m.TriggerRefused(Claim(token, job, "x.json", "/claimed/x", 1, self.now.wall), reason))

    def end(self, code: int = 0, after: float = 2.0, output: bytes | None = None) -> str:
        """The run that began last ends."""
        run_id = self.running.pop()
        self.now = m.Now(self.now.wall + after, self.now.mono + after)
        if output is not None:
            self.output(run_id, output)
        self.tell(m.ChildExited(run_id, Exit(code), self.now.wall))
        return run_id

    def cancel(self, run_id: str) -> None:
        """Somebody asks for a run to end."""
        token = f"t{next(self._numbers)}"
        claim = Claim(token, "", "c.json", "/claimed/c", 1, self.now.wall)
        self.tell(m.CancelAsked(claim, Selection(run_id), "", None))

    def output(self, run_id: str, data: bytes) -> Path:
        """What a run prints."""
        (found,) = [row["job_name"] for row in self("runs", "--limit", "0", "--format", "json").data
                    if row["run_id"] == run_id]  # fmt: skip
        path = Path(self.var, "runs", found, run_id, "output.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(data)
        return path

    def close(self) -> None:
        """Let the run log go."""
        if self.runlog is not None:
            self.runlog.close()


def wall() -> float:
    """The clock on the wall, which the commands read too."""
    return Clock().now().wall


def doing(*steps: Callable[[], object]) -> Callable[[float], None]:
    """A pause in which, one after the other, these things happen; to pause more often than that is to hang."""
    left = list(steps)

    def pause(_: float) -> None:
        assert left, "it still waits when nothing more will happen"
        left.pop(0)()

    return pause
