"""What a run leaves for us to read: `return_data.json`, or `.yaml`, in its directory (D-54).

Owns the reading of that file. It is data from outside: a regular file, no link, limited in size, and what cannot be
understood is said and not swallowed (B-24, B-52).
"""

from __future__ import annotations

import os
import stat

from dsari_like.spool.parse import LARGEST, Unreadable, parse_value
from dsari_like.system.identity import is_borrowed
from dsari_like.system.process import SHORTAGE

NAMES = ("return_data.json", "return_data.yaml")


def read(run_dir: str) -> tuple[object, str]:
    """The value, and what is wrong with it: (None, "") when the run left nothing. Raises OSError when the machine is
    short of what it takes to look."""
    for name in NAMES:
        try:
            return parse_value(_content(os.path.join(run_dir, name)), name.endswith(".yaml")), ""
        except FileNotFoundError:
            continue
        except (OSError, Unreadable) as error:
            if isinstance(error, OSError) and error.errno in SHORTAGE:
                raise
            return None, f"its {name} could not be taken: {error}"
    return None, ""


def message_of(value: object) -> str:
    """The message a run gave, if it returned a map that holds one."""
    message = value.get("message") if isinstance(value, dict) else None
    return message if isinstance(message, str) else ""


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or is_borrowed(descriptor, path):
            raise Unreadable("is no regular file of its own")
        return file.read(LARGEST + 1)
