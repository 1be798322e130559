"""Whatever is put into the spool: it is refused with a reason, or ignored by a rule that is written down, and the
daemon, its other jobs and its memory are none the worse for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from tests.e2e.site import Site

TRUE = {"command": "true"}


def begin(site: Site) -> Path:
    """A daemon with jobs `a`, which gets what is hostile, and `plain`; returns the drop place of `a`."""
    site.configure({"a": TRUE, "plain": {**TRUE, "concurrent_runs": True}})
    site.start()
    return site.var / "trigger/a"


def plain_trigger_runs(site: Site) -> None:
    """A plain trigger of another job runs within two seconds."""
    before, dropped = len(site.runs("plain")), time.time()
    site.drop("plain", {}, f"{before}.json")
    row = site.ended("plain", before + 1)[-1]
    assert row["status"] == "completed" and row["start_time"] - dropped < 2


def nothing_is_left(site: Site, place: Path) -> None:
    """Neither in the drop place nor claimed; and no run came of it."""
    site.until("an empty claimed/", lambda: not os.listdir(site.var / "claimed"))
    assert os.listdir(place) == [] and site.runs("a") == []


class TestNoRegularFile:
    def test_every_other_kind_is_refused_unopened(self, site: Site) -> None:
        place = begin(site)
        os.mkfifo(place / "pipe.json")
        (place / "link.json").symlink_to("/etc/passwd")
        (place / "dangling.yaml").symlink_to(site.root / "nowhere")
        (place / "loop.json").symlink_to("loop.json")
        (place / "directory.json").mkdir()
        (place / "directory.json/inner.json").write_text("{}")
        _socket(place / "socket.json")
        reasons = {
            "pipe.json": "is a FIFO",
            "link.json": "is a symbolic link",
            "dangling.yaml": "is a symbolic link",
            "loop.json": "is a symbolic link",
            "directory.json": "is a directory",
            "socket.json": "is a socket",
        }
        plain_trigger_runs(site)
        found = site.until_refused("a", len(reasons))
        assert {name: reasons[name] in text for name, text in found.items()} == dict.fromkeys(reasons, True)
        kept = site.var / "corrupt/a"
        assert (kept / "link.json").is_symlink() and (kept / "directory.json/inner.json").exists()
        nothing_is_left(site, place)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
    def test_a_device_is_refused_unopened(self, site: Site) -> None:
        place = begin(site)
        try:
            os.mknod(place / "zero.json", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("no devices can be made here")
        assert "is a character device" in site.until_refused("a")["zero.json"]
        plain_trigger_runs(site)
        nothing_is_left(site, place)

    def test_a_link_in_place_of_a_job_directory_is_not_followed(self, site: Site) -> None:
        site.configure({"a": TRUE, "plain": {**TRUE, "concurrent_runs": True}})
        elsewhere = site.write("elsewhere/trigger.json", "{}")
        (site.var / "trigger").mkdir(parents=True)
        (site.var / "trigger/a").symlink_to(elsewhere.parent)
        site.start()
        plain_trigger_runs(site)
        site.until("the warning", lambda: "trigger/a is no directory" in site.log_text())
        site.drop("plain", {}, "again.json")
        site.ended("plain", 2)
        assert elsewhere.exists() and site.runs("a") == []


class TestContent:
    def test_what_is_no_trigger_is_refused_with_what_is_wrong(self, site: Site) -> None:
        place = begin(site)
        files: dict[str, tuple[bytes, str]] = {
            "large.json": (b'{"a": "' + b"x" * (2 << 20) + b'"}', "larger than 1048576 bytes"),
            "large.yaml": (b"a: " + b"x" * (2 << 20), "larger than 1048576 bytes"),
            "deep.json": (b"[" * 50_000, "nested"),
            "deep.yaml": (b"a: " + b"[" * 50_000, "nested"),
            "twice.json": (b'{"id": "a", "id": "b"}', "twice"),
            "twice.yaml": (b"id: a\nid: b\n", "twice"),
            "nan.json": (b'{"a": NaN}', "NaN"),
            "infinite.json": (b'{"a": [-Infinity]}', "Infinity"),
            "latin1.json": (b'{"a": "\xe9"}', "UTF-8"),
            "utf16.json": ('{"a": 1}'.encode("utf-16"), "UTF-8"),
            "nul.json": (b"\0" * 100, "line 1"),
            "list.json": (b"[]", "map"),
            "number.yaml": (b"5", "map"),
            "bomb.yaml": (_bomb(), "alias"),
            "python.yaml": (b"!!python/object/apply:os.system ['touch owned']", "tag"),
        }
        for name, (content, _) in files.items():
            site.drop("a", content, name)
        plain_trigger_runs(site)
        found = site.until_refused("a", len(files))
        assert {name: text for name, text in found.items() if files[name][1] not in text} == {}
        assert all(text.count("\n") == 1 and len(text) < 500 for text in found.values())
        nothing_is_left(site, place)

    def test_the_largest_file_that_is_taken_is_taken(self, site: Site) -> None:
        begin(site)
        content = json.dumps({"data": "x" * ((1 << 20) - 12)})
        assert len(content) == 1 << 20
        site.drop("a", content)
        assert site.ended("a")[0]["status"] == "completed"


class TestNames:
    def test_any_name_is_data_and_none_forges_a_log_line(self, site: Site) -> None:
        place = begin(site)
        names = ["new\nline.json", "\x1b[31mred.json", "a b'c\"d;$(touch owned).json", "ü" * 100 + ".json"]
        for name in names:
            site.drop("a", {}, name)
        os.close(os.open(bytes(place) + b"/\xff\xfe.json", os.O_CREAT | os.O_WRONLY))  # and it stays empty
        site.ended("a", len(names))
        assert site.until_refused("a").keys() == {"%FF%FE.json"}
        assert "\x1b" not in site.log_text() and "\nline.json" not in site.log_text()
        told = {json.loads(row["origin"])["file"] for row in site.runs("a")}
        assert told == {"new%0Aline.json", "%1B[31mred.json", *names[2:]}
        assert not list(site.root.rglob("owned"))

    def test_names_that_say_unfinished_are_left_alone(self, site: Site) -> None:
        place = begin(site)
        names = {".hidden.json", "x.tmp", "x.json.tmp", "x.json.part", "x.json~", "README", "x.txt", "x.JSON"}
        for name in names:
            (place / name).write_text("{}")
        site.drop("a", {}, "good.json")
        site.ended("a")
        plain_trigger_runs(site)
        assert set(os.listdir(place)) == names and len(site.runs("a")) == 1 and site.refused("a") == {}

    def test_a_directory_of_no_job_is_answered_and_one_of_no_legal_name_is_told(self, site: Site) -> None:
        begin(site)
        site.drop("plainn", {"id": "mine"})
        assert "no job 'plainn'" in site.until_refused("plainn")["trigger.json"]
        receipt = site.var / "receipts/mine.json"
        site.until("the receipt", receipt.exists)
        assert json.loads(receipt.read_text())["state"] == "refused"
        odd = site.write("var/trigger/no,name\n/x.json", "{}")
        site.until("the warning", lambda: "trigger/no,name\\n is no legal name of a job" in site.log_text())
        assert odd.exists()
        plain_trigger_runs(site)


class TestWhileItIsLookedAt:
    def test_directories_that_vanish_and_come_back(self, site: Site) -> None:
        place = begin(site)
        for _ in range(5):
            shutil.rmtree(place)
            site.drop("a", {}, "x.json")
            site.until("the claim", lambda: not (place / "x.json").exists())
        site.ended("a", 5)
        shutil.rmtree(site.var / "trigger")
        site.send(signal.SIGUSR1)  # or within the minute
        site.until("a new trigger/", (site.var / "trigger").exists)
        plain_trigger_runs(site)

    def test_a_producer_that_changes_its_mind_does_not_confuse(self, site: Site) -> None:
        place = begin(site)
        for number in range(200):
            path = place / f"{number}.json"
            path.write_text("{")
            path.unlink(missing_ok=True)
        plain_trigger_runs(site)
        site.until("an empty claimed/", lambda: not os.listdir(site.var / "claimed"))
        assert os.listdir(place) == []
        assert len(site.refused("a")) == len(site.decisions("a"))


def test_two_thousand_bad_files_delay_nobody_and_cost_neither_descriptors_nor_memory(site: Site) -> None:
    place = begin(site)
    assert site.daemon is not None
    pid = site.daemon.pid
    plain_trigger_runs(site)
    descriptors, memory = len(os.listdir(f"/proc/{pid}/fd")), _memory(pid)
    kinds = (b"[]", b'{"a": ', b'{"a": 1, "a": 2}', b'{"schedule_time": [1]}', b'{"environment": {"PATH": "x"}}')
    for number in range(2000):
        (place / f"{number:04}.json").write_bytes(kinds[number % len(kinds)] + b" " * (number % 7 * 1000))
        if number % 500 == 250:
            plain_trigger_runs(site)
    plain_trigger_runs(site)
    site.until_refused("a", 2000)
    nothing_is_left(site, place)
    assert len(site.decisions("a")) == 2000
    assert len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 4
    assert _memory(pid) - memory < 64 << 20


def _socket(path: Path) -> None:
    """A socket file; its address must be short, so it is made through the descriptor of its directory."""
    directory = os.open(path.parent, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)


def _bomb() -> bytes:
    """Nine lines that mean a thousand million laughs."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines).encode()


def _memory(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
