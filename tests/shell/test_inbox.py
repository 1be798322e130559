"""The life of a dropped file up to the moment the daemon knows of it."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like.core.messages import WriteReceipt
from dsari_like.spool.inbox import Inbox
from tests.shell.spool import Spool, names_of


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    made.inbox.close()


def test_a_dropped_file_is_claimed_and_handed_over_with_its_map(spool: Spool) -> None:
    spool.drop("x.json", {"description": "push"})
    spool.inbox.look_at("trigger", "build", "x.json", True)
    (found,) = spool.gather()
    assert (found.kind, found.data, found.problem, found.size) == ("trigger", {"description": "push"}, None, 23)
    assert (found.claim.name, found.claim.file_name, found.claim.attempt) == ("build", "x.json", 1)
    assert (found.claim.received, found.claim.uid) == (spool.wall, os.geteuid())
    assert spool.tree("trigger/build") == []
    assert Path(found.claim.path).read_text() == '{"description": "push"}'
    spool.inbox.drop(found.claim)
    assert spool.tree("claimed") == []


def test_the_directories_are_made_closed_to_others(spool: Spool) -> None:
    umask = os.umask(0)
    os.umask(umask)
    for name in ("trigger", "trigger/build", "control", "claimed", "corrupt", "receipts"):
        assert stat.S_IMODE((spool.data_dir / name).stat().st_mode) & 0o007 == 0


def test_nothing_dropped_is_nothing_to_do(spool: Spool) -> None:
    assert spool.look() == []
    assert not spool.inbox.more
    assert spool.inbox.next_deadline() is None
    assert spool.inbox.take_warnings() == []


@pytest.mark.parametrize("name", [".x.json", "x.json.tmp", "x.part", "x.json~", "x", "x.txt", "x.JSON", "x.yaml.tmp"])
def test_other_names_are_not_looked_at(spool: Spool, name: str) -> None:
    spool.drop(name)
    spool.inbox.look_at("trigger", "build", name, True)
    assert spool.look() == []
    assert spool.tree("trigger/build") == [name]
    assert spool.inbox.take_warnings() == []


def test_a_request_is_found_in_control(spool: Spool) -> None:
    spool.drop("a.json", {"action": "cancel"}, "control")
    spool.inbox.look_at("control", "", "a.json", True)
    (found,) = spool.gather()
    assert (found.kind, found.claim.name, found.data) == ("control", "", {"action": "cancel"})
    spool.inbox.quarantine(found.claim, "no such run")
    assert spool.tree("corrupt/control") == ["a.json", "a.json.reason"]


def test_a_round_takes_the_files_of_a_place_oldest_first(spool: Spool) -> None:
    for name, time in (("b.json", 30), ("c.json", 10), ("a.json", 20), ("d.json", 20)):
        os.utime(spool.drop(name), (time, time))
    assert names_of(spool.look()) == ["c.json", "a.json", "d.json", "b.json"]


def test_hints_are_followed_in_the_order_they_came(spool: Spool) -> None:
    for name in ("b.json", "a.json", "c.json"):
        os.utime(spool.drop(name), (99, 99))
        spool.inbox.look_at("trigger", "build", name, True)
    assert names_of(spool.gather()) == ["b.json", "a.json", "c.json"]


def test_a_backlog_comes_before_what_is_dropped_while_it_is_read(spool: Spool) -> None:
    for number in range(30):
        os.utime(spool.drop(f"old{number:02}.json"), (number, number))
    spool.inbox.look_everywhere()
    spool.drop("new.json")
    spool.inbox.look_at("trigger", "build", "new.json", True)
    assert names_of(spool.gather(limit=7))[-1] == "new.json"


def test_hints_for_what_is_gone_mean_nothing(spool: Spool) -> None:
    spool.inbox.look_at("trigger", "build", "gone.json", True)
    spool.inbox.look_at("trigger", "nobody", "gone.json", True)
    spool.inbox.look_at("trigger", "nobody", None)
    spool.inbox.look_at("claimed", "", "gone.json", True)
    assert spool.gather() == []
    assert spool.inbox.take_warnings() == []


def test_the_same_name_again_is_another_trigger(spool: Spool) -> None:
    tokens = set()
    for _ in range(50):
        spool.drop("trigger.json")
        (found,) = spool.look()
        tokens.add(found.claim.token)
        spool.inbox.drop(found.claim)
    assert len(tokens) == 50


def test_a_batch_is_not_exceeded_and_nothing_is_forgotten(spool: Spool) -> None:
    for number in range(40):
        spool.drop(f"{number:02}.json")
    spool.inbox.look_everywhere()
    sizes = []
    while spool.inbox.more:
        sizes.append(len(spool.inbox.gather(7, spool.now)))
    assert max(sizes) == 7 and sum(sizes) == 40


def test_every_place_has_its_turn_in_a_flood(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ("flood", "quiet"))
    for number in range(500):
        spool.drop(f"{number}.json", place="trigger/flood")
        spool.inbox.look_at("trigger", "flood", f"{number}.json", True)
    spool.drop("one.json", place="trigger/quiet")
    spool.inbox.look_at("trigger", "quiet", "one.json", True)
    assert "one.json" in names_of(spool.inbox.gather(64, spool.now))
    spool.inbox.close()


def test_a_round_asked_for_during_a_round_is_one_more(spool: Spool) -> None:
    spool.inbox.look_everywhere()
    spool.gather()
    before = len(spool.seen)
    for _ in range(5):
        spool.inbox.look_everywhere()
    spool.gather()
    assert len(spool.seen) - before == 2  # "" and "build", once each


def test_a_directory_is_announced_before_it_is_looked_at(spool: Spool) -> None:
    (spool.data_dir / "trigger" / "late").mkdir()
    spool.drop("x.json", place="trigger/late")
    assert names_of(spool.look()) == ["x.json"]
    assert spool.seen == ["", "build", "late"] or spool.seen == ["", "late", "build"]


def test_a_quiet_directory_is_not_listed_again(spool: Spool) -> None:
    spool.look()
    directory = spool.data_dir / "trigger" / "build"
    spool.drop("x.json")
    spool.wall = directory.stat().st_ctime + 10  # the directory has not changed lately
    assert names_of(spool.look()) == ["x.json"]
    spool.wall = directory.stat().st_ctime + 20
    assert spool.look() == []  # the claim changed it: listed, and found quiet
    os.utime(directory, ns=(1, 1))  # nobody can hide a change: it is the change time that counts
    spool.drop("y.json")
    assert names_of(spool.look()) == ["y.json"]


class TestSettling:
    def test_an_empty_file_is_left_where_it_is_until_it_is_written(self, spool: Spool) -> None:
        path = spool.drop("x.json", "")
        assert spool.look() == []
        assert path.exists()
        assert spool.inbox.next_deadline() == spool.mono + 2
        path.write_text("{}")
        spool.inbox.look_at("trigger", "build", "x.json", True)
        assert [found.data for found in spool.gather()] == [{}]
        assert spool.inbox.next_deadline() is None

    def test_an_empty_file_that_stays_empty_is_refused(self, spool: Spool) -> None:
        spool.drop("x.json", "")
        assert spool.look() == []
        spool.wait(1.9)
        assert spool.look() == []
        spool.wait(0.1)
        (found,) = spool.gather()
        assert found.data is None and found.problem is not None and "is empty" in found.problem

    def test_touching_it_does_not_buy_time(self, spool: Spool) -> None:
        path = spool.drop("x.json", "")
        spool.look()
        spool.wait(1)
        os.utime(path, (5, 5))
        assert spool.look() == []
        spool.wait(1)
        assert len(spool.gather()) == 1

    def test_a_half_written_file_is_claimed_and_read_again_when_its_writer_lets_go(self, spool: Spool) -> None:
        with (spool.data_dir / "trigger/build/x.json").open("w") as file:
            file.write('{"description":')
            file.flush()
            assert spool.look() == []
            (claimed,) = spool.tree("claimed")
            file.write(' "whole"}')
        spool.inbox.look_at("claimed", "", claimed, True)
        assert [found.data for found in spool.gather()] == [{"description": "whole"}]

    def test_without_an_event_it_is_read_again_when_the_time_is_over(self, spool: Spool) -> None:
        with (spool.data_dir / "trigger/build/x.json").open("w") as file:
            file.write("{")
            file.flush()
            spool.look()
            file.write("}")
        assert spool.inbox.next_deadline() == spool.mono + 2
        spool.wait(2)
        assert [found.data for found in spool.gather()] == [{}]

    def test_one_that_never_becomes_whole_is_refused(self, spool: Spool) -> None:
        spool.drop("x.json", "{nope")
        assert spool.look() == []
        spool.wait(2)
        (found,) = spool.gather()
        assert found.problem is not None and "line 1, column 2" in found.problem
        spool.inbox.quarantine(found.claim, found.problem)
        assert spool.tree("corrupt/build") == ["x.json", "x.json.reason"]
        assert (spool.data_dir / "corrupt/build/x.json").read_text() == "{nope"
        assert "line 1, column 2" in (spool.data_dir / "corrupt/build/x.json.reason").read_text()

    def test_yaml_waits_until_it_stops_growing(self, spool: Spool) -> None:
        path = spool.drop("x.yaml", "description: a\n")
        assert spool.look() == []
        spool.wait(1.5)
        path.write_text("description: a\nenvironment: {A: 1}\n")
        spool.inbox.look_at("trigger", "build", "x.yaml")
        assert spool.gather() == []
        spool.wait(1.5)
        assert spool.gather() == []
        spool.wait(0.5)
        assert [found.data for found in spool.gather()] == [{"description": "a", "environment": {"A": 1}}]

    def test_yaml_that_was_moved_in_or_closed_is_taken_at_once(self, spool: Spool) -> None:
        spool.drop("x.yml", "a: 1")
        spool.inbox.look_at("trigger", "build", "x.yml", complete=True)
        assert [found.data for found in spool.gather()] == [{"a": 1}]

    def test_the_time_runs_from_the_first_sight(self, spool: Spool) -> None:
        path = spool.drop("x.json", "")
        spool.look()
        spool.wait(1.5)
        path.write_text("{")
        assert spool.look() == []
        spool.wait(0.5)
        assert len(spool.gather()) == 1

    def test_a_flood_of_broken_files_holds_up_its_own_place_only(self, tmp_path: Path) -> None:
        spool = Spool(tmp_path, ("flood", "quiet"))
        for number in range(2100):
            spool.drop(f"{number}.json", "{", "trigger/flood")
        spool.inbox.look_everywhere()
        spool.gather()
        assert len(spool.tree("claimed")) == 2000
        spool.drop("one.json", place="trigger/quiet")
        spool.inbox.look_at("trigger", "quiet", "one.json", True)
        assert names_of(spool.gather()) == ["one.json"]
        refused = 0
        for _ in range(20):
            spool.wait(0.5)
            refused += len(spool.gather())
        assert refused == 2100
        spool.inbox.close()


class TestCrashes:
    def test_what_was_claimed_is_taken_up_again_under_the_same_token(self, spool: Spool) -> None:
        spool.drop("x.json", {"a": 1})
        (first,) = spool.look()
        spool.crash()
        assert spool.recovered == 1
        (second,) = spool.gather()
        assert (second.claim.token, second.claim.attempt) == (first.claim.token, 2)
        assert (second.claim.name, second.claim.file_name, second.data) == ("build", "x.json", {"a": 1})

    def test_recovered_files_come_before_what_is_still_in_the_drop_place(self, spool: Spool) -> None:
        for number in range(3):
            spool.drop(f"{number}.json")
            spool.look()
        os.utime(spool.drop("waiting.json"), (1, 1))
        spool.crash()
        assert names_of(spool.look()) == ["0.json", "1.json", "2.json", "waiting.json"]

    def test_what_ends_the_daemon_three_times_is_given_up(self, spool: Spool) -> None:
        spool.drop("x.json")
        assert spool.look()[0].problem is None
        for _ in range(2):
            spool.crash()
            assert spool.gather()[0].problem is None
        spool.crash()
        (found,) = spool.gather()
        assert found.problem is not None and "given up after 3 attempts" in found.problem
        spool.inbox.quarantine(found.claim, found.problem)
        assert spool.tree("corrupt/build") == ["x.json", "x.json.reason"]

    def test_a_rename_that_a_power_cut_undid_gives_the_same_token(self, spool: Spool) -> None:
        path = spool.drop("x.json")
        before = path.stat()
        (found,) = spool.look()
        inode, changed = found.claim.token.split("-")[:2]
        assert (int(inode, 16), int(changed, 16)) == (before.st_ino, before.st_ctime_ns)

    def test_half_written_when_the_daemon_ended(self, spool: Spool) -> None:
        spool.drop("x.json", "{")
        assert spool.look() == []
        spool.crash()
        assert spool.gather() == []
        spool.wait(2)
        assert [found.data for found in spool.gather()] == [None]

    def test_a_stranger_in_claimed_is_left_alone(self, spool: Spool) -> None:
        spool.drop("x.json", place="claimed")
        spool.drop("1-2-3.1.t...,x.json", place="claimed")
        spool.crash()
        assert spool.look() == []
        assert len(spool.inbox.take_warnings()) == 2
        assert spool.tree("claimed") == ["1-2-3.1.t...,x.json", "x.json"]

    def test_a_request_is_recovered_as_a_request(self, spool: Spool) -> None:
        spool.drop("a.json", place="control")
        spool.look()
        spool.crash()
        assert [found.kind for found in spool.gather()] == ["control"]


class TestDone:
    def test_dropping_twice_is_dropping_once(self, spool: Spool) -> None:
        spool.drop("x.json")
        (found,) = spool.look()
        spool.inbox.drop(found.claim)
        spool.inbox.drop(found.claim)
        spool.inbox.quarantine(found.claim, "too late")
        assert spool.tree("corrupt") == []

    def test_names_in_corrupt_are_never_overwritten(self, spool: Spool) -> None:
        for number in range(3):
            spool.drop("x.json", {"number": number})
            (found,) = spool.look()
            spool.inbox.quarantine(found.claim, f"reason {number}")
        kept = spool.tree("corrupt/build")
        assert len(kept) == 6 and kept.count("x.json") == 1
        for name in kept:
            if name.endswith(".json"):
                number = json.loads((spool.data_dir / "corrupt/build" / name).read_text())["number"]
                assert (spool.data_dir / "corrupt/build" / f"{name}.reason").read_text() == f"reason {number}\n"

    def test_a_crash_between_the_reason_and_the_move_is_made_good(self, spool: Spool) -> None:
        spool.drop("x.json")
        spool.look()
        (spool.data_dir / "corrupt/build").mkdir()
        spool.drop("x.json.reason", "half a sen", "corrupt/build")
        spool.crash()
        (found,) = spool.gather()
        spool.inbox.quarantine(found.claim, "whole sentence")
        assert spool.tree("corrupt/build") == ["x.json", "x.json.reason"]
        assert (spool.data_dir / "corrupt/build/x.json.reason").read_text() == "whole sentence\n"

    def test_a_reason_is_one_line_whatever_is_in_it(self, spool: Spool) -> None:
        spool.drop("x.json")
        (found,) = spool.look()
        spool.inbox.quarantine(found.claim, "bad \x1b[31m\nvalue é")
        assert (spool.data_dir / "corrupt/build/x.json.reason").read_text() == "bad \\x1b[31m\\nvalue é\n"

    def test_a_receipt_is_rewritten_by_rename(self, spool: Spool) -> None:
        for state, code in (("queued", None), ("completed", 0)):
            receipt = WriteReceipt("push-1", state, "build", 5.0, "r1", None, code, None)
            spool.inbox.write_receipts([receipt, WriteReceipt("other", "refused", "build", 5.0, reason="no")])
        assert spool.tree("receipts") == ["other.json", "push-1.json"]
        assert json.loads((spool.data_dir / "receipts/push-1.json").read_text()) == {
            "id": "push-1",
            "state": "completed",
            "job_name": "build",
            "run_id": "r1",
            "flow_id": None,
            "exit_code": 0,
            "reason": None,
            "time": 5.0,
        }

    @pytest.mark.parametrize("bad", ["../x", "..", "", "a/b"])
    def test_a_receipt_cannot_be_written_anywhere_else(self, spool: Spool, bad: str) -> None:
        with pytest.raises(ValueError):
            spool.inbox.write_receipts([WriteReceipt(bad, "queued", "build", 5.0)])

    def test_what_cannot_be_done_is_told_to_the_caller(self, spool: Spool) -> None:
        spool.drop("x.json")
        (found,) = spool.look()
        (spool.data_dir / "corrupt").rmdir()
        (spool.data_dir / "corrupt").symlink_to("/tmp")
        with pytest.raises(OSError) as caught:
            spool.inbox.quarantine(found.claim, "why")
        assert caught.value.errno in (errno.ELOOP, errno.ENOTDIR)
        assert len(spool.tree("claimed")) == 1


def test_a_data_directory_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Inbox(str(tmp_path / "nowhere"))


def test_the_data_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    spool = Spool(tmp_path / "link")
    spool.drop("x.json")
    assert names_of(spool.look()) == ["x.json"]
    spool.inbox.close()
