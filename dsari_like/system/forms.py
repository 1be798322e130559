"""What each language of a callback becomes as a command: its words, its files, its path of modules.

Owns one function for each language that takes a process. Must not know when a call is made, or who it is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from dsari_like.core import notes
from dsari_like.core.addresses import references
from dsari_like.core.model import Configuration
from dsari_like.core.notices import addresses_of
from dsari_like.core.reactions import Call, Language

#: Where the package is, for children that import it: their environment holds nothing of the daemon's.
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: Languages whose code is ours, and not the owner's.
OURS = frozenset({Language.MAIL, Language.WEBHOOK, Language.NOTIFY})


@dataclass(frozen=True, slots=True)
class Form:
    """A command, and what it finds."""

    argv: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    imports_us: bool = False

    def variables(self, given: Mapping[str, str]) -> dict[str, str]:
        """What it takes beyond the variables that are given; modules of the owner's go before ours."""
        path = [given["PYTHONPATH"]] if given.get("PYTHONPATH") else []
        return {"PYTHONPATH": ":".join([*path, _PACKAGE])} if self.imports_us else {}


def _shell(call: Call, directory: str, configuration: Configuration) -> Form:
    return Form(("/bin/sh", "-e", os.path.join(directory, "code.sh")), (("code.sh", call.code + "\n"),))


def _python(call: Call, directory: str, configuration: Configuration) -> Form:
    return Form((sys.executable, os.path.join(directory, "code.py")), (("code.py", call.code + "\n"),), True)


def _command(call: Call, directory: str, configuration: Configuration) -> Form:
    return Form(call.argv)


def _message(call: Call, directory: str, configuration: Configuration) -> Form:
    """A message to the addresses that the code is, delivered by a child of ours."""
    to = call.code
    if call.language is Language.NOTIFY and " #" in to:  # what may be recorded of it is not all of it
        known = references(addresses_of(configuration))
        if to not in known:
            raise ValueError(f"the address {to.partition(' ')[0]} is not configured any more")
        to = known[to]
    letter = {
        "id": call.callback_id,
        "to": to,
        "subject": notes.subject(call.event, configuration.title),
        "text": notes.text(call.event, configuration.base_url),
        "event": dict(call.event),
        "mail": asdict(configuration.mail),
    }
    files = (("letter.json", json.dumps(letter, ensure_ascii=False)),)
    return Form((sys.executable, "-m", "dsari_like.deliver", os.path.join(directory, "letter.json")), files, True)


#: How a process comes of a language; `qube` takes none.
FORMS: Mapping[Language, Callable[[Call, str, Configuration], Form]] = {
    Language.SHELL: _shell,
    Language.PYTHON: _python,
    Language.COMMAND: _command,
    Language.MAIL: _message,
    Language.WEBHOOK: _message,
    Language.NOTIFY: _message,
}
