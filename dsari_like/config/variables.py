"""Files of KEY=VALUE lines, as systemd's EnvironmentFile reads them.

Owns that format. Empty lines and lines that begin with `#` or `;` count for nothing. A value may stand in single
quotes, where everything is literal, or in double quotes, where a backslash makes the next `"`, `\\`, `$` or backtick
literal and joins a line that it ends with the next; both may go on over several lines. Without quotes a value ends with
its line, less the blanks around it. Nothing is expanded. Faults never show a value: these files hold secrets.
"""

from __future__ import annotations

import re

from dsari_like.core.names import is_variable

_ENTRY = re.compile(
    r"""[ \t]*(?:
        (?P<none>(?:[#;][^\n]*)?)
      | (?P<name>[^=\n]*?)[ \t]*=[ \t]*(?:
            "(?P<double>(?:[^"\\]++|\\.)*+)"[ \t]*
          | '(?P<single>[^']*+)'[ \t]*
          | (?P<open>["'])[^\n]*
          | (?P<plain>[^\n]*)
        )
      | (?P<wrong>[^\n]+)
    )(?:\r?\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\(?:([$"`\\])|\n)')


def read_variables(text: str) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """The variables, and what is wrong on which line."""
    variables: dict[str, str] = {}
    faults: list[tuple[int, str]] = []
    position, line = 0, 1
    while position < len(text):
        entry = _ENTRY.match(text, position)
        assert entry is not None
        fault = _fault(entry)
        if fault:
            faults.append((line, fault))
        elif entry["name"] is not None:
            variables[entry["name"]] = _value(entry)
        line += text.count("\n", position, entry.end())
        position = entry.end()
    return variables, faults


def _fault(entry: re.Match[str]) -> str:
    name = entry["name"]
    if entry["wrong"] is not None:
        return "expected KEY=VALUE, found a line without '='"
    if name is None:
        return ""
    if name.startswith("export "):
        return "expected KEY=VALUE, found 'export'; this is not a shell script: remove the word"
    if not is_variable(name):
        return "expected a variable name before '=', without blanks"
    if entry["open"] is not None:
        return f"the value of {name} opens a quotation that is never closed, or has text after it"
    return f"the value of {name} has a NUL character" if "\0" in entry[0] else ""


def _value(entry: re.Match[str]) -> str:
    if entry["double"] is not None:
        return _ESCAPE.sub(lambda match: match[1] or "", entry["double"])
    return entry["single"] if entry["single"] is not None else str(entry["plain"]).rstrip()
