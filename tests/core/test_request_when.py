"""`schedule_time`: what counts as a time, and what it means."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsari_like.core.model import Job, Trigger
from dsari_like.core.request import read_trigger
from dsari_like.core.when import epoch_of_local, read_when
from dsari_like.errors import TriggerError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 9, 21, 9, 0, tzinfo=BERLIN).timestamp()


def zone_of(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def when(value: object, zone: tzinfo = BERLIN) -> datetime:
    return datetime.fromtimestamp(read_when(value, zone, zone_of, NOW), zone)


def trigger(data: object) -> Trigger:
    return read_trigger(data, Job("build", ("true",)), BERLIN, NOW, True, zone_of)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2027-01-01", "2027-01-01T00:00:00+01:00"),
        ("2027-01-01 10:00", "2027-01-01T10:00:00+01:00"),
        ("2027-07-01T10:00", "2027-07-01T10:00:00+02:00"),
        ("2027-07-01T10:00Z", "2027-07-01T12:00:00+02:00"),
        ("2027-07-01T10:00:30.5-05:00", "2027-07-01T17:00:30.500000+02:00"),
        ("20270701T101010Z", "2027-07-01T12:10:10+02:00"),
        ("25 Dec 2027 3pm", "2027-12-25T15:00:00+01:00"),
        ("Sat Dec 25 15:00:00 2027", "2027-12-25T15:00:00+01:00"),
        ("25 Dec", "2026-12-25T00:00:00+01:00"),
        ("10:30", "2026-09-21T10:30:00+02:00"),
        ("friday 10:00", "2026-09-25T10:00:00+02:00"),
        ("2027-07-01 10:00 UTC", "2027-07-01T12:00:00+02:00"),
        ("1 July 2027 10:00 +0500", "2027-07-01T07:00:00+02:00"),
    ],
)
def test_text_is_read_as_people_write_it(text: str, meant: str) -> None:
    assert when(text).isoformat() == meant


def test_a_time_that_the_clocks_jump_over_moves_to_the_end_of_the_gap() -> None:
    assert when("2027-03-28 02:30").isoformat() == "2027-03-28T03:00:00+02:00"
    assert when("2027-03-28T02:00:00").isoformat() == "2027-03-28T03:00:00+02:00"


def test_a_time_that_comes_twice_means_the_first() -> None:
    assert when("2026-10-25 02:30").isoformat() == "2026-10-25T02:30:00+02:00"


def test_a_whole_day_that_a_zone_left_out() -> None:
    apia = ZoneInfo("Pacific/Apia")  # there was no 30 December 2011: the gap is a day long
    assert epoch_of_local(datetime(2011, 12, 30, 12), apia) == datetime(2011, 12, 31, tzinfo=apia).timestamp()


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "5",
            "12",
            "2027",
            "May",
            "May 2027",
            "friday",
            "tomorrow",
            "soon",
            "nan",
            "1e300",
            "99999999999999",
        ),
        *("2027-13-01", "2027-02-30", "25:00", "2027-01-01 10:00 XYZ", "9999-12-31T23:59:59Z", "0001-01-01", "x" * 200),
        *(True, False, None, [], {}, [1], 1e300, -1e300, 10**400, float("nan"), float("inf"), 253402300799),
    ],
)
def test_what_is_no_time_or_only_nearly_one_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"expected|names the zone"):
        when(value)


def test_a_zone_nobody_knows_is_refused_and_not_ignored() -> None:
    with pytest.raises(ValueError, match="write an offset such as"):
        when("2027-01-01 10:00 XYZ")


def test_the_past_means_now() -> None:
    assert trigger({"schedule_time": 0}).schedule_time == NOW
    assert trigger({"schedule_time": "2020-01-01"}).schedule_time == NOW


def test_a_zone_of_its_own_reads_text_without_an_offset() -> None:
    data = {"schedule_time": "2027-01-01 10:00", "schedule_timezone": "Asia/Tokyo"}
    assert trigger(data).schedule_time == datetime(2027, 1, 1, 1, tzinfo=UTC).timestamp()
    data["schedule_time"] += "+00:00"
    assert trigger(data).schedule_time == datetime(2027, 1, 1, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "/etc/passwd", "../../etc/passwd", "x" * 65, 5, None])
def test_a_zone_that_is_none(name: object) -> None:
    with pytest.raises(TriggerError, match="schedule_timezone: expected a zone"):
        trigger({"schedule_timezone": name})


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,4}[-/: ][0-9a-zA-Z:+\-. ]{0,25}", fullmatch=True))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    try:
        assert isinstance(read_when(text, BERLIN, zone_of, NOW), float)
    except ValueError as error:
        assert str(error)


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_a_local_time_is_found_again_or_lies_in_a_gap(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    back = datetime.fromtimestamp(epoch_of_local(local, zone), zone).replace(tzinfo=None, fold=0)
    assert back == local or (back > local and back.microsecond == 0)
