"""Where there is no inotify, watchdog's observer of the system gives the same hints."""

from __future__ import annotations

from pathlib import Path

from dsari_like.spool.hints import Hint
from dsari_like.spool.watch import Watch
from dsari_like.spool.watch_any import Observed
from tests.shell.test_watch import Ear


def test_a_drop_and_a_new_place_are_told_of(tmp_path: Path) -> None:
    for name in ("trigger/build", "control", "claimed"):
        (tmp_path / name).mkdir(parents=True)
    ear = Ear()
    watch = Watch(str(tmp_path), ear.wake, lambda queue: Observed(queue, str(tmp_path)))
    watch.start()
    watch.add("build")
    (tmp_path / "trigger/late").mkdir()
    (tmp_path / "trigger/build/x.json").write_text("{}")
    (tmp_path / "control/y.json").write_text("{}")
    wanted = {
        Hint("trigger", "late", None, False),
        Hint("trigger", "build", "x.json", True),
        Hint("control", "", "y.json", True),
    }
    found: set[Hint] = set()
    while not wanted <= found:
        ear.wait()
        found.update(watch.take().files)
    watch.stop()
    ear.close()
    assert watch.take_problems() == []
