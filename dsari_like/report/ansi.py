"""What a command wrote to a terminal, as lines of inert markup.

Owns the reading of escape sequences: colours and weights become classes of the style sheet, everything else a
terminal would obey (cursor movements, titles, links) is left out, and every character that could deceive a reader
or a browser is shown by its number. Must not know files, limits or templates.

Colours are the sixteen of the style sheet. The 256 and 16 million are rounded to the nearest of them: only then is
contrast held in light and dark, and no style attribute is needed, which the page's policy would refuse anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

_ESCAPES = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]*)m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # other control sequences
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links, other strings with an end
    r"|\x1b[ -/]*[0-~]"
)
# Controls but tab; lone surrogates, which stand for bytes that are no UTF-8; what reorders or hides text.
_VISIBLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_BASIC = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip
_LEVELS = (0, 95, 135, 175, 215, 255)
_FLAGS = {1: "b", 2: "d", 3: "i", 4: "u", 9: "s"}
_FLAGS_OFF = {22: ("b", "d"), 23: ("i",), 24: ("u",), 29: ("s",)}


@dataclass(slots=True)
class _Style:
    foreground: int | None = None
    background: int | None = None
    flags: frozenset[str] = frozenset()
    inverse: bool = False

    def classes(self) -> str:
        """The classes of a span, or nothing."""
        front, back = self.foreground, self.background
        if self.inverse:
            front, back = (0 if back is None else back), (7 if front is None else front)
        words = sorted(self.flags)
        words += [f"f{front}"] if front is not None else []
        words += [f"k{back}"] if back is not None else []
        return " ".join(words)


def lines(texts: Iterable[str]) -> Iterator[Markup]:
    """Each line of text as markup; a colour that is not reset goes on into the next line, as on a terminal."""
    style = _Style()
    for text in texts:
        yield Markup(_line(text, style))


def visible(text: str) -> Markup:
    """Text with its deceiving characters shown by number, and escaped."""
    return escape(text) if text.isprintable() else Markup(_marked(text))


def _line(text: str, style: _Style) -> str:
    if "\x1b" not in text:
        return _span(_overwritten(text), style)
    pieces, start, text = [], 0, _cut_overwritten(text)
    for match in _ESCAPES.finditer(text):
        pieces.append(_span(text[start : match.start()], style))
        if match["sgr"] is not None:
            _apply(style, match["sgr"])
        start = match.end()
    pieces.append(_span(text[start:], style))
    return "".join(pieces)


def _span(text: str, style: _Style) -> str:
    if not text:
        return ""
    classes = style.classes()
    return f'<span class="{classes}">{_marked(text)}</span>' if classes else _marked(text)


def _marked(text: str) -> str:
    if text.isprintable():  # nearly all there is: no control, no surrogate, nothing that hides or reorders
        return str(escape(text))
    return _VISIBLE.sub(_number, str(escape(text)))


def _number(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f'<i class="x">\\x{code - 0xDC00:02x}</i>'
    return f'<i class="x">\\x{code:02x}</i>' if code < 0x100 else f'<i class="x">\\u{code:04x}</i>'


def _overwritten(text: str) -> str:
    """What stays of a line that went back to its beginning, as progress bars do."""
    text = text.rstrip("\r")
    return text.rpartition("\r")[2] if "\r" in text else text


def _cut_overwritten(text: str) -> str:
    """The same for a line with colours: those set in the part that was overwritten still hold."""
    text = text.rstrip("\r")
    gone, _, kept = text.rpartition("\r")
    return "".join(match[0] for match in _ESCAPES.finditer(gone)) + kept


def _apply(style: _Style, parameters: str) -> None:
    codes = [int(word) if word.isdigit() and len(word) < 5 else 0 for word in re.split("[;:]", parameters)]
    remaining = iter(codes)
    for code in remaining:
        if code in (38, 48):
            _set_colour(style, code == 38, _extended(remaining))
        else:
            _apply_one(style, code)


def _apply_one(style: _Style, code: int) -> None:
    if code == 0:
        style.foreground, style.background, style.flags, style.inverse = None, None, frozenset(), False
    elif code in _FLAGS:
        style.flags |= {_FLAGS[code]}
    elif code in _FLAGS_OFF:
        style.flags -= set(_FLAGS_OFF[code])
    elif code in (7, 27):
        style.inverse = code == 7
    elif 30 <= code <= 37 or 90 <= code <= 97:
        _set_colour(style, True, code - 30 if code < 40 else code - 82)
    elif 40 <= code <= 47 or 100 <= code <= 107:
        _set_colour(style, False, code - 40 if code < 50 else code - 92)
    elif code in (39, 49):
        _set_colour(style, code == 39, None)


def _set_colour(style: _Style, foreground: bool, colour: int | None) -> None:
    if foreground:
        style.foreground = colour
    else:
        style.background = colour


def _extended(remaining: Iterator[int]) -> int | None:
    """The colour after 38 or 48: `5;n` or `2;r;g;b`."""
    kind = next(remaining, None)
    if kind == 5:
        index = next(remaining, None)
        return None if index is None else _from_256(min(index, 255))
    if kind == 2:
        return _nearest((next(remaining, 0), next(remaining, 0), next(remaining, 0)))
    return None


def _from_256(index: int) -> int:
    if index < 16:
        return index
    if index >= 232:
        grey = 8 + 10 * (index - 232)
        return _nearest((grey, grey, grey))
    index -= 16
    return _nearest((_LEVELS[index // 36], _LEVELS[index // 6 % 6], _LEVELS[index % 6]))


def _nearest(colour: tuple[int, int, int]) -> int:
    return min(range(16), key=lambda i: sum((a - b) ** 2 for a, b in zip(colour, _BASIC[i], strict=True)))
