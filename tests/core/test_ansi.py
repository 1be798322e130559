"""What a command printed becomes markup that shows everything and does nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.report.ansi import lines, visible


def shown(*texts: str) -> list[str]:
    return [str(line) for line in lines(texts)]


def test_plain_text_stays_as_it_is() -> None:
    assert shown("make: nothing to be done", "") == ["make: nothing to be done", ""]


def test_markup_in_the_output_is_text() -> None:
    [line] = shown("<script>alert('x')</script> & \"more\"")
    assert line == "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;more&#34;"


def test_colours_and_weights_become_classes() -> None:
    assert shown("\x1b[1;31mFAIL\x1b[0m test") == ['<span class="b f1">FAIL</span> test']
    assert shown("\x1b[92mok\x1b[39m, \x1b[44mblue\x1b[49m") == [
        '<span class="f10">ok</span>, <span class="k4">blue</span>'
    ]


def test_a_colour_goes_on_until_it_is_reset() -> None:
    first, second, third = shown("\x1b[33mone", "two", "\x1b[mthree")
    assert (first, second) == ('<span class="f3">one</span>', '<span class="f3">two</span>')
    assert third == "three"


@pytest.mark.parametrize(
    ("escape", "classes"),
    [
        ("\x1b[38;5;9m", "f9"),
        ("\x1b[38;5;196m", "f9"),
        ("\x1b[48;5;232m", "k0"),
        ("\x1b[38;2;250;250;250m", "f15"),
        ("\x1b[38:2:0:0:238m", "f4"),
        ("\x1b[7m", "f0 k7"),
        ("\x1b[4;2m", "d u"),
    ],
)
def test_many_colours_are_rounded_to_the_sixteen_that_can_be_read(escape: str, classes: str) -> None:
    assert shown(f"{escape}x") == [f'<span class="{classes}">x</span>']


@pytest.mark.parametrize(
    "escape",
    [
        "\x1b[2J",
        "\x1b[10;20H",
        "\x1b[?25l",
        "\x1b]0;owned\x07",
        "\x1b]8;;javascript:alert(1)\x1b\\",
        "\x1b(B",
        "\x1b[38;5m",
        "\x1b[38m",
        "\x1b[99999999999m",
        "\x1bc",
    ],
)
def test_what_a_terminal_would_obey_is_left_out(escape: str) -> None:
    assert shown(f"a{escape}b") == ["ab"]


def test_what_could_deceive_is_shown_by_its_number() -> None:
    assert str(visible("a\x07b")) == 'a<i class="x">\\x07</i>b'
    assert str(visible("exe\u202egpj.sh")) == 'exe<i class="x">\\u202e</i>gpj.sh'
    assert str(visible("zero\u200bwidth")) == 'zero<i class="x">\\u200b</i>width'


def test_bytes_that_are_no_text_are_shown_by_their_number() -> None:
    [line] = shown(b"caf\xe9 \xff".decode("utf-8", "surrogateescape"))
    assert line == 'caf<i class="x">\\xe9</i> <i class="x">\\xff</i>'
    line.encode()


def test_a_progress_bar_shows_its_end_in_its_last_colour() -> None:
    assert shown("10%\r50%\r100%\r") == ["100%"]
    assert shown("\x1b[32m10%\r100%") == ['<span class="f2">100%</span>']


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ("span", "i")
        assert [name for name, _ in attributes] == ["class"]
        assert re.fullmatch(r"[a-z0-9 ]+", attributes[0][1] or "")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(st.lists(st.text(st.sampled_from("a<>&\"'\x1b[];0137m\r\t\x07\udcff\u202e\\8")), max_size=4))
def test_no_text_escapes_from_its_line(texts: list[str]) -> None:
    """Whatever is printed, the page gets spans with classes, closed in the line that opened them."""
    for line in shown(*texts):
        parser = _Strict()
        parser.feed(line)
        parser.close()
        assert parser.open == []
        assert not set(line) & set("\x1b\r\x07\udcff\u202e")
