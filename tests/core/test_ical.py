"""Calendars of other programs: which times their events take, and what is told of what cannot be read."""

from __future__ import annotations

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.blackout import Windows
from dsari_like.core.events import openings_of
from dsari_like.core.ical import Calendar, CalendarFault, read_calendar

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = {name: ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")}


def calendar(*lines: str) -> Calendar:
    return read_calendar("\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""]))


def event(*lines: str) -> Windows:
    """The windows of one event, in Berlin."""
    return bound(calendar("BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"))


def bound(of: Calendar, zone: tzinfo = BERLIN) -> Windows:
    return Windows(openings_of(of, "x.ics", zone, ZONES.get), zone)


def spans(windows: Windows, count: int = 5, after: str = "2026-01-01") -> list[str]:
    """The coming windows as their own clock shows them."""
    found: list[str] = []
    time = datetime.fromisoformat(after).replace(tzinfo=BERLIN).timestamp() - 1
    while len(found) < count and (window := windows.next_window(time)) is not None:
        found.append(f"{windows.clock(window.start)[:16]} - {windows.clock(window.end)[:16]}")
        time = window.end
    return found


def test_a_time_of_day_without_a_zone_is_that_of_the_job() -> None:
    assert spans(event("DTSTART:20260713T220000", "DTEND:20260714T060000")) == ["2026-07-13 22:00 - 2026-07-14 06:00"]


def test_a_time_in_utc_or_in_a_zone_is_taken_there() -> None:
    assert spans(event("DTSTART:20260713T220000Z", "DTEND:20260714T060000Z")) == ["2026-07-14 00:00 - 2026-07-14 08:00"]
    new_york = event("DTSTART;TZID=America/New_York:20260713T220000", "DTEND;TZID=Europe/Berlin:20260714T060000")
    assert spans(new_york) == ["2026-07-14 04:00 - 2026-07-14 06:00"]


def test_whole_days_go_from_midnight_to_midnight() -> None:
    """The end of a date is the day after; without one it is a single day. 29 March has 23 hours in Berlin."""
    assert spans(event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227")) == [
        "2026-12-24 00:00 - 2026-12-27 00:00"
    ]
    assert spans(event("DTSTART;VALUE=DATE:20260329")) == ["2026-03-29 00:00 - 2026-03-30 00:00"]


@pytest.mark.parametrize(
    ("length", "end"),
    [("PT1H30M", "23:30"), ("P1D", "2026-07-14 22:00"), ("P1W", "2026-07-20 22:00"), ("P1DT2H", "2026-07-15 00:00")],
)
def test_a_duration_stands_for_an_end(length: str, end: str) -> None:
    (found,) = spans(event("DTSTART:20260713T220000", f"DURATION:{length}"))
    assert found.endswith(end)


def test_a_day_is_a_day_of_the_calendar_and_24_hours_are_hours() -> None:
    day, hours = (event("DTSTART:20260328T220000", f"DURATION:{length}") for length in ("P1D", "PT24H"))
    assert spans(day) == ["2026-03-28 22:00 - 2026-03-29 22:00"]
    assert spans(hours) == ["2026-03-28 22:00 - 2026-03-29 23:00"]


def test_a_series_goes_on_with_the_clock_of_its_zone() -> None:
    nights = event("DTSTART:20260327T220000", "DTEND:20260328T060000", "RRULE:FREQ=DAILY")
    assert spans(nights, 3) == [
        "2026-03-27 22:00 - 2026-03-28 06:00",
        "2026-03-28 22:00 - 2026-03-29 07:00",  # eight hours, of which one was skipped
        "2026-03-29 22:00 - 2026-03-30 06:00",
    ]


def test_a_series_of_whole_days_takes_whole_days_when_the_clocks_change() -> None:
    sundays = event("DTSTART;VALUE=DATE:20260322", "RRULE:FREQ=WEEKLY;BYDAY=SU")
    assert spans(sundays, 2) == ["2026-03-22 00:00 - 2026-03-23 00:00", "2026-03-29 00:00 - 2026-03-30 00:00"]


def test_a_series_ends_with_until_or_with_its_count() -> None:
    until = event("DTSTART:20260105T200000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20260113T000000Z")
    count = event("DTSTART:20260105T200000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2")
    assert (
        spans(until)
        == spans(count)
        == [
            "2026-01-05 20:00 - 2026-01-05 21:00",
            "2026-01-12 20:00 - 2026-01-12 21:00",
        ]
    )


def test_what_is_taken_out_of_a_series_still_counts() -> None:
    found = event(
        "DTSTART:20260105T200000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=4",
        "EXDATE:20260106T200000,20260105T190000Z",
    )
    assert [span[:16] for span in spans(found)] == ["2026-01-07 20:00", "2026-01-08 20:00"]


def test_a_date_takes_the_event_of_that_day_out() -> None:
    found = event("DTSTART:20260105T200000", "DURATION:PT1H", "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260106")
    assert [span[:16] for span in spans(found, 2)] == ["2026-01-05 20:00", "2026-01-07 20:00"]


def test_dates_are_added_to_an_event() -> None:
    found = event("DTSTART:20260105T200000", "DURATION:PT1H", "RDATE:20260220T100000,20260221T100000")
    assert [span[:16] for span in spans(found)] == ["2026-01-05 20:00", "2026-02-20 10:00", "2026-02-21 10:00"]


def test_one_of_a_series_may_be_moved_or_cancelled() -> None:
    series = ["BEGIN:VEVENT", "UID:7", "DTSTART:20260105T200000", "DURATION:PT1H", "RRULE:FREQ=DAILY", "END:VEVENT"]
    moved = ["BEGIN:VEVENT", "UID:7", "RECURRENCE-ID:20260106T200000", "DTSTART:20260106T230000", "DURATION:PT30M"]
    cancelled = ["BEGIN:VEVENT", "UID:7", "RECURRENCE-ID:20260107T200000", "STATUS:CANCELLED"]
    made = calendar(*series, *moved, "END:VEVENT", *cancelled, "DTSTART:20260107T200000", "END:VEVENT")
    assert spans(bound(made), 3) == [
        "2026-01-05 20:00 - 2026-01-05 21:00",
        "2026-01-06 23:00 - 2026-01-06 23:30",
        "2026-01-08 20:00 - 2026-01-08 21:00",
    ]


def test_a_cancelled_event_opens_nothing() -> None:
    assert spans(event("DTSTART:20260105T200000", "DURATION:PT1H", "STATUS:CANCELLED")) == []


def test_lines_that_were_folded_and_text_that_was_escaped_are_read() -> None:
    made = read_calendar(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2026\n 0105T200000\nDURATION:PT1H\n"
        'SUMMARY;LANGUAGE="de;CH":Jahres\n wechsel\\, mit\\nFeuer\nEND:VEVENT\nEND:VCALENDAR\n'
    )
    windows = bound(made)
    assert spans(windows) == ["2026-01-05 20:00 - 2026-01-05 21:00"]
    assert windows.describe() == "x.ics"
    window = windows.next_window(0)
    assert window is not None and window.what == "'Jahreswechsel, mit Feuer' of x.ics"


def test_a_zone_is_known_by_the_name_the_file_gives_or_after_a_path() -> None:
    zone = ["BEGIN:VTIMEZONE", "TZID:W. Europe Standard Time", "X-LIC-LOCATION:Europe/Berlin", "END:VTIMEZONE"]
    for name in ("W. Europe Standard Time", "/mozilla.org/20050126_1/Europe/Berlin"):
        times = [f'DTSTART;TZID="{name}":20260105T200000', "DURATION:PT1H"]
        made = calendar(*zone, "BEGIN:VEVENT", *times, "END:VEVENT")
        assert spans(bound(made, ZONES["UTC"]))[0].startswith("2026-01-05 19:00")


def test_what_changes_nothing_is_passed_over_and_what_might_is_told() -> None:
    made = calendar(
        *("BEGIN:VTODO", "SUMMARY:x", "END:VTODO"),
        *("BEGIN:VEVENT", "DTSTART:20260105T200000", "DURATION:PT1H", "X-ANY;A=b:thing", "TRANSP:TRANSPARENT"),
        *("BEGIN:VALARM", "TRIGGER:-PT15M", "END:VALARM", "EXRULE:FREQ=DAILY", "END:VEVENT"),
        *("BEGIN:VEVENT", "DTSTART:20260105T200000", "END:VEVENT"),
    )
    assert len(spans(bound(made))) == 1
    assert made.warnings == (
        (3, "VTODO is no event and opens no window"),
        (14, "EXRULE is not understood and changes nothing"),
        (16, "the event takes no time and opens no window"),
    )


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (["DTSTART:20260230T200000"], 3, "there is no such date"),
        (["DTSTART:tomorrow"], 3, "is not a time such as 20260131T093000"),
        (["SUMMARY:x"], 2, "has no DTSTART"),
        (["DTSTART:20260105T200000", "DTEND:20260105T190000"], 4, "ends before it starts"),
        (["DTSTART:20260105T200000", "DURATION:1h"], 4, "not a length of time such as PT1H30M"),
        (["DTSTART:20260105T200000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=x"], 5, "COUNT is not a number"),
        (["DTSTART:20260105T200000", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], 5, "second RRULE"),
        (["nonsense"], 3, "expected NAME:VALUE, found 'nonsense'"),
        (["DTSTART:20260105T200000", "END:VTODO"], 4, "expected END:VEVENT, found END:VTODO"),
    ],
)
def test_a_broken_event_is_refused_with_its_line(lines: list[str], line: int, said: str) -> None:
    with pytest.raises(CalendarFault) as refused:
        read_calendar("\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"]))
    assert refused.value.line == line and said in refused.value.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("hello", "expected NAME:VALUE"),
        ("BEGIN:VCARD\nEND:VCARD", "this is no iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260105T200000", "ends within VEVENT; it is not whole"),
    ],
)
def test_what_is_no_calendar_is_refused(text: str, said: str) -> None:
    if not text:
        assert read_calendar(text) == Calendar()
        return
    with pytest.raises(CalendarFault, match=said):
        read_calendar(text)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["DTSTART;TZID=Customized Time:20260105T200000", "DURATION:PT1H"], "the zone 'Customized Time' is not known"),
        (["DTSTART:20260105T200000", "DURATION:PT1H", "RRULE:FREQ=DAILY;INTERVAL=0"], "INTERVAL=0 is outside"),
        (["DTSTART:20260105T200000Z", "DTEND;TZID=Europe/Berlin:20260105T203000"], "ends before it starts"),
    ],
)
def test_an_event_that_cannot_be_placed_is_refused_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(CalendarFault, match=said) as refused:
        event(*lines)
    assert refused.value.line == 3


@given(st.text(alphabet='BEGIN:VCALDRT\n ;="20260105T\r,\\', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_calendar("BEGIN:VCALENDAR\n" + text)
    except CalendarFault as fault:
        assert fault.line >= 1
