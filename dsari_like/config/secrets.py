"""Files that hold one secret: whether they are fit for it, and what is in them.

Owns both questions. They are two because whoever checks a configuration need not be allowed to read its secrets. Must
not know what a secret is for, and never shows one.
"""

from __future__ import annotations

import os
import stat

from dsari_like.config.checks import Fault, Unfit

_LARGEST = 64 * 1024


def closed_file(path: str) -> None:
    """Raises Unfit unless a regular file is there that nobody but its owner and group may read or write. One that is
    out of our sight is left to whoever is to read it."""
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        return
    except OSError as error:
        raise Unfit(Fault((), f"the secret {path} cannot be used: {error.strerror}")) from None
    _judge(path, mode)


def read_secret(path: str) -> bytes:
    """The secret, less the end of its line; raises Unfit."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _judge(path, os.fstat(file.fileno()).st_mode)
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise Unfit(Fault((), f"the secret {path} cannot be read: {error.strerror}")) from None
    secret = content.removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise Unfit(Fault((), f"the secret {path} is empty, so that everybody would know it"))
    if len(content) > _LARGEST:
        raise Unfit(Fault((), f"the secret {path} is longer than {_LARGEST} bytes, which is no secret"))
    return secret


def _judge(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise Unfit(Fault((), f"expected a file that holds a secret, found {path}, which is no regular file"))
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Unfit(Fault((), f"everybody may read or change the secret {path}; use chmod o-rw"))
