"""Bring the generated parts of man/ up to date: .venv/bin/python contrib/manual.py [--check]

A page is written by hand, but for what stands between `.\\" generated: NAME` and `.\\" end`: the keys, from the one
table of them; the commands and options, from the parsers; states and names, from the tables that are obeyed. The
result is committed, and a test says when it is out of date. --check writes nothing and ends in 1 when it is.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dsari_like.cli.parser import COMMANDS, build
from dsari_like.config import schema
from dsari_like.core import names
from dsari_like.core.lifecycle import TRANSITIONS
from dsari_like.report import statechart

MAN = Path(__file__).resolve().parents[1] / "man"

#: What every command takes; the page says so once.
COMMON = ("help", "config_dir", "version")

_BLOCK = re.compile(r'(^\.\\" generated: (\w+)\n).*?(^\.\\" end\n)', re.MULTILINE | re.DOTALL)
_ROFF = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"})


def roff(text: str) -> str:
    """Text that is printed as it stands, whatever is in it."""
    escaped = text.translate(_ROFF)
    return "\\&" + escaped if escaped.startswith(".") else escaped


def prose(text: str) -> str:
    """Text of sentences: hyphens between letters are hyphens, the rest (and our name) is as typed."""
    return re.sub(r"(?<=[a-z])\\-(?=[a-z])(?!like)", "-", roff(text))


def entry(head: str, *paragraphs: str) -> list[str]:
    """A tagged paragraph: the head, in roff, and what is said of it."""
    return [".TP", head, *(line for text in paragraphs for line in (prose(text), ".br"))][:-1]


def sentence(text: str) -> str:
    """A help text as a sentence; a word that begins with a name of ours keeps its small letter."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


# --- what is generated --------------------------------------------------------------------------------------------


def keys() -> Iterator[str]:
    """Every key of the configuration, section by section, as `schema.KEYS` has them."""
    section = None
    for path, name, words, default, help_text in schema.manual():
        if path != section:
            section = path
            yield f".SS {roff(path or 'Top level')}"
        yield from entry(rf"\fB{roff(name)}\fR", sentence(help_text), f"Takes {words}; default: {default}.")


def commands() -> Iterator[str]:
    """Every command with its arguments and options, as the parsers have them."""
    for name, parser in _parsers():
        yield f".SS {roff(name)}"
        yield _synopsis(name, parser)
        yield ".PP"
        yield prose(parser.description or "")
        for action in parser._actions:
            if action.dest not in COMMON:
                yield from entry(_head(action), sentence(action.help or ""))


def states() -> Iterator[str]:
    """What a run can become from each state."""
    for state in dict.fromkeys(state for state, _ in TRANSITIONS):
        ways = [f"{event.value}: {to.value}" for (came, event), to in TRANSITIONS.items() if came is state]
        yield from entry(rf"\fB{roff(state.value)}\fR", "; ".join(ways) + ".")


def state_picture() -> Iterator[str]:
    """The changes of state as a picture."""
    yield from (".nf", ".ft CW", *map(roff, statechart.text()), ".ft", ".fi")


def state_table() -> Iterator[str]:
    """The same as a table; its numbers are those of the picture."""
    moves = [(str(move.number), move.before, move.event, move.after) for move in statechart.moves()]
    rows = [("", "from", "on", "to"), *moves]
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = (f"{row[0]:>{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}" for row in rows)
    yield from (".nf", ".ft CW", *map(roff, lines), ".ft", ".fi")


def reserved() -> Iterator[str]:
    """The names that only the daemon says."""
    yield from _name_list(names.RESERVED, names.RESERVED_PREFIXES)


def swaying() -> Iterator[str]:
    """The names that decide which code runs."""
    yield from _name_list(names.SWAYING, names.SWAYING_PREFIXES)


BLOCKS: dict[str, Callable[[], Iterator[str]]] = {
    function.__name__: function for function in (keys, commands, states, state_picture, state_table, reserved, swaying)
}


def _name_list(single: Iterable[str], prefixes: Iterable[str]) -> Iterator[str]:
    listed = [*(f"{prefix}*" for prefix in sorted(prefixes)), *sorted(single)]
    yield ".PP"
    yield ".RS"
    yield from (f"{roff(name)}," for name in listed[:-1])
    yield f"{roff(listed[-1])}."
    yield ".RE"


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The commands by their full names: one that has commands of its own stands for those."""

    def below(prefix: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not nested:
            yield prefix, parser
        for action in nested:
            for name, child in action.choices.items():
                yield from below(f"{prefix} {name}".strip(), child)

    return below("", build(COMMANDS))


def _synopsis(name: str, parser: argparse.ArgumentParser) -> str:
    words = [rf"\fBdsari\-like {roff(name)}\fR"]
    for action in parser._actions:
        if action.dest not in COMMON:
            shown = _head(action, short=True)
            words.append(shown if action.required and action.nargs not in ("*", "?") else f"[{shown}]")
    return " ".join(words)


def _head(action: argparse.Action, *, short: bool = False) -> str:
    """An option with all its spellings (or only the first), or an argument by its name."""
    value = _value(action)
    if not action.option_strings:
        return value
    spellings = action.option_strings[:1] if short else action.option_strings
    return ", ".join(rf"\fB{roff(spelling)}\fR{' ' if value else ''}{value}" for spelling in spellings)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices is not None:
        return "|".join(rf"\fB{roff(str(choice))}\fR" for choice in action.choices)
    word = action.metavar or action.dest
    shown = rf"\fI{roff(word if isinstance(word, str) else ' '.join(word))}\fR"
    return shown if action.option_strings else shown.replace(str(word), str(word).upper())


# --- the pages ----------------------------------------------------------------------------------------------------


def renewed(page: str) -> str:
    """The page with every generated part made anew."""
    return _BLOCK.sub(lambda block: block[1] + "".join(f"{line}\n" for line in BLOCKS[block[2]]()) + block[3], page)


def main() -> int:
    """Write the pages that changed, and say which."""
    stale = []
    for path in sorted(MAN.glob("*.[1-8]")):
        page = path.read_text(encoding="utf-8")
        if renewed(page) != page:
            stale.append(path)
    for path in stale:
        print(f"{path.name}: {'out of date' if '--check' in sys.argv else 'brought up to date'}")
        if "--check" not in sys.argv:
            path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
