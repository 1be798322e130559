"""Opening and writing below the data directory, component by component, without following a link.

Owns the flags and the names. Everything takes the descriptor of the directory it works in (`at`): a path that is looked
up anew for each call could be another file each time. Must not know what the files are for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from dsari_like.spool.parse import LARGEST

#: What a name may end in to be looked at; `.tmp`, `.part` and `~` are not among them, nor is a leading dot.
ENDINGS = (".json", ".yaml", ".yml")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Non-blocking: a FIFO would wait for a writer, and a lease held by somebody else for the better part of a minute.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

#: Causes that pass by themselves: whoever meets one keeps what it has and comes back later.
WEATHER = frozenset(
    {
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
    }
)
_NAME_MAX = 255
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def kind_of(mode: int) -> str:
    """What kind of thing has this mode, with its article."""
    return next((word for is_kind, word in _KINDS if is_kind(mode)), "a regular file")


def is_candidate(file_name: str) -> bool:
    """Is a file of this name looked at? (Interface, section 2.)"""
    return file_name.endswith(ENDINGS) and not file_name.startswith(".")


def is_yaml(file_name: str) -> bool:
    """Is it to be read as YAML rather than as JSON?"""
    return not file_name.endswith(".json")


def safe_name(file_name: str, room: int = _NAME_MAX) -> str:
    """A producer's file name as one of ours: bytes that are no printable text become %XX, and one that is too long
    loses its middle, so that its ending still tells what it is."""
    text = file_name
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() else _percent(c) for c in file_name)
    raw = text.encode()
    if len(raw) <= room:
        return text
    ending = os.path.splitext(text)[1][:8]
    return raw[: room - len(ending.encode()) - 1].decode(errors="ignore") + "~" + ending


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def visible(text: str) -> str:
    """Text for a log line or a reason: control characters are shown, not obeyed."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def open_directory(name: str, at: int | None = None, follow: bool = False) -> int:
    """A descriptor of the directory; raises OSError when it is anything else. `follow` is for the data directory, the
    only path that the operator gave us and that may be a link."""
    return os.open(name, _DIRECTORY & ~os.O_NOFOLLOW if follow else _DIRECTORY, dir_fd=at)


def pass_through(name: str, at: int | None = None, follow: bool = False) -> int:
    """A descriptor of a directory to go on from, for who may enter it and not look into it; it cannot be synced."""
    return os.open(name, (_DIRECTORY & ~os.O_NOFOLLOW if follow else _DIRECTORY) | os.O_PATH, dir_fd=at)


def ensure_directory(name: str, at: int, mode: int) -> None:
    """Make the directory unless something of this name is there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=at)


@contextlib.contextmanager
def directory(name: str, at: int | None = None, make: int | None = None, follow: bool = False) -> Iterator[int]:
    """A descriptor for the length of a block; `make` is the mode to make it with when it is missing."""
    if make is not None and at is not None:
        ensure_directory(name, at, make)
    descriptor = open_directory(name, at, follow)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_file(name: str, at: int) -> int:
    """A descriptor to read from, whatever is there: the caller asks the descriptor what it is."""
    return os.open(name, _FILE, dir_fd=at)


def read_at_most(descriptor: int, size: int) -> bytes:
    """All of the file, or one byte more than is ever taken. One read is enough unless the file is growing."""
    want = min(size, LARGEST) + 1
    raw = os.read(descriptor, want)
    while len(raw) >= want and len(raw) <= LARGEST:
        want = LARGEST + 1
        more = os.read(descriptor, want - len(raw))
        if not more:
            break
        raw += more
    return raw


def write_whole(name: str, content: bytes, at: int, mode: int = 0o640, sync: bool = False, partial: str = "") -> None:
    """A file that is there in whole or not at all: written under a name nobody looks at, then renamed. `partial` is
    that name, for a directory that others write to as well; in our own, one that a crash left behind is used again."""
    if not partial:
        partial = f".{safe_name(name, _NAME_MAX - 5)}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=at)
    try:
        _write(partial, content, at, mode, sync)
        os.rename(partial, name, src_dir_fd=at, dst_dir_fd=at)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial, dir_fd=at)
        raise


def _write(name: str, content: bytes, at: int, mode: int, sync: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, mode, dir_fd=at), "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())
