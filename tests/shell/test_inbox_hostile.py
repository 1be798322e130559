"""Nothing in the spool stops the daemon, and nothing in it is read that should not be."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.spool.parse import LARGEST
from tests.shell.spool import Spool, names_of


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    open_before = len(os.listdir("/proc/self/fd"))
    yield made
    assert len(os.listdir("/proc/self/fd")) == open_before
    made.inbox.close()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may do everything, so where we are root we look as somebody else."""
    us = os.geteuid()
    if us == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(us)


def make_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


THINGS: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a directory": lambda path: (path / "inside").mkdir(parents=True),
    "a symbolic link": lambda path: path.symlink_to("/etc/passwd"),
}


@pytest.mark.parametrize("kind", THINGS)
def test_what_is_no_regular_file_is_refused_unopened(spool: Spool, kind: str) -> None:
    THINGS[kind](spool.data_dir / "trigger/build/x.json")
    (found,) = spool.look()
    assert found.data is None
    assert found.problem == f"is {kind}, where a regular file is expected; it was not opened"
    spool.inbox.quarantine(found.claim, found.problem)
    assert spool.tree("corrupt/build")[0] == "x.json" and "x.json.reason" in spool.tree("corrupt/build")
    assert spool.tree("claimed") == []


@pytest.mark.parametrize("kind", THINGS)
def test_it_is_refused_after_a_crash_as_well(spool: Spool, kind: str) -> None:
    THINGS[kind](spool.data_dir / "trigger/build/x.json")
    spool.look()
    spool.crash()
    (found,) = spool.gather()
    assert found.problem is not None and kind in found.problem
    spool.inbox.drop(found.claim)
    spool.inbox.drop(found.claim)
    assert spool.tree("claimed") == []


def test_a_link_in_place_of_a_drop_place_is_not_followed(
    spool: Spool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.json").write_text("{}")
    (spool.data_dir / "trigger/linked").symlink_to(outside)
    spool.inbox.look_at("trigger", "linked", "x.json", True)
    assert spool.look() == []
    assert (outside / "x.json").exists()
    assert any("trigger/linked" in warning for warning in spool.inbox.take_warnings())
    assert spool.look() == [] and spool.inbox.take_warnings() == []


@pytest.mark.parametrize("place", ["trigger", "control"])
def test_a_link_above_the_drop_places_is_not_followed(
    spool: Spool, place: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "build").mkdir()
    (outside / "build/x.json").write_text("{}")
    (outside / "x.json").write_text("{}")
    (spool.data_dir / place).rename(spool.data_dir / "moved")
    (spool.data_dir / place).symlink_to(outside)
    assert spool.look() == []
    assert (outside / "x.json").exists() and (outside / "build/x.json").exists()
    assert spool.inbox.take_warnings()
    assert place == "control" or spool.inbox.next_deadline() is not None


@pytest.mark.parametrize("name", ["bad\nname.json", "\x1b[31mred.json", "%s.json", "ü.json", "a,b.json", " .json"])
def test_any_file_name_is_data(spool: Spool, name: str) -> None:
    spool.drop(name, {"a": 1})
    (found,) = spool.look()
    assert found.data == {"a": 1} and found.claim.file_name.isprintable()
    found.claim.file_name.encode()
    spool.inbox.quarantine(found.claim, "why")
    assert all(kept.isprintable() for kept in spool.tree("corrupt/build"))


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe.json", b"x" * 250 + b".json", "ü".encode() * 125 + b".json", b"\x80" * 250 + b".json"]
)
def test_names_of_any_bytes_and_any_length_survive_a_crash(spool: Spool, raw: bytes) -> None:
    (spool.data_dir / "trigger/build" / os.fsdecode(raw)).write_text("{}")
    (found,) = spool.look()
    found.claim.file_name.encode()
    spool.crash()
    (found,) = spool.gather()
    found.claim.file_name.encode()
    assert found.data == {}
    spool.inbox.quarantine(found.claim, "why")
    assert len(spool.tree("corrupt/build")) == 2


@pytest.mark.parametrize("name", ["bad,name", "ü", "x" * 65, "new\nline", "\x1b[31m", "a\\b"])
def test_a_directory_that_can_be_no_job_is_left_with_one_warning(spool: Spool, name: str) -> None:
    (spool.data_dir / "trigger" / name).mkdir()
    spool.drop("x.json", place=f"trigger/{name}")
    spool.inbox.look_at("trigger", name, None)
    assert spool.look() == [] and spool.look() == []
    (warning,) = spool.inbox.take_warnings()
    assert "is no legal name of a job" in warning and warning.isprintable()


def test_a_file_beside_the_drop_places_is_left_with_one_warning(spool: Spool) -> None:
    spool.drop("x.json", place="trigger")
    spool.inbox.look_at("trigger", "x.json", None)
    spool.look()
    assert spool.look() == []
    assert [warning for warning in spool.inbox.take_warnings() if "is no directory" in warning]
    assert spool.inbox.take_warnings() == []


def test_a_place_of_an_unknown_job_is_handed_over_like_any_other(spool: Spool) -> None:
    (spool.data_dir / "trigger/nobody").mkdir()
    spool.drop("x.json", place="trigger/nobody")
    assert [found.claim.name for found in spool.look()] == ["nobody"]


def test_a_file_that_is_too_large_is_not_read(spool: Spool) -> None:
    with (spool.data_dir / "trigger/build/x.json").open("wb") as file:
        file.truncate(1 << 40)  # sparse: it says so, it does not hold it
    (found,) = spool.look()
    assert found.problem == f"is larger than {LARGEST} bytes"


def test_one_that_is_just_small_enough_is_read(spool: Spool) -> None:
    content = '{"a": "' + "x" * (LARGEST - 9) + '"}'
    assert len(content) == LARGEST
    spool.drop("x.json", content)
    assert [found.size for found in spool.look()] == [LARGEST]


class TestHardLinks:
    """A link to somebody else's file would have the daemon read it out to whoever made the link."""

    def link(self, spool: Spool) -> Path:
        other = spool.data_dir / "secret"
        other.write_text('{"password": "x"}')
        os.link(other, spool.data_dir / "trigger/build/x.json")
        return other

    def test_in_a_place_that_only_its_owner_writes_to_it_is_that_owners_file(self, spool: Spool) -> None:
        self.link(spool)
        assert [found.data for found in spool.look()] == [{"password": "x"}]

    def test_in_a_place_that_others_write_to_it_is_refused_unread(self, spool: Spool) -> None:
        (spool.data_dir / "trigger/build").chmod(0o770)
        self.link(spool)
        assert spool.look() == []
        spool.wait(2)
        (found,) = spool.gather()
        assert found.data is None and found.problem is not None and "hard link" in found.problem

    def test_the_other_name_may_go_in_time(self, spool: Spool) -> None:
        (spool.data_dir / "trigger/build").chmod(0o770)
        other = self.link(spool)
        assert spool.look() == []
        other.unlink()
        spool.wait(2)
        assert [found.data for found in spool.gather()] == [{"password": "x"}]

    def test_in_control_the_same_holds(self, spool: Spool) -> None:
        (spool.data_dir / "secret").write_text("{}")
        os.link(spool.data_dir / "secret", spool.data_dir / "control/x.json")
        assert [found.data for found in spool.look()] == [{}]

    def test_many_links_to_one_file_are_many_triggers(self, spool: Spool) -> None:
        (spool.data_dir / "template").write_text("{}")
        for number in range(20):
            os.link(spool.data_dir / "template", spool.data_dir / f"trigger/build/{number}.json")
        found = spool.look()
        assert len({one.claim.token for one in found}) == 20


class TestWhatCannotBeTaken:
    def test_it_is_tried_once_and_again_when_something_changed(self, spool: Spool) -> None:
        place = spool.data_dir / "trigger/build"
        (spool.data_dir / "trigger").chmod(0o755)
        spool.drop("x.json").chmod(0o644)
        (spool.data_dir / "claimed").chmod(0o777)
        place.chmod(0o555)
        with as_nobody():
            for _ in range(3):
                spool.inbox.look_at("trigger", "build", "x.json", True)
                assert spool.gather() == []
        (warning,) = spool.inbox.take_warnings()
        assert warning.startswith("cannot take trigger/build/x.json: Permission denied")
        place.chmod(0o777)
        with as_nobody():
            spool.inbox.look_at("trigger", "build", "x.json", True)
            assert names_of(spool.gather()) == ["x.json"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="root alone has files that it, as somebody else, cannot read")
    def test_what_we_may_not_read_is_refused(self, spool: Spool) -> None:
        for place, mode in (("trigger", 0o755), ("trigger/build", 0o777), ("claimed", 0o777)):
            (spool.data_dir / place).chmod(mode)
        spool.drop("x.json").chmod(0o600)
        with as_nobody():
            spool.inbox.look_at("trigger", "build", "x.json", True)
            (found,) = spool.gather()
        assert found.problem == "cannot be opened: Permission denied"

    @pytest.mark.skipif(os.geteuid() != 0, reason="root looks into every directory")
    def test_a_place_that_we_may_not_look_into_is_said_once(self, spool: Spool) -> None:
        (spool.data_dir / "trigger").chmod(0o755)
        (spool.data_dir / "trigger/build").chmod(0o700)
        spool.drop("x.json")
        with as_nobody():
            for _ in range(2):
                spool.inbox.look_at("trigger", "build", "x.json", True)
                assert spool.gather() == []
        (warning,) = spool.inbox.take_warnings()
        assert warning.startswith("cannot look into trigger/build: Permission denied")
        assert names_of(spool.look()) == ["x.json"]

    def test_a_directory_that_vanished_under_us_is_made_again(self, spool: Spool) -> None:
        (spool.data_dir / "claimed").rmdir()
        spool.drop("x.json")
        spool.inbox.look_at("trigger", "build", "x.json", True)
        assert spool.inbox.gather(10, spool.now) == []
        assert spool.tree("trigger/build") == ["x.json"]
        assert spool.gather() == []
        spool.wait(1)
        assert names_of(spool.gather()) == ["x.json"]

    def test_all_of_trigger_may_be_removed_and_made_again(self, spool: Spool) -> None:
        (spool.data_dir / "trigger/build").rmdir()
        (spool.data_dir / "trigger").rmdir()
        assert spool.look() == []
        (spool.data_dir / "trigger/build").mkdir()
        spool.drop("x.json")
        assert names_of(spool.look()) == ["x.json"]


class TestShortage:
    def test_without_descriptors_nothing_is_lost_and_nothing_spins(self, spool: Spool) -> None:
        for number in range(5):
            spool.drop(f"{number}.json")
            spool.inbox.look_at("trigger", "build", f"{number}.json", True)
        with no_descriptors():
            assert spool.gather() == []
            assert not spool.inbox.more
            assert spool.inbox.next_deadline() is not None
            spool.wait(1)
            assert spool.gather() == []
        (warning,) = spool.inbox.take_warnings()
        assert "Too many open files" in warning
        spool.wait(15)
        assert names_of(spool.gather()) == [f"{number}.json" for number in range(5)]

    def test_a_round_that_could_not_begin_is_begun_later(self, spool: Spool) -> None:
        spool.drop("x.json")
        with no_descriptors():
            assert spool.look() == []
            assert not spool.inbox.more
        deadline = spool.inbox.next_deadline()
        assert deadline is not None and deadline <= spool.mono + 15
        spool.wait(15)
        assert names_of(spool.gather()) == ["x.json"]

    def test_in_the_middle_of_a_claim_the_file_stays_claimed(self, spool: Spool) -> None:
        spool.drop("x.json")
        spool.inbox.look_at("trigger", "build", "x.json", True)
        with no_descriptors(spare=1):  # enough for the directory, not for the file
            assert spool.gather() == []
        assert len(spool.tree("claimed")) == 1
        spool.wait(15)
        assert names_of(spool.gather()) == ["x.json"]

    def test_the_same_shortage_is_said_once_a_minute(self, spool: Spool) -> None:
        said = 0
        with no_descriptors():
            for _ in range(180):
                spool.inbox.look_at("trigger", "build", "x.json", True)
                spool.gather()
                said += len(spool.inbox.take_warnings())
                spool.wait(1)
        assert said <= 3


@contextmanager
def no_descriptors(spare: int = 0) -> Iterator[None]:
    """Leave this process with so many descriptors that it can still open, and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    held = []
    try:
        while True:
            try:
                held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError as error:
                assert error.errno == errno.EMFILE
                break
        for _ in range(spare):
            os.close(held.pop())
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_of_bad_files_cost_bounded_turns_and_few_lines(spool: Spool) -> None:
    for number in range(3000):
        (spool.data_dir / f"trigger/build/{number}.json").symlink_to("nowhere")
    spool.inbox.look_everywhere()
    refused = 0
    while spool.inbox.more:
        found = spool.inbox.gather(64, spool.now)
        assert len(found) <= 64
        refused += len(found)
    assert refused == 3000
    assert len(spool.inbox.take_warnings()) <= 21


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=100) | st.text(max_size=50).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from(["x.json", "x.yaml"]),
    st.booleans(),
)
def test_any_bytes_end_as_one_file_found(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str, complete: bool
) -> None:
    spool = Spool(tmp_path_factory.mktemp("any"))
    spool.drop(name, raw)
    spool.inbox.look_at("trigger", "build", name, complete)
    found = spool.gather()
    while (deadline := spool.inbox.next_deadline()) is not None:
        assert deadline <= spool.mono + 2
        spool.wait(deadline - spool.mono)
        found += spool.gather()
    (one,) = found
    assert (one.data is None) != (one.problem is None)
    assert spool.mono <= 1003
    spool.inbox.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["drop", "half", "empty", "yaml", "finish", "remove", "hint", "round", "wait", "crash", "done"]
        ),
        max_size=25,
    )
)
def test_no_story_loses_a_file_or_finds_it_twice(tmp_path_factory: pytest.TempPathFactory, story: list[str]) -> None:
    spool = Spool(tmp_path_factory.mktemp("story"))
    dropped: dict[str, bool] = {}
    verdicts: dict[str, str] = {}

    def gather() -> None:
        for found in spool.gather():
            name = found.claim.file_name
            assert verdicts.setdefault(name, found.claim.token) == found.claim.token
            spool.inbox.drop(found.claim) if found.data is not None else spool.inbox.quarantine(found.claim, "bad")

    contents = {"drop": "{}", "half": "{", "empty": "", "yaml": "a: 1"}
    for number, step in enumerate(story):
        name = f"{number}.{'yaml' if step == 'yaml' else 'json'}"
        if step in contents:
            spool.drop(name, contents[step])
            dropped[name] = True
        elif step == "finish":
            for path in (*(spool.data_dir / "trigger/build").iterdir(), *(spool.data_dir / "claimed").iterdir()):
                path.write_text("{}")
        elif step == "remove":
            for path in (spool.data_dir / "trigger/build").iterdir():
                dropped.pop(path.name)
                path.unlink()
        elif step == "hint":
            for path in (spool.data_dir / "trigger/build").iterdir():
                spool.inbox.look_at("trigger", "build", path.name, True)
        elif step == "round":
            spool.inbox.look_everywhere()
        elif step == "crash":
            spool.crash()
        spool.wait(0.7 if step == "wait" else 0)
        gather()
    spool.inbox.look_everywhere()
    gather()
    while (deadline := spool.inbox.next_deadline()) is not None:
        spool.wait(deadline - spool.mono)
        gather()
    assert set(verdicts) == set(dropped)
    assert spool.tree("trigger/build") == [] and spool.tree("claimed") == []
    spool.inbox.close()
