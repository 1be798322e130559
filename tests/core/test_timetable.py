"""The heap of instants: earliest first, moved and removed entries never seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.timetable import Timetable


def test_the_earliest_comes_first_and_a_moved_entry_counts_where_it_is_now() -> None:
    table = Timetable([("a", 30.0), ("b", 20.0)])
    table.set("c", 10.0)
    table.set("a", 5.0)
    assert table.next_deadline() == 5.0
    assert list(table.pop_due(10.0)) == [("a", 5.0), ("c", 10.0)]
    assert table.next_deadline() == 20.0
    table.remove("b")
    assert table.next_deadline() is None
    assert len(table) == 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 50)))), st.integers(0, 50))
def test_it_is_a_map_sorted_by_time(steps: list[tuple[str, int | None]], now: int) -> None:
    table, model = Timetable(), {}
    for key, time in steps:
        if time is None:
            table.remove(key)
            model.pop(key, None)
        else:
            table.set(key, float(time))
            model[key] = float(time)
    assert table.next_deadline() == min(model.values(), default=None)
    due = list(table.pop_due(now))
    assert due == sorted(((key, time) for key, time in model.items() if time <= now), key=lambda entry: entry[::-1])
    assert len(table) == len(model) - len(due)
