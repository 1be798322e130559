"""How the pages of a history hang together where runs are gone.

Owns which page follows which: they go by the numbers of the runs, so none ever moves, and where retention has removed
all runs of a page its neighbours are neighbours. Asked before anything is shown, so this needs no templates.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsari_like.report import names
from dsari_like.store.reader import Reader


def neighbours(reader: Reader, name: str, number: int) -> tuple[int, int]:
    """The pages before and after this one that hold runs, or will hold the next one; 0 for none."""
    last = names.last_history_number(reader.newest_number(name))
    before = reader.number_before(name, (number - 1) * names.PAGE_SIZE + 1)
    after = reader.number_after(name, number * names.PAGE_SIZE)
    newer = names.history_number(after) if after else last if last > number else 0
    return names.history_number(before) if before else 0, newer


def changed(reader: Reader, name: str, numbers: Iterable[int]) -> tuple[list[int], list[int]]:
    """Which pages are to be made anew and which are to go, when the runs of these numbers are gone."""
    last = names.last_history_number(reader.newest_number(name))
    anew, away = set(), set()
    for page in {names.history_number(number) for number in numbers}:
        first = (page - 1) * names.PAGE_SIZE + 1
        if page == last or 0 < reader.number_after(name, first - 1) < first + names.PAGE_SIZE:
            anew.add(page)
        else:
            away.add(page)
            anew.update(neighbours(reader, name, page))
    return sorted(anew - {0}), sorted(away)
