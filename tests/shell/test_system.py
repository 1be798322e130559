"""The small parts that touch the system: sleeping and waking, locks, notices, logs, patience, ids."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import signal
import socket
import sqlite3
import threading
import time
import uuid
from pathlib import Path

import pytest

from dsari_like.errors import StoreError
from dsari_like.system.ids import new_id
from dsari_like.system.lock import DirectoryLock, is_locked, read_state
from dsari_like.system.logs import LOG, set_up, visible
from dsari_like.system.notify import Notifier
from dsari_like.system.patience import DELAYS, Patience
from dsari_like.system.returned import message_of, read
from dsari_like.system.wakeup import Wakeup, _milliseconds


class TestWakeup:
    def test_a_poke_from_a_thread_wakes_and_many_are_one(self) -> None:
        wakeup = Wakeup()
        for _ in range(70_000):  # more than a pipe holds: a full pipe is fine
            wakeup.poke()
        assert wakeup.wait(0.0) == set()
        threading.Timer(0.05, wakeup.poke).start()
        begin = time.monotonic()
        while wakeup.wait(10.0) or time.monotonic() - begin < 0.04:
            pass
        assert time.monotonic() - begin < 5
        wakeup.close()

    def test_signals_are_numbers_and_nothing_else(self) -> None:
        wakeup = Wakeup()
        before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP)}
        try:
            wakeup.catch(before)
            for number in before:
                os.kill(os.getpid(), number)
            assert wakeup.wait(5.0) == set(before)
        finally:
            wakeup.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    def test_a_descriptor_calls_back_until_it_is_forgotten(self) -> None:
        wakeup = Wakeup()
        read_end, write_end = os.pipe()
        seen: list[bytes] = []
        wakeup.watch(read_end, lambda: seen.append(os.read(read_end, 10)))
        os.write(write_end, b"x")
        wakeup.wait(5.0)
        wakeup.forget(read_end)
        wakeup.forget(read_end)
        os.write(write_end, b"y")
        wakeup.wait(0.0)
        assert seen == [b"x"]
        wakeup.close()

    @pytest.mark.parametrize(("seconds", "expected"), [(None, None), (0.0, 0), (-1.0, 0), (0.0004, 1), (0.0101, 11)])
    def test_a_deadline_is_never_met_by_a_spin(self, seconds: float | None, expected: int | None) -> None:
        assert _milliseconds(seconds) == expected

    def test_a_long_sleep_stops_a_little_early_for_the_kernel_is_late(self) -> None:
        found = _milliseconds(30.0)
        assert found is not None and 29_900 < found < 30_000

    def test_a_sleep_that_may_end_late_is_not_cut_in_two(self) -> None:
        assert _milliseconds(30.0, punctual=False) == 30_001


class TestLock:
    def test_one_holder_and_a_crash_releases(self, tmp_path: Path) -> None:
        assert not is_locked(str(tmp_path))
        lock = DirectoryLock(str(tmp_path))
        lock.describe({"pid": 4711})
        assert is_locked(str(tmp_path))
        with pytest.raises(StoreError, match="pid 4711"):
            DirectoryLock(str(tmp_path))
        lock.close()
        assert not is_locked(str(tmp_path)) and read_state(str(tmp_path)) is None
        DirectoryLock(str(tmp_path)).close()

    def test_the_last_turn_is_the_age_of_the_state_file(self, tmp_path: Path) -> None:
        lock = DirectoryLock(str(tmp_path))
        lock.describe({"pid": 1})
        os.utime(tmp_path / "daemon.json", (0, 0))
        lock.touch()
        state = read_state(str(tmp_path))
        assert state is not None and abs(state["last_turn"] - time.time()) < 10
        lock.close()

    def test_a_broken_state_file_is_no_state(self, tmp_path: Path) -> None:
        (tmp_path / "daemon.json").write_text("{")
        assert read_state(str(tmp_path)) is None
        assert not is_locked(str(tmp_path / "missing"))


class TestNotifier:
    def test_a_message_reaches_the_socket(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(tmp_path / "s"))
            notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "s"), "WATCHDOG_USEC": "10000000"})
            notifier.send("READY=1", "STATUS=3 jobs")
            assert listener.recv(100) == b"READY=1\nSTATUS=3 jobs"
            assert notifier.watchdog == 5.0
            notifier.close()

    @pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/no/such/socket"}, {"WATCHDOG_USEC": "x"}])
    def test_nobody_listening_is_no_fault(self, environ: dict[str, str]) -> None:
        notifier = Notifier(environ)
        notifier.send("READY=1")
        assert notifier.watchdog is None
        notifier.close()

    def test_a_watchdog_meant_for_another_process_is_not_ours(self) -> None:
        assert Notifier({"WATCHDOG_USEC": "10", "WATCHDOG_PID": "1"}).watchdog is None


class TestLogs:
    def logged(self, form: str, monkeypatch: pytest.MonkeyPatch) -> str:
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        set_up(False, form)
        LOG.debug("not shown")
        LOG.warning("refused %s", "a\nb\x1b[31m")
        try:
            raise ValueError("broken\x07")
        except ValueError:
            LOG.exception("a page")
        logging.getLogger("dsari_like").handlers[0].flush()
        return stream.getvalue()

    def test_one_event_is_one_line_and_nothing_from_outside_is_active(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = self.logged("text", monkeypatch)
        first = text.splitlines()[0]
        assert first.endswith("warning: refused a\\nb\\x1b[31m") and "\x1b" not in text and "\x07" not in text

    def test_json_lines_are_json(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = [json.loads(line) for line in self.logged("json", monkeypatch).splitlines()]
        assert [line["level"] for line in lines] == ["warning", "error"]
        assert lines[0]["message"] == "refused a\nb\x1b[31m" and "ValueError" in lines[1]["traceback"][-1]

    def test_plain_text_is_left_as_it_is(self) -> None:
        assert visible("Größe – 12 µs") == "Größe – 12 µs"


class TestPatience:
    def test_delays_grow_and_the_same_cause_is_told_once_a_minute(self) -> None:
        patience, full = Patience(), OSError(errno.ENOSPC, "No space left on device")
        told = [patience.failed("write receipts", full, mono) for mono in (0.0, 1.0, 59.0, 61.0)]
        assert [delay for delay, _ in told] == list(DELAYS[:4])
        assert [line is not None for _, line in told] == [True, False, False, True]
        assert "No space left" in (told[0][1] or "")
        assert patience.succeeded("write receipts") == "could write receipts again"
        assert patience.succeeded("write receipts") is None

    def test_good_news_follows_bad_news_only(self) -> None:
        """What fails every other time is told once, not twenty times a second."""
        patience, full, told = Patience(), OSError(errno.EMFILE, "Too many open files"), []
        for turn in range(100):
            patience.failed("write the pages", full, turn / 20)
            told.append(patience.succeeded("write the pages"))
        assert [line for line in told if line] == ["could write the pages again"]

    def test_another_cause_is_told_at_once(self) -> None:
        patience = Patience()
        patience.failed("write", OSError(errno.ENOSPC, "x"), 0.0)
        assert patience.failed("write", sqlite3.OperationalError("database is locked"), 1.0)[1] is not None


class TestReturnData:
    def test_json_before_yaml_and_any_value(self, tmp_path: Path) -> None:
        assert read(str(tmp_path)) == (None, "")
        (tmp_path / "return_data.yaml").write_text("message: hello\n")
        value, problem = read(str(tmp_path))
        assert (message_of(value), problem) == ("hello", "")
        (tmp_path / "return_data.json").write_text("[1, 2]")
        assert read(str(tmp_path)) == ([1, 2], "")

    def test_a_link_a_pipe_and_a_flood_are_not_read(self, tmp_path: Path) -> None:
        """B-52."""
        target = tmp_path / "return_data.json"
        target.symlink_to("/etc/passwd")
        assert "return_data.json" in read(str(tmp_path))[1]
        target.unlink()
        os.mkfifo(target)
        assert "no regular file" in read(str(tmp_path))[1]
        target.unlink()
        target.write_bytes(b" " * (1 << 20) + b"{}")
        assert "larger" in read(str(tmp_path))[1]


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [new_id(1_790_000_000.0 + second) for second in range(20)]
    assert ids == sorted(ids) and len(set(ids)) == 20
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in ids)
