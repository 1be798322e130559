"""Text into words as a POSIX shell would split it, without a shell and without expanding anything.

Owns the splitting alone. The standard library's splitter appends character by character, which for one quoted word
of a megabyte takes minutes; here every stretch is one match, and the whole is linear.
"""

from __future__ import annotations

import re

#: Nothing in it but words and plain blanks: what nearly every command is, and what `split` alone does right.
_PLAIN = re.compile(r"[ \t\r\n!#-&(-\[\]-~]*")
_PIECE = r"""(?xs)(?P<blank>[ \t\r\n]+)
      | (?P<plain>[^'"\\ \t\r\n]+)
      | '(?P<single>[^']*+)'
      | "(?P<double>(?:[^"\\]++|\\.)*+)"
      | \\(?P<escaped>.)"""
_ESCAPE = re.compile(r'\\(["\\])')


def split_words(text: str) -> tuple[list[str], str]:
    """The words and "", or no words and why the text cannot be split."""
    if _PLAIN.fullmatch(text):
        return text.split(), ""
    piece = re.compile(_PIECE)  # here, for it takes 2 ms and few configurations need it
    words: list[str] = []
    word: list[str] | None = None
    position = 0
    while position < len(text):
        match = piece.match(text, position)
        if match is None:
            return [], _fault(text[position])
        position = match.end()
        if match.lastgroup == "blank":
            words += [] if word is None else ["".join(word)]
            word = None
        else:
            word = [] if word is None else word
            word.append(_meaning(match))
    return words + ([] if word is None else ["".join(word)]), ""


def _meaning(match: re.Match[str]) -> str:
    if match.lastgroup == "double":
        return _ESCAPE.sub(r"\1", match["double"])
    return str(match[match.lastgroup or 0])


def _fault(character: str) -> str:
    if character == "\\":
        return "a backslash at the end escapes nothing; remove it or double it"
    return f"a quotation ({character}) is opened and never closed"
