"""Who else may decide what is run: the owners and modes of the configuration and of the data directory.

Owns the rules and the sentences. A file counts as it lies there, after links; so does the directory it lies in, for
who may write to that can put another file in its place. Directories further up are the operator's: a sticky /tmp
above all of it is fine. Must not know what the files hold, or what is done with the sentences.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Collection, Iterator

from dsari_like.core.model import Configuration

#: The option that allows what is refused here.
ALLOW = "--allow-world-writable"

#: Below the data directory, where nobody but the daemon and its runs has any business.
_INNER = ("claimed", "corrupt", "html", "receipts", "runs")


def faults(configuration: Configuration, owners: Collection[int]) -> Iterator[str]:
    """What is to be said against the files of a configuration, and their directories. `owners` may own them, and
    root; any other owner decides what is run, too."""
    directories = {configuration.config_dir, *(os.path.dirname(path) for path in configuration.files)}
    for path in (*sorted(directories), *configuration.files, *configuration.environment_files):
        try:
            found = os.stat(path)
        except OSError:  # it was read a moment ago, or is a directory of which nothing was
            continue
        why = _against(path, found, owners)
        if why:
            yield f"{path}: {why}; or allow it with {ALLOW}"


def data_fault(data_dir: str) -> str:
    """What is to be said against a data directory; empty when nothing is. One that is sticky is no better: its names
    are for whoever comes first. Raises OSError."""
    for path in (data_dir, *(os.path.join(data_dir, name) for name in _INNER)):
        try:
            found = os.stat(path, follow_symlinks=path == data_dir)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH:
            return f"everybody may write to {path} ({_mode_of(found)}): chmod o-w {path}, or allow it with {ALLOW}"
    return ""


def _against(path: str, found: os.stat_result, owners: Collection[int]) -> str:
    if found.st_uid not in owners and found.st_uid != 0:
        return (
            f"belongs to {user(found.st_uid)} ({_mode_of(found)}), who could decide what is run; expected root or"
            f" {' or '.join(user(uid) for uid in sorted(owners))}: chown it"
        )
    is_shared = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_mode & stat.S_IWOTH and not is_shared and not _is_read_only(path):
        return f"everybody may write here ({_mode_of(found)}), and so decide what is run: chmod o-w {path}"
    return ""


def _is_read_only(path: str) -> bool:
    """A mount that nobody writes to, as containers get their configuration: the modes mean nothing there."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _mode_of(found: os.stat_result) -> str:
    return f"mode {stat.S_IMODE(found.st_mode):04o}, owner {user(found.st_uid)}"


def user(uid: int) -> str:
    """The name of a user, or what there is in its place."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
