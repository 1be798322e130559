"""Tables: wide in a pipe, narrow on a screen, and never more than text."""

from __future__ import annotations

import pytest

from dsari_like.cli.table import Column, cut, layout, state_column, tone_of, visible, width_of

COLUMNS = (
    Column("run", least=4, mark=""),
    Column("job", least=4),
    state_column(),
    Column("took", right=True),
)
ROWS = [("0123456789", "a long name", "running", "1.5 s"), ("9876543210", "b", "failed", "12 s")]


def lines(width: int | None, colour: bool = False) -> list[str]:
    return list(layout(COLUMNS, ROWS, width, colour))


def test_a_pipe_gets_all_of_it() -> None:
    assert lines(None) == [
        "RUN         JOB          STATE     TOOK",
        "0123456789  a long name  running  1.5 s",
        "9876543210  b            failed    12 s",
    ]


def test_a_screen_narrows_the_columns_with_most_to_spare() -> None:
    assert lines(32) == [
        "RUN      JOB      STATE     TOOK",
        "0123456  a long…  running  1.5 s",
        "9876543  b        failed    12 s",
    ]


@pytest.mark.parametrize("width", range(3, 45))
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(width_of, lines(width))) <= width


def test_an_id_is_cut_without_a_mark_so_that_it_can_be_used() -> None:
    assert lines(30)[1].startswith("0123")
    assert "…" not in lines(30)[1].split()[0]


def test_what_does_not_fit_is_left_out_from_the_right() -> None:
    assert lines(12)[0] == "RUN   JOB"


def test_colour_adds_to_the_word_and_takes_no_room() -> None:
    assert lines(None, colour=True)[1] == "0123456789  a long name  \x1b[36mrunning\x1b[0m  1.5 s"
    assert tone_of("waiting for lock") == tone_of("scheduled") == "waiting"
    assert tone_of("-") == tone_of("") == ""


def test_nothing_in_a_cell_is_obeyed() -> None:
    attack = "a\x1b[2J\nb\u202ec\x9b"
    assert visible(attack) == "a\\x1b[2J\\nb\\u202ec\\x9b"
    assert len(list(layout((Column("x"),), [(attack,)], None))) == 2


def test_wide_and_combining_characters_are_counted_as_they_are_drawn() -> None:
    assert width_of("日本") == 4
    assert width_of("e\u0301") == 1
    assert cut("日本語", 5) == "日本…"
    assert list(layout((Column("x"), Column("y")), [("日本", "1"), ("abcd", "2")], None))[1:] == ["日本  1", "abcd  2"]
