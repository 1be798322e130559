"""Every case of the schedule battery, kept beside this file.

The cases of kind `property` are stated here in code, each under its id; those of kind `behaviour` are about the
daemon's choices, not about fire times, and are only listed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from dsari_like.core.schedule import DstPolicy, Rule, ScheduleError, bind, parse

Case = dict[str, Any]

BATTERY = Path(__file__).with_name("schedule_cases.yaml")
NAMES = [f"job-{number}" for number in range(2_000)]
BUDGET = 0.5

# Decided by the daemon with its clock, its run log and its policies; told as stories where those are tested.
COVERED_ELSEWHERE = {"SCH-193", "SCH-195", "SCH-197", "SCH-199"}
# Stated against the model of the five rules, in test_schedule_model.py.
COVERED_BY_MODEL = {"SCH-187", "SCH-189"}


@cache
def battery() -> tuple[Case, ...]:
    return tuple(yaml.safe_load(BATTERY.read_text(encoding="utf-8"))["cases"])


def cases(*kinds: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in battery() if case["kind"] in kinds]


def rule_of(case: Case, *, anchor: float | None = None) -> Rule:
    return bind(parse(case["schedule"]), "a-job", ZoneInfo(case["timezone"]), DstPolicy.ONCE, anchor=anchor)


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def fires(rule: Rule, after: float, until: float) -> Iterator[tuple[str, int]]:
    while (slot := rule.next_after(after)) is not None and slot.time <= until:
        assert slot.time > after
        yield datetime.fromtimestamp(slot.time, UTC).strftime("%Y-%m-%dT%H:%MZ"), slot.count
        after = slot.time


def accepted(case: Case) -> list[list[str]]:
    return [case["expect_utc"], *case.get("also_accept_utc", [])]


@pytest.mark.parametrize("case", cases("cron"))
def test_cron_fires_as_the_battery_says(case: Case) -> None:
    if case.get("decision") == "D8" and refused(case["schedule"]):
        return  # an extension: this answer or a refusal, never a third meaning
    found = list(fires(rule_of(case), epoch(case["after"]), epoch(case["until"])))
    times = [moment for moment, _ in found]
    if "expect_utc" in case:
        assert times == case["expect_utc"]
    else:
        assert (len(times), times[:4], times[-1]) == (case["count"], case["first_utc"], case["last_utc"])
    if "debian_runs" in case:
        assert sum(count for _, count in found) == case["debian_runs"]


def refused(text: str) -> bool:
    try:
        parse(text)
    except ScheduleError:
        return True
    return False


@pytest.mark.parametrize("case", cases("rrule"))
def test_recurrence_fires_as_the_battery_says(case: Case) -> None:
    start = datetime.fromisoformat(case["dtstart"]).replace(tzinfo=ZoneInfo(case["timezone"])).timestamp()
    found = fires(rule_of(case, anchor=start), start - 1, float("inf"))
    assert [moment for (moment, _), _ in zip(found, case["expect_utc"], strict=False)] == case["expect_utc"]


@pytest.mark.parametrize("case", cases("reject"))
def test_is_refused_within_its_budget(case: Case) -> None:
    began = time.perf_counter()
    with pytest.raises(ScheduleError):
        parse(case["schedule"])
    assert time.perf_counter() - began < case.get("budget_seconds", BUDGET)


@pytest.mark.parametrize("case", cases("never"))
def test_never_fires_and_says_so_at_once(case: Case) -> None:
    began = time.perf_counter()
    rule = rule_of(case)
    assert rule.next_after(epoch("2026-01-01T00:00:00+00:00")) is None
    assert any("never fires" in warning for warning in rule.warnings())
    assert time.perf_counter() - began < case["budget_seconds"]


@pytest.mark.parametrize("case", cases("reject_or_exact"))
def test_is_refused_or_exact(case: Case) -> None:
    if not refused(case["schedule"]):
        found = fires(rule_of(case), epoch(case["after"]), epoch(case["until"]))
        assert [moment for moment, _ in found] in accepted(case)


def in_utc(text: str, name: str, *, independent: bool = False) -> Rule:
    return bind(parse(text), name, ZoneInfo("UTC"), DstPolicy.ONCE, independent=independent)


def times_within(text: str, name: str, seconds: float, *, independent: bool = False) -> list[float]:
    found, after = [], -1.0
    rule = in_utc(text, name, independent=independent)
    while (slot := rule.next_after(after)) is not None and slot.time < seconds:
        found.append(slot.time)
        after = slot.time
    return found


def hashes_agree_between_processes() -> None:
    """SCH-175."""
    program = (
        "import sys; from datetime import UTC; from dsari_like.core.schedule import *\n"
        "names = [f'job-{n}' for n in range(2000)]\n"
        "if sys.argv[1] == 'reversed': names.reverse()\n"
        "found = {n: bind(parse('H * * * *'), n, UTC, DstPolicy.ONCE).next_after(0).time for n in names}\n"
        "print(sorted(found.items()))"
    )
    printed = []
    for hash_seed, order in (("1", "forward"), ("2", "reversed")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", program, order]
        printed.append(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert printed[0] == printed[1]


def three_fires_in_the_second_half_hour() -> None:
    """SCH-177, and B-27 for the plain form."""
    for name in NAMES:
        half = times_within("H(30-59)/10 * * * *", name, 3_600)
        assert len(half) == 3
        assert all(moment >= 1_800 for moment in half)
        assert len(times_within("H/15 * * * *", name, 3_600)) == 4


def hour_stays_in_its_range() -> None:
    """SCH-179."""
    for name in NAMES:
        (only,) = times_within("H H(0-7) * * *", name, 86_400)
        assert only < 8 * 3_600


def load_is_spread() -> None:
    """SCH-181. The bound holds for dsari's scheme (D10); independence needs the other one (B-34)."""
    for independent in (False, True):
        daily = [times_within("H H * * *", name, 86_400, independent=independent)[0] for name in NAMES]
        assert max(Counter(moment // 60 for moment in daily).values()) <= 25
    joint = Counter((moment // 3_600, moment % 3_600 // 60 // 6) for moment in daily)
    expected = len(NAMES) / 240
    chi_square = sum((joint[hour, tenth] - expected) ** 2 / expected for hour in range(24) for tenth in range(10))
    assert chi_square < 312  # 239 degrees of freedom, p = 0.001


def only_the_name_moves_a_job() -> None:
    """SCH-183."""
    assert times_within("H * * * *", "one", 3_600) != times_within("H * * * *", "another", 3_600)
    bound = [bind(parse("H * * * *"), "one", ZoneInfo("UTC"), dst) for dst in DstPolicy]
    assert len({rule.next_after(0) for rule in bound}) == 1


def a_long_step_is_uneven() -> None:
    """SCH-185."""
    for name in NAMES:
        minutes = [moment // 60 for moment in times_within("H/40 * * * *", name, 3_600)]
        assert minutes == [minute for minute in (minutes[0], minutes[0] + 40) if minute < 60]


def hello_is_at_11_10_32() -> None:
    """SCH-191."""
    assert times_within("H H * * *", "hello", 86_400) == [11 * 3_600 + 10 * 60 + 32]


PROPERTIES: dict[str, Callable[[], None]] = {
    "SCH-175": hashes_agree_between_processes,
    "SCH-177": three_fires_in_the_second_half_hour,
    "SCH-179": hour_stays_in_its_range,
    "SCH-181": load_is_spread,
    "SCH-183": only_the_name_moves_a_job,
    "SCH-185": a_long_step_is_uneven,
    "SCH-191": hello_is_at_11_10_32,
}


@pytest.mark.parametrize("case", sorted(PROPERTIES))
def test_property(case: str) -> None:
    PROPERTIES[case]()


def test_no_case_is_forgotten() -> None:
    run = {case["id"] for case in battery() if case["kind"] not in ("property", "behaviour")}
    stated = run | PROPERTIES.keys() | COVERED_BY_MODEL | COVERED_ELSEWHERE
    assert {case["id"] for case in battery()} == stated
