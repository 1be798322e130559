"""Stories of schedules: hashes, aliases, intervals, clock changes, recurrence, and what people are told."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import islice, pairwise, product
from pathlib import Path
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest

from dsari_like.core import fields
from dsari_like.core.hashing import BIT
from dsari_like.core.schedule import (
    DstPolicy,
    Rule,
    ScheduleError,
    ScheduleFault,
    Slot,
    bind,
    default_anchor,
    next_of,
    parse,
    transitions,
)
from dsari_like.errors import UserError

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
SPRING = "2026-03-29"  # Berlin skips 02:00-03:00
AUTUMN = "2026-10-25"  # Berlin repeats 02:00-03:00


def rule(text: str, zone: tzinfo = UTC, dst: DstPolicy = DstPolicy.ONCE, *, name: str = "hello") -> Rule:
    return bind(parse(text), name, zone, dst)


def at(text: str, zone: tzinfo = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def local(slot: Slot | None, zone: tzinfo = UTC) -> str:
    assert slot is not None
    return datetime.fromtimestamp(slot.time, zone).isoformat(" ")


def slots(of: Rule, after: float, until: float = float("inf")) -> Iterator[Slot]:
    while (slot := of.next_after(after)) is not None and slot.time <= until:
        yield slot
        after = slot.time


def first_times(of: Rule, after: str, zone: tzinfo = UTC, count: int = 3) -> list[str]:
    return [local(slot, zone)[:16] for slot in islice(slots(of, at(after, zone)), count)]


def day_of(text: str, day: str, dst: DstPolicy) -> list[tuple[str, int]]:
    """Times of one day in Berlin with the number of instances each stands for."""
    start = at(f"{day} 00:00", BERLIN) - 1
    found = slots(rule(text, BERLIN, dst), start, at(f"{day} 23:59", BERLIN))
    return [(local(slot, BERLIN)[11:], slot.count) for slot in found]


def refusal(text: str) -> str:
    with pytest.raises(ScheduleError) as caught:
        bind(parse(text), "hello", NEW_YORK, DstPolicy.ONCE)
    return str(caught.value)


# Hashes


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("H H * * *", "daily at 11:10:32"),
        ("@daily", "daily at 11:10:32"),
        ("@midnight", "daily at 02:10:32"),
        ("@hourly", "every hour at minute 10, at second 32"),
        ("@weekly", "at 11:10:32 on Fridays"),
        ("@monthly", "at 11:10:32 on day 22 of the month"),
        ("@yearly", "at 11:10:32 on day 22 of the month in September"),
        ("@annually", "at 11:10:32 on day 22 of the month in September"),
    ],
)
def test_the_vector_of_the_name_hello(text: str, described: str) -> None:
    """These are published in the manual; a change here moves every hashed job of every user."""
    assert rule(text).describe() == described


@pytest.mark.parametrize("name", ["", "x", "job-17", "büro", "a" * 300])
def test_hash_is_the_shifted_crc(name: str) -> None:
    number = crc32(name.encode())
    slot = rule("H H * * *", name=name).next_after(-1)
    expected = (number >> 1) % 24 * 3_600 + number % 60 * 60 + (number >> 5) % 60
    assert slot == Slot(expected)


def test_a_name_that_is_not_utf8_has_a_hash_too() -> None:
    assert rule("H H * * *", name=b"\xff".decode("utf-8", "surrogateescape")).next_after(0)


def test_bare_day_is_hashed_over_days_that_every_month_has() -> None:
    days = {rule("0 0 H * *", name=f"job-{n}").describe().split(" on day ")[1].split()[0] for n in range(2_000)}
    assert {int(day) for day in days} == set(range(1, 29))


def test_hash_as_a_list_item() -> None:
    """B-28: each item is expanded by itself."""
    assert rule("H(0-14),H(30-44) * * * *").describe() == "every hour at minutes 10 and 40, at second 32"
    assert rule("H,30 1 * * *").describe() == "daily at 01:10:32 and 01:30:32"


@pytest.mark.parametrize("text", ["H/15 * * * *", "H(0-59)/15 * * * *"])
def test_hashed_step_starts_inside_its_step(text: str) -> None:
    for number in range(500):
        times = [slot.time for slot in slots(rule(text, name=f"job-{number}"), -1, 3_599)]
        assert len(times) == 4
        assert {later - earlier for earlier, later in pairwise(times)} == {900}


def test_bound_of_zero_is_a_bound() -> None:
    """B-29."""
    assert {local(rule("H(0-0) 0 * * *", name=f"job-{n}").next_after(-1))[11:16] for n in range(50)} == {"00:00"}


def test_hashed_weekday_seven_is_sunday() -> None:
    assert rule("0 0 * * H(7-7)").describe() == "at 00:00:32 on Sundays"
    found = {rule("0 0 * * H(0-7)", name=f"job-{n}").describe() for n in range(200)}
    assert len({words.split()[-1] for words in found}) == 7


def test_second_is_zero_for_a_plain_expression_and_may_be_given() -> None:
    assert local(rule("10 11 * * *").next_after(0))[11:19] == "11:10:00"
    assert local(rule("10 11 * * * 7").next_after(0))[11:19] == "11:10:07"
    assert local(rule("H H * * * 7").next_after(0))[11:19] == "11:10:07"


def test_any_run_of_white_space_separates_fields() -> None:
    """B-33."""
    assert rule("H  H\t* *   *\n").next_after(0) == rule("H H * * *").next_after(0)


# Fields


def test_croniter_and_we_agree_on_every_range() -> None:
    """It expands what our grammar admits; this is the proof that it does so as Debian cron would."""
    for kind in fields.KINDS:
        top = kind.high
        for low, high, step in product(range(kind.low, top + 1, 3), range(kind.low, top + 1, 4), (1, 2, 5, 7, 80)):
            if low <= high:
                found = fields.parse_field(kind, f"{low}-{high}/{step}").mask
                assert found == kind.folded(sum(BIT[value] for value in range(low, high + 1, step)))


def test_star_that_does_not_begin_a_field_is_no_star() -> None:
    assert not fields.parse_field(fields.MINUTE, "5,*").star
    assert fields.parse_field(fields.MINUTE, "*,5").star
    assert fields.parse_field(fields.MINUTE, "*/2").star


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("0 0 L * *", "2026-02-28 00:00"),
        ("0 0 15,L * *", "2026-02-15 00:00"),
        ("0 0 * * 5L", "2026-02-27 00:00"),
        ("0 0 * * friL", "2026-02-27 00:00"),
        ("0 0 * * 1#3", "2026-02-16 00:00"),
        ("0 0 * * sat,mon#3", "2026-02-07 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 * 2 1#5", "2044-02-29 00:00"),
        ("0 0 L * fri", "2026-02-06 00:00"),
    ],
)
def test_days_by_extension(text: str, first: str) -> None:
    """D8."""
    assert first_times(rule(text), "2026-02-02 00:00", count=1) == [first]


def test_rare_dates_are_found_across_the_missing_leap_day_of_2100() -> None:
    leap_sunday = rule("0 0 29 2 */7")
    assert first_times(leap_sunday, "2060-01-01 00:00") == ["2060-02-29 00:00", "2088-02-29 00:00", "2128-02-29 00:00"]


# Intervals


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("@every 90s", 90), ("@every 1h30m", 5_400), ("@every 1d 2h", 93_600), ("@EVERY 1S", 1), ("@every 45m", 2_700)],
)
def test_every_keeps_its_phase_without_state(text: str, seconds: int) -> None:
    every = rule(text, BERLIN)
    for after in (0.0, 1.5e9 + 0.25, at("2026-10-25 01:59", BERLIN)):
        first, second = islice(slots(every, after), 2)
        assert after < first.time <= after + seconds
        assert second.time - first.time == seconds
        assert (first.time - crc32(b"hello")) % seconds == 0


def test_reboot_is_no_instant() -> None:
    reboot = rule("@reboot")
    assert reboot.is_reboot
    assert reboot.next_after(0) is None
    assert not rule("@daily").is_reboot


# Clock changes


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        (DstPolicy.ONCE, [("03:00:00+02:00", 3), ("03:30:00+02:00", 1)]),
        (DstPolicy.BOTH, [("03:00:00+02:00", 3), ("03:30:00+02:00", 1)]),
        (DstPolicy.SKIP, [("03:00:00+02:00", 1), ("03:30:00+02:00", 1)]),
    ],
)
def test_fixed_times_in_spring(dst: DstPolicy, expected: list[tuple[str, int]]) -> None:
    assert day_of("0,30 2,3 * * *", SPRING, dst) == expected


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        (DstPolicy.ONCE, ["02:30:00+02:00"]),
        (DstPolicy.SKIP, ["02:30:00+02:00"]),
        (DstPolicy.BOTH, ["02:30:00+02:00", "02:30:00+01:00"]),
    ],
)
def test_fixed_times_in_autumn(dst: DstPolicy, expected: list[str]) -> None:
    assert day_of("30 2 * * *", AUTUMN, dst) == [(moment, 1) for moment in expected]


@pytest.mark.parametrize("dst", DstPolicy)
def test_elapsed_schedules_know_no_policy(dst: DstPolicy) -> None:
    assert len(day_of("*/20 * * * *", SPRING, dst)) == 23 * 3
    assert len(day_of("0 * * * *", AUTUMN, dst)) == 25


def test_slots_say_what_happened_to_the_clock() -> None:
    spring = rule("10,20,30 2 * * *", BERLIN).next_after(at("2026-03-29 01:00", BERLIN))
    assert spring == Slot(
        at("2026-03-29 03:00", BERLIN),
        3,
        "3 skipped local times (02:10, 02:20, 02:30) made up",
        ("2026-03-29 02:10", "2026-03-29 02:20", "2026-03-29 02:30"),
    )
    single = rule("30 2 * * *", BERLIN).next_after(at("2026-03-29 01:00", BERLIN))
    assert single is not None
    assert single.note == "skipped local time 02:30 made up"
    many = rule("0-59 2 * * *", BERLIN).next_after(at("2026-03-29 01:00", BERLIN))
    assert many is not None
    assert (many.count, many.note) == (60, "60 skipped local times (02:00, 02:01, 02:02, …, 02:59) made up")
    autumn = slots(rule("30 * * * *", BERLIN), at("2026-10-25 01:45", BERLIN))
    assert [slot.note for slot in islice(autumn, 3)] == [
        "repeated local time 02:30, first pass",
        "repeated local time 02:30, second pass",
        "",
    ]


def test_a_skipped_day_is_lost_and_told() -> None:
    """D6."""
    apia = ZoneInfo("Pacific/Apia")
    noon = rule("0 12 * * *", apia)
    start, end = at("2011-12-29 13:00", apia), at("2012-01-01 00:00", apia)
    assert [local(slot, apia)[:16] for slot in slots(noon, start, end)] == ["2011-12-31 12:00"]
    (lost,) = noon.lost_between(start, end)
    assert (lost.skipped, lost.note) == (("2011-12-30 12:00",), "skipped local time 12:00 not made up")
    assert noon.lost_between(end, end + 86_400 * 365) == ()


def test_what_the_policy_skips_is_told_too() -> None:
    year = at("2026-01-01 00:00"), at("2027-01-01 00:00")
    assert [lost.skipped for lost in rule("30 2 * * *", BERLIN, DstPolicy.SKIP).lost_between(*year)] == [
        ("2026-03-29 02:30",)
    ]
    assert rule("30 2 * * *", BERLIN).lost_between(*year) == ()
    assert rule("*/30 2 * * *", BERLIN, DstPolicy.SKIP).lost_between(*year) == ()


def test_a_jump_back_over_midnight_at_the_end_of_a_month() -> None:
    """Local times before the instant itself come round again: 31 January, after it was already 1 February."""
    vostok = ZoneInfo("Antarctica/Vostok")
    after = at("1994-01-31 17:30")  # 00:30 on 1 February by the old clock; 17:30 on 31 January by the new one
    assert local(rule("*/30 * * 1 *", vostok).next_after(after), vostok)[:16] == "1994-01-31 18:00"


def test_a_gap_that_ends_between_two_minutes() -> None:
    """Monrovia moved its clock by 44 minutes 30 seconds."""
    monrovia = ZoneInfo("Africa/Monrovia")
    slot = rule("15 0 7 1 *", monrovia).next_after(at("1972-01-06 12:00"))
    assert (local(slot)[:19], slot and slot.skipped) == ("1972-01-07 00:44:30", ("1972-01-07 00:15",))


def test_transitions_name_instant_and_offsets() -> None:
    assert list(transitions(BERLIN, at("2026-01-01 00:00"), at("2027-01-01 00:00"))) == [
        (at("2026-03-29 01:00"), 3_600, 7_200),
        (at("2026-10-25 01:00"), 7_200, 3_600),
    ]
    assert list(transitions(UTC, 0, 4e9)) == []


# Lists of schedules


def test_the_earliest_of_a_list_counts_and_equal_instants_are_one_slot() -> None:
    both = [rule("0 3 * * *"), rule("0 */3 * * *"), rule("@reboot")]
    assert [(slot.time, slot.count) for slot in [next_of(both, 0), next_of(both, 10_799)] if slot] == [(10_800, 1)] * 2
    assert next_of([rule("@reboot"), rule("0 0 30 2 *")], 0) is None
    assert next_of([], 0) is None


def test_skipped_times_of_a_list_are_counted_once() -> None:
    pair = [rule("15,30 2 * * *", BERLIN), rule("30 2,3 * * *", BERLIN), rule("0 3 * * *", BERLIN)]
    slot = next_of(pair, at("2026-03-29 01:00", BERLIN))
    assert slot is not None
    assert (slot.count, slot.skipped) == (3, ("2026-03-29 02:15", "2026-03-29 02:30"))


class Backwards(Rule):
    """A rule with the fault that the guard is there for."""

    text = "backwards"

    def next_after(self, after: float) -> Slot:
        return Slot(after)

    def describe(self) -> str:
        return self.text


def test_an_answer_that_is_not_later_is_a_fault_and_no_slot() -> None:
    """B-70."""
    with pytest.raises(ScheduleFault, match=r"'backwards': .* which is not later"):
        next_of([Backwards()], 5.0)


# Recurrence


def test_phase_survives_restart_because_the_anchor_is_kept() -> None:
    """B-31: the old tool counted from each load, so a weekly job of a daemon restarted daily never ran."""
    weekly = parse("RRULE:FREQ=WEEKLY;INTERVAL=2")
    now = at("2026-05-01 12:00")
    anchor = default_anchor("hello", now)
    assert anchor <= now < anchor + 86_400
    assert (anchor - crc32(b"hello")) % 86_400 == 0
    expected = {anchor + 14 * 86_400 * number for number in range(1, 4)}
    for restart in range(0, 40):
        bound = bind(weekly, "hello", UTC, DstPolicy.ONCE, anchor=anchor)
        slot = bound.next_after(now + 86_400 * restart)
        assert slot is not None
        assert slot.time in expected


def test_anchor_is_asked_for_only_without_a_start() -> None:
    assert rule("RRULE:FREQ=DAILY").needs_anchor
    assert not rule("DTSTART:20260101T090000 RRULE:FREQ=DAILY").needs_anchor
    assert not rule("@daily").needs_anchor
    with pytest.raises(ValueError, match="anchor"):
        rule("RRULE:FREQ=DAILY").next_after(0)


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("DTSTART:20260701T090000", "2026-07-01 09:00:00-04:00"),
        ("DTSTART:20260701T090000Z", "2026-07-01 05:00:00-04:00"),
        ("DTSTART;TZID=America/New_York:20260701T090000", "2026-07-01 09:00:00-04:00"),
        ("DTSTART;TZID=Europe/Berlin:20260701T090000", "2026-07-01 03:00:00-04:00"),
        ("DTSTART:20260701", "2026-07-01 00:00:00-04:00"),
    ],
)
@pytest.mark.parametrize("separator", [" ", "\n", "\r\n"])
def test_start_in_every_form(start: str, first: str, separator: str) -> None:
    parsed = parse(f"{start}{separator}RRULE:FREQ=DAILY")
    bound = bind(parsed, "hello", NEW_YORK, DstPolicy.ONCE, zones=ZoneInfo)
    assert local(bound.next_after(0), NEW_YORK) == first


def test_a_utc_start_recurs_in_utc() -> None:
    daily = rule("DTSTART:20260101T090000Z RRULE:FREQ=DAILY", NEW_YORK)
    assert {slot.time % 86_400 for slot in islice(slots(daily, 0), 200)} == {9 * 3_600}


def test_a_foreign_zone_needs_somebody_who_knows_it() -> None:
    foreign = "DTSTART;TZID=Europe/Berlin:20260701T090000 RRULE:FREQ=DAILY"
    assert "schedule_timezone: Europe/Berlin" in refusal(foreign)
    with pytest.raises(ScheduleError, match="unknown zone 'Mars/Base'"):
        bind(parse(foreign.replace("Europe/Berlin", "Mars/Base")), "x", UTC, DstPolicy.ONCE, zones=ZoneInfo)


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260703T130000Z", "2026-07-03 09:00"),
        ("20260703T125959Z", "2026-07-02 09:00"),
        ("20260703T090000", "2026-07-03 09:00"),
        ("20260703T085959", "2026-07-02 09:00"),
        ("20260703", "2026-07-03 09:00"),
    ],
)
def test_until_in_every_form(until: str, last: str) -> None:
    """B-69."""
    daily = rule(f"DTSTART:20260701T090000 RRULE:FREQ=DAILY;UNTIL={until}", NEW_YORK)
    assert [local(slot, NEW_YORK)[:16] for slot in slots(daily, 0)][-1] == last


def test_recurrence_at_clock_changes() -> None:
    """D7: fixed times as in cron, sub-daily ones by elapsed time."""
    daily = "DTSTART:20260301T023000 RRULE:FREQ=DAILY"
    assert first_times(rule(daily, BERLIN), "2026-03-29 01:00", BERLIN, 2) == ["2026-03-29 03:00", "2026-03-30 02:30"]
    assert first_times(rule(daily, BERLIN, DstPolicy.SKIP), "2026-03-29 01:00", BERLIN, 1) == ["2026-03-30 02:30"]
    assert first_times(rule(daily, BERLIN), "2026-10-25 01:00", BERLIN, 2) == ["2026-10-25 02:30", "2026-10-26 02:30"]
    twice = first_times(rule(daily, BERLIN, DstPolicy.BOTH), "2026-10-25 01:00", BERLIN, 2)
    assert twice == ["2026-10-25 02:30", "2026-10-25 02:30"]
    hours = slots(rule("DTSTART:20260101T000000 RRULE:FREQ=HOURLY;INTERVAL=6", BERLIN), at("2026-03-28 12:00"))
    assert {later.time - slot.time for slot, later in zip(hours, islice(hours, 20), strict=False)} == {21_600}


def test_a_start_inside_a_gap_is_made_up_and_keeps_its_time_of_day() -> None:
    gap = rule("DTSTART:20260329T023000 RRULE:FREQ=DAILY", BERLIN)
    assert first_times(gap, "2026-03-28 00:00", BERLIN, 2) == ["2026-03-29 03:00", "2026-03-30 02:30"]


def test_elapsed_rule_that_matches_in_one_half_of_the_year_only() -> None:
    """Every 24 elapsed hours from 05:00 winter time is 06:00 in summer, which BYHOUR=5 does not want."""
    winter = rule("DTSTART:20260101T050000 RRULE:FREQ=HOURLY;INTERVAL=24;BYHOUR=5", BERLIN)
    assert first_times(winter, "2026-03-28 06:00", BERLIN, 1) == ["2026-10-25 05:00"]


def test_recurrence_years_later_is_as_exact_and_as_quick() -> None:
    minutes = rule("DTSTART:19970902T090000Z RRULE:FREQ=MINUTELY;INTERVAL=7")
    after = at("2026-07-01 00:00")
    slot = minutes.next_after(after)
    assert slot is not None
    assert (slot.time - at("1997-09-02 09:00")) % 420 == 0
    assert 0 < slot.time - after <= 420


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RRULE:FREQ=DAILY;COUNT=3", "give UNTIL instead"),
        ("RRULE:FREQ=DAYLY", "did you mean DAILY?"),
        ("RRULE:FREQ=DAILY;BYHOURS=1", "did you mean BYHOUR?"),
        ("RRULE:INTERVAL=2", "FREQ is missing"),
        ("RRULE:FREQ=DAILY;FREQ=DAILY", "given twice"),
        ("RRULE:FREQ=DAILY;BYSETPOS=1", "there is none"),
        ("RRULE:FREQ=DAILY;BYDAY=1MO", "no number fits here"),
        ("RRULE:FREQ=MONTHLY;BYDAY=6MO", "outside 1-5"),
        ("RRULE:FREQ=WEEKLY;BYMONTHDAY=1", "cannot be used with FREQ=WEEKLY"),
        ("RRULE:FREQ=DAILY;WKST=XX", "WKST=XX"),
        ("RRULE:FREQ=DAILY;INTERVAL=1.5", "not a number"),
        ("RRULE:FREQ=DAILY;UNTIL=tomorrow", "is not a time such as"),
        ("RRULE:FREQ=DAILY EXDATE:20260101", "nothing else"),
        ("DTSTART:20260101T000000", "one RRULE: line is expected"),
        ("DTSTART:20260132T000000 RRULE:FREQ=DAILY", "no such date"),
        ("DTSTART;TZID=UTC:20260101T000000Z RRULE:FREQ=DAILY", "both Z and TZID"),
        ("DTSTART;X=1:20260101T000000Z RRULE:FREQ=DAILY", "not 'X=1'"),
        ("DTSTART:00010101T000000 RRULE:FREQ=DAILY", "outside the years"),
        ("DTSTART=20260101 RRULE:FREQ=DAILY", "cannot read"),
        ("DTSTART:20260201T000000 RRULE:FREQ=DAILY;UNTIL=20260101", "never matches from its DTSTART on"),
        ("DTSTART:20260101T000000 RRULE:FREQ=SECONDLY;INTERVAL=60;BYSECOND=30", "never matches"),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9", "never matches"),
        ("RRULE:FREQ=YEARLY;BYYEARDAY=366;BYMONTH=3", "never matches"),
        ("RRULE:FREQ=MONTHLY;BYMONTH=4,6;BYMONTHDAY=31", "never matches"),
        ("RRULE:FREQ=MONTHLY;BYDAY=1FR;BYMONTHDAY=20", "never matches"),
        ("RRULE:FREQ=MONTHLY;BYMONTH=2;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=30", "never matches"),
        ("DTSTART:20260101T000000 RRULE:FREQ=HOURLY;INTERVAL=168;BYDAY=MO", "never matches"),
        ("DTSTART:20260101T000000 RRULE:FREQ=WEEKLY;INTERVAL=5200;BYMONTH=7", "never matches"),
    ],
)
def test_recurrence_refused_with_a_reason(text: str, said: str) -> None:
    began = time.perf_counter()
    assert said in refusal(text)
    assert time.perf_counter() - began < 0.5


def test_a_phase_that_leaves_nothing_is_a_warning_where_the_anchor_decides() -> None:
    """The text is right for another job, so it is no fault of the text."""
    parsed = parse("RRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29")
    never = bind(parsed, "hello", UTC, DstPolicy.ONCE, anchor=at("2026-01-01 00:00"))
    assert "never fires" in never.warnings()[0]
    assert bind(parsed, "hello", UTC, DstPolicy.ONCE, anchor=at("2028-01-01 00:00")).warnings() == ()


# What people are told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5/15 * * * *", "write 5-59/15"),
        ("0 0 * * 1/2", "write 1-6/2"),
        ("? * * * *", "write *"),
        ("0 22-2 * * *", "write 22-23,0-2"),
        ("0 0 * * 6-0", "write 6,0"),
        ("0 0 * * fri-mon", "write 5-6,0-1"),
        ("0 0 * nov-feb *", "write 11-12,1-2"),
        ("0 22-4/2 * * *", "write 22,0,2,4"),
        ("H-5 * * * *", "write H(a-b)"),
        ("H(9-5) * * * *", "write H(5-9)"),
        ("H/61 * * * *", "write H alone"),
        ("H(x) * * * *", "H, H(a-b), H/n and H(a-b)/n"),
        ("0 0 LW * *", "LW is not supported"),
        ("0 0 15W * *", "not supported"),
        ("0 0 * * L", "the last Friday is 5L"),
        ("0 0 * * 5#6", "# takes 1 to 5"),
        ("0 0 * * monday", "did you mean 'mon'?"),
        ("0 0 * foo *", "names are jan, feb"),
        ("mon * * * *", "takes no names"),
        ("* * * *", "4 fields where 5 are expected"),
        ("0 0 * * * * *", "7 fields"),
        ("1,,2 * * * *", "is empty"),
        ("60 * * * *", "60 is outside 0-59"),
        ("*/99999999999999999999 * * * *", "cannot be meant"),
        ("1.5 * * * *", "cannot read '1.5'"),
        ("@midnite", "did you mean @midnight?"),
        ("@xyzzy", "known are @midnight"),
        ("@daily 5", "nothing may follow @daily"),
        ("@every 90", "did you mean 90s?"),
        ("@every 0s", "outside one second to ten years"),
        ("@every 30m1h", "write 90s"),
        ("@every 99999999999999999999d", "outside one second to ten years"),
        ("", "is empty"),
        ("0 0 * * *\n0 1 * * *", "give a list"),
        ("\uff19 * * * *", "ASCII"),
        ("9" * 5_000, "ASCII only, at most"),
    ],
)
def test_refused_with_what_to_write_instead(text: str, said: str) -> None:
    message = refusal(text)
    assert said in message
    assert message.startswith("schedule '")
    assert len(message) < 400


def test_a_refusal_is_the_users_and_one_line() -> None:
    assert issubclass(ScheduleError, UserError)
    assert "\n" not in refusal("60 * * * *")


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("*/60 * * * *", "minute field '*/60': step 60 leaves only the first value, 0"),
        ("0 1-5/9 * * *", "hour field '1-5/9': step 9 leaves only the first value, 1"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6 *", "never fires"),
        ("0 0 31 */2 *", ""),
    ],
)
def test_accepted_with_a_warning(text: str, warned: str) -> None:
    """D1, D2."""
    warnings = rule(text).warnings()
    assert warned in (warnings[0] if warnings else "")
    assert bool(warnings) == bool(warned)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30 2 * * *", "daily at 02:30"),
        ("0,30 2,3 * * *", "daily at 02:00, 02:30, 03:00 and 03:30"),
        ("* * * * *", "every minute"),
        ("* * * * * *", "every second"),
        ("*/15 * * * *", "every 15 minutes"),
        (
            "*/15 9-17 * * 1-5",
            "every 15 minutes, in hours 9-17 on Mondays, Tuesdays, Wednesdays, Thursdays and Fridays",
        ),
        ("7 * * * *", "every hour at minute 7"),
        ("5 4 * * sun", "at 04:05 on Sundays"),
        ("0 0 13 * 5", "at 00:00 on day 13 of the month or on Fridays"),
        (
            "0 0 */8 * 1",
            "at 00:00 on days 1, 9, 17 and 25 of the month, only on Mondays",
        ),
        ("0 0 L 1,7 *", "at 00:00 on the last day of the month in January and July"),
        ("0 0 * * 1#2,5L", "at 00:00 on the second Monday of the month and the last Friday of the month"),
        ("@every 90m", "every 1 hour 30 minutes"),
        ("@every 1h", "every hour"),
        ("@reboot", "when the daemon starts"),
        (
            "DTSTART:20260101T090000 RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
            "every 2 weeks (BYDAY=MO), counted from 2026-01-01 09:00:00",
        ),
        ("RRULE:FREQ=DAILY", "every day, counted from when it is first seen"),
    ],
)
def test_described_in_words(text: str, words: str) -> None:
    assert rule(text).describe() == words
    assert rule(text).text == text


# Guards and costs


def test_the_ends_of_time_are_quiet() -> None:
    for text in ("* * * * *", "@daily", "30 2 * * *"):
        assert rule(text, BERLIN).next_after(at("9999-12-31 23:00")) is None
        slot = rule(text, BERLIN).next_after(at("0001-01-02 00:00"))
        assert slot is not None
    assert rule("0 0 * * *").next_after(at("1901-01-01 00:00")) == Slot(at("1901-01-02 00:00"))


def test_a_zone_may_be_a_plain_offset() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    assert local(rule("15 6 * * *", kathmandu).next_after(at("2026-03-28 12:00"))) == "2026-03-29 00:30:00+00:00"


def test_start_up_loads_neither_library() -> None:
    """Start-up time is budgeted: jobs with hashed, plain and star fields need neither croniter nor dateutil."""
    program = (
        "import sys\n"
        "from datetime import UTC\n"
        "from dsari_like.core.schedule import DstPolicy, bind, parse\n"
        "for text in ('H H * * *', '@daily', '5 4 * * sun', '0,30 2 1,15 jan *', 'H/15 * * * *', '@every 5m'):\n"
        "    bind(parse(text), 'x', UTC, DstPolicy.ONCE).next_after(0)\n"
        "print([name for name in ('croniter', 'dateutil', 'hashlib', 'calendar') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", program]
    printed = subprocess.run(
        command, capture_output=True, check=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert printed.stdout == "[]\n"


def test_parse_trees_are_shared() -> None:
    assert parse("H H * * *") is parse("H H * * *")
    assert not hasattr(rule("H H * * *"), "__dict__")
    assert sys.getsizeof(rule("H H * * *")) <= 120


MANUAL = Path(__file__).parents[2] / "man" / "dsari-like.yaml.5"
VECTORS = [line.split("\t") for line in MANUAL.read_text(encoding="utf-8").splitlines() if line.count("\t") == 4]


@pytest.mark.parametrize(("name", "crc", "daily", "quarters", "monthly"), [row for row in VECTORS if row[1].isdigit()])
def test_the_vectors_of_the_manual_are_true(name: str, crc: str, daily: str, quarters: str, monthly: str) -> None:
    """H is stable for ever: these are published."""

    def first(text: str, count: int = 1) -> list[datetime]:
        rule, instant, found = bind(parse(text), name, UTC, DstPolicy.ONCE), 1790000000.0 - 1790000000 % 3600 - 1, []
        while len(found) < count:
            slot = rule.next_after(instant)
            assert slot is not None
            instant = slot.time
            found.append(datetime.fromtimestamp(instant, UTC))
        return found

    assert int(crc) == crc32(name.encode())
    assert f"{first('H H * * *')[0]:%H:%M:%S}" == daily
    assert ", ".join(str(one.minute) for one in first("H/15 * * * *", 4)) == quarters
    assert f"day {first('@monthly')[0].day}" == monthly


def test_the_manual_has_vectors() -> None:
    assert len(VECTORS) == 5
