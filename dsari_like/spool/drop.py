"""The producer's side: how our own commands drop a trigger or a request.

Owns making the file visible last (a hidden name, synced, then renamed) and durable before success is told: a power cut
after `dsari-like trigger` has returned 0 loses nothing (P3). Must not know whether a daemon runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from dsari_like.core.names import is_job_name
from dsari_like.errors import UserError
from dsari_like.spool.claims import DIRECTORIES
from dsari_like.spool.files import (
    directory,
    ensure_directory,
    is_candidate,
    open_directory,
    pass_through,
    write_whole,
)
from dsari_like.spool.parse import LARGEST


def drop_trigger(data_dir: str, name: str, mapping: Mapping[str, Any], file_name: str | None = None) -> str:
    """Drop a trigger for the job and return its path; raises UserError when it could not be made durable."""
    if not is_job_name(name):
        raise UserError(f"cannot drop a trigger for {name!r}: that is no legal name of a job; nothing was dropped")
    return _drop(data_dir, ("trigger", name), mapping, file_name, f"a trigger for '{name}'")


def drop_control(data_dir: str, mapping: Mapping[str, Any], file_name: str | None = None) -> str:
    """Drop a request and return its path; raises UserError when it could not be made durable."""
    return _drop(data_dir, ("control",), mapping, file_name, "a request")


def _drop(data_dir: str, below: tuple[str, ...], mapping: Mapping[str, Any], name: str | None, what: str) -> str:
    content = _content(mapping, what)
    # A name of its own for each: two files under one name before the daemon looks are one trigger.
    unique = os.urandom(8).hex()
    name = name or f"{unique}.json"
    if not is_candidate(name) or "/" in name or "\0" in name:
        raise UserError(f"cannot drop {what} as {name!r}: no file of that name is looked at; nothing was dropped")
    path = os.path.join(data_dir, *below, name)
    try:
        _write(data_dir, below, name, content, f".{unique}.tmp")
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise UserError(f"cannot drop {what} as {path}: {why}; nothing will run because of it") from None
    return path


def _content(mapping: Mapping[str, Any], what: str) -> bytes:
    try:
        content = json.dumps(dict(mapping), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"cannot drop {what}: it cannot be written as JSON: {error}; nothing was dropped") from None
    if len(content) > LARGEST:
        raise UserError(
            f"cannot drop {what}: it is larger than the {LARGEST} bytes that are taken; nothing was dropped"
        )
    return content


def _write(data_dir: str, below: tuple[str, ...], name: str, content: bytes, partial: str) -> None:
    """Every directory on the way is synced too: one that was made just now is no safer than the file in it. The file
    is open to all who may enter the directory, since a daemon of another user has to read it."""
    with ExitStack() as stack:
        at, synced = _above(stack, data_dir, None)
        made = [at] if synced else []
        for step in below[:-1]:
            ensure_directory(step, at, DIRECTORIES[below[0]])
            at, synced = _above(stack, step, at)
            made += [at] if synced else []
        place = stack.enter_context(directory(below[-1], at, DIRECTORIES[below[0]]))
        write_whole(name, content, place, mode=0o644, sync=True, partial=partial)
        for descriptor in (place, *reversed(made)):
            os.fsync(descriptor)


def _above(stack: ExitStack, name: str, at: int | None) -> tuple[int, bool]:
    """A directory above the drop place, and whether it can be synced: who may only pass through it, as a producer with
    one drop place may, cannot have made anything there that a power cut could take."""
    try:
        descriptor, whole = open_directory(name, at, follow=at is None), True
    except PermissionError:
        descriptor, whole = pass_through(name, at, follow=at is None), False
    stack.callback(os.close, descriptor)
    return descriptor, whole
