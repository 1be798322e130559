"""`dsari-like next`: the coming times of the schedules, in UTC and in the zone of each job.

Owns the choice of the stretch of time. Which times there are is for the schedules to say, and what becomes of them
for the pauses that are recorded; a forecast of the runs is `simulate`. What is listed is what the configuration means,
whether a daemon runs or not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

from dsari_like.cli.coming import Coming, coming
from dsari_like.cli.exits import DONE, UsageFault
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import add_format, print_listing, say
from dsari_like.cli.table import Column
from dsari_like.cli.times import iso, read_time, stamp
from dsari_like.core.schedule import Rule
from dsari_like.report.moments import zone_name

_USUAL = 10
#: More than this is no list any more; said when it is reached.
_MOST = 100_000
_COLUMNS = (
    Column("job", least=8),
    Column("utc"),
    Column("local"),
    Column("timezone", least=8),
    Column("note", least=10),
)


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "next",
        description="Lists when jobs are due by their schedules, in UTC and in the zone of each, and notes what a"
        " change of the clock makes up or repeats, and what a pause, skip-next or a blackout will leave out. Times are"
        " given as a span from now (90s, 15m, 2h, 1d), as today or tomorrow, as a date, or in epoch seconds.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this job")
    parser.add_argument(
        "-n", "--number", type=int, metavar="N", help="at most so many (default: 10, or all until --until)"
    )
    parser.add_argument("--from", dest="after", metavar="TIME", help="only what comes after this time (default: now)")
    parser.add_argument("--until", metavar="TIME", help="only what comes up to this time")
    parser.add_argument(
        "--simulate",
        metavar="SPAN",
        help="foretell the runs of so long from now: when each starts and ends if it takes as long as usual, what it"
        " waits for, and which slots start none",
    )
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """List them. A job that is never due is no failure."""
    if args.number is not None and args.number < 1:
        raise UsageFault(f"--number: expected 1 or more, found {args.number}")
    if args.simulate is not None and (args.after, args.until) != (None, None):
        raise UsageFault("--simulate begins now and says how long itself: it goes without --from and --until")
    with looking(args) as look:
        if args.simulate is not None:
            from dsari_like.cli.simulate import simulate  # it brings the engine, which takes 20 ms

            return simulate(args, look)
        after, until = _stretch(args, look)
        plans = _plans(args.name, look)
        found = list(_found(args, plans, after, until))
        _tell_more(plans, look, after, until, found)
        noted = [(one, _note(one, plans, look)) for one in found]
    objects = [_object(one, note, look) for one, note in noted]
    rows = [_cells(one, note, look) for one, note in noted]
    print_listing(args, objects, _COLUMNS, rows, "nothing comes" + (" in this time" if args.until else ""))
    return DONE


def _stretch(args: argparse.Namespace, look: Look) -> tuple[float, float]:
    zone = look.zone_of(look.job(args.name)) if args.name else look.zone
    after = look.now if args.after is None else read_time(args.after, zone, look.now, "--from", direction=1)
    until = float("inf") if args.until is None else read_time(args.until, zone, look.now, "--until", direction=1)
    if until < after:
        raise UsageFault("--until: expected a time after that of --from")
    return after, until


def _plans(name: str | None, look: Look) -> Mapping[str, Sequence[Rule]]:
    plans = look.plans()
    if name is None:
        return plans
    job = look.job(name)
    if not job.enabled:
        say(f"job '{name}' is switched off (enabled: false), so its schedule is not looked at")
    elif not job.schedule:
        say(f"job '{name}' has no schedule: it runs by triggers only")
    return {name: plans.get(name, ())}


def _found(
    args: argparse.Namespace, plans: Mapping[str, Sequence[Rule]], after: float, until: float
) -> Iterator[Coming]:
    number = args.number or (_USUAL if args.until is None else _MOST)
    return islice(takewhile(lambda one: one.time <= until, coming(plans, after)), number)


def _tell_more(
    plans: Mapping[str, Sequence[Rule]], look: Look, after: float, until: float, found: Sequence[Coming]
) -> None:
    """What is worth knowing and is no coming time: jobs that have none, and times that the clock leaves out."""
    last = found[-1].time if found and until == float("inf") else until
    for name, rules in plans.items():
        zone = look.zone_of(look.configuration.jobs[name])
        if any(rule.is_reboot for rule in rules):
            say(f"job '{name}' is due whenever the daemon starts (@reboot)")
        elif rules and next(coming({name: rules}, after), None) is None:
            say(f"job '{name}' is never due again: {'; '.join(rule.text for rule in rules)}")
        for lost in (one for rule in rules if last < float("inf") for one in rule.lost_between(after, last)):
            say(f"job '{name}' is not due at a change of the clock, {stamp(lost.time, zone)}: {lost.note}")
    if len(found) == _MOST:
        say(f"only the first {_MOST} are listed")


def _note(one: Coming, plans: Mapping[str, Sequence[Rule]], look: Look) -> str:
    name = one.job_name
    return look.note(name, plans[name], one.slot, look.zone_of(look.configuration.jobs[name]))


def _object(one: Coming, note: str, look: Look) -> dict[str, Any]:
    zone = look.zone_of(look.configuration.jobs[one.job_name])
    return {
        "job_name": one.job_name,
        "utc": iso(one.time),
        "local": iso(one.time, zone),
        "timezone": zone_name(zone),
        "note": note,
    }


def _cells(one: Coming, note: str, look: Look) -> tuple[str, ...]:
    zone = look.zone_of(look.configuration.jobs[one.job_name])
    utc = iso(one.time).replace("T", " ").removesuffix("Z")
    return (one.job_name, utc, stamp(one.time, zone), zone_name(zone), note)
