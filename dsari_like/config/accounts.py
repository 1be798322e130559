"""The checks of what a run may be: another user or group, a umask, a priority; and whether there are such users, and
such a command.

Owns these. Must not know whether this process may become anybody else: that is asked of a daemon alone, not of
everybody who reads its configuration.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from dsari_like.config.checks import Check, Fault, Unfit, found, shown, take_filled, unfit

_OCTAL = re.compile("(?:0o)?([0-7]{1,4})")

#: Decimal digits that are a mask when they are taken for octal ones, as people write them who forget the quotes.
_FORGOTTEN = re.compile("[0267]{2,3}")


def _take_umask(value: Any) -> int:
    """Octal text, or a number by its value: YAML reads 0027 as 23, which is the mask meant, but 27 as 27."""
    if value.__class__ is int and 0 <= value <= 0o777:
        if _FORGOTTEN.fullmatch(str(value)):
            text = f'a number is taken by its value, and {value} is {value:04o} in octal; write "{value:>04}" in quotes'
            raise Unfit(Fault((), f"{text} if that is meant"))
        return int(value)
    match = _OCTAL.fullmatch(value) if value.__class__ is str else None
    if match is None or int(match[1], 8) > 0o777:
        raise unfit(UMASK.words, value)
    return int(match[1], 8)


UMASK = Check(
    'an octal number in quotes, such as "0027"',
    {"anyOf": [{"type": "string", "pattern": "^(0o)?[0-7]{1,4}$"}, {"type": "integer", "minimum": 0, "maximum": 511}]},
    _take_umask,
)


def _take_account(value: Any) -> str:
    if value.__class__ is int and value >= 0:
        return str(value)
    return take_filled(value, ACCOUNT.words)


ACCOUNT = Check("a name or a number", {"type": ["string", "integer"], "minLength": 1, "minimum": 0}, _take_account)


def _take_nice(value: Any) -> int:
    if value.__class__ is not int or not -20 <= value <= 19:
        raise Unfit(Fault((), f"expected {NICE.words}, found {found(value)}"))
    return int(value)


NICE = Check("a whole number from -20 to 19", {"type": "integer", "minimum": -20, "maximum": 19}, _take_nice)


def known_user(name: str) -> None:
    """Raises Unfit when this machine has no such user."""
    _known("user", name, pwd.getpwuid, pwd.getpwnam)


def known_group(name: str) -> None:
    """Raises Unfit when this machine has no such group."""
    _known("group", name, grp.getgrgid, grp.getgrnam)


def _known(what: str, name: str, by_number: Callable[[int], object], by_name: Callable[[str], object]) -> None:
    try:
        if name.isdigit():
            by_number(int(name))
        else:
            by_name(name)
    except (KeyError, OverflowError, ValueError):
        raise Unfit(Fault((), f"there is no {what} {shown(name)} on this machine")) from None


def is_executable(command: str, fields: Mapping[str, Any]) -> bool:
    """Whether a job with these keys would find this command. One by a relative path is believed: where it will be
    started is not known before."""
    if "/" in command:
        return not command.startswith("/") or (os.access(command, os.X_OK) and os.path.isfile(command))
    return shutil.which(command, path=fields.get("environment", {}).get("PATH")) is not None
