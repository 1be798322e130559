"""`dsari-like plan`: what a reload, or a start, would change: the jobs, and their starts in the coming hours.

Owns the command. What counts as a difference is for `core/inforce.py` to say, what becomes of a start for
`core/preview.py`. Works without a daemon: what was in force last is in the run log.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

from dsari_like.cli.exits import DONE, NO, UsageFault
from dsari_like.cli.look import Look, looking
from dsari_like.cli.printing import add_format, print_listing, say
from dsari_like.cli.standing import daemon_of
from dsari_like.cli.table import Column
from dsari_like.cli.times import iso, stamp
from dsari_like.config import plans
from dsari_like.core.inforce import OVERALL, Entry
from dsari_like.core.messages import Planned
from dsari_like.core.preview import MOST, Shift, shifts, starts
from dsari_like.transition import Comparison

_HOUR = 3600.0
_USUAL, _LONGEST = 24, 366 * 24
#: Starts of one job that a table shows; JSON has them all.
_SHOWN = 6
_COLUMNS = (Column("job", least=8), Column("change"), Column("was"), Column("becomes"), Column("what", least=10))


class _Change(NamedTuple):
    """One line of the answer; `keys` are those that say something else, for a job that has changed."""

    job_name: str
    change: str
    time: float | None = None
    was: float | None = None
    keys: tuple[str, ...] = ()


def add_parser(subparsers: Any) -> None:
    """The command's own options."""
    parser = subparsers.add_parser(
        "plan",
        description="Compares the configuration with the one in force in the daemon, or in force last when none is"
        " running: which jobs would be added, removed or changed by a reload, and which of the coming starts by"
        " schedule would move, appear or vanish. The exit status is 0 when nothing would, 1 when anything would. The"
        " values of an environment_file are not compared.",
    )
    parser.add_argument(
        "--hours", type=int, default=_USUAL, metavar="N", help=f"look so many hours ahead (default: {_USUAL})"
    )
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """0 when a reload would change nothing, 1 when it would."""
    if not 1 <= args.hours <= _LONGEST:
        raise UsageFault(f"--hours: expected 1 to {_LONGEST}, found {args.hours}")
    with looking(args) as look:
        found = Comparison(look.configuration, look.in_force, look.reader.anchors(), look.now)
        changes = list(_changes(found, look, args.hours * _HOUR))
        _tell_base(found, look)
        rows = list(_rows(changes, look))
    print_listing(args, list(map(_object, changes)), _COLUMNS, rows, "nothing would change")
    return NO if changes else DONE


def _tell_base(found: Comparison, look: Look) -> None:
    if found.is_first:
        say("no daemon has used this data directory yet, so everything is new")
    elif not daemon_of(look.configuration).alive:
        say("no daemon is running: this is compared with what was in force last")


def _changes(found: Comparison, look: Look, span: float) -> Iterator[_Change]:
    """Job by job, each with its starts: first what is changed, then what is new, then what is gone."""
    changed = [pair for pair in found.changed if pair[0].differences(pair[1])]
    after = _planned([one.job_name for one, _ in changed] + [job.name for job in found.added], found, look)
    until = look.now + span
    for before, entry in changed:
        name = before.job_name
        yield _Change(name, "changed", keys=before.differences(entry))
        if before._replace(rest="") != entry._replace(rest=""):
            yield from _starts(name, _earlier(before, found), after.get(name), look.now, until)
    for job in found.added:
        yield _Change(job.name, "added")
        yield from _starts(job.name, None, after.get(job.name), look.now, until)
    for before in found.gone:
        yield _Change(before.job_name, "removed")
        yield from _starts(before.job_name, _earlier(before, found), None, look.now, until)


def _planned(names: Sequence[str], found: Comparison, look: Look) -> Mapping[str, Planned]:
    """The times that the new configuration gives these jobs."""
    jobs = {name: look.configuration.jobs[name] for name in names if name != OVERALL}
    those = replace(look.configuration, jobs=jobs)
    bound = plans.bind_all(those, look.reader.anchors(), look.now)
    windows = plans.windows_all(those)
    return {
        name: Planned(rules, None, windows.get(name), found.made.get(name, frozenset()))
        for name, rules in bound.items()
    }


def _earlier(before: Entry, found: Comparison) -> Planned | None:
    if not before.enabled:
        return None
    planned = found.before(before)
    if planned is None:
        say(f"when job '{before.job_name}' was due under the configuration in force cannot be told any more")
    return planned


def _starts(name: str, before: Planned | None, after: Planned | None, now: float, until: float) -> Iterator[_Change]:
    old, new = starts(before, now, until), starts(after, now, until)
    if MOST in (len(old), len(new)):
        say(f"of job '{name}' only the first {MOST} starts are compared")
        until = min(times[-1] for times in (old, new) if len(times) == MOST)
        old, new = ([time for time in times if time <= until] for times in (old, new))
    for shift in shifts(old, new):
        yield _Change(name, _word(shift), shift.time, shift.was)


def _word(shift: Shift) -> str:
    if shift.was is None:
        return "appears"
    return "vanishes" if shift.time is None else "moved"


def _object(one: _Change) -> dict[str, Any]:
    utc, was = (None if time is None else iso(time) for time in (one.time, one.was))
    return {"job_name": one.job_name, "change": one.change, "utc": utc, "was": was, "keys": list(one.keys)}


def _rows(changes: Sequence[_Change], look: Look) -> Iterator[tuple[str, ...]]:
    for name, of_job in groupby(changes, key=lambda one: one.job_name):
        itself, *its_starts = of_job
        yield from (_cells(one, look) for one in (itself, *its_starts[:_SHOWN]))
        if more := Counter(one.change for one in its_starts[_SHOWN:]):
            yield (name, "", "", "", "and more of its starts: " + ", ".join(f"{more[word]} {word}" for word in more))


def _cells(one: _Change, look: Look) -> tuple[str, ...]:
    job = look.configuration.jobs.get(one.job_name)
    zone = look.zone_of(job) if job else look.zone
    was, becomes = ("" if time is None else stamp(time, zone) for time in (one.was, one.time))
    return (one.job_name or "(all jobs)", one.change, was, becomes, ", ".join(one.keys))
