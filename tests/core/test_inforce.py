"""What counts as a difference between the configuration in force and another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsari_like.core.choices import BlackoutPolicy
from dsari_like.core.inforce import OVERALL, Entry, entry, overall
from dsari_like.core.model import Blackout, Configuration, Job, Where

JOB = Job("a", ("true",), schedule=("30 2 * * *",), max_execution=60.0, environment={"X": "1", "Y": "2"})


def differences(before: Job, after: Job, zone: str = "UTC") -> tuple[str, ...]:
    return entry(before, "UTC").differences(entry(after, zone))


def test_the_same_job_is_the_same_entry_wherever_it_stands_and_however_its_variables_are_ordered() -> None:
    moved = replace(JOB, where=Where("other.yaml", 7), environment={"Y": "2", "X": "1"})
    assert entry(moved, "UTC") == entry(JOB, "UTC")


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({"command": ("false",)}, ("command",)),
        ({"max_execution": 61.0}, ("max_execution",)),
        ({"max_execution": None}, ("max_execution",)),
        ({"environment": {"X": "1"}}, ("environment",)),
        ({"concurrency_groups": ("db",), "priority": 3}, ("concurrency_groups", "priority")),
        ({"schedule": ("31 2 * * *",)}, ("schedule",)),
        ({"enabled": False, "dst": "skip"}, ("dst", "enabled")),
        ({"blackout": (Blackout(schedule="0 2 * * *", duration=3600.0),)}, ("blackout",)),
    ],
)
def test_what_changed_is_told_by_its_key(changed: dict[str, object], keys: tuple[str, ...]) -> None:
    assert differences(JOB, replace(JOB, **changed)) == keys  # type: ignore[arg-type]


def test_a_zone_matters_to_a_schedule_only() -> None:
    assert differences(JOB, JOB, "Europe/Berlin") == ("timezone",)
    plain = replace(JOB, schedule=())
    assert differences(plain, plain, "Europe/Berlin") == ()


def test_a_policy_without_a_blackout_is_no_difference_to_the_times() -> None:
    window = (Blackout(start=1.0, end=2.0),)
    assert differences(replace(JOB, blackout=window), replace(JOB, blackout=window, blackout_policy=DEFER)) == (
        "blackout",
    )
    assert differences(JOB, replace(JOB, blackout_policy=DEFER)) == ()


DEFER = BlackoutPolicy.DEFER


def test_a_secret_leaves_no_trace() -> None:
    with_secret = replace(JOB, environment={"X": "1", "PIN": "1234"}, secret_names=frozenset({"PIN"}))
    other = replace(with_secret, environment={"X": "1", "PIN": "4321"})
    assert entry(with_secret, "UTC") == entry(other, "UTC")
    assert differences(with_secret, replace(with_secret, environment={"X": "2", "PIN": "1234"})) == ("environment",)


def test_times_come_back_as_they_were_written() -> None:
    windows = (Blackout(schedule="0 2 * * *", duration=60.0), Blackout(calendar="/etc/x.ics"))
    job = replace(JOB, blackout=windows, blackout_policy=DEFER, dst="both", enabled=False)
    again = entry(job, "Asia/Tokyo").job()
    assert (again.schedule, again.schedule_timezone, again.dst, again.enabled) == (
        JOB.schedule, "Asia/Tokyo", "both", False,
    )  # fmt: skip
    assert (again.blackout, again.blackout_policy) == (windows, DEFER)


def test_times_that_had_their_run_are_no_difference() -> None:
    made = entry(JOB, "UTC").with_made({"2026-03-10 02:30"})
    assert made.made_times == {"2026-03-10 02:30"} and made.differences(entry(JOB, "UTC")) == ()
    assert made.with_made(()).made is None


def test_limits_of_all_jobs_have_an_entry_of_their_own() -> None:
    before, after = Configuration(jobs={"a": JOB}), Configuration(jobs={}, max_running=3, groups={"db": 2})
    assert overall(before).differences(overall(after)) == ("groups", "max_running")
    assert overall(Configuration(jobs={}, timezone="UTC", files=("x",))) == Entry(OVERALL)
