"""The picture and the table of states: drawn from the table that is obeyed, so that nothing is missing or made up."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from dsari_like.core.lifecycle import TRANSITIONS, RunState
from dsari_like.report import statechart
from dsari_like.report.statechart import chart, moves, text

SVG = "{http://www.w3.org/2000/svg}"


def test_each_change_is_listed_once_and_nothing_else_is() -> None:
    listed = {(move.before, move.event): move.after for move in moves()}
    assert listed == {(before.value, event.value): after.value for (before, event), after in TRANSITIONS.items()}
    assert [move.number for move in moves()] == list(range(1, len(TRANSITIONS) + 1))


def test_every_arrow_of_the_text_leads_where_the_table_says() -> None:
    rows = {line.split(" ")[0]: line for line in text()[2:]}
    assert list(rows) == [state.value for state in RunState]
    start = len("waiting_for_lock") + 1
    for move in moves():
        column = "".join(row[start + 2 * move.number - 1] for row in rows.values())
        assert column.index("o") == list(rows).index(move.before)
        assert re.search("[v^]", column).start() == list(rows).index(move.after)  # type: ignore[union-attr]
    assert max(map(len, text())) <= 80


def test_every_arrow_of_the_drawing_tells_its_change() -> None:
    drawn = ElementTree.fromstring(str(chart()).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    titles = [title.text for title in drawn.iter(f"{SVG}title")]
    assert titles == [f"{one.number}. {one.before}, {one.event}: {one.after}" for one in moves()]
    assert "style=" not in str(chart()), "a page of ours allows no style but that of its sheet"


def test_the_page_is_the_same_whatever_happens() -> None:
    assert statechart.chart() == statechart.chart()
