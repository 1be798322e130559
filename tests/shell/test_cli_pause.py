"""`pause`, `unpause` and `skip-next`: what is asked for, and what every other command says of who rests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsari_like.cli.following import Patience
from dsari_like.core import messages as m
from dsari_like.core.model import ALL_JOBS, Claim, Pause, SkipNext
from dsari_like.system.lock import DirectoryLock
from tests.shell.commands import DAY, Commands, wall

_NUMBERS = itertools.count()


class House(Commands):
    """Commands beside a daemon that is asked to let jobs rest."""

    def pause(self, name: str = ALL_JOBS, until: float | None = None, reason: str = "") -> None:
        self.tell(m.PauseAsked(_claim(), Pause(name, self.now.wall, until, reason)))

    def skip_next(self, name: str, reason: str = "") -> None:
        self.tell(m.SkipNextAsked(_claim(), SkipNext(name, self.now.wall, reason)))


def _claim() -> Claim:
    token = f"c{next(_NUMBERS)}"
    return Claim(token, "", f"{token}.json", f"/claimed/{token}", 1, 0.0)


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    place = House(tmp_path, capsys)
    place.begin(at=wall())
    yield place
    place.close()


@pytest.fixture
def daemon(house: House) -> Iterator[DirectoryLock]:
    lock = DirectoryLock(str(house.var))
    yield lock
    lock.close()


def asked(house: House) -> list[dict[str, Any]]:
    """The requests that lie in the spool, without their ids."""
    place = house.var / "control"
    found = [json.loads(path.read_text()) for path in sorted(place.iterdir())] if place.is_dir() else []
    return [{key: value for key, value in one.items() if key != "id"} for one in found]


def answering(house: House, monkeypatch: pytest.MonkeyPatch, **answer: Any) -> None:
    """A daemon that answers each request while the command pauses for it."""

    def pause(_: Patience, moved: bool) -> None:
        for path in (house.var / "control").iterdir():
            house.receipt(json.loads(path.read_text())["id"], **answer)

    monkeypatch.setattr(Patience, "rest", pause)


# --- asking -------------------------------------------------------------------------------------------------------


def test_a_pause_is_a_request_in_the_spool(house: House, daemon: DirectoryLock) -> None:
    said = house("pause", "nightly", "--reason", "migration")
    assert (said.code, said.out) == (0, "")
    assert said.err == "asked for job nightly to be paused until further notice\n"
    assert asked(house) == [{"action": "pause", "job": "nightly", "reason": "migration"}]


@pytest.mark.parametrize("until", ["2h", "tomorrow", "2999-01-01 12:00", "32503680000"])
def test_its_end_is_a_time_or_a_span(house: House, daemon: DirectoryLock, until: str) -> None:
    assert house("pause", "--all", "--until", until).code == 0
    (request,) = asked(house)
    assert request["until"] > wall()
    assert "job" not in request
    if until == "2h":
        assert abs(request["until"] - wall() - 7200) < 60


def test_unpause_and_skip_next_are_requests_too(house: House, daemon: DirectoryLock) -> None:
    assert house("unpause", "nightly").err == "asked for the pause of job nightly to end\n"
    assert house("unpause", "--all").err == "asked for the pause of all jobs to end\n"
    said = house("skip-next", "nightly", "--reason", "holiday")
    assert said.code == 0
    assert said.err.startswith("asked for the next slot of nightly, 2") and said.err.endswith(", to be left out\n")
    assert sorted(asked(house), key=str) == sorted(
        [
            {"action": "unpause", "job": "nightly"},
            {"action": "unpause"},
            {"action": "skip_next", "job": "nightly", "reason": "holiday"},
        ],
        key=str,
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pause"], 2, "name a job, or say --all; see dsari-like pause --help"),
        (["unpause"], 2, "name a job, or say --all; see dsari-like unpause --help"),
        (["pause", "nightly", "--all"], 2, "either 'nightly' or --all, not both"),
        (["pause", "nigthly"], 3, "there is no job 'nigthly' (did you mean 'nightly'?)"),
        (["unpause", "nigthly"], 3, "there is no job 'nigthly' (did you mean 'nightly'?)"),
        (["skip-next", "nigthly"], 3, "there is no job 'nigthly' (did you mean 'nightly'?)"),
        (["skip-next", "build"], 1, "job 'build' has no schedule, so there is no slot to leave out"),
        (["pause", "nightly", "--until", "2020-01-01"], 2, "--until: expected a time to come, found 2020-01-01"),
        (["pause", "nightly", "--reason", "x" * 1001], 2, "this request would be refused: reason: expected text of 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_not_dropped(
    house: House, daemon: DirectoryLock, words: list[str], code: int, said: str
) -> None:
    answer = house(*words)
    assert (answer.code, answer.err.count("\n")) == (code, 1)
    assert answer.err.startswith(f"dsari-like: {said}")
    assert asked(house) == []


@pytest.mark.parametrize("words", [["pause", "--all"], ["unpause", "nightly", "--wait"], ["skip-next", "nightly"]])
def test_without_a_daemon_the_request_waits_for_the_next_one(house: House, words: list[str]) -> None:
    said = house(*words)
    assert said.code == 4
    assert said.err.startswith(f"no daemon is running; the request {house.var}/control/")
    assert len(asked(house)) == 1


def test_who_waits_hears_that_it_was_done(house: House, daemon: DirectoryLock, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(house, monkeypatch, state="completed")
    assert house("pause", "--all", "--wait").err == "all jobs are paused until further notice\n"
    assert house("unpause", "--all", "--wait").err == "the pause of all jobs is over\n"
    assert house("skip-next", "nightly", "--wait").err.endswith(" is left out\n")


def test_who_ends_one_pause_hears_of_the_other(
    house: House, daemon: DirectoryLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(house, monkeypatch, state="completed")
    house.pause()
    assert house("unpause", "nightly", "--wait").err == (
        "the pause of job nightly is over; all jobs are paused still\n"
    )
    house.tell(m.UnpauseAsked(_claim(), ALL_JOBS))
    house.pause("build")
    assert house("unpause", "--all", "--wait").err == "the pause of all jobs is over; still paused by name: build\n"


def test_a_refusal_ends_with_1(house: House, daemon: DirectoryLock, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(house, monkeypatch, state="refused", reason="job nightly is not paused by itself")
    assert house("unpause", "nightly", "--wait") == (
        1, "", "dsari-like: the request was refused: job nightly is not paused by itself\n",
    )  # fmt: skip


def test_a_daemon_that_ends_before_it_was_done_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = DirectoryLock(str(house.var))
    monkeypatch.setattr(Patience, "rest", lambda *_, **__: daemon.close())
    said = house("pause", "nightly", "--wait")
    assert said.code == 4
    assert said.err.startswith("dsari-like: the daemon has ended before it was done; the request ")


def test_the_pause_of_a_job_that_was_removed_can_be_ended(house: House, daemon: DirectoryLock) -> None:
    house.pause("build")
    house.configure({"nightly": {"command": "true"}})
    assert house("unpause", "build").code == 0
    assert house("pause", "build").code == 3


# --- looking ------------------------------------------------------------------------------------------------------


def test_status_lists_who_is_paused(house: House, daemon: DirectoryLock) -> None:
    assert "Paused" not in house("status").out
    house.pause("nightly", until=house.now.wall + DAY, reason="migration")
    house.pause(reason="power cut at noon")
    lines = house("status").lines
    start = lines.index("Paused:")
    assert lines[start + 1].split() == ["JOB", "SINCE", "UNTIL", "REASON"]
    assert lines[start + 2].startswith("  all jobs")
    assert "further notice" in lines[start + 2] and lines[start + 2].endswith("power cut at noon")
    assert lines[start + 3].startswith("  nightly") and lines[start + 3].endswith("migration")
    paused = house("status", "--format", "json").data["paused"]
    assert [(one["job_name"], one["reason"]) for one in paused] == [
        (None, "power cut at noon"), ("nightly", "migration"),
    ]  # fmt: skip
    assert (paused[0]["until"], paused[1]["until"]) == (None, house.now.wall + DAY)


def test_a_pause_that_ran_out_while_no_daemon_ran_is_told_no_more(house: House) -> None:
    house.pause("nightly", until=wall() - 1)
    assert "Paused" not in house("status").out
    assert house("jobs", "--job", "nightly", "--format", "json").data[0]["state"] == "idle"


def test_jobs_are_paused_and_the_slot_is_left_out(house: House) -> None:
    house.pause(reason="migration")
    found = {job["job_name"]: job for job in house("jobs", "--format", "json").data}
    assert (found["nightly"]["state"], found["idle"]["state"]) == ("paused", "disabled")
    assert found["nightly"]["paused"]["reason"] == "migration"
    assert found["nightly"]["next_note"] == "left out: all jobs are paused until further notice: migration"
    assert "(left out)" in house("jobs", "--job", "nightly").out


def test_what_waits_for_a_pause_says_so_before_anything_else(house: House, daemon: DirectoryLock) -> None:
    house.drop("first")
    house.pause("second", reason="migration.")
    house.drop("second")
    (waiting,) = house("status", "--format", "json").data["waiting"]
    why = "It waits because its job is paused until further notice: migration."
    assert waiting["why"] == why
    assert why in house("explain", "second").out
    assert why in house("show", "second").out
    assert "The job is paused, from " in house("explain", "second").out


def test_what_is_not_due_yet_says_what_comes_then(house: House, daemon: DirectoryLock) -> None:
    house.pause("build", until=house.now.wall + 10 * DAY)
    house.drop("build", schedule_time=house.now.wall + DAY)
    house.drop("build", schedule_time=house.now.wall + 20 * DAY)
    first, second = (run["why"] for run in house("status", "--format", "json").data["waiting"])
    assert first.startswith("It is not due before ") and ", and then its job is paused until " in first
    assert second.startswith("It is not due before ") and "paused" not in second


def test_next_notes_what_a_pause_leaves_out(house: House) -> None:
    house.pause("nightly", until=house.now.wall + 2 * DAY, reason="migration")
    notes = [one["note"] for one in house("next", "nightly", "--format", "json").data]
    assert all(note.startswith("left out: the job is paused until ") for note in notes[:2])
    assert all(note.endswith(": migration") for note in notes[:2])
    assert not any("left out" in note for note in notes[2:])
    assert house("next", "nightly").out.count("left out") == 2


def test_next_notes_the_one_slot_that_skip_next_leaves_out(house: House, daemon: DirectoryLock) -> None:
    house.skip_next("nightly", "holiday")
    notes = [one["note"] for one in house("next", "nightly", "-n", "3", "--format", "json").data]
    assert [note.rpartition("; ")[2] for note in notes[:1]] == ["left out, as asked: holiday"]
    assert not any("left out" in note for note in notes[1:])
    assert "left out, as asked: holiday" in house("status").out
    assert "left out, as asked: holiday" in house("explain", "nightly").out
    assert "(left out)" in house("jobs", "--job", "nightly").out


def test_a_slot_in_a_pause_does_not_use_up_the_wish(house: House, daemon: DirectoryLock) -> None:
    house.skip_next("nightly")
    house.pause("nightly", until=house.now.wall + 2 * DAY)
    notes = [one["note"] for one in house("next", "nightly", "-n", "4", "--format", "json").data]
    kinds = ["paused" if "paused" in note else "asked" if "as asked" in note else "" for note in notes]
    assert kinds == ["paused", "paused", "asked", ""]


def test_a_wish_that_a_missed_slot_will_use_up_takes_no_coming_one(house: House) -> None:
    """No daemon runs: the next one decides first about the slot that has passed."""
    house.now = m.Now(house.now.wall - 2 * DAY, 0.0)
    house.skip_next("nightly")
    assert "left out" not in house("next", "nightly").out


def test_a_time_to_come_is_explained_with_the_pause(house: House) -> None:
    house.pause("nightly", reason="migration")
    at = house("next", "nightly", "-n", "1", "--format", "json").data[0]["local"]
    said = house("explain", "nightly", at)
    assert "the schedule has a slot then (left out: the job is paused until further notice: migration)." in said.out


def test_a_blackout_is_noted_as_well(house: House) -> None:
    house.configure({"n": {"command": "true", "schedule": "30 2 * * *",
                           "blackout": [{"start": "2020-01-01 00:00", "end": "2999-01-01 00:00"}]}})  # fmt: skip
    notes = [one["note"] for one in house("next", "n", "-n", "2", "--format", "json").data]
    assert all("left out: it falls into the blackout from 2020-01-01 00:00" in note for note in notes)
