"""Blackouts as they are written: what is accepted, what it comes to, and what is said to the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsari_like.config import files, plans
from dsari_like.core.choices import BlackoutPolicy
from dsari_like.core.model import Blackout
from tests.shell.test_config import faults, load

EVENT = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Freeze\nDTSTART;VALUE=DATE:20261224\nEND:VEVENT\nEND:VCALENDAR\n"
WHOLE = """
timezone: Europe/Berlin
jobs:
  a:
    command: x
    schedule: '@hourly'
    blackout_policy: defer
    blackout:
      - {start: "2026-12-20 18:00", end: 1766509200}
      - {schedule: '0 22 * * *', duration: 8h}
      - {calendar: days.ics}
"""


def refused(directory: Path, entry: str, **tree: str) -> str:
    """What is said to one entry, with the path of the key."""
    text = f"jobs:\n  a:\n    command: x\n    schedule: '@daily'\n    blackout:\n      - {entry}\n"
    (line,) = faults(directory, {"dsari_like.yaml": text, **{name.replace("_", "."): of for name, of in tree.items()}})
    return line.replace(f"{directory}/etc/", "")


def test_every_way_to_write_a_window_arrives(tmp_path: Path) -> None:
    text = WHOLE.replace("1766509200", '"2026-12-23 18:00:00+01:00"')
    made = load(tmp_path, {"dsari_like.yaml": text, "days.ics": EVENT})
    job, path = made.jobs["a"], str(tmp_path / "etc/days.ics")
    assert job.blackout == (
        Blackout(start="2026-12-20 18:00", end="2026-12-23 18:00:00+01:00"),
        Blackout(schedule="0 22 * * *", duration=28800.0),
        Blackout(calendar=path),
    )
    assert job.blackout_policy is BlackoutPolicy.DEFER
    assert [event.summary for event in made.calendars[path].events] == ["Freeze"]
    windows = plans.windows_all(made)["a"]
    assert windows.defer
    assert windows.describe() == (
        "from 2026-12-20 18:00 to 2026-12-23 18:00:00+01:00; '0 22 * * *' for 8 hours; days.ics"
    )
    # From the first window into the night, the next, and the day of the calendar.
    end = windows.end_of_window(1797786000.0)  # 20 December, 18:00
    assert end is not None and windows.clock(end) == "2026-12-23 18:00:00+01:00"
    end = windows.end_of_window(end + 4 * 3600)
    assert end is not None and windows.clock(end) == "2026-12-25 06:00:00+01:00"


def test_a_single_window_needs_no_list(tmp_path: Path) -> None:
    text = "jobs: {a: {command: x, blackout: {schedule: '@daily', duration: 1h}}}"
    assert load(tmp_path, text).jobs["a"].blackout == (Blackout(schedule="@daily", duration=3600.0),)


def test_only_jobs_with_a_schedule_have_windows_and_they_share_them(tmp_path: Path) -> None:
    window = "blackout: {schedule: '0 22 * * *', duration: 8h}"
    hashed = "blackout: {schedule: 'H 22 * * *', duration: 8h}"
    made = load(
        tmp_path,
        "jobs:\n"
        f"  a: {{command: x, schedule: '@daily', {window}}}\n"
        f"  b: {{command: x, schedule: '@hourly', {window}}}\n"
        f"  c: {{command: x, schedule: '@hourly', {hashed}}}\n"
        f"  d: {{command: x, schedule: '@hourly', {hashed}}}\n"
        f"  e: {{command: x, {window}}}\n"
        f"  f: {{command: x, schedule: '@daily', enabled: false, {window}}}\n",
    )
    windows = plans.windows_all(made)
    assert list(windows) == ["a", "b", "c", "d"]
    assert windows["a"] is windows["b"] and windows["c"] is not windows["d"]


def test_what_is_dumped_may_be_loaded_again(tmp_path: Path) -> None:
    text = WHOLE.replace("1766509200", "1798045200")
    first = files.dump(load(tmp_path / "1", {"dsari_like.yaml": text, "days.ics": EVENT}))
    assert first["jobs"]["a"]["blackout"][:2] == [
        {"start": "2026-12-20 18:00", "end": 1798045200},
        {"schedule": "0 22 * * *", "duration": 28800},
    ]
    assert files.dump(load(tmp_path / "2", {"dsari_like.json": json.dumps(first)})) == first


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{start: 2026-12-20 18:00, end: '2026-12-20 18:00'}", "blackout[0].end: it is not later than the start"),
        ("{start: '2026-12-20'}", "blackout[0]: expected start and end, or schedule and duration, or calendar; found"),
        ("{start: '2026-12-20', duration: 1h}", "found duration and start"),
        ("{}", "found none of them"),
        ("", "found none of them"),
        ("nights", "expected a map (a blackout), found 'nights'"),
        ("{begin: '2026-12-20'}", "blackout[0].begin: unknown key"),
        ("{start: '18:00', end: '20:00'}", "blackout[0].start: '18:00' is another time on each day"),
        ("{start: soon, end: '2026-12-20'}", "blackout[0].start: expected a date and time, found 'soon'"),
        ("{start: 1.0e+300, end: '2026-12-20'}", "blackout[0].start: expected a time within the years 1 to 9999"),
        ("{schedule: '@daily', duration: 0}", "the window would never open"),
        ("{schedule: '0 25 * * *', duration: 1h}", "blackout[0].schedule: schedule '0 25 * * *': hour field"),
        ("{schedule: '0 0 30 2 *', duration: 1h}", "never comes round, so the window would never open"),
        ("{schedule: '@reboot', duration: 1h}", "never comes round, so the window would never open"),
        ("{schedule: 'RRULE:FREQ=DAILY', duration: 1h}", "a recurrence needs a DTSTART here"),
        ("{schedule: '*/10 * * * *', duration: 10m}", "jobs.a.blackout: it never ends: each window opens before"),
        ("{calendar: none.ics}", "blackout[0].calendar: none.ics cannot be read: No such file or directory"),
        ("{calendar: bad.ics}", "blackout[0].calendar: bad.ics:1: expected BEGIN:VCALENDAR"),
    ],
)
def test_what_opens_no_window_is_refused_with_its_line(tmp_path: Path, entry: str, said: str) -> None:
    line = refused(tmp_path, entry, bad_ics="BEGIN:VCARD\n")
    assert said in line
    assert line.startswith(("dsari_like.yaml:6: jobs.a.blackout[0]", "dsari_like.yaml:5: jobs.a.blackout:"))


def test_all_faults_are_told_at_once_with_their_entries(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        "jobs:\n  a:\n    command: x\n    blackout:\n"
        "      - {start: '2026-12-21', end: '2026-12-20'}\n      - {schedule: '0 0 30 2 *', duration: 1h}\n",
    )
    assert [line.partition(": ")[0] for line in told] == ["dsari_like.yaml:5", "dsari_like.yaml:6"]


def test_a_fault_within_a_calendar_is_told_with_both_places(tmp_path: Path) -> None:
    zone = EVENT.replace(";VALUE=DATE:20261224", ";TZID=Customized:20261224T000000\nDURATION:P1D")
    line = refused(tmp_path, "{calendar: z.ics}", z_ics=zone)
    assert line.startswith("dsari_like.yaml:6: jobs.a.blackout[0].calendar: z.ics:2: the zone 'Customized'")


def test_what_a_calendar_holds_besides_is_warned_of(tmp_path: Path) -> None:
    text = "jobs:\n  a:\n    command: x\n    blackout: {calendar: c.ics}\n"
    todo = EVENT.replace("END:VCALENDAR", "BEGIN:VTODO\nEND:VTODO\nEND:VCALENDAR")
    made = load(tmp_path, {"dsari_like.yaml": text, "c.ics": todo})
    etc = f"{tmp_path}/etc"
    assert made.warnings == (
        f"{etc}/dsari_like.yaml:4: jobs.a.blackout[0].calendar: {etc}/c.ics:6: VTODO is no event and opens no window",
    )


def test_the_zone_of_the_job_is_that_of_its_windows(tmp_path: Path) -> None:
    window = "blackout: {start: '2026-07-01 12:00', end: '2026-07-01 13:00'}"
    made = load(
        tmp_path,
        "timezone: Europe/Berlin\njobs:\n"
        f"  a: {{command: x, schedule: '@daily', {window}}}\n"
        f"  b: {{command: x, schedule: '@daily', schedule_timezone: Asia/Kathmandu, {window}}}\n",
    )
    ends = {name: windows.next_window(0) for name, windows in plans.windows_all(made).items()}
    assert ends["a"] is not None and ends["b"] is not None
    assert ends["a"].end - ends["b"].end == 3.75 * 3600
