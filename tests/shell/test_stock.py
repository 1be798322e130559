"""Run directories made in advance: taken by a rename, never missed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dsari_like.system.stock import WANTED, Stock

FILES = ("output.txt", "trigger_data.json")


def stock(data: Path) -> Stock:
    (data / "runs/job").mkdir(parents=True)
    return Stock(str(data), FILES)


def test_it_is_filled_one_by_one_and_refilled_by_as_much_as_was_taken(tmp_path: Path) -> None:
    spare = stock(tmp_path)
    assert [spare.fill() for _ in range(WANTED + 2)] == [True] * WANTED + [False] * 2
    assert spare.take(str(tmp_path / "runs/job/1"))
    assert [spare.fill(), spare.fill()] == [True, False]
    assert len(os.listdir(tmp_path / "spare")) == WANTED


def test_one_that_was_taken_is_a_run_directory_with_empty_files(tmp_path: Path) -> None:
    spare = stock(tmp_path)
    spare.fill()
    made = tmp_path / "runs/job/1"
    assert spare.take(str(made))
    assert {path.name: path.read_bytes() for path in made.iterdir()} == dict.fromkeys(FILES, b"")
    assert [oct(path.stat().st_mode & 0o7777 & ~0o027) for path in (made, *made.iterdir())] == [
        "0o750",
        "0o640",
        "0o640",
    ]


def test_without_a_spare_one_or_without_its_place_nothing_is_taken(tmp_path: Path) -> None:
    spare = stock(tmp_path)
    assert not spare.take(str(tmp_path / "runs/job/1"))
    spare.fill()
    assert not spare.take(str(tmp_path / "runs/new job/1"))
    assert spare.take(str(tmp_path / "runs/job/1"))


def test_a_run_directory_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    spare = stock(tmp_path)
    spare.fill()
    (tmp_path / "runs/job/1").mkdir()
    (tmp_path / "runs/job/1/output.txt").write_text("said already")
    assert not spare.take(str(tmp_path / "runs/job/1"))
    assert (tmp_path / "runs/job/1/output.txt").read_text() == "said already"


def test_when_somebody_has_cleared_them_away_new_ones_are_made(tmp_path: Path) -> None:
    spare = stock(tmp_path)
    spare.fill()
    shutil.rmtree(tmp_path / "spare")
    assert not spare.take(str(tmp_path / "runs/job/1"))
    assert spare.fill() and spare.take(str(tmp_path / "runs/job/1"))


def test_what_an_earlier_daemon_left_is_removed_and_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    left = stock(tmp_path)
    left.fill()
    (tmp_path / "spare/half made").mkdir()
    spare = Stock(str(tmp_path), FILES)
    spare.fill()
    assert len(os.listdir(tmp_path / "spare")) == 1
    spare.close()
    assert not (tmp_path / "spare").exists()


def test_a_place_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    spare = stock(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/precious").touch()
    (tmp_path / "spare").symlink_to("elsewhere")
    assert not spare.fill() and not spare.fill()
    spare.close()
    assert os.listdir(tmp_path / "elsewhere") == ["precious"]
