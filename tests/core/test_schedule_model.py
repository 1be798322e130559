"""Fire times against a model that walks minute by minute and knows nothing but the five general rules.

The model shares no line with the package: its expressions are made together with their value sets, so it needs no
parser, and it asks the zone itself for each minute. 500 cases by default, 10,000 with DSARI_LIKE_NIGHTLY=1.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dsari_like.core.schedule import DstPolicy, Rule, ScheduleError, bind, parse, transitions

NIGHTLY = os.environ.get("DSARI_LIKE_NIGHTLY") == "1"
EXAMPLES = 10_000 if NIGHTLY else 500
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)

MINUTE = timedelta(minutes=1)
THREE_HOURS = timedelta(hours=3)
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Antarctica/Vostok",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
)


@dataclass(frozen=True)
class Column:
    """One field: its text, the values it means, and whether it begins with a star."""

    text: str
    values: frozenset[int]

    @property
    def star(self) -> bool:
        return self.text.startswith("*")


@dataclass(frozen=True)
class Expression:
    minute: Column
    hour: Column
    day: Column
    month: Column
    weekday: Column

    @property
    def text(self) -> str:
        return " ".join(column.text for column in (self.minute, self.hour, self.day, self.month, self.weekday))

    @property
    def elapsed(self) -> bool:
        return self.minute.star or self.hour.star

    def on_day(self, day: date) -> bool:
        by_date = day.day in self.day.values
        by_weekday = day.isoweekday() % 7 in self.weekday.values
        both = self.day.star or self.weekday.star
        return day.month in self.month.values and (by_date and by_weekday if both else by_date or by_weekday)

    def at(self, local: datetime) -> bool:
        return local.minute in self.minute.values and local.hour in self.hour.values and self.on_day(local.date())


@st.composite
def columns(draw: st.DrawFn, low: int, high: int, near: Sequence[int], names: Sequence[str] = ()) -> Column:
    """A list of items, most of them close to what the window contains."""
    items = draw(st.lists(spans(low, high, near, names), min_size=1, max_size=draw(st.sampled_from([1, 1, 3]))))
    values = frozenset(value for _, of_item in items for value in of_item)
    if high == 7:
        values = frozenset(value % 7 for value in values)
    return Column(",".join(text for text, _ in items), values)


@st.composite
def spans(
    draw: st.DrawFn, low: int, high: int, near: Sequence[int], names: Sequence[str]
) -> tuple[str, frozenset[int]]:
    shape = draw(st.sampled_from(["*", "*/n", "a", "a", "name", "a-b", "a-b/n"]))
    step = draw(st.integers(1, high + 3))
    if shape == "*":
        return "*", frozenset(range(low, high + 1))
    if shape == "*/n":
        return f"*/{step}", frozenset(range(low, high + 1, step))
    value = draw(st.sampled_from(near) | st.integers(low, high))
    if shape == "a" or (shape == "name" and not names):
        return draw(st.sampled_from([str(value), f"0{value}"])), frozenset([value])
    if shape == "name":
        value = value % len(names) if low == 0 else value
        return names[value - low].title(), frozenset([value])
    end = draw(st.integers(value, high))
    if shape == "a-b":
        return f"{value}-{end}", frozenset(range(value, end + 1))
    return f"{value}-{end}/{step}", frozenset(range(value, end + 1, step))


def expressions(centre: datetime) -> st.SearchStrategy[Expression]:
    """Expressions that have something to do around a local time."""
    hours = sorted({(centre + timedelta(hours=shift)).hour for shift in range(-4, 4)})
    return st.builds(
        Expression,
        columns(0, 59, [0, 15, 30, 45]),
        columns(0, 23, hours),
        st.one_of(st.just(Column("*", frozenset(range(1, 32)))), columns(1, 31, [centre.day])),
        st.one_of(st.just(Column("*", frozenset(range(1, 13)))), columns(1, 12, [centre.month], MONTHS)),
        st.one_of(st.just(Column("*", frozenset(range(7)))), columns(0, 7, [centre.isoweekday() % 7], WEEKDAYS)),
    )


@cache
def jumps(zone: str) -> tuple[datetime, ...]:
    """Days on which the zone's offset changes, 1970-2100, found by looking at every day."""
    days = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(47_800)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    return tuple(days[i] for i in range(1, len(days)) if offsets[i] != offsets[i - 1]) or (days[20_000],)


@st.composite
def windows(draw: st.DrawFn) -> tuple[ZoneInfo, datetime, datetime]:
    """Two days and a half around a jump, from an odd minute to another."""
    name = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(jumps(name)))
    start = day - timedelta(hours=30) + MINUTE * draw(st.integers(0, 59))
    return ZoneInfo(name), start, start + timedelta(hours=36)


def model(
    expression: Expression, zone: tzinfo, policy: DstPolicy, start: datetime, end: datetime
) -> Iterator[tuple[float, int]]:
    """Instants and the number of local times each stands for, one UTC minute after the other."""
    instant = start
    before = start.astimezone(zone).replace(tzinfo=None)
    while (instant := instant + MINUTE) <= end:
        local = instant.astimezone(zone)
        naive = local.replace(tzinfo=None)
        count = int(expression.at(naive) and (expression.elapsed or not suppressed(local, policy)))
        jump = naive - before - MINUTE
        if timedelta(0) < jump <= THREE_HOURS and not expression.elapsed and policy is not DstPolicy.SKIP:
            count += sum(expression.at(before + MINUTE * step) for step in range(1, jump // MINUTE + 1))
        if count:
            yield instant.timestamp(), count
        before = naive


def suppressed(local: datetime, policy: DstPolicy) -> bool:
    """A fixed time in its second pass; a jump back of more than three hours is a new clock and repeats nothing."""
    earlier, later = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    assert earlier is not None
    assert later is not None
    return bool(local.fold) and policy is not DstPolicy.BOTH and earlier - later <= THREE_HOURS


def fires(rule: Rule, after: float, until: float) -> Iterator[tuple[float, int]]:
    while (slot := rule.next_after(after)) is not None and slot.time <= until:
        assert slot.time > after
        yield slot.time, slot.count
        after = slot.time


@many
@given(st.data(), windows(), st.sampled_from([DstPolicy.ONCE, DstPolicy.ONCE, DstPolicy.SKIP, DstPolicy.BOTH]))
def test_equals_the_walk_by_the_five_rules(
    data: st.DataObject, window: tuple[ZoneInfo, datetime, datetime], policy: DstPolicy
) -> None:
    """SCH-189."""
    zone, start, end = window
    expression = data.draw(expressions(start.astimezone(zone) + timedelta(hours=18)))
    rule = bind(parse(expression.text), "a-job", zone, policy)
    found = list(fires(rule, start.timestamp(), end.timestamp()))
    assert found == list(model(expression, zone, policy, start, end))


@many
@given(st.data(), st.dates(date(1970, 1, 1), date(2100, 1, 1)))
def test_equals_a_walk_over_days(data: st.DataObject, first: date) -> None:
    drawn = data.draw(expressions(datetime(first.year, first.month, first.day)))
    fixed = Expression(Column("7", frozenset([7])), Column("5", frozenset([5])), drawn.day, drawn.month, drawn.weekday)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    days = (start + timedelta(days=number, hours=5, minutes=7) for number in range(800))
    expected = [day.timestamp() for day in days if fixed.on_day(day.date())]
    rule = bind(parse(fixed.text), "a-job", UTC, DstPolicy.ONCE)
    found = fires(rule, start.timestamp(), (start + timedelta(days=800)).timestamp())
    assert [moment for moment, _ in found] == expected


@pytest.mark.parametrize("zone", random.Random(187).sample(ZONES, 12))
def test_the_answer_is_later_and_does_not_depend_on_who_asks_when(zone: str) -> None:
    """SCH-187."""
    chance = random.Random(zone)
    day = jumps(zone)[-1].timestamp()
    instants = [jump.time for jump in transitions(ZoneInfo(zone), day - 172_800, day)] or [int(day)]
    for _ in range(250):
        reference = instants[0] + chance.uniform(-9_000, 9_000)
        rule = bind(parse(random_text(chance)), "a-job", ZoneInfo(zone), chance.choice(list(DstPolicy)))
        slot = rule.next_after(reference)
        if slot is not None:
            assert slot.time > reference
            for _ in range(4):
                assert rule.next_after(chance.uniform(reference, slot.time - 0.001)) == slot


def random_text(chance: random.Random) -> str:
    minute = chance.choice(["*", "*/7", "0", "30", "H", "5,35", "0-40/20", "H/15"])
    hour = chance.choice(["*", "*/2", "1", "2", "0-3", "H(0-4)", "1,2,3", "23"])
    rest = chance.choice(["* * *", "* * 0", "1-7 * *", "*/2 * 1", "13 * 5", "L * *", "* * 5L", "* * sun#1"])
    return f"{minute} {hour} {rest}" + chance.choice(["", "", " 0", " */20", " H"])


RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;BYDAY=MO,WE;BYHOUR=3,15",
        "FREQ=DAILY;BYMONTH=1,6;BYMONTHDAY=-1,15",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30;BYSETPOS=2,-1",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=TU,SU;WKST=SU",
        "FREQ=WEEKLY;BYDAY=MO,TH;BYMONTH=2,3;BYHOUR=4",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=MONTHLY;BYMONTHDAY=31,-2;BYHOUR=0",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=3,11;BYDAY=2SU",
        "FREQ=YEARLY;BYYEARDAY=1,100,-1",
        "FREQ=YEARLY;BYWEEKNO=1,20;BYDAY=MO",
        "FREQ=HOURLY",
        "FREQ=HOURLY;BYHOUR=9,10,17;BYMINUTE=5,50",
        "FREQ=HOURLY;BYDAY=SA;BYMONTHDAY=1,2,3,4,5,6,7",
        "FREQ=MINUTELY;BYHOUR=3;BYSECOND=0,20",
        "FREQ=MINUTELY;BYYEARDAY=60,-60",
        "FREQ=SECONDLY;BYHOUR=12;BYMINUTE=1",
    ]
)


@settings(many, max_examples=EXAMPLES // 2)
@given(
    RULES,
    st.integers(1, 5),
    st.datetimes(datetime(1999, 1, 1), datetime(2000, 12, 31)),
    st.integers(0, 400 * 86_400),
)
def test_equals_dateutil_where_no_clock_jumps(rule: str, interval: int, start: datetime, later: int) -> None:
    """Begun anew near the instant that is asked for, a rule gives what it gives from its own start."""
    start = start.replace(microsecond=0)
    text = f"DTSTART:{start:%Y%m%dT%H%M%SZ} RRULE:{rule};INTERVAL={interval}"
    if "SECONDLY" in rule or "MINUTELY" in rule:
        later %= 86_400 * 2
    after = start + timedelta(seconds=later)
    try:
        reference = rrulestr(text.split()[1], dtstart=start)
    except ValueError:  # an hour, at this interval and from this start, that never comes
        with pytest.raises(ScheduleError, match="never matches"):
            bind(parse(text), "a-job", UTC, DstPolicy.ONCE)
        return
    bound = bind(parse(text), "a-job", ZoneInfo("Asia/Tokyo"), DstPolicy.ONCE)
    expected = [found.replace(tzinfo=UTC).timestamp() for found in reference.xafter(after, count=4)]
    found = fires(bound, after.replace(tzinfo=UTC).timestamp(), float("inf"))
    assert [moment for (moment, _), _ in zip(found, range(4), strict=False)] == expected
