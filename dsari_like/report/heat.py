"""The calendar of a job: half a year of days, a square for each.

Owns geometry. How much ran is told by how dark a square is, and a day on which something failed by another colour and
by a cross; every square says its numbers when it is pointed at. Must not know whose days they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from markupsafe import Markup, escape

from dsari_like.report import days

WEEKS = 26
_STEP, _SIZE, _LEFT, _TOP = 15, 12, 30, 16
#: Completed runs of a day from which on the square is one darker.
_SHADES = (1, 5, 25, 100)


def first_day(last: int) -> int:
    """The Monday that a calendar begins with that ends in the week of this day."""
    return last - date.fromordinal(last).weekday() - 7 * (WEEKS - 1)


def calendar(first: int, counts: Sequence[tuple[int, int]], url_of: Callable[[int], str]) -> Markup:
    """The days from the first, a Monday, with how many runs completed and failed on each; a day with an address is a
    link."""
    if not any(map(any, counts)):
        return Markup("")
    good, bad = (sum(column) for column in zip(*counts, strict=True))
    label = f"{good} runs completed and {bad} failed on {len(counts)} days"
    squares = "".join(_square(first, place, pair, url_of) for place, pair in enumerate(counts))
    height = _TOP + 7 * _STEP
    names = "".join(
        f'<text x="0" y="{_TOP + row * _STEP + 10}">{name}</text>' for row, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"))
    )
    return Markup(
        f'<svg class="heat" viewBox="0 0 {_LEFT + WEEKS * _STEP} {height}" width="{_LEFT + WEEKS * _STEP}"'
        f' height="{height}" role="group" aria-label="{label}">{names}{_months(first)}{squares}</svg>'
    )


def _months(first: int) -> str:
    """Each month's name above the week in which it begins."""
    weeks = [date.fromordinal(first + 7 * week) for week in range(WEEKS)]
    return "".join(
        f'<text x="{_LEFT + week * _STEP}" y="10">{there:%b}</text>'
        for week, there in enumerate(weeks)
        if week and there.month != weeks[week - 1].month
    )


def _square(first: int, place: int, pair: tuple[int, int], url_of: Callable[[int], str]) -> str:
    good, bad = pair
    x, y = _LEFT + place // 7 * _STEP, _TOP + place % 7 * _STEP
    shade = sum(good >= least for least in _SHADES)
    kind = "f" if bad else f"g{shade}"
    drawn = f'<rect class="{kind}" x="{x}" y="{y}" width="{_SIZE}" height="{_SIZE}" rx="2"/>'
    if bad:
        drawn += f'<path d="M{x + 3} {y + 3}l6 6m0-6l-6 6"/>'
    if not good and not bad:
        return drawn
    words = f"{days.title(first + place)}: {_many(good)} completed" + (f", {_many(bad)} failed" if bad else "")
    drawn = f"<title>{words}</title>{drawn}"
    url = url_of(first + place)
    return f'<a href="{escape(url)}" tabindex="-1" aria-label="{words}">{drawn}</a>' if url else f"<g>{drawn}</g>"


def _many(count: int) -> str:
    return f"{count} or more" if count >= _SHADES[-1] else str(count)
