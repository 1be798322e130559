"""`check` and `next`: what the configuration means, in UTC and in local time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dsari_like import transition
from tests.shell.commands import JOBS, Commands, wall

SPRING = ("--from", "2027-03-27", "--until", "2027-03-30")
TIMES = {
    "fixed": {"command": "true", "schedule": "30 2 * * *"},
    "skipper": {"command": "true", "schedule": "30 2 * * *", "dst": "skip"},
    "quarterly": {"command": "true", "schedule": "*/15 * * * *"},
    "never": {"command": "true", "schedule": "0 0 30 2 *"},
    "boot": {"command": "true", "schedule": "@reboot"},
    "tokyo": {"command": "true", "schedule": "0 9 * * *", "schedule_timezone": "Asia/Tokyo"},
    "weekly": {"command": "true", "schedule": "RRULE:FREQ=WEEKLY"},
    "off": {"command": "true", "schedule": "@daily", "enabled": False},
    "plain": {"command": "true"},
}


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    place = Commands(tmp_path, capsys)
    place.configure(TIMES)
    yield place
    place.close()


# --- check --------------------------------------------------------------------------------------------------------


def test_a_good_configuration_is_one_line(commands: Commands) -> None:
    commands.configure(JOBS)
    said = commands("check")
    assert (said.code, said.out) == (0, "no errors: 5 jobs, 2 schedules, 1 file read\n")


def test_a_bad_configuration_ends_with_2_and_says_everything(commands: Commands) -> None:
    commands.configure({"a": {"command": 1, "max_executon": 3}, "b": {}})
    said = commands("check")
    assert (said.code, said.out) == (2, "")
    assert "(did you mean 'max_execution'?)" in said.err
    assert said.err.splitlines()[-1] == "dsari-like: 3 problems in the configuration"


def test_warnings_do_not_make_it_fail(commands: Commands) -> None:
    said = commands("check")
    assert said.code == 0
    warnings = said.err.splitlines()
    assert all(line.startswith(f"warning: {commands.etc}/dsari_like.yaml:") for line in warnings)
    assert sum("jobs.never.schedule: '0 0 30 2 *' never fires" in line for line in warnings) == 1


def test_changes_of_the_clock_that_touch_a_job_are_warned_of(commands: Commands) -> None:
    warnings = commands("check").err.splitlines()
    about = {name: [line for line in warnings if f"jobs.{name}: the clock of Europe/Berlin" in line] for name in TIMES}
    assert {name: len(lines) for name, lines in about.items() if lines} == {"fixed": 2, "skipper": 2}
    assert sum("skipped local time 02:30 made up" in line for line in about["fixed"]) == 1
    assert sum("repeated local time 02:30, first pass" in line for line in about["fixed"]) == 1
    assert sum("skipped local time 02:30 not made up" in line for line in about["skipper"]) == 1


def test_explain_says_of_each_job_when_it_runs(commands: Commands) -> None:
    said = commands("check", "--explain").lines
    fixed = said.index(next(line for line in said if line.startswith("fixed (")))
    assert said[fixed + 1] == "  30 2 * * *: daily at 02:30, Europe/Berlin"
    assert [line.split()[1] for line in said[fixed + 2 : fixed + 5]] == ["02:30:00"] * 3
    for name, answer in (("never", "    never again"), ("plain", "  runs by triggers only")):
        place = said.index(next(line for line in said if line.startswith(f"{name} (")))
        assert answer in said[place + 1 : place + 3]
    assert "  is switched off (enabled: false)" in said


# --- next ---------------------------------------------------------------------------------------------------------


def test_the_night_the_clocks_go_forward(commands: Commands) -> None:
    said = commands("next", "fixed", *SPRING, "--format", "json")
    assert (said.code, said.err) == (0, "")
    assert said.data == [
        {"job_name": "fixed", "utc": utc, "local": local, "timezone": "Europe/Berlin", "note": note}
        for utc, local, note in (
            ("2027-03-27T01:30:00Z", "2027-03-27T02:30:00+01:00", ""),
            ("2027-03-28T01:00:00Z", "2027-03-28T03:00:00+02:00", "skipped local time 02:30 made up"),
            ("2027-03-29T00:30:00Z", "2027-03-29T02:30:00+02:00", ""),
        )
    ]


def test_what_the_clock_leaves_out_is_told_beside_the_list(commands: Commands) -> None:
    said = commands("next", "skipper", *SPRING)
    assert [line.split()[1:5] for line in said.lines[1:]] == [
        ["2027-03-27", "01:30:00", "2027-03-27", "02:30:00"],
        ["2027-03-29", "00:30:00", "2027-03-29", "02:30:00"],
    ]
    assert "is not due at a change of the clock" in said.err
    assert "skipped local time 02:30 not made up" in said.err


def test_repeated_times_are_told_apart(commands: Commands) -> None:
    passes = [
        slot for slot in commands("next", "quarterly", "--from", "2026-10-24T23:59Z", "--until", "2026-10-25T02:00Z",
                                  "--format", "json").data if slot["note"]
    ]  # fmt: skip
    assert [slot["local"][11:] for slot in passes[:1] + passes[-1:]] == ["02:00:00+02:00", "02:45:00+01:00"]
    assert len(passes) == 8


def test_several_jobs_come_in_order_of_time(commands: Commands) -> None:
    found = commands("next", "--format", "json").data
    assert len(found) == 10
    assert [slot["utc"] for slot in found] == sorted(slot["utc"] for slot in found)


def test_times_are_in_the_zone_of_the_job(commands: Commands) -> None:
    found = commands("next", "tokyo", "-n", "3", "--from", "2027-01-01", "--format", "json").data
    assert [slot["local"] for slot in found] == [f"2027-01-0{day}T09:00:00+09:00" for day in (1, 2, 3)]
    assert {slot["timezone"] for slot in found} == {"Asia/Tokyo"}


def test_until_alone_lists_all(commands: Commands) -> None:
    assert len(commands("next", "quarterly", "--until", "6h", "--format", "json").data) == 24


def test_a_recurrence_counts_from_the_instant_that_was_kept(commands: Commands) -> None:
    commands.begin(TIMES, at=wall())
    assert commands.runlog is not None
    commands.runlog.remember_anchors({"weekly": 1_700_000_000.0})
    (slot,) = commands("next", "weekly", "-n", "1", "--from", "2027-01-01", "--format", "json").data
    assert slot["utc"] == "2027-01-05T22:13:20Z"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("never", "job 'never' is never due again: 0 0 30 2 *"),
        ("boot", "job 'boot' is due whenever the daemon starts (@reboot)"),
        ("off", "job 'off' is switched off (enabled: false), so its schedule is not looked at"),
        ("plain", "job 'plain' has no schedule: it runs by triggers only"),
    ],
)
def test_why_nothing_comes_is_told(commands: Commands, name: str, said: str) -> None:
    assert commands("next", name) == (0, "", f"{said}\nnothing comes\n")
    assert commands("next", name, "--format", "json").out == "[]\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["fixd"], 3, "there is no job 'fixd' (did you mean 'fixed'?)"),
        (["fixed", "-n", "0"], 2, "--number: expected 1 or more, found 0"),
        (["fixed", "--from", "soon"], 2, "--from: expected a date and time, found 'soon'"),
        (
            ["fixed", "--from", "2027-02-01", "--until", "2027-01-01"],
            2,
            "--until: expected a time after that of --from",
        ),
    ],
)
def test_what_cannot_be_listed_is_refused(commands: Commands, words: list[str], code: int, said: str) -> None:
    found = commands("next", *words)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith(f"dsari-like: {said}")


def test_a_slot_whose_calendar_time_had_its_run_is_told_to_be_left_out(commands: Commands) -> None:
    configuration = commands.begin(TIMES, at=wall())
    assert commands.runlog is not None
    transition.take(configuration, commands.runlog.in_force, {}, wall())
    (one,) = [entry for entry in commands.runlog.in_force.entries() if entry.job_name == "tokyo"]
    commands.runlog.in_force.remember([one.with_made(["2027-03-28 09:00"])], ())
    notes = [slot["note"] for slot in commands("next", "tokyo", *SPRING, "--format", "json").data]
    assert notes == ["", "left out: it had its run before the schedule was changed", ""]
